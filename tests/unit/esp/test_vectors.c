/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "bulk_xcbc.h"
#include "crypto.h"
#include "esp_case.h"
#include "pcap.h"

/* Published whole packets and strongSwan's: our octets equal theirs, and theirs open here. Each with both providers. */

enum { OCTETS_MAX = 2048 };

struct octets {
	uint8_t p[OCTETS_MAX];
	size_t n;
};

static struct octets
octets_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	struct octets r = { .n = 0 };

	if (text)
		r.n = from_hex(r.p, sizeof r.p, text);
	return r;
}

static json_t *
load(const char *path)
{
	json_error_t error;
	size_t n;
	char *text = read_test_data(path, &n);
	json_t *root = json_loadb(text, n, 0, &error);

	if (!root)
		fail_msg("%s: %s", path, error.text);
	free(text);
	return root;
}

static bool
is_cbc(uint16_t encr_id)
{
	return encr_id == ENCR_AES_CBC || encr_id == ENCR_3DES;
}

/* The mask that makes a packet with number @seq carry @iv: see sa.c. */
static void
mask_for_iv(uint8_t mask[16], const struct transform *encr, struct span key, const struct octets *iv, uint64_t seq)
{
	uint8_t zero[16] = { 0 };

	if (!iv->n)
		return;
	memcpy(mask, iv->p, iv->n);
	if (is_cbc(encr->id))
		assert_int_equal(cbc_decrypt(encr->id, key, zero, mask, iv->n), CRYPTO_OK);
	put_be64(mask + iv->n - 8, get_be64(mask + iv->n - 8) ^ seq);
}

struct vector {
	struct transform encr;
	uint16_t integ_id;
	struct octets key, auth_key, iv, inner, esp; /* esp: from the SPI */
	bool icv;                                    /* the vector has one */
};

/* Seals the inner packet with the vector's IV and number, then opens the vector itself. */
static void
check_packet(const struct vector *v, enum bulk_provider provider)
{
	struct esp_worker *w = esp_case_worker(provider);
	static uint8_t buf[OCTETS_MAX + 256];
	struct esp_suite_case s = { "", v->encr, v->integ_id, v->key.n, v->auth_key.n };
	struct esp_case c;
	uint8_t mask[16] = { 0 }, *esp;
	uint32_t seq = get_be32(v->esp.p + 4), n;
	struct packet p;

	esp_case_init(&c, &s, 1);
	c.params.spi = get_be32(v->esp.p);
	/* DPDK's numbers its SAs below 256, which RFC 4303 reserves. */
	if (c.params.spi < 256)
		c.params.spi += 256;
	c.params.encr_key = span_of(v->key.p, v->key.n);
	c.params.integ_key = span_of(v->auth_key.p, v->auth_key.n);
	mask_for_iv(mask, &v->encr, c.params.encr_key, &v->iv, seq);
	c.extra.iv_mask = mask;
	c.extra.seq = seq - 1;
	if (get_be32(v->esp.p) == c.params.spi || !v->icv) {
		struct esp_sa *out = esp_case_add(w, &c, SA_OUTBOUND);

		assert_int_equal(esp_case_seal(w, out, buf, v->inner.p, (uint32_t)v->inner.n, &esp, &n), ESP_DROP_NONE);
		assert_int_equal(n - (v->icv ? 0 : out->icv_octets), v->esp.n);
		assert_memory_equal(esp, v->esp.p, v->esp.n);
		c.extra.seq = 0;
		esp_case_add(w, &c, SA_INBOUND);
		if (v->icv)
			memcpy(esp, v->esp.p, v->esp.n);
		assert_int_equal(esp_case_open(w, esp, n, 0, &p), ESP_DROP_NONE);
		assert_int_equal(p.len, v->inner.n);
		assert_memory_equal(p.p, v->inner.p, p.len);
	}
	esp_worker_free(w);
}

