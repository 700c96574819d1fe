/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "seeded_rng.h"
#include "selector.h"

#include <stdlib.h>

/* A packet under construction. */
struct packet {
	size_t n;
	uint8_t b[512];
};

static void
put(struct packet *p, const void *octets, size_t n)
{
	assert_true(p->n + n <= sizeof p->b);
	if (n)
		memcpy(p->b + p->n, octets, n);
	p->n += n;
}

/* The packet in memory of exactly its size, so that a read past its end shows under ASan. */
static bool
flow_of(struct flow *f, const struct packet *p, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);
	bool ok;

	memcpy(exact, p->b, n);
	ok = flow_from_packet(f, span_of(exact, n));
	free(exact);
	return ok;
}

static struct packet
ipv4(uint8_t proto, uint16_t fragment_word, size_t options, struct span payload)
{
	uint8_t h[60] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64, proto, 0, 0, 10, 1, 0, 5, 10, 2, 0, 6 };
	struct packet p = { 0 };

	h[0] = (uint8_t)(0x45 + options / 4);
	put_be16(h + 2, (uint16_t)(20 + options + payload.n));
	put_be16(h + 6, fragment_word);
	put(&p, h, 20 + options);
	put(&p, payload.p, payload.n);
	return p;
}

static struct packet
ipv6(uint8_t next, struct span payload)
{
	uint8_t h[40] = { 0x60, 0, 0, 0, 0, 0, next, 64, 0x20, 1, 0x0d, 0xb8, [23] = 1, [24] = 0x20, 1, 0x0d, 0xb8, [39] = 2 };
	struct packet p = { 0 };

	put_be16(h + 4, (uint16_t)payload.n);
	put(&p, h, sizeof h);
	put(&p, payload.p, payload.n);
	return p;
}

static const uint8_t tcp_syn[20] = { 0x9c, 0x40, 0x00, 0x50 }; /* 40000 to 80 */
static const uint8_t echo[8] = { 8, 0 };

#define WHOLE(array) span_of(array, sizeof(array))

static void
expect_ports(const struct packet *p, uint8_t proto, bool known, uint16_t sport, uint16_t dport)
{
	struct flow f;

	assert_true(flow_of(&f, p, p->n));
	assert_int_equal(f.proto, proto);
	assert_int_equal(f.ports_known, known);
	assert_int_equal(f.sport, sport);
	assert_int_equal(f.dport, dport);
}

static void
ipv4_packets_are_read(void **state)
{
	struct packet p = ipv4(6, 0x4000, 0, WHOLE(tcp_syn));
	struct flow f;
	char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];

	(void)state;
	assert_true(flow_of(&f, &p, p.n));
	assert_string_equal(ip_format(src, &f.src), "10.1.0.5");
	assert_string_equal(ip_format(dst, &f.dst), "10.2.0.6");
	expect_ports(&p, 6, true, 40000, 80);
	/* With options; octets behind the packet do not matter. */
	p = ipv4(17, 0, 40, WHOLE(tcp_syn));
	put(&p, "trailer", 7);
	expect_ports(&p, 17, true, 40000, 80);
	/* Message type and code are the port, at both ends. */
	p = ipv4(1, 0, 0, WHOLE(echo));
	expect_ports(&p, 1, true, 0x0800, 0x0800);
	p = ipv4(50, 0, 0, WHOLE(tcp_syn));
	expect_ports(&p, 50, false, 0, 0);
}

static void
later_fragments_have_no_ports(void **state)
{
	struct packet first = ipv4(6, 0x2000, 0, WHOLE(tcp_syn)), later = ipv4(6, 0x2001, 0, WHOLE(tcp_syn)),
	              last = ipv4(6, 0x0003, 0, WHOLE(tcp_syn));

	(void)state;
	expect_ports(&first, 6, true, 40000, 80);
	expect_ports(&later, 6, false, 0, 0);
	expect_ports(&last, 6, false, 0, 0);
}

static void
short_upper_layers_have_no_ports(void **state)
{
	struct packet p = ipv4(6, 0, 0, span_of(tcp_syn, 3)), icmp = ipv4(1, 0, 0, span_of(echo, 1));

	(void)state;
	/* What lies behind the packet is not its ports. */
	put(&p, "\xff\xff\xff\xff", 4);
	expect_ports(&p, 6, false, 0, 0);
	expect_ports(&icmp, 1, false, 0, 0);
}

static void
malformed_ipv4_is_refused(void **state)
{
	struct packet good = ipv4(6, 0, 4, WHOLE(tcp_syn)), p;
	struct flow f;

	(void)state;
	for (size_t n = 0; n < good.n; n++)
		assert_false(flow_of(&f, &good, n));
	p = good;
	p.b[0] = 0x44; /* header of 16 octets */
	assert_false(flow_of(&f, &p, p.n));
	p = good;
	put_be16(p.b + 2, 23); /* total length within the header */
	assert_false(flow_of(&f, &p, p.n));
	p = good;
	p.b[0] = 0x56; /* version 5 */
	assert_false(flow_of(&f, &p, p.n));
}

static void
ipv6_packets_are_read(void **state)
{
	struct packet p = ipv6(6, WHOLE(tcp_syn));
	struct flow f;
	char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];

	(void)state;
	assert_true(flow_of(&f, &p, p.n));
	assert_string_equal(ip_format(src, &f.src), "2001:db8::1");
	assert_string_equal(ip_format(dst, &f.dst), "2001:db8::2");
	expect_ports(&p, 6, true, 40000, 80);
	p = ipv6(59, span_of(NULL, 0));
	expect_ports(&p, 59, false, 0, 0);
	for (size_t n = 0; n < 40; n++)
		assert_false(flow_of(&f, &p, n));
}

