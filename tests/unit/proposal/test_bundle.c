/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"
#include "check.h"
#include "explain.h"
#include "ike1_sa.h"

/* Protection suites of Phase 2: AND within a number, OR among numbers and transforms (RFC 2408 section 4.2). */

/* What one end offers and the other allows; built from keywords. */
struct side {
	struct proposals esp, ah;
	struct bundle_terms terms;
};

static void
side_open(struct side *s, const char *esp, const char *ah, bool ipcomp)
{
	char why[512] = "";

	*s = (struct side) { 0 };
	assert_true(!esp || proposals_parse(&s->esp, PROPOSAL_ESP, span_str(esp), why, sizeof why));
	assert_true(!ah || proposals_parse(&s->ah, PROPOSAL_AH, span_str(ah), why, sizeof why));
	s->terms = (struct bundle_terms) { &s->esp, &s->ah, ipcomp, ENCAPSULATION_TUNNEL };
}

static void
side_close(struct side *s)
{
	proposals_free(&s->esp);
	proposals_free(&s->ah);
}

static struct sa_payload
offer_of(struct side *s, struct arena *a)
{
	struct bundle_offer o = { .terms = s->terms,
		                  .spis = { .esp = 0xe5900001, .ah = 0xa4000001, .cpi = 0x0c01 },
		                  .dh_id = bundle_group(&s->terms),
		                  .life_seconds = 3600 };
	struct sa_payload sa;

	assert_null(ike1_sa_from_bundle(&sa, &o, a));
	return sa;
}

/* The whole way: offered, chosen, answered, accepted. What was chosen; `has` 0 and *why where nothing was. */
static struct bundle
negotiated(struct arena *a, struct side *i, struct side *r, const char **why)
{
	static const struct bundle_spis spis = { .esp = 0xe5900002, .ah = 0xa4000002, .cpi = 0x0c02 };
	struct sa_payload offer = offer_of(i, a), answer;
	struct suites s;
	struct match m;
	struct bundle chosen, seen;

	assert_true(suites_from_ike1_ipsec_sa(&s, &offer, a));
	match_bundles(&chosen, &m, &s, &r->terms);
	*why = m.chosen ? NULL : explain_bundles(a, &m, &s, &r->terms);
	if (!m.chosen)
		return (struct bundle) { 0 };
	assert_true(ike1_sa_answer_bundle(&answer, &offer, &chosen, &spis, a));
	assert_null(ike1_sa_accept_bundle(&seen, &answer, &offer, a));
	assert_int_equal(seen.has, chosen.has);
	assert_true(!(seen.has & BUNDLE_ESP) || seen.esp.spi == 0xe5900002);
	assert_true(!(seen.has & BUNDLE_AH) || seen.ah.spi == 0xa4000002);
	assert_true(!(seen.has & BUNDLE_IPCOMP) || seen.ipcomp.spi == 0x0c02);
	return chosen;
}

static void
each_kind_of_bundle_is_negotiated(void **state)
{
	static const struct {
		const char *esp, *ah;
		bool ipcomp;
		uint8_t has;
	} rows[] = {
		{ "aes256-sha256-modp2048", NULL, false, BUNDLE_ESP },
		{ NULL, "sha256-sha512-modp2048", false, BUNDLE_AH },
		{ "aes256-sha256,aes128gcm16", "sha384,sha1", false, BUNDLE_ESP | BUNDLE_AH },
		{ "aes128gcm16", NULL, true, BUNDLE_ESP | BUNDLE_IPCOMP },
		{ NULL, "aesxcbc", true, BUNDLE_AH | BUNDLE_IPCOMP },
		{ "aes256-sha256-ecp256", "sha256-ecp256", true, BUNDLE_ESP | BUNDLE_AH | BUNDLE_IPCOMP },
	};

	(void)state;
	for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
		autoarena a = { 0 };
		struct side s;
		const char *why;
		struct bundle b;

		side_open(&s, rows[n].esp, rows[n].ah, rows[n].ipcomp);
		b = negotiated(&a, &s, &s, &why);
		assert_int_equal(b.has, rows[n].has);
		assert_true(!(b.has & BUNDLE_ESP) || b.esp.spi == 0xe5900001);
		assert_true(!(b.has & BUNDLE_AH) || b.ah.spi == 0xa4000001);
		side_close(&s);
	}
}

static void
compression_is_offered_and_may_be_left_out(void **state)
{
	autoarena a = { 0 };
	struct side with, without;
	const char *why;

	(void)state;
	side_open(&with, "aes256-sha256", NULL, true);
	side_open(&without, "aes256-sha256", NULL, false);
	assert_int_equal(negotiated(&a, &with, &without, &why).has, BUNDLE_ESP);
	assert_int_equal(negotiated(&a, &without, &with, &why).has, BUNDLE_ESP);
	side_close(&with);
	side_close(&without);
}

