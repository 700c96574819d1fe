/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"
#include "road_sa.h"

enum { IPPROTO_ESP_NUMBER = 50, IPPROTO_AH_NUMBER = 51, CPI_PRIVATE = 61440 };

/* CHILD_SAs: their tables, the data plane's two directions, their going. Their timers are in child_timers.c. */

static void
note_queued(struct ike_sa *sa, struct child_sa *c)
{
	if (c->queued && (!sa->first_queued || c->id < sa->first_queued->id))
		sa->first_queued = c;
}

/* Ids rise, so the place is nearly always the end. */
void
child_link(struct ike_sa *sa, struct child_sa *c)
{
	struct child_sa *before = sa->last_child;

	while (before && before->id > c->id)
		before = before->prev;
	c->prev = before;
	c->next = before ? before->next : sa->children;
	*(before ? &before->next : &sa->children) = c;
	*(c->next ? &c->next->prev : &sa->last_child) = c;
	c->sa = sa;
	sa->n_children++;
	note_queued(sa, c);
}

void
child_unlink(struct child_sa *c)
{
	struct ike_sa *sa = c->sa;

	*(c->prev ? &c->prev->next : &sa->children) = c->next;
	*(c->next ? &c->next->prev : &sa->last_child) = c->prev;
	if (sa->first_queued == c)
		sa->first_queued = c->next;
	sa->n_children--;
}

bool
child_room(struct ike_sa *sa, const char **why)
{
	struct ike *core = sa->core;

	if (sa->n_children < core->settings.children_per_sa)
		return true;
	*why = arena_printf(&core->scratch, "IKE_SA %s has %u CHILD_SAs: charon.sallyport.children_per_sa allows no more",
	                    sa_name(sa), sa->n_children);
	return false;
}

struct child_sa *
child_same_pair(const struct ike_sa *sa, const struct policy *p, uint16_t pair, const struct child_sa *after)
{
	uint64_t key = (uint64_t)p->reqid << 16 | pair;
	struct table_link *l =
	        after ? table_find_next(&after->by_pair) : table_find(&sa->core->by_pair, span_of(&key, sizeof key));

	for (; l; l = table_find_next(l)) {
		struct child_sa *c = table_entry(l, struct child_sa, by_pair);

		if (c->sa == sa && c->policy == p && c->pair == pair)
			return c;
	}
	return NULL;
}

static bool
index_child(struct ike *core, struct child_sa *c, const struct policy *p)
{
	c->id = core->next_child_id;
	c->pair_key = (uint64_t)p->reqid << 16 | c->pair;
	if (!timer_owner_add(core))
		return false;
	if (!table_insert(&core->by_pair, &c->by_pair, span_of(&c->pair_key, sizeof c->pair_key)))
		goto timer;
	if (!id_index_add(&core->child_sas, c->id, c))
		goto pair;
	core->next_child_id++;
	return true;
pair:
	table_remove(&core->by_pair, &c->by_pair);
timer:
	core->n_timers--;
	return false;
}

struct child_sa *
child_new(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct policy *policy, uint16_t pair)
{
	struct ike *core = sa->core;
	struct child_sa *c = calloc(1, sizeof *c);

	if (c)
		c->pair = pair;
	if (!c || !index_child(core, c, policy)) {
		free(c);
		core->nomem = true;
		return NULL;
	}
	c->conn = conn_ref(conn);
	c->cfg = cfg;
	c->policy = policy;
	c->timer.owner = TIMER_CHILD_SA;
	c->protocol = cfg->esp.n || !cfg->ah.n ? PROTO_IPSEC_ESP : PROTO_IPSEC_AH;
	c->created_at = c->heard_at = core->now;
	c->rekey_at = c->expires_at = c->switch_at = c->delete_at = INSTANT_NEVER;
	child_link(sa, c);
	policy_use(core, policy, 0, 1);
	return c;
}

void
child_queue(struct child_sa *c, bool waits)
{
	c->queued = waits;
	note_queued(c->sa, c);
}

/* What names one direction of it to the data plane. */
static struct sa_params
which_sa(const struct child_sa *c, enum sa_direction dir)
{
	bool in = dir == SA_INBOUND;

	return (struct sa_params) {
		.direction = dir,
		.protocol = c->protocol == PROTO_IPSEC_AH ? IPPROTO_AH_NUMBER : IPPROTO_ESP_NUMBER,
		.spi = in ? c->spi_in : c->spi_out,
		.ah = { .spi = in ? c->ah_spi_in : c->ah_spi_out },
		.child_id = c->id,
		.reqid = c->policy->reqid,
		.local = c->sa->local,
		.remote = c->sa->remote,
		.udp_encap = c->udp_encap,
	};
}

static void
remove_direction(struct child_sa *c, enum sa_direction dir)
{
	bool *installed = dir == SA_INBOUND ? &c->in_installed : &c->out_installed;
	struct effect *e = *installed ? effects_add(c->sa->core->fx, EFFECT_REMOVE_SA) : NULL;

	*installed = false;
	if (!e)
		return;
	e->sa = which_sa(c, dir);
}

