/* SPDX-License-Identifier: Apache-2.0 */
#include "phase1.h"

/* Main Mode (Identity Protection), RFC 2409 section 5. */

/* ---- Messages 1 and 2: the SA */

static enum built
offer_sa(struct exchange *ex, struct builder *b)
{
	enum built r = phase1_counted(ex, phase1_offer_sa(ex, b));

	if (r == BUILT)
		phase1_add_vendor_ids(ex, b);
	return r;
}

static enum verdict
choose_sa(struct exchange *ex, const struct message *in)
{
	enum verdict v = phase1_choose_sa(ex, in, NULL);

	if (v || ex->ticket)
		return v;
	sig_take_requests(ex, in);
	phase1_take_vendor_ids(ex, in);
	return VERDICT_OK;
}

static enum built
answer_sa(struct exchange *ex, struct builder *b)
{
	phase1_answer_sa(ex, b);
	secret_clear(&phase1_of(ex)->sar_b);
	memcpy(phase1_of(ex)->cookie_r, ex->sa->cookie_r, 8);
	phase1_add_vendor_ids(ex, b);
	return BUILT;
}

static enum verdict
accept_sa(struct exchange *ex, const struct message *in)
{
	enum verdict v = phase1_accept_sa(ex, in);

	if (v)
		return v;
	memcpy(phase1_of(ex)->cookie_r, ex->sa->cookie_r, 8);
	sig_take_requests(ex, in);
	phase1_take_vendor_ids(ex, in);
	return VERDICT_OK;
}

/* ---- Messages 3 and 4: KE and nonces */

static enum built
send_ke_nonce(struct exchange *ex, struct builder *b)
{
	if (!phase1_own_ke_nonce(ex, b))
		return BUILD_FAILED;
	sig_add_requests(ex, b);
	nat_add_hashes(ex, b);
	/* The responder looks up the key before it answers: without one there is no point in going on. */
	return ex->role == RESPONDER ? phase1_counted(ex, phase1_need_keys(ex)) : BUILT;
}

static enum verdict
take_ke_nonce(struct exchange *ex, const struct message *m)
{
	enum verdict v = phase1_take_ke_nonce(ex, m);

	if (v)
		return v;
	sig_take_requests(ex, m);
	nat_take_hashes(ex, m);
	return VERDICT_OK;
}

/* ---- Messages 5 and 6: identities and proofs */

/* What must be known before the message can be written. */
static enum built
need_secrets(struct exchange *ex)
{
	enum built r = phase1_need_keys(ex);

	/* The key was found by address: is it the one that goes with the identity? */
	if (r == BUILT && ex->role == RESPONDER && phase1_of(ex)->method->form == FORM_PSK)
		r = psk_confirm(ex);
	return r == BUILT ? sig_need_credential(ex) : r;
}

static enum built
send_proof(struct exchange *ex, struct builder *b)
{
	enum built r = phase1_counted(ex, need_secrets(ex));

	if (r != BUILT)
		return r;
	if (ex->role == INITIATOR)
		nat_float(ex->sa);
	r = phase1_counted(ex, phase1_add_proof(ex, b, phase1_add_id(ex, b)));
	if (r == BUILT)
		phase1_add_rest(ex, b);
	return r;
}

static enum verdict
check_proof(struct exchange *ex, const struct message *m)
{
	const struct payload *id = message_find(m, PAYLOAD_ID, NULL);
	struct identity who;
	enum verdict v = phase1_read_id(ex, &who, id);

	if (v)
		return v;
	sig_take_requests(ex, m);
	v = phase1_check_proof(ex, m, id->raw, &who);
	return v || ex->ticket ? v : phase1_take_rest(ex, m, true);
}

/* ---- The tables: one row = one message */

