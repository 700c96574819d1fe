/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk_xcbc.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "secret.h"

enum { BLOCK = 16, CHUNK = 1024, MORE_MAX = 4, TAIL_MAX = 2 * BLOCK + MORE_MAX };

struct xcbc {
	EVP_CIPHER_CTX *k1; /* CBC: what it returns last is E[i] */
	uint8_t k2[BLOCK], k3[BLOCK];
};

/* "Derive 3 128-bit keys (K1, K2 and K3) from the 128-bit secret key K": the encryptions of 0x01.., 0x02.. and 0x03... */
static bool
derive(struct xcbc *x, struct span key)
{
	EVP_CIPHER_CTX *ecb = EVP_CIPHER_CTX_new();
	uint8_t in[3 * BLOCK], k[3 * BLOCK];
	int n = 0;
	bool ok;

	for (size_t i = 0; i < 3; i++)
		memset(in + i * BLOCK, (int)i + 1, BLOCK);
	ok = ecb && EVP_EncryptInit_ex(ecb, EVP_aes_128_ecb(), NULL, key.p, NULL) == 1 &&
	     EVP_EncryptUpdate(ecb, k, &n, in, sizeof in) == 1 && n == sizeof k &&
	     EVP_EncryptInit_ex(x->k1, EVP_aes_128_cbc(), NULL, k, NULL) == 1 && EVP_CIPHER_CTX_set_padding(x->k1, 0) == 1;
	if (ok) {
		memcpy(x->k2, k + BLOCK, BLOCK);
		memcpy(x->k3, k + 2 * BLOCK, BLOCK);
	}
	EVP_CIPHER_CTX_free(ecb);
	secret_wipe(k, sizeof k);
	return ok;
}

struct xcbc *
xcbc_new(struct span key)
{
	struct xcbc *x = key.n == BLOCK ? calloc(1, sizeof *x) : NULL;

	if (!x)
		return NULL;
	x->k1 = EVP_CIPHER_CTX_new();
	if (x->k1 && derive(x, key))
		return x;
	xcbc_free(x);
	return NULL;
}

void
xcbc_free(struct xcbc *x)
{
	if (!x)
		return;
	EVP_CIPHER_CTX_free(x->k1);
	secret_wipe(x, sizeof *x);
	free(x);
}

/* "For each block M[i], where i = 1 ... n-1: XOR M[i] with E[i-1], then encrypt the result with Key K1". */
static bool
chain(struct xcbc *x, const uint8_t *p, size_t n)
{
	uint8_t out[CHUNK];
	int made;

	for (size_t k; n; p += k, n -= k) {
		k = n < CHUNK ? n : CHUNK;
		if (EVP_EncryptUpdate(x->k1, out, &made, p, (int)k) != 1)
			return false;
	}
	return true;
}

/* Step 4: a whole last block meets K2; a short one is padded with 10...0 and meets K3. */
static bool
finish(struct xcbc *x, uint8_t out[BLOCK], const uint8_t *last, size_t n)
{
	const uint8_t *k = n == BLOCK ? x->k2 : x->k3;
	uint8_t block[BLOCK] = { 0 };
	int made;

	memcpy(block, last, n);
	if (n < BLOCK)
		block[n] = 0x80;
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= k[i];
	return EVP_EncryptUpdate(x->k1, out, &made, block, BLOCK) == 1;
}

bool
xcbc_mac(struct xcbc *x, uint8_t out[BLOCK], struct span text, struct span more)
{
	static const uint8_t zero[BLOCK];
	size_t body = text.n & ~(size_t)(BLOCK - 1), n, at = 0;
	uint8_t tail[TAIL_MAX];

	/* The last block stays behind, since what follows decides whether it is the last. */
	body -= body ? BLOCK : 0;
	n = text.n - body;
	if (n)
		memcpy(tail, text.p + body, n);
	if (more.n > MORE_MAX || EVP_EncryptInit_ex(x->k1, NULL, NULL, NULL, zero) != 1 || !chain(x, text.p, body))
		return false;
	if (more.n)
		memcpy(tail + n, more.p, more.n);
	n += more.n;
	for (; n - at > BLOCK; at += BLOCK)
		if (!chain(x, tail + at, BLOCK))
			return false;
	return finish(x, out, tail + at, n - at);
}
