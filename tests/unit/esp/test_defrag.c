/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "checksum.h"
#include "defrag.h"
#include "esp_case.h"
#include "pmtu.h"

/* Fragments made whole again: any order, anything missing, twice, wrong, or too much. */

enum { LEN = 4000, PIECES_MAX = 80, MTU = 1400 };

struct piece_of {
	uint8_t p[1600];
	uint32_t n;
};

static struct piece_of piece[PIECES_MAX];
static uint8_t packet[66000];

/* A packet of @len octets; of IPv6 with a Fragment header, as it comes out. */
static void
make_packet(int version, uint32_t len, uint32_t identification)
{
	esp_case_packet(packet, len, version, len);
	if (version == 4) {
		put_be16(packet + 4, (uint16_t)identification);
		put_be16(packet + 6, 0);
		put_be16(packet + 10, 0);
		checksum_store(packet + 10, checksum_add(0, packet, 20), 0);
		return;
	}
	packet[6] = 44;
	memset(packet + 40, 0, 8);
	packet[40] = 17;
	put_be32(packet + 44, identification);
}

static unsigned
cut(uint32_t len, uint32_t mtu)
{
	struct fragment f;
	unsigned n = 0;

	assert_true(fragment_open(&f, packet, len, mtu, 0));
	while ((piece[n].n = fragment_next_octets(&f)) != 0) {
		fragment_take(&f, piece[n++].p);
		assert_true(n < PIECES_MAX);
	}
	return n;
}

static enum defrag_result
take(struct defrag *d, unsigned i, instant_t now, struct span *whole, uint64_t *lost)
{
	*whole = span_of(piece[i].p, piece[i].n);
	return defrag_take(d, whole, now, lost);
}

static void
any_order_makes_the_datagram(void **state)
{
	struct defrag *d = defrag_new();
	struct seeded_rng rng;
	uint64_t lost = 0;

	(void)state;
	seeded_rng_open(&rng, 9);
	for (unsigned round = 0; round < 400; round++) {
		uint32_t len = 1500 + round * 137;
		int version = round & 1 ? 6 : 4;
		unsigned n, order[PIECES_MAX];
		struct span whole;

		make_packet(version, len, round + 1);
		n = cut(len, round % 3 ? MTU : 1280);
		for (unsigned i = 0; i < n; i++)
			order[i] = i;
		for (unsigned i = n; i > 1; i--) {
			unsigned k = (unsigned)rng_below(&rng.rng, i), was = order[i - 1];

			order[i - 1] = order[k];
			order[k] = was;
		}
		for (unsigned i = 0; i < n; i++) {
			enum defrag_result r = take(d, order[i], SECONDS(round), &whole, &lost);

			assert_int_equal(r, i + 1 < n ? DEFRAG_WAITS : DEFRAG_WHOLE);
			/* The same once more changes nothing. */
			if (i + 1 < n)
				assert_int_equal(take(d, order[i], SECONDS(round), &(struct span) { 0 }, &lost), DEFRAG_WAITS);
		}
		assert_int_equal(whole.n, len);
		assert_memory_equal(whole.p, packet, len);
		assert_int_equal(defrag_octets(d), 0);
	}
	assert_int_equal(lost, 0);
	defrag_free(d);
}

static void
what_is_whole_is_left_alone(void **state)
{
	struct defrag *d = defrag_new();
	uint64_t lost = 0;

	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		struct span s = span_of(packet, 1000);

		/* That of IPv6 has a Fragment header, but is the only one: RFC 6946. */
		make_packet(version, 1000, 77);
		assert_int_equal(defrag_take(d, &s, 0, &lost), DEFRAG_NONE);
		assert_ptr_equal(s.p, packet);
		for (size_t n = 0; n < 48; n++) {
			s = span_of(packet, n);
			assert_int_equal(defrag_take(d, &s, 0, &lost), DEFRAG_NONE);
		}
	}
	assert_int_equal(lost, 0);
	defrag_free(d);
}

