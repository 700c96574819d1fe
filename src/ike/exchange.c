/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <stdlib.h>

/* Payloads that may stand in any message: vendor ids and notifications are passed over where they mean nothing. */
#define ALWAYS (P(VID) | P(N))

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

/* What only a running exchange needs goes as soon as it is over. */
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
	const char *what = ex->over ? "finished" : ex->ticket ? "waits for an answer of this machine" : NULL;
	unsigned n = ex->at;

	if (!what)
		what = n ? arena_printf(&ex->sa->core->scratch, "message %u %s", n,
		                        ex->kind->steps[n - 1].sender == ex->role ? "sent" : "received")
		         : "about to start";
	return arena_printf(&ex->sa->core->scratch, "%s %s", ex->kind->name, what ? what : "");
}

/* ---- Sending */

static void
send_last(struct exchange *ex)
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
	send_last(ex);
	return true;
}

/* The one who waits for an answer repeats; RFC 2408 section 5.1: "Set a timer and initialize a retry counter.". */
static void
arm(struct exchange *ex)
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
 * A last message has no answer. Where the peer is to speak next (XAUTH) and was
 * never heard under the keys, it may be what is missing.
 */
static bool
unheard(const struct exchange *ex)
{
	const struct ike_sa *sa = ex->sa;

	return ex->role == INITIATOR && sa->state == IKE_STATE_CONNECTING && sa->unheard &&
	       ex->tries < sa->core->settings.retransmit_tries;
}

/* Over: it stays for a while to answer repetitions of the peer's last message, with the last of ours. */
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
				arm(ex);
			return true;
		}
		switch (build(ex, s)) {
		case BUILD_PARKED:
			/* An answer that never comes must not hold it for ever. */
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
	send_last(ex);
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
		send_last(ex);
		timer_set(&core->timers, &ex->timer, core->now + retransmit_wait(core, ++ex->tries));
		return;
	}
	if (ex->over) {
		exchange_free(ex);
		return;
	}
	if (ex->ticket) {
		ex->fatal = true;
		exchange_end(ex, "this machine's own part (data plane, secrets) did not answer in time");
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
	send_last(ex);
	timer_set(&core->timers, &ex->timer, core->now + retransmit_wait(core, ex->tries));
}

/* ---- Receiving */

struct queued *
queued_new(const struct datagram *in)
{
	struct queued *q = malloc(sizeof *q + in->data.n);

	if (!q)
		return NULL;
	*q = (struct queued) { .local = in->local, .remote = in->remote, .marker = in->marker, .n = in->data.n };
	memcpy(q->data, in->data.p, in->data.n);
	return q;
}

struct datagram
queued_datagram(const struct queued *q)
{
	return (struct datagram) { .local = q->local, .remote = q->remote, .marker = q->marker, .data = { q->data, q->n } };
}

static bool
enqueue(struct exchange *ex, const struct datagram *in)
{
	struct queued **at = &ex->queue;
	unsigned n = 0;

	for (; *at; at = &(*at)->next)
		n++;
	*at = n < EXCHANGE_QUEUE_MAX ? queued_new(in) : NULL;
	return *at != NULL;
}

/*
 * RFC 2408 section 5.1: a repeated message is answered with the repeated
 * answer, before anything else is done with it. The initiator answers only when
 * nothing of its own is being repeated by timer, so two ends never echo.
 */
static void
duplicate(struct exchange *ex)
{
	struct ike *core = ex->sa->core;
	struct child_sa *c;

	if (ex->ticket || !ex->sent) {
		core->verdicts[VERDICT_ABSORBED]++;
		return;
	}
	core->verdicts[VERDICT_DUPLICATE]++;
	if (ex->role == INITIATOR && !ex->over)
		return;
	if (ex->kind->steps[ex->at - 1].sender != ex->role)
		return;
	if (!clear_repeat_admits(ex->sa))
		return;
	core->counters.retransmits_answered++;
	say(core, LOG_IKE, LOG_CONTROL, ex->sa, NULL, "the peer repeats %s message %u: sending message %u again", ex->kind->name,
	    ex->at - 1u, ex->at);
	send_last(ex);
	/* Our last message was lost: outbound waits for another while. */
	c = ex->over && ex->child_id ? child_by_id(core, ex->child_id) : NULL;
	if (c && c->switch_at != INSTANT_NEVER)
		child_switch_later(c);
}

void
exchange_confirm(struct exchange *ex)
{
	if (ex->role != RESPONDER || ex->over || ex->ticket || ex->at + 1 != ex->kind->n_steps)
		return;
	timer_stop(&ex->sa->core->timers, &ex->timer);
	ex->at++;
	exchange_advance(ex);
}

