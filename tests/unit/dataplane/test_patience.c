/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "patience.h"

enum { SMALL = 60000, LARGE = 600000, MANY = 200 };

static void
move(struct patience *p, size_t octets, unsigned turns)
{
	while (turns--)
		patience_moved(p, octets);
}

static unsigned
looks(struct patience *p, instant_t now)
{
	unsigned n = 0;

	while (n < MANY && patience_yields(p, now))
		n++;
	return n;
}

/* It looks again a few times, then sleeps, and has patience again after the next work. */
static void
small_turns_are_worth_a_few_looks(void **state)
{
	struct patience p = { 0 };
	unsigned n;

	(void)state;
	move(&p, SMALL, MANY);
	n = looks(&p, 1);
	assert_in_range(n, 1, 10);
	assert_int_equal(looks(&p, 1), 0);
	patience_moved(&p, 1);
	assert_int_equal(looks(&p, 1), n);
}

static void
large_turns_are_not_and_one_of_the_other_kind_changes_nothing(void **state)
{
	struct patience p = { 0 };

	(void)state;
	move(&p, LARGE, MANY);
	assert_int_equal(looks(&p, 1), 0);
	patience_moved(&p, 100);
	assert_int_equal(looks(&p, 1), 0);
	move(&p, SMALL, MANY);
	assert_true(looks(&p, 1) > 0);
	patience_moved(&p, LARGE);
	assert_true(looks(&p, 1) > 0);
}

/* Beside a program that computes, each yield lasts a time slice: soon there is one a second. */
static void
long_yields_become_rare(void **state)
{
	struct patience p = { 0 };
	instant_t now = SECONDS(1);
	unsigned yields = 0;

	(void)state;
	for (; now < SECONDS(21); now += MICROSECONDS(100)) {
		patience_moved(&p, 100);
		if (patience_yields(&p, now)) {
			patience_yielded(&p, now, now + MILLISECONDS(3));
			now += MILLISECONDS(3);
			yields++;
		}
	}
	assert_in_range(yields, 20, 30);
}

/* Beside a program that computes in bursts some are short and some long: what the long ones cost stays a small part. */
static void
long_yields_among_short_ones_stay_cheap(void **state)
{
	struct patience p = { 0 };
	instant_t now = SECONDS(1), lost = 0;
	unsigned yields = 0;

	(void)state;
	while (now < SECONDS(21)) {
		instant_t took = yields % 4 ? MICROSECONDS(2) : MILLISECONDS(4);

		now += MICROSECONDS(100);
		patience_moved(&p, 100);
		if (!patience_yields(&p, now))
			continue;
		patience_yielded(&p, now, now + took);
		now += took;
		lost += yields++ % 4 ? 0 : took;
	}
	assert_true(lost > 0);
	assert_true(lost < (now - SECONDS(1)) / 16);
}

static void
a_short_yield_ends_the_doubling(void **state)
{
	struct patience p = { 0 };
	instant_t first;

	(void)state;
	patience_yielded(&p, 0, MILLISECONDS(3));
	first = p.since - MILLISECONDS(3);
	assert_false(patience_yields(&p, p.since - 1));
	assert_true(patience_yields(&p, p.since));
	patience_yielded(&p, 0, MILLISECONDS(3));
	assert_true(p.since - MILLISECONDS(3) > first);
	patience_yielded(&p, p.since, p.since + MICROSECONDS(50));
	patience_yielded(&p, 0, MILLISECONDS(3));
	assert_int_equal(p.since - MILLISECONDS(3), first);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_turns_are_worth_a_few_looks),
		cmocka_unit_test(large_turns_are_not_and_one_of_the_other_kind_changes_nothing),
		cmocka_unit_test(long_yields_become_rare),
		cmocka_unit_test(long_yields_among_short_ones_stay_cheap),
		cmocka_unit_test(a_short_yield_ends_the_doubling),
	};

	return cmocka_run_group_tests_name("dataplane patience", tests, NULL, NULL);
}