/* RFC 5722: "that datagram and any constituent fragments ... MUST be silently discarded". */
static void
overlaps_lose_the_datagram(void **state)
{
	struct defrag *d = defrag_new();
	struct span whole;
	uint64_t lost = 0;
	unsigned n;

	(void)state;
	make_packet(4, LEN, 5);
	n = cut(LEN, MTU);
	assert_int_equal(n, 3);
	assert_int_equal(take(d, 0, 0, &whole, &lost), DEFRAG_WAITS);
	assert_int_equal(take(d, 2, 0, &whole, &lost), DEFRAG_WAITS);
	/* The one in between comes eight octets early. */
	put_be16(piece[1].p + 6, (uint16_t)(get_be16(piece[1].p + 6) - 1));
	assert_int_equal(take(d, 1, 0, &whole, &lost), DEFRAG_LOST);
	assert_int_equal(lost, 3);
	assert_int_equal(defrag_octets(d), 0);
	/* The same place with other octets. */
	lost = 0;
	assert_int_equal(take(d, 0, 0, &whole, &lost), DEFRAG_WAITS);
	piece[0].p[100] ^= 1;
	assert_int_equal(take(d, 0, 0, &whole, &lost), DEFRAG_LOST);
	assert_int_equal(lost, 2);
	assert_int_equal(defrag_octets(d), 0);
	defrag_free(d);
}

/* The end is where the last fragment says; nothing lies behind it, and there is only one. */
static void
two_ends_lose_the_datagram(void **state)
{
	(void)state;
	for (unsigned first = 1; first <= 2; first++) {
		struct defrag *d = defrag_new();
		struct span whole;
		uint64_t lost = 0;

		make_packet(6, LEN, 5);
		assert_int_equal(cut(LEN, MTU), 3);
		put_be16(piece[1].p + 42, get_be16(piece[1].p + 42) & (uint16_t)~1); /* the second ends the datagram, too */
		assert_int_equal(take(d, first, 0, &whole, &lost), DEFRAG_WAITS);
		assert_int_equal(take(d, 3 - first, 0, &whole, &lost), DEFRAG_LOST);
		assert_int_equal(lost, 2);
		assert_int_equal(defrag_octets(d), 0);
		defrag_free(d);
	}
}

static void
what_cannot_be_a_piece_is_refused(void **state)
{
	struct defrag *d = defrag_new();
	struct span s;
	uint64_t lost = 0;

	(void)state;
	make_packet(4, 100, 1);
	put_be16(packet + 6, 0x2000);
	put_be16(packet + 2, 99); /* more to come, but not whole units of eight octets */
	s = span_of(packet, 99);
	assert_int_equal(defrag_take(d, &s, 0, &lost), DEFRAG_LOST);
	put_be16(packet + 2, 20); /* nothing in it */
	assert_int_equal(defrag_take(d, &s, 0, &lost), DEFRAG_LOST);
	put_be16(packet + 2, 100);
	put_be16(packet + 6, 0x1fff); /* behind the largest packet: the ping of death */
	s = span_of(packet, 100);
	assert_int_equal(defrag_take(d, &s, 0, &lost), DEFRAG_LOST);
	assert_int_equal(lost, 3);
	/* Cut short: no packet at all, and others judge that. */
	put_be16(packet + 6, 0x2000);
	put_be16(packet + 2, 101);
	assert_int_equal(defrag_take(d, &s, 0, &lost), DEFRAG_NONE);
	assert_int_equal(defrag_octets(d), 0);
	defrag_free(d);
}

