/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <stdlib.h>

/*
 * What an exchange does with a datagram: RFC 2408 sections 5.1 to 5.3. A repetition is answered by repeating our message. Any
 * other message is processed as its row of the table allows: at once, or, if that needs an answer from this machine, when the
 * answer is there.
 */

/* Payloads that may appear in any message: vendor ids and notifications are ignored where they mean nothing. */
#define ALWAYS (P(VID) | P(N))

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
	exchange_send_last(ex);
	/* Our last message was lost: outbound waits anew (docs/adr/0003). */
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

/*
 * One of each: the diagrams of RFC 2409 section 5. In Phase 2 there may be two identities. Several SAs, which "can be negotiated
 * with one exchange" (5.5), are refused: to answer only the first would change the offer.
 */
static const struct payload *
second(const struct exchange *ex, const struct message *m)
{
	uint32_t once = P(SA) | P(KE) | P(NONCE) | P(HASH) | P(SIG) | (ex->message_id ? 0 : P(ID)), seen = 0;

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

/* Unless the peer vouches for the message, it is taken for the garbage that wrong keys produce. */
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

/* The processing of a message waits for an answer. Nothing is repeated meanwhile; if no answer comes, the exchange ends. */
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

/* True when the exchange goes on, whether it took the message or ignored it. */
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
	/* Its second message contains our cookie, which we sent to the source address of the first. */
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

/* Now for the messages that came while it was parked. */
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

/* Processes the message that was held again, now with the answer. */
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
	/* It was refused: the right message is still to come, and our last one may have been lost. */
	if (there && ex->at == at && at && !ex->ticket)
		exchange_arm(ex);
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
