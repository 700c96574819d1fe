/* SPDX-License-Identifier: Apache-2.0 */
/* sallyportd: the command line of the daemon. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config_check.h"
#include "daemon.h"

static const char usage_text[] =
	"usage: sallyportd [--config FILE] [--runtime-dir DIR] [--foreground] [OPTIONS]\n"
	"\n"
	"  --config FILE           connections and secrets: a swanctl.conf (without one, they come over vici, as by `swanctl --load-all`)\n"
	"  --runtime-dir DIR       folder of the control socket vici.sock (default /run/sallyport)\n"
	"  --foreground            stay in the foreground\n"
	"  --check-config          read the configuration, report what is wrong with it, and exit\n"
	"  --strongswan-conf FILE  daemon-wide settings (default: $STRONGSWAN_CONF)\n"
	"  --export-keys DIR       write the keys for Wireshark to DIR: whoever can read them can read the traffic\n"
	"  --version, --help\n";

enum { OPT_CONFIG = 1, OPT_RUNTIME_DIR, OPT_FOREGROUND, OPT_CHECK, OPT_STRONGSWAN_CONF, OPT_EXPORT_KEYS, OPT_VERSION, OPT_HELP };

static const struct option options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
	{ "foreground", no_argument, NULL, OPT_FOREGROUND },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "strongswan-conf", required_argument, NULL, OPT_STRONGSWAN_CONF },
	{ "export-keys", required_argument, NULL, OPT_EXPORT_KEYS },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

struct invocation {
	struct daemon_options daemon;
	bool foreground, check;
	int exit_code; /* -1: go on */
};

static void
read_option(struct invocation *in, int opt)
{
	switch (opt) {
	case OPT_CONFIG:
		in->daemon.config = optarg;
		break;
	case OPT_RUNTIME_DIR:
		in->daemon.runtime_dir = optarg;
		break;
	case OPT_FOREGROUND:
		in->foreground = true;
		break;
	case OPT_CHECK:
		in->check = true;
		break;
	case OPT_STRONGSWAN_CONF:
		in->daemon.strongswan_conf = optarg;
		break;
	case OPT_EXPORT_KEYS:
		in->daemon.export_keys = optarg;
		break;
	case OPT_VERSION:
		puts("sallyportd " SALLYPORT_VERSION);
		in->exit_code = 0;
		break;
	case OPT_HELP:
		fputs(usage_text, stdout);
		in->exit_code = 0;
		break;
	default:
		fputs(usage_text, stderr);
		in->exit_code = 2;
	}
}

static struct invocation
read_command_line(int argc, char **argv)
{
	struct invocation in = { .daemon = { .runtime_dir = "/run/sallyport", .strongswan_conf = getenv("STRONGSWAN_CONF") },
		                 .exit_code = -1 };
	int opt;

	while (in.exit_code < 0 && (opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(&in, opt);
	if (in.exit_code < 0 && optind < argc) {
		fprintf(stderr, "sallyportd: unexpected argument '%s'\n%s", argv[optind], usage_text);
		in.exit_code = 2;
	}
	if (in.exit_code < 0 && in.check && !in.daemon.config) {
		fprintf(stderr, "sallyportd: --check-config needs --config FILE\n");
		in.exit_code = 2;
	}
	return in;
}

static void
warn_of_missing_secrets(const struct config *c)
{
	enum { TOLD_MAX = 20 };
	const struct conn *conn[TOLD_MAX];
	size_t n = config_without_secret(c, conn, TOLD_MAX);

	for (size_t i = 0; i < n && i < TOLD_MAX; i++)
		printf("warning: connection '%s' uses a pre-shared key, and no secret of this file fits its ids or addresses: add a "
		       "secrets.ike section, or load one over vici\n",
		       conn[i]->name);
	if (n > TOLD_MAX)
		printf("warning: and %zu more connections without a secret\n", n - TOLD_MAX);
}

static void
warn_of_missing_keys(const struct config *c)
{
	char why[CHOICE_TEXT_MAX];

	for (size_t i = 0; i < c->n; i++) {
		if (config_no_method(c, c->conn[i], why))
			printf("warning: %s\n", why);
		if (config_cannot_sign(c, c->conn[i], why))
			printf("warning: connection '%s' cannot authenticate itself: %s\n", c->conn[i]->name, why);
		if (config_certificate_out_of_time(c, c->conn[i], time(NULL), why))
			printf("warning: connection '%s': peers refuse our %s\n", c->conn[i]->name, why);
	}
}

static void
warn_of_missing_pools(const struct config *c)
{
	char name[CHOICE_TEXT_MAX];

	for (size_t i = 0; i < c->n; i++)
		for (size_t at = 0; config_pool_missing(c, c->conn[i], &at, name);)
			printf("warning: connection '%s' lends addresses of pool '%s', and this file has no such pool: add it to pools, or load "
			       "it over vici\n",
			       c->conn[i]->name, name);
}

static void
warn_of_doubts(const struct config *c)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->conn[i]->n_children; k++) {
			const struct child *child = &c->conn[i]->children[k];
			const char *doubt;

			for (size_t at = 0; (doubt = config_child_doubt(child, &at));)
				printf("warning: child '%s' of connection '%s': %s\n", child->name, c->conn[i]->name, doubt);
		}
}