/* RFC 2408 section 3.9: "The Certificate payload MUST be accepted at any point during an exchange": what comes early is passed over. */
#define MAY1 (P(VID) | P(CR) | P(CERT))
#define MAY3 (P(VID) | P(CR) | P(CERT) | P(NAT_D))
#define MAY5 (P(N) | P(CR) | P(CERT))

/* clang-format off */

/* Main Mode, pre-shared key: RFC 2409 section 5.4. */
static const struct step main_mode_psk[] = {
	/* sender    must              may    HDR*    build          process */
	{ INITIATOR, P(SA),            MAY1,  CLEAR,  offer_sa,      choose_sa },
	{ RESPONDER, P(SA),            MAY1,  CLEAR,  answer_sa,     accept_sa },
	{ INITIATOR, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ RESPONDER, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ INITIATOR, P(ID) | P(HASH),  MAY5,  SEALED, send_proof,    check_proof },
	{ RESPONDER, P(ID) | P(HASH),  MAY5,  SEALED, send_proof,    check_proof },
};

/* Main Mode, signatures: RFC 2409 section 5.1, RFC 4754. */
static const struct step main_mode_signature[] = {
	/* sender    must              may    HDR*    build          process */
	{ INITIATOR, P(SA),            MAY1,  CLEAR,  offer_sa,      choose_sa },
	{ RESPONDER, P(SA),            MAY1,  CLEAR,  answer_sa,     accept_sa },
	{ INITIATOR, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ RESPONDER, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ INITIATOR, P(ID) | P(SIG),   MAY5,  SEALED, send_proof,    check_proof },
	{ RESPONDER, P(ID) | P(SIG),   MAY5,  SEALED, send_proof,    check_proof },
};

/* Main Mode, hybrid, the client initiates: draft-ietf-ipsec-isakmp-hybrid-auth-05 section 4.2. */
static const struct step main_mode_hybrid_init[] = {
	/* sender    must              may    HDR*    build          process */
	{ INITIATOR, P(SA),            MAY1,  CLEAR,  offer_sa,      choose_sa },
	{ RESPONDER, P(SA),            MAY1,  CLEAR,  answer_sa,     accept_sa },
	{ INITIATOR, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ RESPONDER, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ INITIATOR, P(ID) | P(HASH),  MAY5,  SEALED, send_proof,    check_proof },
	{ RESPONDER, P(ID) | P(SIG),   MAY5,  SEALED, send_proof,    check_proof },
};

/* Main Mode, hybrid, the gateway initiates. */
static const struct step main_mode_hybrid_resp[] = {
	/* sender    must              may    HDR*    build          process */
	{ INITIATOR, P(SA),            MAY1,  CLEAR,  offer_sa,      choose_sa },
	{ RESPONDER, P(SA),            MAY1,  CLEAR,  answer_sa,     accept_sa },
	{ INITIATOR, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ RESPONDER, P(KE) | P(NONCE), MAY3,  CLEAR,  send_ke_nonce, take_ke_nonce },
	{ INITIATOR, P(ID) | P(SIG),   MAY5,  SEALED, send_proof,    check_proof },
	{ RESPONDER, P(ID) | P(HASH),  MAY5,  SEALED, send_proof,    check_proof },
};
/* clang-format on */

#define MAIN_MODE(table)                                                                                                         \
	{                                                                                                                        \
		.name = "Main Mode", .type = EXCHANGE_MAIN, .steps = table, .n_steps = sizeof table / sizeof *table,             \
		.finish = phase1_done, .fail = phase1_fail, .refused = phase1_refused, .free_state = phase1_free,                \
	}

const struct exchange_kind main_mode[AUTH_FORMS] = {
	[FORM_PSK] = MAIN_MODE(main_mode_psk),
	[FORM_SIGNATURE] = MAIN_MODE(main_mode_signature),
	[FORM_HYBRID_INIT] = MAIN_MODE(main_mode_hybrid_init),
	[FORM_HYBRID_RESP] = MAIN_MODE(main_mode_hybrid_resp),
};
