/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* status: each Phase 1 with its Phase 2s beneath it, at a glance. */

enum { COLUMNS = 9, CELL_MAX = 160 };

/* One line of the table of Phase 2s. */
struct row {
	char cell[COLUMNS][CELL_MAX];
	bool up;
};

struct view {
	const struct cli *c;
	const struct cli_state *st;
	FILE *to;
	size_t phase2s;     /* rows of the table */
	int width[COLUMNS]; /* of the table, over all Phase 1s, so that columns stand under each other */
};

/* With what only we tell: @flag is a key that other daemons do not know, and pass over. */
static bool
list_more(struct cli *c, struct cli_list *out, const char *command, const char *event, const char *flag)
{
	struct sallyport_message *args = sallyport_message_new();
	bool ok = args && sallyport_put(args, flag, "yes") && cli_list(c, out, command, event, args);

	sallyport_message_free(args);
	return ok;
}

bool
cli_state_read(struct cli *c, struct cli_state *out)
{
	*out = (struct cli_state) { 0 };
	/* Claims; and SAs that are only being negotiated, and the MTU of paths. */
	if (!list_more(c, &out->conns, "list-conns", "list-conn", "trap") ||
	    !list_more(c, &out->sas, "list-sas", "list-sa", "negotiating"))
		return false;
	out->version = cli_ask(c, "version", NULL);
	/* Our own command: another daemon that speaks vici has none, and status does without it. */
	out->status = cli_try(c, "get-status", NULL);
	return out->version != NULL;
}

void
cli_state_free(struct cli_state *st)
{
	cli_list_free(&st->conns);
	cli_list_free(&st->sas);
	sallyport_message_free(st->version);
	sallyport_message_free(st->status);
}

static const char *
or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static const char *
colour(const struct view *v, const char *code)
{
	return v->c->colour ? code : "";
}

#define BOLD colour(v, "\033[1m")
#define DIM colour(v, "\033[2m")
#define GREEN colour(v, "\033[32m")
#define RED colour(v, "\033[31m")
#define PLAIN colour(v, "\033[0m")

/* Whether that child is asked for: no NAME is, or its connection's, or its own. */
static bool
is_shown(const struct view *v, const char *conn, const char *child)
{
	const char *name = v->c->name;

	return !name || !strcmp(conn, name) || cli_child_matches(conn, child, name);
}

/* ---- Phase 2 */

/* "10.1.0.0/16", or the first of several. */
static const char *
first_item(const struct sallyport_node *child, const char *list)
{
	return or_dash(sallyport_value(sallyport_first(sallyport_find(child, list))));
}

/* "AES_GCM_16-256", "AES_CBC-128/HMAC_SHA2_256_128/MODP_2048" */
static void
put_cipher(char *out, size_t n, const struct sallyport_node *sa)
{
	const char *encr = sallyport_get(sa, "encr-alg"), *bits = sallyport_get(sa, "encr-keysize");
	const char *integ = sallyport_get(sa, "integ-alg"), *dh = sallyport_get(sa, "dh-group");

	/* AH has no cipher. */
	snprintf(out, n, "%s%s%s%s%s%s%s", encr || !integ ? or_dash(encr) : "", bits ? "-" : "", bits ? bits : "",
	         encr && integ ? "/" : "", integ ? integ : "", dh ? "/" : "", dh ? dh : "");
}

/* "ESP", "AH, transport", "ESP in UDP, IPComp", "ESP in AH" */
static void
put_form(char *out, size_t n, const struct sallyport_node *child)
{
	const char *protocol = sallyport_get(child, "protocol"), *mode = sallyport_get(child, "mode");

	snprintf(out, n, "%s%s%s%s%s", protocol ? protocol : "ESP", sallyport_get(child, "ah-spi-in") ? " in AH" : "",
	         sallyport_get(child, "encap") ? " in UDP" : "", mode && !strcmp(mode, "TRANSPORT") ? ", transport" : "",
	         sallyport_get(child, "cpi-in") ? ", IPComp" : "");
}

static void
put_traffic(char *out, const struct sallyport_node *sa, const char *octets, const char *packets)
{
	char o[CLI_TEXT_MAX], p[CLI_TEXT_MAX];

	snprintf(out, CELL_MAX, "%s, %s", cli_octets(o, sallyport_get(sa, octets)), cli_count(p, sallyport_get(sa, packets)));
}

