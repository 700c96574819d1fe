/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strongSwan's configuration syntax. What is expected here was read off
 * swanctl 5.9.8, which tests/interop/test_swanctl_syntax.py asks again.
 */
#include "conf_support.h"

/* The tree as text: "a{x=1 s{y=2}}". */
static void
describe(char *out, size_t size, const struct conf_section *s)
{
	size_t n = strlen(out);

	for (const struct conf_key *k = s->keys; k; k = k->next) {
		snprintf(out + n, size - n, "%s=%s;", k->name, k->value);
		n = strlen(out);
	}
	for (const struct conf_section *c = s->sections; c; c = c->next) {
		snprintf(out + n, size - n, "%s{", c->name);
		describe(out, size, c);
		n = strlen(out);
		snprintf(out + n, size - n, "}");
		n = strlen(out);
	}
}

static void
expect(const char *text, const char *tree)
{
	struct folder f = folder_make();
	const char *path = folder_write(&f, "a.conf", text);
	struct conf_errors errs = { 0 };
	struct conf_tree t;
	char got[4096] = "";

	assert_true(conf_tree_open(&t, path));
	if (!conf_file_read(&t, path, &errs) || !conf_tree_resolve(&t, &errs))
		fail_msg("%s\nrefused: %s", text, conf_errors_first(&errs));
	describe(got, sizeof got, t.root);
	assert_string_equal(got, tree);
	conf_tree_close(&t);
	conf_errors_free(&errs);
	folder_remove(&f);
}

/* @where: "3: " and words of the message. */
static void
refuse(const char *text, const char *line, const char *words)
{
	struct folder f = folder_make();
	const char *path = folder_write(&f, "a.conf", text);
	struct conf_errors errs = { 0 };
	struct conf_tree t;
	char where[128];

	assert_true(conf_tree_open(&t, path));
	assert_false(conf_file_read(&t, path, &errs) && conf_tree_resolve(&t, &errs));
	snprintf(where, sizeof where, "/a.conf:%s", line);
	if (!strstr(conf_errors_first(&errs), where) || !strstr(conf_errors_first(&errs), words))
		fail_msg("%s\nsays: %s\nnot: %s ... %s", text, conf_errors_first(&errs), where, words);
	conf_tree_close(&t);
	conf_errors_free(&errs);
	folder_remove(&f);
}

static void
sections_and_values(void **state)
{
	(void)state;
	expect("", "");
	expect("# only a comment", "");
	expect("a { x = 1 }", "a{x=1;}");
	expect("a\n{\n  b\n  { x\n = 1\n } }", "a{b{x=1;}}");
	expect("a { x = 1 } b { } c = 2\n", "c=2;a{x=1;}b{}");
	expect("a{x=1\ny=2}", "a{x=1;y=2;}");
	expect("a { k-4_x/y%z@*' = 5\n }", "a{k-4_x/y%z@*'=5;}");
	expect("a {\r\n x = 1 2\r\n}\r\n", "a{x=1 2;}");
}

static void
values_end_with_the_line(void **state)
{
	(void)state;
	expect("x =  a \t b   c  # why\n", "x=a b c;");
	expect("x = a = b { : , .\n", "x=a = b { : , .;");
	expect("x = http://y#z\n", "x=http://y;");
	expect("x = a \\\ny = b", "x=a \\;y=b;");
	expect("a { x = 1, y = 2 }", "a{x=1, y = 2;}");
	/* A key without a value is none. */
	expect("x = 1\nx =\n", "");
	expect("x = #5\ny=1\n", "y=1;");
}

static void
quoted_strings(void **state)
{
	(void)state;
	expect("x = \"a # } = b\"\n", "x=a # } = b;");
	expect("x = \" lead\"   \"trail \"  mid\n", "x= lead trail  mid;");
	expect("x=a\"b c\"d\n", "x=a b c d;");
	expect("x = \"two\nlines\"\n", "x=two\nlines;");
	expect("x = \"joi\\\nned\"\n", "x=joined;");
	expect("x = \"\\n\\t\\r\\\"\\\\\\q\\0\"\n", "x=\n\t\r\"\\q0;");
	/* An empty string is a value. */
	expect("x = \"\"\n", "x=;");
	expect("x = 'a b'\n", "x='a b';");
}

static void
what_is_written_twice(void **state)
{
	(void)state;
	expect("a { x = 1\n y = 1 }\na { x = 2 }", "a{x=2;y=1;}");
	expect("a { s { x = 1 } }\na { s { y = 2 } t { } }", "a{s{x=1;y=2;}t{}}");
	expect("a { x = 1 }\na { x = }", "a{}");
	/* A key and a section of one name are two things. */
	expect("a { s = 1\n s { x = 1 } }", "a{s=1;s{x=1;}}");
}

