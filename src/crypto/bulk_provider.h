/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BULK_PROVIDER_H
#define SALLYPORT_BULK_PROVIDER_H

#include "bulk.h"

/* What a provider of bulk.h is made of; not for other folders. */

/*
 * How a suite's packets are protected: by an AEAD; by a cipher, then a MAC; or
 * by GMAC, which covers everything and hides nothing.
 */
enum bulk_kind { BULK_GCM, BULK_CCM, BULK_CHACHA, BULK_GMAC, BULK_HMAC, BULK_XCBC };

enum { BULK_SUITES = 127, SPI_SEQ_OCTETS = 8, AEAD_NONCE_OCTETS = 12, AEAD_SALT_OCTETS = 4, CCM_SALT_OCTETS = 3, CCM_NONCE_OCTETS = 11, CBC_BLOCK_OCTETS = 16 };

struct bulk {
	const struct bulk_provider_ops *ops;
	void *state;
	char name[64];
	struct bulk_suite suite[BULK_SUITES];
};

struct bulk_provider_ops {
	/* Makes b->state and b->name. */
	bool (*open)(struct bulk *b);
	void (*close)(struct bulk *b);
	/* Fills key_size and the functions of a suite whose sizes stand already. */
	void (*suite)(struct bulk_suite *s);
};

/* NULL where the program was built without it. */
extern const struct bulk_provider_ops *const bulk_imb_ops;
extern const struct bulk_provider_ops *const bulk_evp_ops;

static inline uint8_t *
bulk_payload(const struct bulk_suite *s, const struct bulk_op *op)
{
	return op->head + SPI_SEQ_OCTETS + s->iv_octets;
}

static inline uint8_t *
bulk_icv(const struct bulk_suite *s, const struct bulk_op *op)
{
	return bulk_payload(s, op) + op->payload;
}

/* RFC 4106 section 4, RFC 7634 section 2: the salt, then the IV of the packet. */
static inline void
bulk_nonce(uint8_t out[16], const uint8_t *salt, const struct bulk_op *op)
{
	memcpy(out, salt, AEAD_SALT_OCTETS);
	memcpy(out + AEAD_SALT_OCTETS, op->head + SPI_SEQ_OCTETS, 8);
}

/* The same with the salt of CCM, three octets: RFC 4309 section 4. */
static inline void
bulk_ccm_nonce(uint8_t out[16], const uint8_t *salt, const struct bulk_op *op)
{
	memcpy(out, salt, CCM_SALT_OCTETS);
	memcpy(out + CCM_SALT_OCTETS, op->head + SPI_SEQ_OCTETS, 8);
}

/* RFC 4106 section 5, RFC 7634 section 2.1: SPI, then the sequence number, 32 or 64 bits of it. Returns its length. */
static inline uint32_t
bulk_aad(uint8_t out[16], const struct bulk_op *op)
{
	memcpy(out, op->head, 4);
	if (!op->esn) {
		memcpy(out + 4, op->head + 4, 4);
		return 8;
	}
	put_be32(out + 4, op->seq_high);
	memcpy(out + 8, op->head + 4, 4);
	return 12;
}

/* Constant time. */
static inline bool
bulk_icv_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t d = 0;

	for (; n >= 4; n -= 4, a += 4, b += 4) {
		uint32_t x, y;

		memcpy(&x, a, 4);
		memcpy(&y, b, 4);
		d |= x ^ y;
	}
	return d == 0;
}

#endif
