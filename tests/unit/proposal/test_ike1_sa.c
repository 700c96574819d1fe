/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "bundle.h"
#include "explain.h"
#include "ike1_build.h"
#include "ike1_sa.h"

/* Between SA payloads and suites. Real peers' payloads are in test_captures.c; here are the rules, one by one. */

#define TV(t, v)                                                                                                                 \
	{                                                                                                                        \
		.type = t, .tv = true, .value = v                                                                                \
	}
#define COUNT(array) (sizeof array / sizeof *array)

/* A whole and valid Phase 1 transform: AES-256, SHA2-256, group 14, PSK, 8 hours. */
#define PHASE_1 TV(1, 7), TV(14, 256), TV(2, 4), TV(4, 14), TV(3, 1), TV(11, 1), TV(12, 28800)
#define PHASE_2 TV(6, 256), TV(5, 5), TV(4, 1), TV(1, 1), TV(2, 3600)

static const uint8_t spi[4] = { 0xc1, 0xb2, 0xa3, 0x94 };

/* Reads a Phase 1 offer of one transform. */
static struct suite
phase1(struct arena *a, uint8_t id, struct attribute *attr, size_t n)
{
	struct transform_payload t = { .number = 1, .id = id, .attr = attr, .n_attr = n };
	struct proposal_payload p = { .number = 1, .protocol = PROTO_ISAKMP, .transform = &t, .n_transform = 1 };
	struct sa_payload sa = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = &p, .n_proposal = 1 };
	struct suites s;

	assert_true(suites_from_ike1_sa(&s, &sa, a));
	assert_int_equal(s.n, 1);
	return s.s[0];
}

static struct suite
phase2(struct arena *a, uint8_t id, struct attribute *attr, size_t n)
{
	struct transform_payload t = { .number = 1, .id = id, .attr = attr, .n_attr = n };
	struct proposal_payload p = {
		.number = 1, .protocol = PROTO_IPSEC_ESP, .spi = span_of(spi, 4), .transform = &t, .n_transform = 1
	};
	struct sa_payload sa = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = &p, .n_proposal = 1 };
	struct suites s;

	assert_true(suites_from_ike1_ipsec_sa(&s, &sa, a));
	assert_int_equal(s.n, 1);
	return s.s[0];
}

#define assert_unknown(s, what)                                                                                                  \
	do {                                                                                                                     \
		struct suite seen = (s);                                                                                         \
		assert_true(seen.unknown);                                                                                       \
		assert_string_equal(seen.unknown_what, what);                                                                    \
	} while (0)

static void
a_phase_1_transform_becomes_a_suite(void **state)
{
	autoarena a = { 0 };
	struct attribute attr[] = { PHASE_1 };
	struct suite s = phase1(&a, KEY_IKE, attr, COUNT(attr));

	(void)state;
	assert_false(s.unknown);
	assert_int_equal(s.encr.id, ENCR_AES_CBC);
	assert_int_equal(s.encr.key_bits, 256);
	assert_int_equal(s.prf_id, PRF_HMAC_SHA2_256);
	assert_int_equal(s.dh_id, DH_MODP_2048);
	assert_int_equal(s.auth, AUTH_OFFER_PSK);
	assert_true(s.life_seconds_given);
	assert_int_equal(s.life_seconds, 28800);
	assert_false(s.life_kilobytes_given);
}

/* RFC 2409 Appendix A and its registry: every number that we have. */
static void
the_numbers_of_appendix_a(void **state)
{
	static const struct {
		uint16_t encr, bits, hash, group;
		uint16_t our_encr, our_prf, our_dh;
	} rows[] = {
		{ 5, 0, 1, 1, ENCR_3DES, PRF_HMAC_MD5, DH_MODP_768 },
		{ 5, 0, 2, 2, ENCR_3DES, PRF_HMAC_SHA1, DH_MODP_1024 },
		{ 7, 128, 2, 5, ENCR_AES_CBC, PRF_HMAC_SHA1, DH_MODP_1536 },
		{ 7, 192, 5, 15, ENCR_AES_CBC, PRF_HMAC_SHA2_384, DH_MODP_3072 },
		{ 7, 256, 6, 16, ENCR_AES_CBC, PRF_HMAC_SHA2_512, DH_MODP_4096 },
		{ 7, 256, 4, 17, ENCR_AES_CBC, PRF_HMAC_SHA2_256, DH_MODP_6144 },
		{ 7, 256, 4, 18, ENCR_AES_CBC, PRF_HMAC_SHA2_256, DH_MODP_8192 },
		{ 7, 256, 4, 19, ENCR_AES_CBC, PRF_HMAC_SHA2_256, DH_ECP_256 },
		{ 7, 256, 4, 20, ENCR_AES_CBC, PRF_HMAC_SHA2_256, DH_ECP_384 },
		{ 7, 256, 4, 21, ENCR_AES_CBC, PRF_HMAC_SHA2_256, DH_ECP_521 },
		{ 7, 256, 4, 31, ENCR_AES_CBC, PRF_HMAC_SHA2_256, DH_CURVE25519 },
	};
	autoarena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct attribute attr[] = { TV(1, rows[i].encr), TV(2, rows[i].hash), TV(3, 1), TV(4, rows[i].group),
			                    TV(14, rows[i].bits) };
		struct suite s = phase1(&a, KEY_IKE, attr, rows[i].bits ? 5 : 4);

		assert_false(s.unknown);
		assert_int_equal(s.encr.id, rows[i].our_encr);
		assert_int_equal(s.encr.key_bits, rows[i].bits);
		assert_int_equal(s.prf_id, rows[i].our_prf);
		assert_int_equal(s.dh_id, rows[i].our_dh);
	}
}

