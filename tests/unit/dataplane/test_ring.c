/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <pthread.h>

#include "ring.h"
#include "seeded_rng.h"

static bool
push(struct ring *r, const void *p, size_t n)
{
	struct span s = span_of(p, n);

	return ring_push(r, &s, 1);
}

static void
a_new_ring_is_empty(void **state)
{
	struct ring r;

	(void)state;
	assert_true(ring_open(&r, 4096));
	assert_true(ring_empty(&r));
	assert_null(ring_peek(&r).p);
	ring_pop(&r);
	assert_true(ring_empty(&r));
	ring_close(&r);
}

static void
records_come_back_in_order_and_whole(void **state)
{
	struct ring r;
	struct span part[3] = { span_str("ab"), { 0 }, span_str("cde") };

	(void)state;
	assert_true(ring_open(&r, 4096));
	assert_true(ring_push(&r, part, 3));
	assert_true(push(&r, "", 0));
	assert_true(push(&r, "xyz", 3));
	assert_true(span_equal(ring_peek(&r), span_str("abcde")));
	assert_int_equal((uintptr_t)ring_peek(&r).p % 8, 0);
	ring_pop(&r);
	assert_non_null(ring_peek(&r).p);
	assert_int_equal(ring_peek(&r).n, 0);
	ring_pop(&r);
	assert_true(span_equal(ring_peek(&r), span_str("xyz")));
	ring_pop(&r);
	assert_true(ring_empty(&r));
	ring_close(&r);
}

/* A full ring refuses and stays as it is; each record taken makes room again. */
static void
a_full_ring_refuses(void **state)
{
	struct ring r;
	uint8_t octets[100] = { 0 };
	unsigned n = 0;

	(void)state;
	assert_true(ring_open(&r, 4096));
	while (push(&r, octets, sizeof octets))
		octets[0] = (uint8_t)++n;
	assert_int_equal(n, 4096 / (8 + 104));
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(ring_peek(&r).p[0], i);
		ring_pop(&r);
	}
	assert_true(ring_empty(&r));
	assert_true(push(&r, octets, sizeof octets));
	ring_close(&r);
}

static size_t
below(struct seeded_rng *r, size_t n)
{
	uint32_t v;

	rng_fill(&r->rng, &v, sizeof v);
	return v % n;
}

/* What is said to fit fits, wherever the ring's end is, and nearly all of it is said to. */
static void
the_room_that_is_told_is_there(void **state)
{
	enum { LARGEST = 300 };
	static const uint8_t octets[LARGEST];
	struct seeded_rng rng;
	struct ring r;

	(void)state;
	seeded_rng_open(&rng, 7);
	assert_true(ring_open(&r, 4096));
	assert_in_range(ring_room(&r, LARGEST), 10, 4096 / LARGEST);
	assert_int_equal(ring_room(&r, 5000), 0);
	for (unsigned round = 0; round < 2000; round++) {
		size_t room = ring_room(&r, LARGEST);

		while (room--)
			assert_true(push(&r, octets, below(&rng, LARGEST + 1)));
		for (size_t n = below(&rng, 12); n--;)
			ring_pop(&r);
	}
	ring_close(&r);
}

static void
a_record_larger_than_the_ring_is_refused(void **state)
{
	struct ring r;
	static uint8_t octets[8192];

	(void)state;
	assert_true(ring_open(&r, 4096));
	assert_false(push(&r, octets, sizeof octets));
	assert_false(push(&r, octets, 4096));
	assert_true(push(&r, octets, 4096 - 8));
	ring_pop(&r);
	assert_true(push(&r, octets, 1000));
	assert_false(push(&r, octets, 4096 - 8));
	ring_close(&r);
}

enum { RECORDS = 200000 };

/* Length and contents follow from the record's number, so that the reader knows what must come. */
static size_t
make_record(uint8_t *out, uint32_t i)
{
	size_t n = 4 + (i * 2654435761u >> 16) % 1500;

	memcpy(out, &i, 4);
	memset(out + 4, (int)(i & 0xff), n - 4);
	return n;
}

static void *
producer(void *arg)
{
	struct ring *r = arg;
	uint8_t record[2048];

	for (uint32_t i = 0; i < RECORDS; i++) {
		size_t n = make_record(record, i);

		while (!push(r, record, n))
			sched_yield();
	}
	return NULL;
}

static void
two_threads_lose_nothing_and_keep_the_order(void **state)
{
	struct ring r;
	pthread_t t;
	uint8_t want[2048];

	(void)state;
	assert_true(ring_open(&r, 16384));
	assert_int_equal(pthread_create(&t, NULL, producer, &r), 0);
	for (uint32_t i = 0; i < RECORDS; i++) {
		struct span s;

		while (!(s = ring_peek(&r)).p)
			sched_yield();
		assert_true(span_equal(s, span_of(want, make_record(want, i))));
		ring_pop(&r);
	}
	pthread_join(t, NULL);
	assert_true(ring_empty(&r));
	ring_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_ring_is_empty),
		cmocka_unit_test(records_come_back_in_order_and_whole),
		cmocka_unit_test(a_full_ring_refuses),
		cmocka_unit_test(the_room_that_is_told_is_there),
		cmocka_unit_test(a_record_larger_than_the_ring_is_refused),
		cmocka_unit_test(two_threads_lose_nothing_and_keep_the_order),
	};

	return cmocka_run_group_tests_name("dataplane ring", tests, NULL, NULL);
}
