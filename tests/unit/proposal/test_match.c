/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "explain.h"

/* Negotiation without any wire format: suites against configured proposals. */

static const struct match_terms ike_psk = { .protocol = PROPOSAL_IKE, .auth = AUTH_OFFER_PSK };
static const struct match_terms esp_tunnel = { .protocol = PROPOSAL_ESP, .encapsulation = ENCAPSULATION_TUNNEL };

static struct suite
ike_suite(uint16_t encr, uint16_t key_bits, uint16_t prf, uint16_t dh)
{
	return (struct suite) { .encr = { encr, key_bits }, .prf_id = prf, .dh_id = dh, .auth = AUTH_OFFER_PSK };
}

static struct suite
esp_suite(uint16_t encr, uint16_t key_bits, uint16_t integ, uint16_t dh)
{
	return (struct suite) {
		.encr = { encr, key_bits }, .integ_id = integ, .dh_id = dh, .encapsulation = ENCAPSULATION_TUNNEL
	};
}

static struct proposals
ours(enum proposal_protocol protocol, const char *text)
{
	struct proposals p = { 0 };
	char why[512] = "";

	if (!proposals_parse(&p, protocol, span_str(text), why, sizeof why))
		fail_msg("%s", why);
	return p;
}

/* The mismatch of one suite with one configured proposal. */
static enum mismatch
mismatch(const struct suite *s, const char *text, const struct match_terms *terms)
{
	struct proposals p = ours(terms->protocol, text);
	enum mismatch m = suite_mismatch(s, &p.p[0], terms);

	proposals_free(&p);
	return m;
}

static void
each_difference_in_phase_1_is_found(void **state)
{
	const char *text = "aes256-sha256-modp2048";
	struct suite s = ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_MODP_2048);
	struct suite other;

	(void)state;
	assert_int_equal(mismatch(&s, text, &ike_psk), MISMATCH_NONE);
	other = s;
	other.encr.id = ENCR_3DES;
	assert_int_equal(mismatch(&other, text, &ike_psk), MISMATCH_ENCR);
	other = s;
	other.encr.key_bits = 128;
	assert_int_equal(mismatch(&other, text, &ike_psk), MISMATCH_KEY_LENGTH);
	other = s;
	other.prf_id = PRF_HMAC_SHA1;
	assert_int_equal(mismatch(&other, text, &ike_psk), MISMATCH_PRF);
	other = s;
	other.dh_id = DH_MODP_1024;
	assert_int_equal(mismatch(&other, text, &ike_psk), MISMATCH_DH);
	other = s;
	other.auth = AUTH_OFFER_RSA_SIG;
	assert_int_equal(mismatch(&other, text, &ike_psk), MISMATCH_AUTH);
	other = s;
	other.unknown = true;
	assert_int_equal(mismatch(&other, text, &ike_psk), MISMATCH_UNKNOWN);
}

static void
each_difference_in_phase_2_is_found(void **state)
{
	struct suite s = esp_suite(ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_256_128, DH_NONE), other;

	(void)state;
	assert_int_equal(mismatch(&s, "aes128-sha256", &esp_tunnel), MISMATCH_NONE);
	other = s;
	other.integ_id = INTEG_HMAC_SHA1_96;
	assert_int_equal(mismatch(&other, "aes128-sha256", &esp_tunnel), MISMATCH_INTEG);
	other.integ_id = INTEG_NONE;
	assert_int_equal(mismatch(&other, "aes128-sha256", &esp_tunnel), MISMATCH_INTEG);
	other = s;
	other.esn = true;
	assert_int_equal(mismatch(&other, "aes128-sha256", &esp_tunnel), MISMATCH_ESN);
	assert_int_equal(mismatch(&other, "aes128-sha256-esn", &esp_tunnel), MISMATCH_NONE);
	assert_int_equal(mismatch(&s, "aes128-sha256-esn", &esp_tunnel), MISMATCH_ESN);
	assert_int_equal(mismatch(&s, "aes128-sha256-esn-noesn", &esp_tunnel), MISMATCH_NONE);
	other = s;
	other.encapsulation = ENCAPSULATION_TRANSPORT;
	assert_int_equal(mismatch(&other, "aes128-sha256", &esp_tunnel), MISMATCH_ENCAPSULATION);
}