/* Numbers may come in the long form, of any length; lifetimes of any size saturate. */
static void
long_forms_mean_the_same(void **state)
{
	static const uint8_t four[] = { 0x00, 0x01, 0x51, 0x80 };
	static const uint8_t one[] = { 7 };
	autoarena a = { 0 };
	struct attribute attr[] = { { .type = 1, .value = 7, .octets = span_of(one, 1) },
		                    TV(14, 128),
		                    TV(2, 4),
		                    TV(4, 14),
		                    TV(3, 1),
		                    TV(11, 1),
		                    { .type = 12, .value = 86400, .octets = span_of(four, 4) },
		                    TV(11, 2),
		                    { .type = 12, .value = UINT64_MAX, .octets = span_of(four, 4) } };
	struct suite s = phase1(&a, KEY_IKE, attr, COUNT(attr));

	(void)state;
	assert_false(s.unknown);
	assert_int_equal(s.encr.id, ENCR_AES_CBC);
	assert_int_equal(s.life_seconds, 86400);
	assert_true(s.life_kilobytes_given && s.life_kilobytes == UINT64_MAX);
}

static void
what_phase_1_does_not_know_is_named(void **state)
{
	autoarena a = { 0 };
	struct attribute strange[] = { PHASE_1, TV(16384, 3) };
	struct attribute hash[] = { TV(1, 7), TV(14, 256), TV(2, 77), TV(4, 14), TV(3, 1) };
	struct attribute idea[] = { TV(1, 2), TV(14, 128), TV(2, 4), TV(4, 14), TV(3, 1) };
	struct attribute group[] = { TV(1, 7), TV(14, 256), TV(2, 4), TV(4, 4), TV(3, 1) };
	struct attribute prf[] = { PHASE_1, TV(13, 1) };
	struct attribute prime[] = { TV(1, 7), TV(14, 256), TV(2, 4), TV(3, 1), TV(5, 1), TV(6, 99) };
	struct attribute no_length[] = { TV(1, 7), TV(2, 4), TV(4, 14), TV(3, 1) };
	struct attribute length[] = { TV(1, 7), TV(14, 100), TV(2, 4), TV(4, 14), TV(3, 1) };
	struct attribute des_length[] = { TV(1, 5), TV(14, 192), TV(2, 4), TV(4, 14), TV(3, 1) };
	struct attribute no_group[] = { TV(1, 7), TV(14, 256), TV(2, 4), TV(3, 1) };
	struct attribute large[] = { TV(1, 7), TV(14, 65536 + 256), TV(2, 4), TV(4, 14), TV(3, 1) };
	struct attribute good[] = { PHASE_1 };

	(void)state;
	assert_unknown(phase1(&a, KEY_IKE, strange, COUNT(strange)), "attribute 16384 with the value 3");
	assert_unknown(phase1(&a, KEY_IKE, hash, COUNT(hash)), "hash algorithm 77");
	assert_unknown(phase1(&a, KEY_IKE, idea, COUNT(idea)), "encryption algorithm IDEA_CBC with a key of 128 bits");
	assert_unknown(phase1(&a, KEY_IKE, group, COUNT(group)), "Diffie-Hellman group EC2N_185");
	assert_unknown(phase1(&a, KEY_IKE, prf, COUNT(prf)), "pseudo-random function 1 (attribute 13)");
	assert_unknown(phase1(&a, KEY_IKE, prime, COUNT(prime)), "group type 1 (attribute 5)");
	assert_unknown(phase1(&a, KEY_IKE, no_length, COUNT(no_length)), "encryption algorithm AES_CBC without a key length");
	assert_unknown(phase1(&a, KEY_IKE, length, COUNT(length)), "encryption algorithm AES_CBC with a key of 100 bits");
	/* "This attribute MUST NOT be used when the specified Encryption Algorithm uses a fixed length key." */
	assert_unknown(phase1(&a, KEY_IKE, des_length, COUNT(des_length)),
	               "encryption algorithm 3DES_CBC with a key of 192 bits");
	assert_unknown(phase1(&a, KEY_IKE, no_group, COUNT(no_group)), "no Diffie-Hellman group");
	assert_unknown(phase1(&a, KEY_IKE, large, COUNT(large)), "key length 65792");
	assert_unknown(phase1(&a, 2, good, COUNT(good)), "transform 2, which is not KEY_IKE");
}

