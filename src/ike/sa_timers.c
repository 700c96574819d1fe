/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"
#include "road_sa.h"

/*
 * What time does to an IKE_SA, armed by facts: when it was made, established,
 * last heard, last spoken. One timer for all of them; ike_sa_schedule() finds
 * the earliest, ike_sa_due() looks at each.
 */

bool
ike_sa_is_up(const struct ike_sa *sa)
{
	return !sa->zombie && (sa->state == IKE_STATE_ESTABLISHED || sa->state == IKE_STATE_REKEYING);
}

static instant_t
after(instant_t t, instant_t wait)
{
	return wait > 0 && t != INSTANT_NEVER ? t + wait : INSTANT_NEVER;
}

static instant_t
connecting_end(const struct ike_sa *sa)
{
	if (sa->state != IKE_STATE_CONNECTING)
		return INSTANT_NEVER;
	if (sa->road)
		return sa->road->deadline;
	if (sa->role == INITIATOR)
		return sa->ticket ? after(sa->created_at, retransmit_total(sa->core)) : INSTANT_NEVER;
	return after(sa->created_at, sa->core->settings.half_open_timeout_ns);
}

/* RFC 3706 section 5.5: a probe is only worth sending when the peer was silent. */
static instant_t
dpd_next(const struct ike_sa *sa)
{
	if (!ike_sa_is_up(sa) || sa->successor)
		return INSTANT_NEVER;
	if (sa->dpd_at != INSTANT_NEVER)
		return sa->dpd_at;
	/* No Quick Mode follows whose answer would show that the peer has it. */
	if (ike_sa_in_doubt(sa) && !sa->running)
		return sa->established_at;
	return sa->peer_dpd && sa->conn ? after(sa->heard_at, sa->conn->dpd_delay_ns) : INSTANT_NEVER;
}

/* RFC 3948 section 4: the end behind the NAT keeps its mapping alive. */
static instant_t
keepalive_next(const struct ike_sa *sa)
{
	return ike_sa_is_up(sa) && sa->nat_local ? after(sa->said_at, sa->core->settings.keepalive_ns) : INSTANT_NEVER;
}

void
ike_sa_schedule(struct ike_sa *sa)
{
	instant_t at = instant_min(connecting_end(sa), instant_min(dpd_next(sa), keepalive_next(sa)));

	at = instant_min(at, instant_min(sa->retry_at, instant_min(sa->delete_at, sa->expires_at)));
	/* Waiting for something that ike_sa_due() then ignores would make the timer spin. */
	if (!sa->successor && ike_sa_is_up(sa))
		at = instant_min(at, instant_min(sa->rekey_at, sa->reauth_at));
	timer_set(&sa->core->timers, &sa->timer, at);
}

static void
start_rekey(struct ike_sa *sa, const char *what)
{
	struct ike *core = sa->core;
	struct conn_entry *loaded = conn_entry_find(core, sa->conn->name);
	bool due = core->now >= instant_min(sa->rekey_at, sa->reauth_at); /* otherwise the operator asks */
	const char *why = NULL;

	sa->rekey_at = sa->reauth_at = INSTANT_NEVER;
	say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "%s IKE_SA %s%s", what, sa_name(sa), due ? ": the keys are due" : "");

	struct ike_sa *next = ike_sa_initiate(core, loaded ? loaded->conn : sa->conn, sa, &why);

	if (next) {
		next->reauth = strcmp(what, "reauthenticating") == 0;
		ike_sa_state(sa, IKE_STATE_REKEYING);
		return;
	}
	say(core, LOG_IKE, LOG_AUDIT, sa, "failed", "%s IKE_SA %s failed: %s", what, sa_name(sa), why);
	sa->rekey_at = core->now + SECONDS(10);
}

void
ike_sa_rekey(struct ike_sa *sa, bool reauth)
{
	if (!ike_sa_is_up(sa) || sa->state == IKE_STATE_REKEYING || sa->successor)
		return;
	if (road_peer_renews(sa)) {
		say(sa->core, LOG_IKE, LOG_AUDIT, sa, "refused",
		    "only the peer can renew IKE_SA %s: it has to log in, or request its address, again", sa_name(sa));
		return;
	}
	start_rekey(sa, reauth ? "reauthenticating" : "rekeying");
	ike_sa_schedule(sa);
}

static bool
dead(const struct ike_sa *sa)
{
	const struct ike *core = sa->core;

	if (sa->conn->dpd_timeout_ns)
		return core->now - sa->heard_at >= sa->conn->dpd_timeout_ns;
	return sa->dpd_tries > core->settings.retransmit_tries;
}

