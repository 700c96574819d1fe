/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a peer sent may be part of what the daemon says. A terminal must not be
 * told to do things by it, so that control characters are shown as '?'.
 */
void
cli_clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

const char *
cli_line(char out[CLI_LINE_MAX], const struct sallyport_message *m, const char *name)
{
	const char *text = sallyport_get(sallyport_root(m), name);

	snprintf(out, CLI_LINE_MAX, "%s", text ? text : "");
	cli_clean(out);
	return out;
}

/* One value; @list: the name of the list that it is an item of, or NULL. */
static bool
copy_value(struct sallyport_message *to, const struct sallyport_node *n, const char *list)
{
	char *text = strdup(sallyport_value(n));
	bool ok;

	if (!text)
		return false;
	cli_clean(text);
	ok = list ? sallyport_put_item(to, list, text) : sallyport_put(to, sallyport_name(n), text);
	free(text);
	return ok;
}

static bool
copy_list(struct sallyport_message *to, const struct sallyport_node *list)
{
	bool ok = true;

	for (const struct sallyport_node *i = sallyport_first(list); i && ok; i = sallyport_next(i))
		ok = copy_value(to, i, sallyport_name(list));
	return ok;
}

static bool
copy_into(struct sallyport_message *to, const struct sallyport_node *n)
{
	bool ok = true;

	for (n = sallyport_first(n); n && ok; n = sallyport_next(n)) {
		if (sallyport_kind(n) == SALLYPORT_SECTION) {
			ok = sallyport_begin(to, sallyport_name(n)) && copy_into(to, n);
			sallyport_end(to);
		} else {
			ok = sallyport_kind(n) == SALLYPORT_LIST ? copy_list(to, n) : copy_value(to, n, NULL);
		}
	}
	return ok;
}

/* NULL when out of memory. */
static struct sallyport_message *
clean_copy(const struct sallyport_message *m)
{
	struct sallyport_message *copy = sallyport_message_new();

	if (copy && copy_into(copy, sallyport_root(m)))
		return copy;
	sallyport_message_free(copy);
	return NULL;
}

struct sallyport_message *
cli_try(struct cli *c, const char *command, const struct sallyport_message *args)
{
	struct sallyport_message *m = sallyport_request(c->s, command, args), *copy = m ? clean_copy(m) : NULL;

	sallyport_message_free(m);
	return copy;
}

struct sallyport_message *
cli_ask(struct cli *c, const char *command, const struct sallyport_message *args)
{
	struct sallyport_message *m = cli_try(c, command, args);

	if (!m)
		fprintf(stderr, "sallyport: %s: %s\n", command, *sallyport_error(c->s) ? sallyport_error(c->s) : "out of memory");
	return m;
}

/* ---- lists: an event's message lives only as long as its handler, so that it is copied */

static void
keep_event(void *context, const char *event, const struct sallyport_message *message)
{
	struct cli_list *l = context;
	struct sallyport_message **more = realloc(l->m, (l->n + 1) * sizeof *more), *copy;

	(void)event;
	if (!more)
		return;
	l->m = more;
	copy = clean_copy(message);
	if (copy)
		l->m[l->n++] = copy;
}

bool
cli_list(struct cli *c, struct cli_list *out, const char *command, const char *event, const struct sallyport_message *args)
{
	struct sallyport_message *m;

	*out = (struct cli_list) { 0 };
	if (!sallyport_subscribe(c->s, event, keep_event, out)) {
		fprintf(stderr, "sallyport: %s: %s\n", event, sallyport_error(c->s));
		return false;
	}
	m = cli_ask(c, command, args);
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

bool
cli_is_shunt(const struct sallyport_node *child)
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
		if (!cli_is_shunt(child))
			n = add_target(out, n, sallyport_name(conn), sallyport_name(child));
	return n > before ? n : add_target(out, n, sallyport_name(conn), "");
}

bool
cli_child_matches(const char *conn, const char *child, const char *name)
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
		if (cli_child_matches(sallyport_name(conn), sallyport_name(child), name))
			n = add_target(out, n, sallyport_name(conn), sallyport_name(child));
	return n;
}

/* " branch (net, lan)" */
static void
tell_loaded(const struct sallyport_node *conn)
{
	const struct sallyport_node *child = sallyport_first(sallyport_find(conn, "children"));
	bool any = child != NULL;

	fprintf(stderr, " %s%s", sallyport_name(conn), any ? " (" : "");
	for (; child; child = sallyport_next(child))
		fprintf(stderr, "%s%s", sallyport_name(child), sallyport_next(child) ? ", " : "");
	fprintf(stderr, "%s", any ? ")" : "");
}

static void
tell_unknown(const struct cli *c, const struct cli_list *conns)
{
	fprintf(stderr, "sallyport: there is no connection or child '%s'\n", c->name);
	if (!conns->n)
		fprintf(stderr,
		        "  No connection is loaded: name a file with `sallyportd --config`, or run `swanctl --load-all`.\n");
	else
		fprintf(stderr, "  Loaded, with their children:");
	for (size_t i = 0; i < conns->n && i < 20; i++)
		tell_loaded(sallyport_first(sallyport_root(conns->m[i])));
	if (conns->n)
		fprintf(stderr, "%s\n", conns->n > 20 ? " ..." : "");
}

size_t
cli_resolve(struct cli *c, struct cli_target *out, bool children)
{
	struct cli_list conns;
	size_t n = 0;
	bool exact;

	if (!cli_list(c, &conns, "list-conns", "list-conn", NULL)) {
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

/* Whether a connection, or an IKE_SA, has a child of that name among its @children. */
static bool
has_child(const struct sallyport_node *conn, const char *children, const char *name)
{
	const struct sallyport_node *child = sallyport_first(sallyport_find(conn, children));

	for (; child; child = sallyport_next(child)) {
		const char *own = sallyport_get(child, "name"); /* list-sas makes sections unique by a number */

		if (cli_child_matches(sallyport_name(conn), own ? own : sallyport_name(child), name))
			return true;
	}
	return false;
}

static bool
has_name(const struct cli_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(sallyport_name(sallyport_first(sallyport_root(l->m[i]))), name))
			return true;
	return false;
}

/* Those of that name, or with such a child, or (IKE_SAs) of a connection in @with. */
static void
keep_named(struct cli_list *l, const char *children, const char *name, bool exact, const struct cli_list *with)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct sallyport_node *node = sallyport_first(sallyport_root(l->m[i]));
		bool fits = exact ? !strcmp(sallyport_name(node), name) : has_child(node, children, name);

		if (fits || (with && has_name(with, sallyport_name(node))))
			l->m[kept++] = l->m[i];
		else
			sallyport_message_free(l->m[i]);
	}
	l->n = kept;
}

bool
cli_keep_named(const struct cli *c, struct cli_list *conns, struct cli_list *sas)
{
	bool exact = has_name(conns, c->name) || has_name(sas, c->name), known = exact;

	for (size_t i = 0; i < conns->n && !known; i++)
		known = has_child(sallyport_first(sallyport_root(conns->m[i])), "children", c->name);
	for (size_t i = 0; i < sas->n && !known; i++)
		known = has_child(sallyport_first(sallyport_root(sas->m[i])), "child-sas", c->name);
	if (!known) {
		tell_unknown(c, conns);
		return false;
	}
	keep_named(conns, "children", c->name, exact, NULL);
	keep_named(sas, "child-sas", c->name, exact, conns);
	return true;
}