/* RFC 2407 section 4.5.2: several instances of a class are read as long as they do not conflict. */
static void
lifetimes_in_both_units_and_their_conflicts(void **state)
{
	autoarena a = { 0 };
	/* the RFC's own example: 100 MB or 24 hours */
	struct attribute both[] = { TV(5, 5), TV(6, 128), TV(1, 1), TV(2, 86400), TV(1, 2), TV(2, 100000) };
	struct attribute twice[] = { TV(5, 5), TV(6, 128), TV(1, 1), TV(2, 3600), TV(1, 1), TV(2, 3600) };
	struct attribute conflict[] = { TV(5, 5), TV(6, 128), TV(1, 1), TV(2, 3600), TV(1, 1), TV(2, 7200) };
	struct attribute no_type[] = { TV(5, 5), TV(6, 128), TV(2, 3600) };
	struct attribute strange[] = { TV(5, 5), TV(6, 128), TV(1, 3), TV(2, 3600) };
	struct attribute two_lengths[] = { TV(5, 5), TV(6, 128), TV(6, 256) };
	struct suite s = phase2(&a, 12, both, COUNT(both));

	(void)state;
	assert_false(s.unknown);
	assert_int_equal(s.life_seconds, 86400);
	assert_int_equal(s.life_kilobytes, 100000);
	assert_false(phase2(&a, 12, twice, COUNT(twice)).unknown);
	assert_unknown(phase2(&a, 12, conflict, COUNT(conflict)), "two different lifetimes in seconds");
	assert_unknown(phase2(&a, 12, no_type, COUNT(no_type)), "a life duration without a life type before it");
	assert_unknown(phase2(&a, 12, strange, COUNT(strange)), "life type 3");
	assert_unknown(phase2(&a, 12, two_lengths, COUNT(two_lengths)), "two different values of key length");
}

static void
a_phase_2_transform_becomes_a_suite(void **state)
{
	autoarena a = { 0 };
	struct attribute cbc[] = { PHASE_2, TV(3, 19), TV(11, 1) };
	struct attribute gcm[] = { TV(6, 128), TV(4, 61443) };
	struct attribute null[] = { TV(5, 2), TV(4, 1) };
	struct suite s = phase2(&a, 12, cbc, COUNT(cbc));

	(void)state;
	assert_false(s.unknown);
	assert_int_equal(s.encr.id, ENCR_AES_CBC);
	assert_int_equal(s.integ_id, INTEG_HMAC_SHA2_256_128);
	assert_int_equal(s.dh_id, DH_ECP_256);
	assert_int_equal(s.encapsulation, ENCAPSULATION_TUNNEL);
	assert_int_equal(s.spi, 0xc1b2a394);
	assert_true(s.esn);
	s = phase2(&a, 20, gcm, COUNT(gcm)); /* RFC 4106 section 8.4: the key without the salt */
	assert_false(s.unknown);
	assert_int_equal(s.encr.id, ENCR_AES_GCM_16);
	assert_int_equal(s.encr.key_bits, 128);
	assert_int_equal(s.integ_id, INTEG_NONE);
	assert_int_equal(s.encapsulation, ENCAPSULATION_UDP_TUNNEL_DRAFT);
	s = phase2(&a, 11, null, COUNT(null));
	assert_false(s.unknown);
	assert_int_equal(s.encr.id, ENCR_NULL);
	assert_int_equal(s.integ_id, INTEG_HMAC_SHA1_96);
}

static void
what_phase_2_does_not_know_is_named(void **state)
{
	autoarena a = { 0 };
	struct attribute ctr[] = { TV(6, 128), TV(5, 2) };
	struct attribute kpdk[] = { TV(6, 128), TV(5, 4) };
	struct attribute mode[] = { TV(6, 128), TV(5, 5), TV(4, 9) };
	struct attribute esn[] = { TV(6, 128), TV(5, 5), TV(11, 0) };
	struct attribute rounds[] = { TV(6, 128), TV(5, 5), TV(7, 16) };
	struct attribute gcm[] = { TV(4, 1) };

	(void)state;
	assert_unknown(phase2(&a, 4, ctr, COUNT(ctr)), "encryption algorithm RC5 with a key of 128 bits");
	assert_unknown(phase2(&a, 99, ctr, COUNT(ctr)), "encryption algorithm 99 with a key of 128 bits");
	assert_unknown(phase2(&a, 12, kpdk, COUNT(kpdk)), "authentication algorithm KPDK");
	assert_unknown(phase2(&a, 12, mode, COUNT(mode)), "encapsulation mode 9");
	assert_unknown(phase2(&a, 12, esn, COUNT(esn)), "extended sequence numbers 0");
	assert_unknown(phase2(&a, 12, rounds, COUNT(rounds)), "key rounds 16 (attribute 7)");
	assert_unknown(phase2(&a, 20, gcm, COUNT(gcm)), "encryption algorithm AES_GCM_16 without a key length");
}