void
ike_sa_probe(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	if (!ike_sa_is_up(sa) || !sa->peer_dpd || sa->dpd_at != INSTANT_NEVER)
		return;
	sa->dpd_out++;
	sa->dpd_tries = 1;
	sa->dpd_since = core->now;
	sa->dpd_at = core->now + retransmit_wait(core, 0);
	say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "sending DPD request to %s", endpoint_text(core, &sa->remote));
	sa->protocol->probe(sa);
	ike_sa_schedule(sa);
}

void
ike_sa_ask(struct ike_sa *sa)
{
	if (!ike_sa_is_up(sa) || !sa->peer_dpd || sa->successor)
		return;
	sa->asked = true;
	if (sa->dpd_at == INSTANT_NEVER) {
		ike_sa_probe(sa);
		return;
	}
	/* An answer to the one that is out might be older than the question. */
	sa->dpd_out++;
	sa->protocol->probe(sa);
}

/* True when the SA is gone. */
static bool
dpd_due(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	if (dpd_next(sa) > core->now)
		return false;
	if (sa->dpd_at == INSTANT_NEVER) {
		if (ike_sa_in_doubt(sa))
			ike_sa_ask(sa);
		else
			ike_sa_probe(sa);
		return false;
	}
	if (sa->heard_at > sa->dpd_since && !sa->asked) {
		sa->dpd_at = INSTANT_NEVER;
		return false;
	}
	if (dead(sa)) {
		say(core, LOG_IKE, LOG_AUDIT, sa, "peer-dead",
		    "DPD check timed out, enforcing DPD action: %s answered none of %u requests",
		    endpoint_text(core, &sa->remote), sa->dpd_tries);
		if (ike_sa_in_doubt(sa))
			ike_sa_rekey_failed(sa);
		ike_sa_end(sa, END_DPD, "the peer does not answer dead peer detection");
		return true;
	}
	exchange_repeat_phase1(sa);
	sa->protocol->probe(sa);
	sa->dpd_at = core->now + retransmit_wait(core, sa->dpd_tries++);
	return false;
}

static void
keepalive(struct ike_sa *sa)
{
	static const uint8_t octet = 0xff;
	struct ike *core = sa->core;
	struct effect *e = effects_add(core->fx, EFFECT_SEND);

	sa->said_at = core->now;
	if (!e)
		return;
	e->send = (struct effect_send) { .local = sa->local,
		                         .remote = sa->remote,
		                         .keepalive = true,
		                         .dscp = ike_sa_dscp(sa),
		                         .data = effects_dup_span(core->fx, span_of(&octet, 1)) };
}

void
ike_sa_due(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	instant_t now = core->now;

	if (sa->delete_at <= now) {
		if (sa->zombie)
			ike_sa_linger_due(sa);
		else if (sa->ending)
			ike_sa_end_rest(sa);
		else if (sa->state == IKE_STATE_CONNECTING)
			ike_sa_failed(sa, "shutting down", false);
		else if (sa->successor && !core->shutting_down)
			ike_sa_replaced_due(sa);
		else
			ike_sa_end(sa, END_COMMAND, "shutting down");
		return;
	}
	if (sa->retry_at <= now) {
		ike_sa_retry(sa);
		return;
	}
	if (connecting_end(sa) <= now) {
		if (half_open_is_unproven(sa)) {
			half_open_expired(sa);
			return;
		}
		ike_sa_failed(sa,
		              sa->road                ? road_overdue(sa)
		              : sa->role == RESPONDER ? "half-open for too long"
		                                      : "the addresses of the two ends could not be determined in time",
		              sa->role == INITIATOR);
		return;
	}
	if (sa->expires_at <= now) {
		ike_sa_end(sa, END_EXPIRED, "its lifetime is over");
		return;
	}
	if (dpd_due(sa))
		return;
	if (keepalive_next(sa) <= now)
		keepalive(sa);
	if (!sa->successor && ike_sa_is_up(sa)) {
		if (sa->reauth_at <= now)
			ike_sa_rekey(sa, true);
		else if (sa->rekey_at <= now)
			ike_sa_rekey(sa, false);
	}
	ike_sa_schedule(sa);
}

/* ---- Established */

instant_t
renewal_at(struct ike *core, instant_t period, instant_t rand)
{
	instant_t r = rand > 0 ? (instant_t)rng_below(core->rng, (uint64_t)rand + 1) : 0;

	if (!period)
		return INSTANT_NEVER;
	return core->now + (r < period ? period - r : period / 2);
}

