/* SPDX-License-Identifier: Apache-2.0 */
#include "dh_group.h"

#include <openssl/bn.h>
#include <stdatomic.h>

/* Groups of RFC 2409 section 6 and RFC 3526: p a safe prime, g = 2. */

struct modp {
	uint16_t id;
	/* Size of the private value: twice the higher strength estimate of RFC 3526 section 8, at least 256. */
	uint16_t exponent_bits;
	BIGNUM *(*prime)(BIGNUM *);
	_Atomic(BN_MONT_CTX *) mont;
};

static struct modp groups[] = {
	{ DH_MODP_768, 256, BN_get_rfc2409_prime_768, NULL },   { DH_MODP_1024, 256, BN_get_rfc2409_prime_1024, NULL },
	{ DH_MODP_1536, 256, BN_get_rfc3526_prime_1536, NULL }, { DH_MODP_2048, 320, BN_get_rfc3526_prime_2048, NULL },
	{ DH_MODP_3072, 420, BN_get_rfc3526_prime_3072, NULL }, { DH_MODP_4096, 480, BN_get_rfc3526_prime_4096, NULL },
	{ DH_MODP_6144, 540, BN_get_rfc3526_prime_6144, NULL }, { DH_MODP_8192, 620, BN_get_rfc3526_prime_8192, NULL },
};

static struct modp *
modp_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

/* The group's reduction tables, made by whichever thread comes first and then only read. */
static BN_MONT_CTX *
modp_mont(struct modp *g, const BIGNUM *p, BN_CTX *ctx)
{
	BN_MONT_CTX *made = atomic_load(&g->mont), *other = NULL;

	if (made)
		return made;
	made = BN_MONT_CTX_new();
	if (!made || BN_MONT_CTX_set(made, p, ctx) != 1) {
		BN_MONT_CTX_free(made);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&g->mont, &other, made))
		return made;
	BN_MONT_CTX_free(made);
	return other;
}

/* 2 <= y <= p - 2: RFC 6989 section 2.1, which for a safe prime leaves no small subgroup. */
static bool
in_range(const BIGNUM *y, const BIGNUM *p, BIGNUM *scratch)
{
	return !BN_is_zero(y) && !BN_is_one(y) && BN_copy(scratch, p) && BN_sub_word(scratch, 1) == 1 && BN_cmp(y, scratch) < 0;
}

/* @out = @base ^ private value mod p, in time that does not depend on the private value. */
static enum crypto_error
power(uint8_t *out, const struct dh *dh, struct span base, BN_CTX *ctx)
{
	struct modp *g = modp_find(dh->algorithm->id);
	BIGNUM *p = BN_CTX_get(ctx), *y = BN_CTX_get(ctx), *x = BN_CTX_get(ctx), *r = BN_CTX_get(ctx);
	BN_MONT_CTX *mont;
	enum crypto_error e = CRYPTO_ERR_LIBRARY;

	if (!r || !g->prime(p) || !BN_bin2bn(base.p, (int)base.n, y) ||
	    !BN_bin2bn(dh->private_value.p, (int)dh->private_value.n, x))
		return CRYPTO_ERR_LIBRARY;
	BN_set_flags(x, BN_FLG_CONSTTIME);
	mont = modp_mont(g, p, ctx);
	if (!in_range(y, p, r))
		e = CRYPTO_ERR_INPUT;
	else if (mont && BN_mod_exp_mont_consttime(r, y, x, p, ctx, mont) == 1 &&
	         BN_bn2binpad(r, out, dh->algorithm->out_octets) == dh->algorithm->out_octets)
		e = CRYPTO_OK;
	BN_clear(x);
	BN_clear(r);
	return e;
}

static enum crypto_error
modp_power(uint8_t *out, const struct dh *dh, struct span base)
{
	BN_CTX *ctx = BN_CTX_new();
	enum crypto_error e;

	if (!ctx)
		return CRYPTO_ERR_LIBRARY;
	BN_CTX_start(ctx);
	e = power(out, dh, base, ctx);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return e;
}

static enum crypto_error
modp_make(struct dh *dh, struct rng *rng)
{
	static const uint8_t generator[] = { 2 };
	const struct modp *g = modp_find(dh->algorithm->id);
	size_t octets, spare;

	if (!g)
		return CRYPTO_ERR_UNSUPPORTED;
	octets = (g->exponent_bits + 7u) / 8u;
	spare = octets * 8 - g->exponent_bits;
	if (!secret_alloc(&dh->private_value, octets))
		return CRYPTO_ERR_LIBRARY;
	rng_fill(rng, dh->private_value.p, octets);
	/* Exactly exponent_bits long: never zero, and the length tells nothing. */
	dh->private_value.p[0] = (uint8_t)((dh->private_value.p[0] & (0xff >> spare)) | (0x80 >> spare));
	return modp_power(dh->public_value, dh, span_of(generator, sizeof generator));
}

const struct dh_kind dh_modp = { .make = modp_make, .derive = modp_power };
