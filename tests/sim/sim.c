/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The world: events in order of time, engines driven by them. */

extern const struct ike_protocol ike1_protocol;

enum { SPINS_MAX = 2000 };

static void *
need(void *p)
{
	if (!p) {
		fprintf(stderr, "sim: out of memory\n");
		abort();
	}
	return p;
}

void
sim_fail(struct sim_world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->failure[0])
		return;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof w->failure, fmt, ap);
	va_end(ap);
	if (w->ladder)
		printf("# %10.4f  INVARIANT: %s\n", (double)w->now / 1e9, w->failure);
}

const char *
sim_failure(struct sim *net)
{
	net->w->failure_seen = true;
	return net->w->failure[0] ? net->w->failure : NULL;
}

/* ---- the event queue: a binary heap by time, then by order of arrival */

static bool
before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void
heap_up(struct sim_world *w, size_t i)
{
	while (i && before(w->heap[i], w->heap[(i - 1) / 2])) {
		struct sim_event *t = w->heap[i];

		w->heap[i] = w->heap[(i - 1) / 2];
		w->heap[(i - 1) / 2] = t;
		i = (i - 1) / 2;
	}
}

static struct sim_event *
heap_pop(struct sim_world *w)
{
	struct sim_event *top = w->heap[0];
	size_t i = 0;

	w->heap[0] = w->heap[--w->n_heap];
	for (;;) {
		size_t c = 2 * i + 1;
		struct sim_event *t;

		if (c >= w->n_heap)
			break;
		if (c + 1 < w->n_heap && before(w->heap[c + 1], w->heap[c]))
			c++;
		if (!before(w->heap[c], w->heap[i]))
			break;
		t = w->heap[c];
		w->heap[c] = w->heap[i];
		w->heap[i] = t;
		i = c;
	}
	return top;
}

struct sim_event *
sim_event_new(struct sim_world *w, instant_t at, enum sim_event_kind kind, struct sim_peer *p)
{
	struct sim_event *e = need(calloc(1, sizeof *e));

	*e = (struct sim_event) { .at = at, .seq = w->seq++, .kind = kind, .peer = p };
	if (w->n_heap == w->cap_heap) {
		w->cap_heap = w->cap_heap ? 2 * w->cap_heap : 64;
		w->heap = need(realloc(w->heap, w->cap_heap * sizeof *w->heap));
	}
	w->heap[w->n_heap++] = e;
	heap_up(w, w->n_heap - 1);
	return e;
}

static void
event_free(struct sim_event *e)
{
	free(e->packet.data);
	arena_clear(&e->arena);
	free(e);
}

/* ---- effects */

static void
remember_reason(struct sim_peer *p, const struct effect_log *l)
{
	struct sim_reason *r = p->reason;

	while (r < p->reason + p->n_reasons && strcmp(r->reason, l->reason))
		r++;
	if (r == p->reason + SIM_REASONS_MAX)
		return;
	if (r == p->reason + p->n_reasons)
		p->n_reasons++;
	snprintf(r->reason, sizeof r->reason, "%s", l->reason);
	snprintf(r->text, sizeof r->text, "%s", l->text);
	r->count++;
}

static void
answer_psk(struct sim_peer *p, const struct effect *e)
{
	struct sim_event *v = sim_event_new(p->w, p->w->now + p->w->opts.answer_ns, SIM_ANSWER, p);

	v->answer =
	        (struct answer) { .kind = ANSWER_PSK, .ticket = e->ticket, .reason = "no secret is configured for this peer" };
	if (p->no_psk)
		return;
	for (size_t i = 0; i < e->psk.n && !v->answer.ok; i++)
		for (unsigned k = 0; k < p->n_psk && !v->answer.ok; k++) {
			const struct sim_psk *s = &p->psk[k];

			if (s->any || identity_equal(&s->id, &e->psk.remote[i])) {
				v->answer.ok = true;
				v->answer.psk = span_str(s->secret);
			}
		}
}