static void
fill_row(struct row *r, const struct sallyport_node *child)
{
	char text[CLI_TEXT_MAX];
	const char *state = or_dash(sallyport_get(child, "state"));

	r->up = !strcmp(state, "INSTALLED") || !strcmp(state, "REKEYING");
	snprintf(r->cell[0], CELL_MAX, "%.100s{%s}", or_dash(sallyport_get(child, "name")),
	         or_dash(sallyport_get(child, "uniqueid")));
	snprintf(r->cell[1], CELL_MAX, "%.70s <=> %.70s", first_item(child, "local-ts"), first_item(child, "remote-ts"));
	snprintf(r->cell[2], CELL_MAX, "%s", state);
	put_cipher(r->cell[3], CELL_MAX, child);
	put_form(r->cell[4], CELL_MAX, child);
	snprintf(r->cell[5], CELL_MAX, "%s", cli_duration(text, sallyport_get(child, "install-time")));
	snprintf(r->cell[6], CELL_MAX, "%s", cli_duration(text, sallyport_get(child, "rekey-time")));
	put_traffic(r->cell[7], child, "bytes-in", "packets-in");
	put_traffic(r->cell[8], child, "bytes-out", "packets-out");
}

static const char *const titles[COLUMNS] = {
	"PHASE 2", "PROTECTS (HERE <=> THERE)", "STATE", "BY", "AS", "AGE", "REKEY IN", "RECEIVED", "SENT"
};

static void
widen(struct view *v, const struct row *r)
{
	for (int i = 0; i < COLUMNS; i++) {
		int n = (int)strlen(r ? r->cell[i] : titles[i]);

		v->width[i] = n > v->width[i] ? n : v->width[i];
	}
}

static void
print_row(const struct view *v, const struct row *r)
{
	fprintf(v->to, "    ");
	for (int i = 0; i < COLUMNS; i++) {
		const char *text = r ? r->cell[i] : titles[i];

		const char *paint = !r ? DIM : i != 2 ? "" : r->up ? GREEN : RED;
		bool last = i + 1 == COLUMNS;

		fprintf(v->to, "%s%-*s%s%s", paint, last ? 0 : v->width[i], text, *paint ? PLAIN : "", last ? "\n" : "  ");
	}
}

/* ---- Phase 1 */

static const struct sallyport_node *
progress_of(const struct view *v, const char *id)
{
	return sallyport_find(sallyport_find(sallyport_root(v->st->status), "progress"), id);
}

static void
print_end(const struct view *v, const struct sallyport_node *sa, const char *side)
{
	char name[32];
	const char *id, *host, *port;

	snprintf(name, sizeof name, "%s-host", side);
	host = sallyport_get(sa, name);
	snprintf(name, sizeof name, "%s-port", side);
	port = sallyport_get(sa, name);
	snprintf(name, sizeof name, "%s-id", side);
	id = sallyport_get(sa, name);
	fprintf(v->to, "%s[%s]", or_dash(host), or_dash(port));
	if (id && host && strcmp(id, host) && strcmp(id, "%any"))
		fprintf(v->to, " %s", id);
}

static const char *
nat_of(const struct sallyport_node *sa)
{
	if (sallyport_get(sa, "nat-local") && sallyport_get(sa, "nat-remote"))
		return ", NAT at both ends";
	if (sallyport_get(sa, "nat-local"))
		return ", NAT in front of us";
	return sallyport_get(sa, "nat-remote") ? ", NAT in front of the peer" : "";
}

static void
print_phase1_details(const struct view *v, const struct sallyport_node *sa)
{
	const struct sallyport_node *p = progress_of(v, or_dash(sallyport_get(sa, "uniqueid")));
	const char *renew = sallyport_get(sa, "rekey-time"), *notice = sallyport_get(p, "notice"),
	           *tries = sallyport_get(p, "retransmits"), *warning = sallyport_get(p, "warning");
	const char *user = sallyport_get(sa, "remote-xauth-id"), *mtu = sallyport_get(sa, "path-mtu");
	char cipher[CELL_MAX], age[CLI_TEXT_MAX], left[CLI_TEXT_MAX];

	renew = renew ? renew : sallyport_get(sa, "reauth-time");
	if (sallyport_get(sa, "established")) {
		put_cipher(cipher, sizeof cipher, sa);
		fprintf(v->to, "    %s, age %s, %s%s%s%s%s%s%s\n", cipher, cli_duration(age, sallyport_get(sa, "established")),
		        renew ? "renewed in " : "not renewed by this end", renew ? cli_duration(left, renew) : "", nat_of(sa),
		        mtu ? ", path MTU " : "", mtu ? mtu : "", user ? ", user " : "", user ? user : "");
	} else if (p && *or_dash(sallyport_get(p, "exchange")) != '-') {
		fprintf(v->to, "    now: %s", or_dash(sallyport_get(p, "exchange")));
		if (tries && strcmp(tries, "0"))
			fprintf(v->to, ", repeated %s time%s without an answer", tries, strcmp(tries, "1") ? "s" : "");
		fprintf(v->to, "\n");
	}
	if (warning)
		fprintf(v->to, "    note: %s\n", warning);
	if (notice)
		fprintf(v->to, "    %sprobable cause (not authenticated): %s%s\n", RED, notice, PLAIN);
}