/* A fragment of @data octets at @at, whose header has @header octets: options, or destination options, that do nothing. */
static uint32_t
make_fragment(int version, uint32_t header, uint32_t at, uint32_t data, bool more)
{
	uint32_t len = header + data + (version == 6 ? 8 : 0);

	memset(packet, 0, len);
	if (version == 4) {
		packet[0] = (uint8_t)(0x40 | header / 4);
		put_be16(packet + 2, (uint16_t)len);
		put_be16(packet + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
		packet[9] = 17;
		memset(packet + 20, 1, header - 20);
		return len;
	}
	packet[0] = 0x60;
	put_be16(packet + 4, (uint16_t)(len - 40));
	packet[6] = header > 40 ? 60 : 44;
	if (header > 40) {
		packet[40] = 44;
		packet[41] = (uint8_t)((header - 40) / 8 - 1);
	}
	packet[header] = 17;
	put_be16(packet + header + 2, (uint16_t)(at | more));
	return len;
}

/*
 * RFC 8200 section 4.5: what is longer than an IP packet when it is whole is discarded. It has the
 * header of the first fragment, and the end comes from the last: each by itself is no packet too long.
 */
static void
together_they_are_no_longer_than_a_packet(void **state)
{
	static const struct {
		int version;
		uint32_t first_header, last_header, total;
		enum defrag_result result;
	} cases[] = {
		{ 4, 20, 20, 65507, DEFRAG_WHOLE },   { 4, 60, 20, 65467, DEFRAG_WHOLE },   { 4, 60, 20, 65468, DEFRAG_LOST },
		{ 4, 60, 20, 65507, DEFRAG_LOST },    { 4, 24, 20, 65507, DEFRAG_LOST },    { 6, 40, 40, 65487, DEFRAG_WHOLE },
		{ 6, 2040, 40, 63487, DEFRAG_WHOLE }, { 6, 2040, 40, 63488, DEFRAG_LOST },  { 6, 2040, 40, 65487, DEFRAG_LOST },
		{ 6, 48, 40, 65487, DEFRAG_LOST },    { 6, 40, 2040, 63487, DEFRAG_WHOLE },
	};
	enum { DATA = 16000 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct defrag *d = defrag_new();
		uint64_t lost = 0;
		enum defrag_result r = DEFRAG_NONE;

		for (uint32_t at = 0; at < cases[i].total; at += DATA) {
			bool more = at + DATA < cases[i].total;
			struct span s =
			        span_of(packet, make_fragment(cases[i].version, at ? cases[i].last_header : cases[i].first_header,
			                                      at, more ? DATA : cases[i].total - at, more));

			assert_true(r == DEFRAG_NONE || r == DEFRAG_WAITS);
			r = defrag_take(d, &s, 0, &lost);
			if (r == DEFRAG_WHOLE)
				assert_int_equal(s.n, cases[i].first_header + cases[i].total + (cases[i].version == 6 ? 8 : 0));
		}
		if (r != cases[i].result)
			fail_msg("case %zu ends with %d", i, (int)r);
		assert_int_equal(lost, r == DEFRAG_LOST ? (cases[i].total + DATA - 1) / DATA : 0);
		assert_int_equal(defrag_octets(d), 0);
		defrag_free(d);
	}
}

static void
pieces_wait_for_a_minute(void **state)
{
	struct defrag *d = defrag_new();
	struct span whole;
	uint64_t lost = 0;
	unsigned n;

	(void)state;
	make_packet(6, LEN, 5);
	n = cut(LEN, MTU);
	assert_int_equal(take(d, 0, SECONDS(1), &whole, &lost), DEFRAG_WAITS);
	assert_int_equal(take(d, 1, SECONDS(60), &whole, &lost), DEFRAG_WAITS);
	assert_int_equal(take(d, 2, SECONDS(61), &whole, &lost), DEFRAG_WAITS);
	assert_int_equal(n, 3);
	assert_int_equal(lost, 2);
	defrag_free(d);
}

/* Whatever comes, memory stays within its bound, the newest have room, and each lost fragment is counted. */
static void
memory_is_bounded(void **state)
{
	struct defrag *d = defrag_new();
	uint64_t lost = 0, taken = 0;
	struct span whole;
	unsigned n;

	(void)state;
	for (uint32_t id = 1; id < 300; id++) {
		make_packet(id & 1 ? 6 : 4, 60000, id);
		n = cut(60000, MTU);
		for (unsigned i = 0; i + 1 < n; i++, taken++)
			assert_int_equal(take(d, i, 0, &whole, &lost), DEFRAG_WAITS);
		assert_true(defrag_octets(d) <= DEFRAG_OCTETS_MAX);
	}
	assert_true(defrag_octets(d) > DEFRAG_OCTETS_MAX / 2);
	assert_true(lost > taken / 2 && lost < taken);
	/* The newest is complete with its last piece. */
	assert_int_equal(take(d, n - 1, 0, &whole, &lost), DEFRAG_WHOLE);
	defrag_free(d);
	/* Many of few octets. */
	d = defrag_new();
	lost = 0;
	for (uint32_t id = 1; id <= 1000; id++) {
		make_packet(4, LEN, id);
		cut(LEN, MTU);
		assert_int_equal(take(d, 0, 0, &whole, &lost), DEFRAG_WAITS);
	}
	assert_int_equal(lost, 1000 - DEFRAG_DATAGRAMS_MAX);
	defrag_free(d);
}

static void
a_datagram_has_so_many_pieces(void **state)
{
	struct defrag *d = defrag_new();
	uint64_t lost = 0;

	(void)state;
	make_packet(4, 28, 3);
	for (uint32_t i = 0; i <= DEFRAG_PIECES_MAX; i++) {
		struct span s = span_of(packet, 28);

		put_be16(packet + 6, (uint16_t)(0x2000 | i));
		assert_int_equal(defrag_take(d, &s, 0, &lost), i < DEFRAG_PIECES_MAX ? DEFRAG_WAITS : DEFRAG_LOST);
	}
	assert_int_equal(lost, DEFRAG_PIECES_MAX + 1);
	assert_int_equal(defrag_octets(d), 0);
	defrag_free(d);
}

/* RFC 3168 section 5.3. */
static void
congestion_marks_survive(void **state)
{
	static const struct {
		uint8_t first, second;
		enum defrag_result result;
		uint8_t ecn;
	} cases[] = { { 2, 3, DEFRAG_WHOLE, 3 }, { 3, 2, DEFRAG_WHOLE, 3 }, { 2, 2, DEFRAG_WHOLE, 2 },
		      { 3, 3, DEFRAG_WHOLE, 3 }, { 0, 3, DEFRAG_LOST, 0 },  { 0, 0, DEFRAG_WHOLE, 0 } };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
		struct defrag *d = defrag_new();
		int version = i & 1 ? 6 : 4;
		struct span whole;
		uint64_t lost = 0;

		make_packet(version, 2000, 9);
		assert_int_equal(cut(2000, MTU), 2);
		for (unsigned k = 0; k < 2; k++) {
			uint8_t ecn = k ? cases[i / 2].second : cases[i / 2].first;

			piece[k].p[1] = (uint8_t)((piece[k].p[1] & ~(version == 4 ? 3 : 0x30)) | (version == 4 ? ecn : ecn << 4));
		}
		assert_int_equal(take(d, 0, 0, &whole, &lost), DEFRAG_WAITS);
		assert_int_equal(take(d, 1, 0, &whole, &lost), cases[i / 2].result);
		if (cases[i / 2].result == DEFRAG_WHOLE)
			assert_int_equal((version == 4 ? whole.p[1] : whole.p[1] >> 4) & 3, cases[i / 2].ecn);
		else
			assert_int_equal(lost, 2);
		assert_int_equal(defrag_octets(d), 0);
		defrag_free(d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_makes_the_datagram),      cmocka_unit_test(what_is_whole_is_left_alone),
		cmocka_unit_test(overlaps_lose_the_datagram),        cmocka_unit_test(two_ends_lose_the_datagram),
		cmocka_unit_test(what_cannot_be_a_piece_is_refused), cmocka_unit_test(together_they_are_no_longer_than_a_packet),
		cmocka_unit_test(pieces_wait_for_a_minute),          cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(a_datagram_has_so_many_pieces),     cmocka_unit_test(congestion_marks_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
