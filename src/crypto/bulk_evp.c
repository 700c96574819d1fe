/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "bulk_provider.h"

/* OpenSSL's EVP: one packet at a time, with contexts whose keys are set once. */

struct evp_key {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	uint8_t salt[15];
	bool seal;
};

_Static_assert(sizeof(struct evp_key) % 16 == 0, "key_size is a multiple of 16");

static const EVP_CIPHER *
cipher_of(const struct bulk_suite *s)
{
	switch (s->encr_id) {
	case ENCR_AES_GCM_16:
		return s->key_bits == 128 ? EVP_aes_128_gcm() : s->key_bits == 192 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
	case ENCR_AES_CBC:
		return s->key_bits == 128 ? EVP_aes_128_cbc() : s->key_bits == 192 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
	case ENCR_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	default:
		return NULL;
	}
}

static bool
cipher_ready(struct evp_key *k, const struct bulk_suite *s, struct span encr)
{
	const EVP_CIPHER *c = cipher_of(s);

	if (!c)
		return true;
	k->cipher = EVP_CIPHER_CTX_new();
	return k->cipher && EVP_CipherInit_ex(k->cipher, c, NULL, encr.p, NULL, k->seal) == 1 &&
	       EVP_CIPHER_CTX_set_padding(k->cipher, 0) == 1;
}

static bool
mac_ready(struct evp_key *k, const struct bulk_suite *s, struct span integ)
{
	const char *hash = s->integ_id == INTEG_HMAC_SHA1_96        ? "SHA1"
	                   : s->integ_id == INTEG_HMAC_SHA2_256_128 ? "SHA256"
	                   : s->integ_id == INTEG_HMAC_SHA2_384_192 ? "SHA384"
	                                                            : "SHA512";
	OSSL_PARAM param[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)hash, 0),
		               OSSL_PARAM_construct_end() };
	EVP_MAC *mac;

	if (!integ.n)
		return true;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	k->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	return k->mac && EVP_MAC_init(k->mac, integ.p, integ.n, param) == 1;
}

static void
evp_clear(const struct bulk_suite *s, void *key)
{
	struct evp_key *k = key;

	(void)s;
	EVP_CIPHER_CTX_free(k->cipher);
	EVP_MAC_CTX_free(k->mac);
}

static bool
evp_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	struct evp_key *k = out;

	(void)b;
	k->seal = seal;
	if (s->salt_octets)
		memcpy(k->salt, encr.p + encr.n - s->salt_octets, s->salt_octets);
	if (cipher_ready(k, s, encr) && mac_ready(k, s, integ))
		return true;
	bulk_key_clear(s, out);
	return false;
}

/* ---- AEAD */

static bool
aead_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	const struct evp_key *k = op->key;
	uint8_t nonce[16], aad[16], *payload = bulk_payload(s, op);
	uint32_t aad_octets = bulk_aad(aad, op);
	int n;

	bulk_nonce(nonce, k->salt, op);
	if (EVP_CipherInit_ex(k->cipher, NULL, NULL, NULL, nonce, -1) != 1)
		return false;
	if (!k->seal && EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_SET_TAG, 16, bulk_icv(s, op)) != 1)
		return false;
	return EVP_CipherUpdate(k->cipher, NULL, &n, aad, (int)aad_octets) == 1 &&
	       EVP_CipherUpdate(k->cipher, payload, &n, payload, (int)op->payload) == 1 &&
	       EVP_CipherFinal_ex(k->cipher, payload + n, &n) == 1 &&
	       (!k->seal || EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_GET_TAG, 16, bulk_icv(s, op)) == 1);
}

/* ---- cipher, then HMAC */

static bool
cbc_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	static const uint8_t zero_iv[CBC_BLOCK_OCTETS];
	const struct evp_key *k = op->key;
	uint8_t *payload = bulk_payload(s, op);
	uint8_t *from = k->seal ? payload - CBC_BLOCK_OCTETS : payload;
	int n = (int)(payload + op->payload - from);

	if (!k->cipher)
		return true;
	if (k->seal)
		memcpy(from, op->iv_nonce, CBC_BLOCK_OCTETS);
	return EVP_CipherInit_ex(k->cipher, NULL, NULL, NULL, k->seal ? zero_iv : payload - CBC_BLOCK_OCTETS, -1) == 1 &&
	       EVP_CipherUpdate(k->cipher, from, &n, from, n) == 1;
}

static bool
mac_one(const struct bulk_suite *s, const struct bulk_op *op, uint8_t out[EVP_MAX_MD_SIZE])
{
	const struct evp_key *k = op->key;
	uint8_t high[4];
	size_t n;

	put_be32(high, op->seq_high);
	return EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 &&
	       EVP_MAC_update(k->mac, op->head, (size_t)(bulk_icv(s, op) - op->head)) == 1 &&
	       (!op->esn || EVP_MAC_update(k->mac, high, sizeof high) == 1) &&
	       EVP_MAC_final(k->mac, out, &n, EVP_MAX_MD_SIZE) == 1;
}

static bool
hmac_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	const struct evp_key *k = op->key;
	uint8_t mac[EVP_MAX_MD_SIZE];

	if (k->seal) {
		if (!cbc_one(s, op) || !mac_one(s, op, mac))
			return false;
		memcpy(bulk_icv(s, op), mac, s->icv_octets);
		return true;
	}
	return mac_one(s, op, mac) && bulk_icv_equal(mac, bulk_icv(s, op), s->icv_octets) && cbc_one(s, op);
}

/*
 * A library failure on seal must not let plaintext out: the packet is made
 * worthless instead, and the peer's ICV check counts it.
 */
static void
evp_run(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	(void)b;
	for (size_t i = 0; i < n; i++) {
		op[i].ok = s->kind == BULK_HMAC ? hmac_one(s, &op[i]) : aead_one(s, &op[i]);
		if (!op[i].ok && ((const struct evp_key *)op[i].key)->seal)
			memset(bulk_payload(s, &op[i]), 0, op[i].payload + s->icv_octets);
	}
}

static void
evp_suite(struct bulk_suite *s)
{
	s->key_size = sizeof(struct evp_key);
	s->expand = evp_expand;
	s->clear = evp_clear;
	s->seal = evp_run;
	s->open = evp_run;
}

static bool
evp_open(struct bulk *b)
{
	snprintf(b->name, sizeof b->name, "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
	return true;
}

static void
evp_close(struct bulk *b)
{
	(void)b;
}

static const struct bulk_provider_ops evp_ops = { evp_open, evp_close, evp_suite };
const struct bulk_provider_ops *const bulk_evp_ops = &evp_ops;
