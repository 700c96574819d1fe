/* SPDX-License-Identifier: Apache-2.0 */
/* The vici wire format: the example of its public description, and what must not pass. */
#include "conf_support.h"
#include "vici_internal.h"

/* key1 = value1, section1 { sub-section { key2 = value2 } list1 = [ item1, item2 ] } */
static const uint8_t example[] = {
	3,   4,   'k', 'e', 'y', '1', 0,   6,   'v', 'a', 'l', 'u', 'e', '1', 1,   8,   's', 'e', 'c', 't',
	'i', 'o', 'n', '1', 1,   11,  's', 'u', 'b', '-', 's', 'e', 'c', 't', 'i', 'o', 'n', 3,   4,   'k',
	'e', 'y', '2', 0,   6,   'v', 'a', 'l', 'u', 'e', '2', 2,   4,   5,   'l', 'i', 's', 't', '1', 5,
	0,   5,   'i', 't', 'e', 'm', '1', 5,   0,   5,   'i', 't', 'e', 'm', '2', 6,   2,
};

static void
reads_the_example(void **state)
{
	const struct conf_section *s;
	const struct conf_key *k;
	struct conf_tree t;
	const char *why;

	(void)state;
	assert_true(conf_tree_open(&t, ""));
	assert_true(vici_message_read(&t, span_of(example, sizeof example), true, &why));
	assert_string_equal(conf_key_find(t.root, "key1")->value, "value1");
	s = conf_section_find(t.root, "section1");
	k = conf_key_find(conf_section_find(s, "sub-section"), "key2");
	assert_string_equal(k->value, "value2");
	assert_string_equal(k->where, "section1.sub-section.key2");
	k = conf_key_find(s, "list1");
	assert_true(k->is_list);
	assert_int_equal(k->n_items, 2);
	assert_string_equal(k->item[1], "item2");
	assert_string_equal(k->where, "section1.list1");
	conf_tree_close(&t);
}

static void
writes_the_example(void **state)
{
	struct vici_writer w;

	(void)state;
	vici_begin(&w, VICI_CMD_REQUEST, "cmd");
	vici_key(&w, "key1", "value1");
	vici_section(&w, "section1");
	vici_section(&w, "sub-section");
	vici_keyf(&w, "key2", "value%d", 2);
	vici_section_end(&w);
	vici_list(&w, "list1");
	vici_item(&w, "item1");
	vici_item(&w, "item2");
	vici_list_end(&w);
	vici_section_end(&w);
	assert_true(vici_finish(&w));
	assert_int_equal(w.n, 4 + 1 + 4 + sizeof example);
	assert_int_equal(get_be32(w.p), w.n - 4);
	assert_memory_equal(w.p + 4, "\0\3cmd", 5);
	assert_memory_equal(w.p + 9, example, sizeof example);
	vici_writer_free(&w);
}

/* Cut anywhere: refused, or a whole number of elements. Nothing is read beyond (the sanitizer watches a copy of exact size). */
static void
every_truncation(void **state)
{
	unsigned whole = 0;

	(void)state;
	for (size_t n = 0; n < sizeof example; n++) {
		uint8_t *copy = malloc(n + !n);
		struct conf_tree t;
		const char *why;

		memcpy(copy, example, n);
		assert_true(conf_tree_open(&t, ""));
		if (vici_message_read(&t, span_of(copy, n), true, &why))
			whole++;
		else
			assert_true(*why);
		conf_tree_close(&t);
		free(copy);
	}
	/* Nothing, and key1 alone. */
	assert_int_equal(whole, 2);
}

static void
malformed(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *words;
	} cases[] = {
		{ "\2", 1, "is closed that was never opened" },
		{ "\1\1a", 3, "is not closed" },
		{ "\5\0\1x", 4, "outside of a list" },
		{ "\6", 1, "outside of a list" },
		{ "\7", 1, "unknown type" },
		{ "\0", 1, "unknown type" },
		{ "\4\1l\3\1k\0\1v\6", 10, "not an item" },
		{ "\4\1l\4\1m\6\6", 8, "not an item" },
		{ "\4\1l\5\0\1x", 7, "within an element" },
		{ "\3\1k\0\5v", 6, "within an element" },
		{ "\3\0\0\1v", 5, "a name is empty" },
		{ "\3\1\n\0\1v", 6, "control character" },
		{ "\3\1k\0\3a\0b", 8, "zero octet" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct conf_tree t;
		const char *why;

		assert_true(conf_tree_open(&t, ""));
		assert_false(vici_message_read(&t, span_of(cases[i].octets, cases[i].n), true, &why));
		if (!strstr(why, cases[i].words))
			fail_msg("case %zu says: %s", i, why);
		conf_tree_close(&t);
	}
}

