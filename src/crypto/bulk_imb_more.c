/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk_imb.h"

/*
 * libipsec-mb for AES-CCM (its 128 and 256 bits), GMAC, AES-CTR with each MAC,
 * and AES-XCBC with each AES cipher.
 */

struct ccm_key {
	uint8_t aes[16 * 15] __attribute__((aligned(16)));
	uint8_t salt[16];
};

struct ctr_hmac_key {
	struct hmac_key hmac;
	uint8_t salt[16];
};

/* RFC 3566 section 4: K1 as its key schedule, K2, K3. */
struct xcbc_key {
	uint8_t aes[16 * 15] __attribute__((aligned(16)));
	uint32_t k1[4 * 11] __attribute__((aligned(16)));
	uint8_t k2[16] __attribute__((aligned(16)));
	uint8_t k3[16] __attribute__((aligned(16)));
	uint8_t salt[16];
};

static IMB_MGR *
manager(struct bulk *b)
{
	return ((struct imb_state *)b->state)->mgr;
}

static bool
counts_up(const struct bulk_suite *s)
{
	return s->encr_id == ENCR_AES_CTR;
}

/* ---- AES-CCM */

static bool
ccm_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	struct ccm_key *k = out;

	(void)seal, (void)integ;
	/* CCM only ever encrypts. */
	imb_aes_schedule(manager(b), s->key_bits, encr.p, k->aes, true);
	memcpy(k->salt, encr.p + s->key_bits / 8, CCM_SALT_OCTETS);
	return true;
}

static void
ccm_fill(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal)
{
	const struct ccm_key *k = op[i].key;

	bulk_ccm_nonce(st->nonce[i], k->salt, &op[i]);
	fill_aead(st, s, op, i, j, k->aes, seal);
	j->chain_order = seal ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
	j->cipher_mode = IMB_CIPHER_CCM;
	j->hash_alg = IMB_AUTH_AES_CCM;
	j->iv_len_in_bytes = CCM_NONCE_OCTETS;
	j->u.CCM.aad = st->aad[i];
	j->u.CCM.aad_len_in_bytes = bulk_aad(st->aad[i], &op[i]);
}

JOBS_BOTH_WAYS(ccm)

/* ---- GMAC */

static bool
gmac_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	(void)seal, (void)integ;
	imb_gcm_key(manager(b), s->key_bits, out, encr.p);
	return true;
}

/* RFC 4543 section 3.3, figure 4: SPI, sequence number, IV and payload are all additional data. */
static void
gmac_one(IMB_MGR *mgr, const struct bulk_suite *s, const struct bulk_op *op, uint8_t tag[16])
{
	const struct gcm_key_data *k = op->key;
	const uint8_t *rest = op->head + SPI_SEQ_OCTETS;
	uint64_t n = s->iv_octets + op->payload;
	struct gcm_context_data context;
	uint8_t nonce[16], aad[16];
	uint32_t aad_octets = bulk_aad(aad, op);

	bulk_nonce(nonce, ((const struct gcm_key *)op->key)->salt, op);
	if (s->key_bits == 128) {
		IMB_AES128_GMAC_INIT(mgr, k, &context, nonce, AEAD_NONCE_OCTETS);
		IMB_AES128_GMAC_UPDATE(mgr, k, &context, aad, aad_octets);
		IMB_AES128_GMAC_UPDATE(mgr, k, &context, rest, n);
		IMB_AES128_GMAC_FINALIZE(mgr, k, &context, tag, 16);
	} else if (s->key_bits == 192) {
		IMB_AES192_GMAC_INIT(mgr, k, &context, nonce, AEAD_NONCE_OCTETS);
		IMB_AES192_GMAC_UPDATE(mgr, k, &context, aad, aad_octets);
		IMB_AES192_GMAC_UPDATE(mgr, k, &context, rest, n);
		IMB_AES192_GMAC_FINALIZE(mgr, k, &context, tag, 16);
	} else {
		IMB_AES256_GMAC_INIT(mgr, k, &context, nonce, AEAD_NONCE_OCTETS);
		IMB_AES256_GMAC_UPDATE(mgr, k, &context, aad, aad_octets);
		IMB_AES256_GMAC_UPDATE(mgr, k, &context, rest, n);
		IMB_AES256_GMAC_FINALIZE(mgr, k, &context, tag, 16);
	}
}

