/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_OCTETS_MAX = 4096 };

struct verb {
	const char *name;
	int (*run)(struct cli *c);
	bool takes_name, needs_name, needs_daemon;
	const char *options; /* by their letters, besides those that every command has */
};

static const struct verb verbs[] = {
	{ "up", cli_up, true, true, true, "tlq" },         { "down", cli_down, true, true, true, "tlqF" },
	{ "rekey", cli_rekey, true, true, true, "lq" },    { "status", cli_status, true, false, true, "j" },
	{ "log", cli_log, false, false, true, "fl" },      { "version", cli_version, false, false, true, "" },
	{ "flush", cli_flush, false, false, false, "FT" },
};

static void
usage(FILE *to)
{
	fprintf(to,
	        "usage: sallyport COMMAND [NAME] [OPTIONS]\n"
	        "\n"
	        "  up NAME       negotiate a connection, or one child of it, and show both phases as they happen\n"
	        "  down NAME     delete it\n"
	        "  rekey NAME    renew its keys now\n"
	        "  status [NAME] each Phase 1 with its Phase 2s beneath it, and why others are down\n"
	        "  log -f        follow the daemon's log\n"
	        "  flush         remove the routes, rules and drops that a stopped or killed daemon left\n"
	        "  version       of the daemon and of this command\n"
	        "\n"
	        "NAME is a connection, CONNECTION.CHILD, or a child.\n"
	        "\n"
	        "  --socket PATH      the daemon's control socket\n"
	        "  --runtime-dir DIR  the folder of the control socket vici.sock; default /run/sallyport\n"
	        "                     (also from SALLYPORT_SOCKET and SALLYPORT_RUNTIME_DIR)\n"
	        "  --json             status for programs\n"
	        "  --timeout SECONDS  up, down: how long to wait (default %d; 0: no limit)\n"
	        "  --level N          up, down, rekey, log: 0 (least) to 4; default 1\n"
	        "  --force            down: do not wait for the peer; flush: even if a daemon is running\n"
	        "  --table N          flush: the routing table, if charon.routing_table sets it\n"
	        "  --quiet            up, down, rekey: only the result\n"
	        "  --version, --help\n",
	        DEFAULT_TIMEOUT_S);
}

static int
usage_error(const char *fmt, const char *what)
{
	fprintf(stderr, "sallyport: ");
	fprintf(stderr, fmt, what);
	fprintf(stderr, "; `sallyport --help` shows what there is\n");
	return EXIT_USAGE;
}

static const struct verb *
verb_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* False when it is no number in the range. */
static bool
take_number(const char *text, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return *text && !*end && !errno && *out >= 0 && *out <= max;
}

/* Options with a number. EXIT_OK, or the exit code. */
static int
take_numbered(struct cli *c, int option, const char *text)
{
	long n = 0;

	switch (option) {
	case 't':
		return take_number(text, 86400, &c->timeout_s)
		               ? EXIT_OK
		               : usage_error("--timeout takes seconds, from 0 to 86400, not '%s'", text);
	case 'l':
		if (!take_number(text, 4, &n))
			return usage_error("--level takes a number from 0 to 4, not '%s'", text);
		c->log_level = (int)n;
		return EXIT_OK;
	default:
		if (!take_number(text, 0xffffffffL, &n))
			return usage_error("--table takes a number, not '%s'", text);
		c->table = (unsigned)n;
		return EXIT_OK;
	}
}

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' }, { "runtime-dir", required_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'j' },         { "timeout", required_argument, NULL, 't' },
	{ "level", required_argument, NULL, 'l' },  { "force", no_argument, NULL, 'F' },
	{ "follow", no_argument, NULL, 'f' },       { "quiet", no_argument, NULL, 'q' },
	{ "table", required_argument, NULL, 'T' },  { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },      { NULL, 0, NULL, 0 },
};

/* Nothing is passed over in silence. @given: whether an option was given, by its letter. */
static int
check_options(const struct verb *v, const bool given[128])
{
	char what[128];

	for (const struct option *o = options; o->name; o++) {
		if (!given[o->val] || strchr("sr", o->val) || strchr(v->options, o->val))
			continue;
		snprintf(what, sizeof what, "'%s' has no option --%s", v->name, o->name);
		return usage_error("%s", what);
	}
	return EXIT_OK;
}

