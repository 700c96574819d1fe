/* SPDX-License-Identifier: Apache-2.0 */
#include "dh_group.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdatomic.h>

/* Groups of RFC 5903, 5114 and 6932: the NIST and Brainpool curves over prime fields, whose cofactor is 1. */

enum { COORDINATE_OCTETS_MAX = 66 };

static struct curve {
	uint16_t id;
	int nid;
	_Atomic(EC_GROUP *) group;
} curves[] = {
	{ DH_ECP_192, NID_X9_62_prime192v1, NULL },   { DH_ECP_224, NID_secp224r1, NULL },
	{ DH_ECP_256, NID_X9_62_prime256v1, NULL },   { DH_ECP_384, NID_secp384r1, NULL },
	{ DH_ECP_521, NID_secp521r1, NULL },          { DH_ECP_224_BP, NID_brainpoolP224r1, NULL },
	{ DH_ECP_256_BP, NID_brainpoolP256r1, NULL }, { DH_ECP_384_BP, NID_brainpoolP384r1, NULL },
	{ DH_ECP_512_BP, NID_brainpoolP512r1, NULL },
};

static struct curve *
curve_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (curves[i].id == id)
			return &curves[i];
	return NULL;
}

/* Made by whichever thread comes first and then only read. */
static const EC_GROUP *
curve_group(struct curve *c)
{
	EC_GROUP *made = atomic_load(&c->group), *other = NULL;

	if (made)
		return made;
	made = EC_GROUP_new_by_curve_name(c->nid);
	if (!made || atomic_compare_exchange_strong(&c->group, &other, made))
		return made;
	EC_GROUP_free(made);
	return other;
}

/* Writes x, and y where @y is wanted, each left-padded to the field's length. */
static bool
write_affine(uint8_t *out, size_t octets, bool y_too, const EC_GROUP *g, const EC_POINT *p, BN_CTX *ctx)
{
	BIGNUM *x = BN_CTX_get(ctx), *y = BN_CTX_get(ctx);
	bool ok = y && EC_POINT_get_affine_coordinates(g, p, x, y_too ? y : NULL, ctx) == 1 &&
	          BN_bn2binpad(x, out, (int)octets) == (int)octets &&
	          (!y_too || BN_bn2binpad(y, out + octets, (int)octets) == (int)octets);

	if (y)
		BN_clear(x);
	return ok;
}

/* private value * @base (NULL: the generator). libcrypto's single multiplications run in constant time. */
static enum crypto_error
multiply(uint8_t *out, const struct dh *dh, const EC_GROUP *g, const EC_POINT *base, BN_CTX *ctx)
{
	BIGNUM *k = BN_CTX_get(ctx);
	EC_POINT *r = EC_POINT_new(g);
	enum crypto_error e = CRYPTO_ERR_LIBRARY;

	if (k && r && BN_bin2bn(dh->private_value.p, (int)dh->private_value.n, k) &&
	    EC_POINT_mul(g, r, base ? NULL : k, base, base ? k : NULL, ctx) == 1 &&
	    write_affine(out, dh->algorithm->shared_octets, !base, g, r, ctx))
		e = CRYPTO_OK;
	if (k)
		BN_clear(k);
	EC_POINT_clear_free(r);
	return e;
}

/* RFC 5903 section 7: x | y. RFC 6989 section 2.3: coordinates below p, on the curve. */
static EC_POINT *
read_point(const EC_GROUP *g, struct span peer, BN_CTX *ctx)
{
	uint8_t octets[1 + 2 * COORDINATE_OCTETS_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	EC_POINT *p = EC_POINT_new(g);

	memcpy(octets + 1, peer.p, peer.n);
	if (p && EC_POINT_oct2point(g, p, octets, 1 + peer.n, ctx) == 1)
		return p;
	EC_POINT_free(p);
	return NULL;
}

static enum crypto_error
ecp_derive(uint8_t *out, const struct dh *dh, struct span peer)
{
	const EC_GROUP *g = curve_group(curve_find(dh->algorithm->id));
	BN_CTX *ctx = BN_CTX_new();
	enum crypto_error e = CRYPTO_ERR_LIBRARY;
	EC_POINT *p;

	if (!g || !ctx) {
		BN_CTX_free(ctx);
		return CRYPTO_ERR_LIBRARY;
	}
	BN_CTX_start(ctx);
	p = read_point(g, peer, ctx);
	e = p ? multiply(out, dh, g, p, ctx) : CRYPTO_ERR_INPUT;
	EC_POINT_free(p);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return e;
}

static enum crypto_error
ecp_make(struct dh *dh, struct rng *rng)
{
	const EC_GROUP *g = curve_group(curve_find(dh->algorithm->id));
	BN_CTX *ctx = BN_CTX_new();
	enum crypto_error e = CRYPTO_ERR_LIBRARY;

	if (g && ctx && dh_choose_scalar(&dh->private_value, EC_GROUP_get0_order(g), rng)) {
		BN_CTX_start(ctx);
		e = multiply(dh->public_value, dh, g, NULL, ctx);
		BN_CTX_end(ctx);
	}
	BN_CTX_free(ctx);
	return e;
}

const struct dh_kind dh_ecp = { .make = ecp_make, .derive = ecp_derive };