/* PFS on one side only has a name of its own; two different groups are a difference in the group. */
static void
pfs_is_told_from_another_group(void **state)
{
	struct suite with = esp_suite(ENCR_AES_GCM_16, 128, INTEG_NONE, DH_ECP_256);
	struct suite without = esp_suite(ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE);

	(void)state;
	assert_int_equal(mismatch(&with, "aes128gcm16", &esp_tunnel), MISMATCH_PFS);
	assert_int_equal(mismatch(&without, "aes128gcm16-ecp256", &esp_tunnel), MISMATCH_PFS);
	assert_int_equal(mismatch(&with, "aes128gcm16-ecp384", &esp_tunnel), MISMATCH_DH);
	assert_int_equal(mismatch(&with, "aes128gcm16-modpnone-ecp256", &esp_tunnel), MISMATCH_NONE);
	assert_int_equal(mismatch(&without, "aes128gcm16-modpnone-ecp256", &esp_tunnel), MISMATCH_NONE);
	assert_int_equal(mismatch(&without, "aes128gcm16", &esp_tunnel), MISMATCH_NONE);
}

/* RFC 2407 section 4.5: without the attribute the mode is "host-dependent"; the drafts' numbers are the RFC's. */
static void
encapsulation_modes_compare_by_meaning(void **state)
{
	struct match_terms udp = { .protocol = PROPOSAL_ESP, .encapsulation = ENCAPSULATION_UDP_TUNNEL };
	struct suite s = esp_suite(ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE);

	(void)state;
	s.encapsulation = ENCAPSULATION_NONE;
	assert_int_equal(mismatch(&s, "aes128gcm16", &esp_tunnel), MISMATCH_NONE);
	s.encapsulation = ENCAPSULATION_UDP_TUNNEL_DRAFT;
	assert_int_equal(mismatch(&s, "aes128gcm16", &udp), MISMATCH_NONE);
	s.encapsulation = ENCAPSULATION_UDP_TRANSPORT_DRAFT;
	assert_int_equal(mismatch(&s, "aes128gcm16", &udp), MISMATCH_ENCAPSULATION);
	s.encapsulation = ENCAPSULATION_TUNNEL;
	assert_int_equal(mismatch(&s, "aes128gcm16", &udp), MISMATCH_ENCAPSULATION);
}

/* The configured order wins over the offered one. */
static void
our_preference_decides(void **state)
{
	struct suite s[] = { ike_suite(ENCR_AES_CBC, 128, PRF_HMAC_SHA2_256, DH_MODP_2048),
		             ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_ECP_256) };
	struct suites offered = { s, 2 };
	struct proposals p = ours(PROPOSAL_IKE, "aes256-sha256-ecp256,aes128-sha256-modp2048");
	struct match m;

	(void)state;
	match_suites(&m, &offered, &p, &ike_psk);
	assert_true(m.chosen);
	assert_int_equal(m.offered, 1);
	assert_int_equal(m.configured, 0);
	assert_int_equal(m.n_refusals, 1);
	assert_int_equal(m.refusal[0].first, MISMATCH_KEY_LENGTH);
	proposals_free(&p);
}

static void
within_one_proposal_the_peer_s_order_decides(void **state)
{
	struct suite s[] = { ike_suite(ENCR_3DES, 0, PRF_HMAC_SHA1, DH_MODP_1024),
		             ike_suite(ENCR_AES_CBC, 128, PRF_HMAC_SHA2_256, DH_MODP_2048),
		             ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_MODP_2048) };
	struct suites offered = { s, 3 };
	struct proposals p = ours(PROPOSAL_IKE, "aes256-aes128-sha256-modp2048");
	struct match m;

	(void)state;
	match_suites(&m, &offered, &p, &ike_psk);
	assert_true(m.chosen);
	assert_int_equal(m.offered, 1);
	proposals_free(&p);
}

