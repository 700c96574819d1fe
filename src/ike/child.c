/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <stdlib.h>

/* CHILD_SAs: their tables, their SPIs, their making and freeing. */

enum { CPI_PRIVATE = 61440 };

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
	child_remove_inbound(c);
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

struct selector_pair
child_ts_said(const struct child_sa *c)
{
	struct selector_pair ts = *child_ts(c);

	if (c->policy->alias.family != IP_NONE)
		ts.remote.lo = ts.remote.hi = c->sa->remote.ip;
	return ts;
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