/* RFC 2408 section 5.3: "Check the Next Payload field to confirm it is valid." Numbers above 127 are for private use. */
static const struct payload *
undefined(const struct message *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->payload[i].type < 128 && !payload_name(m->payload[i].type))
			return &m->payload[i];
	return NULL;
}

/* One of each: the diagrams of RFC 2409 section 5. In Phase 2 there may be two identities, and several SAs. */
static const struct payload *
second(const struct exchange *ex, const struct message *m)
{
	uint32_t once = P(KE) | P(NONCE) | P(HASH) | P(SIG) | (ex->message_id ? 0 : P(SA) | P(ID)), seen = 0;

	for (size_t i = 0; i < m->n; i++) {
		uint32_t bit = m->payload[i].type < 32 ? (uint32_t)1 << m->payload[i].type : 0;

		if (bit & once & seen)
			return &m->payload[i];
		seen |= bit;
	}
	return NULL;
}

static enum verdict
check_payloads(struct exchange *ex, const struct step *s, const struct message *m)
{
	struct ike *core = ex->sa->core;
	const struct payload *p = undefined(m);

	if (p) {
		ex->why = arena_printf(&core->scratch, "type %u in %s message %u", p->type, ex->kind->name, ex->at + 1u);
		return VERDICT_PAYLOAD_TYPE;
	}
	p = second(ex, m);
	if (p) {
		ex->why = arena_printf(&core->scratch, "a second %s payload in %s message %u", payload_name(p->type),
		                       ex->kind->name, ex->at + 1u);
		return VERDICT_EXTRA_PAYLOAD;
	}
	/* The last bit is FRAGMENT's, which is none of a whole message. */
	for (unsigned t = 1; t < 31; t++) {
		uint32_t bit = (uint32_t)1 << t;

		if ((s->must & bit) && !(m->present & bit)) {
			ex->why = arena_printf(&core->scratch, "no %s payload in %s message %u", payload_name((uint8_t)t),
			                       ex->kind->name, ex->at + 1u);
			return VERDICT_MISSING_PAYLOAD;
		}
		if ((m->present & bit) && !((s->must | s->may | ALWAYS) & bit)) {
			ex->why = arena_printf(&core->scratch, "a %s payload in %s message %u", payload_name((uint8_t)t),
			                       ex->kind->name, ex->at + 1u);
			return VERDICT_EXTRA_PAYLOAD;
		}
	}
	return VERDICT_OK;
}

/* What the peer does not vouch for is garbage, which the wrong keys give. */
static enum verdict
unreadable(struct exchange *ex, struct message *m, struct span body, bool sealed)
{
	ex->unreadable = m->failed;
	if (!sealed)
		return VERDICT_MALFORMED;
	ex->fatal = ex->kind->authentic && isakmp_outline_payloads(m, m->h.next_payload, body, &ex->sa->core->scratch) &&
	            ex->kind->authentic(ex, m);
	return ex->fatal ? VERDICT_MALFORMED : VERDICT_UNDECRYPTABLE;
}

static enum verdict
take(struct exchange *ex, const struct step *s, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike *core = ex->sa->core;
	struct message m = { .h = *h };
	struct span body = { in->data.p + ISAKMP_HEADER_OCTETS, h->length - ISAKMP_HEADER_OCTETS };
	bool sealed = h->flags & FLAG_ENCRYPTION;
	enum verdict v = VERDICT_OK;

	ex->local = in->local;
	ex->remote = in->remote;
	ex->in_octets = in->data.n;
	if (s->sealed == SEALED && !sealed)
		return VERDICT_NOT_ENCRYPTED;
	if (s->sealed == CLEAR && sealed)
		return VERDICT_NO_KEYS;
	if (sealed)
		v = ex->sa->protocol->open(ex, h, in->data, &body);
	if (v)
		return v;
	ex->why = isakmp_decode_payloads(&m, h->next_payload, body, sealed, &core->scratch);
	if (ex->why)
		return unreadable(ex, &m, body, sealed);
	v = check_payloads(ex, s, &m);
	if (v) {
		ex->fatal = sealed && ex->kind->authentic && ex->kind->authentic(ex, &m);
		return v;
	}
	v = s->process(ex, &m);
	/* RFC 2409 Appendix B: the chain moves on; only now is it known that the message was the peer's. */
	if (!v && !ex->ticket && sealed)
		memcpy(ex->iv, ex->next_iv, sizeof ex->iv);
	return v;
}