/* An SA whose SPI is reserved: through the bulk functions, which do not look at it. */
static void
check_bulk(const struct vector *v, enum bulk_provider provider)
{
	struct bulk *b = bulk_new(provider);
	const struct bulk_suite *s = bulk_suite(b, v->encr.id, v->encr.key_bits, v->integ_id);
	uint8_t nonce[16], zero[16] = { 0 }, packet[OCTETS_MAX];
	void *key = aligned_alloc(BULK_KEY_ALIGN, (s->key_size + 63) & ~63u);
	struct span encr = span_of(v->key.p, v->key.n), integ = span_of(v->auth_key.p, v->auth_key.n);
	struct bulk_op op = { .key = key, .head = packet, .iv_nonce = nonce };
	uint32_t head = 8u + s->iv_octets;

	op.payload = (uint32_t)v->esp.n - head - s->icv_octets;
	memcpy(packet, v->esp.p, v->esp.n);
	assert_true(bulk_key_expand(b, s, key, false, encr, integ));
	bulk_open(b, s, &op, 1);
	assert_true(op.ok);
	assert_memory_equal(packet + head, v->inner.p, v->inner.n);
	bulk_key_clear(s, key);

	memcpy(nonce, v->iv.p, 16);
	if (is_cbc(v->encr.id))
		assert_int_equal(cbc_decrypt(v->encr.id, encr, zero, nonce, v->iv.n), CRYPTO_OK);
	assert_true(bulk_key_expand(b, s, key, true, encr, integ));
	bulk_seal(b, s, &op, 1);
	assert_memory_equal(packet, v->esp.p, v->esp.n);
	bulk_key_clear(s, key);
	free(key);
	bulk_free(b);
}

static bool
dpdk_suite(struct vector *v, const json_t *o)
{
	const char *cipher = json_string_value(json_array_get(json_object_get(o, "algorithms"), 0));
	const char *hash = json_string_value(json_array_get(json_object_get(o, "algorithms"), 1));

	v->encr.key_bits = (uint16_t)(v->key.n * 8);
	if (strcmp(cipher, "AES_GCM") == 0)
		v->encr.id = ENCR_AES_GCM_16;
	else if (strcmp(cipher, "AES_CBC") == 0)
		v->encr.id = ENCR_AES_CBC;
	else if (strcmp(cipher, "3DES_CBC") == 0)
		v->encr = (struct transform) { ENCR_3DES, 0 };
	else if (strcmp(cipher, "NULL") == 0)
		v->encr = (struct transform) { ENCR_NULL, 0 };
	else
		return false;
	v->integ_id = !hash                               ? INTEG_NONE
	              : strcmp(hash, "SHA256_HMAC") == 0  ? INTEG_HMAC_SHA2_256_128
	              : strcmp(hash, "SHA384_HMAC") == 0  ? INTEG_HMAC_SHA2_384_192
	              : strcmp(hash, "SHA512_HMAC") == 0  ? INTEG_HMAC_SHA2_512_256
	              : strcmp(hash, "MD5_HMAC") == 0     ? INTEG_HMAC_MD5_96
	              : strcmp(hash, "AES_XCBC_MAC") == 0 ? INTEG_AES_XCBC_96
	                                                  : UINT16_MAX;
	return v->integ_id != UINT16_MAX;
}

