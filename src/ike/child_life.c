/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"
#include "road_sa.h"

/*
 * The life of a CHILD_SA after its Quick Mode: established, superseded, failed,
 * ended, and who is told. What time does to it is in child_timers.c.
 */

static void
set_lifetimes(struct child_sa *c, instant_t life)
{
	struct ike *core = c->sa->core;
	const struct lifetime *l = &c->cfg->lifetime;

	c->rekey_at = renewal_at(core, l->rekey_ns, l->rand_ns);
	c->expires_at = l->life_ns ? core->now + l->life_ns : INSTANT_NEVER;
	if (!life || core->now + life >= c->expires_at)
		return;
	/* The peer's lifetime is shorter and wins: renewed with a tenth to spare. */
	c->expires_at = core->now + life;
	c->rekey_at = instant_min(c->rekey_at, core->now + life - life / 10);
}

static void
updown(struct child_sa *c, bool up)
{
	struct ike *core = c->sa->core;
	struct effect *e = effects_add(core->fx, EFFECT_UPDOWN);

	if (!e)
		return;
	e->updown = (struct effect_updown) {
		.up = up,
		.ike_id = c->sa->id,
		.child_id = c->id,
		.conn = c->conn,
		.child = c->cfg,
		.local = c->sa->local,
		.remote = c->sa->remote,
		.local_id = id_box_get(c->sa->local_id),
		.remote_id = id_box_get(c->sa->remote_id),
		.ts = *child_ts(c),
		.udp_encap = c->udp_encap,
		.ipcomp = c->cpi_in != 0,
		.protocol = c->protocol,
		.reqid = c->policy->reqid,
	};
	if (c->sa->road)
		road_updown(&e->updown, c->sa, &core->fx->arena);
	core_keep_conn(core, c->conn);
}

/* Another SA that carries what @c carries; @free_of_script: one whose "up" the script was not told. */
static struct child_sa *
other_up(const struct child_sa *c, bool free_of_script)
{
	struct child_sa *o = c->successor ? child_by_id(c->sa->core, c->successor) : NULL;

	if (o && o->ever_up && !(free_of_script && o->script_up))
		return o;
	for (o = child_same_pair(c->sa, c->policy, c->pair, NULL); o; o = child_same_pair(c->sa, c->policy, c->pair, o))
		if (o != c && o->ever_up && !(free_of_script && o->script_up))
			return o;
	return NULL;
}

/* Each "up" of the script has one "down", however the SAs behind it replace each other. */
static void
script_up(struct child_sa *c)
{
	c->script_up = true;
	updown(c, true);
}

static void
script_down(struct child_sa *c)
{
	struct child_sa *o = c->script_up ? other_up(c, true) : NULL;

	if (o)
		o->script_up = true;
	else if (c->script_up)
		updown(c, false);
	c->script_up = false;
}

/* The SPI that the initiator of the Quick Mode chose: both ends know it, so both agree which of two is higher. */
static uint32_t
initiator_spi(const struct child_sa *c)
{
	return c->role == INITIATOR ? c->spi_in : c->spi_out;
}

/*
 * Two CHILD_SAs for the same selectors (docs/adr/0004): made one after the
 * other, the later carries on; made at the same time by both ends, the one
 * whose initiator chose the higher SPI.
 */
static void
supersede(struct child_sa *c, struct child_sa *o)
{
	bool crossed = o->role != c->role && c->rekeys != o->id &&
	               o->installed_at > c->created_at - (c->role == RESPONDER ? CROSSING_WINDOW : 0);
	struct child_sa *winner = crossed && initiator_spi(o) > initiator_spi(c) ? o : c;
	struct child_sa *loser = winner == c ? o : c;
	bool ours = crossed ? loser->role == INITIATOR : winner->role == INITIATOR;

	loser->successor = winner->id;
	if (winner->state == CHILD_STATE_REKEYING)
		winner->state = CHILD_STATE_INSTALLED;
	if (!crossed && !winner->rekeys)
		winner->rekeys = loser->id;
	loser->state = CHILD_STATE_REKEYED;
	/* Renewed, it has been idle as long as before. */
	c->used_at = o->used_at;
	/* The clock of the deletion starts when outbound has moved; see child_timers.c. */
	if (ours)
		loser->delete_at = c->sa->core->now + CHILD_REPLACED_GRACE;
	child_schedule(loser);
}

static void
settle(struct child_sa *c)
{
	struct child_sa *o = child_same_pair(c->sa, c->policy, c->pair, NULL);

	for (; o; o = child_same_pair(c->sa, c->policy, c->pair, o))
		if (o != c && !o->successor && !c->successor &&
		    (o->state == CHILD_STATE_INSTALLED || o->state == CHILD_STATE_REKEYING))
			supersede(c, o);
}

