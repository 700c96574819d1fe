/* SPDX-License-Identifier: Apache-2.0 */
#include "phase1.h"

/*
 * The proof of an end: HASH, or SIG with certificates. "In general the signature
 * will be over HASH_I and HASH_R" (RFC 2409 section 5.1), so both begin alike.
 */

enum built
phase1_add_proof(struct exchange *ex, struct builder *b, struct span id_b)
{
	struct phase1 *p = phase1_of(ex);
	uint8_t hash[PRF_OCTETS_MAX];
	size_t n = id_b.p ? phase1_hash_of(ex, hash, ex->role, id_b) : 0;

	if (!n)
		return BUILD_FAILED;
	if (method_signs(p->method, ex->role))
		return sig_add(ex, b, span_of(hash, n));
	/*
	 * "If a certificate request payload is sent from the Edge Device the Client
	 * MUST respond with an empty certificate payload" (hybrid-auth-05 section 4.2).
	 */
	if (p->cert_wanted && !method_proves(p->method, ex->role))
		builder_add(b, &(struct payload) { .type = PAYLOAD_CERT, .cert = { .encoding = CERT_X509_SIGNATURE } });
	builder_add_data(b, PAYLOAD_HASH, span_of(hash, n));
	return BUILT;
}

static enum verdict
check_hash(struct exchange *ex, const struct message *m, struct span hash, const struct identity *id, struct conn **conn)
{
	struct ike_sa *sa = ex->sa;
	const struct payload *h = message_find(m, PAYLOAD_HASH, NULL);
	struct conn **c;

	*conn = NULL;
	if (!secret_equal(hash, h->data)) {
		/* RFC 2408 section 5.11: is it one of the negotiated hash at all? */
		ex->notify = h->data.n == hash.n ? NOTIFY_AUTHENTICATION_FAILED : NOTIFY_INVALID_HASH_INFORMATION;
		return VERDICT_BAD_HASH;
	}
	if (ex->role == INITIATOR)
		*conn = id->type == ID_ANY || identity_match(&sa->conn->remote.id, id) > 0 ? sa->conn : NULL;
	else if (phase1_conns_for(ex, id, &c))
		*conn = c[0];
	return VERDICT_OK;
}

enum verdict
phase1_check_proof(struct exchange *ex, const struct message *m, struct span id_b, const struct identity *id)
{
	struct phase1 *p = phase1_of(ex);
	uint8_t hash[PRF_OCTETS_MAX];
	size_t n = phase1_hash_of(ex, hash, phase1_other(ex), id_b);
	struct conn *conn = NULL;
	enum verdict v;

	if (!n)
		return VERDICT_INTERNAL;
	if (method_signs(p->method, phase1_other(ex)))
		v = sig_check(ex, m, span_of(hash, n), id, &conn);
	else
		v = check_hash(ex, m, span_of(hash, n), id, &conn);
	if (v || ex->ticket)
		return v;
	return conn ? phase1_take_id(ex, conn, id) : phase1_wrong_identity(ex, id);
}