static void
dpdk_packets(void **state)
{
	json_t *root = load("vectors/ipsec-packets-dpdk.json"), *o;
	unsigned checked = 0;
	size_t i;

	(void)state;
	json_array_foreach (root, i, o) {
		struct octets packet = octets_of(o, "output_text"), salt = octets_of(o, "salt");
		struct vector v = { .key = octets_of(o, "key"),
			            .auth_key = octets_of(o, "auth_key"),
			            .iv = octets_of(o, "iv"),
			            .inner = octets_of(o, "input_text"),
			            .icv = true };
		size_t outer = packet.p[0] >> 4 == 4 ? 20 : 40;

		if (!dpdk_suite(&v, o))
			continue;
		memcpy(v.key.p + v.key.n, salt.p, salt.n);
		v.key.n += salt.n;
		v.esp.n = packet.n - outer;
		memcpy(v.esp.p, packet.p + outer, v.esp.n);
		for (enum bulk_provider p = BULK_AUTO; p <= BULK_EVP; p += BULK_EVP - BULK_AUTO) {
			check_packet(&v, p);
			check_bulk(&v, p);
		}
		checked++;
	}
	/* All but DES-CBC, which is not ours, the packet without an ICV, and AH's (test_ah.c). */
	assert_int_equal(checked, 8);
	json_decref(root);
}

/* RFC 3602 has no ICV: with HMAC-SHA2-256 over its packets. */
static void
rfc3602_packets(void **state)
{
	json_t *root = load("vectors/esp-rfc.json"), *o;
	unsigned whole = 0;
	size_t i;

	(void)state;
	json_array_foreach (json_object_get(root, "rfc3602"), i, o) {
		struct octets text = octets_of(o, "plaintext"), cipher = octets_of(o, "ciphertext"), spi = octets_of(o, "spi");
		struct vector v = { .encr = { ENCR_AES_CBC, 128 },
			            .integ_id = INTEG_HMAC_SHA2_256_128,
			            .key = octets_of(o, "key"),
			            .iv = octets_of(o, "iv"),
			            .inner = text,
			            .auth_key.n = 32 };

		memcpy(v.esp.p, spi.p, 4);
		put_be32(v.esp.p + 4, (uint32_t)json_integer_value(json_object_get(o, "seq")));
		memcpy(v.esp.p + 8, v.iv.p, 16);
		memcpy(v.esp.p + 24, cipher.p, cipher.n);
		v.esp.n = 24 + cipher.n;
		/* Cases 7 and 8 are tunnel mode: the trailer ends in 4. The others are transport mode, of which the payload
		 * counts. */
		if (text.p[text.n - 1] == 4) {
			v.inner.n = text.n - 2 - text.p[text.n - 2];
			check_packet(&v, BULK_AUTO);
			check_packet(&v, BULK_EVP);
			whole++;
		} else {
			struct bulk *b = bulk_new(BULK_AUTO);
			const struct bulk_suite *s = bulk_suite(b, ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_256_128);
			uint8_t packet[OCTETS_MAX], nonce[16], zero[16] = { 0 };
			uint8_t *key = aligned_alloc(64, (s->key_size + 63) & ~63u);
			struct bulk_op op = { .key = key, .head = packet, .payload = (uint32_t)text.n, .iv_nonce = nonce };

			memcpy(packet, v.esp.p, 8);
			memcpy(packet + 24, text.p, text.n);
			memcpy(nonce, v.iv.p, 16);
			assert_int_equal(cbc_decrypt(ENCR_AES_CBC, span_of(v.key.p, 16), zero, nonce, 16), CRYPTO_OK);
			assert_true(bulk_key_expand(b, s, key, true, span_of(v.key.p, 16), span_of(v.auth_key.p, 32)));
			bulk_seal(b, s, &op, 1);
			assert_memory_equal(packet, v.esp.p, v.esp.n);
			bulk_key_clear(s, key);
			free(key);
			bulk_free(b);
		}
	}
	assert_int_equal(i, 4);
	assert_int_equal(whole, 2);
	json_decref(root);
}

static void
rfc7634_packet(void **state)
{
	json_t *root = load("vectors/esp-rfc.json"), *o = json_object_get(root, "rfc7634");
	struct octets packet = octets_of(o, "packet");
	struct vector v = {
		.encr = { ENCR_CHACHA20_POLY1305, 0 }, .key = octets_of(o, "keymat"), .inner = octets_of(o, "inner"), .icv = true
	};

	(void)state;
	v.esp.n = packet.n - 20;
	memcpy(v.esp.p, packet.p + 20, v.esp.n);
	v.iv.n = 8;
	memcpy(v.iv.p, v.esp.p + 8, 8);
	check_packet(&v, BULK_AUTO);
	check_packet(&v, BULK_EVP);
	json_decref(root);
}

