/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vici server with a real core behind it, and a second core as its peer in
 * the same process: everything that clients see, without network or privileges.
 *
 *   vici_host SOCKET PEER.CONF [OWN.CONF]
 *
 * The peer's answers get lost while a file SOCKET.deaf exists. Ends on SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"
#include "seeded_rng.h"
#include "settings.h"
#include "vici_server.h"

extern const struct ike_protocol ike1_protocol;

enum { WAITING_MAX = 64 };

struct waiting {
	uint64_t id;
	void (*done)(void *context, const struct effect_done *d);
	void *context;
};

struct end {
	struct host *host;
	struct ike *core;
	struct seeded_rng rng;
	struct config config;
	struct endpoint at;
};

/* What one core said, until it is carried out. */
struct batch {
	struct batch *next;
	struct end *from;
	struct effects fx;
};

struct host {
	uv_loop_t loop;
	uv_timer_t timer;
	uv_signal_t signal;
	struct end end[2]; /* we, the peer */
	struct batch *first, **last;
	bool carrying;
	struct vici_server *server;
	struct vici_backend backend;
	struct waiting waiting[WAITING_MAX];
	uint64_t next_command;
	char deaf[4096];
};

static instant_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return SECONDS(t.tv_sec) + t.tv_nsec;
}

static void run_batches(struct host *h);

static struct batch *
batch(struct end *e)
{
	struct batch *b = calloc(1, sizeof *b);

	if (!b)
		abort();
	b->from = e;
	*e->host->last = b;
	e->host->last = &b->next;
	return b;
}

static void
answer(struct end *e, const struct answer *a)
{
	ike_answer(e->core, now(), a, &batch(e)->fx);
}

static void
deliver(struct end *from, const struct effect_send *s)
{
	struct end *to = &from->host->end[from == from->host->end];
	struct datagram d = { .local = s->remote, .remote = s->local, .marker = s->marker, .data = s->data };

	if (!s->keepalive && access(from->host->deaf, F_OK))
		ike_receive(to->core, now(), &d, &batch(to)->fx);
}

static void
answer_psk(struct end *e, const struct effect *fx)
{
	const struct secret *s = secret_store_find(&e->config.secrets, &fx->psk);
	struct answer a = { .kind = ANSWER_PSK, .ticket = fx->ticket, .ok = s, .reason = "no secret" };

	if (s)
		a.psk = secret_span(s);
	answer(e, &a);
}

static void
finish(struct host *h, const struct effect_done *d)
{
	struct waiting *w = &h->waiting[d->command % WAITING_MAX], was = *w;

	if (!d->command || w->id != d->command)
		return;
	*w = (struct waiting) { 0 };
	was.done(was.context, d);
}

static void
carry_out(struct end *e, const struct effect *fx)
{
	struct host *h = e->host;
	struct end *peer = &h->end[e == h->end];
	bool ours = e == h->end;

	switch (fx->kind) {
	case EFFECT_SEND:
		deliver(e, &fx->send);
		break;
	case EFFECT_INSTALL_SA:
		answer(e, &(struct answer) { .kind = ANSWER_INSTALLED, .ticket = fx->ticket, .ok = true });
		break;
	case EFFECT_ASK_PSK:
		answer_psk(e, fx);
		break;
	case EFFECT_ASK_ADDRESS:
		answer(e, &(struct answer) {
		                  .kind = ANSWER_ADDRESS, .ticket = fx->ticket, .ok = true, .local = e->at, .remote = peer->at });
		break;
	case EFFECT_EVENT:
		if (ours)
			vici_server_event(h->server, &fx->event);
		break;
	case EFFECT_LOG:
		if (ours)
			vici_server_log(h->server, &fx->log);
		break;
	case EFFECT_DONE:
		if (ours)
			finish(h, &fx->done);
		break;
	default:
		break;
	}
}

static void
on_timer(uv_timer_t *t)
{
	struct host *h = t->data;

	for (int i = 0; i < 2; i++)
		if (ike_deadline(h->end[i].core) <= now())
			ike_tick(h->end[i].core, now(), &batch(&h->end[i])->fx);
	run_batches(h);
}

static void
run_batches(struct host *h)
{
	if (h->carrying)
		return;
	h->carrying = true;
	while (h->first) {
		struct batch *b = h->first;

		h->first = b->next;
		if (!h->first)
			h->last = &h->first;
		for (size_t i = 0; i < b->fx.n; i++)
			carry_out(b->from, &b->fx.e[i]);
		effects_free(&b->fx);
		free(b);
	}
	h->carrying = false;
}

/* ---- the backend */

static const struct ike *
backend_core(void *context)
{
	return ((struct host *)context)->end[0].core;
}

static instant_t
backend_now(void *context)
{
	(void)context;
	return now();
}

