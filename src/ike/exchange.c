/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <stdlib.h>

/* Exchanges: making them, what they send and repeat, and how they end. What they receive is in exchange_receive.c. */

instant_t
retransmit_wait(struct ike *core, unsigned tries)
{
	double wait = (double)core->settings.retransmit_timeout_ns;

	for (unsigned i = 0; i < tries; i++)
		wait *= core->settings.retransmit_base;
	if (core->settings.retransmit_limit_ns && wait > (double)core->settings.retransmit_limit_ns)
		wait = (double)core->settings.retransmit_limit_ns;
	if (wait > (double)SECONDS(86400))
		wait = (double)SECONDS(86400);

	uint64_t jitter = (uint64_t)(wait * core->settings.retransmit_jitter_percent / 100);

	return (instant_t)wait - (instant_t)rng_below(core->rng, jitter);
}

instant_t
retransmit_total(const struct ike *core)
{
	double wait = (double)core->settings.retransmit_timeout_ns, sum = 0;

	for (unsigned i = 0; i <= core->settings.retransmit_tries; i++, wait *= core->settings.retransmit_base) {
		double limit = (double)core->settings.retransmit_limit_ns;

		sum += limit > 0 && wait > limit ? limit : wait;
	}
	return sum > (double)SECONDS(86400) ? SECONDS(86400) : (instant_t)sum;
}

struct exchange *
exchange_new(struct ike_sa *sa, const struct exchange_kind *kind, uint8_t role, uint32_t message_id)
{
	struct exchange *ex = calloc(1, sizeof *ex);

	if (!ex || !timer_owner_add(sa->core))
		goto nomem;
	ex->key = (uint64_t)sa->id << 32 | message_id;
	if (!table_insert(&sa->core->by_exchange, &ex->by_id, span_of(&ex->key, sizeof ex->key))) {
		sa->core->n_timers--;
		goto nomem;
	}
	ex->kind = kind;
	ex->sa = sa;
	ex->role = role;
	ex->message_id = message_id;
	ex->timer.owner = TIMER_EXCHANGE;
	ex->local = sa->local;
	ex->remote = sa->remote;
	ex->next = sa->exchanges;
	ex->link = &sa->exchanges;
	if (ex->next)
		ex->next->link = &ex->next;
	sa->exchanges = ex;
	sa->running++;
	return ex;
nomem:
	free(ex);
	sa->core->nomem = true;
	return NULL;
}

struct exchange *
exchange_find(const struct ike_sa *sa, uint32_t message_id)
{
	uint64_t key = (uint64_t)sa->id << 32 | message_id;

	for (struct table_link *l = table_find(&sa->core->by_exchange, span_of(&key, sizeof key)); l; l = table_find_next(l)) {
		struct exchange *ex = table_entry(l, struct exchange, by_id);

		if (ex->key == key)
			return ex;
	}
	return NULL;
}

static void
drop_queue(struct exchange *ex)
{
	free(ex->held);
	ex->held = NULL;
	while (ex->queue) {
		struct queued *q = ex->queue;

		ex->queue = q->next;
		free(q);
	}
}

/* An exchange that is over keeps only what it needs to repeat its last message. */
static void
close_state(struct exchange *ex)
{
	if (ex->over)
		return;
	ex->over = true;
	ex->ticket = 0;
	ex->sa->running--;
	if (ike_sa_in_doubt(ex->sa))
		ike_sa_schedule(ex->sa);
	ex->kind->free_state(ex);
	ex->state = NULL;
	drop_queue(ex);
	if (ex->child && ex->child->exchange == ex)
		ex->child->exchange = NULL;
	ex->child = NULL;
}

void
exchange_free(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;

	*ex->link = ex->next;
	if (ex->next)
		ex->next->link = ex->link;
	table_remove(&sa->core->by_exchange, &ex->by_id);
	close_state(ex);
	timer_stop(&sa->core->timers, &ex->timer);
	sa->core->n_timers--;
	free(ex->sent);
	free(ex);
}

void
exchange_end(struct exchange *ex, const char *reason)
{
	if (!ex->over)
		ex->kind->fail(ex, reason);
	else
		exchange_free(ex);
}

const char *
exchange_words(const struct exchange *ex)
{
	const char *what = ex->over ? "finished" : ex->ticket ? "is waiting for an answer from this machine" : NULL;
	unsigned n = ex->at;

	if (!what)
		what = n ? arena_printf(&ex->sa->core->scratch, "message %u %s", n,
		                        ex->kind->steps[n - 1].sender == ex->role ? "sent" : "received")
		         : "about to start";
	return arena_printf(&ex->sa->core->scratch, "%s %s", ex->kind->name, what ? what : "");
}

/* ---- Sending */

void
exchange_send_last(struct exchange *ex)
{
	ike_sa_send(ex->sa, span_of(ex->sent, ex->n_sent));
}

static bool
keep_and_send(struct exchange *ex, const uint8_t *m, size_t n)
{
	uint8_t *copy = malloc(n);

	if (!copy) {
		ex->sa->core->nomem = true;
		return false;
	}
	memcpy(copy, m, n);
	free(ex->sent);
	ex->sent = copy;
	ex->n_sent = (uint32_t)n;
	ex->tries = 0;
	exchange_send_last(ex);
	return true;
}

/* RFC 2408 section 5.1: "Set a timer and initialize a retry counter.". */
void
exchange_arm(struct exchange *ex)
{
	struct ike *core = ex->sa->core;
	bool repeats = ex->role == INITIATOR || ex->kind->responder_repeats;

	timer_set(&core->timers, &ex->timer, repeats ? core->now + retransmit_wait(core, 0) : INSTANT_NEVER);
}

