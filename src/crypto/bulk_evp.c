/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk_evp.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "bulk_xcbc.h"

/* OpenSSL's EVP: one packet at a time, with contexts whose keys are set once. */

struct evp_key {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	struct xcbc *xcbc;
	uint8_t salt[7];
	bool seal;
};

_Static_assert(sizeof(struct evp_key) % 16 == 0, "key_size is a multiple of 16");

static int
key_octets(const struct bulk_suite *s)
{
	return s->encr_key_octets - s->salt_octets;
}

/* The nonce and tag of CCM have no usual length: they are set before the key. */
static bool
ccm_lengths(const struct evp_key *k, const struct bulk_suite *s)
{
	return s->kind != BULK_CCM || (EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_SET_IVLEN, CCM_NONCE_OCTETS, NULL) == 1 &&
	                               EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_SET_TAG, s->icv_octets, NULL) == 1);
}

static bool
cipher_ready(struct evp_key *k, const struct bulk_suite *s, struct span encr)
{
	const EVP_CIPHER *c = s->encr_id == ENCR_NULL ? NULL : bulk_evp_cipher(s);

	if (s->encr_id == ENCR_NULL)
		return true;
	k->cipher = c ? EVP_CIPHER_CTX_new() : NULL;
	/* The length before the key: Blowfish and CAST-128 take several. */
	return k->cipher && EVP_CipherInit_ex(k->cipher, c, NULL, NULL, NULL, k->seal) == 1 &&
	       EVP_CIPHER_CTX_set_key_length(k->cipher, key_octets(s)) == 1 && ccm_lengths(k, s) &&
	       EVP_CipherInit_ex(k->cipher, NULL, NULL, encr.p, NULL, k->seal) == 1 &&
	       EVP_CIPHER_CTX_set_padding(k->cipher, 0) == 1;
}

static const char *
hash_of(uint16_t integ_id)
{
	switch (integ_id) {
	case INTEG_HMAC_MD5_96:
		return "MD5";
	case INTEG_HMAC_SHA1_96:
		return "SHA1";
	case INTEG_HMAC_SHA2_256_128:
	case INTEG_HMAC_SHA2_256_96:
		return "SHA256";
	case INTEG_HMAC_SHA2_384_192:
		return "SHA384";
	default:
		return "SHA512";
	}
}

static bool
mac_ready(struct evp_key *k, const struct bulk_suite *s, struct span integ)
{
	OSSL_PARAM param[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)hash_of(s->integ_id),
		                                                0),
		               OSSL_PARAM_construct_end() };
	EVP_MAC *mac;

	if (!integ.n)
		return true;
	if (s->kind == BULK_XCBC)
		return (k->xcbc = xcbc_new(integ)) != NULL;
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
	xcbc_free(k->xcbc);
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
cover(const struct evp_key *k, const void *p, uint32_t n)
{
	int made;

	return EVP_CipherUpdate(k->cipher, NULL, &made, p, (int)n) == 1;
}

static bool
expect_tag(const struct evp_key *k, const struct bulk_suite *s, const struct bulk_op *op)
{
	return k->seal || EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_SET_TAG, s->icv_octets, bulk_icv(s, op)) == 1;
}

static bool
give_tag(const struct evp_key *k, const struct bulk_suite *s, const struct bulk_op *op)
{
	return !k->seal || EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_GET_TAG, s->icv_octets, bulk_icv(s, op)) == 1;
}

static bool
aead_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	const struct evp_key *k = op->key;
	uint8_t nonce[16], aad[16], *payload = bulk_payload(s, op);
	uint32_t aad_octets = bulk_aad(aad, op);
	int n;

	bulk_nonce(nonce, k->salt, op);
	return EVP_CipherInit_ex(k->cipher, NULL, NULL, NULL, nonce, -1) == 1 && expect_tag(k, s, op) &&
	       cover(k, aad, aad_octets) && EVP_CipherUpdate(k->cipher, payload, &n, payload, (int)op->payload) == 1 &&
	       EVP_CipherFinal_ex(k->cipher, payload + n, &n) == 1 && give_tag(k, s, op);
}

/* CCM is told the length of the text first, and judges the tag with the text. */
static bool
ccm_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	const struct evp_key *k = op->key;
	uint8_t nonce[16], aad[16], *payload = bulk_payload(s, op);
	uint32_t aad_octets = bulk_aad(aad, op);
	int n;

	bulk_ccm_nonce(nonce, k->salt, op);
	return expect_tag(k, s, op) && EVP_CipherInit_ex(k->cipher, NULL, NULL, NULL, nonce, -1) == 1 &&
	       cover(k, NULL, op->payload) && cover(k, aad, aad_octets) &&
	       EVP_CipherUpdate(k->cipher, payload, &n, payload, (int)op->payload) == 1 && give_tag(k, s, op);
}

