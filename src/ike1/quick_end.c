/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"

#include "keymat.h"

/* Quick Mode, RFC 2409 section 5.5: message 3, and the end, good or bad. */

enum built
quick_confirm(struct exchange *ex, struct builder *b)
{
	struct quick *q = quick_of(ex);
	enum built r = quick_inbound_first(ex);
	struct span hash;

	if (r != BUILT)
		return r;
	hash = ike1_hash_reserve(ex->sa, b);
	if (!wire_ok(&b->w))
		return BUILD_FAILED;
	return phase2_hash3(b->w.out + (hash.p - b->w.out), ex->sa->prf_id, ike1_skeyid_a(ex->sa), ex->message_id,
	                    secret_span(&q->ni), secret_span(&q->nr))
	               ? BUILT
	               : BUILD_FAILED;
}

enum verdict
quick_confirmed(struct exchange *ex, const struct message *m)
{
	struct quick *q = quick_of(ex);
	uint8_t want[PRF_OCTETS_MAX];

	if (!phase2_hash3(want, ex->sa->prf_id, ike1_skeyid_a(ex->sa), ex->message_id, secret_span(&q->ni), secret_span(&q->nr)))
		return VERDICT_INTERNAL;
	return secret_equal(span_of(want, prf_octets(ex->sa->prf_id)), message_find(m, PAYLOAD_HASH, NULL)->data)
	               ? VERDICT_OK
	               : VERDICT_BAD_HASH;
}

/* ---- The end */

/* Lets the next children begin: this exchange is over, but still counts under the limit. */
static void
run_queue(struct ike_sa *sa)
{
	struct ike_sa *next = sa->successor ? ike_sa_by_id(sa->core, sa->successor) : sa;

	sa->running--;
	ike_sa_run_queue(next ? next : sa);
	sa->running++;
}

/* Installs outbound now, or keeps its keys for later: without memory for the one, the other may do. True: later. */
static bool
begin_outbound(struct exchange *ex, bool later)
{
	struct sa_keys keys = quick_keys_of(quick_of(ex), SA_OUTBOUND);
	bool held = later && child_hold_outbound(ex->child, &keys);

	return held || (!quick_install(ex, SA_OUTBOUND, PARKED_CHILD) && child_hold_outbound(ex->child, &keys));
}

/* The responder knows that the initiator is ready; the initiator waits until the peer surely is (docs/adr/0003). */
void
quick_finish(struct exchange *ex)
{
	struct quick *q = quick_of(ex);
	struct child_sa *c = ex->child;
	struct ike_sa *sa = ex->sa;
	bool later;
	uint64_t life = q->life_seconds < 100000000 ? q->life_seconds : 100000000;
	uint32_t id = c->id, sa_id = sa->id;
	struct ike *core = sa->core;

	ex->child_id = id;
	/* "the entity which did not set the Commit Bit MUST wait for an Informational Exchange containing a Notify payload
	 * (with the CONNECTED Notify Message)" RFC 2408 section 3.1 */
	c->await_connected = ex->peer_commit;
	later = begin_outbound(ex, ex->role == INITIATOR || ex->peer_commit);
	child_established(c, (instant_t)life * SECONDS(1));
	c = child_by_id(core, id);
	if (c && later)
		child_switch_later(c);
	sa = ike_sa_by_id(core, sa_id);
	if (sa)
		run_queue(sa);
}

static void
notify_refused(struct ike_sa *sa, const struct refused_quick *r)
{
	uint8_t spi[4];

	put_be32(spi, r->spi);
	info_notify(sa, r->protocol, r->notify, span_of(spi, r->spi ? 4 : 0), (struct span) { 0 });
}

static void
say_refused(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct refused_quick r = {
		.digest = ex->in_hash,
		.message_id = ex->message_id,
		.spi = quick_of(ex)->offered_spi,
		.protocol = quick_of(ex)->offered_protocol == PROTO_IPSEC_AH ? PROTO_IPSEC_AH : PROTO_IPSEC_ESP,
		.notify = ex->notify,
	};

	if (ex->role == RESPONDER)
		ike_sa_refused(sa, &r);
	notify_refused(sa, &r);
}

void
quick_mode_received(struct ike_sa *sa, uint32_t message_id, uint64_t digest)
{
	struct refused_quick *r = ike_sa_refusal(sa, message_id, 0);

	if (r)
		r->digest = digest;
}

/* RFC 2408 section 5.1: the same message gets the same answer. */
bool
quick_mode_refused_before(struct ike_sa *sa, uint32_t message_id, uint64_t digest)
{
	const struct refused_quick *r = ike_sa_refusal(sa, message_id, digest);

	if (r)
		notify_refused(sa, r);
	return r != NULL;
}

void
quick_fail(struct exchange *ex, const char *reason)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	struct child_sa *c = ex->child;
	struct quick *q = quick_of(ex);
	bool silent = ex->at > 0 && !ex->fatal && !ex->verdict && ex->role == INITIATOR && !q->refused_by_peer &&
	              (sa->unheard || sa->heard_at < ex->started_at);
	uint32_t id = sa->id;

	if (ex->notify)
		say_refused(ex);
	if (c)
		child_failed(c, reason);
	else
		exchange_free(ex);
	sa = ike_sa_by_id(core, id);
	if (!sa)
		return;
	/*
	 * Nothing at all was heard while it repeated itself: the peer, or its memory of
	 * this SA, may be gone. Where a probe can tell, it decides.
	 */
	if (silent && !sa->peer_dpd) {
		ike_sa_end(sa, END_DPD, "the peer does not answer Quick Mode");
		return;
	}
	if (silent)
		ike_sa_probe(sa);
	ike_sa_run_queue(sa);
}

void
quick_mode_refused(struct ike_sa *sa, struct span spi, const char *why)
{
	struct exchange *found = NULL;
	unsigned n = 0;

	for (struct exchange *ex = sa->exchanges; ex; ex = ex->next) {
		if (ex->over || ex->kind != &quick_mode || ex->role != INITIATOR || !ex->child || ex->at != 1)
			continue;
		if (spi.n == 4 && get_be32(spi.p) == ex->child->spi_in) {
			found = ex;
			n = 1;
			break;
		}
		found = ex;
		n++;
	}
	if (n != 1)
		return;
	quick_of(found)->refused_by_peer = true;
	exchange_end(found, why);
}