/* Octets are allowed where a command asks for them: secrets. */
static void
octets_where_allowed(void **state)
{
	struct conf_tree t;
	const char *why;

	(void)state;
	assert_true(conf_tree_open(&t, ""));
	assert_true(vici_message_read(&t, span_of("\3\4data\0\3a\0b", 11), false, &why));
	assert_int_equal(conf_key_find(t.root, "data")->n_value, 3);
	assert_memory_equal(conf_key_find(t.root, "data")->value, "a\0b", 4);
	conf_tree_close(&t);
}

static void
limits(void **state)
{
	uint8_t *m = malloc(VICI_PACKET_MAX);
	struct conf_tree t;
	const char *why;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		memcpy(m + n, "\1\1a", 3);
		n += 3;
	}
	assert_true(conf_tree_open(&t, ""));
	assert_false(vici_message_read(&t, span_of(m, n), true, &why));
	assert_non_null(strstr(why, "nested too deep"));
	conf_tree_close(&t);
	n = 0;
	for (int i = 0; i < VICI_ELEMENTS_MAX + 1; i++) {
		memcpy(m + n, "\3\1k\0\0", 5);
		n += 5;
	}
	assert_true(conf_tree_open(&t, ""));
	assert_false(vici_message_read(&t, span_of(m, n), true, &why));
	assert_non_null(strstr(why, "too many elements"));
	conf_tree_close(&t);
	free(m);
}

static void
packets(void **state)
{
	enum vici_packet type;
	struct span name, message;

	(void)state;
	assert_true(vici_packet_read(&type, &name, &message, span_of("\0\3abcdef", 8)));
	assert_int_equal(type, VICI_CMD_REQUEST);
	assert_true(span_equal(name, span_str("abc")));
	assert_true(span_equal(message, span_str("def")));
	assert_true(vici_packet_read(&type, &name, &message, span_of("\5", 1)));
	assert_int_equal(name.n + message.n, 0);
	assert_false(vici_packet_read(&type, &name, &message, span_of("", 0)));
	assert_false(vici_packet_read(&type, &name, &message, span_of("\0", 1)));
	assert_false(vici_packet_read(&type, &name, &message, span_of("\0\4abc", 5)));
	assert_false(vici_packet_read(&type, &name, &message, span_of("\10", 1)));
}

/* A writer that was used wrongly sends nothing. */
static void
unbalanced_writers(void **state)
{
	struct vici_writer w;

	(void)state;
	vici_begin(&w, VICI_CMD_RESPONSE, NULL);
	vici_section(&w, "a");
	assert_false(vici_finish(&w));
	assert_null(w.p);
	vici_begin(&w, VICI_CMD_RESPONSE, NULL);
	vici_section_end(&w);
	assert_false(vici_finish(&w));
	vici_begin(&w, VICI_CMD_RESPONSE, NULL);
	vici_list(&w, "l");
	vici_key(&w, "k", "v");
	assert_false(vici_finish(&w));
	vici_begin(&w, VICI_CMD_RESPONSE, NULL);
	vici_item(&w, "v");
	assert_false(vici_finish(&w));
}

static void
too_large_is_not_sent(void **state)
{
	struct vici_writer w;

	(void)state;
	vici_begin(&w, VICI_EVENT, "log");
	for (int i = 0; i < 60000; i++)
		vici_key(&w, "0123456789", "0123456789");
	assert_true(w.n <= VICI_PACKET_MAX + 4);
	assert_false(vici_finish(&w));
}

/* A single port of TCP or UDP goes by the name of its service, as strongSwan prints it; nothing else changes. */
static void
ports_by_name(void **state)
{
	static const char *const cases[][2] = {
		{ "10.1.0.0/16[tcp/22]", "10.1.0.0/16[tcp/ssh]" },
		{ "fd00::/64[udp/53]", "fd00::/64[udp/domain]" },
		{ "10.1.0.0/16[tcp]", "10.1.0.0/16[tcp]" },
		{ "10.1.0.0/16", "10.1.0.0/16" },
		{ "10.1.0.0/16[tcp/1000-2000]", NULL },
		{ "10.1.0.0/16[udp/64999]", NULL },
	};
	char text[SELECTOR_TEXT_MAX], plain[SELECTOR_TEXT_MAX];
	struct selector s;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(selector_parse(&s, span_str(cases[i][0]), &why));
		assert_string_equal(vici_selector(text, &s), cases[i][1] ? cases[i][1] : selector_format(plain, &s));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_example),
		cmocka_unit_test(writes_the_example),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(malformed),
		cmocka_unit_test(octets_where_allowed),
		cmocka_unit_test(limits),
		cmocka_unit_test(packets),
		cmocka_unit_test(unbalanced_writers),
		cmocka_unit_test(too_large_is_not_sent),
		cmocka_unit_test(ports_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
