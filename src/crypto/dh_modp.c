/* SPDX-License-Identifier: Apache-2.0 */
#include "dh_group.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <stdatomic.h>

/*
 * Groups of RFC 2409 section 6 and RFC 3526, whose p is a safe prime and g = 2; and of
 * RFC 5114 sections 2.1 to 2.3, whose generator makes a subgroup of a smaller prime order q.
 */

struct parameters {
	BIGNUM *p, *g, *q; /* q: NULL for a safe prime */
	BN_MONT_CTX *mont;
};

static struct modp {
	uint16_t id;
	/* Size of the private value: twice the higher strength estimate of RFC 3526 section 8, at least 256; 0: below q. */
	uint16_t exponent_bits;
	BIGNUM *(*prime)(BIGNUM *);
	const char *name; /* libcrypto's, for those with q */
	_Atomic(struct parameters *) parameters;
} groups[] = {
	{ DH_MODP_768, 256, BN_get_rfc2409_prime_768, NULL, NULL },
	{ DH_MODP_1024, 256, BN_get_rfc2409_prime_1024, NULL, NULL },
	{ DH_MODP_1536, 256, BN_get_rfc3526_prime_1536, NULL, NULL },
	{ DH_MODP_2048, 320, BN_get_rfc3526_prime_2048, NULL, NULL },
	{ DH_MODP_3072, 420, BN_get_rfc3526_prime_3072, NULL, NULL },
	{ DH_MODP_4096, 480, BN_get_rfc3526_prime_4096, NULL, NULL },
	{ DH_MODP_6144, 540, BN_get_rfc3526_prime_6144, NULL, NULL },
	{ DH_MODP_8192, 620, BN_get_rfc3526_prime_8192, NULL, NULL },
	{ DH_MODP_1024_160, 0, NULL, "dh_1024_160", NULL },
	{ DH_MODP_2048_224, 0, NULL, "dh_2048_224", NULL },
	{ DH_MODP_2048_256, 0, NULL, "dh_2048_256", NULL },
};

static struct modp *
modp_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

static void
parameters_free(struct parameters *f)
{
	if (!f)
		return;
	BN_free(f->p);
	BN_free(f->g);
	BN_free(f->q);
	BN_MONT_CTX_free(f->mont);
	OPENSSL_free(f);
}

/* p, q and g of a group that libcrypto knows by name. */
static bool
read_named(struct parameters *f, const char *name)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DHX", NULL);
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)name, 0), OSSL_PARAM_END };
	EVP_PKEY *key = NULL;
	bool ok = ctx && EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params) == 1 &&
	          EVP_PKEY_paramgen(ctx, &key) == 1 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &f->p) == 1 &&
	          EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_Q, &f->q) == 1 &&
	          EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_G, &f->g) == 1;

	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool
read_safe_prime(struct parameters *f, const struct modp *m)
{
	f->p = m->prime(NULL);
	f->g = BN_new();
	return f->p && f->g && BN_set_word(f->g, 2) == 1;
}

static struct parameters *
parameters_new(const struct modp *m, BN_CTX *ctx)
{
	struct parameters *f = OPENSSL_zalloc(sizeof *f);

	if (f && (m->name ? read_named(f, m->name) : read_safe_prime(f, m))) {
		f->mont = BN_MONT_CTX_new();
		if (f->mont && BN_MONT_CTX_set(f->mont, f->p, ctx) == 1)
			return f;
	}
	parameters_free(f);
	return NULL;
}

/* The group's numbers and reduction tables, made by whichever thread comes first and then only read. */
static const struct parameters *
modp_parameters(struct modp *m, BN_CTX *ctx)
{
	struct parameters *made = m ? atomic_load(&m->parameters) : NULL, *other = NULL;

	if (made || !m)
		return made;
	made = parameters_new(m, ctx);
	if (!made || atomic_compare_exchange_strong(&m->parameters, &other, made))
		return made;
	parameters_free(made);
	return other;
}

/* 2 <= y <= p - 2: RFC 6989 section 2.1, which for a safe prime leaves no small subgroup. */
static bool
in_range(const BIGNUM *y, const BIGNUM *p, BIGNUM *scratch)
{
	return !BN_is_zero(y) && !BN_is_one(y) && BN_copy(scratch, p) && BN_sub_word(scratch, 1) == 1 && BN_cmp(y, scratch) < 0;
}