static void
gmac_seal(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gmac_one(manager(b), s, &op[i], bulk_icv(s, &op[i]));
}

static void
gmac_open(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	uint8_t tag[16];

	for (size_t i = 0; i < n; i++) {
		gmac_one(manager(b), s, &op[i], tag);
		op[i].ok = bulk_icv_equal(tag, bulk_icv(s, &op[i]), sizeof tag);
	}
}

/* ---- AES-CTR */

/* RFC 3686 section 4: nonce, IV; libipsec-mb starts the block counter behind 12 octets at one. */
static inline void
fill_ctr(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, const uint8_t *aes,
         const uint8_t *salt)
{
	bulk_nonce(st->nonce[i], salt, &op[i]);
	j->src = op[i].head;
	j->dst = bulk_payload(s, &op[i]);
	j->enc_keys = j->dec_keys = aes;
	j->key_len_in_bytes = s->key_bits / 8;
	j->cipher_mode = IMB_CIPHER_CNTR;
	j->cipher_start_src_offset_in_bytes = SPI_SEQ_OCTETS + s->iv_octets;
	j->msg_len_to_cipher_in_bytes = op[i].payload;
	j->iv = st->nonce[i];
	j->iv_len_in_bytes = AEAD_NONCE_OCTETS;
}

static bool
ctr_hmac_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	struct ctr_hmac_key *k = out;

	(void)seal;
	imb_aes_schedule(manager(b), s->key_bits, encr.p, k->hmac.aes, true);
	imb_hmac_states(manager(b), s, &k->hmac, integ);
	memcpy(k->salt, encr.p + s->key_bits / 8, AEAD_SALT_OCTETS);
	return true;
}

static void
ctr_hmac_fill(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal)
{
	const struct ctr_hmac_key *k = op[i].key;

	fill_ctr(st, s, op, i, j, k->hmac.aes, k->salt);
	fill_mac(st, s, op, i, j, seal);
	imb_fill_hmac(s, j, &k->hmac);
}

JOBS_BOTH_WAYS(ctr_hmac)

/* ---- AES-XCBC-MAC-96 */

static bool
xcbc_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	struct xcbc_key *k = out;

	if (s->key_bits)
		imb_aes_schedule(manager(b), s->key_bits, encr.p, k->aes, seal || counts_up(s));
	if (s->salt_octets)
		memcpy(k->salt, encr.p + s->key_bits / 8, AEAD_SALT_OCTETS);
	IMB_AES_XCBC_KEYEXP(manager(b), integ.p, k->k1, k->k2, k->k3);
	return true;
}

static void
xcbc_fill(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal)
{
	const struct xcbc_key *k = op[i].key;

	if (counts_up(s))
		fill_ctr(st, s, op, i, j, k->aes, k->salt);
	else
		imb_fill_cbc(s, &op[i], j, k->aes, seal);
	fill_mac(st, s, op, i, j, seal);
	j->hash_alg = IMB_AUTH_AES_XCBC;
	j->u.XCBC._k1_expanded = k->k1;
	j->u.XCBC._k2 = k->k2;
	j->u.XCBC._k3 = k->k3;
}

JOBS_BOTH_WAYS(xcbc)

/* ---- provider */

bool
imb_more_suite(struct bulk_suite *s)
{
	if (s->kind == BULK_CCM && s->key_bits != 192) {
		s->key_size = sizeof(struct ccm_key);
		s->expand = ccm_expand;
		s->seal = ccm_seal;
		s->open = ccm_open;
	} else if (s->kind == BULK_GMAC) {
		s->key_size = sizeof(struct gcm_key);
		s->expand = gmac_expand;
		s->seal = gmac_seal;
		s->open = gmac_open;
	} else if (s->kind == BULK_HMAC && counts_up(s)) {
		s->key_size = sizeof(struct ctr_hmac_key);
		s->expand = ctr_hmac_expand;
		s->seal = ctr_hmac_seal;
		s->open = ctr_hmac_open;
	} else if (s->kind == BULK_XCBC && (counts_up(s) || s->encr_id == ENCR_AES_CBC || s->encr_id == ENCR_NULL)) {
		s->key_size = sizeof(struct xcbc_key);
		s->expand = xcbc_expand;
		s->seal = xcbc_seal;
		s->open = xcbc_open;
	} else {
		return false;
	}
	return true;
}
