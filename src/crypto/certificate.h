/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CERTIFICATE_H
#define SALLYPORT_CERTIFICATE_H

#include "keys.h"

/*
 * X.509 certificates and CRLs (RFC 5280). Immutable once read, shared by
 * reference between threads. Names are given in DER, as they are compared.
 */

enum {
	CERTIFICATE_OCTETS_MAX = 64 << 10,
	CRL_OCTETS_MAX = 32 << 20,
	BUNDLE_CERTIFICATES_MAX = 32, /* in one PKCS #7 or PKCS #12 */
	ALT_NAMES_MAX = 256,
};

struct certificate;

/* One certificate in PEM or DER; what follows it is not read. NULL when it is none, or has an unusable key or name. */
struct certificate *certificate_read(struct span file);
struct certificate *certificate_ref(struct certificate *c);
/* NULL is allowed. */
void certificate_unref(struct certificate *c);

/* All are borrowed from the certificate. */
struct span certificate_der(const struct certificate *c);
struct span certificate_subject(const struct certificate *c);
struct span certificate_issuer(const struct certificate *c);
const struct public_key *certificate_key(const struct certificate *c);
/* The subjectKeyIdentifier; empty without one. */
struct span certificate_key_identifier(const struct certificate *c);
bool certificate_is_ca(const struct certificate *c); /* basicConstraints say so */
bool certificate_is_self_issued(const struct certificate *c);
bool certificate_equal(const struct certificate *a, const struct certificate *b);

enum alt_name_type { ALT_NAME_DNS, ALT_NAME_EMAIL, ALT_NAME_IP, ALT_NAME_DN };

/* The subjectAltNames of the types above in their order; *cursor starts at 0. False at the end. */
bool certificate_next_alt_name(const struct certificate *c, size_t *cursor, enum alt_name_type *type, struct span *name);

/* http, https, ldap(s) and file URIs of CRL distribution points and of OCSP responders; *cursor starts at 0. NULL at the end. */
const char *certificate_next_crl_uri(const struct certificate *c, size_t *cursor);
const char *certificate_next_ocsp_uri(const struct certificate *c, size_t *cursor);

/* The certificates of a PKCS #7 bundle (DER or PEM), new references in @out[0..max). Their number; 0: none. */
size_t certificates_of_pkcs7(struct certificate **out, size_t max, struct span file);
/* The key, or NULL, and the certificates of a PKCS #12 container, new references. */
enum key_error certificates_of_pkcs12(struct private_key **key, struct certificate **out, size_t *n, size_t max, struct span file,
                                      struct span passphrase);

/* ---- revocation lists */

struct crl;

/* PEM or DER; NULL when it is none. */
struct crl *crl_read(struct span file);
struct crl *crl_ref(struct crl *c);
void crl_unref(struct crl *c);
struct span crl_der(const struct crl *c);
struct span crl_issuer(const struct crl *c);
/* Whether its issuer has the CA's name, and its signature is made with the CA's key. */
bool crl_signed_by(const struct crl *c, const struct certificate *ca);

#endif
