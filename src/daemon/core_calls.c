/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <stdlib.h>

/*
 * Every call into the core appends one batch of effects to a queue; batches are
 * carried out in that order even where carrying one out calls the core again.
 */

static struct batch_of_effects *
batch_new(struct daemon *d)
{
	struct batch_of_effects *b = d->spare;

	if (b)
		d->spare = NULL;
	else
		b = calloc(1, sizeof *b);
	return b;
}

static void
batch_free(struct daemon *d, struct batch_of_effects *b)
{
	effects_clear(&b->fx);
	if (!d->spare) {
		b->next = NULL;
		d->spare = b;
		return;
	}
	effects_free(&b->fx);
	free(b);
}

static void
on_timer(uv_timer_t *t)
{
	daemon_tick(t->data);
}

static void
rearm(struct daemon *d)
{
	instant_t at = ike_deadline(d->ike), now = d->now();
	uint64_t ms;

	if (at == INSTANT_NEVER) {
		uv_timer_stop(&d->timer);
		return;
	}
	/* Rounded up: waking a little late is harmless, waking early would spin. */
	ms = at <= now ? 0 : (uint64_t)(at - now + 999999) / 1000000;
	uv_timer_start(&d->timer, on_timer, ms, 0);
}

static void
run_queue(struct daemon *d)
{
	if (d->carrying)
		return;
	d->carrying = true;
	uv_update_time(&d->loop);
	while (d->first) {
		struct batch_of_effects *b = d->first;

		d->first = b->next;
		if (!d->first)
			d->last = NULL;
		daemon_carry_out(d, &b->fx);
		batch_free(d, b);
	}
	d->carrying = false;
	rearm(d);
}

static void
enqueue(struct daemon *d, struct batch_of_effects *b, enum ike_error error)
{
	if (error || b->fx.nomem)
		daemon_log(d, LOG_DMN, LOG_AUDIT, "out of memory: an input to key management was dropped");
	b->next = NULL;
	if (d->last)
		d->last->next = b;
	else
		d->first = b;
	d->last = b;
	run_queue(d);
}

void
daemon_receive(struct daemon *d, const struct datagram *in)
{
	struct batch_of_effects *b = batch_new(d);

	if (b)
		enqueue(d, b, ike_receive(d->ike, d->now(), in, &b->fx));
}

void
daemon_tick(struct daemon *d)
{
	struct batch_of_effects *b = batch_new(d);

	if (b)
		enqueue(d, b, ike_tick(d->ike, d->now(), &b->fx));
}

void
daemon_answer(struct daemon *d, const struct answer *a)
{
	struct batch_of_effects *b = batch_new(d);

	if (b)
		enqueue(d, b, ike_answer(d->ike, d->now(), a, &b->fx));
}

uint64_t
daemon_command(struct daemon *d, struct command *c, daemon_done_fn done, void *context)
{
	struct batch_of_effects *b;
	struct waiting_command *w;

	c->id = 0;
	if (done) {
		w = &d->waiting[++d->next_command % DAEMON_COMMANDS_MAX];
		if (w->id)
			return 0;
		*w = (struct waiting_command){ d->next_command, done, context };
		c->id = w->id;
	}
	b = batch_new(d);
	if (!b) {
		daemon_forget_command(d, c->id);
		return 0;
	}
	enqueue(d, b, ike_command(d->ike, d->now(), c, &b->fx));
	return c->id ? c->id : UINT64_MAX;
}

void
daemon_forget_command(struct daemon *d, uint64_t id)
{
	struct waiting_command *w = &d->waiting[id % DAEMON_COMMANDS_MAX];

	if (id && w->id == id)
		*w = (struct waiting_command){ 0 };
}
