/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli_lines.h"

/* up, down, rekey: the daemon's lines as they come, then the result. */

static void
take_line(void *context, const char *event, const struct sallyport_message *message)
{
	const char *group = sallyport_get(sallyport_root(message), "group");
	char msg[CLI_LINE_MAX];

	(void)event;
	cli_lines_add(context, group ? group : "", cli_line(msg, message, "msg"));
}

/* "site", "site.net" */
static const char *
target_name(char out[2 * CLI_NAME_MAX], const struct cli_target *t)
{
	snprintf(out, 2 * CLI_NAME_MAX, "%s%s%s", t->conn, *t->child ? "." : "", t->child);
	return out;
}

static struct sallyport_message *
arguments(const struct cli *c, const struct cli_target *t, bool timed)
{
	struct sallyport_message *m = sallyport_message_new();
	char number[32];
	bool ok = m && sallyport_put(m, "ike", t->conn) && (!*t->child || sallyport_put(m, "child", t->child));

	snprintf(number, sizeof number, "%d", c->quiet ? -1 : c->log_level);
	ok = ok && sallyport_put(m, "loglevel", number);
	snprintf(number, sizeof number, "%ld", c->timeout_s * 1000);
	ok = ok && (!timed || !c->timeout_s || sallyport_put(m, "timeout", number));
	ok = ok && (!c->force || sallyport_put(m, "force", "yes"));
	if (ok)
		return m;
	sallyport_message_free(m);
	fprintf(stderr, "sallyport: out of memory\n");
	return NULL;
}

/* A notification names the cause itself, and what to do: nothing that we could guess is better. */
static bool
told_by_peer(const char *text)
{
	static const char says[] = "the peer says ", names_itself[] = "the peer says it is ";

	if (strstr(text, "probable cause") || strstr(text, "the peer refuses us: "))
		return true;
	return strstr(text, says) && !strstr(text, names_itself);
}

const char *
cli_hint(const struct sallyport_node *failure)
{
	static const struct {
		const char *reason, *hint;
	} hints[] = {
		{ "wrong-psk", "Both ends need the same secret: compare secrets.ike*.secret here with the peer's, and the ids it "
		               "is listed under." },
		{ "undecryptable", "Both ends need the same secret: compare secrets.ike*.secret here with the peer's." },
		{ "no-psk", "Add a secrets.ike* section whose id names the peer (or none), and load it." },
		{ "id-mismatch", "remote.id must be what the peer calls itself (its local.id)." },
		{ "ts-mismatch", "local_ts and remote_ts must be the peer's remote_ts and local_ts." },
		{ "timeout", "Is the peer up, is its address right, and do all firewalls on the way let UDP ports 500 and 4500 pass?" },
		{ "peer-dead", "The peer stopped answering: is it up, and is the path to it?" },
		{ "no-address", "remote_addrs must name an address or a name that resolves." },
		{ "no-connection", "The peer's address matches no connection: see remote_addrs and local_addrs." },
		{ "half-open-limit",
		  "Many half-open attempts: charon.init_limit_half_open and charon.block_threshold set the limits." },
	};
	const char *reason = sallyport_get(failure, "reason"), *text = sallyport_get(failure, "text");

	if (!reason || (text && told_by_peer(text)))
		return NULL;
	for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
		if (!strcmp(hints[i].reason, reason))
			return hints[i].hint;
	return NULL;
}

/* The daemon remembers the reason of a connection's last failure by its word. */
static void
tell_what_to_do(struct cli *c, const char *conn)
{
	struct sallyport_message *m = cli_try(c, "get-status", NULL);
	const struct sallyport_node *f = sallyport_find(sallyport_find(sallyport_root(m), "failures"), conn);
	const char *age = sallyport_get(f, "age"), *hint = cli_hint(f);

	/* An old one is of another attempt. */
	if (age && atoi(age) <= DEFAULT_TIMEOUT_S && hint)
		fprintf(stderr, "  %s\n", hint);
	sallyport_message_free(m);
}

/* One command for one target. */
static bool
control(struct cli *c, struct cli_lines *lines, const struct cli_target *t, const char *command, const char *done)
{
	struct sallyport_message *args = arguments(c, t, strcmp(command, "rekey") != 0), *m = NULL;
	char name[2 * CLI_NAME_MAX];
	const char *why;
	bool ok;

	if (args)
		m = cli_ask(c, command, args);
	sallyport_message_free(args);
	if (!m)
		return false;
	why = sallyport_refused(m);
	ok = !why;
	cli_lines_end(lines, ok ? "" : why);
	if (ok)
		printf("%s %s\n", target_name(name, t), done);
	else
		fprintf(stderr, "sallyport: %s: %s\n", target_name(name, t), why);
	sallyport_message_free(m);
	if (!ok && !strcmp(command, "initiate"))
		tell_what_to_do(c, t->conn);
	return ok;
}

static int
control_all(struct cli *c, const char *command, const char *done, bool children)
{
	struct cli_target *t = calloc(CLI_TARGETS_MAX, sizeof *t);
	size_t n = t ? cli_resolve(c, t, children) : 0, failed = 0;
	struct cli_lines lines = { .to = stdout, .colour = c->colour };

	if (n && !c->quiet && !sallyport_subscribe(c->s, "control-log", take_line, &lines)) {
		fprintf(stderr, "sallyport: %s\n", sallyport_error(c->s));
		n = 0;
	}
	for (size_t i = 0; i < n; i++)
		failed += !control(c, &lines, &t[i], command, done);
	free(t);
	return n && !failed ? EXIT_OK : EXIT_FAILED;
}

int
cli_up(struct cli *c)
{
	return control_all(c, "initiate", "is up", true);
}

int
cli_down(struct cli *c)
{
	return control_all(c, "terminate", "is down", false);
}

int
cli_rekey(struct cli *c)
{
	return control_all(c, "rekey", "is being renewed", false);
}