/* Reads the two proposals as one Phase 2 payload. */
static struct suites
two_proposals(struct arena *a, struct proposal_payload *p)
{
	static struct attribute attr[] = { PHASE_2 };
	static struct transform_payload t = { .number = 1, .id = 12, .attr = attr, .n_attr = COUNT(attr) };
	struct sa_payload sa = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = p, .n_proposal = 2 };
	struct suites s;

	for (size_t i = 0; i < 2; i++) {
		p[i].transform = &t;
		p[i].n_transform = 1;
	}
	assert_true(suites_from_ike1_ipsec_sa(&s, &sa, a));
	assert_int_equal(s.n, 2);
	return s;
}

/* RFC 2408 section 4.2: the same number is AND, another is OR; how they go together is tested in test_bundle.c. */
static void
each_protocol_is_read(void **state)
{
	autoarena a = { 0 };
	struct proposal_payload twice[] = { { .number = 1, .protocol = PROTO_IPSEC_ESP, .spi = span_of(spi, 4) },
		                            { .number = 1, .protocol = PROTO_IPSEC_ESP, .spi = span_of(spi, 4) } };
	struct proposal_payload either[] = { { .number = 1, .protocol = 9, .spi = span_of(spi, 4) },
		                             { .number = 2, .protocol = PROTO_IPSEC_ESP, .spi = span_of(spi, 4) } };
	struct suites s = two_proposals(&a, twice);

	(void)state;
	assert_unknown(s.s[0], "ESP twice in proposal 1, whose protocols are all or nothing");
	s = two_proposals(&a, either);
	assert_unknown(s.s[0], "an unknown protocol in Phase 2, which negotiates AH, ESP and IPComp");
	assert_false(s.s[1].unknown);
	assert_int_equal(s.s[1].proposal_number, 2);
	assert_int_equal(s.s[1].proposal_index, 1);
}

static void
spis_are_four_octets_and_not_reserved(void **state)
{
	static const uint8_t low[] = { 0, 0, 0, 255 }, lowest[] = { 0, 0, 1, 0 };
	autoarena a = { 0 };
	struct proposal_payload p[] = { { .number = 1, .protocol = PROTO_IPSEC_ESP, .spi = span_of(low, 4) },
		                        { .number = 2, .protocol = PROTO_IPSEC_ESP, .spi = span_of(lowest, 4) } };
	struct suites s = two_proposals(&a, p);

	(void)state;
	assert_unknown(s.s[0], "the SPI 255: those below 256 are reserved (RFC 4303 section 2.1)");
	assert_false(s.s[1].unknown);
	p[0].spi = span_of(spi, 3);
	p[1].spi = (struct span) { 0 };
	s = two_proposals(&a, p);
	assert_unknown(s.s[0], "an SPI of 3 octets, which must have four");
	assert_unknown(s.s[1], "an SPI of 0 octets, which must have four");
}

static void
other_protocols_are_not_phase_1(void **state)
{
	autoarena a = { 0 };
	struct attribute attr[] = { PHASE_1 };
	struct transform_payload t = { .number = 1, .id = KEY_IKE, .attr = attr, .n_attr = COUNT(attr) };
	struct proposal_payload p = { .number = 1, .protocol = PROTO_IPSEC_ESP, .transform = &t, .n_transform = 1 };
	struct sa_payload sa = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = &p, .n_proposal = 1 };
	struct suites s;

	(void)state;
	assert_true(suites_from_ike1_sa(&s, &sa, &a));
	assert_unknown(s.s[0], "ESP in Phase 1, which negotiates ISAKMP alone");
}

static void
the_number_of_suites_is_bounded(void **state)
{
	static struct transform_payload t[255];
	static struct proposal_payload p[8];
	struct attribute attr[] = { PHASE_1 };
	struct sa_payload sa = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = p, .n_proposal = 8 };
	autoarena a = { 0 };
	struct suites s;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		t[i] = (struct transform_payload) { .number = (uint8_t)i, .id = KEY_IKE, .attr = attr, .n_attr = COUNT(attr) };
	for (size_t i = 0; i < COUNT(p); i++)
		p[i] = (struct proposal_payload) {
			.number = 1, .protocol = PROTO_ISAKMP, .transform = t, .n_transform = COUNT(t)
		};
	assert_true(suites_from_ike1_sa(&s, &sa, &a));
	assert_int_equal(s.n, SUITES_MAX);
}

/* --- Our own offers. */

