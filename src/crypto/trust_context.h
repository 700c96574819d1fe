/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TRUST_CONTEXT_H
#define SALLYPORT_TRUST_CONTEXT_H

#include <openssl/x509_vfy.h>

#include "trust.h"

/* What X509_verify_cert() works with. Private to this folder. */
struct trust_context {
	X509_STORE *store;
	X509_STORE_CTX *ctx;
	STACK_OF(X509) * others; /* borrows */
};

/* False when out of memory; close in any case. */
bool trust_context_open(struct trust_context *t, const struct certificate *subject, struct certificate *const *anchors,
                        size_t n_anchors, struct certificate *const *others, size_t n_others, int64_t now);
void trust_context_close(struct trust_context *t);

#endif
