/* SPDX-License-Identifier: Apache-2.0 */
#include "esp_case.h"
#include "spd.h"

enum { RULES = 300 };

static struct selector
subnet(const char *text, unsigned bits, uint8_t proto, uint16_t lo, uint16_t hi)
{
	struct ip a;

	assert_true(ip_parse(&a, text));
	return selector_from_prefix(&a, bits, proto, lo, hi);
}

static struct flow
flow_of(const char *src, const char *dst, uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct flow f = { .proto = proto, .ports_known = true, .sport = sport, .dport = dport };

	assert_true(ip_parse(&f.src, src) && ip_parse(&f.dst, dst));
	return f;
}

static struct selector_pair
pair(struct selector local, struct selector remote)
{
	return (struct selector_pair) { local, remote };
}

static void
more_specific_wins_whatever_the_order(void **state)
{
	struct flow f = flow_of("10.1.2.3", "10.9.8.7", 6, 1234, 443);
	struct selector_pair ts[] = {
		pair(subnet("0.0.0.0", 0, 0, 0, 65535), subnet("0.0.0.0", 0, 0, 0, 65535)),
		pair(subnet("10.1.0.0", 16, 0, 0, 65535), subnet("10.9.0.0", 16, 0, 0, 65535)),
		pair(subnet("10.1.2.0", 24, 0, 0, 65535), subnet("10.9.0.0", 16, 0, 0, 65535)),
		pair(subnet("10.1.2.0", 24, 6, 0, 65535), subnet("10.9.0.0", 16, 6, 0, 65535)),
		pair(subnet("10.1.2.0", 24, 6, 0, 65535), subnet("10.9.0.0", 16, 6, 400, 500)),
		pair(subnet("10.1.2.0", 24, 6, 0, 65535), subnet("10.9.0.0", 16, 6, 443, 443)),
	};
	enum { N = sizeof ts / sizeof ts[0] };

	(void)state;
	for (unsigned turn = 0; turn < 2; turn++) {
		struct spd *s = spd_new(1, 2);

		for (unsigned i = 0; i < N; i++) {
			unsigned k = turn ? N - 1 - i : i;

			assert_true(spd_add(s, &ts[k], 0, k + 1));
		}
		/* Taking the best away leaves the next. */
		for (unsigned k = N; k > 0; k--) {
			assert_int_equal(spd_lookup(s, &f), k);
			spd_remove(s, k);
		}
		assert_int_equal(spd_lookup(s, &f), SPD_NONE);
		assert_int_equal(spd_count(s), 0);
		spd_free(s);
	}
}

static void
priority_comes_before_specificity(void **state)
{
	struct selector_pair wide = pair(subnet("0.0.0.0", 0, 0, 0, 65535), subnet("0.0.0.0", 0, 0, 0, 65535));
	struct selector_pair host = pair(subnet("10.1.2.3", 32, 0, 0, 65535), subnet("10.9.8.7", 32, 0, 0, 65535));
	struct flow f = flow_of("10.1.2.3", "10.9.8.7", 6, 1234, 443);
	struct spd *s = spd_new(1, 2);

	(void)state;
	assert_true(spd_add(s, &host, 0, 1));
	assert_true(spd_add(s, &wide, 0, 2));
	assert_int_equal(spd_lookup(s, &f), 1);
	assert_true(spd_add(s, &wide, 5000, 3));
	assert_int_equal(spd_lookup(s, &f), 3);
	assert_true(spd_add(s, &wide, 4999, 4));
	assert_int_equal(spd_lookup(s, &f), 4);
	assert_true(spd_add(s, &host, 4999, 5));
	assert_int_equal(spd_lookup(s, &f), 5);
	assert_true(spd_add(s, &host, 4999, 6)); /* the first of equals */
	assert_int_equal(spd_lookup(s, &f), 5);
	spd_free(s);
}

static void
fragments_match_only_selectors_without_ports(void **state)
{
	struct selector_pair port = pair(subnet("10.0.0.0", 8, 17, 0, 65535), subnet("10.0.0.0", 8, 17, 53, 53));
	struct selector_pair any = pair(subnet("10.0.0.0", 8, 0, 0, 65535), subnet("10.0.0.0", 8, 0, 0, 65535));
	struct flow f = flow_of("10.1.2.3", "10.9.8.7", 17, 5, 53);
	struct spd *s = spd_new(1, 2);

	(void)state;
	assert_true(spd_add(s, &port, 0, 1));
	assert_int_equal(spd_lookup(s, &f), 1);
	f.ports_known = false;
	assert_int_equal(spd_lookup(s, &f), SPD_NONE);
	assert_true(spd_add(s, &any, 0, 2));
	assert_int_equal(spd_lookup(s, &f), 2);
	spd_free(s);
}

