/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "wire.h"

/* The cursor: RFC-neutral. One description, three uses. */
struct thing {
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;
	struct span name, rest;
};

static void
thing_wire(struct wire *w, struct thing *t)
{
	uint8_t n = (uint8_t)t->name.n;

	wire_u8(w, "A", &t->a);
	wire_reserved(w, 1);
	wire_u16(w, "B", &t->b);
	wire_u32(w, "C", &t->c);
	wire_u64(w, "D", &t->d);
	wire_u8(w, "Name Length", &n);
	wire_bytes(w, "Name", &t->name, n);
	wire_rest(w, "Rest", &t->rest);
}

static const uint8_t octets[] = { 0x11, 0x00, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 1,   2,   3,
	                          4,    5,    6,    7,    8,    2,    'h',  'i',  'e', 'n', 'd' };

static void
numbers_are_big_endian_both_ways(void **state)
{
	struct thing t = { 0 };
	struct wire w = wire_decoder(span_of(octets, sizeof octets), NULL);
	uint8_t out[sizeof octets];

	(void)state;
	thing_wire(&w, &t);
	assert_true(wire_ok(&w));
	assert_int_equal(t.a, 0x11);
	assert_int_equal(t.b, 0x2233);
	assert_int_equal(t.c, 0x44556677);
	assert_true(t.d == 0x0102030405060708);
	assert_true(span_equal(t.name, span_str("hi")));
	assert_true(span_equal(t.rest, span_str("end")));
	w = wire_encoder(out, sizeof out);
	thing_wire(&w, &t);
	assert_true(wire_ok(&w));
	assert_int_equal(w.at, sizeof octets);
	assert_memory_equal(out, octets, sizeof octets);
}

/* Every cut of the input but those within the part of open length fails, names its field and reads nothing beyond. */
static void
every_cut_fails_and_names_the_field(void **state)
{
	static const struct {
		size_t from, to;
		const char *field;
	} fields[] = { { 0, 1, "A" },  { 1, 2, "RESERVED" },      { 2, 4, "B" },     { 4, 8, "C" },
		       { 8, 16, "D" }, { 16, 17, "Name Length" }, { 17, 19, "Name" } };

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		for (size_t n = fields[i].from; n < fields[i].to; n++) {
			struct thing t = { .rest = { octets, 99 } };
			struct wire w = wire_decoder(span_of(octets, n), NULL);

			thing_wire(&w, &t);
			assert_false(wire_ok(&w));
			assert_string_equal(w.where, fields[i].field);
			assert_string_equal(w.failure, "is cut off");
			assert_int_equal(t.rest.n, 99); /* a no-op leaves its value alone */
			assert_int_equal(wire_left(&w), 0);
		}
	}
}

static void
encoding_stops_at_the_end_of_the_room(void **state)
{
	struct thing t = { .a = 1, .name = span_str("hi"), .rest = span_str("end") };
	uint8_t out[sizeof octets + 1];

	(void)state;
	for (size_t cap = 0; cap < sizeof octets; cap++) {
		struct wire w = wire_encoder(out, cap);

		memset(out, 0xee, sizeof out);
		thing_wire(&w, &t);
		assert_string_equal(w.failure, "does not fit the message");
		for (size_t i = cap; i < sizeof out; i++)
			assert_int_equal(out[i], 0xee);
	}
}

static void
encoding_does_not_write_to_its_values(void **state)
{
	static const uint16_t constant = 0x1234;
	uint8_t out[2];
	struct wire w = wire_encoder(out, sizeof out);

	(void)state;
	wire_u16(&w, "constant", (uint16_t *)&constant); /* in read-only memory: a write would end the test */
	assert_true(wire_ok(&w) && get_be16(out) == 0x1234);
}

static void
the_first_failure_stays(void **state)
{
	struct wire w = wire_decoder(span_of(octets, 1), NULL);

	(void)state;
	wire_require(&w, true, "this holds");
	assert_true(wire_ok(&w));
	wire_require(&w, false, "B must be even");
	wire_fail(&w, "C", "is late");
	assert_string_equal(w.failure, "B must be even");
	assert_null(w.where);
}

static void
reserved_octets_are_ignored_and_written_as_zero(void **state)
{
	static const uint8_t in[] = { 0xff, 0xff };
	uint8_t out[2] = { 0xff, 0xff };
	struct wire w = wire_decoder(span_of(in, 2), NULL);

	(void)state;
	wire_reserved(&w, 2);
	assert_true(wire_ok(&w) && wire_left(&w) == 0);
	w = wire_encoder(out, 2);
	wire_reserved(&w, 2);
	assert_int_equal(out[0] | out[1], 0);
}

