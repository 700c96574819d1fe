/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "seeded_rng.h"
#include "steer_box.h"

#include <stdio.h>
#include <stdlib.h>

static struct selector_pair
pair(const char *local, const char *remote)
{
	struct selector_pair p;
	const char *why = "";

	if (!selector_parse(&p.local, span_str(local), &why) || !selector_parse(&p.remote, span_str(remote), &why))
		fail_msg("%s, %s: %s", local, remote, why);
	return p;
}

static size_t
boxes_of(struct box out[BOXES_MAX], const char *local, const char *remote)
{
	struct selector_pair p = pair(local, remote);

	return box_from_pair(out, &p);
}

static void
selectors_become_boxes(void **state)
{
	struct box b[BOXES_MAX];

	(void)state;
	assert_int_equal(boxes_of(b, "10.1.0.0/16", "10.2.0.0/16"), 1);
	assert_int_equal(b[0].kind, BOX_ADDRESSES);
	assert_int_equal(boxes_of(b, "10.1.0.0/16[tcp]", "10.2.0.0/16"), 1);
	assert_int_equal(b[0].kind, BOX_PROTOCOL);
	assert_int_equal(b[0].proto, 6);
	assert_int_equal(boxes_of(b, "10.1.0.0/16", "10.2.0.0/16[udp/500-600]"), 1);
	assert_int_equal(b[0].kind, BOX_PORTS);
	assert_int_equal(b[0].proto, 17);
	assert_int_equal(b[0].dport.lo, 500);
	assert_int_equal(b[0].dport.hi, 600);
	assert_int_equal(b[0].sport.hi, 65535);
}

static void
what_cannot_match_has_no_box(void **state)
{
	struct selector_pair opaque = pair("10.1.0.0/16[tcp]", "10.2.0.0/16[tcp]");
	struct box b[BOXES_MAX];

	(void)state;
	assert_int_equal(boxes_of(b, "10.1.0.0/16", "fd02::/64"), 0);
	assert_int_equal(boxes_of(b, "10.1.0.0/16[tcp]", "10.2.0.0/16[udp]"), 0);
	opaque.remote.port_lo = 65535;
	opaque.remote.port_hi = 0;
	assert_int_equal(box_from_pair(b, &opaque), 0);
	/* GRE has no ports. */
	assert_int_equal(boxes_of(b, "10.1.0.0/16[47/5]", "10.2.0.0/16"), 0);
}

static void
ports_of_any_protocol_are_those_of_each(void **state)
{
	static const uint8_t protos[] = { 6, 17, 132, 33, 136 };
	struct box b[BOXES_MAX];

	(void)state;
	assert_int_equal(boxes_of(b, "10.1.0.0/16", "10.2.0.0/16[/53]"), 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(b[i].proto, protos[i]);
		assert_int_equal(b[i].dport.lo, 53);
	}
}

/* RFC 4301 section 4.4.1.1: type and code are one 16-bit value. */
static void
message_types_are_joined(void **state)
{
	struct selector_pair p = pair("10.1.0.0/16[icmp]", "10.2.0.0/16[icmp]");
	struct box b[BOXES_MAX];

	(void)state;
	p.local.port_lo = 0x0800;
	p.local.port_hi = 0x08ff;
	assert_int_equal(box_from_pair(b, &p), 1);
	assert_true(box_is_icmp(&b[0]));
	assert_int_equal(b[0].sport.lo, 0x0800);
	assert_int_equal(b[0].sport.hi, 0x08ff);
	assert_int_equal(b[0].dport.hi, 65535);
	p.remote.port_lo = p.remote.port_hi = 0x0800;
	assert_int_equal(box_from_pair(b, &p), 1);
	assert_int_equal(b[0].sport.hi, 0x0800);
	p.remote.port_lo = p.remote.port_hi = 0x0000;
	assert_int_equal(box_from_pair(b, &p), 0);
}

