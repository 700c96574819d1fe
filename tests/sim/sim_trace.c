/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdio.h>

/*
 * The trace: every octet of every effect, chained into one hash, so that "the
 * same seed gives the same effects" is one comparison. And the ladder, for people.
 */

static void
mix(struct sim_world *w, struct span s)
{
	uint64_t n = s.n;

	w->trace = siphash24(w->trace, n, s);
}

static void
mix_int(struct sim_world *w, uint64_t v)
{
	uint8_t b[8];

	put_be64(b, v);
	mix(w, span_of(b, sizeof b));
}

static void
mix_endpoint(struct sim_world *w, const struct endpoint *e)
{
	mix(w, ip_span(&e->ip));
	mix_int(w, e->port);
}

static void
mix_selector(struct sim_world *w, const struct selector *s)
{
	mix(w, ip_span(&s->lo));
	mix(w, ip_span(&s->hi));
	mix_int(w, (uint64_t)s->proto << 32 | (uint64_t)s->port_lo << 16 | s->port_hi);
}

static void
mix_sa(struct sim_world *w, const struct sa_params *s, bool whole)
{
	mix_int(w, (uint64_t)s->direction << 32 | s->spi);
	mix_endpoint(w, &s->remote);
	if (!whole)
		return;
	mix_endpoint(w, &s->local);
	mix_int(w, (uint64_t)s->child_id << 32 | s->reqid);
	mix_int(w, (uint64_t)s->encr.id << 48 | (uint64_t)s->encr.key_bits << 32 | (uint64_t)s->integ_id << 16 |
	                   (uint64_t)s->esn << 1 | (uint64_t)s->udp_encap);
	mix(w, s->encr_key);
	mix(w, s->integ_key);
	mix_selector(w, &s->ts.local);
	mix_selector(w, &s->ts.remote);
}

static void
mix_rest(struct sim_world *w, const struct effect *e)
{
	switch (e->kind) {
	case EFFECT_CLAIM:
		mix_int(w, (uint64_t)e->claim.reqid << 1 | (uint64_t)e->claim.trap);
		for (size_t i = 0; i < e->claim.n_ts; i++) {
			mix_selector(w, &e->claim.ts[i].local);
			mix_selector(w, &e->claim.ts[i].remote);
		}
		break;
	case EFFECT_RELEASE:
		mix_int(w, e->claim.reqid);
		break;
	case EFFECT_LOG:
		mix(w, span_str(e->log.text));
		break;
	case EFFECT_DONE:
		mix_int(w, e->done.command << 8 | (uint64_t)e->done.result);
		mix(w, span_str(e->done.text));
		break;
	case EFFECT_EVENT:
		mix_int(w, (uint64_t)e->event.kind);
		mix_int(w, (uint64_t)e->event.ike_id << 32 | e->event.child_id);
		break;
	default:
		break;
	}
}

static void
ladder_effect(const struct sim_peer *p, const struct effect *e)
{
	double at = (double)p->w->now / 1e9;

	if (e->kind == EFFECT_LOG)
		printf("# %10.4f  [%u] %s: %s%s%s%s\n", at, p->index, log_group_name(e->log.group), e->log.text,
		       e->log.reason ? " <" : "", e->log.reason ? e->log.reason : "", e->log.reason ? ">" : "");
	else if (e->kind == EFFECT_INSTALL_SA || e->kind == EFFECT_REMOVE_SA || e->kind == EFFECT_UPDATE_SA)
		printf("# %10.4f  [%u] %s %s %08x\n", at, p->index,
		       e->kind == EFFECT_INSTALL_SA  ? "INSTALL"
		       : e->kind == EFFECT_REMOVE_SA ? "REMOVE"
		                                     : "UPDATE",
		       e->sa.direction == SA_INBOUND ? "in" : "out", e->sa.spi);
	else if (e->kind == EFFECT_UPDOWN)
		printf("# %10.4f  [%u] script %s {%u}\n", at, p->index, e->updown.up ? "up" : "down", e->updown.child_id);
	else if (e->kind == EFFECT_DONE)
		printf("# %10.4f  [%u] DONE %d: %s\n", at, p->index, (int)e->done.result, e->done.text ? e->done.text : "");
	else if (e->kind == EFFECT_CLAIM || e->kind == EFFECT_RELEASE)
		printf("# %10.4f  [%u] %s %u\n", at, p->index, e->kind == EFFECT_CLAIM ? "CLAIM" : "RELEASE", e->claim.reqid);
}

void
sim_trace_effect(struct sim_peer *p, const struct effect *e)
{
	struct sim_world *w = p->w;

	mix_int(w, (uint64_t)p->index << 32 | (uint64_t)e->kind);
	mix_int(w, e->ticket);
	mix_int(w, (uint64_t)w->now);
	if (e->kind == EFFECT_SEND) {
		mix(w, e->send.data);
		mix_endpoint(w, &e->send.remote);
		mix_int(w, (uint64_t)e->send.marker << 1 | (uint64_t)e->send.keepalive);
	} else if (e->kind == EFFECT_INSTALL_SA) {
		mix_sa(w, &e->sa, true);
	} else if (e->kind == EFFECT_REMOVE_SA || e->kind == EFFECT_UPDATE_SA) {
		mix_sa(w, &e->sa, false);
	} else {
		mix_rest(w, e);
	}
	if (w->ladder)
		ladder_effect(p, e);
}

void
sim_trace_packet(struct sim_world *w, const struct sim_packet *p, const char *fate)
{
	char a[ENDPOINT_TEXT_MAX], b[ENDPOINT_TEXT_MAX];

	if (!w->ladder || p->esp)
		return;
	if (p->n < 28) {
		printf("# %10.4f  %s -> %s: %zu octets %s\n", (double)w->now / 1e9, endpoint_format(a, &p->src),
		       endpoint_format(b, &p->dst), p->n, fate);
		return;
	}
	printf("# %10.4f  #%llu %s -> %s: exchange %u, message id %08x, flags %x, %zu octets %s\n", (double)w->now / 1e9,
	       (unsigned long long)p->number, endpoint_format(a, &p->src), endpoint_format(b, &p->dst), p->data[18],
	       get_be32(p->data + 20), p->data[19], p->n, fate);
}