static void
set_lifetimes(struct ike_sa *sa, instant_t lifetime)
{
	struct ike *core = sa->core;
	const struct conn *c = sa->conn;
	instant_t first;

	sa->rekey_at = renewal_at(core, c->rekey_ns, c->rand_ns);
	sa->reauth_at = renewal_at(core, c->reauth_ns, c->rand_ns);
	first = instant_min(sa->rekey_at, sa->reauth_at);
	sa->expires_at = first == INSTANT_NEVER ? INSTANT_NEVER : first + (c->over_ns > 0 ? c->over_ns : SECONDS(60));
	/* The client renews in time, or the SA ends. */
	if (road_peer_renews(sa))
		sa->rekey_at = sa->reauth_at = INSTANT_NEVER;
	if (!lifetime || core->now + lifetime >= sa->expires_at)
		return;
	/* The peer's lifetime is shorter: renewed before it, with a tenth to spare. */
	sa->expires_at = core->now + lifetime;
	if (first > core->now + lifetime - lifetime / 10 && !road_peer_renews(sa)) {
		sa->rekey_at = core->now + lifetime - lifetime / 10;
		sa->reauth_at = INSTANT_NEVER;
	}
}

/* Both identities are known and proven: the SA is found by them. */
bool
ike_sa_index_peer(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct identity l = sa->local_id ? id_box_get(sa->local_id) : sa->conn->local.id, r = road_peer_id(sa);

	if (sa->peer_key)
		return true;
	if (l.type == ID_ANY)
		l = identity_from_ip(&sa->local.ip);
	sa->peer_key =
	        core_digest(core, identity_span(&l)) ^ 3 * core_digest(core, identity_span(&r)) ^ l.type ^ (uint64_t)r.type << 8;
	sa->peer_key |= 1;
	if (table_insert(&core->by_peer, &sa->by_peer, span_of(&sa->peer_key, sizeof sa->peer_key)))
		return true;
	sa->peer_key = 0;
	core->nomem = true;
	return false;
}

void
ike_sa_established(struct ike_sa *sa, instant_t lifetime, bool initial_contact)
{
	struct ike *core = sa->core;

	sa->established_at = sa->heard_at = core->now;
	sa->tries = 0;
	half_open_end(sa);
	ike_sa_notice(sa, NULL);
	set_lifetimes(sa, lifetime);
	ike_sa_state(sa, IKE_STATE_ESTABLISHED);
	core->counters.ike_established++;
	say(core, LOG_IKE, LOG_AUDIT, sa, NULL, "IKE_SA %s established between %s", sa_name(sa), ends_text(sa));
	sa->initial_contact = initial_contact;
	if (ike_sa_index_peer(sa) && !ike_sa_in_doubt(sa))
		ike_sa_settle(sa);
	event(core, sa->rekeys ? EVENT_IKE_REKEYED : EVENT_IKE_UP, sa, NULL);
	ike_sa_schedule(sa);
	wants_resolve(sa);
	waiters_settle(core, &sa->waiters, true, "");
	ike_sa_run_queue(sa);
}

/* ---- Where the peer is */

void
ike_sa_move(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *to)
{
	struct ike *core = sa->core;

	if (endpoint_equal(&sa->remote, to) && endpoint_equal(&sa->local, local))
		return;
	say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "the peer moved from %s to %s", endpoint_text(core, &sa->remote),
	    endpoint_text(core, to));
	sa->local = *local;
	sa->remote = *to;
	for (struct child_sa *c = sa->children; c; c = c->next)
		child_moved(c);
	if (ike_sa_is_up(sa))
		event(core, EVENT_PEER_MOVED, sa, NULL);
}

void
ike_sa_heard(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *from)
{
	bool doubted = ike_sa_in_doubt(sa);

	sa->unheard = sa->asked = false;
	sa->heard_at = sa->core->now;
	/* RFC 3947 section 4 and RFC 3948 section 3: only behind a NAT do addresses change under an SA. */
	if (sa->nat_remote || !ike_sa_is_up(sa))
		ike_sa_move(sa, local, from);
	if (sa->dpd_at != INSTANT_NEVER) {
		sa->dpd_at = INSTANT_NEVER;
		ike_sa_schedule(sa);
	}
	if (doubted && ike_sa_is_up(sa))
		ike_sa_settle(sa);
}