void
child_remove_outbound(struct child_sa *c)
{
	remove_direction(c, SA_OUTBOUND);
	secret_clear(&c->out_keys);
	c->switch_at = INSTANT_NEVER;
}

/* What was to carry on for it is gone: it carries on itself. */
static void
revive(struct child_sa *c)
{
	c->successor = 0;
	if (c->state != CHILD_STATE_REKEYED)
		return;
	c->state = CHILD_STATE_INSTALLED;
	c->delete_at = INSTANT_NEVER;
	child_schedule(c);
}

void
child_free(struct child_sa *c)
{
	struct ike *core = c->sa->core;

	child_queue(c, false);
	for (struct child_sa *o = child_same_pair(c->sa, c->policy, c->pair, NULL); o;
	     o = child_same_pair(c->sa, c->policy, c->pair, o))
		if (o->successor == c->id)
			revive(o);
	child_unlink(c);
	table_remove(&core->by_pair, &c->by_pair);
	if (c->exchange) {
		c->exchange->child = NULL;
		exchange_free(c->exchange);
	}
	child_remove_outbound(c);
	remove_direction(c, SA_INBOUND);
	waiters_settle(core, &c->waiters, false, "the CHILD_SA ended");
	if (c->spi_in)
		table_remove(&core->by_spi, &c->by_spi);
	id_index_remove(&core->child_sas, c->id);
	timer_stop(&core->timers, &c->timer);
	core->n_timers--;
	policy_use(core, c->policy, 0, -1);
	conn_unref(c->conn);
	free(c);
}

struct child_sa *
child_by_id(const struct ike *core, uint32_t id)
{
	return id_index_find(&core->child_sas, id);
}

struct child_sa *
child_by_spi_in(const struct ike *core, uint32_t spi)
{
	for (struct table_link *l = table_find(&core->by_spi, span_of(&spi, sizeof spi)); l; l = table_find_next(l)) {
		struct child_sa *c = table_entry(l, struct child_sa, by_spi);

		if (c->spi_in == spi)
			return c;
	}
	return NULL;
}

const struct selector_pair *
child_ts(const struct child_sa *c)
{
	return &c->policy->ts[c->pair];
}

/*
 * RFC 4303 section 2.1: 1 to 255 are reserved; unique here, and not guessable, as far
 * as its random 24 bits go. The low octet stays over rekeys, because the data plane picks
 * the worker by it: packets of a child and of its successor keep their order.
 */
uint32_t
child_new_spi(struct child_sa *c)
{
	struct ike *core = c->sa->core;
	uint32_t spi;

	do {
		spi = (rng_u32(core->rng) & ~UINT32_C(0xff)) | ((c->policy->reqid + c->pair) & 0xff);
	} while (spi < CHILD_SPI_MIN || child_by_spi_in(core, spi));
	if (c->spi_in)
		table_remove(&core->by_spi, &c->by_spi);
	c->spi_in = spi;
	if (table_insert(&core->by_spi, &c->by_spi, span_of(&c->spi_in, sizeof c->spi_in)))
		return spi;
	c->spi_in = 0;
	core->nomem = true;
	return 0;
}

void
child_new_bundle_spis(struct child_sa *c, bool ah, bool ipcomp)
{
	struct rng *rng = c->sa->core->rng;

	/* AH's SPIs are a space of their own: the destination, the protocol and the SPI name an SA (RFC 4301 section 4.1). */
	do {
		c->ah_spi_in = ah ? (rng_u32(rng) & ~UINT32_C(0xff)) | (c->spi_in & 0xff) : 0;
	} while (ah && c->ah_spi_in < CHILD_SPI_MIN);
	/* RFC 3173 section 3.3: "The values 256-61439 are negotiated between the two nodes". */
	c->cpi_in = ipcomp ? (uint16_t)(CHILD_SPI_MIN + rng_below(rng, CPI_PRIVATE - CHILD_SPI_MIN)) : 0;
}

static void
limits(struct sa_params *p, const struct child_sa *c)
{
	const struct lifetime *l = &c->cfg->lifetime;
	struct ike *core = c->sa->core;
	uint64_t ro = l->rand_octets ? rng_below(core->rng, l->rand_octets) : 0;
	uint64_t rp = l->rand_packets ? rng_below(core->rng, l->rand_packets) : 0;

	p->soft_octets = l->rekey_octets > ro ? l->rekey_octets - ro : l->rekey_octets;
	p->soft_packets = l->rekey_packets > rp ? l->rekey_packets - rp : l->rekey_packets;
	p->hard_octets = l->life_octets;
	/* The smaller of both ends' limits holds, and leaves a tenth for the rekeying. */
	if (c->life_octets && (!p->hard_octets || c->life_octets < p->hard_octets)) {
		p->hard_octets = c->life_octets;
		if (!p->soft_octets || p->soft_octets > p->hard_octets - p->hard_octets / 10)
			p->soft_octets = p->hard_octets - p->hard_octets / 10;
	}
	p->hard_packets = l->life_packets;
}

