/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdlib.h>

/* The network between the peers: loss, duplication, delay, NAT. */

instant_t
sim_delay_min(const struct sim_world *w)
{
	return w->opts.delay_min_ns < 0 ? 0 : w->opts.delay_min_ns;
}

instant_t
sim_delay_max(const struct sim_world *w)
{
	return w->opts.delay_max_ns < 0 ? 0 : w->opts.delay_max_ns;
}

static instant_t
draw_delay(struct sim_world *w)
{
	instant_t lo = sim_delay_min(w), hi = sim_delay_max(w);

	return lo + (instant_t)rng_below(&w->rng.rng, (uint64_t)(hi - lo) + 1);
}

static bool
chance(struct sim_world *w, unsigned permille)
{
	return permille && rng_below(&w->rng.rng, 1000) < permille;
}

/* ---- NAT */

struct sim_nat *
sim_nat(struct sim *net, instant_t mapping_timeout_ns)
{
	struct sim_nat *n = calloc(1, sizeof *n);
	uint32_t count = 1;

	if (!n)
		abort();
	for (struct sim_nat *o = net->w->nats; o; o = o->next)
		count++;
	n->outside = ip_from_v4(0xc6336400 + count); /* 198.51.100.0/24, RFC 5737 */
	n->next_port = 30000;
	n->timeout_ns = mapping_timeout_ns;
	n->next = net->w->nats;
	net->w->nats = n;
	return n;
}

void
sim_behind(struct sim_peer *p, struct sim_nat *nat)
{
	p->nat = nat;
}

void
sim_nat_rebind(struct sim_nat *nat)
{
	for (size_t i = 0; i < nat->n_map; i++)
		nat->map[i].gone = true;
}

static bool
mapping_lives(const struct sim_nat *n, const struct sim_mapping *m, instant_t now)
{
	return !m->gone && (!n->timeout_ns || now - m->used_at <= n->timeout_ns);
}

static uint16_t
nat_outwards(struct sim_nat *n, const struct endpoint *inside, instant_t now)
{
	struct sim_mapping *map;

	for (size_t i = 0; i < n->n_map; i++)
		if (mapping_lives(n, &n->map[i], now) && endpoint_equal(&n->map[i].inside, inside)) {
			n->map[i].used_at = now;
			return n->map[i].port;
		}
	map = realloc(n->map, (n->n_map + 1) * sizeof *map);
	if (!map)
		abort();
	n->map = map;
	n->map[n->n_map] = (struct sim_mapping) { *inside, n->next_port++, now, false };
	return n->map[n->n_map++].port;
}

static bool
nat_inwards(struct sim_nat *n, struct endpoint *dst, instant_t now)
{
	for (size_t i = 0; i < n->n_map; i++)
		if (n->map[i].port == dst->port && mapping_lives(n, &n->map[i], now)) {
			n->map[i].used_at = now;
			*dst = n->map[i].inside;
			return true;
		}
	return false;
}

/* ---- sending */

static void
enqueue(struct sim_world *w, const struct sim_packet *p, instant_t delay)
{
	struct sim_event *e = sim_event_new(w, w->now + delay, SIM_DELIVER, NULL);

	e->packet = *p;
	e->packet.data = malloc(p->n ? p->n : 1);
	if (!e->packet.data)
		abort();
	if (p->n)
		memcpy(e->packet.data, p->data, p->n);
}

static void
follow_script(struct sim_world *w, struct sim_packet *p)
{
	for (unsigned i = 0; i < w->n_script; i++)
		if (w->script[i].nth == p->number) {
			p->copies = w->script[i].copies;
			p->extra_ns += w->script[i].extra_ns;
		}
}

static void
roll_dice(struct sim_world *w, struct sim_packet *p)
{
	if (chance(w, w->opts.loss_permille))
		p->copies = 0;
	if (chance(w, w->opts.dup_permille))
		p->copies *= 2;
	/* Late enough to be overtaken by whatever follows. */
	if (chance(w, w->opts.reorder_permille))
		p->extra_ns += MILLISECONDS(10 + (int64_t)rng_below(&w->rng.rng, 3000));
}