static void
references(void **state)
{
	(void)state;
	expect("b { k = 1 }\na : b { x = 1 }", "b{k=1;}a{x=1;k=1;}");
	expect("a : b { }\nb { k = 1 }", "a{k=1;}b{k=1;}");
	/* Its own goes first, then the references in order. */
	expect("b { k = b\n l = b }\nc { k = c\n m = c }\na : b, c { l = a }", "b{k=b;l=b;}c{k=c;m=c;}a{l=a;k=b;m=c;}");
	/* What is taken back stays away, also for those that refer on. */
	expect("b { k = 1\n l = 1 }\nc : b { k = }\nd : c, b { }", "b{k=1;l=1;}c{l=1;}d{l=1;}");
	/* Sections within are put together too; a path leads through references. */
	expect("b { s { x = 1\n y = 1 } }\na : b { s { y = 2 } }", "b{s{x=1;y=1;}}a{s{y=2;x=1;}}");
	expect("b { s { x = 1 } }\na : b { }\nc : a.s { y = 1 }", "b{s{x=1;}}a{s{x=1;}}c{y=1;x=1;}");
	/* Circles add nothing. */
	expect("a : b { x = 1 }\nb : a { y = 1 }", "a{x=1;y=1;}b{y=1;x=1;}");
	expect("a : a { x = 1 }", "a{x=1;}");
}

static void
mistakes(void **state)
{
	(void)state;
	refuse("a { x = 1", "1", "the file ends within section 'a'");
	refuse("a {\n b {\n }\n\n", "5", "the file ends within section 'a'");
	refuse("a { }\n}", "2", "'}' cannot stand here: expected is ");
	refuse("\n= 3", "2", "'=' cannot stand here: expected is ");
	refuse("\n\nx = \"abc\ndef\n", "3", "the quoted string that begins here has no end");
	refuse("a { \"k\" = 5\n }", "1", "names are not quoted");
	refuse("a.b = 5\n", "1", "a character that a name cannot have");
	refuse("a b { }\n", "1", "a name cannot stand here: expected is '=' or '{' or ':'");
	refuse("a : { }", "1", "'{' cannot stand here: expected is a name");
	refuse("x\n", "2", "the end of the file cannot stand here: expected is '=' or '{' or ':'");
	refuse("a : nosuch { }", "1", "there is no section 'nosuch' to refer to");
	refuse("a { b : a.c { } }", "1", "there is no section 'a.c'");
}

static void
includes(void **state)
{
	struct folder f = folder_make();
	struct conf_errors errs = { 0 };
	struct conf_tree t;
	char got[1024] = "", sub[128];
	const char *path;

	(void)state;
	snprintf(sub, sizeof sub, "%s/d", f.path);
	assert_int_equal(mkdir(sub, 0700), 0);
	folder_write(&f, "d/2.conf", "two { x = 2 }");
	folder_write(&f, "d/1.conf", "one { include ../in.conf\n }");
	folder_write(&f, "in.conf", "y = 1");
	path = folder_write(&f, "a.conf",
	                    "include d/*.conf # all\ninclude \"none*.conf\"\ninclude nosuch.d/*.conf\nc { include in.conf "
	                    "}\nincludex = 1\nd { include = 2 }");
	assert_true(conf_tree_open(&t, path));
	if (!conf_file_read(&t, path, &errs) || !conf_tree_resolve(&t, &errs))
		fail_msg("refused: %s", conf_errors_first(&errs));
	describe(got, sizeof got, t.root);
	assert_string_equal(got, "includex=1;one{y=1;}two{x=2;}c{y=1;}d{include=2;}");
	conf_tree_close(&t);
	conf_errors_free(&errs);
	folder_remove(&f);
}

static void
includes_that_fail(void **state)
{
	struct folder f = folder_make();

	(void)state;
	refuse("a { }\ninclude nosuch.conf\n", "2", "cannot read '");
	refuse("include /tmp\n", "1", "it is a folder");
	refuse("include a.conf\n", "1", "includes itself");
	folder_remove(&f);
}

/* Limits: nesting, references that multiply, names, files that are no text. */
static void
limits(void **state)
{
	char text[8192] = "";
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "a {");
	refuse(text, "1", "nested deeper than");
	refuse("a { x : a { } }", "1", "nested deeper than");
	n = 0;
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "s%d { x : s%d { }\n y : s%d { } }\n", i, i + 1, i + 1);
	snprintf(text + n, sizeof text - n, "s60 { k = 1 }");
	refuse(text, "", "");
	memset(text, 'a', 300);
	strcpy(text + 300, " = 1\n");
	refuse(text, "1", "a name has at most 255 characters");
}

static void
zero_octets(void **state)
{
	char text[] = "x = 1\0y = 2\n\0\0";
	struct conf_errors errs = { 0 };
	struct conf_tree t;

	(void)state;
	assert_true(conf_tree_open(&t, "m"));
	assert_false(conf_text_read(&t, "m", text, 12, &errs));
	assert_true(errors_hold(&errs, "zero octet at offset 5"));
	conf_tree_close(&t);
	conf_errors_free(&errs);
}

static void
text_in_memory_includes_nothing(void **state)
{
	char text[] = "a { x = 1 }\ninclude /etc/hostname\n\0\0";
	struct conf_errors errs = { 0 };
	struct conf_tree t;

	(void)state;
	assert_true(conf_tree_open(&t, "m"));
	assert_false(conf_text_read(&t, "m", text, strlen(text), &errs));
	assert_string_equal(conf_errors_first(&errs), "m:2: a text that is not a file cannot include files");
	conf_tree_close(&t);
	conf_errors_free(&errs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_and_values),
		cmocka_unit_test(values_end_with_the_line),
		cmocka_unit_test(quoted_strings),
		cmocka_unit_test(what_is_written_twice),
		cmocka_unit_test(references),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(includes),
		cmocka_unit_test(includes_that_fail),
		cmocka_unit_test(limits),
		cmocka_unit_test(zero_octets),
		cmocka_unit_test(text_in_memory_includes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
