/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"
#include "road_sa.h"

/* IKE_SAs: their tables, their making and their going. Their timers are in sa_timers.c. */

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
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->dpd_at = sa->delete_at = INSTANT_NEVER;
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
static void
forget_phase1(struct ike_sa *sa)
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
	forget_phase1(sa);
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

static unsigned
usefulness(const struct ike_sa *sa)
{
	if (sa->zombie || sa->successor || sa->state == IKE_STATE_DELETING)
		return 0;
	if (sa->state == IKE_STATE_ESTABLISHED || sa->state == IKE_STATE_REKEYING)
		return ike_sa_in_doubt(sa) ? 2 : 3;
	return sa->role == INITIATOR && !sa->rekeys;
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

static bool
begin(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct effect *e;

	if (sa->addresses_known)
		return sa->protocol->initiate(sa);
	sa->ticket = park(core, PARKED_IKE, sa->id, 0, NULL);
	e = sa->ticket ? effects_add(core->fx, EFFECT_ASK_ADDRESS) : NULL;
	if (!e)
		return false;
	e->ticket = sa->ticket;
	e->ask_address.conn = sa->conn;
	e->ask_address.attempt = sa->tries;
	core_keep_conn(core, sa->conn);
	ike_sa_schedule(sa);
	return true;
}

static const struct ike_protocol *
protocol_for(const struct ike *core, const struct conn *conn, const char **why)
{
	/* No silent downgrade: version = 0 means IKEv2 first, which is not there yet. */
	if (conn->version == IKE_ANY) {
		*why = "version = 0 answers IKEv1 and IKEv2, but does not say which to initiate with: set version = 1";
		return NULL;
	}
	for (const struct ike_protocol *const *p = core->protocols; *p; p++)
		if ((*p)->major == (unsigned)conn->version)
			return *p;
	*why = "this version of the protocol is not available here: set version = 1";
	return NULL;
}

struct ike_sa *
ike_sa_initiate(struct ike *core, struct conn *conn, struct ike_sa *rekeys, const char **why)
{
	const struct ike_protocol *p = rekeys ? rekeys->protocol : protocol_for(core, conn, why);
	struct ike_sa *sa = p ? ike_sa_new(core, p, INITIATOR, NULL) : NULL;

	if (!p)
		return NULL;
	*why = "out of memory";
	if (!sa)
		return NULL;
	ike_sa_set_conn(sa, conn);
	if (rekeys) {
		sa->rekeys = rekeys->id;
		sa->local = rekeys->local;
		sa->remote = rekeys->remote;
		sa->addresses_known = true;
		sa->floated = rekeys->floated;
	}

	uint32_t id = sa->id;

	if (begin(sa)) {
		*why = "there is nothing to offer: see the log";
		return ike_sa_by_id(core, id);
	}
	ike_sa_free(sa);
	return NULL;
}

/* Another attempt, as if from the start: strongSwan's keyingtries. */
static bool
try_again(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	forget_phase1(sa);
	table_remove(&core->by_cookie, &sa->by_cookie);
	rng_fill(core->rng, sa->cookie_i, 8);
	memset(sa->cookie_r, 0, 8);
	if (!table_insert(&core->by_cookie, &sa->by_cookie, span_of(sa->cookie_i, 8)))
		return false;
	sa->nat_local = sa->nat_remote = sa->peer_nat_t = sa->peer_nat_t_draft = sa->peer_dpd = sa->peer_fragments = sa->peer_unity = false;
	if (!sa->rekeys) {
		sa->addresses_known = false;
		sa->floated = false;
	}
	sa->created_at = core->now;
	return begin(sa);
}

void
ike_sa_rekey_failed(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct ike_sa *old = sa->rekeys ? ike_sa_by_id(core, sa->rekeys) : NULL;

	if (!old || old->successor || old->zombie || old->ending)
		return;
	if (old->state == IKE_STATE_REKEYING)
		ike_sa_state(old, IKE_STATE_ESTABLISHED);
	/* Until it expires there is time for more attempts. */
	old->rekey_at = core->now + SECONDS(10);
	ike_sa_schedule(old);
}

/* A failure that came at once would come again at once: no attempt begins sooner than a repetition would. */
static bool
wait_or_try(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	unsigned tries = sa->tries < core->settings.retransmit_tries ? sa->tries : core->settings.retransmit_tries;
	instant_t at = sa->created_at + retransmit_wait(core, tries - 1);

	if (at <= core->now)
		return try_again(sa);
	forget_phase1(sa);
	sa->retry_at = at;
	ike_sa_schedule(sa);
	return true;
}

void
ike_sa_retry(struct ike_sa *sa)
{
	sa->retry_at = 0;
	if (!try_again(sa))
		ike_sa_failed(sa, "the next attempt could not begin", false);
}

/* An attempt for what was unloaded or changed in the meantime is not repeated. */
static bool
still_configured(const struct ike_sa *sa)
{
	const struct conn_entry *e = sa->conn ? conn_entry_find(sa->core, sa->conn->name) : NULL;

	return e && (e->conn == sa->conn || conn_equal_but_children(e->conn, sa->conn));
}

void
ike_sa_failed(struct ike_sa *sa, const char *reason, bool may_retry)
{
	struct ike *core = sa->core;
	unsigned allowed = sa->conn ? sa->conn->keyingtries : 1;
	const char *text = reason;

	/* draft-beaulieu-ike-xauth-02 section 6: "If the extended authentication fails, then the phase 1 SA MUST be immediately deleted." */
	if (sa->authenticated && !sa->established_at)
		sa->protocol->tell_ike_deleted(sa);
	if (sa->last_notice)
		text = arena_printf(&core->scratch, "%s; probable cause: %s", reason, sa->last_notice);
	if (!text)
		text = reason;
	sa->tries++;
	if (may_retry && sa->role == INITIATOR && still_configured(sa) && (!allowed || sa->tries < allowed)) {
		say(core, LOG_IKE, LOG_CONTROL, sa, "retry", "%s: %s; trying again (%u/%u)", sa_name(sa), text, sa->tries + 1,
		    allowed);
		if (wait_or_try(sa))
			return;
	}
	say(core, LOG_IKE, LOG_AUDIT, sa, "failed", "establishing IKE_SA %s failed: %s", sa_name(sa), text);
	core->counters.ike_failed++;
	ike_sa_rekey_failed(sa);
	while (sa->children)
		child_failed(sa->children, text);
	wants_drop(sa, text);
	waiters_settle(core, &sa->waiters, false, text);
	event(core, EVENT_IKE_DOWN, sa, NULL);
	ike_sa_free(sa);
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

struct restart {
	struct conn *conn;
	const struct child *cfg;
	struct policy *policy; /* in use until the action is done */
	enum child_action action;
};

/*
 * One that is not up yet counts as well: a peer that ends deletes its CHILD_SA
 * first, and what close_action makes of that is under way when the Delete of
 * the IKE_SA comes.
 */
static enum child_action
action_for(const struct child_sa *c, enum end_cause why)
{
	if (c->successor)
		return ACTION_NONE;
	switch (why) {
	case END_DPD:
		return c->cfg->dpd_action;
	case END_BY_PEER:
	case END_EXPIRED:
		return c->cfg->close_action;
	case END_MOVED:
		/* Only who began knows where the other end is: it begins again. The other waits, or has its trap. */
		return c->sa->role == INITIATOR ? ACTION_START : ACTION_NONE;
	default:
		return ACTION_NONE;
	}
}

static size_t
collect_actions(struct ike_sa *sa, enum end_cause why, struct restart **out)
{
	size_t n = 0, k = 0;

	for (struct child_sa *c = sa->children; c; c = c->next)
		n++;
	*out = calloc(n + 1, sizeof **out);
	for (struct child_sa *c = sa->children; *out && c; c = c->next) {
		enum child_action a = action_for(c, why);

		/* One action starts all pairs of its policy. */
		if ((a != ACTION_TRAP && a != ACTION_START) || c->policy->acted)
			continue;
		c->policy->acted = true;
		(*out)[k++] = (struct restart) { conn_ref(c->conn), c->cfg, c->policy, a };
		policy_use(sa->core, c->policy, 0, 1);
	}
	for (size_t i = 0; i < k; i++)
		(*out)[i].policy->acted = false;
	return k;
}

/* A Delete has no answer: said twice, a single loss leaves no SA behind. */
#define DELETE_AGAIN SECONDS(2)

void
ike_sa_linger_due(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	if (sa->said_again || core->shutting_down) {
		ike_sa_free(sa);
		return;
	}
	sa->said_again = true;
	sa->protocol->tell_ike_deleted(sa);
	sa->delete_at = core->now + core->settings.delete_wait_ns;
	ike_sa_schedule(sa);
}

/*
 * The peer is told; a lost Delete is said again when the peer still speaks to
 * this SA (RFC 2408 section 5.15 wants no answer to it), for a while.
 */
static void
linger(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	while (sa->exchanges)
		exchange_free(sa->exchanges);
	sa->zombie = true;
	sa->state = IKE_STATE_DELETING;
	sa->delete_at = core->now + instant_min(DELETE_AGAIN, core->settings.delete_wait_ns);
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->dpd_at = INSTANT_NEVER;
	sa->retry_at = 0;
	ike_sa_schedule(sa);
}

/* Room for what the end of one child appends. */
static bool
room_left(const struct ike *core)
{
	return core->fx->n + 64 < EFFECTS_BATCH;
}

static void
act_again(struct ike *core, struct restart *again, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		child_apply_action(core, again[i].conn, again[i].cfg, again[i].policy, again[i].action);
		policy_use(core, again[i].policy, 0, -1);
		conn_unref(again[i].conn);
	}
	free(again);
}

void
ike_sa_end_rest(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	enum end_cause why = (enum end_cause)sa->end_why;
	bool tell = why == END_COMMAND || why == END_EXPIRED || why == END_REPLACED;

	while (sa->children && room_left(core)) {
		if (sa->children->ever_up)
			child_end(sa->children, tell ? END_COMMAND : END_REPLACED, tell);
		else
			child_failed(sa->children, "the IKE_SA ended");
	}
	if (sa->children) {
		sa->delete_at = core->now;
		ike_sa_schedule(sa);
		return;
	}
	if (tell)
		sa->protocol->tell_ike_deleted(sa);
	waiters_settle(core, &sa->waiters, false, "the IKE_SA ended");
	event(core, EVENT_IKE_DOWN, sa, NULL);
	road_close(sa);
	if (tell && core->settings.delete_wait_ns && !core->shutting_down)
		linger(sa);
	else
		ike_sa_free(sa);
}

void
ike_sa_end(struct ike_sa *sa, enum end_cause why, const char *reason)
{
	struct ike *core = sa->core;
	struct restart *again;
	size_t n;

	if (sa->ending) {
		ike_sa_end_rest(sa);
		return;
	}
	say(core, LOG_IKE, LOG_AUDIT, sa, NULL, "deleting IKE_SA %s between %s: %s", sa_name(sa), ends_text(sa), reason);
	ike_sa_state(sa, IKE_STATE_DELETING);
	if (why == END_BY_PEER || why == END_DPD)
		ike_sa_hand_over(sa, why);
	n = collect_actions(sa, why, &again);
	sa->ending = true;
	sa->end_why = (uint8_t)why;
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->dpd_at = INSTANT_NEVER;
	ike_sa_end_rest(sa);
	act_again(core, again, n);
}

void
ike_sa_notice(struct ike_sa *sa, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	free(sa->last_notice);
	sa->last_notice = copy;
}

static void
send_datagram(struct ike *core, const struct endpoint *local, const struct endpoint *remote, uint8_t dscp, struct span data)
{
	struct effect *e = effects_add(core->fx, EFFECT_SEND);

	if (!e)
		return;
	core->counters.sent++;
	e->send = (struct effect_send) {
		.local = *local,
		.remote = *remote,
		/* RFC 3947 section 4: after the float everything on port 4500 has the marker. */
		.marker = local->port == core->settings.port_nat_t,
		.dscp = dscp,
		.data = arena_dup(&core->fx->arena, data),
	};
	if (!e->send.data.p)
		core->nomem = true;
}

void
ike_send(struct ike *core, const struct endpoint *local, const struct endpoint *remote, struct span data)
{
	send_datagram(core, local, remote, 0, data);
}

/* A responder knows the connection from the first message on, before it answers. */
uint8_t
ike_sa_dscp(const struct ike_sa *sa)
{
	return sa->conn ? sa->conn->dscp : 0;
}

void
ike_sa_send_datagram(struct ike_sa *sa, struct span data)
{
	send_datagram(sa->core, &sa->local, &sa->remote, ike_sa_dscp(sa), data);
}

void
ike_sa_send(struct ike_sa *sa, struct span data)
{
	sa->said_at = sa->core->now;
	if (sa->protocol->send_fragments && sa->protocol->send_fragments(sa, data))
		return;
	ike_sa_send_datagram(sa, data);
}
