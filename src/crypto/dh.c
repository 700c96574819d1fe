/* SPDX-License-Identifier: Apache-2.0 */
#include "dh_group.h"

#include <stdlib.h>

enum { SCALAR_TRIES = 128 };

static const struct dh_kind *
kind_of(uint16_t group)
{
	switch (group) {
	case DH_NONE:
		return NULL;
	case DH_ECP_192:
	case DH_ECP_224:
	case DH_ECP_256:
	case DH_ECP_384:
	case DH_ECP_521:
	case DH_ECP_224_BP:
	case DH_ECP_256_BP:
	case DH_ECP_384_BP:
	case DH_ECP_512_BP:
		return &dh_ecp;
	case DH_CURVE25519:
		return &dh_curve25519;
	default:
		return &dh_modp;
	}
}

/* Uniform because what is too large is thrown away, not reduced. */
bool
dh_choose_scalar(struct secret *out, const BIGNUM *order, struct rng *rng)
{
	size_t bits = (size_t)BN_num_bits(order), octets = (bits + 7) / 8;
	BIGNUM *k = BN_new();
	bool found = false;

	if (!k || !secret_alloc(out, octets)) {
		BN_free(k);
		return false;
	}
	for (unsigned i = 0; !found && i < SCALAR_TRIES; i++) {
		rng_fill(rng, out->p, octets);
		out->p[0] = (uint8_t)(out->p[0] & (0xff >> (octets * 8 - bits)));
		found = BN_bin2bn(out->p, (int)octets, k) && !BN_is_zero(k) && BN_cmp(k, order) < 0;
	}
	BN_clear_free(k);
	return found;
}

struct dh *
dh_new(uint16_t group, struct rng *rng)
{
	const struct algorithm *a = algorithm_by_id(TRANSFORM_DH, group, 0);
	const struct dh_kind *kind = kind_of(group);
	struct dh *dh;

	if (!a || !kind)
		return NULL;
	dh = calloc(1, sizeof *dh + a->out_octets);
	if (!dh)
		return NULL;
	dh->algorithm = a;
	dh->kind = kind;
	dh->n_public = a->out_octets;
	if (kind->make(dh, rng) != CRYPTO_OK) {
		dh_free(dh);
		return NULL;
	}
	return dh;
}

void
dh_free(struct dh *dh)
{
	if (!dh)
		return;
	secret_clear(&dh->private_value);
	EVP_PKEY_free(dh->key);
	free(dh);
}

uint16_t
dh_group(const struct dh *dh)
{
	return dh->algorithm->id;
}

struct span
dh_public(const struct dh *dh)
{
	return span_of(dh->public_value, dh->n_public);
}

enum crypto_error
dh_shared(struct secret *out, const struct dh *dh, struct span peer_public)
{
	enum crypto_error e;

	*out = (struct secret) { 0 };
	/* RFC 2409 section 5: the public value "MUST be equal to the length of the prime modulus". */
	if (peer_public.n != dh->n_public)
		return CRYPTO_ERR_INPUT;
	if (!secret_alloc(out, dh->algorithm->shared_octets))
		return CRYPTO_ERR_LIBRARY;
	e = dh->kind->derive(out->p, dh, peer_public);
	if (e != CRYPTO_OK)
		secret_clear(out);
	return e;
}