static struct proposals
parsed(enum proposal_protocol protocol, const char *text)
{
	struct proposals p = { 0 };
	char why[512] = "";

	if (!proposals_parse(&p, protocol, span_str(text), why, sizeof why))
		fail_msg("%s", why);
	return p;
}

static const char *
offer_phase_1(struct sa_payload *out, const struct proposals *ours, uint64_t life_seconds, struct arena *a)
{
	struct ike1_offer_terms t = { .auth = AUTH_OFFER_PSK, .life_seconds = life_seconds };

	return ike1_sa_from_proposals(out, ours, &t, a);
}

/* Aggressive Mode: the group of the KE payload beside it is the only one. */
static void
our_phase_1_offer_keeps_to_one_group(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_IKE, "aes256-aes128-sha256-ecp256-modp2048,aes128-sha1-modp2048-modp1024");
	struct ike1_offer_terms t = { .auth = AUTH_OFFER_XAUTH_INIT_PSK, .dh_id = DH_MODP_2048 };
	struct sa_payload sa;
	struct suites s;

	(void)state;
	assert_int_equal(ike1_first_group(&ours), DH_ECP_256);
	assert_null(ike1_sa_from_proposals(&sa, &ours, &t, &a));
	assert_true(suites_from_ike1_sa(&s, &sa, &a));
	assert_int_equal(s.n, 3);
	for (size_t i = 0; i < s.n; i++) {
		assert_int_equal(s.s[i].dh_id, DH_MODP_2048);
		assert_int_equal(s.s[i].auth, 65001);
	}
	proposals_free(&ours);
}

static void
our_phase_1_offer_is_in_order_of_preference(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_IKE, "aes256-aes128-sha512-sha256-ecp256,3des-sha1-modp1024");
	static const char *const expected[] = {
		"AES_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/ECP_256",
		"AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256",
		"AES_CBC_128/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/ECP_256",
		"AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256",
		"3DES_CBC/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
	};
	struct sa_payload sa;
	struct suites s;

	(void)state;
	assert_null(offer_phase_1(&sa, &ours, 14400, &a));
	/* "multiple Transform Payloads for a single Proposal Payload in a single SA payload" RFC 2409 section 5 */
	assert_int_equal(sa.n_proposal, 1);
	assert_int_equal(sa.proposal[0].spi.n, 0);
	assert_true(suites_from_ike1_sa(&s, &sa, &a));
	assert_int_equal(s.n, COUNT(expected));
	for (size_t i = 0; i < s.n; i++) {
		assert_string_equal(explain_suite(&a, &s.s[i], PROPOSAL_IKE), expected[i]);
		assert_int_equal(s.s[i].auth, AUTH_OFFER_PSK);
		assert_int_equal(s.s[i].transform_number, i + 1);
		assert_int_equal(s.s[i].life_seconds, 14400);
	}
	proposals_free(&ours);
}

/* "with monotonically increasing numbers in the initiator's preference order" RFC 2408 section 4.2; and in one packet. */
static void
the_default_offer_fits_a_packet_and_has_each_pair(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_IKE, "default");
	struct payload p = { .type = PAYLOAD_SA };
	struct isakmp_header h = { .version = 0x10, .exchange = EXCHANGE_MAIN };
	static uint8_t room[4096];
	bool seen[3][64] = { { false } };
	struct builder b;
	struct suites s;

	(void)state;
	assert_null(offer_phase_1(&p.sa, &ours, 14400, &a));
	builder_start(&b, room, sizeof room, &h);
	assert_in_range(builder_add(&b, &p).n, 500, 1300);
	assert_true(suites_from_ike1_sa(&s, &p.sa, &a));
	for (size_t i = 0; i < s.n; i++) {
		assert_false(s.s[i].unknown);
		assert_int_equal(s.s[i].transform_number, i + 1);
		seen[s.s[i].encr.key_bits / 64 - 2][s.s[i].dh_id] = true;
	}
	for (size_t e = 0; e < 3; e++)
		for (size_t g = 0; g < ours.p[0].kind[TRANSFORM_DH].n; g++)
			assert_true(seen[e][ours.p[0].kind[TRANSFORM_DH].t[g].id]);
	proposals_free(&ours);
}

static void
long_lifetimes_take_the_long_form(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_IKE, "aes256-sha256-modp2048");
	struct sa_payload sa;
	struct attribute *last;

	(void)state;
	assert_null(offer_phase_1(&sa, &ours, 65535, &a));
	last = &sa.proposal[0].transform[0].attr[sa.proposal[0].transform[0].n_attr - 1];
	assert_true(last->tv && last->type == 12 && last->value == 65535);
	assert_null(offer_phase_1(&sa, &ours, 65536, &a));
	last = &sa.proposal[0].transform[0].attr[sa.proposal[0].transform[0].n_attr - 1];
	assert_true(!last->tv && last->octets.n == 4 && get_be32(last->octets.p) == 65536);
	assert_null(offer_phase_1(&sa, &ours, 0, &a));
	assert_int_equal(sa.proposal[0].transform[0].n_attr, 5);
	proposals_free(&ours);
}

