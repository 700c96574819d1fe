/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "ike1_sa.h"
#include "phase1.h"

/*
 * Aggressive Mode, RFC 2409 section 5: half the messages, and no protection of
 * identities. What an unprotected message says changes nothing until it is
 * proven, so that a forged one only costs work.
 */

/* ---- Message 1 */

static enum built
offer_all(struct exchange *ex, struct builder *b)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p = phase1_of(ex);
	enum built r = phase1_counted(ex, phase1_offer_sa(ex, b));
	struct span id_b;

	if (r != BUILT)
		return r;
	/* "The group in which the Diffie-Hellman exchange is performed cannot be negotiated." */
	sa->dh_id = ike1_first_group(&sa->conn->ike);
	if (!phase1_own_ke_nonce(ex, b))
		return BUILD_FAILED;
	id_b = phase1_add_id(ex, b);
	if (!id_b.p || !secret_copy(&p->id_b, id_b))
		return BUILD_FAILED;
	sig_add_requests(ex, b);
	phase1_add_vendor_ids(ex, b);
	return BUILT;
}

static bool
keep_their_id(struct phase1 *p, const struct identity *id)
{
	free(p->their_id);
	p->their_id = id_box_new(id);
	return p->their_id != NULL;
}

static enum verdict
choose_all(struct exchange *ex, const struct message *m)
{
	struct phase1 *p = phase1_of(ex);
	const struct payload *id_b = message_find(m, PAYLOAD_ID, NULL);
	struct identity id;
	enum verdict v;

	/* A first message that is refused leaves nothing behind. */
	ex->fatal = true;
	v = phase1_read_id(ex, &id, id_b);
	if (v)
		return v;
	v = phase1_choose_sa(ex, m, &id);
	if (v || ex->ticket)
		return v;
	ex->fatal = true;
	/* Nobody in particular: only a client that logs in later may be that, now that the method is known. */
	if (id.type == ID_ANY && method_proves(p->method, phase1_other(ex)))
		return phase1_wrong_identity(ex, &id);
	sig_take_requests(ex, m);
	phase1_take_vendor_ids(ex, m);
	v = phase1_take_ke_nonce(ex, m);
	if (v)
		return v;
	ex->fatal = false;
	return keep_their_id(p, &id) && secret_copy(&p->id_b, id_b->raw) ? VERDICT_OK : VERDICT_INTERNAL;
}

/* ---- Message 2 */

static enum built
need_secrets(struct exchange *ex)
{
	enum built r = phase1_need_keys(ex);

	return r == BUILT ? sig_need_credential(ex) : r;
}

static enum built
answer_all(struct exchange *ex, struct builder *b)
{
	struct span id_b;
	enum built r;

	phase1_answer_sa(ex, b);
	memcpy(phase1_of(ex)->cookie_r, ex->sa->cookie_r, 8);
	if (!phase1_own_ke_nonce(ex, b))
		return BUILD_FAILED;
	r = phase1_counted(ex, need_secrets(ex));
	if (r != BUILT)
		return r;
	id_b = phase1_add_id(ex, b);
	r = phase1_counted(ex, phase1_add_proof(ex, b, id_b));
	if (r != BUILT)
		return r;
	sig_add_requests(ex, b);
	nat_add_hashes(ex, b);
	phase1_add_vendor_ids(ex, b);
	secret_clear(&phase1_of(ex)->sar_b);
	return BUILT;
}

/* What message 2 would set in the SA: it is nobody's word until its proof is checked. */
struct provisional {
	struct transform encr;
	uint16_t prf_id, dh_id;
	uint8_t cookie_r[8];
};

static struct provisional
remember(const struct ike_sa *sa)
{
	struct provisional was = { sa->encr, sa->prf_id, sa->dh_id, { 0 } };

	memcpy(was.cookie_r, sa->cookie_r, 8);
	return was;
}

static void
restore(struct ike_sa *sa, const struct provisional *was)
{
	sa->encr = was->encr;
	sa->prf_id = was->prf_id;
	sa->dh_id = was->dh_id;
	memcpy(sa->cookie_r, was->cookie_r, 8);
}

static enum verdict
check_answer(struct exchange *ex, const struct message *m)
{
	struct phase1 *p = phase1_of(ex);
	const struct payload *id_b = message_find(m, PAYLOAD_ID, NULL);
	struct identity id;
	enum verdict v = phase1_accept_sa(ex, m);

	memcpy(p->cookie_r, m->h.cookie_r, 8);
	if (!v)
		v = phase1_take_ke_nonce(ex, m);
	if (!v)
		v = phase1_read_id(ex, &id, id_b);
	if (!v && id.type != ID_ANY && identity_match(&ex->sa->conn->remote.id, &id) <= 0)
		v = phase1_wrong_identity(ex, &id);
	if (!v && !keep_their_id(p, &id))
		v = VERDICT_INTERNAL;
	if (v)
		return v;
	v = phase1_verdict(ex, phase1_need_skeyid(ex));
	return v || ex->ticket ? v : phase1_check_proof(ex, m, id_b->raw, &id);
}

