/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "esp_case.h"
#include "form.h"

/* IP headers as transport mode and AH see them. */

static uint8_t p[512];

/* IPv4 with @n octets of options. */
static uint32_t
ipv4(const uint8_t *options, uint32_t n)
{
	memset(p, 0, sizeof p);
	p[0] = (uint8_t)(0x45 + n / 4);
	p[1] = 0xb8;
	put_be16(p + 2, (uint16_t)(20 + n + 8));
	put_be16(p + 4, 0x1234);
	put_be16(p + 6, 0x4000);
	p[8] = 61;
	p[9] = 17;
	put_be16(p + 10, 0xbeef);
	put_be32(p + 12, 0x0a010001);
	put_be32(p + 16, 0x0a020001);
	if (n)
		memcpy(p + 20, options, n);
	return 20 + n;
}

/* IPv6 with the extension headers @chain (8 octets each), the last in front of UDP. */
static uint32_t
ipv6(const uint8_t *chain, uint32_t n)
{
	memset(p, 0, sizeof p);
	put_be32(p, 0x6b812345);
	put_be16(p + 4, (uint16_t)(n * 8 + 8));
	p[6] = n ? chain[0] : 17;
	p[7] = 61;
	p[8] = p[24] = 0xfd;
	p[39] = 2;
	for (uint32_t i = 0; i < n; i++)
		p[40 + i * 8] = i + 1 < n ? chain[i + 1] : 17;
	return 40 + n * 8;
}

static void
transport_headers_go_where_the_rfc_says(void **state)
{
	static const struct {
		uint8_t chain[4];
		uint32_t n, header, next_at, payload_at;
		uint8_t next;
	} cases[] = {
		{ { 0 }, 0, 40, 6, 40, 17 },
		{ { 0 }, 1, 48, 40, 48, 17 },      /* hop-by-hop stays in front */
		{ { 60 }, 1, 40, 6, 40, 60 },      /* for the destination alone: protected */
		{ { 60, 43 }, 2, 56, 48, 56, 17 }, /* for the hops of a routing header: in front */
		{ { 0, 43, 60 }, 3, 56, 48, 56, 60 },
		{ { 0, 60, 43, 60 }, 4, 64, 56, 64, 60 },
		/* The header of an only fragment stays out, and what was in front of it in front. */
		{ { 44 }, 1, 40, 6, 48, 17 },
		{ { 0, 44 }, 2, 48, 40, 56, 17 },
		{ { 60, 44, 60 }, 3, 48, 40, 56, 60 },
	};
	static const uint8_t nops[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };
	struct ip_split s;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t n = ipv6(cases[i].chain, cases[i].n);

		assert_true(ip_split(&s, p, n + 8));
		assert_int_equal(s.header, cases[i].header);
		assert_int_equal(s.next_at, cases[i].next_at);
		assert_int_equal(s.payload_at, cases[i].payload_at);
		assert_int_equal(s.next, cases[i].next);
		assert_false(s.fragment);
		if (cases[i].n)
			assert_false(ip_split(&s, p, n - 8 < s.payload_at ? n - 8 : s.payload_at - 8));
	}
	for (uint16_t offset = 1; offset <= 9; offset = (uint16_t)(offset + 7)) {
		put_be16(p + 40 + 8 + 2, offset); /* more to come; or not the first */
		assert_true(ip_split(&s, p, 40 + 3 * 8 + 8));
		assert_true(s.fragment);
	}
	assert_true(ip_split(&s, p, ipv4(nops, 8) + 8));
	assert_int_equal(s.header, 28);
	assert_false(s.fragment);
	put_be16(p + 6, 0x2000);
	assert_true(ip_split(&s, p, 36) && s.fragment);
	put_be16(p + 6, 0x0001);
	assert_true(ip_split(&s, p, 36) && s.fragment);
	assert_false(ip_split(&s, p, 27));
	p[0] = 0x44;
	assert_false(ip_split(&s, p, 36));
	assert_false(ip_split(&s, p, 19));
}

static void
the_next_header_of_a_whole_header_is_found(void **state)
{
	static const uint8_t chain[] = { 0, 60, 43, 60 }, nops[4] = { 1, 1, 1, 1 };
	uint32_t n;

	(void)state;
	assert_int_equal(ip_next_at(p, ipv4(nops, 4)), 9);
	assert_int_equal(ip_next_at(p, 20), 0);
	n = ipv6(chain, 4);
	assert_int_equal(ip_next_at(p, n), 64);
	assert_int_equal(ip_next_at(p, n - 8), 56);
	assert_int_equal(ip_next_at(p, n - 4), 0);
	assert_int_equal(ip_next_at(p, 40), 6);
	assert_int_equal(ip_next_at(p, 39), 0);
}

