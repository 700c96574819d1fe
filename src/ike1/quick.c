/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"

#include <stdlib.h>

#include "keymat.h"
#include "refusal.h"

/* Quick Mode, RFC 2409 section 5.5: its table, and what both ends do alike. */

static void
quick_free(struct exchange *ex)
{
	struct quick *q = ex->state;

	if (!q)
		return;
	dh_free(q->dh);
	secret_clear(&q->ni);
	secret_clear(&q->nr);
	secret_clear(&q->gxy);
	secret_clear(&q->sar_b);
	secret_clear(&q->ids);
	secret_wipe(q, sizeof *q);
	free(q);
	ex->state = NULL;
}

static bool
in_udp(const struct ike_sa *sa)
{
	return sa->nat_local || sa->nat_remote || sa->nat_fake;
}

static uint16_t
encapsulation_for(const struct ike_sa *sa, enum child_mode mode)
{
	bool udp = in_udp(sa), draft = sa->peer_nat_t_draft;

	if (mode == MODE_TRANSPORT)
		return !udp ? ENCAPSULATION_TRANSPORT : draft ? ENCAPSULATION_UDP_TRANSPORT_DRAFT : ENCAPSULATION_UDP_TRANSPORT;
	return !udp ? ENCAPSULATION_TUNNEL : draft ? ENCAPSULATION_UDP_TUNNEL_DRAFT : ENCAPSULATION_UDP_TUNNEL;
}

struct bundle_terms
quick_terms(const struct ike_sa *sa, const struct child *cfg)
{
	return (struct bundle_terms) {
		.esp = &cfg->esp,
		.ah = &cfg->ah,
		.ipcomp = cfg->ipcomp,
		.encapsulation = encapsulation_for(sa, cfg->mode),
		.pfs = quick_wants_pfs(sa),
	};
}

/* RFC 3715 section 2.1: AH authenticates the addresses that a NAT changes, and there is no AH in UDP. */
const char *
quick_impossible(const struct ike_sa *sa, const struct child *cfg)
{
	return cfg->ah.n && in_udp(sa) ? "AH cannot pass the NAT between the peers (or encap = yes): use esp_proposals alone"
	                               : NULL;
}

uint16_t
quick_group(const struct bundle *b)
{
	return b->has & BUNDLE_ESP ? b->esp.dh_id : b->ah.dh_id;
}

bool
quick_wants_pfs(const struct ike_sa *sa)
{
	return sa->aggressive && !sa->core->settings.aggressive_without_pfs;
}

bool
quick_own_nonce(struct exchange *ex, struct secret *n)
{
	if (n->n)
		return true;
	if (!secret_alloc(n, QUICK_NONCE_OCTETS))
		return false;
	rng_fill(ex->sa->core->rng, n->p, n->n);
	return true;
}

enum verdict
quick_authentic(struct exchange *ex, const struct message *m, struct span ni_b)
{
	if (m->payload[0].type != PAYLOAD_HASH)
		return VERDICT_PAYLOAD_ORDER;
	if (!ike1_hash_verify(ex->sa, m, ni_b))
		return VERDICT_BAD_HASH;
	ex->fatal = true;
	/* "a SA payload MUST immediately follow the HASH" */
	return m->n > 1 && m->payload[1].type == PAYLOAD_SA ? VERDICT_OK : VERDICT_PAYLOAD_ORDER;
}

enum verdict
quick_take_nonce(const struct message *m, struct secret *n)
{
	struct span s = message_find(m, PAYLOAD_NONCE, NULL)->data;

	if (s.n < QUICK_NONCE_MIN || s.n > QUICK_NONCE_MAX)
		return VERDICT_BAD_NONCE;
	return secret_copy(n, s) ? VERDICT_OK : VERDICT_INTERNAL;
}

bool
quick_add_ke(struct exchange *ex, struct builder *b, uint16_t group)
{
	struct quick *q = quick_of(ex);

	if (group == DH_NONE)
		return true;
	if (!q->dh)
		q->dh = dh_new(group, ex->sa->core->rng);
	if (!q->dh)
		return false;
	builder_add_data(b, PAYLOAD_KE, dh_public(q->dh));
	return true;
}

/*
 * "if a KE payload is sent, the attribute describing the Diffie-Hellman group MUST be included in every transform of every
 * proposal" (RFC 2409 section 5.5): else one end would derive its keys with g(qm)^xy and the other without.
 */
static enum verdict
ke_without_group(struct exchange *ex)
{
	ex->notify = NOTIFY_BAD_PROPOSAL_SYNTAX;
	ex->why =
	        "a KE payload, but the chosen proposal names no group for it: the peer has to offer PFS in all of its proposals "
	        "or in none";
	return VERDICT_EXTRA_PAYLOAD;
}

