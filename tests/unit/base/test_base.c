/* SPDX-License-Identifier: Apache-2.0 */
#include "addr.h"
#include "arena.h"
#include "check.h"
#include "secret.h"
#include "seeded_rng.h"
#include "table.h"

static void
addresses_parse_and_print(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "fe80::1:2" };
	char out[IP_TEXT_MAX];
	struct ip a;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_true(ip_parse(&a, texts[i]));
		assert_string_equal(ip_format(out, &a), texts[i]);
	}
	assert_false(ip_parse(&a, "192.0.2.256"));
	assert_false(ip_parse(&a, "2001:db8::1::2"));
	assert_false(ip_parse(&a, ""));
}

static void
prefixes_become_ranges_and_back(void **state)
{
	struct ip a, lo, hi;

	(void)state;
	assert_true(ip_parse(&a, "10.1.2.3"));
	for (unsigned bits = 0; bits <= 32; bits++) {
		ip_prefix_range(&lo, &hi, &a, bits);
		assert_int_equal(ip_range_prefix(&lo, &hi), (int)bits);
		assert_true(ip_compare(&lo, &a) <= 0 && ip_compare(&a, &hi) <= 0);
	}
	assert_true(ip_parse(&lo, "10.0.0.1") && ip_parse(&hi, "10.0.0.2"));
	assert_int_equal(ip_range_prefix(&lo, &hi), -1);
	assert_true(ip_parse(&a, "2001:db8::5"));
	ip_prefix_range(&lo, &hi, &a, 64);
	assert_int_equal(ip_range_prefix(&lo, &hi), 64);
}

static void
addresses_count_up(void **state)
{
	struct ip a;

	(void)state;
	assert_true(ip_parse(&a, "10.0.0.255"));
	assert_true(ip_next(&a));
	assert_int_equal(get_be32(a.b), 0x0a000100);
	assert_true(ip_parse(&a, "255.255.255.255"));
	assert_false(ip_next(&a));
}

static void
secrets_compare_and_clear(void **state)
{
	autosecret a, b;

	(void)state;
	assert_true(secret_copy(&a, span_str("swordfish")));
	assert_true(secret_copy(&b, span_str("swordfisk")));
	assert_false(secret_equal(secret_span(&a), secret_span(&b)));
	assert_false(secret_equal(secret_span(&a), span_str("sword")));
	assert_true(secret_equal(secret_span(&a), span_str("swordfish")));
	secret_clear(&a);
	assert_null(a.p);
	assert_int_equal(a.n, 0);
}

static void
arenas_hold_anything(void **state)
{
	autoarena a = { 0 };

	(void)state;
	for (size_t n = 1; n < 20000; n = n * 3 + 1) {
		uint8_t *p = arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
}

/* Test vectors of the SipHash paper's reference implementation: key 00..0f, input 00..n-1. */
static void
siphash_is_siphash(void **state)
{
	uint8_t in[15];

	(void)state;
	for (uint8_t i = 0; i < 15; i++)
		in[i] = i;
	assert_true(siphash24(0x0706050403020100, 0x0f0e0d0c0b0a0908, span_of(in, 15)) == 0xa129ca6149be45e5);
	assert_true(siphash24(0x0706050403020100, 0x0f0e0d0c0b0a0908, span_of(in, 0)) == 0x726fdb47dd0e0e31);
}

struct item {
	struct table_link link;
	uint32_t key;
};

static struct item *
find(struct table *t, uint32_t key)
{
	for (struct table_link *l = table_find(t, span_of(&key, 4)); l; l = table_find_next(l)) {
		struct item *i = table_entry(l, struct item, link);

		if (i->key == key)
			return i;
	}
	return NULL;
}

static void
tables_find_what_was_put_in(void **state)
{
	enum { N = 1000 };
	static struct item item[N];
	struct table t;

	(void)state;
	table_open(&t, 1, 2);
	assert_null(find(&t, 0));
	for (uint32_t i = 0; i < N; i++) {
		item[i].key = i * 7;
		assert_true(table_insert(&t, &item[i].link, span_of(&item[i].key, 4)));
	}
	for (uint32_t i = 0; i < N; i += 2)
		table_remove(&t, &item[i].link);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(find(&t, i * 7), i % 2 ? &item[i] : NULL);
	assert_int_equal(t.n, N / 2);
	table_remove(&t, &item[0].link);
	assert_int_equal(t.n, N / 2);
	table_close(&t);
}

static void
bounded_random_numbers_are_in_bounds(void **state)
{
	struct seeded_rng r;
	unsigned seen[10] = { 0 };

	(void)state;
	seeded_rng_open(&r, 42);
	for (unsigned i = 0; i < 10000; i++)
		seen[rng_below(&r.rng, 10)]++;
	for (unsigned i = 0; i < 10; i++)
		assert_in_range(seen[i], 800, 1200);
	assert_int_equal(rng_below(&r.rng, 0), 0);
	assert_int_equal(rng_below(&r.rng, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_parse_and_print),
		cmocka_unit_test(prefixes_become_ranges_and_back),
		cmocka_unit_test(addresses_count_up),
		cmocka_unit_test(secrets_compare_and_clear),
		cmocka_unit_test(arenas_hold_anything),
		cmocka_unit_test(siphash_is_siphash),
		cmocka_unit_test(tables_find_what_was_put_in),
		cmocka_unit_test(bounded_random_numbers_are_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