/* RFC 4302 3.3.3.1.1: what routers change counts as zero; the rest, the identification too, stays. */
static void
mutable_fields_of_ipv4_are_zeroed(void **state)
{
	static const uint8_t router_alert[] = { 148, 4, 0, 0 };
	uint8_t expect[24];
	uint32_t n = ipv4(router_alert, 4);

	(void)state;
	memcpy(expect, p, n);
	expect[1] = expect[6] = expect[7] = expect[8] = expect[10] = expect[11] = 0;
	assert_true(ah_mask_header(p, n));
	assert_memory_equal(p, expect, n);
}

/* Appendix A1. */
static void
mutable_options_of_ipv4_are_zeroed(void **state)
{
	static const struct {
		uint8_t type;
		bool kept;
	} options[] = { { 130, true }, { 133, true },  { 134, true },  { 148, true }, { 149, true },  { 131, false },
		        { 68, false }, { 7, false },   { 137, false }, { 82, false }, { 136, false }, { 11, false },
		        { 12, false }, { 145, false }, { 147, false }, { 30, false } };

	(void)state;
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		const uint8_t option[8] = { 1, options[i].type, 6, 4, 0xaa, 0xbb, 0xcc, 0 }, zeroed[8] = { 1 };
		uint32_t n = ipv4(option, 8);

		assert_true(ah_mask_header(p, n));
		assert_memory_equal(p + 20, options[i].kept ? option : zeroed, 8);
	}
}

static void
a_source_route_predicts_the_destination(void **state)
{
	/* Two hops, one still to come: both ends take the last address. */
	const uint8_t route[12] = { 131, 11, 8, 10, 9, 9, 1, 10, 9, 9, 2, 0 };
	const uint8_t used[12] = { 131, 11, 12, 10, 9, 9, 1, 10, 9, 9, 2, 0 };
	uint32_t n = ipv4(route, 12);

	(void)state;
	assert_true(ah_mask_header(p, n));
	assert_int_equal(get_be32(p + 16), 0x0a090902);
	n = ipv4(used, 12);
	assert_true(ah_mask_header(p, n));
	assert_int_equal(get_be32(p + 16), 0x0a020001);
}