static void
answer_address(struct sim_peer *p, const struct effect *e)
{
	struct sim_event *v = sim_event_new(p->w, p->w->now + p->w->opts.answer_ns, SIM_ANSWER, p);

	v->answer = (struct answer) { .kind = ANSWER_ADDRESS,
		                      .ticket = e->ticket,
		                      .ok = !p->no_address && p->remote.ip.family,
		                      .reason = "no address known for the peer",
		                      .local = p->local,
		                      .remote = p->remote };
}

static void
remember_done(struct sim_peer *p, const struct effect_done *d)
{
	struct sim_done *r = &p->done[p->n_done++ % (sizeof p->done / sizeof *p->done)];

	*r = (struct sim_done) { .command = d->command, .result = d->result, .matches = d->matches, .terminated = d->terminated };
	snprintf(r->text, sizeof r->text, "%s", d->text ? d->text : "");
}

static void
send_effect(struct sim_peer *p, const struct effect_send *s)
{
	struct sim_packet k = { .src = s->local,
		                .dst = s->remote,
		                .from = p,
		                .marker = s->marker,
		                .keepalive = s->keepalive,
		                .n = s->data.n,
		                .copies = 1 };

	p->sends++;
	p->keepalives += s->keepalive;
	if (!ip_equal(&s->local.ip, &p->local.ip))
		sim_fail(p->w, "peer %u sends from an address that is not its own", p->index);
	if (!s->keepalive && s->data.n < 28)
		sim_fail(p->w, "peer %u sends %zu octets: less than a header", p->index, s->data.n);
	k.data = need(malloc(k.n ? k.n : 1));
	memcpy(k.data, s->data.p, k.n);
	sim_send(p->w, &k);
	free(k.data);
}

static void
carry_out(struct sim_peer *p, const struct effect *e)
{
	switch (e->kind) {
	case EFFECT_SEND:
		send_effect(p, &e->send);
		break;
	case EFFECT_INSTALL_SA:
		sim_plane_install(p, e);
		break;
	case EFFECT_UPDATE_SA:
		sim_plane_update(p, &e->sa);
		break;
	case EFFECT_REMOVE_SA:
		sim_plane_remove(p, &e->sa);
		break;
	case EFFECT_CLAIM:
		sim_plane_claim(p, &e->claim);
		break;
	case EFFECT_RELEASE:
		sim_plane_release(p, e->claim.reqid);
		break;
	case EFFECT_ASK_PSK:
		answer_psk(p, e);
		break;
	case EFFECT_ASK_ADDRESS:
		p->addresses_asked++;
		answer_address(p, e);
		break;
	case EFFECT_UPDOWN:
		*(e->updown.up ? &p->updown_up : &p->updown_down) += 1;
		break;
	case EFFECT_EVENT:
		if ((size_t)e->event.kind < sizeof p->events / sizeof *p->events)
			p->events[e->event.kind]++;
		break;
	case EFFECT_LOG:
		if (e->log.reason && !p->w->opts.bare)
			remember_reason(p, &e->log);
		break;
	case EFFECT_DONE:
		remember_done(p, &e->done);
		break;
	case EFFECT_ASK_CREDENTIAL:
	case EFFECT_ASK_SIGN:
	case EFFECT_ASK_VERIFY:
		sim_key_effect(p, e);
		break;
	case EFFECT_KEYS:
		break;
	default:
		sim_road_effect(p, e);
	}
}

/* After every call into an engine: carries its effects out and learns its next deadline. */
void
sim_engine_ran(struct sim_peer *p, enum ike_error err)
{
	struct sim_world *w = p->w;

	if (err != IKE_OK || w->fx.nomem)
		sim_fail(w, "peer %u: the engine ran out of memory", p->index);
	for (size_t i = 0; i < w->fx.n; i++) {
		if (!w->opts.bare)
			sim_trace_effect(p, &w->fx.e[i]);
		carry_out(p, &w->fx.e[i]);
	}
	effects_clear(&w->fx);
	p->deadline = ike_deadline(p->ike);
}

