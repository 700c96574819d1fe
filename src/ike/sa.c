/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"
#include "road_sa.h"

#include <stdlib.h>

/*
 * IKE_SAs: their tables, their making and freeing. How one begins is in sa_attempt.c, what time does to it in sa_timers.c,
 * which of several carries on in settle.c, how one ends in sa_end.c.
 */

struct ike_sa *
ike_sa_new(struct ike *core, const struct ike_protocol *protocol, uint8_t role, const uint8_t *cookie_i)
{
	struct ike_sa *sa = calloc(1, sizeof *sa);

	if (!sa || !timer_owner_add(core))
		goto nomem;
	sa->core = core;
	sa->protocol = protocol;
	sa->role = role;
	sa->id = core->next_ike_id;
	sa->log_in = LOG_IN_NOBODY;
	sa->timer.owner = TIMER_IKE_SA;
	sa->created_at = sa->heard_at = sa->said_at = core->now;
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->dpd_at = sa->delete_at = sa->retry_at = INSTANT_NEVER;
	if (cookie_i)
		memcpy(sa->cookie_i, cookie_i, 8);
	else
		rng_fill(core->rng, sa->cookie_i, 8);
	if (!id_index_add(&core->sas, sa->id, sa))
		goto nomem_timer;
	core->next_ike_id++;
	if (!table_insert(&core->by_cookie, &sa->by_cookie, span_of(sa->cookie_i, 8))) {
		id_index_remove(&core->sas, sa->id);
		goto nomem_timer;
	}
	return sa;
nomem_timer:
	core->n_timers--;
nomem:
	free(sa);
	core->nomem = true;
	return NULL;
}

void
ike_sa_set_conn(struct ike_sa *sa, struct conn *conn)
{
	struct ike *core = sa->core;
	struct conn *old = sa->conn;

	if (old)
		table_remove(&core->by_conn, &sa->by_conn);
	sa->conn = conn ? conn_ref(conn) : NULL;
	conn_unref(old);
	if (!conn)
		return;
	sa->conn_key = core_digest(core, span_str(conn->name));
	if (!table_insert(&core->by_conn, &sa->by_conn, span_of(&sa->conn_key, sizeof sa->conn_key)))
		core->nomem = true;
}

/* Forgets what a Phase 1 left behind: for another attempt, or for good. */
void
ike_sa_forget_phase1(struct ike_sa *sa)
{
	while (sa->exchanges)
		exchange_free(sa->exchanges);
	road_close(sa);
	secret_clear(&sa->keys);
	secret_wipe(sa->iv, sizeof sa->iv);
	free(sa->local_id);
	free(sa->remote_id);
	sa->local_id = sa->remote_id = NULL;
	sa->ticket = 0;
	sa->auth = 0;
	sa->log_in = LOG_IN_NOBODY;
	sa->aggressive = sa->group_key = sa->authenticated = sa->initial_contact = sa->unheard = false;
}

void
ike_sa_free(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	while (sa->children)
		child_free(sa->children);
	wants_drop(sa, "the IKE_SA ended");
	ike_sa_forget_phase1(sa);
	half_open_end(sa);
	waiters_settle(core, &sa->waiters, false, sa->last_notice ? sa->last_notice : "the IKE_SA ended");
	table_remove(&core->by_cookie, &sa->by_cookie);
	if (sa->peer_key)
		table_remove(&core->by_peer, &sa->by_peer);
	ike_sa_set_conn(sa, NULL);
	id_index_remove(&core->sas, sa->id);
	timer_stop(&core->timers, &sa->timer);
	core->n_timers--;
	reassembly_free(sa->reassembly, &core->fragments);
	message_ids_free(sa->message_ids);
	free(sa->last_notice);
	free(sa);
}

struct ike_sa *
ike_sa_by_id(const struct ike *core, uint32_t id)
{
	return id_index_find(&core->sas, id);
}

struct ike_sa *
ike_sa_by_cookie(const struct ike *core, const uint8_t cookie_i[8], const struct ike_sa *after)
{
	struct table_link *l = after ? table_find_next(&after->by_cookie) : table_find(&core->by_cookie, span_of(cookie_i, 8));

	for (; l; l = table_find_next(l)) {
		struct ike_sa *sa = table_entry(l, struct ike_sa, by_cookie);

		if (memcmp(sa->cookie_i, cookie_i, 8) == 0)
			return sa;
	}
	return NULL;
}

struct ike_sa *
ike_sa_same_peer(const struct ike_sa *sa, const struct ike_sa *after)
{
	struct span key = span_of(&sa->peer_key, sizeof sa->peer_key);
	struct table_link *l = after ? table_find_next(&after->by_peer) : table_find(&sa->core->by_peer, key);

	for (; l; l = table_find_next(l)) {
		struct ike_sa *o = table_entry(l, struct ike_sa, by_peer);

		if (o != sa && o->peer_key == sa->peer_key)
			return o;
	}
	return NULL;
}

/* The renewal of what stands is left alone until it is up: what stands serves as long. */
static bool
renews(const struct ike_sa *sa)
{
	const struct ike_sa *old = sa->rekeys ? ike_sa_by_id(sa->core, sa->rekeys) : NULL;

	return old && !old->zombie && old->state != IKE_STATE_DELETING;
}

static unsigned
usefulness(const struct ike_sa *sa)
{
	if (sa->zombie || sa->successor || sa->state == IKE_STATE_DELETING)
		return 0;
	if (sa->state == IKE_STATE_ESTABLISHED || sa->state == IKE_STATE_REKEYING)
		return ike_sa_in_doubt(sa) ? 2 : 3;
	return sa->role == INITIATOR && !renews(sa);
}

struct ike_sa *
ike_sa_for_conn(struct ike *core, const char *conn)
{
	uint64_t key = core_digest(core, span_str(conn));
	const struct conn_entry *e = conn_entry_find(core, conn);
	struct ike_sa *best = NULL;

	for (struct table_link *l = table_find(&core->by_conn, span_of(&key, sizeof key)); l; l = table_find_next(l)) {
		struct ike_sa *sa = table_entry(l, struct ike_sa, by_conn);
		unsigned u = usefulness(sa);

		if (!u || strcmp(sa->conn->name, conn) != 0)
			continue;
		/* A reload may mean another peer, or another proof of who it is: the old SA does not serve it. */
		if (e && e->conn != sa->conn && !conn_equal_but_children(e->conn, sa->conn))
			continue;
		if (!best || u > usefulness(best) || (u == usefulness(best) && sa->id > best->id))
			best = sa;
		if (u == 3)
			break;
	}
	return best;
}

void
ike_sa_state(struct ike_sa *sa, enum ike_state state)
{
	if (sa->state == state)
		return;
	say(sa->core, LOG_IKE, LOG_DETAIL, sa, NULL, "IKE_SA %s state change: %s => %s", sa_name(sa),
	    ike_state_name((enum ike_state)sa->state), ike_state_name(state));
	sa->state = (uint8_t)state;
	event(sa->core, EVENT_IKE_STATE, sa, NULL);
}

void
ike_sa_adopt(struct ike_sa *to, struct ike_sa *from)
{
	struct child_sa *c = from->children;

	while (c) {
		struct child_sa *next = c->next;

		/* One whose Quick Mode is under way stays with the keys that protect it, until it is done. */
		if (!c->exchange) {
			child_unlink(c);
			child_link(to, c);
		}
		c = next;
	}
}

void
ike_sa_notice(struct ike_sa *sa, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	free(sa->last_notice);
	sa->last_notice = copy;
}
