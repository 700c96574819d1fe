/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"

/*
 * Connections with DNS names in remote_addrs, as responder. A name is looked up
 * when the connection is loaded, and again when a message comes from an address
 * that fits no connection specifically: the peer behind the name may have moved.
 * When it repeats its message, the new answer is there. A name only decides
 * which connection is tried first; who the peer is, it has to prove.
 */

/* However many strangers come: one round of lookups in this time, each for at most ASK_AT_ONCE connections. */
static const instant_t ASK_AGAIN = SECONDS(3);
enum { ASK_AT_ONCE = 64 };

void
conn_names_ask(struct ike *core, struct conn_entry *e)
{
	struct effect *fx;

	if (e->names_ticket || !address_specs_named(&e->conn->remote_addrs))
		return;
	e->names_ticket = park(core, PARKED_NAMES, 0, 0, e->conn->name);
	fx = e->names_ticket ? effects_add(core->fx, EFFECT_ASK_NAMES) : NULL;
	if (!fx)
		return;
	fx->ticket = e->names_ticket;
	fx->ask_address.conn = e->conn;
	core_keep_conn(core, e->conn);
}

static void
ask_all_again(struct ike *core)
{
	unsigned asked = 0;

	if (core->names_asked_at && core->now < core->names_asked_at + ASK_AGAIN)
		return;
	core->names_asked_at = core->now;
	for (size_t i = 0; i < core->n_conns && asked < ASK_AT_ONCE; i++) {
		struct conn_entry *e = &core->conns[core->names_turn++ % core->n_conns];

		if (!address_specs_named(&e->conn->remote_addrs))
			continue;
		conn_names_ask(core, e);
		asked++;
	}
	core->names_asked = asked;
}

static bool
names_match(const struct conn_entry *e, const struct ip *ip)
{
	for (size_t i = 0; i < e->n_named; i++)
		if (ip_equal(&e->named[i], ip))
			return true;
	return false;
}

bool
conn_remote_match(struct ike *core, const struct conn *conn, const struct ip *ip, unsigned *score)
{
	const struct conn_entry *e = address_specs_named(&conn->remote_addrs) ? conn_entry_find(core, conn->name) : NULL;

	if (address_specs_match(&conn->remote_addrs, ip, score))
		return true;
	/* As specific as the address itself. */
	*score = 1 + ip_bits(ip);
	return e && e->conn == conn && names_match(e, ip);
}

void
conn_names_doubt(struct ike *core, const struct conn *best, const struct ip *remote)
{
	unsigned score = 0;

	if (!best || !conn_remote_match(core, best, remote, &score) || score <= ip_bits(remote))
		ask_all_again(core);
}

void
conn_names_known(struct ike *core, const char *name, const struct answer *a)
{
	struct conn_entry *e = conn_entry_find(core, name);
	struct ip *copy;

	if (!e || e->names_ticket != a->ticket)
		return;
	e->names_ticket = 0;
	/* Name servers may be away for a while: what was known stays. */
	if (!a->ok || !a->n_named)
		return;
	copy = calloc(a->n_named, sizeof *copy);
	if (!copy) {
		core->nomem = true;
		return;
	}
	memcpy(copy, a->named, a->n_named * sizeof *copy);
	free(e->named);
	e->named = copy;
	e->n_named = a->n_named;
}
