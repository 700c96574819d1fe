/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as people read them. */
#include <getopt.h>

#include "check.h"
#include "cli.h"

static void
octets(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ NULL, "0 B" },
		{ "0", "0 B" },
		{ "999", "999 B" },
		{ "1000", "1.0 kB" },
		{ "1234", "1.2 kB" },
		{ "9949", "9.9 kB" },
		{ "9960", "10 kB" },
		{ "84000", "84 kB" },
		{ "999499", "999 kB" },
		{ "999600", "1.0 MB" },
		{ "1234567890", "1.2 GB" },
		{ "18446744073709551615", "18447 PB" },
	};
	char out[CLI_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(cli_octets(out, cases[i].in), cases[i].out);
}

static void
durations(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ NULL, "-" },         { "0", "0s" },         { "59", "59s" },
		{ "60", "1m 00s" },    { "3599", "59m 59s" }, { "3600", "1h 00m" },
		{ "13296", "3h 41m" }, { "86400", "1d 00h" }, { "100000000", "1157d 09h" },
	};
	char out[CLI_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(cli_duration(out, cases[i].in), cases[i].out);
}

static void
counts(void **state)
{
	char out[CLI_TEXT_MAX];

	(void)state;
	assert_string_equal(cli_count(out, "1"), "1 packet");
	assert_string_equal(cli_count(out, "0"), "0 packets");
	assert_string_equal(cli_count(out, NULL), "0 packets");
}

/* What a peer sent must not steer a terminal. */
static void
control_characters(void **state)
{
	struct sallyport_message *m = sallyport_message_new();
	char text[] = "a\033[2Jb\r\n\tc\177", line[CLI_LINE_MAX];

	(void)state;
	sallyport_put(m, "msg", "x\033]0;title\007y");
	assert_string_equal(cli_line(line, m, "msg"), "x?]0;title?y");
	assert_string_equal(cli_line(line, m, "none"), "");
	cli_clean(text);
	assert_string_equal(text, "a?[2Jb???c?");
	sallyport_message_free(m);
}

/* Mistakes on the command line are told before any daemon is asked. */
static void
command_lines(void **state)
{
	static const struct {
		const char *argv[6];
		int code;
	} cases[] = {
		{ { "sallyport" }, EXIT_USAGE },
		{ { "sallyport", "frob" }, EXIT_USAGE },
		{ { "sallyport", "up" }, EXIT_USAGE },
		{ { "sallyport", "up", "a", "b" }, EXIT_USAGE },
		{ { "sallyport", "log", "a" }, EXIT_USAGE },
		{ { "sallyport", "status", "--timeout", "x" }, EXIT_USAGE },
		{ { "sallyport", "status", "--level", "5" }, EXIT_USAGE },
		{ { "sallyport", "--frob" }, EXIT_USAGE },
		{ { "sallyport", "--version" }, EXIT_OK },
		{ { "sallyport", "version", "--socket", "/nonexistent/v" }, EXIT_NO_DAEMON },
		{ { "sallyport", "status", "--socket", "/nonexistent/v" }, EXIT_NO_DAEMON },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *argv[7] = { 0 };
		int argc = 0;

		for (; argc < 6 && cases[i].argv[argc]; argc++)
			argv[argc] = (char *)cases[i].argv[argc];
		optind = 0; /* getopt starts anew */
		assert_int_equal(cli_main(argc, argv), cases[i].code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets),        cmocka_unit_test(durations),
		cmocka_unit_test(counts),        cmocka_unit_test(control_characters),
		cmocka_unit_test(command_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