static enum verdict
accept_all(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p = phase1_of(ex);
	struct provisional was = remember(sa);
	enum verdict v = check_answer(ex, m);

	if (v || ex->ticket) {
		restore(sa, &was);
		p->keying->have_skeyid = p->keying->have_skeyid && ex->ticket;
		/* Anybody can have sent it. */
		ex->fatal = false;
		return v;
	}
	sig_take_requests(ex, m);
	phase1_take_vendor_ids(ex, m);
	nat_take_hashes(ex, m);
	return phase1_take_rest(ex, m, false);
}

/* ---- Message 3 */

static enum built
send_proof(struct exchange *ex, struct builder *b)
{
	enum built r = phase1_counted(ex, need_secrets(ex));

	if (r != BUILT)
		return r;
	r = phase1_counted(ex, phase1_add_proof(ex, b, secret_span(&phase1_of(ex)->id_b)));
	if (r != BUILT)
		return r;
	/* RFC 3947 section 3.2: here the initiator's NAT-D payloads have their place; section 4: to port 4500. */
	nat_add_hashes(ex, b);
	nat_float(ex->sa);
	phase1_add_rest(ex, b);
	return BUILT;
}

static enum verdict
check_proof(struct exchange *ex, const struct message *m)
{
	struct phase1 *p = phase1_of(ex);
	bool sealed = m->h.flags & FLAG_ENCRYPTION;
	struct identity id = id_box_get(p->their_id);
	enum verdict v = phase1_check_proof(ex, m, secret_span(&p->id_b), &id);

	if (!v && !ex->ticket) {
		nat_take_hashes(ex, m);
		v = phase1_take_rest(ex, m, sealed);
	}
	/* In clear anybody can have sent it. */
	if (v && v != VERDICT_NOT_UNIQUE && !sealed)
		ex->fatal = false;
	return v;
}

/* ---- The tables: one row = one message */

#define ALL (P(SA) | P(KE) | P(NONCE) | P(ID))
#define MAY (P(VID) | P(CR) | P(NAT_D) | P(N) | P(CERT))

/* clang-format off */

/* Aggressive Mode, pre-shared key: RFC 2409 section 5.4. */
static const struct step aggressive_mode_psk[] = {
	/* sender    must            may   HDR*    build       process */
	{ INITIATOR, ALL,            MAY,  CLEAR,  offer_all,  choose_all },
	{ RESPONDER, ALL | P(HASH),  MAY,  CLEAR,  answer_all, accept_all },
	{ INITIATOR, P(HASH),        MAY,  EITHER, send_proof, check_proof },
};

/* Aggressive Mode, signatures: RFC 2409 section 5.1, RFC 4754. */
static const struct step aggressive_mode_signature[] = {
	/* sender    must            may   HDR*    build       process */
	{ INITIATOR, ALL,            MAY,  CLEAR,  offer_all,  choose_all },
	{ RESPONDER, ALL | P(SIG),   MAY,  CLEAR,  answer_all, accept_all },
	{ INITIATOR, P(SIG),         MAY,  EITHER, send_proof, check_proof },
};

/* Aggressive Mode, hybrid, the client initiates: draft-ietf-ipsec-isakmp-hybrid-auth-05 section 4.2. */
static const struct step aggressive_mode_hybrid_init[] = {
	/* sender    must            may   HDR*    build       process */
	{ INITIATOR, ALL,            MAY,  CLEAR,  offer_all,  choose_all },
	{ RESPONDER, ALL | P(SIG),   MAY,  CLEAR,  answer_all, accept_all },
	{ INITIATOR, P(HASH),        MAY,  EITHER, send_proof, check_proof },
};

/* Aggressive Mode, hybrid, the gateway initiates. */
static const struct step aggressive_mode_hybrid_resp[] = {
	/* sender    must            may   HDR*    build       process */
	{ INITIATOR, ALL,            MAY,  CLEAR,  offer_all,  choose_all },
	{ RESPONDER, ALL | P(HASH),  MAY,  CLEAR,  answer_all, accept_all },
	{ INITIATOR, P(SIG),         MAY,  EITHER, send_proof, check_proof },
};
/* clang-format on */

#define AGGRESSIVE_MODE(table)                                                                                                   \
	{                                                                                                                        \
		.name = "Aggressive Mode", .type = EXCHANGE_AGGRESSIVE, .steps = table, .n_steps = sizeof table / sizeof *table, \
		.finish = phase1_done, .fail = phase1_fail, .refused = phase1_refused, .free_state = phase1_free,                \
	}

const struct exchange_kind aggressive_mode[AUTH_FORMS] = {
	[FORM_PSK] = AGGRESSIVE_MODE(aggressive_mode_psk),
	[FORM_SIGNATURE] = AGGRESSIVE_MODE(aggressive_mode_signature),
	[FORM_HYBRID_INIT] = AGGRESSIVE_MODE(aggressive_mode_hybrid_init),
	[FORM_HYBRID_RESP] = AGGRESSIVE_MODE(aggressive_mode_hybrid_resp),
};
