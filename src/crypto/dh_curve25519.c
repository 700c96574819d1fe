/* SPDX-License-Identifier: Apache-2.0 */
#include "dh_group.h"

/* RFC 8031 section 3, RFC 7748 section 6.1. */

enum { X25519_OCTETS = 32 };

static enum crypto_error
curve25519_make(struct dh *dh, struct rng *rng)
{
	uint8_t k[X25519_OCTETS];
	size_t n = dh->n_public;

	rng_fill(rng, k, sizeof k);
	dh->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, k, sizeof k);
	secret_wipe(k, sizeof k);
	if (!dh->key || EVP_PKEY_get_raw_public_key(dh->key, dh->public_value, &n) != 1 || n != dh->n_public)
		return CRYPTO_ERR_LIBRARY;
	return CRYPTO_OK;
}

/*
 * Any 32 octets are a public value. RFC 8031 section 3 (RFC 7748 section 6.1):
 * a shared secret of all zeros means a point of small order, and is refused.
 */
static enum crypto_error
agree(uint8_t *out, EVP_PKEY_CTX *ctx, EVP_PKEY *peer)
{
	static const uint8_t zero[X25519_OCTETS];
	size_t n = X25519_OCTETS;

	if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1)
		return CRYPTO_ERR_LIBRARY;
	/* libcrypto itself fails for a result of all zeros; with its arguments in order it fails for nothing else. */
	if (EVP_PKEY_derive(ctx, out, &n) != 1 || n != X25519_OCTETS || secret_equal(span_of(out, n), span_of(zero, sizeof zero)))
		return CRYPTO_ERR_INPUT;
	return CRYPTO_OK;
}

static enum crypto_error
curve25519_derive(uint8_t *out, const struct dh *dh, struct span peer)
{
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer.p, peer.n);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(dh->key, NULL);
	enum crypto_error e = theirs && ctx ? agree(out, ctx, theirs) : CRYPTO_ERR_LIBRARY;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	return e;
}

const struct dh_kind dh_curve25519 = { .make = curve25519_make, .derive = curve25519_derive };