/* Every pair leaves its reason: (offered, configured). */
static void
every_pair_is_recorded(void **state)
{
	struct suite s[] = { ike_suite(ENCR_3DES, 0, PRF_HMAC_SHA1, DH_MODP_1024),
		             ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA1, DH_MODP_2048) };
	struct suites offered = { s, 2 };
	struct proposals p = ours(PROPOSAL_IKE, "aes256-sha256-modp2048,aes128-sha1-modp2048");
	static const struct refusal expected[] = {
		{ 0, 0, MISMATCH_ENCR },
		{ 1, 0, MISMATCH_PRF },
		{ 0, 1, MISMATCH_ENCR },
		{ 1, 1, MISMATCH_KEY_LENGTH },
	};
	struct match m;

	(void)state;
	match_suites(&m, &offered, &p, &ike_psk);
	assert_false(m.chosen);
	assert_int_equal(m.n_refusals, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(m.refusal[i].offered, expected[i].offered);
		assert_int_equal(m.refusal[i].configured, expected[i].configured);
		assert_int_equal(m.refusal[i].first, expected[i].first);
	}
	proposals_free(&p);
}

static void
refusals_are_bounded(void **state)
{
	static struct suite s[SUITES_MAX];
	struct suites offered = { s, SUITES_MAX };
	struct proposals p = ours(PROPOSAL_IKE, "default");
	struct match m;

	(void)state;
	for (size_t i = 0; i < SUITES_MAX; i++)
		s[i] = ike_suite(ENCR_3DES, 0, PRF_HMAC_MD5, DH_MODP_768);
	match_suites(&m, &offered, &p, &ike_psk);
	assert_false(m.chosen);
	assert_int_equal(m.n_refusals, MATCH_REFUSALS_MAX);
	proposals_free(&p);
}

/* 3DES, MD5, SHA-1 and MODP below 2048 by explicit name only: the defaults neither offer nor accept them. */
static void
defaults_accept_nothing_weak(void **state)
{
	static const uint16_t weak_groups[] = { DH_MODP_768, DH_MODP_1024, DH_MODP_1536 };
	struct suite s = ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_MODP_2048), other;

	(void)state;
	assert_int_equal(mismatch(&s, "default", &ike_psk), MISMATCH_NONE);
	for (size_t i = 0; i < 3; i++) {
		other = s;
		other.dh_id = weak_groups[i];
		assert_int_equal(mismatch(&other, "default", &ike_psk), MISMATCH_DH);
	}
	other = s;
	other.prf_id = PRF_HMAC_SHA1;
	assert_int_equal(mismatch(&other, "default", &ike_psk), MISMATCH_PRF);
	other.prf_id = PRF_HMAC_MD5;
	assert_int_equal(mismatch(&other, "default", &ike_psk), MISMATCH_PRF);
	other = s;
	other.encr = (struct transform) { ENCR_3DES, 0 };
	assert_int_equal(mismatch(&other, "default", &ike_psk), MISMATCH_ENCR);
}

static void
sameness_leaves_lifetimes_and_numbers_aside(void **state)
{
	struct suite a = esp_suite(ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_256_128, DH_NONE), b = a;

	(void)state;
	b.life_seconds = 77;
	b.spi = 0x12345678;
	b.transform_number = 9;
	assert_true(suite_same(&a, &b));
	b.esn = true;
	assert_false(suite_same(&a, &b));
}

/* --- explain.c: the sentences. */

static const char *
explained(struct arena *a, struct suite *s, size_t n, const char *text, const struct match_terms *terms)
{
	struct suites offered = { s, n };
	struct proposals p = ours(terms->protocol, text);
	struct match m;
	const char *out;

	match_suites(&m, &offered, &p, terms);
	out = explain_match(a, &m, &offered, &p, terms);
	proposals_free(&p);
	return out;
}