/* Four octets hold 136 years: more is not said. */
static void
lifetimes_beyond_32_bits_are_cut(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_IKE, "aes256-sha256-modp2048");
	struct sa_payload sa;
	struct suites s;

	(void)state;
	assert_null(offer_phase_1(&sa, &ours, (uint64_t)1 << 40, &a));
	assert_true(suites_from_ike1_sa(&s, &sa, &a));
	assert_int_equal(s.s[0].life_seconds, UINT32_MAX);
	proposals_free(&ours);
}

/* A combined cipher has no number in Phase 1 of IKEv1. */
static void
what_ike1_cannot_say_is_left_out(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_IKE, "aes256-sha256-modp2048,aes128-sha256-modp2048");
	struct sa_payload sa;

	(void)state;
	ours.p[0].kind[TRANSFORM_ENCR].t[0] = (struct transform) { ENCR_AES_GCM_16, 256 };
	assert_null(offer_phase_1(&sa, &ours, 0, &a));
	assert_int_equal(sa.proposal[0].n_transform, 1);
	ours.n = 1;
	assert_non_null(strstr(offer_phase_1(&sa, &ours, 0, &a), "none of the proposals can be said"));
	proposals_free(&ours);
}

/* As many as a peer may configure: the offer stays within what a proposal can count. */
static void
offers_are_bounded(void **state)
{
	static const char many[] =
	        "aes256-aes192-aes128-3des-sha256-sha384-sha512-sha1-md5-modp2048-modp3072-modp4096-modp6144-modp8192-"
	        "ecp256-ecp384-ecp521-curve25519-modp1536-modp1024-modp768";
	static const char esp[] = "aes256-aes192-aes128-3des-null-sha256-sha384-sha512-sha1-md5-esn-noesn";
	char text[8 * sizeof esp] = "";
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_IKE, many), none = { 0 };
	struct bundle_offer terms = { .terms = { .esp = &ours, .ah = &none, .encapsulation = ENCAPSULATION_TUNNEL },
		                      .spis = { .esp = 0x1000 } };
	struct sa_payload sa;

	(void)state;
	assert_null(offer_phase_1(&sa, &ours, 14400, &a));
	assert_in_range(sa.proposal[0].n_transform, 48, 128); /* 4 ciphers x 12 groups */
	proposals_free(&ours);
	for (int i = 0; i < 4; i++)
		strcat(strcat(text, i ? "," : ""), esp);
	ours = parsed(PROPOSAL_ESP, text);
	assert_null(ike1_sa_from_bundle(&sa, &terms, &a));
	assert_int_equal(sa.proposal[0].n_transform, 128);
	proposals_free(&ours);
}

static void
our_phase_2_offer(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_ESP, "aes256gcm16-modp2048,aes128-sha256-esn-noesn-modp2048,null-sha1");
	struct proposals none = { 0 };
	struct bundle_offer terms = { .terms = { .esp = &ours, .ah = &none, .encapsulation = ENCAPSULATION_UDP_TUNNEL },
		                      .spis = { .esp = 0xc0ffee01 },
		                      .life_seconds = 3960,
		                      .life_kilobytes = 1000000 };
	static const char *const expected[] = { "AES_GCM_16_256/MODP_2048/NO_EXT_SEQ",
		                                "AES_CBC_128/HMAC_SHA2_256_128/MODP_2048/EXT_SEQ",
		                                "AES_CBC_128/HMAC_SHA2_256_128/MODP_2048/NO_EXT_SEQ" };
	struct sa_payload sa;
	struct suites s;

	(void)state;
	terms.dh_id = bundle_group(&terms.terms);
	assert_int_equal(terms.dh_id, DH_MODP_2048);
	assert_null(ike1_sa_from_bundle(&sa, &terms, &a));
	assert_true(suites_from_ike1_ipsec_sa(&s, &sa, &a));
	assert_int_equal(s.n, COUNT(expected)); /* null-sha1 has no group: it cannot be in this Quick Mode */
	for (size_t i = 0; i < s.n; i++) {
		assert_string_equal(explain_suite(&a, &s.s[i], PROPOSAL_ESP), expected[i]);
		assert_int_equal(s.s[i].spi, 0xc0ffee01);
		assert_int_equal(s.s[i].encapsulation, ENCAPSULATION_UDP_TUNNEL);
		assert_int_equal(s.s[i].life_seconds, 3960);
		assert_int_equal(s.s[i].life_kilobytes, 1000000);
	}
	terms.dh_id = DH_NONE;
	assert_null(ike1_sa_from_bundle(&sa, &terms, &a));
	assert_int_equal(sa.proposal[0].n_transform, 1);
	assert_int_equal(sa.proposal[0].transform[0].id, 11);
	terms.dh_id = DH_ECP_521;
	assert_non_null(ike1_sa_from_bundle(&sa, &terms, &a));
	proposals_free(&ours);
}

