/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "installed.h"
#include "seeded_rng.h"

static struct sa_params
params(const uint8_t *encr, size_t n, const char *integ)
{
	return (struct sa_params) { .encr_key = span_of(encr, n), .integ_key = span_str(integ) };
}

/* RFC 4106 section 3.1: the same key and nonce must not be used twice. */
static void
the_same_keys_are_refused(void **state)
{
	struct installed s;
	uint8_t key[36] = { 1 };
	struct sa_params p = params(key, sizeof key, NULL);

	(void)state;
	installed_open(&s, 1, 2);
	assert_int_equal(installed_add(&s, &p), INSTALLED_NEW);
	assert_int_equal(installed_add(&s, &p), INSTALLED_BEFORE);
	key[35] = 1;
	assert_int_equal(installed_add(&s, &p), INSTALLED_NEW);
	key[35] = 0;
	assert_int_equal(installed_add(&s, &p), INSTALLED_BEFORE);
	installed_close(&s);
}

static void
integrity_keys_and_lengths_count(void **state)
{
	struct installed s;
	uint8_t key[32] = { 7 };
	struct sa_params a = params(key, 16, "one"), b = params(key, 16, "two"), c = params(key, 32, "one"),
	                 d = params(key, 0, "one");

	(void)state;
	installed_open(&s, 3, 4);
	assert_int_equal(installed_add(&s, &a), INSTALLED_NEW);
	assert_int_equal(installed_add(&s, &b), INSTALLED_NEW);
	assert_int_equal(installed_add(&s, &c), INSTALLED_NEW);
	assert_int_equal(installed_add(&s, &d), INSTALLED_NEW);
	assert_int_equal(installed_add(&s, &d), INSTALLED_BEFORE);
	installed_close(&s);
}

/* Bounded: the latest INSTALLED_MAX / 2 keys are always known, and memory stops growing. */
static void
memory_is_bounded(void **state)
{
	struct installed s;
	uint32_t key[4] = { 0 };
	struct sa_params p = params((uint8_t *)key, sizeof key, NULL);

	(void)state;
	installed_open(&s, 5, 6);
	for (uint32_t i = 0; i < INSTALLED_MAX + INSTALLED_MAX / 2 + 1; i++) {
		key[0] = i;
		if (installed_add(&s, &p) != INSTALLED_NEW)
			fail();
	}
	assert_true(s.n[0] + s.n[1] <= INSTALLED_MAX);
	assert_true(s.room[0] <= INSTALLED_MAX && s.room[1] <= INSTALLED_MAX);
	for (uint32_t i = INSTALLED_MAX; i <= INSTALLED_MAX + INSTALLED_MAX / 2; i++) {
		key[0] = i;
		if (installed_add(&s, &p) != INSTALLED_BEFORE)
			fail();
	}
	installed_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_keys_are_refused),
		cmocka_unit_test(integrity_keys_and_lengths_count),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests_name("dataplane installed", tests, NULL, NULL);
}
