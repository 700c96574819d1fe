/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "pki.h"
#include "trust_context.h"

/* Revocation lists: RFC 5280 section 6.3, as X509_verify_cert() does it. */

/* What the callback heard of one certificate. */
struct heard {
	bool nothing; /* no list, or none that counts */
	bool stale, revoked;
};

struct hearing {
	struct heard of[TRUST_PATH_MAX];
};

/*
 * Called for each complaint; all are passed over, to hear the next. Complaints
 * that are not about lists were judged when the path was found.
 */
static int
hear(int ok, X509_STORE_CTX *ctx)
{
	struct hearing *h = X509_STORE_CTX_get_app_data(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);

	if (ok || depth < 0 || depth >= TRUST_PATH_MAX)
		return 1;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_REVOKED:
		h->of[depth].revoked = true;
		break;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		h->of[depth].stale = true;
		break;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		h->of[depth].nothing = true;
		break;
	default:
		break;
	}
	return 1;
}

/* A list whose signature is wrong must not hide a good one: it is not even looked at. */
static bool
is_forged(const struct crl *crl, const struct trust_path *path)
{
	bool named = false;

	for (size_t i = 0; i < path->n; i++) {
		if (crl_signed_by(crl, path->cert[i]))
			return false;
		named |= span_equal(crl->issuer, path->cert[i]->subject);
	}
	return named;
}

static enum revocation_state
conclude(const struct heard *h)
{
	/* What cannot be relied upon revokes nothing; what is only old still does. */
	if (h->nothing)
		return REVOCATION_UNKNOWN;
	return h->revoked ? REVOCATION_REVOKED : h->stale ? REVOCATION_STALE : REVOCATION_GOOD;
}

void
trust_crls(enum revocation_state *out, const struct trust_path *path, struct crl *const *crls, size_t n_crls, int64_t now)
{
	STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
	struct hearing h = { 0 };
	struct trust_context t;
	bool ok = lists && path->n > 1 &&
	          trust_context_open(&t, path->cert[0], &path->cert[path->n - 1], 1, &path->cert[1], path->n - 2, now);

	for (size_t i = 0; i < n_crls && ok; i++)
		ok = is_forged(crls[i], path) || sk_X509_CRL_push(lists, crls[i]->x);
	if (ok) {
		X509_STORE_CTX_set0_crls(t.ctx, lists);
		X509_STORE_CTX_set_flags(t.ctx, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
		                                        X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS);
		X509_STORE_CTX_set_verify_cb(t.ctx, hear);
		X509_STORE_CTX_set_app_data(t.ctx, &h);
		ok = X509_verify_cert(t.ctx) == 1;
	}
	for (size_t i = 0; i + 1 < path->n; i++)
		out[i] = ok ? conclude(&h.of[i]) : REVOCATION_UNKNOWN;
	if (lists && path->n > 1)
		trust_context_close(&t);
	sk_X509_CRL_free(lists);
	ERR_clear_error();
}
