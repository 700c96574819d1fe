/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "phase1.h"

/*
 * Authentication with signatures, RFC 2409 section 5.1 and RFC 4754, and the
 * certificates around it, RFC 2408 sections 3.9 and 3.10. Keys and trust stay
 * behind ASK_CREDENTIAL, ASK_SIGN and ASK_VERIFY.
 */

/* ---- Certificate requests */

/* send_certreq; who is to sign is told whom we trust. */
void
sig_add_requests(struct exchange *ex, struct builder *b)
{
	struct phase1 *p = phase1_of(ex);
	const struct credential *k = phase1_credential(ex);

	if (!ex->sa->conn->send_certreq || !p->method || !method_signs(p->method, phase1_other(ex)))
		return;
	for (size_t i = 0; i < k->n_authority; i++)
		builder_add(b, &(struct payload) {
		                       .type = PAYLOAD_CR,
		                       .cert = { .encoding = CERT_X509_SIGNATURE, .data = secret_span(&k->authority[i]) } });
}

static bool
is_wanted(const struct phase1 *p, struct span name)
{
	for (size_t i = 0; i < p->n_wanted; i++)
		if (span_equal(secret_span(&p->wanted[i]), name))
			return true;
	return false;
}

/*
 * RFC 2408 section 3.10: "If there is no specific certificate authority
 * requested, this field should not be included." Nobody vouches for these yet:
 * they only choose among our own certificates.
 */
void
sig_take_requests(struct exchange *ex, const struct message *m)
{
	struct phase1 *p = phase1_of(ex);

	for (const struct payload *r = message_find(m, PAYLOAD_CR, NULL); r; r = message_find(m, PAYLOAD_CR, r)) {
		if (r->cert.encoding != CERT_X509_SIGNATURE && r->cert.encoding != CERT_PKCS7)
			continue;
		p->cert_wanted = true;
		if (!r->cert.data.n || p->n_wanted == PHASE1_AUTHORITIES_MAX || is_wanted(p, r->cert.data))
			continue;
		if (!p->wanted)
			p->wanted = calloc(PHASE1_AUTHORITIES_MAX, sizeof *p->wanted);
		if (p->wanted && secret_copy(&p->wanted[p->n_wanted], r->cert.data))
			p->n_wanted++;
	}
}

/* ---- Signing */

/* Once more, now that the peer has said which CAs it trusts. */
static enum built
need_fitting_credential(struct exchange *ex)
{
	struct phase1 *p = phase1_of(ex);
	enum built r;

	if (!p->credential_again && (p->n_wanted || phase1_credential(ex)->conn != ex->sa->conn)) {
		p->credential_again = true;
		credential_free(p->credential);
		p->credential = NULL;
	}
	r = phase1_need_credential(ex, ex->sa->conn, 1u << p->method->scheme);
	if (r != BUILT)
		return r;
	if (phase1_credential(ex)->ok && phase1_credential(ex)->scheme == (enum signature_scheme)p->method->scheme)
		return BUILT;
	phase1_refuse(ex, VERDICT_NO_CREDENTIAL, NOTIFY_CERTIFICATE_UNAVAILABLE,
	              phase1_credential(ex)->why
	                      ? arena_printf(&ex->sa->core->scratch, "%s", phase1_credential(ex)->why)
	                      : "the key for this connection makes another kind of signature than the one agreed");
	return BUILD_FAILED;
}

static enum built
need_signature(struct exchange *ex, struct span hash)
{
	struct phase1 *p = phase1_of(ex);
	struct ike *core = ex->sa->core;
	const struct answer *a = phase1_answer(ex, ASKED_SIGNATURE);
	struct effect *e;

	if (p->signature.n)
		return BUILT;
	if (!a) {
		e = phase1_ask(ex, EFFECT_ASK_SIGN, ASKED_SIGNATURE);
		if (!e)
			return BUILD_FAILED;
		e->sign = (struct sign_query) { .key = phase1_credential(ex)->key,
			                        .scheme = (enum signature_scheme)p->method->scheme,
			                        .octets = effects_dup_span(core->fx, hash) };
		return BUILD_PARKED;
	}
	if (a->ok && a->signature.n)
		return secret_copy(&p->signature, a->signature) ? BUILT : BUILD_FAILED;
	phase1_refuse(ex, VERDICT_NO_CREDENTIAL, NOTIFY_AUTHENTICATION_FAILED,
	              arena_printf(&core->scratch, "signing failed: %s", a->reason ? a->reason : "no reason given"));
	return BUILD_FAILED;
}

static bool
sends_cert(const struct exchange *ex)
{
	switch (ex->sa->conn->send_cert) {
	case SEND_CERT_ALWAYS:
		return true;
	case SEND_CERT_NEVER:
		return false;
	default:
		return phase1_of(ex)->cert_wanted;
	}
}

enum built
sig_add(struct exchange *ex, struct builder *b, struct span hash)
{
	struct phase1 *p = phase1_of(ex);
	const struct credential *k = phase1_credential(ex);
	enum built r = need_signature(ex, hash);

	if (r != BUILT)
		return r;
	for (size_t i = 0; sends_cert(ex) && i < k->n_cert; i++)
		builder_add(b, &(struct payload) { .type = PAYLOAD_CERT,
		                                   .cert = { .encoding = k->encoding[i], .data = secret_span(&k->cert[i]) } });
	builder_add_data(b, PAYLOAD_SIG, secret_span(&p->signature));
	return BUILT;
}

