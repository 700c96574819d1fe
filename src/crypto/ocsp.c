/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>

#include "pki.h"
#include "trust_context.h"

/* The Online Certificate Status Protocol: RFC 6960. */

enum { CLOCK_SKEW = 300, NO_NEXT_UPDATE_AGE = 86400 }; /* seconds */

/* ---- the request */

static bool
add_nonce(OCSP_REQUEST *req, struct span nonce)
{
	uint8_t copy[OCSP_NONCE_OCTETS];

	if (nonce.n != sizeof copy)
		return nonce.n == 0;
	memcpy(copy, nonce.p, sizeof copy);
	return OCSP_request_add1_nonce(req, copy, sizeof copy) == 1;
}

size_t
ocsp_request(uint8_t out[OCSP_REQUEST_OCTETS_MAX], const struct certificate *subject, const struct certificate *issuer,
             struct span nonce)
{
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), subject->x, issuer->x);
	OCSP_REQUEST *req = OCSP_REQUEST_new();
	unsigned char *p = out;
	int n = 0;

	/* The request owns the id once it is in it. */
	if (id && req && OCSP_request_add0_id(req, id)) {
		id = NULL;
		n = add_nonce(req, nonce) ? i2d_OCSP_REQUEST(req, NULL) : 0;
	}
	if (n > 0 && n <= OCSP_REQUEST_OCTETS_MAX)
		i2d_OCSP_REQUEST(req, &p);
	else
		n = 0;
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(req);
	ERR_clear_error();
	return (size_t)n;
}

/* ---- the response */

/* What is being judged. */
struct judgement {
	OCSP_BASICRESP *basic;
	const struct certificate *subject, *issuer;
	int64_t now, good_until;
	const char *why;
};

static OCSP_BASICRESP *
read_basic(struct span response, const char **why)
{
	const unsigned char *p = response.p;
	OCSP_RESPONSE *r =
	        response.n && response.n <= OCSP_RESPONSE_OCTETS_MAX ? d2i_OCSP_RESPONSE(NULL, &p, (long)response.n) : NULL;
	OCSP_BASICRESP *basic = NULL;

	*why = "it cannot be read";
	if (r && OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		*why = OCSP_response_status_str(OCSP_response_status(r));
	else if (r)
		basic = OCSP_response_get1_basic(r);
	OCSP_RESPONSE_free(r);
	return basic;
}

/* RFC 6960 section 4.4.1. A responder may leave it out; an other one is a replay. */
static bool
nonce_fits(OCSP_BASICRESP *basic, struct span nonce)
{
	int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
	const ASN1_OCTET_STRING *value;
	const unsigned char *p;
	ASN1_OCTET_STRING *inner;
	bool fits;

	if (at < 0 || nonce.n == 0)
		return true;
	value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
	p = ASN1_STRING_get0_data(value);
	inner = d2i_ASN1_OCTET_STRING(NULL, &p, ASN1_STRING_length(value));
	fits = inner && span_equal(span_of(ASN1_STRING_get0_data(inner), (size_t)ASN1_STRING_length(inner)), nonce);
	ASN1_OCTET_STRING_free(inner);
	return fits;
}

/* RFC 6960 sections 3.2 and 4.2.2.2: the issuer, whom it delegated, or whom we trust anyway. */
static bool
signer_fits(struct judgement *j, struct certificate *const *responders, size_t n_responders)
{
	struct certificate *anchors[1] = { (struct certificate *)(uintptr_t)j->issuer };
	STACK_OF(X509) *trusted = sk_X509_new_null();
	struct trust_context t;
	bool ok = trust_context_open(&t, j->subject, anchors, 1, NULL, 0, j->now);
	X509_VERIFY_PARAM *param = ok ? X509_STORE_get0_param(t.store) : NULL;

	for (size_t i = 0; i < n_responders && trusted; i++)
		sk_X509_push(trusted, responders[i]->x);
	if (param && trusted) {
		X509_VERIFY_PARAM_set_time(param, (time_t)j->now);
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		ok = OCSP_basic_verify(j->basic, trusted, t.store, OCSP_TRUSTOTHER) == 1;
		if (!ok) {
			/* The issuer itself may have signed without putting its certificate in. */
			ok = sk_X509_push(trusted, j->issuer->x) && OCSP_basic_verify(j->basic, trusted, t.store, 0) == 1;
		}
	}
	trust_context_close(&t);
	sk_X509_free(trusted);
	return ok;
}

/* RFC 6960 section 4.2.2.1. */
static bool
is_fresh(struct judgement *j, const ASN1_GENERALIZEDTIME *this_update, const ASN1_GENERALIZEDTIME *next_update)
{
	int64_t made = pki_time(this_update), until = next_update ? pki_time(next_update) : INT64_MIN;

	if (made == INT64_MIN || made > j->now + CLOCK_SKEW)
		return false;
	j->good_until = next_update ? until : j->now;
	return next_update ? until >= j->now - CLOCK_SKEW : made >= j->now - NO_NEXT_UPDATE_AGE;
}

static enum revocation_state
status_of(struct judgement *j)
{
	ASN1_GENERALIZEDTIME *revoked_at, *this_update, *next_update;
	OCSP_CERTID *id = NULL;
	int status, found = 0;

	/* The responder answers with the hash that it was asked with, or with one of its own liking. */
	for (int i = 0; i < OCSP_resp_count(j->basic) && !found; i++) {
		const OCSP_CERTID *theirs = OCSP_SINGLERESP_get0_id(OCSP_resp_get0(j->basic, i));
		ASN1_OBJECT *hash = NULL;

		OCSP_id_get0_info(NULL, &hash, NULL, NULL, (OCSP_CERTID *)(uintptr_t)theirs);
		if (!EVP_get_digestbyobj(hash))
			continue;
		id = OCSP_cert_to_id(EVP_get_digestbyobj(hash), j->subject->x, j->issuer->x);
		found = id && OCSP_resp_find_status(j->basic, id, &status, NULL, &revoked_at, &this_update, &next_update) == 1;
		OCSP_CERTID_free(id);
	}
	j->why = "it says nothing of this certificate";
	if (!found)
		return REVOCATION_UNKNOWN;
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		return REVOCATION_REVOKED;
	j->why = "the responder does not know the certificate";
	if (status != V_OCSP_CERTSTATUS_GOOD)
		return REVOCATION_UNKNOWN;
	j->why = "it is out of date";
	return is_fresh(j, this_update, next_update) ? REVOCATION_GOOD : REVOCATION_STALE;
}

enum revocation_state
ocsp_check(struct span response, const struct certificate *subject, const struct certificate *issuer,
           struct certificate *const *responders, size_t n_responders, struct span nonce, int64_t now, int64_t *good_until,
           char why[TRUST_WHY_MAX])
{
	struct judgement j = { .subject = subject, .issuer = issuer, .now = now, .good_until = now };
	enum revocation_state s = REVOCATION_UNKNOWN;

	j.basic = read_basic(response, &j.why);
	if (j.basic) {
		j.why = "its nonce is not ours";
		if (nonce_fits(j.basic, nonce)) {
			j.why = "it is not signed by the issuer, nor by a responder that the issuer has delegated";
			if (signer_fits(&j, responders, n_responders))
				s = status_of(&j);
		}
	}
	*good_until = j.good_until;
	snprintf(why, TRUST_WHY_MAX, "OCSP response: %s",
	         s == REVOCATION_GOOD      ? "good"
	         : s == REVOCATION_REVOKED ? "revoked"
	                                   : j.why);
	OCSP_BASICRESP_free(j.basic);
	ERR_clear_error();
	return s;
}