static void
crooked_options_of_ipv4_are_refused(void **state)
{
	static const uint8_t crooked[][4] = {
		{ 148, 0, 0, 0 }, { 148, 1, 0, 0 }, { 148, 5, 0, 0 }, { 1, 1, 1, 148 }, { 1, 7, 4, 0 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof crooked / sizeof crooked[0]; i++)
		assert_false(ah_mask_header(p, ipv4(crooked[i], 4)));
}

/* Appendix A2: the bit of an option's type says whether its data may change. */
static void
mutable_fields_of_ipv6_are_zeroed(void **state)
{
	static const uint8_t hop[] = { 0 };
	const uint8_t options[6] = { 0x3e, 1, 0x55, 0x1e, 1, 0x66 };
	uint8_t expect[48];
	uint32_t n = ipv6(hop, 1);

	(void)state;
	memcpy(p + 42, options, 6);
	memcpy(expect, p, n);
	put_be32(expect, 0x60000000);
	expect[7] = 0;
	expect[44] = 0;
	assert_true(ah_mask_header(p, n));
	assert_memory_equal(p, expect, n);
	/* An option that goes beyond its header. */
	n = ipv6(hop, 1);
	p[42] = 0x1e;
	p[43] = 9;
	assert_false(ah_mask_header(p, n));
	p[43] = 4;
	assert_true(ah_mask_header(p, n));
}

/* RFC 8200 sections 4.2 and 4.3: what says more than there is has no ICV, wherever the lie stands. */
static void
crooked_extension_headers_of_ipv6_are_refused(void **state)
{
	static const struct {
		uint8_t chain[2], at, value;
		uint32_t n, less; /* headers; octets by which the whole is said to be shorter */
		bool good;
	} cases[] = {
		{ { 0 }, 0, 0, 1, 0, true },        /* six Pad1 options */
		{ { 60 }, 0, 0, 1, 0, true },       /* of the destination, too */
		{ { 0 }, 41, 1, 1, 0, false },      /* the header is longer than all headers */
		{ { 0 }, 41, 255, 1, 0, false },    /* by far */
		{ { 0 }, 0, 0, 1, 1, false },       /* it ends within its eight octets */
		{ { 0 }, 0, 0, 1, 7, false },       /* likewise */
		{ { 0 }, 47, 5, 1, 0, false },      /* an option behind five Pad1 that has no length */
		{ { 0, 50 }, 0, 0, 2, 0, false },   /* ESP is no header in front of AH */
		{ { 0, 44 }, 0, 0, 2, 0, false },   /* nor is that of a fragment */
		{ { 60, 43 }, 49, 2, 2, 0, false }, /* a routing header that goes on behind all headers */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t n = ipv6(cases[i].chain, cases[i].n);

		if (cases[i].at)
			p[cases[i].at] = cases[i].value;
		if (ah_mask_header(p, n - cases[i].less) != cases[i].good)
			fail_msg("case %zu", i);
	}
}

/* "The sender must order the field so that it appears as it will at the receiver": hop by hop, as RFC 2460 section 4.4 moves it.
 */
static void
a_routing_header_is_predicted(void **state)
{
	static const uint8_t routing[] = { 43 };
	uint8_t sent[80], travelled[80];

	(void)state;
	ipv6(routing, 1);
	p[41] = 4; /* two addresses */
	p[42] = 0;
	p[43] = 2;
	memset(p + 48, 0xa1, 16);
	memset(p + 64, 0xb2, 16);
	memcpy(sent, p, sizeof sent);
	for (unsigned left = 2; left; left--) {
		uint8_t t[16], *address = p + 48 + (2 - left) * 16;

		memcpy(t, address, 16);
		memcpy(address, p + 24, 16);
		memcpy(p + 24, t, 16);
		p[43] = (uint8_t)(left - 1);
	}
	memcpy(travelled, p, sizeof travelled);
	assert_true(ah_mask_header(sent, sizeof sent));
	assert_true(ah_mask_header(travelled, sizeof travelled));
	assert_memory_equal(sent, travelled, sizeof sent);
	/* More segments than addresses; another type with segments left. */
	ipv6(routing, 1);
	p[41] = 2;
	p[43] = 2;
	assert_false(ah_mask_header(p, 64));
	p[42] = 2;
	p[43] = 1;
	assert_false(ah_mask_header(p, 64));
	p[43] = 0;
	assert_true(ah_mask_header(p, 64));
}

/* RFC 3948 section 3.1.2, judged by the checksum as it is made from nothing. */
static void
checksums_follow_a_nat(void **state)
{
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 3);
	for (unsigned i = 0; i < 2000; i++) {
		bool v6 = i & 1, tcp = i & 2;
		uint32_t n = v6 ? ipv6(NULL, 0) : ipv4(NULL, 0), l4 = 20 + (uint32_t)rng_below(&rng.rng, 30), at = tcp ? 16 : 6;
		size_t octets = v6 ? 16 : 4;
		uint8_t *src = p + (v6 ? 8 : 12);
		struct ip was_src = { .family = v6 ? IP_V6 : IP_V4 }, was_dst = was_src;
		uint64_t sum;

		p[v6 ? 6 : 9] = tcp ? 6 : 17;
		rng_fill(&rng.rng, p + n, l4);
		rng_fill(&rng.rng, src, 2 * octets);
		memcpy(was_src.b, src, octets);
		memcpy(was_dst.b, src + octets, octets);
		put_be16(p + n + at, 0);
		sum = checksum_add_u16(checksum_add_u16(0, l4), tcp ? 6 : 17);
		checksum_store(p + n + at, checksum_add(checksum_add(sum, src, 2 * octets), p + n, l4), !tcp);
		/* The NAT. */
		rng_fill(&rng.rng, src, octets);
		if (i & 4)
			rng_fill(&rng.rng, src + octets, octets);
		else
			was_dst.family = IP_NONE;
		transport_fix_checksum(p, p + n, l4, &was_src, &was_dst);
		assert_int_equal(checksum_fold(checksum_add(checksum_add(sum, src, 2 * octets), p + n, l4)), 0xffff);
	}
	/* No checksum stays no checksum. */
	ipv4(NULL, 0);
	transport_fix_checksum(p, p + 20, 8, &(struct ip) { .family = IP_V4, .b = { 1, 2, 3, 4 } }, &(struct ip) { 0 });
	assert_int_equal(get_be16(p + 26), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transport_headers_go_where_the_rfc_says),
		cmocka_unit_test(the_next_header_of_a_whole_header_is_found),
		cmocka_unit_test(mutable_fields_of_ipv4_are_zeroed),
		cmocka_unit_test(mutable_options_of_ipv4_are_zeroed),
		cmocka_unit_test(a_source_route_predicts_the_destination),
		cmocka_unit_test(crooked_options_of_ipv4_are_refused),
		cmocka_unit_test(mutable_fields_of_ipv6_are_zeroed),
		cmocka_unit_test(crooked_extension_headers_of_ipv6_are_refused),
		cmocka_unit_test(a_routing_header_is_predicted),
		cmocka_unit_test(checksums_follow_a_nat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