enum built
sig_need_credential(struct exchange *ex)
{
	return method_signs(phase1_of(ex)->method, ex->role) ? need_fitting_credential(ex) : BUILT;
}

/* ---- Checking */

static void
forget_judged(struct phase1 *p)
{
	for (size_t i = 0; i < p->n_judged; i++)
		conn_unref(p->judged[i]);
	free(p->judged);
	p->judged = NULL;
	p->n_judged = 0;
}

/* The answer is an index: what it points into must not move meanwhile. */
static bool
keep_judged(struct exchange *ex, struct conn *const *c, size_t n)
{
	struct phase1 *p = phase1_of(ex);

	forget_judged(p);
	p->judged = calloc(n, sizeof *p->judged);
	if (!p->judged)
		return false;
	for (; p->n_judged < n; p->n_judged++) {
		p->judged[p->n_judged] = conn_ref(c[p->n_judged]);
		core_keep_conn(ex->sa->core, c[p->n_judged]);
	}
	return true;
}

static bool
understood(uint8_t encoding)
{
	return encoding == CERT_X509_SIGNATURE || encoding == CERT_PKCS7 || encoding == CERT_RAW_RSA || encoding == CERT_CRL;
}

/* What the peer sent of certificates, as far as we have a use for it; false when out of memory. */
static bool
collect_certs(struct exchange *ex, const struct message *m, struct verify_query *q, bool *other)
{
	struct arena *a = &ex->sa->core->fx->arena;
	struct cert_payload *out = arena_alloc(a, PHASE1_CERTS_MAX * sizeof *out);

	q->cert = out;
	for (const struct payload *c = message_find(m, PAYLOAD_CERT, NULL); out && c; c = message_find(m, PAYLOAD_CERT, c)) {
		if (!understood(c->cert.encoding) || !c->cert.data.n) {
			*other |= c->cert.data.n > 0;
			continue;
		}
		out[q->n_cert++] = (struct cert_payload) { c->cert.encoding, arena_dup(a, c->cert.data) };
	}
	return out != NULL;
}

static size_t
count_certs(const struct message *m)
{
	size_t n = 0;

	for (const struct payload *c = message_find(m, PAYLOAD_CERT, NULL); c; c = message_find(m, PAYLOAD_CERT, c))
		n++;
	return n;
}

static enum verdict
ask_verify(struct exchange *ex, const struct message *m, struct span hash, const struct identity *id, struct conn *const *c,
           size_t n)
{
	struct effects *fx = ex->sa->core->fx;
	struct phase1 *p = phase1_of(ex);
	struct verify_query q = { .n_conn = n, .scheme = (enum signature_scheme)p->method->scheme };
	bool other = false;
	struct effect *e;

	if (!collect_certs(ex, m, &q, &other) || !keep_judged(ex, c, n))
		return VERDICT_INTERNAL;
	if (other && !q.n_cert)
		return phase1_refuse(ex, VERDICT_BAD_CERTIFICATE, NOTIFY_INVALID_CERT_ENCODING,
		                     "none of the peer's certificates has an encoding that we read: X.509 or PKCS #7");
	e = phase1_ask(ex, EFFECT_ASK_VERIFY, ASKED_VERIFIED);
	if (!e)
		return VERDICT_INTERNAL;
	q.conn = effects_dup(fx, p->judged, n * sizeof *p->judged);
	q.id = effects_dup(fx, id, sizeof *id);
	q.octets = effects_dup_span(fx, hash);
	q.signature = effects_dup_span(fx, message_find(m, PAYLOAD_SIG, NULL)->data);
	e->verify = q;
	return VERDICT_OK;
}

static enum verdict
take_verified(struct exchange *ex, const struct answer *a, struct conn **conn)
{
	struct phase1 *p = phase1_of(ex);
	bool signature = a->notify == NOTIFY_INVALID_SIGNATURE;
	size_t n = p->n_judged;

	if (a->ok && a->conn < n) {
		*conn = p->judged[a->conn];
		return VERDICT_OK;
	}
	return phase1_refuse(ex, signature ? VERDICT_BAD_SIGNATURE : VERDICT_BAD_CERTIFICATE,
	                     a->notify ? a->notify : NOTIFY_AUTHENTICATION_FAILED,
	                     arena_printf(&ex->sa->core->scratch, "%s", a->reason ? a->reason : "no reason given"));
}

enum verdict
sig_check(struct exchange *ex, const struct message *m, struct span hash, const struct identity *id, struct conn **conn)
{
	struct ike_sa *sa = ex->sa;
	const struct answer *a = phase1_answer(ex, ASKED_VERIFIED);
	struct conn **c = &sa->conn;
	size_t n = 1;

	if (a)
		return take_verified(ex, a, conn);
	if (count_certs(m) > PHASE1_CERTS_MAX)
		return phase1_refuse(
		        ex, VERDICT_BAD_CERTIFICATE, NOTIFY_INVALID_CERTIFICATE,
		        arena_printf(&sa->core->scratch, "more than %u certificates in one message", (unsigned)PHASE1_CERTS_MAX));
	if (ex->role == RESPONDER)
		n = phase1_conns_for(ex, id, &c);
	else if (identity_match(&sa->conn->remote.id, id) <= 0)
		n = 0;
	return n ? ask_verify(ex, m, hash, id, c, n) : phase1_wrong_identity(ex, id);
}