/* A key of a suite, expanded; to be given to close_key. */
static void *
open_key(struct bulk *b, const struct bulk_suite *s, bool seal, struct span encr, struct span integ)
{
	void *k = aligned_alloc(BULK_KEY_ALIGN, (s->key_size + 63) & ~63u);

	assert_true(bulk_key_expand(b, s, k, seal, encr, integ));
	return k;
}

static void
close_key(const struct bulk_suite *s, void *k)
{
	bulk_key_clear(s, k);
	free(k);
}

/* RFC 3686's texts, as the payload of a packet. */
static void
check_ctr(const json_t *o, enum bulk_provider provider)
{
	struct octets key = octets_of(o, "key"), nonce = octets_of(o, "nonce"), iv = octets_of(o, "iv");
	struct octets text = octets_of(o, "plaintext"), cipher = octets_of(o, "ciphertext");
	struct bulk *b = bulk_new(provider);
	const struct bulk_suite *s = bulk_suite(b, ENCR_AES_CTR, (uint16_t)(key.n * 8), INTEG_HMAC_SHA2_256_128);
	uint8_t packet[OCTETS_MAX] = { 0 }, auth[32] = { 1 };
	struct bulk_op op = { .head = packet, .payload = (uint32_t)text.n };
	void *k;

	memcpy(key.p + key.n, nonce.p, nonce.n);
	k = open_key(b, s, true, span_of(key.p, key.n + nonce.n), span_of(auth, sizeof auth));
	memcpy(packet + 8, iv.p, iv.n);
	memcpy(packet + 16, text.p, text.n);
	op.key = k;
	bulk_seal(b, s, &op, 1);
	assert_memory_equal(packet + 16, cipher.p, cipher.n);
	close_key(s, k);
	bulk_free(b);
}

static void
rfc3686_texts(void **state)
{
	json_t *root = load("vectors/esp-rfc.json"), *o;
	size_t i;

	(void)state;
	json_array_foreach (json_object_get(root, "rfc3686"), i, o) {
		check_ctr(o, BULK_AUTO);
		check_ctr(o, BULK_EVP);
	}
	assert_int_equal(i, 9);
	json_decref(root);
}

/* What follows the first eight octets counts as the payload of NULL encryption; ESN's half may be the message's end. */
static void
check_xcbc(const struct octets *key, const struct octets *message, const struct octets *mac, enum bulk_provider provider,
           bool esn)
{
	struct bulk *b = bulk_new(provider);
	const struct bulk_suite *s = bulk_suite(b, ENCR_NULL, 0, INTEG_AES_XCBC_96);
	void *k = open_key(b, s, true, (struct span) { 0 }, span_of(key->p, key->n));
	uint8_t packet[OCTETS_MAX];
	size_t n = message->n - (esn ? 4 : 0);
	struct bulk_op op = { .key = k, .head = packet, .payload = (uint32_t)n - 8, .esn = esn };

	op.seq_high = esn ? get_be32(message->p + n) : 0;
	memcpy(packet, message->p, n);
	bulk_seal(b, s, &op, 1);
	assert_memory_equal(packet + n, mac->p, 12);
	close_key(s, k);
	bulk_free(b);
}

