/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

/*
 * What time does to a CHILD_SA. The order of a rekey that loses no packet
 * (docs/adr/0003): the new inbound is installed before message 3; outbound
 * moves when the peer is known to have the new SA, or after a wait that is
 * longer than its repetition of message 2; the old SA is deleted a while after
 * that, and its inbound side stays a little longer still.
 */

/* When it counts as idle (`inactivity`), with the time that a report of traffic may take added. */
static instant_t
inactive_at(const struct child_sa *c)
{
	return c->cfg->inactivity_ns ? c->used_at + c->cfg->inactivity_ns + TRAFFIC_REPORTED_EVERY : INSTANT_NEVER;
}

void
child_schedule(struct child_sa *c)
{
	instant_t at = instant_min(c->switch_at, instant_min(c->delete_at, c->expires_at));

	if (c->state == CHILD_STATE_INSTALLED)
		at = instant_min(at, instant_min(c->rekey_at, inactive_at(c)));
	timer_set(&c->sa->core->timers, &c->timer, at);
}

bool
child_rekey(struct child_sa *c)
{
	struct ike *core = c->sa->core;

	if (c->state != CHILD_STATE_INSTALLED || c->successor)
		return false;

	struct child_sa *next = child_new(c->sa, c->conn, c->cfg, c->policy, c->pair);

	if (!next)
		return false;
	next->rekeys = c->id;
	child_queue(next, true);
	c->state = CHILD_STATE_REKEYING;
	c->rekey_at = INSTANT_NEVER;
	say(core, LOG_CHD, LOG_CONTROL, c->sa, NULL, "rekeying CHILD_SA %s with TS %s", child_name(c),
	    pair_text(core, child_ts(c)));
	child_schedule(c);
	ike_sa_run_queue(c->sa);
	return true;
}

/* The peer is told and sends no more; what is on the way still finds its inbound SA. */
static void
retire(struct child_sa *c)
{
	struct ike *core = c->sa->core;

	c->sa->protocol->tell_child_deleted(c);
	c->delete_sent = true;
	c->state = CHILD_STATE_DELETING;
	child_remove_outbound(c);
	c->delete_at = core->now + CHILD_INBOUND_GRACE;
	child_schedule(c);
}

void
child_retired_by_peer(struct child_sa *c)
{
	c->deleted_by_peer = c->delete_sent = true;
	c->state = CHILD_STATE_DELETING;
	child_remove_outbound(c);
	c->delete_at = c->sa->core->now + CHILD_INBOUND_GRACE;
	c->expires_at = c->rekey_at = INSTANT_NEVER;
	child_schedule(c);
}

static void
delete_due(struct child_sa *c)
{
	struct ike *core = c->sa->core;
	struct child_sa *next = c->successor ? child_by_id(core, c->successor) : NULL;
	struct ike_sa *sa = c->sa;

	c->delete_at = INSTANT_NEVER;
	if (c->delete_sent) {
		/* A Delete has no answer (RFC 2408 section 5.15): said twice, a single loss leaves no SA behind. */
		if (!c->deleted_by_peer)
			c->sa->protocol->tell_child_deleted(c);
		child_end(c, END_REPLACED, false);
		return;
	}
	if (c->renew) {
		/* The data plane lost it, counters and all: never the same keys again. */
		next = child_new(c->sa, c->conn, c->cfg, c->policy, c->pair);
		if (next)
			child_queue(next, true);
		child_end(c, END_COMMAND, true);
		ike_sa_run_queue(sa);
		return;
	}
	if (!next) {
		/* What was to replace it is gone: it stays. */
		c->successor = 0;
		c->state = CHILD_STATE_INSTALLED;
		child_schedule(c);
		return;
	}
	if (next->switch_at != INSTANT_NEVER) {
		c->delete_at = next->switch_at + CHILD_REPLACED_GRACE;
		child_schedule(c);
		return;
	}
	retire(c);
}

/*
 * A first SA moves as soon as the peer has had the time to take message 3. In a
 * rekeying there is no hurry: outbound waits longer than the peer's first
 * repetition of message 2, which would show that message 3 was lost; unless
 * the old SA ends before.
 */