static struct isakmp_header
header_of(const struct exchange *ex, const struct step *s)
{
	struct isakmp_header h = {
		.version = 0x10,
		.exchange = ex->kind->type,
		.flags = s->sealed ? FLAG_ENCRYPTION : 0,
		.message_id = ex->message_id,
	};

	memcpy(h.cookie_i, ex->sa->cookie_i, 8);
	memcpy(h.cookie_r, ex->sa->cookie_r, 8);
	return h;
}

static enum built
build(struct exchange *ex, const struct step *s)
{
	struct ike *core = ex->sa->core;
	uint8_t *room = core->room;
	struct isakmp_header h = header_of(ex, s);
	struct builder b;

	builder_start(&b, room, EXCHANGE_MESSAGE_MAX - 32, &h);

	enum built r = s->build(ex, &b);

	if (r != BUILT) {
		secret_wipe(room, b.w.at);
		return r;
	}
	/* The responder's cookie is made while its first answer is built. */
	memcpy(room + 8, ex->sa->cookie_r, 8);

	struct span m = builder_finish(&b);
	size_t n = m.n;

	if (n && s->sealed)
		n = ex->sa->protocol->seal(ex, room, n, EXCHANGE_MESSAGE_MAX);

	bool sent = n && keep_and_send(ex, room, n);

	secret_wipe(room, b.w.at);
	if (sent)
		return BUILT;
	ex->verdict = VERDICT_INTERNAL;
	ex->why = b.w.failure;
	return BUILD_FAILED;
}

/*
 * A last message has no answer. If the peer is to speak next (XAUTH) but was
 * never heard under the keys, our last message may have been lost.
 */
static bool
unheard(const struct exchange *ex)
{
	const struct ike_sa *sa = ex->sa;

	return ex->role == INITIATOR && sa->state == IKE_STATE_CONNECTING && sa->unheard &&
	       ex->tries < sa->core->settings.retransmit_tries;
}

/* It is over, but stays for a while to answer repetitions of the peer's last message with our own last one. */
static bool
finish(struct exchange *ex)
{
	struct ike *core = ex->sa->core;
	struct ike_sa *sa = ex->sa;
	uint32_t mid = ex->message_id, sa_id = sa->id;
	bool last_is_ours = ex->kind->steps[ex->kind->n_steps - 1].sender == ex->role;

	timer_set(&core->timers, &ex->timer, last_is_ours ? core->now + retransmit_total(core) : INSTANT_NEVER);
	sa->unheard |= !mid && last_is_ours;
	ex->kind->finish(ex);
	sa = ike_sa_by_id(core, sa_id);
	ex = sa ? exchange_find(sa, mid) : NULL;
	if (!ex)
		return false;
	close_state(ex);
	if (last_is_ours && unheard(ex))
		timer_set(&core->timers, &ex->timer, core->now + retransmit_wait(core, 0));
	if (last_is_ours)
		return true;
	exchange_free(ex);
	return false;
}

bool
exchange_advance(struct exchange *ex)
{
	struct ike *core = ex->sa->core;

	while (ex->at < ex->kind->n_steps) {
		const struct step *s = &ex->kind->steps[ex->at];

		if (s->sender != ex->role) {
			if (ex->at)
				exchange_arm(ex);
			return true;
		}
		switch (build(ex, s)) {
		case BUILD_PARKED:
			/* If the answer never comes, this ends the wait. */
			timer_set(&core->timers, &ex->timer, core->now + retransmit_total(core));
			return true;
		case BUILD_FAILED:
			ex->fatal = true;
			exchange_end(ex, ex->why ? ex->why : verdict_sentence(ex->verdict ? ex->verdict : VERDICT_INTERNAL));
			return false;
		case BUILT:
			ex->at++;
		}
	}
	return finish(ex);
}

void
exchange_repeat(struct exchange *ex)
{
	if (ex->ticket || !ex->sent || !ex->at || ex->kind->steps[ex->at - 1].sender != ex->role || !clear_repeat_admits(ex->sa))
		return;
	ex->sa->core->counters.retransmits_answered++;
	exchange_send_last(ex);
}

void
exchange_repeat_phase1(struct ike_sa *sa)
{
	struct exchange *phase1 = sa->unheard ? exchange_find(sa, 0) : NULL;

	if (phase1 && phase1->over)
		exchange_repeat(phase1);
}

void
exchange_due(struct exchange *ex)
{
	struct ike *core = ex->sa->core;
	const struct ike_settings *s = &core->settings;

	if (ex->over && unheard(ex)) {
		exchange_send_last(ex);
		timer_set(&core->timers, &ex->timer, core->now + retransmit_wait(core, ++ex->tries));
		return;
	}
	if (ex->over) {
		exchange_free(ex);
		return;
	}
	if (ex->ticket) {
		ex->fatal = true;
		exchange_end(ex, "the data plane or the secret store of this machine did not answer in time");
		return;
	}
	if (ex->tries >= s->retransmit_tries) {
		say(core, LOG_IKE, LOG_CONTROL, ex->sa, "timeout", "giving up after %u retransmits of %s message %u to %s",
		    ex->tries, ex->kind->name, ex->at, endpoint_text(core, &ex->sa->remote));
		exchange_end(ex,
		             arena_printf(&core->scratch, "the peer %s does not answer", endpoint_text(core, &ex->sa->remote)));
		return;
	}
	ex->tries++;
	core->counters.retransmits_sent++;
	say(core, LOG_IKE, LOG_CONTROL, ex->sa, NULL, "retransmit %u of %s message %u to %s", ex->tries, ex->kind->name, ex->at,
	    endpoint_text(core, &ex->sa->remote));
	exchange_repeat_phase1(ex->sa);
	exchange_send_last(ex);
	timer_set(&core->timers, &ex->timer, core->now + retransmit_wait(core, ex->tries));
}