static void
rfc3566_macs(void **state)
{
	json_t *root = load("vectors/esp-rfc.json"), *o;
	unsigned packets = 0;
	size_t i;

	(void)state;
	json_array_foreach (json_object_get(root, "rfc3566"), i, o) {
		struct octets key = octets_of(o, "key"), message = octets_of(o, "message"), mac = octets_of(o, "mac");
		struct xcbc *x = xcbc_new(span_of(key.p, key.n));
		uint8_t out[XCBC_OCTETS];

		/* Cut where any padding and any block falls together. */
		for (size_t more = 0; more <= 4 && more <= message.n; more++) {
			assert_true(xcbc_mac(x, out, span_of(message.p, message.n - more),
			                     span_of(message.p + message.n - more, more)));
			assert_memory_equal(out, mac.p, mac.n);
		}
		xcbc_free(x);
		for (int k = 0; message.n >= 16 && k < 4; k++, packets++)
			check_xcbc(&key, &message, &mac, k & 1 ? BULK_EVP : BULK_AUTO, k & 2);
	}
	assert_int_equal(i, 7);
	assert_int_equal(packets, 5 * 4);
	json_decref(root);
}

static void
gmac_packet(void **state)
{
	json_t *root = load("vectors/esp-rfc.json"), *o = json_object_get(root, "gmac");
	struct octets keymat = octets_of(o, "keymat"), packet = octets_of(o, "packet");

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bulk *b = bulk_new(i ? BULK_EVP : BULK_AUTO);
		const struct bulk_suite *s = bulk_suite(b, ENCR_NULL_AUTH_AES_GMAC, 128, INTEG_NONE);
		void *k = open_key(b, s, true, span_of(keymat.p, keymat.n), (struct span) { 0 });
		uint8_t made[OCTETS_MAX];
		struct bulk_op op = { .key = k, .head = made, .payload = (uint32_t)packet.n - 16 - 16 };

		memcpy(made, packet.p, packet.n - 16);
		bulk_seal(b, s, &op, 1);
		assert_memory_equal(made, packet.p, packet.n);
		close_key(s, k);
		bulk_free(b);
	}
	json_decref(root);
}

/* ---- Wycheproof: those tests whose additional data have the form that ESP gives them, 8 octets or (ESN) 12 */

static void
check_aead(uint16_t encr_id, uint16_t bits, const json_t *t, enum bulk_provider provider)
{
	struct octets key = octets_of(t, "key"), iv = octets_of(t, "iv"), aad = octets_of(t, "aad"), text = octets_of(t, "msg");
	struct octets cipher = octets_of(t, "ct"), tag = octets_of(t, "tag");
	bool valid = strcmp(json_string_value(json_object_get(t, "result")), "valid") == 0;
	struct bulk *b = bulk_new(provider);
	const struct bulk_suite *s = bulk_suite(b, encr_id, bits, INTEG_NONE);
	uint8_t packet[OCTETS_MAX];
	void *k = aligned_alloc(64, (s->key_size + 63) & ~63u);
	struct bulk_op op = { .key = k, .head = packet, .payload = (uint32_t)text.n, .esn = aad.n == 12 };

	memcpy(key.p + key.n, iv.p, 4);
	memcpy(packet, aad.p, 4);
	memcpy(packet + 4, aad.p + aad.n - 4, 4);
	op.seq_high = aad.n == 12 ? get_be32(aad.p + 4) : 0;
	memcpy(packet + 8, iv.p + 4, 8);
	memcpy(packet + 16, text.p, text.n);
	assert_true(bulk_key_expand(b, s, k, true, span_of(key.p, key.n + 4), (struct span) { 0 }));
	bulk_seal(b, s, &op, 1);
	assert_int_equal(memcmp(packet + 16, cipher.p, cipher.n) == 0 && memcmp(packet + 16 + text.n, tag.p, tag.n) == 0, valid);
	bulk_key_clear(s, k);
	memcpy(packet + 16, cipher.p, cipher.n);
	memcpy(packet + 16 + cipher.n, tag.p, tag.n);
	assert_true(bulk_key_expand(b, s, k, false, span_of(key.p, key.n + 4), (struct span) { 0 }));
	bulk_open(b, s, &op, 1);
	assert_int_equal(op.ok, valid);
	if (valid)
		assert_memory_equal(packet + 16, text.p, text.n);
	bulk_key_clear(s, k);
	free(k);
	bulk_free(b);
}