static void print_failure(const struct view *v, const char *conn);

/* Whether any Phase 1 of the connection has that child. */
static bool
child_is_up(const struct view *v, const char *conn, const char *child)
{
	for (size_t i = 0; i < v->st->sas.n; i++) {
		const struct sallyport_node *sa = sallyport_first(sallyport_root(v->st->sas.m[i]));
		const struct sallyport_node *c =
		        strcmp(sallyport_name(sa), conn) ? NULL : sallyport_first(sallyport_find(sa, "child-sas"));

		for (; c; c = sallyport_next(c))
			if (!strcmp(or_dash(sallyport_get(c, "name")), child))
				return true;
	}
	return false;
}

static const struct sallyport_node *
conn_by_name(const struct view *v, const char *name)
{
	for (size_t i = 0; i < v->st->conns.n; i++)
		if (!strcmp(sallyport_name(sallyport_first(sallyport_root(v->st->conns.m[i]))), name))
			return sallyport_first(sallyport_root(v->st->conns.m[i]));
	return NULL;
}

/* "net  10.1.0.0/16 <=> 10.2.0.0/16  not up" */
static void
print_child_down(const struct view *v, const struct sallyport_node *child, const char *state)
{
	bool held = sallyport_get(child, "trapped") && !cli_is_shunt(child);

	fprintf(v->to, "    %s  %s <=> %s%s%s%s%s%s\n", sallyport_name(child), first_item(child, "local-ts"),
	        first_item(child, "remote-ts"), DIM, *state ? "  " : "", state,
	        held ? "  held: the next packet brings it up" : "", PLAIN);
}

static void
print_children_down(const struct view *v, const char *conn)
{
	const struct sallyport_node *child = sallyport_first(sallyport_find(conn_by_name(v, conn), "children"));
	bool any = false;

	for (; child; child = sallyport_next(child)) {
		bool shunt = cli_is_shunt(child);

		if (child_is_up(v, conn, sallyport_name(child)) || !is_shown(v, conn, sallyport_name(child)))
			continue;
		print_child_down(v, child, shunt ? sallyport_get(child, "mode") : "not up");
		any = any || !shunt;
	}
	if (any)
		print_failure(v, conn);
}

static void
print_phase1(const struct view *v, const struct sallyport_node *sa)
{
	const struct sallyport_node *children = sallyport_find(sa, "child-sas"), *child = sallyport_first(children);
	const char *state = or_dash(sallyport_get(sa, "state"));

	fprintf(v->to, "%s%s[%s]%s  %s%s%s  IKEv%s  ", BOLD, sallyport_name(sa), or_dash(sallyport_get(sa, "uniqueid")), PLAIN,
	        strcmp(state, "ESTABLISHED") ? RED : GREEN, state, PLAIN, or_dash(sallyport_get(sa, "version")));
	print_end(v, sa, "local");
	fprintf(v->to, " %s ", sallyport_get(sa, "initiator") ? "-->" : "<--");
	print_end(v, sa, "remote");
	fprintf(v->to, "\n");
	print_phase1_details(v, sa);
	if (child)
		print_row(v, NULL);
	else if (!strcmp(state, "REKEYED") || !strcmp(state, "DELETING"))
		fprintf(v->to, "    on its way out\n");
	else
		fprintf(v->to, "    no Phase 2 yet: it protects nothing\n");
	for (; child; child = sallyport_next(child)) {
		struct row r;

		if (!is_shown(v, sallyport_name(sa), or_dash(sallyport_get(child, "name"))))
			continue;
		fill_row(&r, child);
		print_row(v, &r);
	}
	if (!strcmp(state, "ESTABLISHED"))
		print_children_down(v, sallyport_name(sa));
	fprintf(v->to, "\n");
}

/* ---- what is not up */

static bool
has_sa(const struct view *v, const char *conn)
{
	for (size_t i = 0; i < v->st->sas.n; i++)
		if (!strcmp(sallyport_name(sallyport_first(sallyport_root(v->st->sas.m[i]))), conn))
			return true;
	return false;
}

