/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "check.h"
#include "match.h"

static char why[1024];

static bool
parse(struct proposals *p, enum proposal_protocol protocol, const char *text)
{
	why[0] = 0;
	return proposals_parse(p, protocol, span_str(text), why, sizeof why);
}

/* Parses one proposal and compares how it prints. */
static void
assert_reads(enum proposal_protocol protocol, const char *text, const char *printed)
{
	struct proposals p = { 0 };
	char out[512];

	if (!parse(&p, protocol, text))
		fail_msg("%s: %s", text, why);
	assert_int_equal(p.n, 1);
	assert_string_equal(proposal_format(out, sizeof out, &p.p[0]), printed);
	proposals_free(&p);
	assert_null(p.p);
}

static void
ike_proposals_in_strongswan_s_form(void **state)
{
	(void)state;
	assert_reads(PROPOSAL_IKE, "aes256-sha256-modp2048", "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048");
	assert_reads(PROPOSAL_IKE, "aes128-sha1-modp1024", "AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024");
	assert_reads(PROPOSAL_IKE, "3des-md5-modp1536", "3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1536");
	assert_reads(PROPOSAL_IKE, "aes192-sha384-x25519", "AES_CBC_192/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/CURVE_25519");
	assert_reads(PROPOSAL_IKE, "aes256-aes128-sha512-sha256-ecp521-ecp256",
	             "AES_CBC_256/AES_CBC_128/HMAC_SHA2_512_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_512/PRF_HMAC_SHA2_256/ECP_521/"
	             "ECP_256");
}

/* strongSwan: without a PRF keyword the integrity keywords name it; with one they do not. */
static void
a_named_prf_replaces_the_derived_one(void **state)
{
	(void)state;
	assert_reads(PROPOSAL_IKE, "aes128-sha256-prfsha512-ecp256", "AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_512/ECP_256");
}

static void
order_of_words_of_different_kinds_does_not_matter(void **state)
{
	(void)state;
	assert_reads(PROPOSAL_IKE, "modp2048-sha256-aes256", "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048");
	assert_reads(PROPOSAL_IKE, "aes256-aes256-sha256-sha256-modp2048",
	             "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048");
}

static void
esp_proposals(void **state)
{
	(void)state;
	assert_reads(PROPOSAL_ESP, "aes128gcm16", "AES_GCM_16_128/NO_EXT_SEQ");
	assert_reads(PROPOSAL_ESP, "aes256gcm-ecp256", "AES_GCM_16_256/ECP_256/NO_EXT_SEQ");
	assert_reads(PROPOSAL_ESP, "aes256-sha256", "AES_CBC_256/HMAC_SHA2_256_128/NO_EXT_SEQ");
	assert_reads(PROPOSAL_ESP, "null-sha256", "NULL/HMAC_SHA2_256_128/NO_EXT_SEQ");
	assert_reads(PROPOSAL_ESP, "aes128-sha1-esn", "AES_CBC_128/HMAC_SHA1_96/EXT_SEQ");
	assert_reads(PROPOSAL_ESP, "aes128-sha1-esn-noesn", "AES_CBC_128/HMAC_SHA1_96/EXT_SEQ/NO_EXT_SEQ");
	/* as strongSwan: a combined cipher needs no integrity algorithm, and ESP no PRF */
	assert_reads(PROPOSAL_ESP, "aes128gcm16-sha256", "AES_GCM_16_128/NO_EXT_SEQ");
	assert_reads(PROPOSAL_ESP, "aes128-sha256-prfsha256", "AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ");
	assert_reads(PROPOSAL_AH, "sha256-modp2048", "HMAC_SHA2_256_128/MODP_2048/NO_EXT_SEQ");
}

static void
lists_append(void **state)
{
	struct proposals p = { 0 };

	(void)state;
	assert_true(parse(&p, PROPOSAL_ESP, "aes128gcm16, aes256-sha256 ,\tnull-sha1"));
	assert_int_equal(p.n, 3);
	assert_true(parse(&p, PROPOSAL_ESP, "aes256gcm16"));
	assert_int_equal(p.n, 4);
	assert_int_equal(p.p[3].kind[TRANSFORM_ENCR].t[0].key_bits, 256);
	proposals_free(&p);
}