/* RFC 4543 section 3.3, figure 4: SPI, sequence number, IV and payload are all additional data. */
static bool
gmac_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	const struct evp_key *k = op->key;
	uint8_t nonce[16], aad[16], none[1];
	uint32_t aad_octets = bulk_aad(aad, op);
	int n;

	bulk_nonce(nonce, k->salt, op);
	return EVP_CipherInit_ex(k->cipher, NULL, NULL, NULL, nonce, -1) == 1 && expect_tag(k, s, op) &&
	       cover(k, aad, aad_octets) && cover(k, op->head + SPI_SEQ_OCTETS, s->iv_octets + op->payload) &&
	       EVP_CipherFinal_ex(k->cipher, none, &n) == 1 && give_tag(k, s, op);
}

/* ---- cipher, then MAC */

static bool
cbc_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	static const uint8_t zero_iv[CBC_BLOCK_OCTETS];
	const struct evp_key *k = op->key;
	uint8_t *payload = bulk_payload(s, op);
	uint8_t *from = k->seal ? payload - s->iv_octets : payload;
	int n = (int)(payload + op->payload - from);

	if (k->seal)
		memcpy(from, op->iv_nonce, s->iv_octets);
	return EVP_CipherInit_ex(k->cipher, NULL, NULL, NULL, k->seal ? zero_iv : payload - s->iv_octets, -1) == 1 &&
	       EVP_CipherUpdate(k->cipher, from, &n, from, n) == 1;
}

/* RFC 3686 section 4: nonce, IV, and a block counter that starts at one. */
static bool
ctr_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	const struct evp_key *k = op->key;
	uint8_t counter[16], *payload = bulk_payload(s, op);
	int n;

	bulk_nonce(counter, k->salt, op);
	put_be32(counter + AEAD_NONCE_OCTETS, 1);
	return EVP_CipherInit_ex(k->cipher, NULL, NULL, NULL, counter, -1) == 1 &&
	       EVP_CipherUpdate(k->cipher, payload, &n, payload, (int)op->payload) == 1;
}

static bool
cipher_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	if (s->encr_id == ENCR_NULL)
		return true;
	return s->encr_id == ENCR_AES_CTR ? ctr_one(s, op) : cbc_one(s, op);
}

/* RFC 4303 section 2.2.1: the high half of an extended sequence number is covered and not sent. */
static bool
mac_one(const struct bulk_suite *s, const struct bulk_op *op, uint8_t out[EVP_MAX_MD_SIZE])
{
	const struct evp_key *k = op->key;
	struct span text = span_of(op->head, (size_t)(bulk_icv(s, op) - op->head));
	uint8_t high[4];
	size_t n;

	put_be32(high, op->seq_high);
	if (s->kind == BULK_XCBC)
		return xcbc_mac(k->xcbc, out, text, span_of(high, op->esn ? sizeof high : 0));
	return EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(k->mac, text.p, text.n) == 1 &&
	       (!op->esn || EVP_MAC_update(k->mac, high, sizeof high) == 1) &&
	       EVP_MAC_final(k->mac, out, &n, EVP_MAX_MD_SIZE) == 1;
}

static bool
cipher_mac_one(const struct bulk_suite *s, const struct bulk_op *op)
{
	const struct evp_key *k = op->key;
	uint8_t mac[EVP_MAX_MD_SIZE];

	if (k->seal) {
		if (!cipher_one(s, op) || !mac_one(s, op, mac))
			return false;
		memcpy(bulk_icv(s, op), mac, s->icv_octets);
		return true;
	}
	return mac_one(s, op, mac) && bulk_icv_equal(mac, bulk_icv(s, op), s->icv_octets) && cipher_one(s, op);
}

/*
 * A library failure on seal must not let plaintext out: the packet is made
 * worthless instead, and the peer's ICV check counts it.
 */
static inline void
run(const struct bulk_suite *s, struct bulk_op *op, size_t n, bool (*one)(const struct bulk_suite *s, const struct bulk_op *op))
{
	for (size_t i = 0; i < n; i++) {
		op[i].ok = one(s, &op[i]);
		if (!op[i].ok && ((const struct evp_key *)op[i].key)->seal)
			memset(bulk_payload(s, &op[i]), 0, op[i].payload + s->icv_octets);
	}
}

static void
run_aead(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	(void)b;
	run(s, op, n, aead_one);
}

static void
run_ccm(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	(void)b;
	run(s, op, n, ccm_one);
}

static void
run_gmac(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	(void)b;
	run(s, op, n, gmac_one);
}

static void
run_cipher_mac(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	(void)b;
	run(s, op, n, cipher_mac_one);
}

static void
evp_suite(struct bulk_suite *s)
{
	s->key_size = sizeof(struct evp_key);
	s->expand = evp_expand;
	s->clear = evp_clear;
	s->seal = s->open = s->kind == BULK_CCM                            ? run_ccm
	                    : s->kind == BULK_GMAC                         ? run_gmac
	                    : s->kind == BULK_HMAC || s->kind == BULK_XCBC ? run_cipher_mac
	                                                                   : run_aead;
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
