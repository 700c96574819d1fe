/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk_imb.h"

#include <stdio.h>
#include <stdlib.h>

#include "secret.h"

/*
 * libipsec-mb. AES-GCM goes through its one-shot calls, which are the fastest
 * for it; ChaCha20-Poly1305 and the HMAC suites go through the job manager,
 * which interleaves the packets of a run (CBC and the hashes are serial within
 * one packet). What fewer peers use is in bulk_imb_more.c, and what libipsec-mb
 * does not have is OpenSSL's.
 */

enum { BLOCK_64 = 64, BLOCK_128 = 128 };

struct chacha_key {
	uint8_t key[32];
	uint8_t salt[16];
};

static const uint8_t zero_iv[CBC_BLOCK_OCTETS];

static const struct gcm_key_data *
gcm_data(const void *key)
{
	return (const struct gcm_key_data *)key;
}

/* ---- AES-GCM */

void
imb_gcm_key(IMB_MGR *mgr, uint16_t key_bits, struct gcm_key *k, const uint8_t *key)
{
	if (key_bits == 128)
		IMB_AES128_GCM_PRE(mgr, key, (struct gcm_key_data *)(void *)k);
	else if (key_bits == 192)
		IMB_AES192_GCM_PRE(mgr, key, (struct gcm_key_data *)(void *)k);
	else
		IMB_AES256_GCM_PRE(mgr, key, (struct gcm_key_data *)(void *)k);
	memcpy(k->salt, key + key_bits / 8, AEAD_SALT_OCTETS);
}

static bool
gcm_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	(void)seal, (void)integ;
	imb_gcm_key(((struct imb_state *)b->state)->mgr, s->key_bits, out, encr.p);
	return true;
}

typedef void gcm_function(const struct gcm_key_data *, struct gcm_context_data *, uint8_t *, const uint8_t *, uint64_t,
                          const uint8_t *, const uint8_t *, uint64_t, uint8_t *, uint64_t);

static inline void
gcm_one(gcm_function *f, const struct bulk_suite *s, const struct bulk_op *op, uint8_t *tag, uint64_t tag_octets)
{
	struct gcm_context_data context;
	uint8_t nonce[16], aad[16], *payload = bulk_payload(s, op);
	uint32_t aad_octets = SPI_SEQ_OCTETS;
	const uint8_t *a = op->head;

	if (op->esn) {
		aad_octets = bulk_aad(aad, op);
		a = aad;
	}
	bulk_nonce(nonce, ((const struct gcm_key *)op->key)->salt, op);
	f(gcm_data(op->key), &context, payload, payload, op->payload, nonce, a, aad_octets, tag, tag_octets);
}

static inline void
gcm_seal_run(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n, size_t tag_octets)
{
	IMB_MGR *mgr = ((struct imb_state *)b->state)->mgr;
	gcm_function *f = s->key_bits == 128 ? mgr->gcm128_enc : s->key_bits == 192 ? mgr->gcm192_enc : mgr->gcm256_enc;

	for (size_t i = 0; i < n; i++) {
		prefetch_key(op, i, n, sizeof(struct gcm_key));
		gcm_one(f, s, &op[i], bulk_icv(s, &op[i]), tag_octets);
	}
}

static inline void
gcm_open_run(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n, size_t tag_octets)
{
	IMB_MGR *mgr = ((struct imb_state *)b->state)->mgr;
	gcm_function *f = s->key_bits == 128 ? mgr->gcm128_dec : s->key_bits == 192 ? mgr->gcm192_dec : mgr->gcm256_dec;
	uint8_t tag[16];

	for (size_t i = 0; i < n; i++) {
		prefetch_key(op, i, n, sizeof(struct gcm_key));
		gcm_one(f, s, &op[i], tag, tag_octets);
		op[i].ok = bulk_icv_equal(tag, bulk_icv(s, &op[i]), tag_octets);
	}
}

/* The whole tag, whose length the compiler then knows; and the shorter ones of RFC 4106 section 6. */
static void
gcm_seal(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	gcm_seal_run(b, s, op, n, 16);
}

static void
gcm_open(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	gcm_open_run(b, s, op, n, 16);
}

static void
gcm_seal_short(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	gcm_seal_run(b, s, op, n, s->icv_octets);
}

static void
gcm_open_short(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	gcm_open_run(b, s, op, n, s->icv_octets);
}

/* ---- jobs */

