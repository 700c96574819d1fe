/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

/*
 * HMAC over the bare hash (RFC 2104) rather than through EVP_MAC: key management
 * makes dozens of short ones per exchange, each under another key, and setting
 * up an EVP_MAC costs several times the hashing.
 */

enum { HASH_BLOCK_MAX = 128 };

static bool
absorb(EVP_MD_CTX *ctx, const struct span *in, size_t n_in)
{
	for (size_t i = 0; i < n_in; i++)
		if (in[i].n && EVP_DigestUpdate(ctx, in[i].p, in[i].n) != 1)
			return false;
	return true;
}

static bool
digest(EVP_MD_CTX *ctx, const EVP_MD *md, uint8_t *out, const struct span *first, const struct span *in, size_t n_in)
{
	return EVP_DigestInit_ex2(ctx, md, NULL) == 1 && absorb(ctx, first, 1) && absorb(ctx, in, n_in) &&
	       EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

/* RFC 2104 section 2: H(K XOR opad, H(K XOR ipad, text)); a key longer than the block is hashed first. */
static bool
hmac(EVP_MD_CTX *ctx, const EVP_MD *md, uint8_t *out, struct span key, const struct span *in, size_t n_in)
{
	uint8_t pad[HASH_BLOCK_MAX] = { 0 };
	struct span block = span_of(pad, (size_t)EVP_MD_get_block_size(md));
	struct span inner = span_of(out, (size_t)EVP_MD_get_size(md));
	bool ok = true;

	if (key.n > block.n)
		ok = digest(ctx, md, pad, &key, NULL, 0);
	else if (key.n)
		memcpy(pad, key.p, key.n);
	for (size_t i = 0; i < block.n; i++)
		pad[i] ^= 0x36;
	ok = ok && digest(ctx, md, out, &block, in, n_in);
	for (size_t i = 0; i < block.n; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	ok = ok && digest(ctx, md, out, &block, &inner, 1);
	secret_wipe(pad, sizeof pad);
	return ok;
}

/* The thread's context must not keep the last output, which may be a key. */
static enum crypto_error
finish(EVP_MD_CTX *ctx, bool ok)
{
	EVP_MD_CTX_reset(ctx);
	return ok ? CRYPTO_OK : CRYPTO_ERR_LIBRARY;
}

enum crypto_error
prf(uint8_t *out, uint16_t prf_id, struct span key, const struct span *in, size_t n_in)
{
	const EVP_MD *md = library_md(prf_id);
	EVP_MD_CTX *ctx = library_md_ctx();
	uint8_t result[PRF_OCTETS_MAX];
	enum crypto_error e;

	if (!md)
		return CRYPTO_ERR_UNSUPPORTED;
	if (!ctx)
		return CRYPTO_ERR_LIBRARY;
	/* Callers chain outputs (K2 = prf(K, K1 | ...)): @out may be part of the input. */
	e = finish(ctx, hmac(ctx, md, result, key, in, n_in));
	if (e == CRYPTO_OK)
		memcpy(out, result, prf_octets(prf_id));
	secret_wipe(result, sizeof result);
	return e;
}

enum crypto_error
prf_hash(uint8_t *out, uint16_t prf_id, const struct span *in, size_t n_in)
{
	const EVP_MD *md = library_md(prf_id);
	EVP_MD_CTX *ctx = library_md_ctx();
	struct span nothing = { 0 };

	if (!md)
		return CRYPTO_ERR_UNSUPPORTED;
	if (!ctx)
		return CRYPTO_ERR_LIBRARY;
	return finish(ctx, digest(ctx, md, out, &nothing, in, n_in));
}

size_t
prf_octets(uint16_t prf_id)
{
	const struct algorithm *a = algorithm_by_id(TRANSFORM_PRF, prf_id, 0);

	return a ? a->out_octets : 0;
}