static void
the_default_phase_2_asks_for_no_pfs_but_takes_it(void **state)
{
	autoarena a = { 0 };
	struct proposals ours = parsed(PROPOSAL_ESP, "default");
	struct proposals none = { 0 };
	struct bundle_offer terms = { .terms = { .esp = &ours, .ah = &none, .encapsulation = ENCAPSULATION_TUNNEL },
		                      .spis = { .esp = 0x1000 } };
	struct bundle chosen;
	struct attribute pfs[] = { TV(6, 256), TV(4, 1), TV(3, 14) };
	struct suite s = phase2(&a, 20, pfs, COUNT(pfs));
	struct suites offered = { &s, 1 };
	struct sa_payload sa;
	struct match m;

	(void)state;
	assert_int_equal(bundle_group(&terms.terms), DH_NONE);
	assert_null(ike1_sa_from_bundle(&sa, &terms, &a));
	match_bundles(&chosen, &m, &offered, &terms.terms);
	assert_true(m.chosen);
	assert_int_equal(chosen.esp.dh_id, DH_MODP_2048);
	proposals_free(&ours);
}

/* --- The answer. */

/* RFC 2409 section 5: "Responders MUST NOT modify attributes of any offer". */
static void
the_answer_echoes_the_chosen_transform(void **state)
{
	static const uint8_t six[] = { 0, 0, 0, 0, 0x0e, 0x10 };
	autoarena a = { 0 };
	/* an odd but legal order and form of attributes, to be sent back as they are */
	struct attribute first[] = { TV(5, 1), TV(4, 1) };
	struct attribute second[] = {
		TV(1, 1), { .type = 2, .value = 3600, .octets = span_of(six, 6) }, TV(4, 1), TV(6, 128), TV(5, 5)
	};
	struct transform_payload t[] = { { .number = 3, .id = 3, .attr = first, .n_attr = COUNT(first) },
		                         { .number = 9, .id = 12, .attr = second, .n_attr = COUNT(second) } };
	struct proposal_payload p = {
		.number = 5, .protocol = PROTO_IPSEC_ESP, .spi = span_of(spi, 4), .transform = t, .n_transform = 2
	};
	struct sa_payload offer = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = &p, .n_proposal = 1 }, answer;
	struct suites s;
	struct bundle chosen = { .has = BUNDLE_ESP }, seen;

	(void)state;
	assert_true(suites_from_ike1_ipsec_sa(&s, &offer, &a));
	assert_false(s.s[1].unknown);
	chosen.esp = s.s[1];
	assert_true(ike1_sa_answer_bundle(&answer, &offer, &chosen, &(struct bundle_spis) { .esp = 0xdeadbeef }, &a));
	assert_int_equal(answer.n_proposal, 1);
	assert_int_equal(answer.proposal[0].number, 5);
	assert_int_equal(answer.proposal[0].n_transform, 1);
	assert_int_equal(get_be32(answer.proposal[0].spi.p), 0xdeadbeef);
	assert_int_equal(answer.proposal[0].transform[0].number, 9);
	assert_memory_equal(answer.proposal[0].transform[0].attr, second, sizeof second);
	assert_null(ike1_sa_accept_bundle(&seen, &answer, &offer, &a));
	assert_int_equal(seen.esp.transform_index, 1);
	assert_int_equal(seen.esp.spi, 0xdeadbeef);
}

/* Puts our offer of two transforms against an answer with these attributes. */
static const char *
accepted(struct arena *a, struct attribute *attr, size_t n, size_t transforms)
{
	struct proposals ours = parsed(PROPOSAL_IKE, "aes256-sha256-modp2048-ecp256");
	struct transform_payload t[] = { { .number = 1, .id = KEY_IKE, .attr = attr, .n_attr = n },
		                         { .number = 2, .id = KEY_IKE, .attr = attr, .n_attr = n } };
	struct proposal_payload p = { .number = 1, .protocol = PROTO_ISAKMP, .transform = t, .n_transform = transforms };
	struct sa_payload answer = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = &p, .n_proposal = 1 }, offer;
	struct suite seen;
	const char *why;

	assert_null(offer_phase_1(&offer, &ours, 28800, a));
	why = ike1_sa_accept(&seen, &answer, &offer, a);
	proposals_free(&ours);
	return why;
}

