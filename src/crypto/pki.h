/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_PKI_H
#define SALLYPORT_PKI_H

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "certificate.h"

/* What is behind the handles of keys.h and certificate.h. Private to this folder. */

struct public_key {
	EVP_PKEY *pkey;
	struct key_facts facts;
	uint8_t *spki;
	size_t n_spki;
};

struct private_key {
	_Atomic unsigned refs;
	EVP_PKEY *pkey;
	struct key_facts facts;
};

struct alt_name {
	enum alt_name_type type;
	struct span name;
};

struct certificate {
	_Atomic unsigned refs;
	X509 *x;
	struct public_key *key;
	struct span der, subject, issuer, key_identifier;
	uint8_t *owned_der;
	GENERAL_NAMES *general_names; /* that alt_name points into */
	struct alt_name *alt_name;
	size_t n_alt_names;
	char **crl_uri, **ocsp_uri; /* NULL-terminated, or NULL */
	bool is_ca, is_self_issued;
};

struct crl {
	_Atomic unsigned refs;
	X509_CRL *x;
	struct span der, issuer;
	uint8_t *owned_der;
};

/* Takes over the reference to @pkey, also when it fails: NULL. */
struct public_key *public_key_wrap(EVP_PKEY *pkey);
struct private_key *private_key_wrap(EVP_PKEY *pkey);
/* Takes over the reference to @x, also when it fails: NULL. */
struct certificate *certificate_wrap(X509 *x);

/* The passphrase as OpenSSL's PEM functions ask for it; @context is a struct span. */
int pki_passphrase(char *buf, int size, int for_writing, void *context);

/* Seconds of 1970; INT64_MIN when it is no time. */
int64_t pki_time(const ASN1_TIME *t);

#endif