static void
assert_refused(enum proposal_protocol protocol, const char *text, const char *because)
{
	struct proposals p = { 0 };

	assert_true(parse(&p, PROPOSAL_ESP, "aes128gcm16"));
	assert_false(parse(&p, protocol, text));
	if (!strstr(why, because))
		fail_msg("\"%s\" says \"%s\", not \"%s\"", text, why, because);
	assert_int_equal(p.n, 1); /* what was there before stays, and nothing else */
	proposals_free(&p);
}

static void
what_is_wrong_is_named(void **state)
{
	(void)state;
	assert_refused(PROPOSAL_IKE, "aes257-sha256-modp2048", "\"aes257\" is no algorithm that is allowed here");
	assert_refused(PROPOSAL_IKE, "aes256-sha256-modp2048,foo", "\"foo\" is no algorithm");
	assert_refused(PROPOSAL_IKE, "aes256-sha256", "names no Diffie-Hellman group");
	assert_refused(PROPOSAL_IKE, "sha256-modp2048", "names no encryption algorithm");
	assert_refused(PROPOSAL_IKE, "aes256-modp2048", "names no integrity algorithm");
	assert_refused(PROPOSAL_IKE, "aes256-sha256-modp2048-esn", "\"esn\" is no algorithm");
	assert_refused(PROPOSAL_IKE, "aes256-sha256-modpnone", "\"modpnone\" is no algorithm");
	assert_refused(PROPOSAL_IKE, "null-sha256-modp2048", "\"null\" is no algorithm");
	assert_refused(PROPOSAL_ESP, "aes256", "names no integrity algorithm");
	assert_refused(PROPOSAL_ESP, "aes256gcm16-aes256-sha256", "write two proposals");
	assert_refused(PROPOSAL_ESP, "sha256", "names no encryption algorithm");
	assert_refused(PROPOSAL_AH, "aes256", "\"aes256\" encrypts, and AH does not");
	assert_refused(PROPOSAL_AH, "prfaes", "\"prfaes\" is no algorithm");
	assert_refused(PROPOSAL_AH, "esn", "names no integrity algorithm");
	assert_refused(PROPOSAL_ESP, "", "is an empty proposal");
	assert_refused(PROPOSAL_ESP, "aes256-sha256,,aes128-sha256", "is an empty proposal");
	assert_refused(PROPOSAL_ESP, "aes256--sha256", "\"\" is no algorithm");
	assert_refused(PROPOSAL_ESP, "AES256-sha256", "\"AES256\" is no algorithm");
}

/* RFC 2409 Appendix A numbers ciphers in CBC mode only; who writes another one is told so, and what to write. */
static void
ciphers_without_a_number_in_phase_1(void **state)
{
	static const char *const words[] = { "aes256gcm16", "aes128gcm", "aes128ccm16", "aes256ctr", "chacha20poly1305" };

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		char text[64];

		snprintf(text, sizeof text, "%s-prfsha256-modp2048", words[i]);
		assert_refused(PROPOSAL_IKE, text, "is not for Phase 1: IKEv1 has no number for it there (RFC 2409 Appendix A");
		assert_refused(PROPOSAL_IKE, text, "Write aes256-sha256-modp2048");
		assert_non_null(strstr(why, words[i]));
	}
}

/* The sentence lists what is allowed: every keyword that the protocol takes, the weak ones behind the others. */
static void
the_sentence_says_what_is_allowed(void **state)
{
	struct proposals p = { 0 };
	const char *strong, *weak;

	(void)state;
	assert_false(parse(&p, PROPOSAL_IKE, "rot13-sha256-modp2048"));
	strong = strstr(why, " aes256");
	weak = strstr(why, " 3des");
	assert_true(strong && weak && strong < weak);
	assert_non_null(strstr(why, " curve25519"));
	assert_null(strstr(why, "esn"));
	assert_false(parse(&p, PROPOSAL_ESP, "rot13"));
	assert_non_null(strstr(why, " aes256gcm16"));
	assert_non_null(strstr(why, " esn"));
	assert_null(strstr(why, "prfsha256"));
}