static void
boxes_overlap_where_a_packet_fits_both(void **state)
{
	static const struct {
		const char *local_a, *remote_a, *local_b, *remote_b;
		bool overlap;
	} cases[] = {
		{ "10.1.0.0/16", "10.2.0.0/16", "10.1.5.0/24", "0.0.0.0/0", true },
		{ "10.1.0.0/16", "10.2.0.0/16", "10.1.0.0/16", "10.3.0.0/16", false },
		{ "10.1.0.0/16", "10.2.0.0/16", "10.2.0.0/16", "10.1.0.0/16", false },
		{ "10.1.0.0/16[tcp]", "10.2.0.0/16", "10.1.0.0/16[udp]", "10.2.0.0/16", false },
		{ "10.1.0.0/16[tcp]", "10.2.0.0/16", "10.1.0.0/16", "10.2.0.0/16", true },
		{ "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80]", "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80-90]", true },
		{ "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80]", "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/81]", false },
		{ "10.1.0.1-10.1.0.9", "10.2.0.0/16", "10.1.0.9-10.1.0.20", "10.2.0.0/16", true },
		{ "10.1.0.1-10.1.0.9", "10.2.0.0/16", "10.1.0.10-10.1.0.20", "10.2.0.0/16", false },
		{ "0.0.0.0/0", "0.0.0.0/0", "::/0", "::/0", false },
	};
	struct box a[BOXES_MAX], b[BOXES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(boxes_of(a, cases[i].local_a, cases[i].remote_a), 1);
		assert_int_equal(boxes_of(b, cases[i].local_b, cases[i].remote_b), 1);
		assert_int_equal(box_overlaps(&a[0], &b[0]), cases[i].overlap);
		assert_int_equal(box_overlaps(&b[0], &a[0]), cases[i].overlap);
		assert_true(box_overlaps(&a[0], &a[0]) && box_equal(&a[0], &a[0]));
		assert_false(box_equal(&a[0], &b[0]));
	}
}

static void
narrower_is_more_specific(void **state)
{
	static const char *const remotes[] = {
		"0.0.0.0/0",           "10.0.0.0/8", "10.2.0.0/16", "10.2.0.0/16[tcp]", "10.2.0.0/16[tcp/80-90]",
		"10.2.0.0/16[tcp/80]", "10.2.0.0/24"
	};
	uint32_t last = 0;

	(void)state;
	for (size_t i = 0; i < sizeof remotes / sizeof *remotes; i++) {
		struct box b[BOXES_MAX];
		uint32_t s;

		assert_int_equal(boxes_of(b, "10.1.0.0/16", remotes[i]), 1);
		s = box_specificity(&b[0]);
		assert_true(s > last);
		assert_true(s < 100000);
		last = s;
	}
}

/* The prefixes of a range cover it, each address once, and nothing else. */
static void
ranges_are_the_sum_of_their_prefixes(void **state)
{
	struct seeded_rng rng;
	struct prefix p[PREFIXES_MAX];

	(void)state;
	seeded_rng_open(&rng, 5);
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t x = rng_u32(&rng.rng) >> (i % 32), y = rng_u32(&rng.rng) >> (i % 31);
		struct ip lo = ip_from_v4(x < y ? x : y), hi = ip_from_v4(x < y ? y : x), at = lo;
		size_t n = prefixes_of_range(p, &lo, &hi);

		assert_true(n >= 1 && n <= 62);
		for (size_t k = 0; k < n; k++) {
			struct ip from, to;

			ip_prefix_range(&from, &to, &p[k].ip, p[k].bits);
			assert_true(ip_equal(&from, &at));
			at = to;
			assert_int_equal(ip_next(&at), k + 1 < n || !ip_equal(&to, &hi) || get_be32(hi.b) != UINT32_MAX);
		}
		if (get_be32(hi.b) != UINT32_MAX)
			assert_int_equal(get_be32(at.b), get_be32(hi.b) + 1);
	}
}

static void
the_longest_decompositions_fit(void **state)
{
	struct prefix p[PREFIXES_MAX];
	struct ip lo, hi;

	(void)state;
	assert_true(ip_parse(&lo, "0.0.0.1") && ip_parse(&hi, "255.255.255.254"));
	assert_int_equal(prefixes_of_range(p, &lo, &hi), 62);
	assert_true(ip_parse(&lo, "::1") && ip_parse(&hi, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"));
	assert_int_equal(prefixes_of_range(p, &lo, &hi), 254);
	assert_true(ip_parse(&lo, "::") && ip_parse(&hi, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_int_equal(prefixes_of_range(p, &lo, &hi), 1);
	assert_int_equal(p[0].bits, 0);
}

static void
shapes_leave_message_types_out(void **state)
{
	struct box b[BOXES_MAX];
	struct netlink_shape s;

	(void)state;
	assert_int_equal(boxes_of(b, "10.1.0.0/16[icmp/8]", "10.2.0.0/16[icmp/8]"), 1);
	s = box_shape(&b[0]);
	assert_int_equal(s.proto, 1);
	assert_int_equal(s.sport.lo, 0);
	assert_int_equal(boxes_of(b, "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80]"), 1);
	s = box_shape(&b[0]);
	assert_int_equal(s.dport.lo, 80);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors_become_boxes),
		cmocka_unit_test(what_cannot_match_has_no_box),
		cmocka_unit_test(ports_of_any_protocol_are_those_of_each),
		cmocka_unit_test(message_types_are_joined),
		cmocka_unit_test(boxes_overlap_where_a_packet_fits_both),
		cmocka_unit_test(narrower_is_more_specific),
		cmocka_unit_test(ranges_are_the_sum_of_their_prefixes),
		cmocka_unit_test(the_longest_decompositions_fit),
		cmocka_unit_test(shapes_leave_message_types_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
