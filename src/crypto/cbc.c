/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <limits.h>

/* RFC 2409 Appendix B: CBC mode, the IV chained from message to message by the caller. */

static bool
run(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const struct span *key, const uint8_t *iv, uint8_t *data, size_t n,
    int encrypt)
{
	int done = 0;

	/* The length first: Blowfish takes many. */
	return EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_key_length(ctx, (int)key->n) == 1 &&
	       EVP_CipherInit_ex2(ctx, NULL, key->p, iv, encrypt, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	       EVP_CipherUpdate(ctx, data, &done, data, (int)n) == 1 && (size_t)done == n;
}

/* Why there is no cipher: a key of the wrong length, or none such in CBC mode. */
static enum crypto_error
no_cipher(uint16_t encr_id)
{
	const struct algorithm *a = algorithm_by_id(TRANSFORM_ENCR, encr_id, 0);

	return a && library_cbc(encr_id, a->key_octets) ? CRYPTO_ERR_INPUT : CRYPTO_ERR_UNSUPPORTED;
}

static enum crypto_error
cbc(uint16_t encr_id, struct span key, uint8_t *iv, uint8_t *data, size_t n, int encrypt)
{
	const EVP_CIPHER *cipher = library_cbc(encr_id, key.n);
	uint8_t next_iv[IV_OCTETS_MAX];
	EVP_CIPHER_CTX *ctx;
	size_t block;
	bool ok;

	if (!cipher)
		return no_cipher(encr_id);
	block = (size_t)EVP_CIPHER_get_block_size(cipher);
	if (n % block != 0 || n > INT_MAX)
		return CRYPTO_ERR_INPUT;
	if (n == 0)
		return CRYPTO_OK;
	memcpy(next_iv, data + n - block, block);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && run(ctx, cipher, &key, iv, data, n, encrypt);
	/* Wipes the key schedule. */
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return CRYPTO_ERR_LIBRARY;
	memcpy(iv, encrypt ? data + n - block : next_iv, block);
	return CRYPTO_OK;
}

enum crypto_error
cbc_encrypt(uint16_t encr_id, struct span key, uint8_t *iv, uint8_t *data, size_t n)
{
	return cbc(encr_id, key, iv, data, n, 1);
}

enum crypto_error
cbc_decrypt(uint16_t encr_id, struct span key, uint8_t *iv, uint8_t *data, size_t n)
{
	return cbc(encr_id, key, iv, data, n, 0);
}
