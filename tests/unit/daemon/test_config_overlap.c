/* SPDX-License-Identifier: Apache-2.0 */
#include "config_overlap.h"

#include <time.h>

#include "conf_support.h"

#define NETWORK "local_ts = 10.1.0.0/16\n"
#define A_PEER "version = 1\n remote_addrs = 192.0.2.1\n"
#define ANOTHER "version = 1\n remote_addrs = 192.0.2.2\n"
#define ANYBODY "version = 1\n"

/* The notices of a file of these connections, one a line. */
static size_t
overlaps(char *out, size_t size, const char *connections)
{
	struct conf_errors errs = { 0 };
	struct config config = { 0 };
	char text[2048];
	size_t n = 0, notices;

	snprintf(text, sizeof text, "connections {\n%s\n}\n", connections);
	assert_true(config_load_text(&config, "test", text, strlen(text), &errs));
	*out = 0;
	for (const struct conf_error *e = errs.first; e && n < size; e = e->next)
		n += (size_t)snprintf(out + n, size - n, "%s\n", e->text);
	notices = errs.n_notices;
	config_free(&config);
	conf_errors_free(&errs);
	return notices;
}

static void
which_pairs_are_told(void **state)
{
	static const struct {
		const char *connections;
		size_t pairs;
	} rows[] = {
		{ "x { " ANYBODY "children { a { }\n b { } } }", 1 },
		{ "x { " ANYBODY "children { a { }\n b { }\n c { } } }", 3 },
		{ "x { " ANYBODY "children { a { remote_ts = 10.1.0.0/16 }\n b { remote_ts = 10.2.0.0/16 } } }", 0 },
		{ "x { " ANYBODY "children { a { remote_ts = 10.1.0.0/16 }\n b { remote_ts = 10.1.0.0/16, 10.2.0.0/16 } } }", 1 },
		{ "x { " ANYBODY
		  "children { a { remote_ts = 10.1.0.0/16[tcp] }\n b { remote_ts = 10.1.0.0/16[udp] }\n c { remote_ts = "
		  "10.1.0.0/16[tcp] } } }",
		  1 },
		{ "x { " ANYBODY "children { a { mode = pass }\n b { mode = pass } } }", 0 },
		{ "x { " ANYBODY "children { a { mode = pass\n remote_ts = 10.1.0.0/16 }\n b { remote_ts = 10.1.0.0/16 } } }",
		  0 },
		{ "x { " A_PEER "children { a { " NETWORK "remote_ts = 10.1.0.0/16, 10.2.0.0/16 } } }\n"
		  "y { " ANOTHER "children { a { " NETWORK "remote_ts = 10.2.0.0/16, 10.1.0.0/16 } } }",
		  1 },
		{ "x { " ANYBODY "children { a { remote_ts = 10.1.2.0/24 }\n b { remote_ts = 10.0.0.0/8, 10.1.0.0/16 } } }", 1 },
		{ "x { " ANYBODY "children { a { remote_ts = 10.1.0.0/16 }\n b { remote_ts = 10.1.0.0/16, 10.0.0.0/8, "
		  "10.1.0.0/16 } } }",
		  1 },
		{ "x { " ANYBODY "children { a { remote_ts = 10.1.0.0/16, 10.0.0.0/8 }\n b { remote_ts = 10.0.0.0/8, "
		  "10.1.0.0/16 } } }",
		  1 },
		/* Part of another's, at another peer, is how routes are divided. */
		{ "x { " A_PEER "children { a { " NETWORK "remote_ts = 10.0.0.0/8 } } }\n"
		  "y { " ANOTHER "children { a { " NETWORK "remote_ts = 10.2.0.0/16 } } }",
		  0 },
		{ "x { " A_PEER "children { a { " NETWORK "remote_ts = 10.0.0.0/8 } } }\n"
		  "y { " A_PEER "children { a { " NETWORK "remote_ts = 10.2.0.0/16 } } }",
		  1 },
		/* "dynamic" is the address of whoever comes. */
		{ "x { " ANYBODY "children { a { } } }\ny { " ANYBODY "children { a { } } }", 0 },
		{ "x { " A_PEER "children { a { } } }\ny { " ANOTHER "children { a { } } }", 0 },
		{ "x { " A_PEER "children { a { } } }\ny { " A_PEER "children { a { } } }", 1 },
		{ "x { " ANYBODY
		  "children { a { local_ts = fd01::/64\n remote_ts = fd02::/64 }\n b { local_ts = 10.1.0.0/16\n remote_ts "
		  "= 10.2.0.0/16 } } }",
		  0 },
	};
	char said[4096];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (overlaps(said, sizeof said, rows[i].connections) != rows[i].pairs)
			fail_msg("row %zu, of %zu: %s", i, rows[i].pairs, said);
}