uint64_t
child_install(struct child_sa *c, enum sa_direction dir, const struct sa_keys *keys, enum parked_for who)
{
	struct ike *core = c->sa->core;
	struct arena *a = &core->fx->arena;
	uint32_t owner = who == PARKED_EXCHANGE ? c->sa->id : c->id;
	uint32_t mid = who == PARKED_EXCHANGE ? c->exchange->message_id : 0;
	uint64_t ticket = park(core, who, owner, mid, NULL);
	struct effect *e = ticket ? effects_add(core->fx, EFFECT_INSTALL_SA) : NULL;
	struct sa_params *p = e ? &e->sa : NULL;

	if (!p)
		return 0;
	e->ticket = ticket;
	*p = which_sa(c, dir);
	p->encr = c->encr;
	p->integ_id = c->integ_id;
	p->esn = c->esn;
	p->encr_key = arena_dup(a, keys->encr);
	p->integ_key = arena_dup(a, keys->integ);
	p->ah.integ_id = c->ah_integ_id;
	p->ah.integ_key = arena_dup(a, keys->ah);
	p->ipcomp_cpi = dir == SA_INBOUND ? c->cpi_in : c->cpi_out;
	p->nat_oa_local = c->oa_local;
	p->nat_oa_remote = c->oa_remote;
	p->ts = *child_ts(c);
	p->mode = c->cfg->mode;
	p->replay_window = c->cfg->replay_window;
	p->copy_df = c->cfg->copy_df;
	p->copy_ecn = c->cfg->copy_ecn;
	p->copy_dscp = c->cfg->copy_dscp;
	limits(p, c);
	if ((!p->encr_key.p && keys->encr.n) || (!p->integ_key.p && keys->integ.n) || (!p->ah.integ_key.p && keys->ah.n))
		core->nomem = true;
	*(dir == SA_INBOUND ? &c->in_installed : &c->out_installed) = true;
	return ticket;
}

bool
child_hold_outbound(struct child_sa *c, const struct sa_keys *keys)
{
	const struct span parts[] = { keys->encr, keys->integ, keys->ah };
	size_t at = 0;

	if (!secret_alloc(&c->out_keys, keys->encr.n + keys->integ.n + keys->ah.n)) {
		c->sa->core->nomem = true;
		return false;
	}
	c->encr_octets = (uint16_t)keys->encr.n;
	c->integ_octets = (uint16_t)keys->integ.n;
	for (size_t i = 0; i < 3; i++) {
		if (parts[i].n)
			memcpy(c->out_keys.p + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return true;
}

void
child_move_outbound(struct child_sa *c)
{
	struct span all = secret_span(&c->out_keys);
	size_t esp = (size_t)c->encr_octets + c->integ_octets;

	c->switch_at = INSTANT_NEVER;
	if (!all.n || c->out_installed)
		return;

	struct sa_keys keys = {
		.encr = span_of(all.p, c->encr_octets),
		.integ = span_of(all.p + c->encr_octets, c->integ_octets),
		.ah = span_of(all.p + esp, all.n - esp),
	};

	child_install(c, SA_OUTBOUND, &keys, PARKED_CHILD);
	secret_clear(&c->out_keys);
	waiters_settle(c->sa->core, &c->waiters, true, "");
}

void
child_moved(struct child_sa *c)
{
	struct ike *core = c->sa->core;

	for (int dir = SA_INBOUND; dir <= SA_OUTBOUND; dir++) {
		bool there = dir == SA_INBOUND ? c->in_installed : c->out_installed;
		struct effect *e = there ? effects_add(core->fx, EFFECT_UPDATE_SA) : NULL;

		if (!e)
			continue;
		e->sa = which_sa(c, (enum sa_direction)dir);
	}
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

static instant_t
jittered(struct ike *core, instant_t period, instant_t rand)
{
	instant_t r = rand > 0 ? (instant_t)rng_below(core->rng, (uint64_t)rand + 1) : 0;

	if (!period)
		return INSTANT_NEVER;
	return core->now + (r < period ? period - r : period / 2);
}

static void
set_lifetimes(struct child_sa *c, instant_t life)
{
	struct ike *core = c->sa->core;
	const struct lifetime *l = &c->cfg->lifetime;

	c->rekey_at = jittered(core, l->rekey_ns, l->rand_ns);
	c->expires_at = l->life_ns ? core->now + l->life_ns : INSTANT_NEVER;
	if (!life || core->now + life >= c->expires_at)
		return;
	/* The peer's lifetime is shorter and wins: renewed with a tenth to spare. */
	c->expires_at = core->now + life;
	c->rekey_at = instant_min(c->rekey_at, core->now + life - life / 10);
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

static enum child_action
action_for(const struct child_sa *c, enum end_cause why)
{
	if (c->successor)
		return ACTION_NONE;
	return why == END_DPD                             ? c->cfg->dpd_action
	       : why == END_BY_PEER || why == END_EXPIRED ? c->cfg->close_action
	                                                  : ACTION_NONE;
}

void
child_end(struct child_sa *c, enum end_cause why, bool tell)
{
	struct ike *core = c->sa->core;
	struct policy *p = c->policy;
	enum child_action action = action_for(c, why);
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