static void
our_order_of_preference_counts(void **state)
{
	autoarena a = { 0 };
	struct side i, r;
	const char *why;
	struct bundle b;

	(void)state;
	side_open(&i, "aes128-sha1,aes256-sha256", "sha1-sha256", false);
	side_open(&r, "aes256-sha256,aes128-sha1", "sha256,sha1", false);
	b = negotiated(&a, &i, &r, &why);
	assert_int_equal(b.esp.encr.key_bits, 256);
	assert_int_equal(b.has, BUNDLE_ESP | BUNDLE_AH);
	side_close(&i);
	side_close(&r);
}

static void
refusals_name_what_differs(void **state)
{
	static const struct {
		const char *esp_i, *ah_i, *esp_r, *ah_r, *why;
	} rows[] = {
		{ "aes256-sha256", NULL, NULL, "sha256",
		  "the peer offers ESP alone, we want AH alone: set children.<ch>.esp_proposals, ah_proposals and ipcomp alike "
		  "at both "
		  "ends" },
		{ "aes256-sha256", "sha256", "aes256-sha256", NULL, "the peer offers AH and ESP, we want ESP alone" },
		{ NULL, "sha1", NULL, "sha256",
		  "they differ first in the integrity algorithm (offered HMAC_SHA1_96, allowed "
		  "HMAC_SHA2_256_128): set connections.<c>.children.<ch>.ah_proposals to include sha1" },
		{ "aes256-sha256", "sha1", "aes256-sha256", "sha512", "ah_proposals to include sha1 (weak)" },
		{ "aes128-sha256", "sha1", "aes256-sha256", "sha1", "esp_proposals to include aes128" },
		{ "aes256-sha256-modp2048", "sha256-modp2048", "aes256-sha256-modp3072", "sha256-modp3072",
		  "they differ first in the Diffie-Hellman group (offered MODP_2048, allowed MODP_3072)" },
	};

	(void)state;
	for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
		autoarena a = { 0 };
		struct side i, r;
		const char *why;

		side_open(&i, rows[n].esp_i, rows[n].ah_i, false);
		side_open(&r, rows[n].esp_r, rows[n].ah_r, false);
		assert_int_equal(negotiated(&a, &i, &r, &why).has, 0);
		if (!strstr(why, rows[n].why))
			fail_msg("%zu: %s", n, why);
		side_close(&i);
		side_close(&r);
	}
}

/* ---- Offers that none of our own ends makes */

#define TV(t, v) ((struct attribute) { .type = t, .tv = true, .value = v })

enum { MANY = 250 };

/* A peer's payload, written by hand. */
struct forged {
	struct attribute attr[64][5];
	struct transform_payload t[64][MANY];
	struct proposal_payload p[64];
	uint8_t spi[64][4];
	struct sa_payload sa;
};

static void
forge(struct forged *f, uint8_t number, uint8_t protocol, uint8_t id, uint16_t integ, uint16_t group, size_t n)
{
	size_t i = f->sa.n_proposal++;
	size_t k = 0;

	f->sa.doi = DOI_IPSEC;
	f->sa.situation = SIT_IDENTITY_ONLY;
	f->sa.proposal = f->p;
	f->attr[i][k++] = TV(4, ENCAPSULATION_TUNNEL);
	if (integ)
		f->attr[i][k++] = TV(5, integ);
	if (id == 12)
		f->attr[i][k++] = TV(6, 128);
	if (group)
		f->attr[i][k++] = TV(3, group);
	for (size_t j = 0; j < n; j++)
		f->t[i][j] = (struct transform_payload) { .number = (uint8_t)j, .id = id, .attr = f->attr[i], .n_attr = k };
	put_be32(f->spi[i], 0x1000 + (uint32_t)i);
	f->p[i] = (struct proposal_payload) {
		.number = number, .protocol = protocol, .spi = span_of(f->spi[i], 4), .transform = f->t[i], .n_transform = n
	};
}

static struct bundle
chosen_from(struct arena *a, struct forged *f, struct side *r, const char **why)
{
	struct suites s;
	struct match m;
	struct bundle b;

	assert_true(suites_from_ike1_ipsec_sa(&s, &f->sa, a));
	match_bundles(&b, &m, &s, &r->terms);
	*why = explain_bundles(a, &m, &s, &r->terms);
	return m.chosen ? b : (struct bundle) { 0 };
}

static struct forged *
forged_new(void)
{
	struct forged *f = test_calloc(1, sizeof *f);

	assert_non_null(f);
	return f;
}