static void
inbound_lookup_swaps_the_ends(void **state)
{
	struct selector_pair ts = pair(subnet("10.1.0.0", 16, 0, 0, 65535), subnet("10.2.0.0", 16, 0, 0, 65535));
	struct flow in = flow_of("10.2.0.1", "10.1.0.1", 6, 80, 5000);
	struct spd *s = spd_new(1, 2);

	(void)state;
	assert_true(spd_add(s, &ts, 0, 9));
	assert_int_equal(spd_lookup_inbound(s, &in), 9);
	assert_int_equal(spd_lookup(s, &in), SPD_NONE);
	spd_free(s);
}

static void
what_cannot_be_looked_up_is_refused(void **state)
{
	struct selector_pair mixed = pair(subnet("10.1.0.0", 16, 0, 0, 65535), subnet("fd00::", 16, 0, 0, 65535));
	struct selector_pair dynamic = { 0 }, good = pair(subnet("fd00::", 8, 0, 0, 65535), subnet("fd00::", 8, 0, 0, 65535));
	struct spd *s = spd_new(1, 2);

	(void)state;
	assert_false(spd_add(s, &mixed, 0, 1));
	assert_false(spd_add(s, &dynamic, 0, 1));
	assert_false(spd_add(s, &good, 0, SPD_NONE));
	assert_int_equal(spd_count(s), 0);
	spd_free(s);
}

/* ---- against the plain model: try all rules */

static struct ip
any_address(struct rng *r, bool v6)
{
	struct ip a = { .family = v6 ? IP_V6 : IP_V4 };

	/* Few different ones, so that rules overlap. */
	a.b[0] = v6 ? 0xfd : 10;
	a.b[1] = (uint8_t)rng_below(r, 3);
	a.b[v6 ? 15 : 3] = (uint8_t)rng_below(r, 4);
	return a;
}

static struct selector
any_selector(struct rng *r, bool v6)
{
	static const unsigned v4_bits[] = { 0, 8, 14, 16, 31, 32 }, v6_bits[] = { 0, 8, 16, 64, 127, 128 };
	static const uint16_t ports[][2] = { { 0, 65535 }, { 53, 53 }, { 40, 60 }, { 65535, 0 }, { 0, 1023 } };
	static const uint8_t protos[] = { 0, 0, 6, 17 };
	struct ip a = any_address(r, v6);
	size_t p = rng_below(r, 5);
	struct selector s = selector_from_prefix(&a, (v6 ? v6_bits : v4_bits)[rng_below(r, 6)], protos[rng_below(r, 4)],
	                                         ports[p][0], ports[p][1]);

	/* A range that is no prefix. */
	if (rng_below(r, 4) == 0) {
		struct ip b = any_address(r, v6);

		s.lo = ip_compare(&a, &b) < 0 ? a : b;
		s.hi = ip_compare(&a, &b) < 0 ? b : a;
	}
	return s;
}

static void
lookup_equals_trying_all_rules(void **state)
{
	static struct selector_pair ts[RULES];
	static uint32_t priority[RULES];
	struct seeded_rng rng;

	(void)state;
	for (unsigned seed = 0; seed < 20; seed++) {
		struct spd *s = spd_new(3, 4);
		bool there[RULES];

		seeded_rng_open(&rng, seed);
		for (unsigned i = 0; i < RULES; i++) {
			bool v6 = rng_below(&rng.rng, 2);

			ts[i] = pair(any_selector(&rng.rng, v6), any_selector(&rng.rng, v6));
			/* Priorities all different: the model needs no notion of specificity. */
			priority[i] = 1 + (i * 7919u) % 1000003u;
			assert_true(spd_add(s, &ts[i], priority[i], i + 1));
			there[i] = true;
		}
		for (unsigned round = 0; round < 2000; round++) {
			bool v6 = rng_below(&rng.rng, 2);
			struct flow f = { .src = any_address(&rng.rng, v6),
				          .dst = any_address(&rng.rng, v6),
				          .proto = rng_below(&rng.rng, 2) ? 6 : 17,
				          .ports_known = rng_below(&rng.rng, 5) != 0,
				          .sport = (uint16_t)rng_below(&rng.rng, 70),
				          .dport = (uint16_t)rng_below(&rng.rng, 70) };
			uint32_t expect = SPD_NONE;

			for (uint32_t i = 0; i < RULES; i++)
				if (there[i] && selector_pair_admits(&ts[i], &f) &&
				    (!expect || priority[i] < priority[expect - 1]))
					expect = i + 1;
			assert_int_equal(spd_lookup(s, &f), expect);
			if (round % 10 == 0) {
				uint32_t i = (uint32_t)rng_below(&rng.rng, RULES);

				spd_remove(s, i + 1);
				there[i] = !there[i];
				if (there[i])
					assert_true(spd_add(s, &ts[i], priority[i], i + 1));
			}
		}
		spd_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_specific_wins_whatever_the_order),
		cmocka_unit_test(priority_comes_before_specificity),
		cmocka_unit_test(fragments_match_only_selectors_without_ports),
		cmocka_unit_test(inbound_lookup_swaps_the_ends),
		cmocka_unit_test(what_cannot_be_looked_up_is_refused),
		cmocka_unit_test(lookup_equals_trying_all_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
