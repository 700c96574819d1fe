/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include "checksum.h"
#include "esp_case.h"

/*
 * Every way of adding that this CPU has, against RFC 1071 section 1 taken word by word. What
 * is added ends at a page that may not be touched: a read or write too far is a crash.
 */
enum { PIECE_MAX = 1 << 18, OFFSETS = 64, GUARD = 1 << 16 };

static uint8_t *
room_before_guard(size_t octets)
{
	uint8_t *p = mmap(NULL, octets + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + octets, GUARD, PROT_NONE), 0);
	return p;
}

/* The one's complement sum of pairs of octets, the first one of a pair being the higher, an odd last one padded with zero. */
static uint16_t
plain(uint16_t sum, const uint8_t *p, size_t n)
{
	uint32_t s = sum;

	for (size_t i = 0; i < n; i += 2) {
		s += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
		s = (s & UINT16_MAX) + (s >> 16);
	}
	return (uint16_t)s;
}

/* As it is stored. */
static uint16_t
folded(uint64_t sum)
{
	uint16_t v = checksum_fold(sum);

	return get_be16((const uint8_t *)&v);
}

struct fixture {
	uint8_t *from, *to;
};

static int
set_up(void **state)
{
	static struct fixture f;

	f.from = room_before_guard(PIECE_MAX);
	f.to = room_before_guard(PIECE_MAX);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	munmap(f->from, PIECE_MAX + GUARD);
	munmap(f->to, PIECE_MAX + GUARD);
	return 0;
}

/* @n octets that end @from_gap and @to_gap octets before the guards, in every way. */
static void
compare(struct fixture *f, size_t n, size_t from_gap, size_t to_gap, uint64_t start)
{
	const uint8_t *from = f->from + PIECE_MAX - from_gap - n;
	uint8_t *to = f->to + PIECE_MAX - to_gap - n;
	uint16_t expect = plain(folded(start), from, n);

	for (unsigned way = CHECKSUM_PLAIN; way <= checksum_best(); way++) {
		assert_int_equal(folded(checksum_copy_by(way, start, NULL, from, n)), expect);
		memset(to - 1, 0xa5, n + 1 + (to_gap > 0));
		assert_int_equal(folded(checksum_copy_by(way, start, to, from, n)), expect);
		assert_memory_equal(to, from, n);
		assert_int_equal(to[-1], 0xa5);
		assert_true(!to_gap || to[n] == 0xa5);
	}
	assert_int_equal(folded(checksum_add(start, from, n)), expect);
	assert_int_equal(folded(checksum_copy(start, to, from, n)), expect);
}

static void
short_pieces_of_every_length_and_place(void **state)
{
	struct fixture *f = *state;
	struct seeded_rng rng;

	seeded_rng_open(&rng, 1071);
	rng_fill(&rng.rng, f->from, PIECE_MAX);
	for (size_t n = 0; n <= 300; n++)
		for (size_t gap = 0; gap < OFFSETS; gap++)
			compare(f, n, gap, (gap * 7 + n) % OFFSETS, rng_u32(&rng.rng));
}

static void
long_pieces(void **state)
{
	struct fixture *f = *state;
	struct seeded_rng rng;

	seeded_rng_open(&rng, 3);
	rng_fill(&rng.rng, f->from, PIECE_MAX);
	for (unsigned i = 0; i < 100; i++)
		compare(f, rng_below(&rng.rng, 70000), rng_below(&rng.rng, OFFSETS), rng_below(&rng.rng, OFFSETS),
		        rng_below(&rng.rng, UINT64_C(1) << 40));
}

/* The largest words there are, as many as there ever are, on top of a sum that is nearly full: no carry gets lost. */
static void
carries_are_kept(void **state)
{
	struct fixture *f = *state;

	memset(f->from, 0xff, PIECE_MAX);
	for (size_t n = PIECE_MAX - 200; n < PIECE_MAX - OFFSETS; n++)
		compare(f, n, n % 3, n % 5, UINT64_MAX);
	memset(f->from, 0, PIECE_MAX);
	compare(f, PIECE_MAX / 2, 1, 0, 0);
}

/* RFC 1071 section 3, the example: 00 01 f2 03 f4 f5 f6 f7 sum to ddf2, in either byte order. */
static void
example_of_the_rfc(void **state)
{
	static const uint8_t octets[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	uint8_t stored[2];

	(void)state;
	for (unsigned way = CHECKSUM_PLAIN; way <= checksum_best(); way++)
		assert_int_equal(folded(checksum_copy_by(way, 0, NULL, octets, sizeof octets)), 0xddf2);
	assert_int_equal(folded(checksum_add_header(0, octets, sizeof octets)), 0xddf2);
	checksum_store(stored, checksum_add(0, octets, sizeof octets), 0);
	assert_int_equal(get_be16(stored), 0xffff & ~0xddf2);
}

/* A sum made of pieces is the sum of the whole, as long as only the last is odd. */
static void
pieces_add_up(void **state)
{
	struct fixture *f = *state;
	struct seeded_rng rng;

	seeded_rng_open(&rng, 5);
	rng_fill(&rng.rng, f->from, PIECE_MAX);
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = rng_below(&rng.rng, 2000), at = 0;
		uint64_t sum = 0;

		while (at < n) {
			size_t piece = rng_below(&rng.rng, 150) * 2;

			if (piece > n - at || rng_below(&rng.rng, 8) == 0)
				piece = n - at;
			sum = checksum_copy_by(rng_below(&rng.rng, checksum_best() + 1u), sum, NULL, f->from + at, piece);
			at += piece;
		}
		assert_int_equal(folded(sum), plain(0, f->from, n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_pieces_of_every_length_and_place),
		cmocka_unit_test(long_pieces),
		cmocka_unit_test(carries_are_kept),
		cmocka_unit_test(example_of_the_rfc),
		cmocka_unit_test(pieces_add_up),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