static void
the_group_differs(void **state)
{
	autoarena a = { 0 };
	struct suite s[] = { ike_suite(ENCR_3DES, 0, PRF_HMAC_SHA1, DH_MODP_1024),
		             ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_MODP_1024) };

	(void)state;
	assert_string_equal(
	        explained(&a, s, 2, "aes256-sha256-modp2048-ecp256", &ike_psk),
	        "the peer offers AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_1024 (1 more); we allow "
	        "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048/ECP_256: they differ first in the "
	        "Diffie-Hellman group (offered MODP_1024, allowed MODP_2048, ECP_256): set connections.<c>.proposals to "
	        "include modp1024 (weak), or change the peer");
}

static void
the_hash_differs(void **state)
{
	autoarena a = { 0 };
	struct suite s = ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA1, DH_MODP_2048);

	(void)state;
	assert_non_null(strstr(explained(&a, &s, 1, "aes256-sha256-modp2048", &ike_psk),
	                       "differ first in the hash algorithm (offered PRF_HMAC_SHA1, allowed PRF_HMAC_SHA2_256): set "
	                       "connections.<c>.proposals to include sha1 (weak), or change the peer"));
}

static void
pfs_differs(void **state)
{
	autoarena a = { 0 };
	struct suite with = esp_suite(ENCR_AES_GCM_16, 128, INTEG_NONE, DH_ECP_256);
	struct suite without = esp_suite(ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE);

	(void)state;
	assert_non_null(
	        strstr(explained(&a, &with, 1, "aes128gcm16", &esp_tunnel),
	               "the peer wants perfect forward secrecy (PFS) with ECP_256, we have none configured: add ecp256 to "
	               "connections.<c>.children.<ch>.esp_proposals, or turn PFS off at the peer"));
	assert_non_null(
	        strstr(explained(&a, &without, 1, "aes128gcm16-modp2048", &esp_tunnel),
	               "we want perfect forward secrecy (PFS) with MODP_2048, the peer offers none: turn PFS on at the peer, "
	               "or leave the group out of connections.<c>.children.<ch>.esp_proposals"));
}

static void
what_is_not_an_algorithm_differs(void **state)
{
	autoarena a = { 0 };
	struct suite rsa = ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_MODP_2048);
	struct suite transport = esp_suite(ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE);
	struct suite strange = { .unknown = true, .unknown_what = "hash algorithm 77" };
	struct suite no_integrity = esp_suite(ENCR_AES_CBC, 128, INTEG_NONE, DH_NONE);

	(void)state;
	rsa.auth = AUTH_OFFER_RSA_SIG;
	/* Alone, and first: the algorithms agree. */
	assert_string_equal(explained(&a, &rsa, 1, "aes256-sha256-modp2048", &ike_psk),
	                    "only the authentication method differs: the peer offers RSA signatures (3), this connection has "
	                    "pre-shared key; set local.auth and remote.auth alike at both ends");
	transport.encapsulation = ENCAPSULATION_TRANSPORT;
	assert_non_null(strstr(explained(&a, &transport, 1, "aes128gcm16", &esp_tunnel),
	                       "encapsulation mode (offered transport, needed here tunnel)"));
	assert_string_equal(
	        explained(&a, &strange, 1, "aes256-sha256-modp2048", &ike_psk),
	        "the peer offers hash algorithm 77; we allow "
	        "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048: the offer holds hash algorithm 77, which is "
	        "not supported here: change the peer's proposal");
	assert_non_null(strstr(explained(&a, &no_integrity, 1, "aes128-sha256", &esp_tunnel),
	                       "integrity algorithm (offered NONE, allowed HMAC_SHA2_256_128): change the peer"));
}

