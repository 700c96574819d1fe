/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct sallyport_message *
cli_ask(struct cli *c, const char *command, const struct sallyport_message *args)
{
	struct sallyport_message *m = sallyport_request(c->s, command, args);

	if (!m)
		fprintf(stderr, "sallyport: %s: %s\n", command, sallyport_error(c->s));
	return m;
}

/* ---- lists: an event's message lives only as long as its handler, so that it is copied */

static bool
copy_into(struct sallyport_message *to, const struct sallyport_node *n)
{
	bool ok = true;

	for (n = sallyport_first(n); n && ok; n = sallyport_next(n)) {
		switch (sallyport_kind(n)) {
		case SALLYPORT_SECTION:
			ok = sallyport_begin(to, sallyport_name(n)) && copy_into(to, n);
			sallyport_end(to);
			break;
		case SALLYPORT_LIST:
			for (const struct sallyport_node *i = sallyport_first(n); i && ok; i = sallyport_next(i))
				ok = sallyport_put_item(to, sallyport_name(n), sallyport_value(i));
			break;
		case SALLYPORT_VALUE:
			ok = sallyport_put(to, sallyport_name(n), sallyport_value(n));
			break;
		case SALLYPORT_ITEM:
		case SALLYPORT_NONE:
			break;
		}
	}
	return ok;
}

static void
keep_event(void *context, const char *event, const struct sallyport_message *message)
{
	struct cli_list *l = context;
	struct sallyport_message **more = realloc(l->m, (l->n + 1) * sizeof *more), *copy = sallyport_message_new();

	(void)event;
	if (more)
		l->m = more;
	if (more && copy && copy_into(copy, sallyport_root(message)))
		l->m[l->n++] = copy;
	else
		sallyport_message_free(copy);
}

bool
cli_list(struct cli *c, struct cli_list *out, const char *command, const char *event)
{
	struct sallyport_message *m;

	*out = (struct cli_list) { 0 };
	if (!sallyport_subscribe(c->s, event, keep_event, out)) {
		fprintf(stderr, "sallyport: %s: %s\n", event, sallyport_error(c->s));
		return false;
	}
	m = cli_ask(c, command, NULL);
	if (!m)
		return false;
	sallyport_message_free(m);
	return sallyport_subscribe(c->s, event, NULL, NULL);
}

void
cli_list_free(struct cli_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		sallyport_message_free(l->m[i]);
	free(l->m);
	*l = (struct cli_list) { 0 };
}

/* ---- NAME */

static bool
is_shunt(const struct sallyport_node *child)
{
	const char *mode = sallyport_get(child, "mode");

	return mode && (!strcmp(mode, "PASS") || !strcmp(mode, "DROP"));
}

static size_t
add_target(struct cli_target *out, size_t n, const char *conn, const char *child)
{
	if (n == CLI_TARGETS_MAX)
		return n;
	snprintf(out[n].conn, sizeof out[n].conn, "%s", conn);
	snprintf(out[n].child, sizeof out[n].child, "%s", child);
	return n + 1;
}

/* A connection by its own name: itself, or each child that negotiates. */
static size_t
match_conn(struct cli_target *out, size_t n, const struct sallyport_node *conn, bool children)
{
	size_t before = n;
	const struct sallyport_node *child = sallyport_first(sallyport_find(conn, "children"));

	for (; children && child; child = sallyport_next(child))
		if (!is_shunt(child))
			n = add_target(out, n, sallyport_name(conn), sallyport_name(child));
	return n > before ? n : add_target(out, n, sallyport_name(conn), "");
}

/* "conn.child", "conn/child" or "child". */
static bool
child_matches(const char *conn, const char *child, const char *name)
{
	size_t n = strlen(conn);

	if (!strcmp(child, name))
		return true;
	return !strncmp(conn, name, n) && (name[n] == '.' || name[n] == '/') && !strcmp(child, name + n + 1);
}

static size_t
match_children(struct cli_target *out, size_t n, const struct sallyport_node *conn, const char *name)
{
	const struct sallyport_node *child = sallyport_first(sallyport_find(conn, "children"));

	for (; child; child = sallyport_next(child))
		if (child_matches(sallyport_name(conn), sallyport_name(child), name))
			n = add_target(out, n, sallyport_name(conn), sallyport_name(child));
	return n;
}

static void
tell_unknown(const struct cli *c, const struct cli_list *conns)
{
	fprintf(stderr, "sallyport: there is no connection or child '%s'\n", c->name);
	if (!conns->n)
		fprintf(stderr,
		        "  No connection is loaded: name a file with `sallyportd --config`, or run `swanctl --load-all`.\n");
	else
		fprintf(stderr, "  Loaded:");
	for (size_t i = 0; i < conns->n && i < 20; i++)
		fprintf(stderr, " %s", sallyport_name(sallyport_first(sallyport_root(conns->m[i]))));
	if (conns->n)
		fprintf(stderr, "%s\n", conns->n > 20 ? " ..." : "");
}

size_t
cli_resolve(struct cli *c, struct cli_target *out, bool children)
{
	struct cli_list conns;
	size_t n = 0;
	bool exact;

	if (!cli_list(c, &conns, "list-conns", "list-conn")) {
		cli_list_free(&conns);
		return 0;
	}
	for (size_t i = 0; i < conns.n && !n; i++) {
		const struct sallyport_node *conn = sallyport_first(sallyport_root(conns.m[i]));

		if (!strcmp(sallyport_name(conn), c->name))
			n = match_conn(out, n, conn, children);
	}
	exact = n > 0;
	for (size_t i = 0; i < conns.n && !exact; i++)
		n = match_children(out, n, sallyport_first(sallyport_root(conns.m[i])), c->name);
	if (!n)
		tell_unknown(c, &conns);
	if (n > 1 && !exact) {
		fprintf(stderr, "sallyport: '%s' is a child of several connections: say which, as in %s.%s\n", c->name,
		        out[0].conn, c->name);
		n = 0;
	}
	cli_list_free(&conns);
	return n;
}
