/* SPDX-License-Identifier: Apache-2.0 */
#include "esp_bare.h"

#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_MAX = 256, TAG = 16 };

struct cbc_key {
	uint8_t aes[16 * 15] __attribute__((aligned(16)));
	uint8_t inner[32] __attribute__((aligned(16)));
	uint8_t outer[32] __attribute__((aligned(16)));
};

struct bare {
	enum bare_kind kind;
	IMB_MGR *mgr;
	size_t n, key_size;
	uint8_t *keys[2]; /* for opening, for sealing */
	uint64_t counter;
	uint8_t nonce[RUN_MAX][16], tag[RUN_MAX][32];
	unsigned mismatches;
};

static void
any_key(uint8_t key[64], size_t i)
{
	for (size_t k = 0; k < 64; k++)
		key[k] = (uint8_t)(i * 2654435761u >> k % 24) ^ (uint8_t)(k * 29);
}

static void
expand(struct bare *b, uint8_t *out, int seal, size_t i)
{
	uint8_t key[64], block[64], other[16 * 15] __attribute__((aligned(16)));
	struct cbc_key *k = (struct cbc_key *)out;

	any_key(key, i);
	switch (b->kind) {
	case BARE_GCM256:
		IMB_AES256_GCM_PRE(b->mgr, key, (struct gcm_key_data *)out);
		break;
	case BARE_CHACHA:
		memcpy(out, key, 32);
		break;
	case BARE_CBC256_SHA256:
		IMB_AES_KEYEXP_256(b->mgr, key, seal ? k->aes : other, seal ? other : k->aes);
		for (size_t j = 0; j < 64; j++)
			block[j] = (uint8_t)(0x36 ^ (j < 32 ? key[j] : 0));
		IMB_SHA256_ONE_BLOCK(b->mgr, block, k->inner);
		for (size_t j = 0; j < 64; j++)
			block[j] ^= 0x36 ^ 0x5c;
		IMB_SHA256_ONE_BLOCK(b->mgr, block, k->outer);
		break;
	}
}