/* As FreeS/WAN, Cisco and others write them: AND in either order, apart from each other, among alternatives. */
static void
numbers_join_wherever_they_stand(void **state)
{
	autoarena a = { 0 };
	struct forged *f = forged_new();
	struct side r;
	const char *why;
	struct bundle b;

	(void)state;
	side_open(&r, "aes128-sha256", "sha256", false);
	forge(f, 7, PROTO_IPSEC_ESP, 12, 5, 0, 1);
	forge(f, 9, PROTO_IPSEC_ESP, 12, 5, 0, 1); /* alone: not what we want */
	forge(f, 7, PROTO_IPSEC_AH, 5, 5, 0, 1);
	b = chosen_from(&a, f, &r, &why);
	assert_int_equal(b.has, BUNDLE_ESP | BUNDLE_AH);
	assert_int_equal(b.esp.proposal_index, 0);
	assert_int_equal(b.ah.proposal_index, 2);
	test_free(f);
	side_close(&r);
}

static void
what_does_not_go_together_is_no_bundle(void **state)
{
	struct side both, esp;
	const char *why;

	(void)state;
	side_open(&both, "aes128-sha256-modpnone-modp2048-modp3072", "sha256-modpnone-modp2048-modp3072", false);
	side_open(&esp, "aes128-sha256", NULL, true);
	{ /* two groups in one Quick Mode */
		autoarena a = { 0 };
		struct forged *f = forged_new();

		forge(f, 1, PROTO_IPSEC_ESP, 12, 5, 14, 1);
		forge(f, 1, PROTO_IPSEC_AH, 5, 5, 15, 1);
		assert_int_equal(chosen_from(&a, f, &both, &why).has, 0);
		assert_non_null(strstr(why, "do not go together"));
		test_free(f);
	}
	{ /* a third protocol that nobody knows is part of the AND */
		autoarena a = { 0 };
		struct forged *f = forged_new();

		forge(f, 1, PROTO_IPSEC_ESP, 12, 5, 0, 1);
		forge(f, 1, 9, 1, 0, 0, 1);
		assert_int_equal(chosen_from(&a, f, &esp, &why).has, 0);
		test_free(f);
	}
	{ /* so is a compression that we have not: LZS */
		autoarena a = { 0 };
		struct forged *f = forged_new();

		forge(f, 1, PROTO_IPSEC_ESP, 12, 5, 0, 1);
		forge(f, 1, PROTO_IPCOMP, 3, 0, 0, 1);
		assert_int_equal(chosen_from(&a, f, &esp, &why).has, 0);
		test_free(f);
	}
	side_close(&both);
	side_close(&esp);
}

