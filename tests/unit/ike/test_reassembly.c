/* SPDX-License-Identifier: Apache-2.0 */
#include "reassembly.h"
#include "check.h"

enum { ROOM = 1000, HELD_MAX = 1500 };

struct end {
	struct reassembly *r;
	struct arena arena;
	size_t held;
	struct span message;
};

static void
end_close(struct end *e)
{
	reassembly_free(e->r, &e->held);
	assert_int_equal(e->held, 0);
	arena_clear(&e->arena);
}

#define AUTOEND __attribute__((cleanup(end_close))) struct end

static enum reassembly_result
take(struct end *e, instant_t now, uint16_t id, uint8_t number, bool last, const char *text)
{
	return reassembly_take(&e->r, now, id, number, last, span_str(text), ROOM, &e->held, HELD_MAX, &e->arena, &e->message);
}

static void
is(const struct end *e, const char *text)
{
	assert_true(span_equal(e->message, span_str(text)));
}

static void
test_any_order(void **state)
{
	static const uint8_t order[6][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };
	static const char *const text[] = { "", "one,", "two,", "three" };
	AUTOEND e = { 0 };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		for (unsigned k = 0; k < 3; k++) {
			uint8_t n = order[i][k];

			assert_int_equal(take(&e, 0, 7, n, n == 3, text[n]), k == 2 ? REASSEMBLY_WHOLE : REASSEMBLY_WAITS);
		}
		is(&e, "one,two,three");
		assert_int_equal(e.held, 0);
	}
	assert_int_equal(take(&e, 0, 8, 1, true, "alone"), REASSEMBLY_WHOLE);
	is(&e, "alone");
}

static void
test_repeated_and_overlapping(void **state)
{
	AUTOEND e = { 0 };

	(void)state;
	take(&e, 0, 1, 1, false, "a");
	assert_int_equal(take(&e, 0, 1, 1, false, "a"), REASSEMBLY_REPEATED);
	assert_int_equal(take(&e, 0, 1, 1, false, "b"), REASSEMBLY_CONFLICT);
	assert_int_equal(take(&e, 0, 1, 1, false, "aa"), REASSEMBLY_CONFLICT);
	assert_int_equal(take(&e, 0, 1, 0, false, "z"), REASSEMBLY_BAD_NUMBER);
	assert_int_equal(take(&e, 0, 1, REASSEMBLY_FRAGMENTS_MAX + 1, false, "z"), REASSEMBLY_BAD_NUMBER);
	take(&e, 0, 1, 3, false, "c");
	/* The end before what is there, and two ends. */
	assert_int_equal(take(&e, 0, 1, 2, true, "b"), REASSEMBLY_BAD_NUMBER);
	assert_int_equal(take(&e, 0, 1, 4, true, "d"), REASSEMBLY_WAITS);
	assert_int_equal(take(&e, 0, 1, 5, true, "e"), REASSEMBLY_BAD_NUMBER);
	assert_int_equal(take(&e, 0, 1, 5, false, "e"), REASSEMBLY_BAD_NUMBER);
	assert_int_equal(take(&e, 0, 1, 2, false, "b"), REASSEMBLY_WHOLE);
	is(&e, "abcd");
}

static void
test_several_messages(void **state)
{
	AUTOEND e = { 0 };

	(void)state;
	for (uint16_t id = 1; id <= REASSEMBLY_MESSAGES + 1; id++)
		assert_int_equal(take(&e, id, id, 1, false, "x"), REASSEMBLY_WAITS);
	assert_int_equal(e.held, REASSEMBLY_MESSAGES);
	/* The oldest gave way; the others are whole in any order. */
	assert_int_equal(take(&e, 9, 3, 2, true, "3"), REASSEMBLY_WHOLE);
	is(&e, "x3");
	assert_int_equal(take(&e, 9, 2, 2, true, "2"), REASSEMBLY_WHOLE);
	assert_int_equal(take(&e, 9, 1, 2, true, "1"), REASSEMBLY_WAITS);
}

static void
test_limits(void **state)
{
	static char large[ROOM + 1];
	AUTOEND e = { 0 };

	(void)state;
	memset(large, 'x', ROOM);
	assert_int_equal(take(&e, 0, 1, 1, false, large), REASSEMBLY_WAITS);
	/* One octet too many: the whole message is forgotten. */
	assert_int_equal(take(&e, 0, 1, 2, false, "x"), REASSEMBLY_TOO_LARGE);
	assert_int_equal(e.held, 0);
	/* What all may keep together. */
	assert_int_equal(take(&e, 0, 1, 1, false, large), REASSEMBLY_WAITS);
	assert_int_equal(take(&e, 0, 2, 1, false, large), REASSEMBLY_TOO_LARGE);
	assert_int_equal(e.held, ROOM);
	assert_int_equal(take(&e, 0, 2, 1, false, "small"), REASSEMBLY_WAITS);
	/* What is not whole in time goes. */
	assert_int_equal(take(&e, REASSEMBLY_TIME, 3, 1, false, "y"), REASSEMBLY_WAITS);
	assert_int_equal(e.held, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_repeated_and_overlapping),
		cmocka_unit_test(test_several_messages),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