static void
print_failure(const struct view *v, const char *conn)
{
	const struct sallyport_node *f = sallyport_find(sallyport_find(sallyport_root(v->st->status), "failures"), conn);
	const char *hint = cli_hint(f);
	char age[CLI_TEXT_MAX];

	if (!f)
		return;
	fprintf(v->to, "    last failure %s ago: %s\n", cli_duration(age, sallyport_get(f, "age")),
	        or_dash(sallyport_get(f, "text")));
	if (hint)
		fprintf(v->to, "    %s\n", hint);
}

static void
print_down(const struct view *v, const struct sallyport_node *conn)
{
	const struct sallyport_node *child = sallyport_first(sallyport_find(conn, "children"));
	const char *version = sallyport_get(conn, "version");

	fprintf(v->to, "%s%s%s  %sdown%s  to %s\n", BOLD, sallyport_name(conn), PLAIN, DIM, PLAIN,
	        first_item(conn, "remote_addrs"));
	for (; child; child = sallyport_next(child))
		if (is_shown(v, sallyport_name(conn), sallyport_name(child)))
			print_child_down(v, child, "");
	print_failure(v, sallyport_name(conn));
	if (version && !strcmp(version, "IKEv1/2"))
		fprintf(v->to, "    it only answers (version = 0): set version = 1 to initiate\n");
	fprintf(v->to, "\n");
}

static void
print_counters(const struct view *v)
{
	const struct sallyport_node *n = sallyport_first(sallyport_find(sallyport_root(v->st->status), "counters"));

	if (!n || v->c->name)
		return;
	fprintf(v->to, "%sNot accepted, or dropped, so far:%s\n", DIM, PLAIN);
	for (; n; n = sallyport_next(n))
		fprintf(v->to, "  %8s  %s (%s)\n", or_dash(sallyport_get(n, "count")), or_dash(sallyport_get(n, "text")),
		        sallyport_name(n));
}

static void
measure(struct view *v)
{
	widen(v, NULL);
	for (size_t i = 0; i < v->st->sas.n; i++) {
		const struct sallyport_node *sa = sallyport_first(sallyport_root(v->st->sas.m[i]));
		const struct sallyport_node *child = sallyport_first(sallyport_find(sa, "child-sas"));

		for (; child; child = sallyport_next(child)) {
			struct row r;

			if (!is_shown(v, sallyport_name(sa), or_dash(sallyport_get(child, "name"))))
				continue;
			fill_row(&r, child);
			widen(v, &r);
			v->phase2s++;
		}
	}
}

static void
print_daemon(const struct view *v)
{
	const struct cli_state *st = v->st;
	const struct sallyport_node *version = sallyport_root(st->version), *status = sallyport_root(st->status);
	const char *uptime = sallyport_get(sallyport_find(status, "uptime"), "running"),
	           *dataplane = sallyport_get(status, "dataplane");

	fprintf(v->to, "%s %s, running for %s: %zu connection%s loaded, %zu Phase 1 SA%s, %zu Phase 2%s\n",
	        or_dash(sallyport_get(version, "daemon")), or_dash(sallyport_get(version, "version")), or_dash(uptime),
	        st->conns.n, st->conns.n == 1 ? "" : "s", st->sas.n, st->sas.n == 1 ? "" : "s", v->phase2s,
	        v->phase2s == 1 ? "" : "s");
	if (dataplane)
		fprintf(v->to, "%sdata plane: %s%s\n", DIM, dataplane, PLAIN);
	fprintf(v->to, "\n");
}

void
cli_state_print(const struct cli *c, const struct cli_state *st, FILE *to)
{
	struct view view = { .c = c, .st = st, .to = to }, *v = &view;

	measure(v);
	if (!c->name)
		print_daemon(v);
	for (size_t i = 0; i < st->sas.n; i++)
		print_phase1(v, sallyport_first(sallyport_root(st->sas.m[i])));
	for (size_t i = 0; i < st->conns.n; i++) {
		const struct sallyport_node *conn = sallyport_first(sallyport_root(st->conns.m[i]));

		if (!has_sa(v, sallyport_name(conn)))
			print_down(v, conn);
	}
	if (!st->conns.n && !st->sas.n)
		fprintf(to, "No connection is loaded: name a file with `sallyportd --config`, or run `swanctl --load-all`.\n");
	print_counters(v);
}

int
cli_status(struct cli *c)
{
	struct cli_state st;
	bool ok = cli_state_read(c, &st) && (!c->name || cli_keep_named(c, &st.conns, &st.sas));

	if (ok && c->json)
		cli_state_print_json(&st, stdout);
	else if (ok)
		cli_state_print(c, &st, stdout);
	cli_state_free(&st);
	return ok ? EXIT_OK : EXIT_FAILED;
}
