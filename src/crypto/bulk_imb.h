/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BULK_IMB_H
#define SALLYPORT_BULK_IMB_H

#include <intel-ipsec-mb.h>

#include "bulk_provider.h"

/* What the files of the libipsec-mb provider share. */

enum { PREFETCH_AHEAD = 2, CACHE_LINE = 64 };

struct imb_state {
	IMB_MGR *mgr;
	uint8_t tag[BULK_RUN_MAX][BULK_ICV_MAX];      /* computed, open only */
	uint8_t received[BULK_RUN_MAX][BULK_ICV_MAX]; /* saved, where ESN needs its place */
	uint8_t nonce[BULK_RUN_MAX][16], aad[BULK_RUN_MAX][16];
};

/* libipsec-mb's 1,008 octets leave room for the salt in their last cache line. */
struct gcm_key {
	uint8_t expanded[1008];
	uint8_t salt[16];
};

_Static_assert(offsetof(struct gcm_key_data, ghash_keys) + sizeof(((struct gcm_key_data *)NULL)->ghash_keys) == 1008,
               "the salt lies behind gcm_key_data");

/* One direction's AES key schedule, then the HMAC states after the padded key's block. */
struct hmac_key {
	uint8_t aes[16 * 15] __attribute__((aligned(16)));
	uint8_t inner[64] __attribute__((aligned(16)));
	uint8_t outer[64] __attribute__((aligned(16)));
};

/* One direction's schedule of an AES key; @out has 16 * 15 octets at 16. */
void imb_aes_schedule(IMB_MGR *mgr, uint16_t key_bits, const uint8_t *key, uint8_t *out, bool seal);

/* Makes the suite's HMAC states of @k from the integrity key. */
void imb_hmac_states(IMB_MGR *mgr, const struct bulk_suite *s, struct hmac_key *k, struct span integ);

/* Makes a key for AES-GCM with its salt. */
void imb_gcm_key(IMB_MGR *mgr, uint16_t key_bits, struct gcm_key *k, const uint8_t *key);

/* The MAC of a job for an HMAC suite. */
void imb_fill_hmac(const struct bulk_suite *s, IMB_JOB *j, const struct hmac_key *k);

/* Cipher of a job for AES-CBC or NULL, from the schedule @aes. */
void imb_fill_cbc(const struct bulk_suite *s, struct bulk_op *op, IMB_JOB *j, const uint8_t *aes, bool seal);

/* The suites of bulk_imb_more.c: CCM, GMAC, AES-CTR, AES-XCBC. False: this one is not among them. */
bool imb_more_suite(struct bulk_suite *s);

/* With many SAs every packet has a cold key: fetch it while the one before is worked on. */
static inline void
prefetch_key(const struct bulk_op *op, size_t i, size_t n, uint32_t size)
{
	const uint8_t *next;

	if (i + PREFETCH_AHEAD >= n)
		return;
	next = op[i + PREFETCH_AHEAD].key;
	if (next == op[i].key)
		return;
	for (uint32_t o = 0; o < size; o += CACHE_LINE)
		__builtin_prefetch(next + o);
}

/* A job that left the manager; jobs of one run come back in any number of calls. */
static inline size_t
job_done(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, const IMB_JOB *j, bool seal)
{
	size_t i;

	if (!j)
		return 0;
	if (seal)
		return 1;
	i = (size_t)(uintptr_t)j->user_data;
	op[i].ok = j->status == IMB_STATUS_COMPLETED && bulk_icv_equal(st->tag[i], st->received[i], s->icv_octets);
	return 1;
}

typedef void job_filler(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal);

static inline void
run_jobs(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n, bool seal, job_filler *fill)
{
	struct imb_state *st = b->state;
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		IMB_JOB *j = IMB_GET_NEXT_JOB(st->mgr);

		prefetch_key(op, i, n, s->key_size);
		j->user_data = (void *)(uintptr_t)i;
		j->sgl_state = IMB_SGL_INIT;
		fill(st, s, op, i, j, seal);
		done += job_done(st, s, op, IMB_SUBMIT_JOB_NOCHECK(st->mgr), seal);
		for (const IMB_JOB *r; (r = IMB_GET_COMPLETED_JOB(st->mgr));)
			done += job_done(st, s, op, r, seal);
	}
	while (done < n) {
		const IMB_JOB *r = IMB_FLUSH_JOB(st->mgr);

		if (!r)
			break;
		done += job_done(st, s, op, r, seal);
	}
}

/* NAME_seal and NAME_open of a suite whose jobs NAME_fill makes: two functions, so that each is specialised. */
#define JOBS_BOTH_WAYS(name)                                                                                                     \
	static void name##_seal(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)                        \
	{                                                                                                                        \
		run_jobs(b, s, op, n, true, name##_fill);                                                                        \
	}                                                                                                                        \
	static void name##_open(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)                        \
	{                                                                                                                        \
		run_jobs(b, s, op, n, false, name##_fill);                                                                       \
	}

/* Where the ICV goes: into the packet or, to be compared, beside it. */
static inline void
fill_icv(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal)
{
	uint8_t *icv = bulk_icv(s, &op[i]);

	j->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	j->auth_tag_output = seal ? icv : st->tag[i];
	j->auth_tag_output_len_in_bytes = s->icv_octets;
	if (seal)
		return;
	op[i].ok = false;
	memcpy(st->received[i], icv, s->icv_octets);
}

/* What the jobs of all AEADs share; the nonce is there. */
static inline void
fill_aead(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, const uint8_t *key,
          bool seal)
{
	j->enc_keys = j->dec_keys = key;
	j->key_len_in_bytes = s->key_bits / 8;
	j->src = j->dst = bulk_payload(s, &op[i]);
	j->cipher_start_src_offset_in_bytes = j->hash_start_src_offset_in_bytes = 0;
	j->msg_len_to_cipher_in_bytes = j->msg_len_to_hash_in_bytes = op[i].payload;
	j->iv = st->nonce[i];
	fill_icv(st, s, op, i, j, seal);
}

/* What the jobs of a cipher with a MAC share: encrypt, then MAC. */
static inline void
fill_mac(struct imb_state *st, const struct bulk_suite *s, struct bulk_op *op, size_t i, IMB_JOB *j, bool seal)
{
	uint8_t *icv = bulk_icv(s, &op[i]);

	j->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	j->hash_start_src_offset_in_bytes = 0;
	j->msg_len_to_hash_in_bytes = (uint64_t)(icv - op[i].head);
	fill_icv(st, s, op, i, j, seal);
	/* RFC 4303 section 2.8: the high half is hashed behind the packet and not sent; the ICV lends its place. */
	if (op[i].esn) {
		put_be32(icv, op[i].seq_high);
		j->msg_len_to_hash_in_bytes += 4;
	}
}

#endif