static void
esn_and_an_unwanted_integrity_algorithm_differ(void **state)
{
	autoarena a = { 0 };
	struct suite esn = esp_suite(ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE);
	struct suite twice = esp_suite(ENCR_AES_GCM_16, 128, INTEG_HMAC_SHA2_256_128, DH_NONE);

	(void)state;
	esn.esn = true;
	assert_non_null(strstr(explained(&a, &esn, 1, "aes128gcm16", &esp_tunnel),
	                       "extended sequence numbers (offered EXT_SEQ, allowed NO_EXT_SEQ): set "
	                       "connections.<c>.children.<ch>.esp_proposals to include esn, or change the peer"));
	assert_non_null(strstr(explained(&a, &twice, 1, "aes128gcm16", &esp_tunnel),
	                       "integrity algorithm (offered HMAC_SHA2_256_128, allowed none)"));
}

static void
nothing_configured_has_a_sentence(void **state)
{
	autoarena a = { 0 };
	struct suite s = ike_suite(ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_MODP_2048);
	struct suites offered = { &s, 1 };
	struct proposals none = { 0 };
	struct match m;

	(void)state;
	match_suites(&m, &offered, &none, &ike_psk);
	assert_false(m.chosen);
	assert_string_equal(explain_match(&a, &m, &offered, &none, &ike_psk),
	                    "nothing is allowed here: set connections.<c>.proposals");
}

/* The pair that came furthest is explained, not the first. */
static void
the_nearest_pair_is_explained(void **state)
{
	autoarena a = { 0 };
	struct suite s[] = { { .unknown = true, .unknown_what = "attribute 99 with the value 1" },
		             ike_suite(ENCR_3DES, 0, PRF_HMAC_SHA1, DH_MODP_1024),
		             ike_suite(ENCR_AES_CBC, 128, PRF_HMAC_SHA2_256, DH_MODP_1536) };

	(void)state;
	assert_non_null(strstr(explained(&a, s, 3, "aes256-sha512-ecp521,aes128-sha256-modp2048", &ike_psk),
	                       "(offered MODP_1536, allowed MODP_2048)"));
}

static void
nothing_offered_and_a_choice_have_sentences_too(void **state)
{
	autoarena a = { 0 };
	struct suite s = esp_suite(ENCR_AES_GCM_16, 256, INTEG_NONE, DH_ECP_256);

	(void)state;
	assert_string_equal(explained(&a, &s, 0, "aes128gcm16", &esp_tunnel), "the peer offers no proposal at all");
	assert_string_equal(explained(&a, &s, 1, "aes256gcm16-ecp256", &esp_tunnel),
	                    "selected AES_GCM_16_256/ECP_256/NO_EXT_SEQ");
}

static void
every_mismatch_has_a_name(void **state)
{
	(void)state;
	for (int m = MISMATCH_NONE; m <= MISMATCH_WEAK; m++)
		assert_true(strlen(explain_mismatch(m)) > 0);
	assert_string_equal(explain_mismatch(MISMATCH_DH), "Diffie-Hellman group");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_difference_in_phase_1_is_found),
		cmocka_unit_test(each_difference_in_phase_2_is_found),
		cmocka_unit_test(pfs_is_told_from_another_group),
		cmocka_unit_test(encapsulation_modes_compare_by_meaning),
		cmocka_unit_test(our_preference_decides),
		cmocka_unit_test(within_one_proposal_the_peer_s_order_decides),
		cmocka_unit_test(every_pair_is_recorded),
		cmocka_unit_test(refusals_are_bounded),
		cmocka_unit_test(defaults_accept_nothing_weak),
		cmocka_unit_test(sameness_leaves_lifetimes_and_numbers_aside),
		cmocka_unit_test(the_group_differs),
		cmocka_unit_test(the_hash_differs),
		cmocka_unit_test(pfs_differs),
		cmocka_unit_test(what_is_not_an_algorithm_differs),
		cmocka_unit_test(esn_and_an_unwanted_integrity_algorithm_differ),
		cmocka_unit_test(nothing_configured_has_a_sentence),
		cmocka_unit_test(the_nearest_pair_is_explained),
		cmocka_unit_test(nothing_offered_and_a_choice_have_sentences_too),
		cmocka_unit_test(every_mismatch_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
