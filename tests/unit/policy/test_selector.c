/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "selector.h"
#include "seeded_rng.h"

static struct selector
sel(const char *text)
{
	struct selector s;
	const char *why;

	if (!selector_parse(&s, span_str(text), &why))
		fail_msg("%s: %s", text, why);
	return s;
}

static struct ip
ip(const char *text)
{
	struct ip a;

	assert_true(ip_parse(&a, text));
	return a;
}

static void
expect_text(const char *text, const char *want)
{
	struct selector s = sel(text);
	char out[SELECTOR_TEXT_MAX];

	assert_string_equal(selector_format(out, &s), want);
}

/* ---- text */

/* Left swanctl's words, right what strongSwan prints for them (ports by number, where it looks up names). */
static void
swanctl_forms_are_read_and_printed(void **state)
{
	static const char *const forms[][2] = {
		{ "10.1.0.0/16", "10.1.0.0/16" },
		{ "10.1.2.3/16", "10.1.0.0/16" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.1.0.5", "10.1.0.5/32" },
		{ "10.1.0.1-10.1.0.9", "10.1.0.1..10.1.0.9" },
		{ "10.1.0.0-10.1.0.255", "10.1.0.0/24" },
		{ "10.1.0.1..10.1.0.9", "10.1.0.1..10.1.0.9" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::5", "2001:db8::5/128" },
		{ "::/0", "::/0" },
		{ "2001:db8::1-2001:db8::3", "2001:db8::1..2001:db8::3" },
		{ "dynamic", "dynamic" },
		{ "dynamic[tcp]", "dynamic[tcp]" },
		{ "10.1.0.0/16[tcp/80]", "10.1.0.0/16[tcp/80]" },
		{ "10.1.0.0/16[tcp/http]", "10.1.0.0/16[tcp/80]" },
		{ "10.1.0.0/16[TCP/domain]", "10.1.0.0/16[tcp/53]" },
		{ "10.1.0.0/16[tcp/http-alt]", "10.1.0.0/16[tcp/8080]" },
		{ "10.1.0.0/16[udp]", "10.1.0.0/16[udp]" },
		{ "10.1.0.0/16[17]", "10.1.0.0/16[udp]" },
		{ "10.1.0.0/16[6/1000-2000]", "10.1.0.0/16[tcp/1000-2000]" },
		{ "10.1.0.0/16[/53]", "10.1.0.0/16[0/53]" },
		{ "10.1.0.0/16[any/any]", "10.1.0.0/16" },
		{ "10.1.0.0/16[%any/%any]", "10.1.0.0/16" },
		{ "10.1.0.0/16[tcp/]", "10.1.0.0/16[tcp]" },
		{ "dynamic[/]", "dynamic" },
		{ " 10.1.0.0/16 [ tcp / 80 ] ", "10.1.0.0/16[tcp/80]" },
		{ "10.1.0.1 - 10.1.0.3", "10.1.0.1..10.1.0.3" },
		{ "10.1.0.0/16[ipip]", "10.1.0.0/16[ipip]" },
		{ "10.1.0.0/16[94]", "10.1.0.0/16[ipip]" },
		{ "10.1.0.0/16[135/5]", "10.1.0.0/16[mobility-header/5]" },
		{ "10.1.0.0/16[icmp/768-1023]", "10.1.0.0/16[icmp/3-3(255)]" },
		{ "10.1.0.0/16[]", "10.1.0.0/16" },
		{ "10.1.0.0/16[udp/%any]", "10.1.0.0/16[udp]" },
		{ "10.1.0.0/16[udp/opaque]", "10.1.0.0/16[udp/OPAQUE]" },
		{ "10.1.0.0/16[udp/%opaque]", "10.1.0.0/16[udp/OPAQUE]" },
		{ "10.1.0.0/16[udp/0]", "10.1.0.0/16[udp/0]" },
		{ "10.1.0.0/16[200]", "10.1.0.0/16[200]" },
		{ "10.1.0.0/16[icmp/8]", "10.1.0.0/16[icmp/8]" },
		{ "10.1.0.0/16[icmp/2048]", "10.1.0.0/16[icmp/8]" },
		{ "10.1.0.0/16[icmp/3(1)]", "10.1.0.0/16[icmp/3(1)]" },
		{ "10.1.0.0/16[icmp/769]", "10.1.0.0/16[icmp/3(1)]" },
		{ "10.1.0.0/16[icmp/3-3(255)]", "10.1.0.0/16[icmp/3-3(255)]" },
		{ "::/0[ipv6-icmp/128]", "::/0[ipv6-icmp/128]" },
		{ "::/0[icmpv6]", "::/0[ipv6-icmp]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		expect_text(forms[i][0], forms[i][1]);
}

static void
other_texts_are_refused_with_a_reason(void **state)
{
	static const char *const texts[] = {
		"",
		"any",
		"10.1.0.0/33",
		"10.1.0.0/",
		"10.1.0.0/-1",
		"10.1.0.0/1x",
		"10.1.0/16",
		"2001:db8::/129",
		"/16",
		"10.1.0.9-10.1.0.1",
		"10.1.0.1-2001:db8::1",
		"10.1.0.1-",
		"-10.1.0.1",
		"10.1.0.0/16[tcp",
		"10.1.0.0/16tcp]",
		"10.1.0.0/16[tcp]x",
		"10.1.0.0/16[nonesuch]",
		"10.1.0.0/16[256]",
		"10.1.0.0/16[tcp/65536]",
		"10.1.0.0/16[tcp/x]",
		"10.1.0.0/16[tcp/9-3]",
		"10.1.0.0/16[tcp/1-2-3]",
		"10.1.0.0/16[icmp/1(2]",
		"10.1.0.0/16[icmp/8/0]",
		"10.1.0.0/16[icmp/1(256)]",
		"10.1.0.0/16[icmp/(1)]",
		"10.1.0.0/16[tcp/99999999999]",
		"dynamic/24",
		"1::2::3",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/64",
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct selector s;

		why = NULL;
		if (selector_parse(&s, span_str(texts[i]), &why))
			fail_msg("%s was read", texts[i]);
		assert_non_null(why);
		assert_true(strlen(why) > 20);
	}
	assert_false(selector_parse(&(struct selector) { 0 }, span_of("10.1.0.0\0/8", 11), &why));
}

/* Any selector that can be, near the edges more often than elsewhere. */
static struct selector
random_selector(struct rng *r)
{
	static const uint8_t protos[] = { 0, 0, 1, 6, 17, 58, 200 };
	struct selector s = { .proto = protos[rng_below(r, sizeof protos)], .port_hi = 65535 };
	uint8_t octets[16] = { 10 };
	struct ip a;

	octets[3] = (uint8_t)rng_below(r, 8);
	octets[15] = (uint8_t)rng_below(r, 8);
	a = ip_from_octets(span_of(octets, rng_below(r, 3) ? 4 : 16));
	ip_prefix_range(&s.lo, &s.hi, &a, ip_bits(&a) - (unsigned)rng_below(r, 4));
	if (rng_below(r, 4) == 0)
		s.lo = a;
	switch (rng_below(r, 8)) {
	case 0:
		s.port_lo = 65535;
		s.port_hi = 0;
		break;
	case 1:
	case 2:
		s.port_lo = (uint16_t)rng_below(r, 600);
		s.port_hi = (uint16_t)(s.port_lo + rng_below(r, 600));
		break;
	case 3:
		s.lo = s.hi = (struct ip) { 0 };
		break;
	}
	return s;
}

static void
what_is_printed_is_read_back(void **state)
{
	struct seeded_rng r;

	(void)state;
	seeded_rng_open(&r, 11);
	for (unsigned i = 0; i < 20000; i++) {
		struct selector s = random_selector(&r.rng), back;
		char out[SELECTOR_TEXT_MAX];
		const char *why;

		selector_format(out, &s);
		if (!selector_parse(&back, span_str(out), &why) || !selector_equal(&s, &back))
			fail_msg("%s: %s", out, why ? why : "another one");
	}
}

/* The longest text there is still fits. */
static void
long_selectors_fit(void **state)
{
	struct selector s = { .proto = 58, .port_lo = 0xfffe, .port_hi = 0xffff };
	char out[SELECTOR_TEXT_MAX];

	(void)state;
	s.lo = ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd");
	s.hi = ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	assert_string_equal(selector_format(out, &s),
	                    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd..ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"
	                    "[ipv6-icmp/255(254)-255(255)]");
}

/* ---- set algebra */

static void
expect_common(const char *a, const char *b, const char *want)
{
	struct selector x = sel(a), y = sel(b), common, w;

	if (selector_intersect(&common, &x, &y) != (want != NULL))
		fail_msg("%s and %s", a, b);
	if (!want)
		return;
	w = sel(want);
	assert_true(selector_equal(&common, &w));
}

static void
common_parts_are_found(void **state)
{
	(void)state;
	expect_common("10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16");
	expect_common("10.0.0.1-10.0.0.9", "10.0.0.5-10.0.0.20", "10.0.0.5-10.0.0.9");
	expect_common("10.0.0.0/8", "11.0.0.0/8", NULL);
	expect_common("0.0.0.0/0", "::/0", NULL);
	expect_common("10.0.0.0/8[tcp]", "10.0.0.0/8", "10.0.0.0/8[tcp]");
	expect_common("10.0.0.0/8[tcp]", "10.0.0.0/8[udp]", NULL);
	expect_common("10.0.0.0/8[tcp/80]", "10.0.0.0/8[tcp/1-1024]", "10.0.0.0/8[tcp/80]");
	expect_common("10.0.0.0/8[tcp/80]", "10.0.0.0/8[/1-1024]", "10.0.0.0/8[tcp/80]");
	expect_common("10.0.0.0/8[tcp/80]", "10.0.0.0/8[tcp/81]", NULL);
	expect_common("dynamic", "10.0.0.0/8", NULL);
	expect_common("dynamic[tcp]", "dynamic", "dynamic[tcp]");
	/* RFC 4301 4.4.1.1: ANY encompasses OPAQUE; a port does not. */
	expect_common("10.0.0.0/8[tcp/%opaque]", "10.0.0.0/8[tcp]", "10.0.0.0/8[tcp/%opaque]");
	expect_common("10.0.0.0/8[tcp/%opaque]", "10.0.0.0/8[tcp/%opaque]", "10.0.0.0/8[tcp/%opaque]");
	expect_common("10.0.0.0/8[tcp/%opaque]", "10.0.0.0/8[tcp/80]", NULL);
	expect_common("10.0.0.0/8[tcp/%opaque]", "10.0.0.0/8[tcp/1-65535]", NULL);
}

static void
algebra_holds(const struct selector *a, const struct selector *b)
{
	struct selector ab, ba;
	bool x = selector_intersect(&ab, a, b), y = selector_intersect(&ba, b, a);

	assert_true(x == y);
	assert_true(selector_contains(a, a));
	if (x) {
		assert_true(selector_equal(&ab, &ba));
		assert_true(selector_contains(a, &ab) && selector_contains(b, &ab));
	}
	assert_true(selector_contains(a, b) == (x && selector_equal(&ab, b)));
	if (selector_contains(a, b) && selector_contains(b, a))
		assert_true(selector_equal(a, b));
}

/* A packet is within the common part exactly when it is within both. */
static void
packets_agree(const struct selector *a, const struct selector *b, const struct flow *f)
{
	struct selector any = { .port_hi = 65535 }, common;
	bool both, x = selector_intersect(&common, a, b);
	struct selector_pair pa = { .local = *a }, pb = { .local = *b }, pc = { .local = common };

	ip_prefix_range(&any.lo, &any.hi, &f->dst, 0);
	pa.remote = pb.remote = pc.remote = any;
	both = selector_pair_admits(&pa, f) && selector_pair_admits(&pb, f);
	assert_true(both == (x && selector_pair_admits(&pc, f)));
}

static void
algebra_holds_for_any_two(void **state)
{
	struct seeded_rng r;

	(void)state;
	seeded_rng_open(&r, 12);
	for (unsigned i = 0; i < 50000; i++) {
		struct selector a = random_selector(&r.rng), b = random_selector(&r.rng), at = random_selector(&r.rng);
		struct flow f = { .src = at.lo.family ? at.lo : ip("10.0.0.1"),
			          .dst = ip("192.0.2.1"),
			          .proto = at.proto,
			          .ports_known = at.port_lo <= at.port_hi,
			          .sport = at.port_lo };

		algebra_holds(&a, &b);
		if (a.lo.family && b.lo.family)
			packets_agree(&a, &b, &f);
	}
}

static void
hosts_and_dynamic_are_resolved(void **state)
{
	struct ip a = ip("192.0.2.7");
	struct selector host = selector_host(&a), want = sel("192.0.2.7"), d = sel("dynamic[udp/53]"), s;

	(void)state;
	assert_true(selector_equal(&host, &want));
	assert_true(selector_is_dynamic(&d));
	assert_false(selector_is_dynamic(&host));
	s = selector_resolve(&d, &a);
	want = sel("192.0.2.7[udp/53]");
	assert_true(selector_equal(&s, &want));
	s = selector_resolve(&want, &(struct ip) { .family = IP_V4 });
	assert_true(selector_equal(&s, &want));
	s = selector_from_prefix(&a, 24, 6, 1, 2);
	want = sel("192.0.2.0/24[tcp/1-2]");
	assert_true(selector_equal(&s, &want));
}

/* ---- packets against pairs */

static struct selector_pair
pair(const char *local, const char *remote)
{
	return (struct selector_pair) { .local = sel(local), .remote = sel(remote) };
}

static void
both_sides_of_a_pair_decide(void **state)
{
	struct flow f = {
		.src = ip("10.1.0.5"), .dst = ip("10.2.0.5"), .proto = 6, .ports_known = true, .sport = 40000, .dport = 80
	};
	struct flow back = flow_reversed(&f), fragment = f;
	struct selector_pair p = pair("10.1.0.0/16", "10.2.0.0/16"), web = pair("10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80]"),
	                     q = pair("10.1.0.0/16[tcp/%opaque]", "10.2.0.0/16[tcp/%opaque]"),
	                     udp = pair("10.1.0.0/16[udp]", "10.2.0.0/16[udp]"),
	                     half = pair("10.1.0.0/16[tcp/80]", "10.2.0.0/16[tcp]");

	(void)state;
	fragment.ports_known = false;
	assert_true(selector_pair_admits(&p, &f));
	assert_false(selector_pair_admits(&p, &back));
	assert_true(selector_pair_admits(&web, &f));
	assert_false(selector_pair_admits(&half, &f));
	assert_false(selector_pair_admits(&udp, &f));
	assert_false(selector_pair_admits(&web, &fragment));
	assert_true(selector_pair_admits(&p, &fragment));
	assert_true(selector_pair_admits(&q, &fragment));
	assert_false(selector_pair_admits(&q, &f));
	back = flow_reversed(&back);
	assert_memory_equal(&back.src, &f.src, sizeof f.src);
	assert_int_equal(back.sport, f.sport);
	assert_int_equal(back.dport, f.dport);
	assert_true(selector_pair_equal(&p, &p));
	assert_false(selector_pair_equal(&p, &web));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(swanctl_forms_are_read_and_printed),
		cmocka_unit_test(other_texts_are_refused_with_a_reason),
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(long_selectors_fit),
		cmocka_unit_test(common_parts_are_found),
		cmocka_unit_test(algebra_holds_for_any_two),
		cmocka_unit_test(hosts_and_dynamic_are_resolved),
		cmocka_unit_test(both_sides_of_a_pair_decide),
	};

	return cmocka_run_group_tests_name("selector", tests, NULL, NULL);
}