static void
both_places_and_the_winner(void **state)
{
	static const struct {
		const char *connections, *sentence;
	} rows[] = {
		{ "x { " A_PEER "children { a { " NETWORK "remote_ts = 10.2.0.0/16 } } }\ny { " ANOTHER
		  "children {\n a { " NETWORK "remote_ts = 10.2.0.0/16 } } }",
		  "test:9: child 'y.a' has the same local_ts and remote_ts as child 'x.a' (test:4): only one of them can carry "
		  "that traffic, "
		  "'x.a', since it comes first\n" },
		{ "x { " A_PEER "children { a { remote_ts = 10.2.0.0/16 }\n b { remote_ts = 10.2.0.0/16\n priority = 7 } } }",
		  "test:5: child 'x.b' has the same local_ts and remote_ts as child 'x.a' (test:4): only one of them can carry "
		  "that traffic, "
		  "'x.b', since its priority goes first\n" },
		{ "x { " A_PEER "children { a { remote_ts = 10.0.0.0/8 }\n b { remote_ts = 10.2.0.0/16 } } }",
		  "test:5: child 'x.b' lies within the local_ts and remote_ts of child 'x.a' (test:4): what both cover goes by "
		  "'x.b', since it "
		  "is the narrower one\n" },
		{ "x { " A_PEER "children { a { remote_ts = 10.2.0.0/16 }\n b { remote_ts = 10.0.0.0/8\n priority = 7 } } }",
		  "test:5: child 'x.b' encloses the local_ts and remote_ts of child 'x.a' (test:4): only one of them can carry "
		  "that traffic, "
		  "'x.b', since its priority goes first\n" },
	};
	char said[4096];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		overlaps(said, sizeof said, rows[i].connections);
		assert_string_equal(said, rows[i].sentence);
	}
}

/* Neither many networks side by side nor many of one kind keep a daemon from loading. */
static void
many_children_load_in_time(void **state)
{
	enum { MANY = 3000 };
	char *text = malloc(MANY * 64);
	size_t n;

	(void)state;
	assert_non_null(text);
	for (int alike = 0; alike < 2; alike++) {
		struct conf_errors errs = { 0 };
		struct config config = { 0 };

		n = (size_t)sprintf(text, "connections { x { version = 1\n children {\n");
		for (unsigned i = 0; i < MANY; i++)
			n += (size_t)sprintf(text + n, "c%u { remote_ts = 10.%u.%u.0/24 }\n", i, alike ? 0 : i >> 8,
			                     alike ? 0 : i & 255);
		n += (size_t)sprintf(text + n, "} } }\n");
		assert_true(config_load_text(&config, "test", text, n, &errs));
		assert_int_equal(errs.n_notices > CONF_ERRORS_MAX, alike);
		config_free(&config);
		conf_errors_free(&errs);
	}
	free(text);
}

/* Nor do children that share all their networks but one: whether each lies within the other takes the longest to tell. */
static void
many_networks_load_in_time(void **state)
{
	enum { CHILDREN = 1000, SHARED = 100 };
	char *text = malloc(CHILDREN * (SHARED * 16 + 64));
	struct conf_errors errs = { 0 };
	struct config config = { 0 };
	size_t n;
	clock_t begun;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, "connections { x { version = 1\n children {\n");
	for (unsigned i = 0; i < CHILDREN; i++) {
		n += (size_t)sprintf(text + n, "c%u { remote_ts = 10.0.0.0/24", i);
		for (unsigned k = 1; k < SHARED; k++)
			n += (size_t)sprintf(text + n, ",10.%u.0.0/24", k);
		n += (size_t)sprintf(text + n, ",11.%u.%u.0/24 }\n", i >> 8, i & 255);
	}
	n += (size_t)sprintf(text + n, "} } }\n");
	begun = clock();
	assert_true(config_load_text(&config, "test", text, n, &errs));
	assert_true(clock() - begun < 15 * CLOCKS_PER_SEC);
	assert_int_equal(errs.n_notices, 0);
	config_free(&config);
	conf_errors_free(&errs);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_pairs_are_told),
		cmocka_unit_test(both_places_and_the_winner),
		cmocka_unit_test(many_children_load_in_time),
		cmocka_unit_test(many_networks_load_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
