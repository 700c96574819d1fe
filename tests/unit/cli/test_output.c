/* SPDX-License-Identifier: Apache-2.0 */
/* The command as its user sees it: what it asks a daemon, and what it prints of the answers. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "fake_vici.h"

enum { TEXT_MAX = 16384, ARGUMENTS_MAX = 8 };

/* One run of the command against a daemon. */
struct run {
	int code;
	char out[TEXT_MAX], err[TEXT_MAX];
	char heard[FAKE_VICI_HEARD_MAX];
};

/* Sends @fd to a file until restored. Returns what it was. */
static int
divert(int fd, FILE *to)
{
	int was = dup(fd);

	fflush(NULL);
	assert_true(dup2(fileno(to), fd) >= 0);
	return was;
}

static void
restore(int fd, int was)
{
	fflush(NULL);
	dup2(was, fd);
	close(was);
}

static void
read_back(char out[TEXT_MAX], FILE *from)
{
	rewind(from);
	out[fread(out, 1, TEXT_MAX - 1, from)] = '\0';
	fclose(from);
}

/* @words: of the command line, separated by spaces. @to: where standard output goes; NULL: into @r. */
static void
run_to(struct run *r, FILE *to, const struct fake_vici_row *rows, const char *unknown_event, const char *words)
{
	char text[256], *argv[ARGUMENTS_MAX + 4] = { "sallyport", "--socket" }, *save = NULL;
	FILE *out = to ? to : tmpfile(), *err = tmpfile();
	int argc = 3, was_out, was_err;
	struct fake_vici v;

	fake_vici_start(&v, rows, unknown_event);
	snprintf(text, sizeof text, "%s", words);
	argv[2] = v.path;
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	optind = 0; /* getopt_long(3): begin anew */
	was_out = divert(STDOUT_FILENO, out);
	was_err = divert(STDERR_FILENO, err);
	r->code = cli_main(argc, argv);
	restore(STDOUT_FILENO, was_out);
	restore(STDERR_FILENO, was_err);
	clearerr(stdout);
	fake_vici_stop(&v);
	memcpy(r->heard, v.heard, sizeof r->heard);
	read_back(r->err, err);
	if (!to)
		read_back(r->out, out);
}

static void
run(struct run *r, const struct fake_vici_row *rows, const char *words)
{
	run_to(r, NULL, rows, NULL, words);
}

#define EXPECT_IN(text, part)                                                                                                    \
	do {                                                                                                                     \
		if (!strstr(text, part))                                                                                         \
			fail_msg("'%s' is not in:\n%s", part, text);                                                             \
	} while (0)

#define EXPECT_NOT_IN(text, part)                                                                                                \
	do {                                                                                                                     \
		if (strstr(text, part))                                                                                          \
			fail_msg("'%s' is in:\n%s", part, text);                                                                 \
	} while (0)

/* ---- a daemon with one tunnel up, one being negotiated, and one down */

#define VERSION                                                                                                                  \
	{                                                                                                                        \
		"version", NULL, "daemon=sallyport version=0.1.0 sysname=Linux release=6.1 machine=x86_64"                       \
	}
#define CONNS                                                                                                                    \
	"list-conn site{ version=IKEv1 remote_addrs[192.0.2.2] children{ net{ mode=TUNNEL local-ts[10.1.0.0/16] "                \
	"remote-ts[10.2.0.0/16] } lan{ mode=TUNNEL local-ts[10.4.0.0/16] remote-ts[10.5.0.0/16] trapped=yes } "                  \
	"open{ mode=PASS local-ts[10.1.0.0/16] remote-ts[10.9.0.0/16] trapped=yes } } }\n"                                       \
	"list-conn late{ version=IKEv1 remote_addrs[late.example] children{ net{ mode=TUNNEL local-ts[10.1.0.0/16] "             \
	"remote-ts[10.6.0.0/16] } } }\n"                                                                                         \
	"list-conn road{ version=IKEv1/2 remote_addrs['%any'] children{ all{ mode=TUNNEL local-ts[0.0.0.0/0] "                   \
	"remote-ts[dynamic] } } }"
