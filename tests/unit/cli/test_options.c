/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>

#include "check.h"
#include "cli.h"

/* The command line, up to where a daemon is asked: nobody listens at this socket. */

static int
run(const char *a, const char *b, const char *c)
{
	char *argv[] = { "sallyport", "--socket", "/nonexistent/vici.sock", (char *)a, (char *)b, (char *)c, NULL };
	int n = 3;

	while (argv[n])
		n++;
	optind = 0; /* getopt_long(3): begin anew */
	return cli_main(n, argv);
}

static void
an_option_of_another_command_is_a_mistake(void **state)
{
	static const char *const rows[][3] = {
		{ "up", "net", "--json" },      { "up", "net", "--force" },     { "rekey", "net", "--timeout=3" },
		{ "status", "--force", NULL },  { "log", "-f", "--timeout=3" }, { "version", "--quiet", NULL },
		{ "flush", "--level=2", NULL }, { "down", "net", "--table=7" }, { "status", "-q", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (run(rows[i][0], rows[i][1], rows[i][2]) != EXIT_USAGE)
			fail_msg("%s %s is taken", rows[i][0], rows[i][1]);
}

static void
its_own_options_go_to_the_daemon(void **state)
{
	static const char *const rows[][3] = {
		{ "up", "net", "--timeout=3" }, { "up", "net", "-q" },        { "rekey", "net", "--level=2" },
		{ "status", "--json", NULL },   { "log", "-f", "--level=2" }, { "down", "net", "--force" },
		{ "version", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(run(rows[i][0], rows[i][1], rows[i][2]), EXIT_NO_DAEMON);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_option_of_another_command_is_a_mistake),
		cmocka_unit_test(its_own_options_go_to_the_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