static int
check_config(const struct daemon_options *o)
{
	struct conf_errors errs = { .strict = true };
	struct config config = { 0 };
	struct settings settings;
	bool ok = true;

	if (o->strongswan_conf) {
		ok = settings_load(&settings, o->strongswan_conf, &errs);
		settings_free(&settings);
	}
	ok = config_load_file(&config, o->config, &errs) && ok;
	conf_errors_print(&errs, ok ? stdout : stderr);
	if (ok) {
		warn_of_missing_secrets(&config);
		warn_of_missing_keys(&config);
		warn_of_missing_pools(&config);
		warn_of_doubts(&config);
		printf("%s: %zu connection%s, %zu secret%s: no mistakes\n", o->config, config.n, config.n == 1 ? "" : "s", config.secrets.n,
		       config.secrets.n == 1 ? "" : "s");
	}
	config_free(&config);
	conf_errors_free(&errs);
	return ok ? 0 : 1;
}

/*
 * Into the background: the parent ends once the daemon is ready, with its exit
 * code. Before any thread exists. Returns the descriptor on which to report, -1
 * in the foreground; does not return in the parent.
 */
static int
into_background(void)
{
	int fds[2];
	unsigned char code = 1;

	if (pipe(fds) != 0)
		return -1;
	pid_t pid = fork();

	if (pid == 0) {
		close(fds[0]);
		setsid();
		return fds[1];
	}
	close(fds[1]);
	if (pid > 0 && read(fds[0], &code, 1) != 1)
		code = 1;
	exit(code);
}

static void
report(int fd, unsigned char code)
{
	if (fd < 0)
		return;
	if (write(fd, &code, 1) != 1)
		fprintf(stderr, "sallyportd: cannot report to the starting process: %s\n", strerror(errno));
	close(fd);
}

int
main(int argc, char **argv)
{
	struct invocation in = read_command_line(argc, argv);
	static struct daemon daemon; /* large; and the only one */
	char why[1024] = "";
	int ready, code = 1;

	if (in.exit_code >= 0)
		return in.exit_code;
	if (in.check)
		return check_config(&in.daemon);
	ready = in.foreground ? -1 : into_background();
	signal(SIGPIPE, SIG_IGN);
	if (daemon_open(&daemon, &in.daemon, why, sizeof why)) {
		daemon_log(&daemon, LOG_DMN, LOG_AUDIT, "sallyportd " SALLYPORT_VERSION " is ready");
		report(ready, 0);
		code = daemon_run(&daemon);
	} else {
		fprintf(stderr, "sallyportd: %s\n", why);
		report(ready, 1);
	}
	daemon_close(&daemon);
	return code;
}
