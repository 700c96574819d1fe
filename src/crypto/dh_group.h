/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DH_GROUP_H
#define SALLYPORT_DH_GROUP_H

#include "crypto.h"

#include <openssl/bn.h>
#include <openssl/evp.h>

/*
 * The three kinds of Diffie-Hellman group under crypto.h's one face. Private to this
 * folder. The arithmetic is done on libcrypto's group objects, each made once:
 * EVP_PKEY_derive() on P-256 takes twice the time of the multiplication in it.
 */

struct dh {
	const struct algorithm *algorithm;
	const struct dh_kind *kind;
	struct secret private_value; /* big endian; MODP and ECP */
	EVP_PKEY *key;               /* Curve25519 */
	size_t n_public;
	uint8_t public_value[];
};

struct dh_kind {
	/* Chooses the private value and fills public_value. */
	enum crypto_error (*make)(struct dh *dh, struct rng *rng);
	/* @peer has the right length; @out has algorithm->shared_octets. */
	enum crypto_error (*derive)(uint8_t *out, const struct dh *dh, struct span peer);
};

/* Uniform in [1, @order - 1]; allocates @out. False when out of memory. */
bool dh_choose_scalar(struct secret *out, const BIGNUM *order, struct rng *rng);

extern const struct dh_kind dh_modp, dh_ecp, dh_curve25519;

#endif
