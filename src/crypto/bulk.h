/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BULK_H
#define SALLYPORT_BULK_H

#include "registry.h"

/*
 * Bulk protection of ESP packets. A suite is one (cipher, key length,
 * integrity) combination; its functions work on runs of packets, each with its
 * own key, so that a library can interleave them. Two providers offer the same
 * suites: libipsec-mb (x86) and OpenSSL's EVP (everywhere).
 */

enum bulk_provider {
	BULK_AUTO, /* the fastest that this machine has */
	BULK_IMB,  /* libipsec-mb, multi-buffer */
	BULK_EVP,  /* OpenSSL */
};

enum {
	BULK_ICV_MAX = 32,
	BULK_IV_MAX = 16,
	BULK_RUN_MAX = 256, /* operations in one call */
	BULK_KEY_ALIGN = 64,
};

struct bulk_suite;

/* One thread's state: job manager, contexts. Not to be shared between threads. */
struct bulk;

/*
 * One packet. The octets lie as RFC 4303 section 2 has them: @head points to
 * the SPI; then sequence number, IV, payload (with trailer), ICV.
 */
struct bulk_op {
	const void *key;   /* expanded by bulk_key_expand for this direction */
	uint8_t *head;     /* SPI; 8 octets, IV and payload follow without gaps */
	uint32_t payload;  /* octets to cipher, trailer included */
	uint32_t seq_high; /* ESN: high 32 bits; read when @esn */
	bool esn;
	bool ok;                 /* out, open only: the ICV held */
	const uint8_t *iv_nonce; /* seal of CBC: iv_octets that are encrypted to give the IV; else unused */
};

/* What the suite's packets look like. */
struct bulk_suite {
	uint16_t encr_id, key_bits, integ_id;
	uint8_t iv_octets; /* explicit IV in the packet */
	uint8_t align;     /* the payload is a multiple of this (at least 4) */
	uint8_t icv_octets;
	uint8_t salt_octets;
	uint16_t encr_key_octets; /* with the salt */
	uint16_t integ_key_octets;
	uint32_t key_size; /* octets that an expanded key needs, 16-octet multiple; place it at BULK_KEY_ALIGN */
	/* The provider's own. */
	uint8_t kind;
	bool (*expand)(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ);
	void (*clear)(const struct bulk_suite *s, void *key);
	void (*seal)(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n);
	void (*open)(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n);
};

/* NULL when the provider is not on this machine, or out of memory. */
struct bulk *bulk_new(enum bulk_provider p);
void bulk_free(struct bulk *b);
/* "libipsec-mb 1.3.0 (AVX512)" or "OpenSSL 3.0.15": for the log. Borrowed. */
const char *bulk_name(const struct bulk *b);

/* The suite, or NULL where the provider does not have it. Static storage. */
const struct bulk_suite *bulk_suite(const struct bulk *b, uint16_t encr_id, uint16_t key_bits, uint16_t integ_id);

/*
 * bulk_key_expand - prepares key material for one direction.
 *
 * @out   s->key_size octets at BULK_KEY_ALIGN; holds secrets until bulk_key_clear
 * @seal  for sealing; else for opening
 * @encr  cipher key, then the salt (RFC 4106 section 8.1, RFC 7634 section 2)
 * @integ integrity key; empty for an AEAD
 *
 * False when a length is not the suite's, or the library failed.
 */
bool bulk_key_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ);
/* Wipes, and frees what the provider keeps behind it. */
void bulk_key_clear(const struct bulk_suite *s, void *key);

/*
 * bulk_seal - encrypts in place and writes the ICV behind the payload.
 *
 * AEAD and CTR: the IV in the packet is used (the caller makes it unique). CBC: the IV
 * field is written here, as the encryption of @iv_nonce under the packet's key,
 * which is the first method of NIST SP 800-38A appendix C for an unpredictable IV.
 * At most BULK_RUN_MAX operations, all of suite @s.
 */
static inline void
bulk_seal(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	s->seal(b, s, op, n);
}

/*
 * bulk_open - checks each ICV (constant time) and decrypts in place; op->ok
 * tells. Where it does not hold the payload's octets are undefined.
 */
static inline void
bulk_open(struct bulk *b, const struct bulk_suite *s, struct bulk_op *op, size_t n)
{
	s->open(b, s, op, n);
}

#endif
