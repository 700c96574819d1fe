/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "clock_rng.h"
#include "text.h"

#include <string.h>
#include <time.h>

static void
the_clock_goes_on(void **state)
{
	instant_t a = clock_boottime(), b;
	struct timespec t = { .tv_nsec = 2000000 };

	(void)state;
	nanosleep(&t, NULL);
	b = clock_boottime();
	assert_true(a > 0);
	assert_true(b - a >= MILLISECONDS(2) && b - a < SECONDS(60));
}

/* Not a test of quality: only that every octet of any length is filled, and differently each time. */
static void
the_generator_fills_everything(void **state)
{
	static uint8_t a[100001], b[100001];
	unsigned seen[256] = { 0 };

	(void)state;
	rng_fill(rng_kernel(), a, sizeof a - 1);
	rng_fill(rng_kernel(), b, sizeof b - 1);
	assert_memory_not_equal(a, b, sizeof a - 1);
	assert_memory_not_equal(a, b, 16);
	for (size_t i = 0; i < sizeof a - 1; i++)
		seen[a[i]]++;
	for (size_t i = 0; i < 256; i++)
		assert_in_range(seen[i], 200, 600);
	assert_int_equal(a[100000], 0);
	rng_fill(rng_kernel(), a, 0);
}

static void
texts_grow(void **state)
{
	struct text t = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		text_add(&t, "%04u,", i);
	assert_int_equal(t.n, 25000);
	assert_int_equal(strlen(t.p), 25000);
	assert_memory_equal(t.p + 24990, "4998,4999,", 10);
	text_clear(&t);
	assert_string_equal(t.p, "");
	text_add(&t, "%s", "again");
	assert_string_equal(t.p, "again");
	assert_false(t.nomem);
	text_free(&t);
	assert_null(t.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_goes_on),
		cmocka_unit_test(the_generator_fills_everything),
		cmocka_unit_test(texts_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
