/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TRUST_H
#define SALLYPORT_TRUST_H

#include "certificate.h"

/*
 * Whether a certificate can be trusted: path validation of RFC 5280 section 6
 * and what is known of revocation. libcrypto does the work; nothing here reads
 * a clock. Any thread may call it.
 */

enum { TRUST_PATH_MAX = 10, TRUST_CERTIFICATES_MAX = 64, TRUST_WHY_MAX = 256, TRUST_POLICIES_MAX = 16 };

struct trust_input {
	const struct certificate *subject;
	struct certificate *const *anchors; /* trusted as they are; the subject itself may be one of them */
	size_t n_anchors;
	struct certificate *const *others; /* what may lie between */
	size_t n_others;
	const char *const *policies; /* OIDs as text: one of them must be valid for the path; n == 0: any */
	size_t n_policies;
	int64_t now; /* seconds of 1970 */
};

/* Subject first, anchor last. The certificates are new references. */
struct trust_path {
	struct certificate *cert[TRUST_PATH_MAX];
	size_t n;
};

enum trust_verdict {
	TRUST_OK = 0,
	TRUST_NO_ISSUER, /* the path does not lead to an anchor */
	TRUST_EXPIRED,
	TRUST_NOT_YET_VALID,
	TRUST_BAD_SIGNATURE,
	TRUST_PATH_LENGTH,
	TRUST_NAME_CONSTRAINTS,
	TRUST_NOT_A_CA,
	TRUST_KEY_USAGE,
	TRUST_CRITICAL_EXTENSION,
	TRUST_POLICY,
	TRUST_OTHER,
	TRUST_VERDICTS
};

/* "expired": a stable word. */
const char *trust_verdict_name(enum trust_verdict v);

/* Whether @now, in seconds of 1970, lies within its validity; if not, a sentence with the date in @why. */
bool trust_is_in_time(const struct certificate *c, int64_t now, char why[TRUST_WHY_MAX]);

/**
 * trust_path_find - a valid path from the subject to an anchor: RFC 5280 section 6.1.
 *
 * Signatures, validity, basicConstraints, keyUsage of the CAs, path length, name
 * constraints and policies by X509_verify_cert(); besides, the subject may sign
 * (RFC 4945 sections 5.1.3.2 and 5.1.3.12). Not looked at: revocation.
 *
 * @why  which certificate, and what is wrong with it
 */
enum trust_verdict trust_path_find(struct trust_path *out, const struct trust_input *in, char why[TRUST_WHY_MAX]);
void trust_path_clear(struct trust_path *p);

/* The hash of a signature, by its PRF's number (PRF_HMAC_SHA1, ...); 0: another. */
uint16_t certificate_signature_hash(const struct certificate *c);

enum revocation_state {
	REVOCATION_UNKNOWN = 0, /* nobody says anything usable */
	REVOCATION_STALE,       /* only what is out of date says that it is good */
	REVOCATION_GOOD,
	REVOCATION_REVOKED,
};

/**
 * trust_crls - what revocation lists say of each certificate of a path.
 *
 * X509_verify_cert() judges signature, issuer's keyUsage, scope (issuing
 * distribution point) and time of the lists: RFC 5280 section 6.3.
 *
 * @out  one for each of @path->n certificates; that of the anchor stays as it is
 */
void trust_crls(enum revocation_state *out, const struct trust_path *path, struct crl *const *crls, size_t n_crls, int64_t now);

/* ---- OCSP: RFC 6960 */

enum { OCSP_REQUEST_OCTETS_MAX = 1024, OCSP_NONCE_OCTETS = 16, OCSP_RESPONSE_OCTETS_MAX = 256 << 10 };

/* A request for one certificate. Its octets; 0 when libcrypto fails. */
size_t ocsp_request(uint8_t out[OCSP_REQUEST_OCTETS_MAX], const struct certificate *subject, const struct certificate *issuer,
                    struct span nonce);

/**
 * ocsp_check - what a response says of a certificate.
 *
 * RFC 6960 section 3.2: signed by the issuer, by a responder that the issuer
 * delegated (4.2.2.2), or by one of @responders (locally trusted). A nonce in
 * the response must be ours; one without is judged by its times alone.
 *
 * @nonce       empty: a response from a cache
 * @good_until  nextUpdate; @now where there is none
 */
enum revocation_state ocsp_check(struct span response, const struct certificate *subject, const struct certificate *issuer,
                                 struct certificate *const *responders, size_t n_responders, struct span nonce, int64_t now,
                                 int64_t *good_until, char why[TRUST_WHY_MAX]);

#endif