/* RFC 3173 section 4.1: "A node MUST be able to process both forms of the CPI proposal." */
static void
a_cpi_has_two_octets_or_four(void **state)
{
	static const struct {
		uint8_t octets[4];
		size_t n;
		bool good;
	} rows[] = {
		{ { 0x0c, 0x01 }, 2, true },
		{ { 0, 0, 0x0c, 0x01 }, 4, true },
		{ { 0, 2 }, 2, true },
		{ { 0, 3 }, 2, false },
		{ { 0, 0xff }, 2, false },
		{ { 0, 1, 0x0c, 0x01 }, 4, false },
		{ { 0x0c, 0x01, 0x02 }, 3, false },
		{ { 0 }, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		autoarena a = { 0 };
		struct forged *f = forged_new();
		struct sa_payload answer;
		struct side r;
		const char *why;
		struct bundle b;

		side_open(&r, "aes128-sha256", NULL, true);
		forge(f, 1, PROTO_IPSEC_ESP, 12, 5, 0, 1);
		forge(f, 1, PROTO_IPCOMP, IPCOMP_DEFLATE, 0, 0, 1);
		f->p[1].spi = span_of(rows[i].octets, rows[i].n);
		b = chosen_from(&a, f, &r, &why);
		assert_int_equal(b.has, rows[i].good ? BUNDLE_ESP | BUNDLE_IPCOMP : 0);
		if (rows[i].good) {
			struct bundle_spis spis = { .esp = 0x2000, .cpi = 0x4321 };

			assert_true(ike1_sa_answer_bundle(&answer, &f->sa, &b, &spis, &a));
			assert_int_equal(answer.proposal[1].spi.n, rows[i].n);
			assert_int_equal(get_be16(answer.proposal[1].spi.p + rows[i].n - 2), 0x4321);
		}
		test_free(f);
		side_close(&r);
	}
}

/* "the Authentication Algorithm attribute MUST be specified" and must go with the transform (RFC 2407 section 4.4.3). */
static void
ah_names_its_algorithm_twice(void **state)
{
	autoarena a = { 0 };
	struct forged *f = forged_new();
	struct side r;
	const char *why;

	(void)state;
	side_open(&r, NULL, "sha256,sha1", false);
	forge(f, 1, PROTO_IPSEC_AH, 5, 0, 0, 1);
	assert_int_equal(chosen_from(&a, f, &r, &why).has, 0);
	assert_non_null(strstr(why, "AH without an authentication algorithm"));
	forge(f, 2, PROTO_IPSEC_AH, 5, 2, 0, 1);
	assert_int_equal(chosen_from(&a, f, &r, &why).has, 0);
	forge(f, 3, PROTO_IPSEC_AH, 3, 2, 0, 1);
	assert_int_equal(chosen_from(&a, f, &r, &why).has, BUNDLE_AH);
	test_free(f);
	side_close(&r);
}

/* A bundle that goes beyond what is read must not pass for one without its last member; the work stays bounded. */
static void
huge_offers_are_cut_with_care(void **state)
{
	autoarena a = { 0 };
	struct forged *f = forged_new();
	struct side r;
	const char *why;

	(void)state;
	side_open(&r, "aes128-sha256", NULL, false);
	forge(f, 1, PROTO_IPSEC_ESP, 12, 5, 0, 1);
	for (uint8_t i = 2; i < 8; i++)
		forge(f, i, PROTO_IPSEC_AH, 5, 5, 0, MANY);
	forge(f, 1, PROTO_IPSEC_AH, 5, 5, 0, 1);
	assert_int_equal(chosen_from(&a, f, &r, &why).has, 0);
	test_free(f);
	side_close(&r);

	/* Every ESP transform is good, no AH goes with one: each pair is looked at once, not once for each of ours. */
	f = forged_new();
	side_open(&r, "aes128-sha256-modp2048", "sha256-modp2048", false);
	for (uint8_t i = 0; i < 2; i++) {
		forge(f, 1 + i, PROTO_IPSEC_ESP, 12, 5, 14, MANY);
		forge(f, 1 + i, PROTO_IPSEC_AH, 5, 5, 15, MANY);
	}
	assert_int_equal(chosen_from(&a, f, &r, &why).has, 0);
	assert_non_null(why);
	test_free(f);
	side_close(&r);
}

static const char *
judged(struct arena *a, struct side *i, struct sa_payload *answer)
{
	struct sa_payload offer = offer_of(i, a);
	struct bundle seen;

	return ike1_sa_accept_bundle(&seen, answer, &offer, a);
}

static void
answers_are_held_against_the_offer(void **state)
{
	autoarena a = { 0 };
	struct side i;

	(void)state;
	side_open(&i, "aes128-sha256", "sha256", false);
	{
		struct forged *f = forged_new();

		forge(f, 1, PROTO_IPSEC_ESP, 12, 5, 0, 1);
		f->attr[0][3] = TV(1, 1);
		f->attr[0][4] = TV(2, 3600);
		f->t[0][0].n_attr = 5;
		assert_string_equal(judged(&a, &i, &f->sa), "the peer's answer is ESP alone, which we did not offer");
		test_free(f);
	}
	{
		struct forged *f = forged_new();

		forge(f, 1, PROTO_IPSEC_ESP, 12, 5, 0, 1);
		forge(f, 2, PROTO_IPSEC_AH, 5, 5, 0, 1);
		f->attr[0][3] = TV(1, 1);
		f->attr[0][4] = TV(2, 3600);
		f->t[0][0].n_attr = 5;
		assert_string_equal(judged(&a, &i, &f->sa),
		                    "the peer's answer must choose exactly one proposal (RFC 2408 section 4.2)");
		test_free(f);
	}
	{
		struct forged *f = forged_new();

		forge(f, 1, PROTO_IPSEC_AH, 5, 5, 0, 2);
		f->attr[0][2] = TV(1, 1);
		f->attr[0][3] = TV(2, 3600);
		f->t[0][0].n_attr = f->t[0][1].n_attr = 4;
		assert_string_equal(judged(&a, &i, &f->sa),
		                    "the peer's answer must choose exactly one transform (RFC 2408 section 4.2)");
		test_free(f);
	}
	side_close(&i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_bundle_is_negotiated), cmocka_unit_test(compression_is_offered_and_may_be_left_out),
		cmocka_unit_test(our_order_of_preference_counts),    cmocka_unit_test(refusals_name_what_differs),
		cmocka_unit_test(numbers_join_wherever_they_stand),  cmocka_unit_test(what_does_not_go_together_is_no_bundle),
		cmocka_unit_test(a_cpi_has_two_octets_or_four),      cmocka_unit_test(ah_names_its_algorithm_twice),
		cmocka_unit_test(huge_offers_are_cut_with_care),     cmocka_unit_test(answers_are_held_against_the_offer),
	};

	return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