static uint64_t
backend_command(void *context, struct command *c, void (*done)(void *, const struct effect_done *), void *done_context)
{
	struct host *h = context;

	c->id = ++h->next_command;
	h->waiting[c->id % WAITING_MAX] = done ? (struct waiting) { c->id, done, done_context } : (struct waiting) { 0 };
	ike_command(h->end[0].core, now(), c, &batch(&h->end[0])->fx);
	run_batches(h);
	return h->next_command;
}

static void
backend_forget(void *context, uint64_t id)
{
	struct waiting *w = &((struct host *)context)->waiting[id % WAITING_MAX];

	if (w->id == id)
		*w = (struct waiting) { 0 };
}

/* No packets flow here: figures that a test can recognise. */
static bool
backend_usage(void *context, enum sa_direction d, uint32_t spi, uint32_t child_id, struct sa_usage *out)
{
	(void)context;
	(void)child_id;
	*out = d == SA_INBOUND ? (struct sa_usage) { 84000, 1000, (uint64_t)now() } : (struct sa_usage) { 1234567, 2000, 0 };
	return spi != 0;
}

static unsigned
backend_path_mtu(void *context, const struct endpoint *local, const struct endpoint *remote)
{
	(void)context;
	return ip_is_any(&local->ip) || ip_is_any(&remote->ip) ? 0 : 1392;
}

static bool
backend_reload_settings(void *context, char *why, size_t why_size)
{
	(void)context;
	snprintf(why, why_size, "the settings cannot be read again here");
	return false;
}

static bool
backend_counter(void *context, unsigned index, const char **name, const char **sentence, uint64_t *count)
{
	return ike_verdict_count(((struct host *)context)->end[0].core, index, name, sentence, count);
}

/* ---- start and end */

static void
open_end(struct host *h, struct end *e, uint32_t address, const char *conf)
{
	static const struct ike_protocol *const protocols[] = { &ike1_protocol, NULL };
	struct conf_errors errs = { 0 };
	struct ike_settings settings;

	ike_settings_default(&settings);
	/* A deaf peer is given up in a second or two, not in minutes. */
	settings.retransmit_timeout_ns = MILLISECONDS(200);
	settings.retransmit_base = 1.2;
	e->host = h;
	e->at = (struct endpoint) { ip_from_v4(address), 500 };
	seeded_rng_open(&e->rng, address);
	e->core = ike_new(&settings, &e->rng.rng, protocols);
	if (conf && !config_load_file(&e->config, conf, &errs)) {
		conf_errors_print(&errs, stderr);
		exit(1);
	}
	conf_errors_free(&errs);
	for (size_t i = 0; i < e->config.n; i++)
		ike_command(e->core, now(), &(struct command) { .kind = COMMAND_LOAD, .conn = e->config.conn[i] }, &batch(e)->fx);
}

static void
on_signal(uv_signal_t *s, int number)
{
	struct host *h = s->data;

	(void)number;
	vici_server_close(h->server);
	h->server = NULL;
	uv_close((uv_handle_t *)&h->timer, NULL);
	uv_close((uv_handle_t *)&h->signal, NULL);
}

static void
start(struct host *h)
{
	uv_timer_init(&h->loop, &h->timer);
	uv_signal_init(&h->loop, &h->signal);
	h->timer.data = h->signal.data = h;
	uv_timer_start(&h->timer, on_timer, 20, 20);
	uv_signal_start(&h->signal, on_signal, SIGTERM);
}

int
main(int argc, char **argv)
{
	struct host *h = calloc(1, sizeof *h);
	char why[256];
	bool open;

	if (!h || argc < 3)
		return 2;
	/* As the daemon does: clients leave when they like. */
	signal(SIGPIPE, SIG_IGN);
	h->last = &h->first;
	uv_loop_init(&h->loop);
	open_end(h, &h->end[0], 0x0a4d0001, argc > 3 ? argv[3] : NULL);
	open_end(h, &h->end[1], 0x0a4d0002, argv[2]);
	snprintf(h->deaf, sizeof h->deaf, "%s.deaf", argv[1]);
	h->backend = (struct vici_backend) {
		h,
		backend_core,
		backend_now,
		backend_command,
		backend_forget,
		backend_usage,
		backend_reload_settings,
		&h->end[0].config.secrets,
		&h->end[0].config.credentials,
		RDN_STRICT,
		&h->end[0].config.logins,
		&h->end[0].config.pools,
		0,
		backend_counter,
		NULL,
		backend_path_mtu,
	};
	h->server = vici_server_open(&h->loop, argv[1], &h->backend, why, sizeof why);
	open = h->server;
	if (open)
		start(h);
	else
		fprintf(stderr, "%s\n", why);
	run_batches(h);
	uv_run(&h->loop, UV_RUN_DEFAULT);
	uv_loop_close(&h->loop);
	for (int i = 0; i < 2; i++) {
		ike_free(h->end[i].core);
		config_free(&h->end[i].config);
	}
	free(h);
	return open ? 0 : 1;
}