static void
only_what_was_offered_is_accepted(void **state)
{
	autoarena a = { 0 };
	static const uint8_t long_form[] = { 0, 0, 0x70, 0x80 };
	struct attribute good[] = { PHASE_1 };
	/* "attribute encoding excepted": the same lifetime in four octets is the same */
	struct attribute encoded[] = { TV(1, 7),
		                       TV(14, 256),
		                       TV(2, 4),
		                       TV(4, 14),
		                       TV(3, 1),
		                       TV(11, 1),
		                       { .type = 12, .value = 28800, .octets = span_of(long_form, 4) } };
	struct attribute weaker[] = { TV(1, 7), TV(14, 128), TV(2, 4), TV(4, 14), TV(3, 1), TV(11, 1), TV(12, 28800) };
	struct attribute other_auth[] = { TV(1, 7), TV(14, 256), TV(2, 4), TV(4, 14), TV(3, 3), TV(11, 1), TV(12, 28800) };
	struct attribute life[] = { TV(1, 7), TV(14, 256), TV(2, 4), TV(4, 14), TV(3, 1), TV(11, 1), TV(12, 7200) };
	struct attribute no_life[] = { TV(1, 7), TV(14, 256), TV(2, 4), TV(4, 14), TV(3, 1) };
	struct attribute strange[] = { PHASE_1, TV(99, 1) };

	(void)state;
	assert_null(accepted(&a, good, COUNT(good), 1));
	assert_null(accepted(&a, encoded, COUNT(encoded), 1));
	assert_non_null(strstr(accepted(&a, weaker, COUNT(weaker), 1), "a combination that we did not offer"));
	assert_non_null(strstr(accepted(&a, other_auth, COUNT(other_auth), 1), "a combination that we did not offer"));
	assert_non_null(strstr(accepted(&a, life, COUNT(life), 1), "changed the lifetime"));
	assert_non_null(strstr(accepted(&a, no_life, COUNT(no_life), 1), "changed the lifetime"));
	assert_non_null(strstr(accepted(&a, strange, COUNT(strange), 1), "attribute 99 with the value 1"));
	assert_non_null(strstr(accepted(&a, good, COUNT(good), 2), "must choose exactly one transform"));
}

/* RFC 2407 section 4.5: in Phase 2 none is 28800 seconds, and nothing else is none. */
static void
the_default_lifetime_may_be_said(void **state)
{
	static const struct {
		uint8_t protocol;
		bool offered;
		uint64_t answered;
		bool fits;
	} rows[] = {
		{ PROTO_IPSEC_ESP, false, 28800, true },
		{ PROTO_IPSEC_ESP, false, 3600, false },
		{ PROTO_IPSEC_ESP, true, 28800, false },
		{ PROTO_ISAKMP, false, 28800, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct suite offer = { .protocol = rows[i].protocol,
			               .life_seconds_given = rows[i].offered,
			               .life_seconds = rows[i].offered * 3600u };
		struct suite answer = { .protocol = rows[i].protocol,
			                .life_seconds_given = true,
			                .life_seconds = rows[i].answered };
		struct suites ours = { &offer, 1 };

		assert_int_equal(ike1_find_offered(&answer, &ours) == NULL, rows[i].fits);
	}
}

static void
another_doi_or_situation_is_no_answer(void **state)
{
	autoarena a = { 0 };
	struct sa_payload offer = { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY }, answer = { .doi = 2, .situation = 1 };
	struct suite seen;

	(void)state;
	assert_non_null(strstr(ike1_sa_accept(&seen, &answer, &offer, &a), "another DOI or situation"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_phase_1_transform_becomes_a_suite),
		cmocka_unit_test(the_numbers_of_appendix_a),
		cmocka_unit_test(long_forms_mean_the_same),
		cmocka_unit_test(what_phase_1_does_not_know_is_named),
		cmocka_unit_test(lifetimes_in_both_units_and_their_conflicts),
		cmocka_unit_test(a_phase_2_transform_becomes_a_suite),
		cmocka_unit_test(what_phase_2_does_not_know_is_named),
		cmocka_unit_test(each_protocol_is_read),
		cmocka_unit_test(spis_are_four_octets_and_not_reserved),
		cmocka_unit_test(other_protocols_are_not_phase_1),
		cmocka_unit_test(the_number_of_suites_is_bounded),
		cmocka_unit_test(our_phase_1_offer_keeps_to_one_group),
		cmocka_unit_test(our_phase_1_offer_is_in_order_of_preference),
		cmocka_unit_test(the_default_offer_fits_a_packet_and_has_each_pair),
		cmocka_unit_test(long_lifetimes_take_the_long_form),
		cmocka_unit_test(lifetimes_beyond_32_bits_are_cut),
		cmocka_unit_test(what_ike1_cannot_say_is_left_out),
		cmocka_unit_test(offers_are_bounded),
		cmocka_unit_test(our_phase_2_offer),
		cmocka_unit_test(the_default_phase_2_asks_for_no_pfs_but_takes_it),
		cmocka_unit_test(the_answer_echoes_the_chosen_transform),
		cmocka_unit_test(only_what_was_offered_is_accepted),
		cmocka_unit_test(the_default_lifetime_may_be_said),
		cmocka_unit_test(another_doi_or_situation_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