void
child_switch_later(struct child_sa *c)
{
	struct ike *core = c->sa->core;
	struct child_sa *old = c->rekeys ? child_by_id(core, c->rekeys) : NULL;

	if (c->await_connected)
		c->switch_at = core->now + CHILD_CONNECTED_WAIT;
	else if (!old || !old->out_installed)
		c->switch_at = core->now + CHILD_FIRST_WAIT;
	else
		c->switch_at = core->now + core->settings.retransmit_timeout_ns + SECONDS(1);
	if (old && old->expires_at < c->switch_at)
		c->switch_at = old->expires_at - SECONDS(1) > core->now ? old->expires_at - SECONDS(1) : core->now;
	child_schedule(c);
}

void
child_heard(struct child_sa *c)
{
	struct ike *core = c->sa->core;

	c->heard_at = core->now;
	c->sa->heard_at = core->now;
	if (c->exchange) {
		/* Only message 3 lets the peer send on it: it was lost, or is late. */
		exchange_confirm(c->exchange);
		return;
	}
	if (c->switch_at == INSTANT_NEVER)
		return;
	child_move_outbound(c);
	child_schedule(c);
}

void
child_used(struct child_sa *c, instant_t at)
{
	struct child_sa *next = c->successor ? child_by_id(c->sa->core, c->successor) : NULL;

	if (at > c->used_at)
		c->used_at = at;
	/* Until outbound has moved, the old one carries what the new one is for. */
	if (next && at > next->used_at)
		next->used_at = at;
}

/* We close it ourselves: neither close_action nor a new attempt follows; a trap waits for the next packet. */
static void
close_idle(struct child_sa *c)
{
	struct ike *core = c->sa->core;
	struct ike_sa *sa = c->sa;

	say(core, LOG_CHD, LOG_CONTROL, sa, NULL, "CHILD_SA %s had no traffic for its inactivity of %lld s", child_name(c),
	    (long long)(c->cfg->inactivity_ns / SECONDS(1)));
	if (core->settings.inactivity_close_ike && sa->children == c && !c->next)
		ike_sa_end(sa, END_COMMAND, "its last CHILD_SA was idle");
	else
		child_end(c, END_COMMAND, true);
}

void
child_due(struct child_sa *c)
{
	struct ike *core = c->sa->core;
	instant_t now = core->now;

	if (c->switch_at <= now)
		child_move_outbound(c);
	if (c->delete_at <= now) {
		delete_due(c);
		return;
	}
	if (c->expires_at <= now) {
		say(core, LOG_CHD, LOG_CONTROL, c->sa, NULL, "the lifetime of CHILD_SA %s is over", child_name(c));
		child_end(c, END_EXPIRED, true);
		return;
	}
	if (inactive_at(c) <= now && c->state == CHILD_STATE_INSTALLED) {
		close_idle(c);
		return;
	}
	if (c->rekey_at <= now && c->state == CHILD_STATE_INSTALLED) {
		if (!child_rekey(c))
			c->rekey_at = now + SECONDS(10);
	}
	child_schedule(c);
}

/* One negotiation; false when the IKE_SA ended with it. */
static bool
start_negotiation(struct child_sa *c)
{
	struct ike *core = c->sa->core;
	uint32_t id = c->sa->id;

	child_queue(c, false);
	if (!c->sa->protocol->negotiate(c))
		child_failed(c, "out of memory, or nothing to offer");
	return ike_sa_by_id(core, id) != NULL;
}

/* The first child that waits, from @c on. */
static struct child_sa *
next_queued(struct child_sa *c)
{
	while (c && !c->queued)
		c = c->next;
	return c;
}

/* One pass through the queue; false when the IKE_SA ended. */
static bool
run_queue_once(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct child_sa *c = sa->first_queued = next_queued(sa->first_queued);

	while (c && sa->running < core->settings.exchanges_per_sa) {
		uint32_t next = c->next ? c->next->id : 0;

		if (!start_negotiation(c))
			return false;
		/* What failed at once may have ended others too, or moved them. */
		c = next ? child_by_id(core, next) : NULL;
		if (next && (!c || c->sa != sa))
			c = sa->first_queued;
		c = next_queued(c);
	}
	return true;
}

void
ike_sa_run_queue(struct ike_sa *sa)
{
	/* A negotiation that fails at once calls this again: the call that is running then takes another turn. */
	sa->queue_again = true;
	if (sa->queue_running)
		return;
	sa->queue_running = true;
	while (sa->queue_again) {
		sa->queue_again = false;
		if (sa->state != IKE_STATE_ESTABLISHED && sa->state != IKE_STATE_REKEYING)
			break;
		if (!run_queue_once(sa))
			return;
	}
	sa->queue_running = false;
}