static void
a_short_room_for_the_sentence_is_enough(void **state)
{
	struct proposals p = { 0 };
	char room[8];

	(void)state;
	memset(room, 'x', sizeof room);
	assert_false(proposals_parse(&p, PROPOSAL_IKE, span_str("foo"), room, sizeof room));
	assert_int_equal(strnlen(room, sizeof room), sizeof room - 1);
}

/* RFC 8247 and 8221: nothing that they call legacy, and nothing weak, is in a default. */
static void
defaults_hold_nothing_weak(void **state)
{
	static const enum proposal_protocol protocols[] = { PROPOSAL_IKE, PROPOSAL_ESP, PROPOSAL_AH };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct proposals p = { 0 };

		assert_true(proposals_default(&p, protocols[i]));
		assert_true(p.n >= 1);
		for (size_t j = 0; j < p.n; j++)
			for (enum transform_kind k = TRANSFORM_ENCR; k < TRANSFORM_KINDS; k++)
				for (size_t l = 0; l < p.p[j].kind[k].n; l++) {
					const struct transform *t = &p.p[j].kind[k].t[l];
					const struct algorithm *a = algorithm_by_id(k, t->id, t->key_bits);

					assert_non_null(a);
					assert_false(a->weak);
				}
		proposals_free(&p);
	}
}

/* The word "default" stands for the same, alone or in a list. */
static void
default_is_a_word(void **state)
{
	struct proposals word = { 0 }, call = { 0 };

	(void)state;
	assert_true(parse(&word, PROPOSAL_ESP, "null-sha1, default"));
	assert_true(proposals_default(&call, PROPOSAL_ESP));
	assert_int_equal(word.n, call.n + 1);
	assert_memory_equal(word.p + 1, call.p, call.n * sizeof *call.p);
	proposals_free(&word);
	proposals_free(&call);
}

static void
copies_are_deep(void **state)
{
	struct proposals p = { 0 }, copy;

	(void)state;
	assert_true(proposals_copy(&copy, &p));
	assert_null(copy.p);
	assert_true(parse(&p, PROPOSAL_ESP, "default"));
	assert_true(proposals_copy(&copy, &p));
	assert_true(copy.p != p.p && copy.n == p.n);
	assert_memory_equal(copy.p, p.p, p.n * sizeof *p.p);
	proposals_free(&p);
	proposals_free(&copy);
}

static void
limits_hold(void **state)
{
	struct proposals p = { 0 };
	char many[65 * 16 + 1] = "";

	(void)state;
	for (int i = 0; i < 65; i++)
		strcat(many, i ? ",aes128gcm16" : "aes128gcm16");
	assert_false(parse(&p, PROPOSAL_ESP, many));
	assert_non_null(strstr(why, "one proposal too many"));
	assert_int_equal(p.n, 0);
	proposals_free(&p);
}

static void
printing_is_cut_at_whole_names(void **state)
{
	struct proposals p = { 0 };
	char out[24];

	(void)state;
	assert_true(parse(&p, PROPOSAL_IKE, "aes256-sha256-modp2048"));
	assert_true(strlen(proposal_format(out, sizeof out, &p.p[0])) < sizeof out);
	assert_int_equal(strncmp(out, "AES_CBC_256", 11), 0);
	proposals_free(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_proposals_in_strongswan_s_form),
		cmocka_unit_test(a_named_prf_replaces_the_derived_one),
		cmocka_unit_test(order_of_words_of_different_kinds_does_not_matter),
		cmocka_unit_test(esp_proposals),
		cmocka_unit_test(lists_append),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(ciphers_without_a_number_in_phase_1),
		cmocka_unit_test(the_sentence_says_what_is_allowed),
		cmocka_unit_test(a_short_room_for_the_sentence_is_enough),
		cmocka_unit_test(defaults_hold_nothing_weak),
		cmocka_unit_test(default_is_a_word),
		cmocka_unit_test(copies_are_deep),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(printing_is_cut_at_whole_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
