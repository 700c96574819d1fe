/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "load.h"

/* @n windows of 25 ms, of which @in and @out thousandths are spent. */
static instant_t
spend(struct load *l, instant_t now, unsigned n, int in, int out)
{
	while (n--) {
		now += MILLISECONDS(25);
		load_spent(l, SA_INBOUND, MICROSECONDS(25) * in);
		load_spent(l, SA_OUTBOUND, MICROSECONDS(25) * out);
		assert_true(load_window_ends(l, now, true));
	}
	return now;
}

static void
figures_come_after_a_while_only(void **state)
{
	struct load l = { 0 };

	(void)state;
	load_spent(&l, SA_INBOUND, MICROSECONDS(10));
	assert_false(load_window_ends(&l, MICROSECONDS(20), true));
	assert_int_equal(load_share(&l, MICROSECONDS(20)), 0);
	assert_true(load_window_ends(&l, SECONDS(1), true));
}

static void
the_share_approaches_what_is_spent(void **state)
{
	struct load l = { 0 };
	instant_t now = spend(&l, 0, 1, 300, 400);
	int32_t first = load_share(&l, now);

	(void)state;
	assert_in_range(first, 1, 350);
	now = spend(&l, now, 40, 300, 400);
	assert_in_range(load_share(&l, now), 680, 700);
	now = spend(&l, now, 1, 0, 0);
	assert_in_range(load_share(&l, now), 350, 699);
}

/* A worker with one direction only has nothing that another could do for it. */
static void
full_is_who_has_much_of_both(void **state)
{
	static const struct {
		int in, out;
		bool full;
	} t[] = {
		{ 150, 650, true }, { 650, 60, true },  { 0, 990, false },
		{ 990, 0, false },  { 990, 10, false }, { 250, 250, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct load l = { 0 };

		spend(&l, 0, 40, t[i].in, t[i].out);
		if (load_is_full(&l) != t[i].full)
			fail_msg("%d in, %d out", t[i].in, t[i].out);
	}
}

/* One TCP stream keeps a worker busy, but nothing waits for it. */
static void
small_turns_fill_a_worker_only_where_no_time_is_left(void **state)
{
	static const struct {
		int in, out;
		bool full;
	} t[] = { { 200, 600, false }, { 200, 780, true } };

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct load l = { 0 };

		load_spent(&l, SA_INBOUND, MILLISECONDS(t[i].in));
		load_spent(&l, SA_OUTBOUND, MILLISECONDS(t[i].out));
		assert_true(load_window_ends(&l, SECONDS(1), false));
		assert_int_equal(load_is_full(&l), t[i].full);
	}
}

static void
one_full_window_is_no_full_worker(void **state)
{
	struct load l = { 0 };
	instant_t now = spend(&l, 0, 40, 100, 300);

	(void)state;
	spend(&l, now, 1, 300, 700);
	assert_false(load_is_full(&l));
}

/* Who sleeps publishes nothing, and one long window forgets what was before. */
static void
a_sleeper_has_no_load(void **state)
{
	struct load l = { 0 };
	instant_t now = spend(&l, 0, 40, 300, 600);

	(void)state;
	assert_true(load_share(&l, now + LOAD_SPAN) > 800);
	assert_int_equal(load_share(&l, now + LOAD_SPAN + 1), 0);
	assert_true(load_window_ends(&l, now + SECONDS(1), true));
	assert_int_equal(load_share(&l, now + SECONDS(1)), 0);
}

static void
a_shift_takes_the_outbound_part_along(void **state)
{
	struct load from = { 0 }, to = { 0 };
	instant_t now = spend(&from, 0, 60, 200, 600);

	(void)state;
	spend(&to, 0, 60, 0, 100);
	load_shift(&to, &from);
	assert_in_range(load_share(&from, now), 190, 200);
	assert_in_range(load_share(&to, now), 680, 700);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_come_after_a_while_only), cmocka_unit_test(the_share_approaches_what_is_spent),
		cmocka_unit_test(full_is_who_has_much_of_both),    cmocka_unit_test(one_full_window_is_no_full_worker),
		cmocka_unit_test(small_turns_fill_a_worker_only_where_no_time_is_left),
		cmocka_unit_test(a_sleeper_has_no_load),           cmocka_unit_test(a_shift_takes_the_outbound_part_along),
	};

	return cmocka_run_group_tests_name("dataplane load", tests, NULL, NULL);
}
