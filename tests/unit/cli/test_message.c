/* SPDX-License-Identifier: Apache-2.0 */
/* libsallyport's messages: made, read, and against hostile octets. */
#include <string.h>

#include "check.h"
#include "failing_memory.h"
#include "message.h"

static struct sallyport_message *
sample(void)
{
	struct sallyport_message *m = sallyport_message_new();

	assert_non_null(m);
	assert_true(sallyport_put(m, "key1", "value1"));
	assert_true(sallyport_begin(m, "section1"));
	assert_true(sallyport_begin(m, "sub-section"));
	assert_true(sallyport_put(m, "key2", "value2"));
	sallyport_end(m);
	assert_true(sallyport_put_item(m, "list1", "item1"));
	assert_true(sallyport_put_item(m, "list1", "item2"));
	sallyport_end(m);
	return m;
}

/* The encoding example of vici's public description. */
static const uint8_t example[] = "\3\4key1\0\6value1"
                                 "\1\10section1"
                                 "\1\13sub-section"
                                 "\3\4key2\0\6value2"
                                 "\2"
                                 "\4\5list1"
                                 "\5\0\5item1"
                                 "\5\0\5item2"
                                 "\6"
                                 "\2";

static void
encodes_the_example(void **state)
{
	struct sallyport_message *m = sample();
	struct buffer b = { 0 };

	(void)state;
	message_encode(&b, m);
	assert_false(b.failed);
	assert_int_equal(b.n, sizeof example - 1);
	assert_memory_equal(b.p, example, b.n);
	buffer_free(&b);
	sallyport_message_free(m);
}

static void
reads_what_it_decodes(void **state)
{
	const char *why;
	struct sallyport_message *m = message_decode(example, sizeof example - 1, &why);
	const struct sallyport_node *s = sallyport_find(sallyport_root(m), "section1"), *l;

	(void)state;
	assert_non_null(m);
	assert_string_equal(sallyport_get(sallyport_root(m), "key1"), "value1");
	assert_int_equal(sallyport_kind(s), SALLYPORT_SECTION);
	assert_string_equal(sallyport_get(sallyport_find(s, "sub-section"), "key2"), "value2");
	l = sallyport_find(s, "list1");
	assert_int_equal(sallyport_kind(l), SALLYPORT_LIST);
	assert_string_equal(sallyport_value(sallyport_next(sallyport_first(l))), "item2");
	assert_null(sallyport_next(sallyport_next(sallyport_first(l))));
	/* A section is no value; what is not there is NULL, also through chains. */
	assert_null(sallyport_get(sallyport_root(m), "section1"));
	assert_null(sallyport_get(sallyport_find(sallyport_find(s, "none"), "none"), "none"));
	assert_string_equal(sallyport_value(NULL), "");
	assert_string_equal(sallyport_name(NULL), "");
	assert_int_equal(sallyport_kind(NULL), SALLYPORT_NONE);
	sallyport_message_free(m);
}

static void
every_truncation(void **state)
{
	unsigned whole = 0;

	(void)state;
	for (size_t n = 0; n < sizeof example - 1; n++) {
		uint8_t *copy = test_malloc(n + !n);
		const char *why;
		struct sallyport_message *m;

		memcpy(copy, example, n);
		m = message_decode(copy, n, &why);
		whole += m != NULL;
		sallyport_message_free(m);
		test_free(copy);
	}
	assert_int_equal(whole, 2);
}

static void
malformed(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
	} cases[] = {
		{ "\2", 1 },      { "\6", 1 },    { "\5\0\1x", 4 }, { "\0", 1 },
		{ "\7", 1 },      { "\1\1a", 3 }, { "\4\1a\2", 4 }, { "\4\1a\3\1k\0\1v\6", 10 },
		{ "\1\1a\6", 4 },
	};
	uint8_t deep[3 * 64];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		why = NULL;
		assert_null(message_decode((const uint8_t *)cases[i].octets, cases[i].n, &why));
		assert_non_null(why);
	}
	for (size_t i = 0; i < 64; i++)
		memcpy(deep + 3 * i, "\1\1a", 3);
	assert_null(message_decode(deep, sizeof deep, &why));
}

static void
limits_of_making(void **state)
{
	static char large[MESSAGE_VALUE_MAX + 2];
	struct sallyport_message *m = sallyport_message_new();
	struct buffer b = { 0 };

	(void)state;
	memset(large, 'x', sizeof large - 1);
	assert_false(sallyport_put(m, "k", large));
	large[300] = 0;
	assert_false(sallyport_put(m, large, "v"));
	assert_false(sallyport_begin(m, large));
	for (int i = 0; i < MESSAGE_DEPTH_MAX; i++)
		assert_true(sallyport_begin(m, "s"));
	assert_false(sallyport_begin(m, "s"));
	for (int i = 0; i < MESSAGE_DEPTH_MAX + 1; i++)
		sallyport_end(m);
	/* A value where a list is wanted. */
	assert_true(sallyport_put(m, "v", "1"));
	assert_false(sallyport_put_item(m, "v", "2"));
	memset(large, 'x', sizeof large - 1);
	large[MESSAGE_VALUE_MAX] = 0;
	for (int i = 0; i < 9; i++)
		assert_true(sallyport_put(m, "k", large));
	message_encode(&b, m);
	assert_true(b.failed);
	buffer_free(&b);
	sallyport_message_free(m);
}

static void
refusals(void **state)
{
	struct sallyport_message *m = sallyport_message_new();

	(void)state;
	assert_null(sallyport_refused(m));
	sallyport_put(m, "success", "yes");
	assert_null(sallyport_refused(m));
	sallyport_message_free(m);
	m = sallyport_message_new();
	sallyport_put(m, "success", "no");
	assert_string_equal(sallyport_refused(m), "the daemon gave no reason");
	sallyport_put(m, "errmsg", "because");
	assert_string_equal(sallyport_refused(m), "because");
	sallyport_message_free(m);
}

/* Each way of making and reading ends with all of it, or says no. */
static void
memory_may_end_anywhere(void **state)
{
	unsigned long n = 1;

	(void)state;
	for (unsigned long i = 0; i <= n; i++) {
		struct buffer b = { 0 };
		struct sallyport_message *m, *back;
		const char *why = "";
		bool made;

		failing_memory_begin(i);
		m = sallyport_message_new();
		made = m && sallyport_put(m, "key1", "value1") && sallyport_begin(m, "section1") &&
		       sallyport_put_item(m, "list1", "item1") && sallyport_put_item(m, "list1", "item2");
		if (made)
			message_encode(&b, m);
		back = made && !b.failed ? message_decode(b.p, b.n, &why) : NULL;
		assert_true(back || !made || b.failed || *why);
		if (back)
			assert_non_null(sallyport_next(sallyport_first(sallyport_find(
			        sallyport_find(sallyport_root(back), "section1"), "list1"))));
		sallyport_message_free(back);
		sallyport_message_free(m);
		buffer_free(&b);
		n = i ? n : failing_memory_end();
	}
	failing_memory_end();
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_the_example), cmocka_unit_test(reads_what_it_decodes),
		cmocka_unit_test(every_truncation),    cmocka_unit_test(malformed),
		cmocka_unit_test(limits_of_making),    cmocka_unit_test(refusals),
		cmocka_unit_test(memory_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