struct bare *
bare_new(enum bare_kind kind, size_t n)
{
	struct bare *b = calloc(1, sizeof *b);
	IMB_ARCH arch;

	if (!b)
		return NULL;
	b->kind = kind;
	b->n = n;
	b->mgr = alloc_mb_mgr(0);
	if (b->mgr)
		init_mb_mgr_auto(b->mgr, &arch);
	b->key_size = kind == BARE_GCM256 ? 1024 : kind == BARE_CHACHA ? 64 : sizeof(struct cbc_key) + 16;
	b->keys[0] = aligned_alloc(64, (n * b->key_size + 63) & ~(size_t)63);
	b->keys[1] = aligned_alloc(64, (n * b->key_size + 63) & ~(size_t)63);
	if (!b->mgr || !b->keys[0] || !b->keys[1]) {
		bare_free(b);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		for (int seal = 0; seal < 2; seal++)
			expand(b, b->keys[seal] + i * b->key_size, seal, i);
	return b;
}

void
bare_free(struct bare *b)
{
	if (!b)
		return;
	free(b->keys[0]);
	free(b->keys[1]);
	free_mb_mgr(b->mgr);
	free(b);
}

static void
fresh_nonce(struct bare *b, size_t i, uint8_t *packet, int seal)
{
	memset(b->nonce[i], 0x5a, 4);
	if (seal) {
		b->counter++;
		memcpy(packet, &b->counter, 8);
		memcpy(packet + 8, &b->counter, 8);
	}
	memcpy(b->nonce[i] + 4, packet + 8, 8);
}

static void
run_gcm(struct bare *b, int seal, uint8_t *const *packet, const uint32_t *key, size_t n, uint32_t len)
{
	struct gcm_context_data context;

	for (size_t i = 0; i < n; i++) {
		const struct gcm_key_data *k = (const struct gcm_key_data *)(b->keys[seal] + key[i] * b->key_size);
		uint8_t *p = packet[i], *payload = p + 16;

		fresh_nonce(b, i, p, seal);
		if (seal) {
			IMB_AES256_GCM_ENC(b->mgr, k, &context, payload, payload, len, b->nonce[i], p, 8, payload + len, TAG);
		} else {
			IMB_AES256_GCM_DEC(b->mgr, k, &context, payload, payload, len, b->nonce[i], p, 8, b->tag[i], TAG);
			b->mismatches += memcmp(b->tag[i], payload + len, TAG) != 0;
		}
	}
}

static void
chacha_job(struct bare *b, IMB_JOB *j, uint8_t *p, const uint8_t *key, size_t i, int seal, uint32_t len)
{
	fresh_nonce(b, i, p, seal);
	j->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	j->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	j->enc_keys = j->dec_keys = key;
	j->key_len_in_bytes = 32;
	j->src = j->dst = p + 16;
	j->cipher_start_src_offset_in_bytes = j->hash_start_src_offset_in_bytes = 0;
	j->msg_len_to_cipher_in_bytes = j->msg_len_to_hash_in_bytes = len;
	j->iv = b->nonce[i];
	j->iv_len_in_bytes = 12;
	j->u.CHACHA20_POLY1305.aad = p;
	j->u.CHACHA20_POLY1305.aad_len_in_bytes = 8;
	j->auth_tag_output = seal ? p + 16 + len : b->tag[i];
	j->auth_tag_output_len_in_bytes = TAG;
}

static void
cbc_job(struct bare *b, IMB_JOB *j, uint8_t *p, const uint8_t *key, size_t i, int seal, uint32_t len)
{
	const struct cbc_key *k = (const struct cbc_key *)key;

	fresh_nonce(b, i, p, seal);
	j->cipher_mode = IMB_CIPHER_CBC;
	j->hash_alg = IMB_AUTH_HMAC_SHA_256;
	j->enc_keys = j->dec_keys = k->aes;
	j->key_len_in_bytes = 32;
	j->src = p;
	j->dst = p + 24;
	j->cipher_start_src_offset_in_bytes = 24;
	j->hash_start_src_offset_in_bytes = 0;
	j->msg_len_to_cipher_in_bytes = len;
	j->msg_len_to_hash_in_bytes = 24 + len;
	j->iv = p + 8;
	j->iv_len_in_bytes = 16;
	j->u.HMAC._hashed_auth_key_xor_ipad = k->inner;
	j->u.HMAC._hashed_auth_key_xor_opad = k->outer;
	j->auth_tag_output = seal ? p + 24 + len : b->tag[i];
	j->auth_tag_output_len_in_bytes = TAG;
}

static void
run_jobs(struct bare *b, int seal, uint8_t *const *packet, const uint32_t *key, size_t n, uint32_t len)
{
	for (size_t i = 0; i < n; i++) {
		IMB_JOB *j = IMB_GET_NEXT_JOB(b->mgr);
		const uint8_t *k = b->keys[seal] + key[i] * b->key_size;

		j->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
		j->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
		if (b->kind == BARE_CHACHA)
			chacha_job(b, j, packet[i], k, i, seal, len);
		else
			cbc_job(b, j, packet[i], k, i, seal, len);
		IMB_SUBMIT_JOB_NOCHECK(b->mgr);
	}
	while (IMB_FLUSH_JOB(b->mgr))
		;
	if (seal)
		return;
	for (size_t i = 0; i < n; i++)
		b->mismatches += memcmp(b->tag[i], packet[i] + (b->kind == BARE_CHACHA ? 16 : 24) + len, TAG) != 0;
}

void
bare_run(struct bare *b, int seal, uint8_t *const *packet, const uint32_t *key, size_t n, uint32_t len)
{
	if (b->kind == BARE_GCM256)
		run_gcm(b, seal, packet, key, n, len);
	else
		run_jobs(b, seal, packet, key, n, len);
	if (b->mismatches)
		abort(); /* a ceiling that computes nonsense is none */
}