static void
windows_narrow_and_widen_again(void **state)
{
	struct wire w = wire_decoder(span_of(octets, 6), NULL);
	uint8_t v = 0;
	size_t saved = wire_enter(&w, 2);

	(void)state;
	wire_u8(&w, "first", &v);
	assert_int_equal(wire_left(&w), 1);
	wire_leave(&w, saved); /* what was not read of the window is passed over */
	assert_int_equal(wire_left(&w), 4);
	wire_u8(&w, "third", &v);
	assert_int_equal(v, octets[2]);
	saved = wire_enter(&w, 4); /* three are left */
	assert_false(wire_ok(&w));
	wire_leave(&w, saved);
	assert_false(wire_ok(&w));
}

/* A field that says how long another is must not be believed while encoding. */
static void
announced_and_given_length_must_agree(void **state)
{
	uint8_t out[8];
	struct wire w = wire_encoder(out, sizeof out);
	struct span three = span_str("abc");

	(void)state;
	wire_bytes(&w, "SPI", &three, 4);
	assert_string_equal(w.where, "SPI");
	assert_false(wire_ok(&w));
}

static void
lists_grow_and_are_bounded(void **state)
{
	autoarena arena = { 0 };
	struct wire w = wire_decoder(span_of(octets, 1), &arena);
	uint32_t *list = NULL;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		list = wire_list_room(&w, "number of things", list, i, sizeof *list, 100);
		assert_non_null(list);
		list[i] = i * 3;
	}
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(list[i], i * 3);
	assert_null(wire_list_room(&w, "number of things", list, 100, sizeof *list, 100));
	assert_string_equal(w.where, "number of things");
	assert_null(wire_list_room(&w, "number of things", list, 1, sizeof *list, 100)); /* a failed cursor gives no room */
}

static void
dumps_say_names_and_values(void **state)
{
	char text[512];
	struct dump d = { .text = text, .cap = sizeof text, .indent = 1 };
	struct wire w = wire_dumper(span_of(octets, sizeof octets), NULL, &d);
	struct thing t = { 0 };

	(void)state;
	thing_wire(&w, &t);
	assert_true(wire_ok(&w));
	assert_string_equal(text, "\tA: 17\n\tB: 8755\n\tC: 1146447479\n\tD: 72623859790382856\n\tName Length: 2\n"
	                          "\tName (2): 6869\n\tRest (3): 656e64\n");
}

/* A dump that is full is cut and stays terminated. */
static void
dumps_are_cut_where_they_are_full(void **state)
{
	(void)state;
	for (size_t cap = 1; cap < 64; cap++) {
		char text[64];
		struct dump d = { .text = text, .cap = cap };
		struct wire w = wire_dumper(span_of(octets, sizeof octets), NULL, &d);
		struct thing t = { 0 };

		memset(text, 'x', sizeof text);
		thing_wire(&w, &t);
		assert_true(wire_ok(&w));
		assert_true(d.n < cap && text[d.n] == 0 && strlen(text) == d.n);
		if (cap < sizeof text)
			assert_int_equal(text[cap], 'x');
	}
}

static void
long_octet_strings_are_cut_in_dumps(void **state)
{
	uint8_t many[100] = { 0 };
	char text[512];
	struct dump d = { .text = text, .cap = sizeof text };
	struct wire w = wire_dumper(span_of(many, sizeof many), NULL, &d);
	struct span v;

	(void)state;
	wire_rest(&w, "Data", &v);
	assert_int_equal(strncmp(text, "Data (100): 0000", 16), 0);
	assert_string_equal(text + strlen(text) - 4, "...\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian_both_ways),
		cmocka_unit_test(every_cut_fails_and_names_the_field),
		cmocka_unit_test(encoding_stops_at_the_end_of_the_room),
		cmocka_unit_test(encoding_does_not_write_to_its_values),
		cmocka_unit_test(the_first_failure_stays),
		cmocka_unit_test(reserved_octets_are_ignored_and_written_as_zero),
		cmocka_unit_test(windows_narrow_and_widen_again),
		cmocka_unit_test(announced_and_given_length_must_agree),
		cmocka_unit_test(lists_grow_and_are_bounded),
		cmocka_unit_test(dumps_say_names_and_values),
		cmocka_unit_test(dumps_are_cut_where_they_are_full),
		cmocka_unit_test(long_octet_strings_are_cut_in_dumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
