/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

/* log, version, and what needs no daemon. */

static void
print_line(void *context, const char *event, const struct sallyport_message *message)
{
	const struct sallyport_node *root = sallyport_root(message);
	const char *group = sallyport_get(root, "group"), *level = sallyport_get(root, "level");
	const char *name = sallyport_get(root, "ikesa-name"), *id = sallyport_get(root, "ikesa-uniqueid");
	const struct cli *c = context;
	char stamp[32], msg[CLI_LINE_MAX];
	time_t now = time(NULL);
	struct tm tm;

	(void)event;
	if (level && atoi(level) > c->log_level)
		return;
	localtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%H:%M:%S", &tm);
	printf("%s %s[%s]%s ", stamp, c->colour ? "\033[2m" : "", group ? group : "", c->colour ? "\033[0m" : "");
	if (name)
		printf("<%s|%s> ", name, id ? id : "");
	printf("%s\n", cli_line(msg, message, "msg"));
	fflush(stdout);
}

int
cli_log(struct cli *c)
{
	/* vici's own event stops at level 1; ours does not. */
	if (!sallyport_subscribe(c->s, c->log_level > 1 ? "log-all" : "log", print_line, c)) {
		fprintf(stderr, "sallyport: log: %s\n", sallyport_error(c->s));
		return EXIT_FAILED;
	}
	/* What was before nobody keeps here: the log is where charon.filelog says. So that all there is to do is to follow. */
	while (sallyport_wait(c->s, -1) >= 0)
		if (ferror(stdout))
			return EXIT_FAILED;
	fprintf(stderr, "sallyport: %s\n", sallyport_error(c->s));
	return EXIT_FAILED;
}

int
cli_version(struct cli *c)
{
	struct sallyport_message *m = cli_ask(c, "version", NULL);
	const struct sallyport_node *r = sallyport_root(m);
	const char *daemon = sallyport_get(r, "daemon"), *version = sallyport_get(r, "version"),
	           *sysname = sallyport_get(r, "sysname");
	const char *release = sallyport_get(r, "release"), *machine = sallyport_get(r, "machine");

	if (!m)
		return EXIT_FAILED;
	printf("%s %s (%s %s, %s); this command %s\n", daemon ? daemon : "?", version ? version : "?", sysname ? sysname : "?",
	       release ? release : "?", machine ? machine : "?", SALLYPORT_VERSION);
	sallyport_message_free(m);
	return EXIT_OK;
}