#define TUNNEL                                                                                                                   \
	"list-sa site{ uniqueid=1 version=1 state=ESTABLISHED local-host=192.0.2.1 local-port=4500 local-id=moon "               \
	"remote-host=192.0.2.2 remote-port=4500 remote-id=sun remote-xauth-id=1001 initiator=yes nat-remote=yes "                \
	"initiator-spi=0000000000000012 encr-alg=AES_CBC encr-keysize=256 integ-alg=HMAC_SHA2_256_128 dh-group=MODP_2048 "       \
	"established=3720 reauth-time=90 path-mtu=1280 child-sas{ net-7{ name=net uniqueid=7 state=INSTALLED mode=TUNNEL protocol=ESP "        \
	"encap=yes spi-in=00000042 spi-out=c0ffee00 cpi-in=0012 cpi-out=9999 ah-spi-in=00000043 ah-spi-out=00000044 "            \
	"encr-alg=AES_GCM_16 encr-keysize=256 bytes-in=34000000 packets-in=1 bytes-out=950 packets-out=1234 rekey-time=2700 "    \
	"install-time=45 local-ts[10.1.0.0/16] remote-ts[10.2.0.0/16] } } }\n"                                                   \
	"list-sa late{ uniqueid=2 version=1 state=CONNECTING local-host=192.0.2.1 local-port=500 remote-host=192.0.2.3 "         \
	"remote-port=500 remote-id='%any' initiator=yes }"
#define STATUS                                                                                                                   \
	{                                                                                                                        \
		"get-status", NULL,                                                                                              \
		        "uptime{ running='2 hours' since='Nov 26' } dataplane='2 workers' progress{ 1{ warning='group PSK' } "   \
		        "2{ exchange='Main Mode, message 1' retransmits=3 notice='the peer says no' } } failures{ site{ age=61 " \
		        "reason=ts-mismatch text='the peer refuses the traffic selectors' } road{ age=5 reason=no-psk "          \
		        "text='there is no secret' } } counters{ bad-hash{ count=12 text='the hash is wrong' } }"                \
	}

static const struct fake_vici_row daemon_rows[] = {
	{ "list-conns", CONNS, "" }, { "list-sas", TUNNEL, "" }, VERSION, STATUS, { NULL, NULL, NULL },
};

static void
status_shows_what_is_up_what_is_on_its_way_and_why_the_rest_is_down(void **state)
{
	static const char *const lines[] = {
		"sallyport 0.1.0, running for 2 hours: 3 connections loaded, 2 Phase 1 SAs, 1 Phase 2\n",
		"data plane: 2 workers\n",
		"site[1]  ESTABLISHED  IKEv1  192.0.2.1[4500] moon --> 192.0.2.2[4500] sun\n",
		"    AES_CBC-256/HMAC_SHA2_256_128/MODP_2048, age 1h 02m, renewed in 1m 30s, NAT in front of the peer, path MTU 1280, user "
		"1001\n",
		"    note: group PSK\n",
		"    net{7}   10.1.0.0/16 <=> 10.2.0.0/16  INSTALLED  AES_GCM_16-256  ESP in AH in UDP, IPComp  45s  45m 00s   "
		"34 MB, "
		"1 packet  950 B, 1234 packets\n",
		"    lan  10.4.0.0/16 <=> 10.5.0.0/16  not up  held: the next packet brings it up\n"
		/* What is passed in clear never comes up. */
		"    open  10.1.0.0/16 <=> 10.9.0.0/16  PASS\n"
		"    last failure 1m 01s ago: the peer refuses the traffic selectors\n"
		"    local_ts and remote_ts must be the peer's remote_ts and local_ts.\n",
		"late[2]  CONNECTING  IKEv1  192.0.2.1[500] --> 192.0.2.3[500]\n"
		"    now: Main Mode, message 1, repeated 3 times without an answer\n"
		"    probable cause (not authenticated): the peer says no\n"
		"    no Phase 2 yet: it protects nothing\n",
		"road  down  to %any\n    all  0.0.0.0/0 <=> dynamic\n    last failure 5s ago: there is no secret\n"
		"    Add a secrets.ike* section whose id names the peer (or none), and load it.\n"
		"    it only answers (version = 0): set version = 1 to initiate\n",
		"Not accepted, or dropped, so far:\n        12  the hash is wrong (bad-hash)\n",
	};
	struct run r;

	(void)state;
	run(&r, daemon_rows, "status");
	assert_int_equal(r.code, EXIT_OK);
	assert_string_equal(r.err, "");
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		EXPECT_IN(r.out, lines[i]);
	EXPECT_IN(r.heard, "list-sas negotiating=yes\n");
	/* No terminal: no colours. */
	EXPECT_NOT_IN(r.out, "\033");
}

