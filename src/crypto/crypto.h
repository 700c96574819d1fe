/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CRYPTO_H
#define SALLYPORT_CRYPTO_H

#include "registry.h"
#include "rng.h"
#include "secret.h"

/* The primitives of key management. Bulk protection of packets is in bulk.h. */

enum {
	PRF_OCTETS_MAX = 64,
	IV_OCTETS_MAX = 16,
	DH_OCTETS_MAX = 1024,
};

enum crypto_error {
	CRYPTO_OK = 0,
	CRYPTO_ERR_UNSUPPORTED, /* no such algorithm here */
	CRYPTO_ERR_INPUT,       /* lengths or values that the algorithm does not take */
	CRYPTO_ERR_LIBRARY,     /* libcrypto failed, or no memory */
};

/*
 * prf - RFC 2409 section 4: the negotiated pseudo-random function, HMAC of the
 * hash. @in[0..n_in) is hashed as one message. Writes algorithm->out_octets
 * octets to @out (at least PRF_OCTETS_MAX long).
 */
enum crypto_error prf(uint8_t *out, uint16_t prf_id, struct span key, const struct span *in, size_t n_in);

/* hash - the bare hash that goes with a PRF (RFC 2409 section 4, "HASH"). */
enum crypto_error prf_hash(uint8_t *out, uint16_t prf_id, const struct span *in, size_t n_in);

size_t prf_octets(uint16_t prf_id);

/*
 * cbc_encrypt, cbc_decrypt - in place, without padding; @n is a multiple of
 * the block. @iv is read, and receives the last ciphertext block.
 */
enum crypto_error cbc_encrypt(uint16_t encr_id, struct span key, uint8_t *iv, uint8_t *data, size_t n);
enum crypto_error cbc_decrypt(uint16_t encr_id, struct span key, uint8_t *iv, uint8_t *data, size_t n);

/*
 * Diffie-Hellman. The private value comes from @rng only, so that a seeded
 * generator gives the same public value each time.
 */
struct dh;

/* NULL when the group is unknown or memory is out. */
struct dh *dh_new(uint16_t group, struct rng *rng);
/* Wipes the private value. NULL is allowed. */
void dh_free(struct dh *dh);
uint16_t dh_group(const struct dh *dh);
/* KE payload octets: MODP and Curve25519 as they are; ECP as x | y (RFC 5903 section 7). Borrowed from @dh. */
struct span dh_public(const struct dh *dh);
/*
 * g^xy: MODP left-padded to the prime's length (RFC 2409 section 5, RFC 2631),
 * ECP the x coordinate (RFC 5903 section 7), Curve25519 as RFC 7748 6.1.
 * CRYPTO_ERR_INPUT for a peer value of wrong length, 0, 1, p-1, >= p, a point
 * off the curve, or an all-zero Curve25519 result.
 */
enum crypto_error dh_shared(struct secret *out, const struct dh *dh, struct span peer_public);

#endif