void
child_established(struct child_sa *c, instant_t life)
{
	struct ike *core = c->sa->core;
	struct ike_sa *next = c->sa->successor ? ike_sa_by_id(core, c->sa->successor) : NULL;
	/* What it was to replace may be gone, and was told to the script. */
	bool rekey = c->rekeys && child_by_id(core, c->rekeys);

	c->installed_at = c->heard_at = core->now;
	child_used(c, c->installed_at);
	c->ever_up = true;
	c->state = CHILD_STATE_INSTALLED;
	set_lifetimes(c, life);
	core->counters.child_established++;
	c->exchange = NULL;
	if (next && !next->zombie)
		ike_sa_adopt(next, c->sa);
	/* Only what we wanted: a peer could bring up its own, and delete the IKE_SA at each of ours without end. */
	if (c->role == INITIATOR)
		c->sa->wishes_of = 0;
	settle(c);
	rekey = rekey || (c->rekeys && child_by_id(core, c->rekeys));
	say(core, LOG_CHD, LOG_AUDIT, c->sa, NULL, "CHILD_SA %s established with SPIs %08x_i %08x_o and TS %s", child_name(c),
	    c->spi_in, c->spi_out, pair_text(core, child_ts(c)));
	event(core, rekey ? EVENT_CHILD_REKEYED : EVENT_CHILD_UP, c->sa, c);
	if (!rekey && !other_up(c, false))
		script_up(c);
	/* Who waits for a first SA may use it at once: outbound too. */
	if (rekey || !c->out_keys.n)
		waiters_settle(core, &c->waiters, true, "");
	child_schedule(c);
}

static void
rekey_failed(struct ike *core, uint32_t old_id)
{
	struct child_sa *old = old_id ? child_by_id(core, old_id) : NULL;

	if (!old || old->successor)
		return;
	if (old->state == CHILD_STATE_REKEYING)
		old->state = CHILD_STATE_INSTALLED;
	old->rekey_at = core->now + SECONDS(10);
	child_schedule(old);
}

void
child_failed(struct child_sa *c, const char *reason)
{
	struct ike *core = c->sa->core;
	uint32_t old = c->rekeys;

	say(core, LOG_CHD, LOG_AUDIT, c->sa, "failed", "%s CHILD_SA %s (%s) failed: %s", old ? "rekeying to" : "establishing",
	    child_name(c), pair_text(core, child_ts(c)), reason);
	core->counters.child_failed++;
	waiters_settle(core, &c->waiters, false, reason);
	event(core, EVENT_CHILD_STATE, c->sa, c);
	/* The peer may have it already: our last message let it. */
	if (c->in_installed && c->sa->established_at && !c->sa->zombie)
		c->sa->protocol->tell_child_deleted(c);
	child_free(c);
	rekey_failed(core, old);
}

/*
 * One that is not up yet counts as well: a peer that ends deletes its CHILD_SA
 * first, and what close_action makes of that is under way when the Delete of
 * the IKE_SA comes.
 */
enum child_action
child_action(const struct child_sa *c, enum end_cause why)
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

void
child_end(struct child_sa *c, enum end_cause why, bool tell)
{
	struct ike *core = c->sa->core;
	struct policy *p = c->policy;
	enum child_action action = child_action(c, why);
	struct conn *conn = conn_ref(c->conn);
	const struct child *cfg = c->cfg;

	say(core, LOG_CHD, LOG_CONTROL, c->sa, NULL, "closing CHILD_SA %s with SPIs %08x_i %08x_o and TS %s", child_name(c),
	    c->spi_in, c->spi_out, pair_text(core, child_ts(c)));
	if (tell && !c->delete_sent && c->ever_up)
		c->sa->protocol->tell_child_deleted(c);
	c->delete_sent = true;
	script_down(c);
	if (c->ever_up)
		event(core, EVENT_CHILD_DOWN, c->sa, c);
	/* The claim stands until the action has made its own: nothing leaves in clear in between. */
	policy_use(core, p, 0, 1);
	child_free(c);
	if (action == ACTION_TRAP || action == ACTION_START)
		child_apply_action(core, conn, cfg, p, action);
	policy_use(core, p, 0, -1);
	conn_unref(conn);
}

void
child_apply_action(struct ike *core, struct conn *conn, const struct child *cfg, struct policy *p, enum child_action action)
{
	struct conn_entry *e = conn_entry_find(core, conn->name);
	const struct child *now = e ? conn_child(e->conn, cfg->name) : NULL;
	const char *why = NULL;

	/* Unloaded in the meantime: nobody wants it any more. */
	if (!now)
		return;
	if (action == ACTION_TRAP)
		conn_trap_like(core, e, now, p);
	else if (initiate_child(core, e->conn, now, NULL, NULL, &why))
		wants_hold(core, e->conn->name, now, p);
	else
		say(core, LOG_CFG, LOG_AUDIT, NULL, "refused", "cannot start %s of %s again: %s", cfg->name, conn->name, why);
}
