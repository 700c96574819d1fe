/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk_evp.h"
#include "legacy.h"

/* OpenSSL's cipher for each of ours. */

static const struct {
	uint16_t encr_id, key_bits;
	const EVP_CIPHER *(*cipher)(void);
} ciphers[] = {
	{ ENCR_AES_GCM_16, 128, EVP_aes_128_gcm },
	{ ENCR_AES_GCM_16, 192, EVP_aes_192_gcm },
	{ ENCR_AES_GCM_16, 256, EVP_aes_256_gcm },
	{ ENCR_AES_CCM_16, 128, EVP_aes_128_ccm },
	{ ENCR_AES_CCM_16, 192, EVP_aes_192_ccm },
	{ ENCR_AES_CCM_16, 256, EVP_aes_256_ccm },
	{ ENCR_CHACHA20_POLY1305, 0, EVP_chacha20_poly1305 },
	{ ENCR_AES_CBC, 128, EVP_aes_128_cbc },
	{ ENCR_AES_CBC, 192, EVP_aes_192_cbc },
	{ ENCR_AES_CBC, 256, EVP_aes_256_cbc },
	{ ENCR_AES_CTR, 128, EVP_aes_128_ctr },
	{ ENCR_AES_CTR, 192, EVP_aes_192_ctr },
	{ ENCR_AES_CTR, 256, EVP_aes_256_ctr },
	{ ENCR_CAMELLIA_CBC, 128, EVP_camellia_128_cbc },
	{ ENCR_CAMELLIA_CBC, 192, EVP_camellia_192_cbc },
	{ ENCR_CAMELLIA_CBC, 256, EVP_camellia_256_cbc },
	{ ENCR_3DES, 0, EVP_des_ede3_cbc },
};

/* A mode is one cipher, however much of its tag is sent; GMAC is GCM without a plaintext. */
static uint16_t
cipher_id(const struct bulk_suite *s)
{
	return s->kind == BULK_GCM || s->kind == BULK_GMAC ? ENCR_AES_GCM_16 : s->kind == BULK_CCM ? ENCR_AES_CCM_16 : s->encr_id;
}

const EVP_CIPHER *
bulk_evp_cipher(const struct bulk_suite *s)
{
	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
		if (ciphers[i].encr_id == cipher_id(s) && ciphers[i].key_bits == s->key_bits)
			return ciphers[i].cipher();
	return legacy_cbc(s->encr_id);
}