/* RFC 4301 4.4.1.1: hop-by-hop, routing, fragmentation and destination options are skipped, AH and ESP are not. */
static void
extension_headers_are_skipped(void **state)
{
	/* hop-by-hop (8) - routing (24) - destination options (8) - fragment at 0 (8) - TCP */
	static const uint8_t chain[8 + 24 + 8 + 8 + 4] = { [0] = 43, [1] = 0,  [8] = 60, [9] = 2,  [32] = 44,
		                                           [33] = 0, [40] = 6, [42] = 0, [43] = 1, [48] = 0x9c,
		                                           0x40,     0x00,     0x50 };
	static const uint8_t ah[24] = { 6, 4 };
	struct packet p = ipv6(0, WHOLE(chain));

	(void)state;
	expect_ports(&p, 6, true, 40000, 80);
	p = ipv6(51, WHOLE(ah));
	expect_ports(&p, 51, false, 0, 0);
	/* Cut anywhere within the headers. */
	for (size_t n = 0; n < 48; n++) {
		struct flow f;

		p = ipv6(0, span_of(chain, n));
		assert_false(flow_of(&f, &p, p.n));
	}
	p = ipv6(0, span_of(chain, 51));
	expect_ports(&p, 6, false, 0, 0);
}

static void
later_ipv6_fragments_have_no_ports(void **state)
{
	static const uint8_t udp[8 + 4] = { 17, 0, 0x05, 0xa8, [8] = 1, 2, 3, 4 };
	static const uint8_t options[8 + 4] = { 60, 0, 0x05, 0xa8, [8] = 0xff, 0xff, 0xff, 0xff };
	struct packet p = ipv6(44, WHOLE(udp));

	(void)state;
	expect_ports(&p, 17, false, 0, 0);
	/* What stands there is data, not a destination options header. */
	p = ipv6(44, WHOLE(options));
	expect_ports(&p, 60, false, 0, 0);
}

static void
endless_extension_headers_are_refused(void **state)
{
	uint8_t chain[9 * 8 + 4] = { 0 };
	struct flow f;
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 9; i++)
		chain[i * 8] = 60;
	chain[7 * 8] = 6;
	p = ipv6(60, WHOLE(chain));
	assert_true(flow_of(&f, &p, p.n));
	chain[7 * 8] = 60;
	chain[8 * 8] = 6;
	p = ipv6(60, WHOLE(chain));
	assert_false(flow_of(&f, &p, p.n));
}

/* No octets make it read past the end (ASan judges), and what it says is within them. */
static void
random_octets_do_no_harm(void **state)
{
	struct seeded_rng r;

	(void)state;
	seeded_rng_open(&r, 5);
	for (unsigned i = 0; i < 50000; i++) {
		struct packet p = { .n = rng_below(&r.rng, 96) };
		struct flow f;

		rng_fill(&r.rng, p.b, p.n);
		if (p.n > 7) {
			p.b[0] = rng_below(&r.rng, 2) ? 0x45 : 0x60;
			put_be16(p.b + (p.b[0] == 0x45 ? 2 : 4), (uint16_t)rng_below(&r.rng, p.n + 1));
			p.b[6] = (uint8_t)(rng_below(&r.rng, 3) * 22);
		}
		if (flow_of(&f, &p, p.n))
			assert_int_equal(f.src.family, f.dst.family);
	}
}

/* A MLDv2 report as Linux sends it, with its Hop-by-Hop option, and what differs from it in one thing. */
static void
words_about_the_link_are_told_apart(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t type;
		bool about_the_link;
	} rows[] = {
		{ "::", "ff02::16", 143, true },
		{ "fe80::1", "ff02::16", 143, true },
		{ "::", "ff02::2", 132, true },
		{ "fe80::1", "ff02::2", 133, true },
		{ "fd01::1", "ff02::16", 143, false },
		{ "fec0::1", "ff02::16", 143, false },
		{ "::", "ff05::2", 143, false },
		{ "::", "fe80::2", 143, false },
		{ "fe80::1", "ff02::1", 128, false },
		{ "fe80::1", "ff02::1", 134, false },
	};
	static const uint8_t upper[] = { 58, 0, 5, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct packet p = ipv6(0, span_of(upper, sizeof upper));
		struct ip src, dst;
		struct flow f;

		assert_true(ip_parse(&src, rows[i].src) && ip_parse(&dst, rows[i].dst));
		memcpy(p.b + 8, src.b, 16);
		memcpy(p.b + 24, dst.b, 16);
		p.b[48] = rows[i].type;
		assert_true(flow_of(&f, &p, p.n));
		if (flow_is_about_the_link(&f) != rows[i].about_the_link)
			fail_msg("%s to %s, type %u", rows[i].src, rows[i].dst, rows[i].type);
		/* A fragment that does not show its type is not one of them. */
		f.ports_known = false;
		assert_false(flow_is_about_the_link(&f));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_packets_are_read),
		cmocka_unit_test(later_fragments_have_no_ports),
		cmocka_unit_test(short_upper_layers_have_no_ports),
		cmocka_unit_test(malformed_ipv4_is_refused),
		cmocka_unit_test(ipv6_packets_are_read),
		cmocka_unit_test(extension_headers_are_skipped),
		cmocka_unit_test(later_ipv6_fragments_have_no_ports),
		cmocka_unit_test(endless_extension_headers_are_refused),
		cmocka_unit_test(words_about_the_link_are_told_apart),
		cmocka_unit_test(random_octets_do_no_harm),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