static bool
chacha_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	struct chacha_key *k = out;

	(void)b, (void)s, (void)seal, (void)integ;
	memcpy(k->key, encr.p, sizeof k->key);
	memcpy(k->salt, encr.p + sizeof k->key, AEAD_SALT_OCTETS);
	return true;
}

static void
chacha_fill(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal)
{
	const struct chacha_key *k = op[i].key;

	bulk_nonce(st->nonce[i], k->salt, &op[i]);
	fill_aead(st, s, op, i, j, k->key, seal);
	j->key_len_in_bytes = sizeof k->key; /* the suite has no key length to negotiate */
	j->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	j->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	j->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	j->iv_len_in_bytes = AEAD_NONCE_OCTETS;
	j->u.CHACHA20_POLY1305.aad = st->aad[i];
	j->u.CHACHA20_POLY1305.aad_len_in_bytes = bulk_aad(st->aad[i], &op[i]);
}

JOBS_BOTH_WAYS(chacha)

/* ---- AES-CBC or NULL with HMAC */

static IMB_HASH_ALG
hash_of(uint16_t integ_id)
{
	return integ_id == INTEG_HMAC_SHA1_96        ? IMB_AUTH_HMAC_SHA_1
	       : integ_id == INTEG_HMAC_SHA2_256_128 ? IMB_AUTH_HMAC_SHA_256
	       : integ_id == INTEG_HMAC_SHA2_384_192 ? IMB_AUTH_HMAC_SHA_384
	       : integ_id == INTEG_HMAC_SHA2_512_256 ? IMB_AUTH_HMAC_SHA_512
	                                             : IMB_AUTH_MD5;
}

/* RFC 2104 section 4: the state of the hash after the block key XOR pad. */
static void
hmac_state(IMB_MGR *mgr, uint16_t integ_id, struct span key, uint8_t pad, uint8_t out[64])
{
	uint8_t block[BLOCK_128];

	memset(block, pad, sizeof block);
	for (size_t i = 0; i < key.n; i++)
		block[i] ^= key.p[i];
	if (integ_id == INTEG_HMAC_SHA1_96)
		IMB_SHA1_ONE_BLOCK(mgr, block, out);
	else if (integ_id == INTEG_HMAC_SHA2_256_128)
		IMB_SHA256_ONE_BLOCK(mgr, block, out);
	else if (integ_id == INTEG_HMAC_SHA2_384_192)
		IMB_SHA384_ONE_BLOCK(mgr, block, out);
	else if (integ_id == INTEG_HMAC_SHA2_512_256)
		IMB_SHA512_ONE_BLOCK(mgr, block, out);
	else
		IMB_MD5_ONE_BLOCK(mgr, block, out);
	secret_wipe(block, sizeof block);
}

void
imb_aes_schedule(IMB_MGR *mgr, uint16_t key_bits, const uint8_t *key, uint8_t *out, bool seal)
{
	uint8_t other[16 * 15] __attribute__((aligned(16)));
	uint8_t *enc = seal ? out : other, *dec = seal ? other : out;

	if (key_bits == 128)
		IMB_AES_KEYEXP_128(mgr, key, enc, dec);
	else if (key_bits == 192)
		IMB_AES_KEYEXP_192(mgr, key, enc, dec);
	else if (key_bits == 256)
		IMB_AES_KEYEXP_256(mgr, key, enc, dec);
	secret_wipe(other, sizeof other);
}

void
imb_hmac_states(IMB_MGR *mgr, const struct bulk_suite *s, struct hmac_key *k, struct span integ)
{
	hmac_state(mgr, s->integ_id, integ, 0x36, k->inner);
	hmac_state(mgr, s->integ_id, integ, 0x5c, k->outer);
}

static bool
hmac_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	IMB_MGR *mgr = ((struct imb_state *)b->state)->mgr;
	struct hmac_key *k = out;

	if (s->encr_id == ENCR_AES_CBC)
		imb_aes_schedule(mgr, s->key_bits, encr.p, k->aes, seal);
	imb_hmac_states(mgr, s, k, integ);
	return true;
}

/*
 * On seal the IV's place holds the nonce and is encrypted with the payload,
 * under an IV of zero: its ciphertext then IS the IV that the payload is chained to.
 */