static int64_t
cpu_now(const struct sim_world *w)
{
	struct timespec t = { 0 };

	if (w->opts.measure)
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Where it is a system call, the clock takes as long as a small message. */
static int64_t
clock_cost(const struct sim_world *w)
{
	enum { READS = 1000 };
	int64_t t = cpu_now(w);

	for (unsigned i = 1; i < READS; i++)
		cpu_now(w);
	return (cpu_now(w) - t) / READS;
}

static void
charge(struct sim_peer *p, int64_t since)
{
	p->cpu_ns += cpu_now(p->w) - since - p->w->clock_ns;
}

void
sim_receive(struct sim_peer *p, const struct sim_packet *k)
{
	struct datagram d = { .local = k->dst, .remote = k->src, .marker = k->marker, .data = { k->data, k->n } };
	enum ike_error err;
	int64_t t;

	if (!p->ike || p->deaf)
		return;
	t = cpu_now(p->w);
	err = ike_receive(p->ike, p->w->now, &d, &p->w->fx);
	charge(p, t);
	sim_engine_ran(p, err);
}

static void
give_answer(struct sim_peer *p, const struct answer *a)
{
	enum ike_error err;
	int64_t t;

	if (!p->ike)
		return;
	t = cpu_now(p->w);
	err = ike_answer(p->ike, p->w->now, a, &p->w->fx);
	charge(p, t);
	sim_engine_ran(p, err);
}

uint64_t
sim_command(struct sim_peer *p, struct command c)
{
	enum ike_error err;
	int64_t t;

	if (!p->ike)
		return 0;
	c.id = ++p->w->command;
	t = cpu_now(p->w);
	err = ike_command(p->ike, p->w->now, &c, &p->w->fx);
	charge(p, t);
	sim_engine_ran(p, err);
	return c.id;
}

static void
tick(struct sim_peer *p)
{
	struct sim_world *w = p->w;
	enum ike_error err;
	int64_t t;

	w->spins = w->spin_at == w->now ? w->spins + 1 : 0;
	w->spin_at = w->now;
	t = cpu_now(w);
	err = ike_tick(p->ike, w->now, &w->fx);
	charge(p, t);
	sim_engine_ran(p, err);
	if (w->spins > SPINS_MAX) {
		sim_fail(w, "peer %u: a timer that is due is never done (deadline %lld at %lld)", p->index,
		         (long long)p->deadline, (long long)w->now);
		p->deadline = INSTANT_NEVER;
	}
}

static void
happen(struct sim_world *w, struct sim_event *e)
{
	switch (e->kind) {
	case SIM_DELIVER:
		sim_deliver(w, &e->packet);
		break;
	case SIM_ANSWER:
		give_answer(e->peer, &e->answer);
		break;
	case SIM_INSTALLED:
		sim_plane_activate(e->peer, e->direction, e->spi, e->answer.ticket);
		give_answer(e->peer, &e->answer);
		break;
	case SIM_CHECK_OPEN:
		sim_plane_check_open(e->peer, e->spi);
		break;
	case SIM_TRAFFIC:
		sim_plane_traffic(e->peer);
		break;
	case SIM_CALL:
		e->call(e->arg);
		break;
	}
}

static struct sim_peer *
next_ticker(struct sim_world *w)
{
	struct sim_peer *best = NULL;

	for (unsigned i = 0; i < w->n_peers; i++)
		if (w->peer[i]->ike && (!best || w->peer[i]->deadline < best->deadline))
			best = w->peer[i];
	return best && best->deadline != INSTANT_NEVER ? best : NULL;
}

void
sim_run(struct sim *net, instant_t ns)
{
	struct sim_world *w = net->w;
	instant_t end = w->now + ns;

	for (;;) {
		struct sim_peer *p = next_ticker(w);
		struct sim_event *e = w->n_heap ? w->heap[0] : NULL;
		instant_t at = instant_min(p ? p->deadline : INSTANT_NEVER, e ? e->at : INSTANT_NEVER);

		if (at > end)
			break;
		if (at > w->now)
			w->now = at;
		if (e && e->at <= w->now) {
			e = heap_pop(w);
			happen(w, e);
			event_free(e);
		} else if (p) {
			tick(p);
		}
	}
	w->now = end;
}

void
sim_at(struct sim *net, instant_t after_ns, void (*call)(void *arg), void *arg)
{
	struct sim_event *e = sim_event_new(net->w, net->w->now + after_ns, SIM_CALL, NULL);

	e->call = call;
	e->arg = arg;
}

/* ---- opening and closing */

struct sim
sim_open(struct sim_opts o)
{
	struct sim_world *w = need(calloc(1, sizeof *w));

	w->opts = o;
	if (!o.delay_max_ns) {
		w->opts.delay_min_ns = MILLISECONDS(5);
		w->opts.delay_max_ns = MILLISECONDS(15);
	}
	/* Not zero, so that a forgotten instant shows. */
	w->now = SECONDS(1000);
	w->ladder = getenv("SIM_LADDER") != NULL;
	w->clock_ns = clock_cost(w);
	seeded_rng_open(&w->rng, o.seed ^ 0x51a17090b7);
	return (struct sim) { w };
}

static void
start_engine(struct sim_peer *p)
{
	static const struct ike_protocol *const protocols[] = { &ike1_protocol, NULL };

	p->ike = need(ike_new(&p->settings, &p->rng.rng, protocols));
	p->deadline = ike_deadline(p->ike);
	sim_plane_open(p);
}

void
sim_load(struct sim_peer *p, struct conn *c)
{
	sim_command(p, (struct command) { .kind = COMMAND_LOAD, .conn = c });
}

struct conn *
sim_conn(struct sim_peer *p, const char *description)
{
	struct conn *c = need(conn_new("net"));

	if (!sim_configure(p, c, description, true)) {
		fprintf(stderr, "sim: %s\n", p->w->failure);
		abort();
	}
	return c;
}

struct sim_peer *
sim_peer(struct sim *net, const char *description)
{
	struct sim_world *w = net->w;
	struct sim_peer *p = need(calloc(1, sizeof *p));

	w->peer = need(realloc(w->peer, (w->n_peers + 1) * sizeof *w->peer));
	p->w = w;
	p->index = w->n_peers;
	w->peer[w->n_peers++] = p;
	seeded_rng_open(&p->rng, w->opts.seed * 1000003 + p->index);
	ike_settings_default(&p->settings);
	p->conn = need(conn_new("net"));
	if (!sim_configure(p, p->conn, description, false)) {
		fprintf(stderr, "sim: %s\n", w->failure);
		abort();
	}
	start_engine(p);
	if (!strstr(description, "unloaded"))
		sim_load(p, p->conn);
	if (w->opts.traffic_ns)
		sim_event_new(w, w->now + w->opts.traffic_ns, SIM_TRAFFIC, p);
	return p;
}

void
sim_kill(struct sim_peer *p)
{
	if (!p->ike)
		return;
	ike_free(p->ike);
	p->ike = NULL;
	sim_plane_close(p);
}

void
sim_restart(struct sim_peer *p)
{
	sim_kill(p);
	start_engine(p);
	sim_load(p, p->conn);
}

void
sim_close(struct sim *net)
{
	struct sim_world *w = net->w;

	if (!w)
		return;
	if (w->failure[0] && !w->failure_seen) {
		fprintf(stderr, "sim: an invariant failed: %s\n", w->failure);
		abort();
	}
	for (unsigned i = 0; i < w->n_peers; i++) {
		sim_kill(w->peer[i]);
		conn_unref(w->peer[i]->conn);
		free(w->peer[i]);
	}
	while (w->nats) {
		struct sim_nat *n = w->nats;

		w->nats = n->next;
		free(n->map);
		free(n);
	}
	for (size_t i = 0; i < w->n_heap; i++)
		event_free(w->heap[i]);
	effects_free(&w->fx);
	free(w->heap);
	free(w->peer);
	free(w);
	net->w = NULL;
}
