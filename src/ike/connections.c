/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"

/* The connections that are loaded, and the claims that their start_action makes while they are. */

static size_t
place(const struct ike *core, const char *name)
{
	size_t lo = 0, hi = core->n_conns;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(core->conns[mid].conn->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct conn_entry *
conn_entry_find(struct ike *core, const char *name)
{
	size_t i = place(core, name);

	return i < core->n_conns && strcmp(core->conns[i].conn->name, name) == 0 ? &core->conns[i] : NULL;
}

const struct conn *
ike_next_conn(const struct ike *core, const struct conn *cursor)
{
	size_t i = cursor ? place(core, cursor->name) : 0;

	if (cursor && i < core->n_conns && strcmp(core->conns[i].conn->name, cursor->name) == 0)
		i++;
	return i < core->n_conns ? core->conns[i].conn : NULL;
}

/* The one address that a list names, else "any". */
static struct ip
literal(const struct address_specs *l)
{
	if (l->n == 1 && !l->a[0].name && l->a[0].lo.family && ip_equal(&l->a[0].lo, &l->a[0].hi))
		return l->a[0].lo;
	return (struct ip) { 0 };
}

void
conn_trap(struct ike *core, struct conn_entry *e, const struct child *cfg, bool on)
{
	struct policy **trap = &e->trap[cfg - e->conn->children];
	struct ip local = literal(&e->conn->local_addrs), remote = literal(&e->conn->remote_addrs);

	e->trap_wanted[cfg - e->conn->children] = on;
	if (!on) {
		struct policy *p = *trap;

		*trap = NULL;
		if (p)
			policy_use(core, p, -1, 0);
		return;
	}
	if (*trap)
		return;
	*trap = policy_of(core, e->conn, cfg, &local, &remote);
	if (*trap)
		policy_use(core, *trap, 1, 0);
	else if (!e->ticket)
		/* "dynamic" needs the addresses of this connection first. */
		e->ticket = park(core, PARKED_CONN, 0, 0, e->conn->name);
}

void
conn_trap_like(struct ike *core, struct conn_entry *e, const struct child *cfg, const struct policy *p)
{
	struct policy **trap = &e->trap[cfg - e->conn->children];

	if (!*trap) {
		*trap = policy_of(core, e->conn, cfg, &p->local, &p->remote);
		if (*trap)
			policy_use(core, *trap, 1, 0);
	}
	conn_trap(core, e, cfg, true);
	conn_ask_address(core, e);
}

void
conn_ask_address(struct ike *core, struct conn_entry *e)
{
	struct effect *fx = e->ticket ? effects_add(core->fx, EFFECT_ASK_ADDRESS) : NULL;

	if (!fx)
		return;
	fx->ticket = e->ticket;
	fx->ask_address.conn = e->conn;
	core_keep_conn(core, e->conn);
}

static void
start_children(struct ike *core, struct conn_entry *e)
{
	for (size_t i = 0; i < e->conn->n_children; i++) {
		const struct child *cfg = &e->conn->children[i];
		const char *why = NULL;

		if (cfg->start_action == ACTION_START && !mode_is_shunt(cfg->mode) && !initiate_child(core, e->conn, cfg, NULL, NULL, &why))
			say(core, LOG_CFG, LOG_AUDIT, NULL, "refused", "cannot start %s of %s: %s", cfg->name, e->conn->name,
			    why);
	}
}

static void
set_traps(struct ike *core, struct conn_entry *e)
{
	for (size_t i = 0; i < e->conn->n_children; i++) {
		const struct child *cfg = &e->conn->children[i];

		if (cfg->start_action == ACTION_TRAP || cfg->start_action == ACTION_START)
			conn_trap(core, e, cfg, true);
	}
	conn_ask_address(core, e);
}

void
conn_addresses_known(struct ike *core, const char *name, const struct answer *a)
{
	struct conn_entry *e = conn_entry_find(core, name);

	if (!e || e->ticket != a->ticket)
		return;
	e->ticket = 0;
	if (!a->ok) {
		say(core, LOG_CFG, LOG_AUDIT, NULL, "no-address", "no claim for the dynamic selectors of %s: %s", name,
		    a->reason ? a->reason : "its addresses are not known");
		return;
	}
	for (size_t i = 0; i < e->conn->n_children; i++) {
		const struct child *cfg = &e->conn->children[i];
		struct policy **trap = &e->trap[i];

		if (*trap || !e->trap_wanted[i])
			continue;
		*trap = policy_of(core, e->conn, cfg, &a->local.ip, &a->remote.ip);
		if (*trap)
			policy_use(core, *trap, 1, 0);
	}
}

static void
drop_traps(struct ike *core, struct conn_entry *e)
{
	for (size_t i = 0; i < e->conn->n_children; i++)
		conn_trap(core, e, &e->conn->children[i], false);
}

static void
entry_close(struct ike *core, struct conn_entry *e)
{
	drop_traps(core, e);
	conn_unindex(core, e);
	free(e->trap);
	free(e->trap_wanted);
	free(e->named);
	conn_unref(e->conn);
}

static bool
entry_open(struct ike *core, struct conn_entry *e, struct conn *conn)
{
	*e = (struct conn_entry) {
		.trap = calloc(conn->n_children + 1, sizeof e->trap[0]),
		.trap_wanted = calloc(conn->n_children + 1, sizeof e->trap_wanted[0]),
	};
	if (e->trap && e->trap_wanted && conn_index(core, conn, &e->links)) {
		e->conn = conn_ref(conn);
		return true;
	}
	free(e->trap);
	free(e->trap_wanted);
	return false;
}

static struct conn_entry *
entry_insert(struct ike *core, const char *name)
{
	size_t i = place(core, name);

	if (core->n_conns == core->cap_conns) {
		size_t cap = core->cap_conns ? 2 * core->cap_conns : 8;
		struct conn_entry *e = realloc(core->conns, cap * sizeof *e);

		if (!e)
			return NULL;
		core->conns = e;
		core->cap_conns = cap;
	}
	memmove(&core->conns[i + 1], &core->conns[i], (core->n_conns - i) * sizeof core->conns[0]);
	core->n_conns++;
	return &core->conns[i];
}

/*
 * A reload of an equal connection changes nothing. A changed one is claimed
 * before the old claims go, so that no packet finds a gap; its SAs keep the
 * configuration that they were made under.
 */
enum verdict
command_load(struct ike *core, struct conn *conn)
{
	struct conn_entry *e = conn_entry_find(core, conn->name), old = { 0 }, new;

	if (e && conn_equal(e->conn, conn))
		return VERDICT_OK;
	if (!entry_open(core, &new, conn))
		return VERDICT_INTERNAL;
	if (e)
		old = *e;
	else
		e = entry_insert(core, conn->name);
	if (!e) {
		entry_close(core, &new);
		return VERDICT_INTERNAL;
	}
	*e = new;
	conn_names_ask(core, e);
	set_traps(core, e);
	if (old.conn)
		entry_close(core, &old);
	start_children(core, e);
	return VERDICT_OK;
}

void
command_unload(struct ike *core, const char *name)
{
	struct conn_entry *e = conn_entry_find(core, name);

	if (!e)
		return;
	entry_close(core, e);
	memmove(e, e + 1, (size_t)(&core->conns[core->n_conns] - (e + 1)) * sizeof *e);
	core->n_conns--;
}

void
conn_entries_close(struct ike *core)
{
	for (size_t i = 0; i < core->n_conns; i++)
		entry_close(core, &core->conns[i]);
	free(core->conns);
	core->conns = NULL;
	core->n_conns = core->cap_conns = 0;
	anywhere_forget(core);
}

struct policy *
conn_trap_policy(struct ike *core, const struct conn *conn, const struct child *cfg)
{
	struct conn_entry *e = conn_entry_find(core, conn->name);

	for (size_t i = 0; e && i < e->conn->n_children; i++)
		if (e->trap[i] && strcmp(e->conn->children[i].name, cfg->name) == 0)
			return e->trap[i];
	return NULL;
}

bool
ike_is_trapped(const struct ike *core, const struct conn *conn, const struct child *child)
{
	/* Only looks. */
	return conn_trap_policy((struct ike *)core, conn, child) != NULL;
}
