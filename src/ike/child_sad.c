/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

/* What of a CHILD_SA the data plane has: its entries in the SAD, one for each direction (RFC 4301 section 4.4.2). */

enum { IPPROTO_ESP_NUMBER = 50, IPPROTO_AH_NUMBER = 51 };

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
	p->encr_key = effects_dup_span(core->fx, keys->encr);
	p->integ_key = effects_dup_span(core->fx, keys->integ);
	p->ah.integ_id = c->ah_integ_id;
	p->ah.integ_key = effects_dup_span(core->fx, keys->ah);
	p->ipcomp_cpi = dir == SA_INBOUND ? c->cpi_in : c->cpi_out;
	p->nat_oa_local = c->oa_local;
	p->nat_oa_remote = c->oa_remote;
	p->alias = c->policy->alias;
	p->ts = *child_ts(c);
	p->mode = c->cfg->mode;
	p->replay_window = c->cfg->replay_window;
	p->copy_df = c->cfg->copy_df;
	p->copy_ecn = c->cfg->copy_ecn;
	p->copy_dscp = c->cfg->copy_dscp;
	limits(p, c);
	if (e->kind != EFFECT_INSTALL_SA)
		return 0;
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

#define OUTBOUND_AGAIN SECONDS(1) /* where there was no memory to install it */

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

	if (!child_install(c, SA_OUTBOUND, &keys, PARKED_CHILD)) {
		c->switch_at = c->sa->core->now + OUTBOUND_AGAIN;
		return;
	}
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

void
child_remove_inbound(struct child_sa *c)
{
	remove_direction(c, SA_INBOUND);
}