/*
 * Our private values serve one exchange each, so the range would do; but the check of
 * the first option keeps a peer from choosing which few secrets can come of it.
 * "It MUST check both that the peer's public value is in range (1 < r < p-1) and that
 * r^q = 1 mod p" RFC 6989 section 2.2
 */
static bool
in_subgroup(const BIGNUM *y, const struct parameters *f, BIGNUM *scratch, BN_CTX *ctx)
{
	return in_range(y, f->p, scratch) &&
	       (!f->q || (BN_mod_exp_mont(scratch, y, f->q, f->p, ctx, f->mont) == 1 && BN_is_one(scratch)));
}

/* @out = @base ^ private value mod p, in time that does not depend on the private value. */
static bool
power(uint8_t *out, const struct dh *dh, const BIGNUM *base, const struct parameters *f, BN_CTX *ctx)
{
	BIGNUM *x = BN_CTX_get(ctx), *r = BN_CTX_get(ctx);
	bool ok = false;

	if (!r || !BN_bin2bn(dh->private_value.p, (int)dh->private_value.n, x))
		return false;
	BN_set_flags(x, BN_FLG_CONSTTIME);
	ok = BN_mod_exp_mont_consttime(r, base, x, f->p, ctx, f->mont) == 1 &&
	     BN_bn2binpad(r, out, dh->algorithm->out_octets) == dh->algorithm->out_octets;
	BN_clear(x);
	BN_clear(r);
	return ok;
}

static enum crypto_error
derive(uint8_t *out, const struct dh *dh, struct span peer, BN_CTX *ctx)
{
	const struct parameters *f = modp_parameters(modp_find(dh->algorithm->id), ctx);
	BIGNUM *y = BN_CTX_get(ctx), *scratch = BN_CTX_get(ctx);

	if (!f || !scratch || !BN_bin2bn(peer.p, (int)peer.n, y))
		return CRYPTO_ERR_LIBRARY;
	if (!in_subgroup(y, f, scratch, ctx))
		return CRYPTO_ERR_INPUT;
	return power(out, dh, y, f, ctx) ? CRYPTO_OK : CRYPTO_ERR_LIBRARY;
}

static enum crypto_error
modp_derive(uint8_t *out, const struct dh *dh, struct span peer)
{
	BN_CTX *ctx = BN_CTX_new();
	enum crypto_error e;

	if (!ctx)
		return CRYPTO_ERR_LIBRARY;
	BN_CTX_start(ctx);
	e = derive(out, dh, peer, ctx);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return e;
}

/* Exactly @bits long: never zero, and the length tells nothing. */
static bool
choose_exponent(struct secret *out, unsigned bits, struct rng *rng)
{
	size_t octets = (bits + 7u) / 8u, spare = octets * 8 - bits;

	if (!secret_alloc(out, octets))
		return false;
	rng_fill(rng, out->p, octets);
	out->p[0] = (uint8_t)((out->p[0] & (0xff >> spare)) | (0x80 >> spare));
	return true;
}

static enum crypto_error
make(struct dh *dh, struct rng *rng, BN_CTX *ctx)
{
	struct modp *m = modp_find(dh->algorithm->id);
	const struct parameters *f = modp_parameters(m, ctx);

	if (!m)
		return CRYPTO_ERR_UNSUPPORTED;
	if (!f || !(f->q ? dh_choose_scalar(&dh->private_value, f->q, rng)
	                 : choose_exponent(&dh->private_value, m->exponent_bits, rng)))
		return CRYPTO_ERR_LIBRARY;
	return power(dh->public_value, dh, f->g, f, ctx) ? CRYPTO_OK : CRYPTO_ERR_LIBRARY;
}

static enum crypto_error
modp_make(struct dh *dh, struct rng *rng)
{
	BN_CTX *ctx = BN_CTX_new();
	enum crypto_error e;

	if (!ctx)
		return CRYPTO_ERR_LIBRARY;
	BN_CTX_start(ctx);
	e = make(dh, rng, ctx);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return e;
}

const struct dh_kind dh_modp = { .make = modp_make, .derive = modp_derive };