/* EXIT_OK, or the exit code. @shown: the help or the version was asked for, and is told. */
static int
take_options(struct cli *c, int argc, char **argv, bool given[128], bool *shown)
{
	int o, code = EXIT_OK;

	while (!code && (o = getopt_long(argc, argv, "s:r:jt:l:fqh", options, NULL)) != -1) {
		given[o & 127] = true;
		switch (o) {
		case 's':
			c->socket = optarg;
			break;
		case 'r':
			c->runtime_dir = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 'F':
			c->force = true;
			break;
		case 'f':
			c->follow = true;
			break;
		case 'q':
			c->quiet = true;
			break;
		case 't':
		case 'l':
		case 'T':
			code = take_numbered(c, o, optarg);
			break;
		case 'h':
			usage(stdout);
			*shown = true;
			return EXIT_OK;
		case 'V':
			puts("sallyport " SALLYPORT_VERSION);
			*shown = true;
			return EXIT_OK;
		default:
			fprintf(stderr, "`sallyport --help` shows what there is\n");
			return EXIT_USAGE;
		}
	}
	return code;
}

static int
tell_no_daemon(const struct cli *c)
{
	int error = errno;

	fprintf(stderr, "sallyport: cannot reach the daemon at %s: %s\n", c->socket, strerror(error));
	if (error == ENOENT || error == ECONNREFUSED)
		fprintf(stderr, "  Start it (`sallyportd --config FILE --runtime-dir DIR`), or name its socket with --socket or "
		                "--runtime-dir.\n");
	else if (error == EACCES || error == EPERM)
		fprintf(stderr, "  The socket belongs to root and its group: run this as root.\n");
	return EXIT_NO_DAEMON;
}

static int
run(struct cli *c, const struct verb *v)
{
	int code;

	if (v->needs_daemon) {
		c->s = sallyport_connect(c->socket);
		if (!c->s) {
			code = tell_no_daemon(c);
			if (v->run == cli_version) /* half of the answer */
				puts("this command " SALLYPORT_VERSION);
			return code;
		}
	}
	code = v->run(c);
	sallyport_disconnect(c->s);
	return code;
}

static int
act(int argc, char **argv)
{
	struct cli c = { .log_level = 1, .timeout_s = DEFAULT_TIMEOUT_S };
	char socket[PATH_OCTETS_MAX];
	const struct verb *v;
	bool given[128] = { false }, shown = false;
	int code = take_options(&c, argc, argv, given, &shown);

	if (code || shown)
		return code;
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	v = verb_by_name(argv[optind]);
	if (!v)
		return usage_error("there is no command '%s'", argv[optind]);
	code = check_options(v, given);
	if (code)
		return code;
	c.name = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (v->needs_name && !c.name)
		return usage_error("'%s' needs the NAME of a connection or child", v->name);
	if (optind + 1 + (v->takes_name ? 1 : 0) < argc)
		return usage_error("unexpected '%s'", argv[argc - 1]);
	if (!c.socket && !c.runtime_dir)
		c.socket = getenv("SALLYPORT_SOCKET");
	if (!c.runtime_dir)
		c.runtime_dir = getenv("SALLYPORT_RUNTIME_DIR") ? getenv("SALLYPORT_RUNTIME_DIR") : "/run/sallyport";
	if (!c.socket) {
		snprintf(socket, sizeof socket, "%s/vici.sock", c.runtime_dir);
		c.socket = socket;
	}
	c.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return run(&c, v);
}

/* What failed was perhaps not the last write, and errno is of something else by now: the output is asked once more. */
static const char *
why_not_written(void)
{
	return write(STDOUT_FILENO, "\n", 1) < 0 ? strerror(errno) : "a part of it is missing";
}

/* Whoever keeps what is printed must not take a part of it for the whole. */
int
cli_main(int argc, char **argv)
{
	int code = act(argc, argv);

	if (!fflush(stdout) && !ferror(stdout))
		return code;
	fprintf(stderr, "sallyport: cannot write the result: %s\n", why_not_written());
	return EXIT_FAILED;
}