static void
status_of_one_leaves_the_others_out(void **state)
{
	static const struct {
		const char *words, *has, *lacks;
	} rows[] = {
		{ "status site", "site[1]", "late" },        { "status late", "late[2]", "site" },
		{ "status lan", "lan  10.4", "late[2]" },    { "status site.net", "net{7}", "road" },
		{ "status road/all", "road  down", "site" }, { "status road", "road  down", "Not accepted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct run r;

		run(&r, daemon_rows, rows[i].words);
		assert_int_equal(r.code, EXIT_OK);
		EXPECT_IN(r.out, rows[i].has);
		EXPECT_NOT_IN(r.out, rows[i].lacks);
	}
}

/* What holds digits by chance, as an SPI in hexadecimal or a user's name, stays a text whatever its digits are. */
static void
status_for_programs_has_numbers_where_quantities_are(void **state)
{
	static const char *const parts[] = {
		"\"uniqueid\": 1,",         "\"local-port\": 4500,",        "\"initiator\": true",
		"\"established\": 3720",    "\"bytes-in\": 34000000",       "\"initiator-spi\": \"0000000000000012\"",
		"\"spi-in\": \"00000042\"", "\"ah-spi-in\": \"00000043\"",  "\"ah-spi-out\": \"00000044\"",
		"\"cpi-in\": \"0012\"",     "\"cpi-out\": \"9999\"",        "\"remote-xauth-id\": \"1001\"",
		"\"name\": \"site\"",       "\"dataplane\": \"2 workers\"", "\"bad-hash\": {\n      \"count\": 12,",
		"\"retransmits\": 3,",      "\"version\": \"0.1.0\"",
	};
	struct run r;

	(void)state;
	run(&r, daemon_rows, "status --json");
	assert_int_equal(r.code, EXIT_OK);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		EXPECT_IN(r.out, parts[i]);
}

static void
a_daemon_with_nothing_loaded_says_how_to_load(void **state)
{
	static const struct fake_vici_row rows[] = {
		{ "list-conns", NULL, "" }, { "list-sas", NULL, "" }, VERSION, { NULL, NULL, NULL }
	};
	struct run r;

	(void)state;
	run(&r, rows, "status");
	assert_int_equal(r.code, EXIT_OK);
	EXPECT_IN(r.out, "sallyport 0.1.0, running for -: 0 connections loaded, 0 Phase 1 SAs, 0 Phase 2s\n");
	EXPECT_IN(r.out, "No connection is loaded: name a file with `sallyportd --config`, or run `swanctl --load-all`.\n");
	run(&r, rows, "up net");
	assert_int_equal(r.code, EXIT_FAILED);
	EXPECT_IN(r.err, "sallyport: there is no connection or child 'net'\n  No connection is loaded");
}

/* What a peer calls itself must not move the cursor or recolour the operator's terminal. */
static void
control_characters_of_a_peer_do_not_reach_the_terminal(void **state)
{
	static const struct fake_vici_row rows[] = {
		{ "list-conns", NULL, "" },
		{ "list-sas", "list-sa site{ state=ESTABLISHED remote-host=192.0.2.2 remote-id='\033[2Jsun\a\x7f\r' }", "" },
		VERSION,
		{ "log", "log group=IKE level=1 msg='hello\033]0;x\a'", FAKE_VICI_HANG_UP },
		{ NULL, NULL, NULL },
	};
	static const char *const words[] = { "status", "status --json", "log -f" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct run r;

		run(&r, rows, words[i]);
		EXPECT_IN(r.out, i < 2 ? "?[2Jsun???" : "hello?]0;x?");
		for (const char *c = r.out; *c; c++)
			assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
	}
}

/* ---- up, down, rekey */

static void
a_name_stands_for_a_connection_its_children_or_a_child(void **state)
{
	static const struct {
		const char *words, *heard; /* NULL: nothing is asked for */
		const char *out, *err;
	} rows[] = {
		/* A shunt is not negotiated. */
		{ "up site",
		  "initiate ike=site child=net loglevel=1 timeout=60000\ninitiate ike=site child=lan loglevel=1 timeout=60000\n",
		  "site.net is up\nsite.lan is up\n", "" },
		{ "up lan --timeout 0 --quiet", "initiate ike=site child=lan loglevel=-1\n", "site.lan is up\n", "" },
		{ "up road/all --level 3 -t 5", "initiate ike=road child=all loglevel=3 timeout=5000\n", "road.all is up\n", "" },
		{ "down site", "terminate ike=site loglevel=1 timeout=60000\n", "site is down\n", "" },
		{ "down site.net --force", "terminate ike=site child=net loglevel=1 timeout=60000 force=yes\n",
		  "site.net is down\n", "" },
		{ "rekey late", "rekey ike=late loglevel=1\n", "late is being renewed\n", "" },
		{ "up net", NULL, "", "'net' is a child of several connections: say which, as in site.net\n" },
		{ "down nowhere", NULL, "",
		  "there is no connection or child 'nowhere'\n  Loaded, with their children: site (net, lan, open) late (net) "
		  "road (all)\n" },
		{ "up sit", NULL, "", "there is no connection or child 'sit'" },
		{ "up site.", NULL, "", "there is no connection or child 'site.'" },
		{ "up site.all", NULL, "", "there is no connection or child 'site.all'" },
	};
	static const struct fake_vici_row daemon[] = {
		{ "list-conns", CONNS, "" },
		{ "initiate", NULL, "success=yes" },
		{ "terminate", NULL, "success=yes" },
		{ "rekey", NULL, "success=yes matches=1" },
		{ NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *asked;
		struct run r;

		run(&r, daemon, rows[i].words);
		asked = strstr(r.heard, "list-conns\n");
		assert_non_null(asked);
		assert_string_equal(asked + strlen("list-conns\n"), rows[i].heard ? rows[i].heard : "");
		assert_int_equal(r.code, rows[i].heard ? EXIT_OK : EXIT_FAILED);
		assert_string_equal(r.out, rows[i].out);
		EXPECT_IN(r.err, rows[i].err);
	}
}

static void
a_failure_is_told_with_its_reason_and_what_to_do(void **state)
{
	static const struct fake_vici_row rows[] = {
		{ "list-conns", CONNS, "" },
		{ "initiate",
		  "control-log group=IKE level=1 msg='sending message 1'\ncontrol-log group=IKE level=1 msg='no answer'",
		  "success=no errmsg='establishing failed: no answer'" },
		{ "get-status", NULL, "failures{ road{ age=1 reason=timeout text='no answer' } late{ age=61 reason=timeout } }" },
		{ NULL, NULL, NULL },
	};
	struct run r;

	(void)state;
	run(&r, rows, "up road");
	assert_int_equal(r.code, EXIT_FAILED);
	EXPECT_IN(r.out, "sending message 1");
	EXPECT_IN(r.err, "sallyport: road.all: establishing failed: no answer\n  Is the peer up, is its address right");
	/* What failed a minute ago is no advice for now. */
	run(&r, rows, "up late");
	assert_int_equal(r.code, EXIT_FAILED);
	EXPECT_NOT_IN(r.err, "Is the peer up");
	/* --quiet: the daemon's lines are not asked for. */
	run(&r, rows, "up road --quiet");
	assert_string_equal(r.out, "");
}

/* ---- daemons that go, or know less */

static void
a_daemon_that_goes_or_knows_less_is_told(void **state)
{
	static const struct fake_vici_row goes_while_listing[] = { { "list-conns", CONNS, FAKE_VICI_HANG_UP },
		                                                   { NULL, NULL, NULL } };
	static const struct fake_vici_row goes_while_negotiating[] = { { "list-conns", CONNS, "" },
		                                                       { "initiate", NULL, FAKE_VICI_HANG_UP },
		                                                       { NULL, NULL, NULL } };
	static const struct fake_vici_row knows_nothing[] = { { NULL, NULL, NULL } };
	static const struct fake_vici_row no_version[] = { { "list-conns", CONNS, "" },
		                                           { "list-sas", TUNNEL, "" },
		                                           { "version", NULL, FAKE_VICI_HANG_UP },
		                                           { NULL, NULL, NULL } };
	static const struct {
		const struct fake_vici_row *daemon;
		const char *unknown_event, *words, *err;
	} rows[] = {
		{ goes_while_listing, NULL, "status", "sallyport: list-conns: the daemon closed the connection\n" },
		{ goes_while_listing, NULL, "up net", "sallyport: list-conns: the daemon closed the connection\n" },
		{ goes_while_negotiating, NULL, "up road", "sallyport: initiate: the daemon closed the connection\n" },
		{ no_version, NULL, "status --json", "sallyport: version: the daemon closed the connection\n" },
		{ knows_nothing, NULL, "status", "sallyport: list-conns: the daemon does not know the command 'list-conns'\n" },
		{ knows_nothing, NULL, "version", "sallyport: version: the daemon does not know the command 'version'\n" },
		{ daemon_rows, "list-conn", "status", "sallyport: list-conn: the daemon does not know the event 'list-conn'\n" },
		{ daemon_rows, "control-log", "up site", "sallyport: the daemon does not know the event 'control-log'\n" },
		/* Another daemon that speaks vici has no log-all. */
		{ daemon_rows, "log-all", "log --level 2", "sallyport: log: the daemon does not know the event 'log-all'\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct run r;

		run_to(&r, NULL, rows[i].daemon, rows[i].unknown_event, rows[i].words);
		assert_int_equal(r.code, EXIT_FAILED);
		assert_string_equal(r.err, rows[i].err);
	}
}

static void
the_log_is_followed_up_to_its_level_until_the_daemon_goes(void **state)
{
	static const struct fake_vici_row rows[] = {
		{ "log", "log group=IKE level=1 ikesa-name=site ikesa-uniqueid=3 msg=up\nlog group=CFG level=0 msg=loaded",
		  FAKE_VICI_HANG_UP },
		{ "log-all", "log-all group=ENC level=2 msg=two\nlog-all group=ENC level=3 msg=three", FAKE_VICI_HANG_UP },
		{ NULL, NULL, NULL },
	};
	static const struct {
		const char *words, *has[2], *lacks;
	} cases[] = {
		{ "log -f", { " [IKE] <site|3> up\n", " [CFG] loaded\n" }, "ENC" },
		{ "log --level 0", { " [CFG] loaded\n", "" }, "IKE" },
		{ "log --level 2", { " [ENC] two\n", "" }, "three" },
		{ "log --level 3", { " [ENC] two\n", " [ENC] three\n" }, "CFG" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run r;

		run(&r, rows, cases[i].words);
		assert_int_equal(r.code, EXIT_FAILED);
		assert_string_equal(r.err, "sallyport: the daemon closed the connection\n");
		EXPECT_IN(r.out, cases[i].has[0]);
		EXPECT_IN(r.out, cases[i].has[1]);
		EXPECT_NOT_IN(r.out, cases[i].lacks);
	}
}

static void
version_names_the_daemon_and_the_command(void **state)
{
	static const struct fake_vici_row rows[] = { VERSION, { NULL, NULL, NULL } },
	                                  mute[] = { { "version", NULL, "" }, { NULL, NULL, NULL } };
	struct run r;

	(void)state;
	run(&r, rows, "version");
	assert_int_equal(r.code, EXIT_OK);
	assert_string_equal(r.out, "sallyport 0.1.0 (Linux 6.1, x86_64); this command " SALLYPORT_VERSION "\n");
	run(&r, mute, "version");
	assert_string_equal(r.out, "? ? (? ?, ?); this command " SALLYPORT_VERSION "\n");
}

static void
flush_keeps_off_a_daemon_that_answers(void **state)
{
	static const struct fake_vici_row none[] = { { NULL, NULL, NULL } };
	struct run r;

	(void)state;
	run(&r, none, "flush");
	assert_int_equal(r.code, EXIT_FAILED);
	EXPECT_IN(r.err, "stop it first, or say --force\n");
}

/* ---- output that does not arrive */

/* A full disk: a script that keeps `status --json` must not take half of it for the whole. */
static void
what_cannot_be_written_is_a_failure(void **state)
{
	static const struct fake_vici_row log[] = { { "log", "log group=IKE level=1 msg=up", FAKE_VICI_HANG_UP },
		                                    { NULL, NULL, NULL } };
	static const struct {
		const struct fake_vici_row *daemon;
		const char *words;
	} rows[] = { { daemon_rows, "status" }, { daemon_rows, "status --json" }, { daemon_rows, "version" },
		     { log, "log -f" },         { daemon_rows, "--help" },        { daemon_rows, "--version" } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		FILE *full = fopen("/dev/full", "w");
		struct run r;

		assert_non_null(full);
		run_to(&r, full, rows[i].daemon, NULL, rows[i].words);
		fclose(full);
		if (r.code != EXIT_FAILED)
			fail_msg("'%s' ends with %d", rows[i].words, r.code);
		EXPECT_IN(r.err, "sallyport: cannot write the result: No space left on device\n");
	}
}

/* On a terminal what is up is green and what is not is red, unless NO_COLOR says otherwise. */
static void
colours_are_for_terminals(void **state)
{
	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		int master = posix_openpt(O_RDWR | O_NOCTTY);
		char got[TEXT_MAX] = "";
		FILE *terminal;
		struct run r;
		ssize_t n;

		assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
		terminal = fopen(ptsname(master), "w");
		assert_non_null(terminal);
		if (plain)
			setenv("NO_COLOR", "1", 1);
		run_to(&r, terminal, daemon_rows, NULL, "status late");
		unsetenv("NO_COLOR");
		for (size_t at = 0; !strstr(got, "nothing") && (n = read(master, got + at, sizeof got - 1 - at)) > 0;)
			at += (size_t)n;
		fclose(terminal);
		close(master);
		if (plain)
			EXPECT_NOT_IN(got, "\033");
		else
			EXPECT_IN(got, "\033[31mCONNECTING\033[0m");
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_shows_what_is_up_what_is_on_its_way_and_why_the_rest_is_down),
		cmocka_unit_test(status_of_one_leaves_the_others_out),
		cmocka_unit_test(status_for_programs_has_numbers_where_quantities_are),
		cmocka_unit_test(a_daemon_with_nothing_loaded_says_how_to_load),
		cmocka_unit_test(control_characters_of_a_peer_do_not_reach_the_terminal),
		cmocka_unit_test(a_name_stands_for_a_connection_its_children_or_a_child),
		cmocka_unit_test(a_failure_is_told_with_its_reason_and_what_to_do),
		cmocka_unit_test(a_daemon_that_goes_or_knows_less_is_told),
		cmocka_unit_test(the_log_is_followed_up_to_its_level_until_the_daemon_goes),
		cmocka_unit_test(version_names_the_daemon_and_the_command),
		cmocka_unit_test(flush_keeps_off_a_daemon_that_answers),
		cmocka_unit_test(what_cannot_be_written_is_a_failure),
		cmocka_unit_test(colours_are_for_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