static unsigned
wycheproof(const char *path, uint16_t encr_id)
{
	json_t *root = load(path), *g, *t;
	unsigned checked = 0;
	size_t i, j;

	json_array_foreach (json_object_get(root, "testGroups"), i, g) {
		uint16_t bits = (uint16_t)json_integer_value(json_object_get(g, "keySize"));

		if (json_integer_value(json_object_get(g, "ivSize")) != 96 ||
		    json_integer_value(json_object_get(g, "tagSize")) != 128)
			continue;
		json_array_foreach (json_object_get(g, "tests"), j, t) {
			size_t aad = strlen(json_string_value(json_object_get(t, "aad"))) / 2;

			if (aad != 8 && aad != 12)
				continue;
			check_aead(encr_id, bits, t, BULK_AUTO);
			check_aead(encr_id, bits, t, BULK_EVP);
			checked++;
		}
	}
	json_decref(root);
	return checked;
}

static void
wycheproof_aead(void **state)
{
	(void)state;
	assert_int_equal(wycheproof("vectors/wycheproof/aes_gcm_test.json", ENCR_AES_GCM_16), 2);
	assert_int_equal(wycheproof("vectors/wycheproof/chacha20_poly1305_test.json", ENCR_CHACHA20_POLY1305), 1);
}

/* ---- strongSwan's packets, with the keys that it logged */

static const struct {
	const char *encryption;
	uint16_t id;
	size_t salt;
} ciphers[] = {
	{ "AES_CBC", ENCR_AES_CBC, 0 },
	{ "AES_CTR", ENCR_AES_CTR, 4 },
	{ "AES_GCM_16", ENCR_AES_GCM_16, 4 },
	{ "AES_GCM_12", ENCR_AES_GCM_12, 4 },
	{ "AES_CCM_16", ENCR_AES_CCM_16, 3 },
	{ "CHACHA20_POLY1305", ENCR_CHACHA20_POLY1305, 4 },
	{ "CAMELLIA_CBC", ENCR_CAMELLIA_CBC, 0 },
	{ "3DES_CBC", ENCR_3DES, 0 },
	{ "NULL", ENCR_NULL, 0 },
};

static const struct {
	const char *integrity;
	uint16_t id;
} hashes[] = { { "HMAC_MD5_96", INTEG_HMAC_MD5_96 },
	       { "AES_XCBC_96", INTEG_AES_XCBC_96 },
	       { "HMAC_SHA1_96", INTEG_HMAC_SHA1_96 },
	       { "HMAC_SHA2_256_128", INTEG_HMAC_SHA2_256_128 },
	       { "HMAC_SHA2_384_192", INTEG_HMAC_SHA2_384_192 },
	       { "HMAC_SHA2_512_256", INTEG_HMAC_SHA2_512_256 } };

/* Where the log of strongSwan does not say whose keys they are: the responder, 10.77.0.2, seals with its own. */
static struct octets
key_of(const json_t *o, const char *name)
{
	const char *src = json_string_value(json_object_get(o, "src"));
	char whose[64];

	if (json_object_get(o, name))
		return octets_of(o, name);
	snprintf(whose, sizeof whose, "%s_%s", src && strcmp(src, "10.77.0.2") == 0 ? "responder" : "initiator", name);
	return octets_of(o, whose);
}