static inline void
fill_cbc(const struct bulk_suite *s, struct bulk_op *op, IMB_JOB *j, const uint8_t *aes, bool seal)
{
	uint8_t *payload = bulk_payload(s, op);
	uint32_t lead = seal ? CBC_BLOCK_OCTETS : 0;

	j->src = op->head;
	j->enc_keys = j->dec_keys = aes;
	j->cipher_mode = s->encr_id == ENCR_AES_CBC ? IMB_CIPHER_CBC : IMB_CIPHER_NULL;
	j->msg_len_to_cipher_in_bytes = op->payload;
	j->cipher_start_src_offset_in_bytes = SPI_SEQ_OCTETS;
	j->dst = payload;
	if (s->encr_id != ENCR_AES_CBC)
		return;
	if (seal)
		memcpy(payload - CBC_BLOCK_OCTETS, op->iv_nonce, CBC_BLOCK_OCTETS);
	j->dst = payload - lead;
	j->msg_len_to_cipher_in_bytes = op->payload + lead;
	j->cipher_start_src_offset_in_bytes = SPI_SEQ_OCTETS + CBC_BLOCK_OCTETS - lead;
	j->iv = seal ? zero_iv : payload - CBC_BLOCK_OCTETS;
	j->iv_len_in_bytes = CBC_BLOCK_OCTETS;
	j->key_len_in_bytes = s->key_bits / 8;
}

void
imb_fill_cbc(const struct bulk_suite *s, struct bulk_op *op, IMB_JOB *j, const uint8_t *aes, bool seal)
{
	fill_cbc(s, op, j, aes, seal);
}

void
imb_fill_hmac(const struct bulk_suite *s, IMB_JOB *j, const struct hmac_key *k)
{
	j->hash_alg = hash_of(s->integ_id);
	j->u.HMAC._hashed_auth_key_xor_ipad = k->inner;
	j->u.HMAC._hashed_auth_key_xor_opad = k->outer;
}

static void
hmac_fill(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal)
{
	const struct hmac_key *k = op[i].key;

	fill_cbc(s, &op[i], j, k->aes, seal);
	fill_mac(st, s, op, i, j, seal);
	imb_fill_hmac(s, j, k);
}

JOBS_BOTH_WAYS(hmac)

/* ---- provider */

static void
imb_suite(struct bulk_suite *s)
{
	if (s->integ_id == INTEG_HMAC_SHA2_256_96) {
		bulk_evp_ops->suite(s); /* the library's HMAC-SHA-256 has 16 octets or 32 */
	} else if (s->kind == BULK_GCM) {
		s->key_size = sizeof(struct gcm_key);
		s->expand = gcm_expand;
		s->seal = s->icv_octets == 16 ? gcm_seal : gcm_seal_short;
		s->open = s->icv_octets == 16 ? gcm_open : gcm_open_short;
	} else if (s->kind == BULK_CHACHA) {
		s->key_size = sizeof(struct chacha_key);
		s->expand = chacha_expand;
		s->seal = chacha_seal;
		s->open = chacha_open;
	} else if (s->kind == BULK_HMAC && (s->encr_id == ENCR_AES_CBC || s->encr_id == ENCR_NULL)) {
		s->key_size = sizeof(struct hmac_key);
		s->expand = hmac_expand;
		s->seal = hmac_seal;
		s->open = hmac_open;
	} else if (!imb_more_suite(s)) {
		bulk_evp_ops->suite(s);
	}
}

static bool
imb_open(struct bulk *b)
{
	static const char *const arch_name[] = { "none", "no AES-NI", "SSE", "AVX", "AVX2", "AVX512" };
	struct imb_state *st = aligned_alloc(CACHE_LINE, (sizeof *st + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
	IMB_ARCH arch = IMB_ARCH_NONE;

	if (!st)
		return false;
	memset(st, 0, sizeof *st);
	st->mgr = alloc_mb_mgr(0);
	if (st->mgr)
		init_mb_mgr_auto(st->mgr, &arch);
	if (!st->mgr || arch == IMB_ARCH_NONE || imb_get_errno(st->mgr)) {
		free_mb_mgr(st->mgr);
		free(st);
		return false;
	}
	b->state = st;
	snprintf(b->name, sizeof b->name, "libipsec-mb %s (%s)", imb_get_version_str(),
	         (size_t)arch < sizeof arch_name / sizeof *arch_name ? arch_name[arch] : "newer");
	return true;
}

static void
imb_close(struct bulk *b)
{
	struct imb_state *st = b->state;

	secret_wipe(st->mgr->jobs, sizeof st->mgr->jobs);
	free_mb_mgr(st->mgr);
	secret_wipe(st, sizeof *st);
	free(st);
}

static const struct bulk_provider_ops imb_ops = { imb_open, imb_close, imb_suite };
const struct bulk_provider_ops *const bulk_imb_ops = &imb_ops;