enum verdict
quick_take_ke(struct exchange *ex, const struct message *m, uint16_t group)
{
	struct quick *q = quick_of(ex);
	const struct payload *ke = message_find(m, PAYLOAD_KE, NULL);

	if (group == DH_NONE)
		return ke ? ke_without_group(ex) : VERDICT_OK;
	if (!ke)
		return VERDICT_MISSING_PAYLOAD;
	if (!q->dh)
		q->dh = dh_new(group, ex->sa->core->rng);
	if (!q->dh)
		return VERDICT_INTERNAL;
	secret_clear(&q->gxy);
	if (dh_shared(&q->gxy, q->dh, ke->data) == CRYPTO_OK)
		return VERDICT_OK;
	ex->notify = NOTIFY_INVALID_KEY_INFORMATION;
	return VERDICT_BAD_KE;
}

/* Under the keys only about authentic messages: otherwise anybody could make us say it. */
static void
quick_refused(struct exchange *ex, enum verdict v)
{
	if (ex->fatal && !ex->notify)
		ex->notify = refusal_of_message(ex, v);
}

/*
 * HASH(1) and HASH(2) cover all that follows them, readable or not, but not the header: by the SA payload it is told that this
 * is a Quick Mode, and no other message under an exchange type that somebody changed.
 */
static bool
quick_vouched_for(struct exchange *ex, const struct message *m)
{
	struct span ni = ex->role == INITIATOR ? secret_span(&quick_of(ex)->ni) : (struct span) { 0 };

	if (ex->at > 1 || m->n < 2 || m->payload[0].type != PAYLOAD_HASH || m->payload[1].type != PAYLOAD_SA ||
	    !ike1_hash_verify(ex->sa, m, ni))
		return false;
	ike_sa_fresh_id(ex->sa, ex->message_id);
	return true;
}

#define Q_MUST (P(HASH) | P(SA) | P(NONCE))
/* RFC 2408 sections 3.9 and 3.10: certificates and requests "MUST be accepted at any point": passed over, as Phase 1 is done. */
#define Q_OVER (P(CERT) | P(CR))
#define Q_MAY (P(KE) | P(ID) | P(NAT_OA) | Q_OVER)

/* Quick Mode: RFC 2409 section 5.5. One row = one message. */
/* clang-format off */
static const struct step quick_steps[] = {
	/* sender    must     may     HDR*  build          process */
	{ INITIATOR, Q_MUST,  Q_MAY,  true, quick_offer,   quick_consider },
	{ RESPONDER, Q_MUST,  Q_MAY,  true, quick_answer,  quick_accept },
	{ INITIATOR, P(HASH), Q_OVER, true, quick_confirm, quick_confirmed },
};
/* clang-format on */

const struct exchange_kind quick_mode = {
	.name = "Quick Mode",
	.type = EXCHANGE_QUICK,
	.steps = quick_steps,
	.n_steps = sizeof quick_steps / sizeof quick_steps[0],
	/* Message 3 has no answer: only the repetition of message 2 shows that it was lost. */
	.responder_repeats = true,
	.finish = quick_finish,
	.fail = quick_fail,
	.refused = quick_refused,
	.authentic = quick_vouched_for,
	.free_state = quick_free,
};

bool
quick_mode_open(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;

	ex->started_at = sa->core->now;
	ex->state = calloc(1, sizeof(struct quick));
	return ex->state && phase2_iv(ex->iv, ike1_block(sa), sa->prf_id, span_of(sa->iv, ike1_block(sa)), ex->message_id);
}

bool
quick_mode_is_authentic(const struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	struct message m = { .h = *h };
	uint8_t iv[16], next_iv[16];
	struct span body;

	return (h->flags & FLAG_ENCRYPTION) &&
	       phase2_iv(iv, ike1_block(sa), sa->prf_id, span_of(sa->iv, ike1_block(sa)), h->message_id) &&
	       ike1_decrypt(sa, iv, next_iv, h, in->data, &body) == VERDICT_OK &&
	       !isakmp_decode_payloads(&m, h->next_payload, body, true, &sa->core->scratch) &&
	       ike1_hash_verify(sa, &m, (struct span) { 0 });
}

uint32_t
ike1_message_id(struct ike_sa *sa)
{
	uint32_t mid;

	do {
		mid = rng_u32(sa->core->rng);
	} while (!mid || exchange_find(sa, mid) || ike_sa_seen_id(sa, mid));
	/* Used up: what comes back under it is a reflection, which our keys would open. */
	ike_sa_fresh_id(sa, mid);
	return mid;
}

bool
quick_mode_initiate(struct child_sa *c)
{
	struct ike_sa *sa = c->sa;
	struct bundle_terms terms = quick_terms(sa, c->cfg);
	struct exchange *ex = exchange_new(sa, &quick_mode, INITIATOR, ike1_message_id(sa));

	if (!ex)
		return false;
	if (!quick_mode_open(ex) || !quick_new_spis(c, (uint8_t)(bundle_wanted(&terms) | (c->cfg->ipcomp ? BUNDLE_IPCOMP : 0)))) {
		exchange_free(ex);
		return false;
	}
	ex->child = c;
	c->exchange = ex;
	c->role = INITIATOR;
	c->created_at = sa->core->now;
	exchange_advance(ex);
	return true;
}
