/* SPDX-License-Identifier: Apache-2.0 */
#include "reassembly.h"
#include "check.h"
#include "isakmp.h"
#include "pcap.h"

enum { ROOM = 1000, HELD_MAX = 1500 };

struct end {
	struct reassembly *r;
	struct arena arena;
	struct fragment_pool *pool, own;
	struct span message;
};

static void
end_close(struct end *e)
{
	reassembly_free(e->r, e->pool);
	if (e->pool == &e->own)
		assert_int_equal(e->own.held, 0);
	arena_clear(&e->arena);
}

#define AUTOEND __attribute__((cleanup(end_close))) struct end

static enum reassembly_result
take(struct end *e, instant_t now, uint16_t id, uint8_t number, bool last, const char *text)
{
	if (!e->pool)
		e->pool = &e->own;
	e->pool->max = HELD_MAX;
	e->pool->message_max = ROOM;
	return reassembly_take(&e->r, e->pool, now, &(struct message_fragment) { id, number, last, span_str(text) }, &e->arena,
	                       &e->message);
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
		assert_int_equal(e.own.held, 0);
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
	assert_int_equal(e.own.held, REASSEMBLY_MESSAGES);
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
	assert_int_equal(e.own.held, 0);
	/* What all may keep together: the older one gives way. */
	assert_int_equal(take(&e, 0, 1, 1, false, large), REASSEMBLY_WAITS);
	assert_int_equal(take(&e, 1, 2, 1, false, large), REASSEMBLY_WAITS);
	assert_int_equal(e.own.held, ROOM);
	assert_int_equal(take(&e, 1, 1, 2, true, "x"), REASSEMBLY_WAITS);
	/* What is not whole in time goes. */
	assert_int_equal(take(&e, REASSEMBLY_TIME + 1, 3, 1, false, "y"), REASSEMBLY_WAITS);
	assert_int_equal(e.own.held, 1);
}

/* Ends share the pool: the oldest message of all gives way, and what is too old goes wherever it is. */
static void
test_one_pool(void **state)
{
	static char large[ROOM + 1];
	struct fragment_pool pool = { 0 };
	AUTOEND a = { .pool = &pool };
	AUTOEND b = { .pool = &pool };
	AUTOEND c = { .pool = &pool };

	(void)state;
	memset(large, 'x', ROOM);
	assert_int_equal(take(&a, 0, 1, 1, false, "old"), REASSEMBLY_WAITS);
	assert_int_equal(take(&b, 1, 1, 1, false, large), REASSEMBLY_WAITS);
	assert_int_equal(take(&a, 2, 2, 1, false, "new"), REASSEMBLY_WAITS);
	assert_int_equal(pool.held, ROOM + 6);
	assert_int_equal(take(&c, 3, 1, 1, false, large), REASSEMBLY_WAITS);
	/* "old" and what b had are gone, "new" is not. */
	assert_int_equal(pool.held, ROOM + 3);
	assert_int_equal(take(&a, 4, 2, 2, true, "er"), REASSEMBLY_WHOLE);
	is(&a, "newer");
	assert_int_equal(take(&b, REASSEMBLY_TIME + 3, 1, 1, false, "b"), REASSEMBLY_WAITS);
	assert_int_equal(pool.held, 1);
}

/* One fragment as it is on the wire: the number of whole messages that it made. */
static unsigned
take_wire(struct end *e, struct span octets)
{
	struct message m = { 0 };
	const struct fragment_payload *f;

	if (isakmp_decode_header(&m.h, octets) || m.h.next_payload != PAYLOAD_FRAGMENT)
		return 0;
	assert_null(isakmp_decode_payloads(&m, m.h.next_payload, span_of(octets.p + 28, m.h.length - 28), false, &e->arena));
	f = &m.payload[0].fragment;
	e->pool = &e->own;
	e->own.max = 1 << 20;
	e->own.message_max = 10000;
	return reassembly_take(&e->r, e->pool, 0,
	                       &(struct message_fragment) { f->id, f->number, f->flags & FRAGMENT_LAST, f->data }, &e->arena,
	                       &e->message) == REASSEMBLY_WHOLE;
}

/*
 * What strongSwan and racoon sent: put together it is one message under the same cookies, and as long as it says. Outside,
 * racoon keeps the exchange type and strongSwan as well.
 */
static void
test_captures(void **state)
{
	static const struct {
		const char *file;
		unsigned whole, exchange;
	} rows[] = {
		{ "pcap/charon/v1-main-rsasig-fragmented.pcap", 2, EXCHANGE_MAIN },
		{ "pcap/charon/v1-racoon-aggr-psk-sha512.pcap", 1, EXCHANGE_AGGRESSIVE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTOEND e = { 0 };
		struct pcap p;
		struct pcap_packet packet;
		struct span octets;
		struct isakmp_header h;
		char path[1024];
		unsigned whole = 0;

		assert_true(data_path(path, "SALLYPORT_TEST_DATA", rows[i].file) && pcap_open(&p, path));
		while (pcap_next(&p, &packet)) {
			if (!pcap_ike(&octets, &packet) || !take_wire(&e, octets))
				continue;
			whole++;
			assert_null(isakmp_decode_header(&h, e.message));
			assert_int_equal(h.length, e.message.n);
			assert_int_equal(h.exchange, rows[i].exchange);
			assert_memory_equal(e.message.p, octets.p, 16);
		}
		assert_int_equal(whole, rows[i].whole);
		pcap_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),        cmocka_unit_test(test_repeated_and_overlapping),
		cmocka_unit_test(test_several_messages), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_one_pool),         cmocka_unit_test(test_captures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