static void
refused(struct exchange *ex, enum verdict v)
{
	struct ike *core = ex->sa->core;
	const char *why = ex->why;

	ex->verdict = v;
	refuse(core, ex->sa, v, why);
	if (ex->kind->refused)
		ex->kind->refused(ex, v);
	if (ex->fatal)
		exchange_end(ex, why ? why : verdict_sentence(v));
}

/* The processing of a message waits for an answer: nothing is repeated meanwhile, an answer that never comes ends it. */
static bool
hold(struct exchange *ex, const struct datagram *in)
{
	struct ike *core = ex->sa->core;

	ex->held = queued_new(in);
	if (!ex->held) {
		core->nomem = true;
		ex->ticket = 0;
		return false;
	}
	timer_set(&core->timers, &ex->timer, core->now + retransmit_total(core));
	return true;
}

/* True when the exchange goes on, with the message or as if it had not come. */
static bool
consider(struct exchange *ex, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike *core = ex->sa->core;
	const struct step *s = &ex->kind->steps[ex->at];
	enum verdict v;

	ex->why = NULL;
	ex->fatal = false;
	ex->notify = 0;
	v = take(ex, s, in, h);
	if (v) {
		bool fatal = ex->fatal;

		refused(ex, v);
		return !fatal;
	}
	if (ex->ticket)
		return hold(ex, in);
	core->verdicts[VERDICT_OK]++;
	ex->peer_commit |= (h->flags & FLAG_COMMIT) != 0;
	ex->in_hash = core_digest(core, in->data);
	ex->at++;
	timer_stop(&core->timers, &ex->timer);
	/* Its second message has our cookie, which went to the address that the first one named. */
	if (ex->role == RESPONDER && ex->at >= 3)
		half_open_proven(ex->sa);
	if (h->flags & FLAG_ENCRYPTION)
		ike_sa_heard(ex->sa, &in->local, &in->remote);
	return exchange_advance(ex);
}

void
exchange_receive(struct exchange *ex, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike *core = ex->sa->core;
	uint64_t digest = core_digest(core, in->data);

	if (ex->in_hash == digest && ex->at) {
		duplicate(ex);
		return;
	}
	if (ex->over || ex->at >= ex->kind->n_steps) {
		core->verdicts[VERDICT_UNEXPECTED]++;
		return;
	}
	if (ex->ticket) {
		if (ex->held && span_equal(span_of(ex->held->data, ex->held->n), in->data))
			core->verdicts[VERDICT_ABSORBED]++;
		else if (!enqueue(ex, in))
			refuse(core, ex->sa, VERDICT_OVERFLOW, NULL);
		return;
	}
	if (ex->kind->steps[ex->at].sender == ex->role) {
		core->verdicts[VERDICT_UNEXPECTED]++;
		return;
	}
	consider(ex, in, h);
}

/* Messages that came while it was parked are looked at now. */
static void
drain(struct ike *core, uint32_t sa_id, uint32_t mid)
{
	for (;;) {
		struct ike_sa *sa = ike_sa_by_id(core, sa_id);
		struct exchange *ex = sa ? exchange_find(sa, mid) : NULL;
		struct queued *q = ex && !ex->ticket ? ex->queue : NULL;
		struct isakmp_header h;

		if (!q)
			return;
		ex->queue = q->next;

		struct datagram in = queued_datagram(q);

		if (!isakmp_decode_header(&h, in.data))
			exchange_receive(ex, &in, &h);
		free(q);
	}
}

/* The message that was held is looked at again, with the answer. */
static bool
consider_again(struct exchange *ex)
{
	struct queued *q = ex->held;
	struct datagram in = queued_datagram(q);
	struct isakmp_header h;
	uint8_t at = ex->at;
	bool there = true;

	ex->held = NULL;
	if (!isakmp_decode_header(&h, in.data))
		there = consider(ex, &in, &h);
	/* Refused: what we wait for is still to come, and our last message may have been lost. */
	if (there && ex->at == at && at && !ex->ticket)
		arm(ex);
	free(q);
	return there;
}

void
exchange_resume(struct exchange *ex, const struct answer *a)
{
	struct ike *core = ex->sa->core;
	uint32_t sa_id = ex->sa->id, mid = ex->message_id;

	ex->ticket = 0;
	ex->why = NULL;
	ex->answer = a;
	timer_stop(&core->timers, &ex->timer);
	if (!(ex->held ? consider_again(ex) : exchange_advance(ex)))
		return;
	ex->answer = NULL;
	drain(core, sa_id, mid);
}