void
sim_send(struct sim_world *w, struct sim_packet *p)
{
	struct sim net = { w };

	if (!p->keepalive && !p->esp) {
		p->number = ++w->datagrams;
		w->total++;
		follow_script(w, p);
	}
	/* ESP is only delayed: a lost packet must be the SAs' fault. */
	if (!p->esp)
		roll_dice(w, p);
	if (w->cut)
		p->copies = 0;
	if (w->tap && !p->no_tap && !p->esp)
		w->tap(w->tap_arg, &net, p);
	if (!w->opts.bare)
		sim_trace_packet(w, p, p->copies ? p->copies > 1 ? "duplicated" : "" : "LOST");
	if (p->from && p->from->nat)
		p->src = (struct endpoint) { p->from->nat->outside, nat_outwards(p->from->nat, &p->src, w->now) };
	for (unsigned i = 0; i < p->copies; i++)
		enqueue(w, p, draw_delay(w) + p->extra_ns);
}

void
sim_inject(struct sim *net, const struct endpoint *src, const struct endpoint *dst, bool marker, struct span data,
           instant_t after_ns)
{
	struct sim_packet p = { .src = *src, .dst = *dst, .marker = marker, .n = data.n, .copies = 1, .no_tap = true };

	p.data = malloc(data.n ? data.n : 1);
	if (!p.data)
		abort();
	if (data.n)
		memcpy(p.data, data.p, data.n);
	enqueue(net->w, &p, after_ns);
	free(p.data);
}

void
sim_deliver(struct sim_world *w, struct sim_packet *p)
{
	for (struct sim_nat *n = w->nats; n; n = n->next)
		if (ip_equal(&n->outside, &p->dst.ip) && !nat_inwards(n, &p->dst, w->now))
			return;
	for (unsigned i = 0; i < w->n_peers; i++) {
		struct sim_peer *t = w->peer[i];

		if (!ip_equal(&t->local.ip, &p->dst.ip))
			continue;
		if (p->esp)
			sim_plane_receive(t, p);
		else if (!p->keepalive && (p->dst.port == t->settings.port || p->dst.port == t->settings.port_nat_t))
			sim_receive(t, p);
		return;
	}
}

/* ---- scripting */

void
sim_mark(struct sim *net)
{
	net->w->datagrams = 0;
	net->w->n_script = 0;
}

static void
script(struct sim *net, uint64_t n, unsigned copies, instant_t extra)
{
	struct sim_world *w = net->w;

	if (w->n_script == SIM_SCRIPT_MAX)
		abort();
	w->script[w->n_script].nth = n;
	w->script[w->n_script].copies = copies;
	w->script[w->n_script++].extra_ns = extra;
}

void
sim_drop_nth(struct sim *net, uint64_t n)
{
	script(net, n, 0, 0);
}

void
sim_duplicate_nth(struct sim *net, uint64_t n)
{
	script(net, n, 2, 0);
}

void
sim_delay_nth(struct sim *net, uint64_t n, instant_t by_ns)
{
	script(net, n, 1, by_ns);
}

void
sim_fault_nth(struct sim *net, enum sim_fault f, uint64_t n)
{
	static const struct {
		unsigned copies;
		instant_t extra_ns;
	} met[SIM_FAULTS] = {
		[SIM_LOST] = { 0, 0 },
		[SIM_TWICE] = { 2, 0 },
		[SIM_LATE] = { 1, MILLISECONDS(4500) },
		[SIM_OVERTAKEN] = { 1, MILLISECONDS(70) },
	};

	script(net, n, met[f].copies, met[f].extra_ns);
}

void
sim_cut(struct sim *net, bool cut)
{
	net->w->cut = cut;
}

void
sim_set_tap(struct sim *net, sim_tap *tap, void *arg)
{
	net->w->tap = tap;
	net->w->tap_arg = arg;
}