/* Installs an SA of the .json; false for one whose keys are not noted. */
static bool
install(struct esp_worker *w, const json_t *o)
{
	const char *encryption = json_string_value(json_object_get(o, "encryption"));
	const char *integrity = json_string_value(json_object_get(o, "integrity"));
	struct octets key = key_of(o, "key"), auth = key_of(o, "auth_key"), spi = octets_of(o, "spi");
	struct esp_suite_case s = { "", { 0 }, integrity ? UINT16_MAX : INTEG_NONE, key.n, auth.n };
	struct esp_case c;

	if (!encryption || (!key.n && !auth.n))
		return false;
	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
		if (strcmp(encryption, ciphers[i].encryption) == 0)
			s.encr = (struct transform) { ciphers[i].id, (uint16_t)((key.n - ciphers[i].salt) * 8) };
	for (size_t i = 0; integrity && i < sizeof hashes / sizeof hashes[0]; i++)
		if (strcmp(integrity, hashes[i].integrity) == 0)
			s.integ_id = hashes[i].id;
	if (!s.encr.id || s.integ_id == UINT16_MAX)
		fail_msg("%s with %s", encryption, integrity ? integrity : "nothing");
	esp_case_init(&c, &s, 1);
	c.params.spi = get_be32(spi.p);
	c.params.encr_key = span_of(key.p, key.n);
	c.params.integ_key = span_of(auth.p, auth.n);
	esp_case_add(w, &c, SA_INBOUND);
	return true;
}

/* Opens all ESP packets of SAs that are installed; returns how many. */
static unsigned
open_capture(struct esp_worker *w, const char *name)
{
	char path[1024];
	unsigned opened = 0;
	struct pcap_packet k;
	struct pcap pcap;

	assert_true(data_path(path, "SALLYPORT_TEST_DATA", name));
	assert_true(pcap_open(&pcap, path));
	while (pcap_next(&pcap, &k)) {
		uint8_t esp[OCTETS_MAX];
		struct packet p;

		if (k.sport != 4500 && k.dport != 4500)
			continue;
		if (k.payload.n < 8 || k.payload.n > sizeof esp || get_be32(k.payload.p) == 0)
			continue;
		if (!esp_sa_find(w, SA_INBOUND, get_be32(k.payload.p), NULL))
			continue;
		memcpy(esp, k.payload.p, k.payload.n);
		if (esp_case_open(w, esp, (uint32_t)k.payload.n, 0, &p) != ESP_DROP_NONE)
			fail_msg("%s, frame %zu: %s", name, k.number, esp_drop_name(p.drop));
		/* A ping from end to end. */
		assert_true(p.p[0] >> 4 == 6 || p.p[9] == 1);
		opened++;
	}
	pcap_close(&pcap);
	return opened;
}

static unsigned
charon_capture(const char *json, enum bulk_provider provider)
{
	char name[512];
	struct esp_worker *w = esp_case_worker(provider);
	json_t *root, *o;
	unsigned opened = 0;
	size_t i;

	snprintf(name, sizeof name, "pcap/charon/%s", json);
	root = load(name);
	json_array_foreach (json_object_get(root, "esp_sas"), i, o)
		opened += install(w, o);
	strcpy(strrchr(name, '.'), ".pcap");
	opened = opened ? open_capture(w, name) : 0;
	json_decref(root);
	esp_worker_free(w);
	return opened;
}

static void
charon_packets_open(void **state)
{
	char path[1024];
	unsigned opened = 0, captures = 0;
	struct dirent *e;
	DIR *d;

	(void)state;
	assert_true(data_path(path, "SALLYPORT_TEST_DATA", "pcap/charon"));
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		unsigned n;

		if (!strstr(e->d_name, ".json"))
			continue;
		n = charon_capture(e->d_name, BULK_AUTO);
		assert_int_equal(charon_capture(e->d_name, BULK_EVP), n);
		opened += n;
		captures += n > 0;
	}
	closedir(d);
	assert_true(captures >= 20);
	assert_true(opened >= 130);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dpdk_packets),    cmocka_unit_test(rfc3602_packets),     cmocka_unit_test(rfc7634_packet),
		cmocka_unit_test(rfc3686_texts),   cmocka_unit_test(rfc3566_macs),        cmocka_unit_test(gmac_packet),
		cmocka_unit_test(wycheproof_aead), cmocka_unit_test(charon_packets_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
