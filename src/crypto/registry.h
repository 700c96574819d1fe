/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_REGISTRY_H
#define SALLYPORT_REGISTRY_H

#include "span.h"

/*
 * The algorithms, by their IANA numbers (IKEv2 transform registry; the numbers
 * of IKEv1 and of the DOI are columns of the same rows). Inside Sallyport an
 * algorithm is always one of these numbers.
 */
enum transform_kind {
	TRANSFORM_ENCR = 1,
	TRANSFORM_PRF = 2,
	TRANSFORM_INTEG = 3,
	TRANSFORM_DH = 4,
	TRANSFORM_ESN = 5,
	TRANSFORM_KINDS = 6,
};

enum encr_id {
	ENCR_NONE = 0,
	ENCR_3DES = 3,
	ENCR_CAST = 6,
	ENCR_BLOWFISH = 7,
	ENCR_NULL = 11,
	ENCR_AES_CBC = 12,
	ENCR_AES_CTR = 13,
	ENCR_AES_CCM_8 = 14,
	ENCR_AES_CCM_12 = 15,
	ENCR_AES_CCM_16 = 16,
	ENCR_AES_GCM_8 = 18,
	ENCR_AES_GCM_12 = 19,
	ENCR_AES_GCM_16 = 20,
	ENCR_NULL_AUTH_AES_GMAC = 21,
	ENCR_CAMELLIA_CBC = 23,
	ENCR_CHACHA20_POLY1305 = 28,
};

enum prf_id {
	PRF_NONE = 0,
	PRF_HMAC_MD5 = 1,
	PRF_HMAC_SHA1 = 2,
	PRF_HMAC_SHA2_256 = 5,
	PRF_HMAC_SHA2_384 = 6,
	PRF_HMAC_SHA2_512 = 7,
};

enum integ_id {
	INTEG_NONE = 0,
	INTEG_HMAC_MD5_96 = 1,
	INTEG_HMAC_SHA1_96 = 2,
	INTEG_AES_XCBC_96 = 5,
	INTEG_HMAC_SHA2_256_128 = 12,
	INTEG_HMAC_SHA2_384_192 = 13,
	INTEG_HMAC_SHA2_512_256 = 14,
	INTEG_HMAC_SHA2_256_96 = 1024, /* for private use: what some old implementations take HMAC_SHA2_256_128 for */
};

enum dh_id {
	DH_NONE = 0,
	DH_MODP_768 = 1,
	DH_MODP_1024 = 2,
	DH_MODP_1536 = 5,
	DH_MODP_2048 = 14,
	DH_MODP_3072 = 15,
	DH_MODP_4096 = 16,
	DH_MODP_6144 = 17,
	DH_MODP_8192 = 18,
	DH_ECP_256 = 19,
	DH_ECP_384 = 20,
	DH_ECP_521 = 21,
	DH_MODP_1024_160 = 22, /* RFC 5114 */
	DH_MODP_2048_224 = 23,
	DH_MODP_2048_256 = 24,
	DH_ECP_192 = 25,
	DH_ECP_224 = 26,
	DH_ECP_224_BP = 27, /* RFC 6932 */
	DH_ECP_256_BP = 28,
	DH_ECP_384_BP = 29,
	DH_ECP_512_BP = 30,
	DH_CURVE25519 = 31,
};

enum esn_id { ESN_NO = 0, ESN_YES = 1 };

/* One algorithm. Sizes in octets; 0 where a column has no meaning for the kind. */
struct algorithm {
	uint8_t kind;           /* enum transform_kind */
	uint16_t id;            /* IANA, IKEv2 */
	uint16_t key_bits;      /* ENCR: key length without salt; 0 = fixed (then see key_octets) */
	const char *name;       /* strongSwan's spelling in vici, without the key length: "AES_CBC", "MODP_2048" */
	const char *keyword;    /* swanctl's: "aes256", "sha256", "modp2048" */
	const char *alias;      /* a second keyword ("x25519"), or NULL */
	uint16_t key_octets;    /* ENCR: key without salt; INTEG: key */
	uint16_t salt_octets;   /* ENCR: implicit part of the nonce */
	uint16_t iv_octets;     /* ENCR: explicit IV in the packet */
	uint16_t block_octets;  /* ENCR: what the plaintext is padded to (at least 4 in ESP) */
	uint16_t out_octets;    /* PRF: output; INTEG: ICV; ENCR: AEAD ICV (0 = not an AEAD); DH: public value */
	uint16_t shared_octets; /* DH: g^xy */
	uint16_t ike1_value;    /* IKEv1 phase 1 attribute value (RFC 2409 Appendix A); 0 = none */
	uint16_t esp1_value; /* ENCR: IPsec ESP Transform Identifier; INTEG: Authentication Algorithm (RFC 2407 4.4.4, 4.5); 0 =
	                        none */
	uint16_t ah1_value;  /* INTEG: IPsec AH Transform Identifier (RFC 2407 4.4.3); 0 = not for AH */
	bool ike;            /* may protect an IKE SA; Phase 1 of IKEv1 needs an ike1_value as well */
	bool esp;            /* may protect ESP */
	bool weak;           /* by explicit name only; never in a default */
};

/*
 * The row for @kind, @id, @key_bits (0: any, and the first is the shortest key);
 * NULL where we have none. A key length given for a cipher whose key is fixed
 * finds nothing (RFC 2409 Appendix A: it "MUST NOT be used" there).
 */
const struct algorithm *algorithm_by_id(enum transform_kind kind, uint16_t id, uint16_t key_bits);

/*
 * The row that a swanctl keyword names, in lower case; NULL where we have none.
 * PRF: "prfsha256"; "sha256" is the INTEG row, whose ike1_value is also that of the PRF.
 */
const struct algorithm *algorithm_by_keyword(struct span keyword);

/* The row an IKEv1 phase 1 attribute value means; @key_bits from the Key Length attribute, 0 if absent. */
const struct algorithm *algorithm_by_ike1(enum transform_kind kind, uint16_t value, uint16_t key_bits);

/* The row an ESP transform id (ENCR) or Authentication Algorithm (INTEG) of RFC 2407 means. */
const struct algorithm *algorithm_by_esp1(enum transform_kind kind, uint16_t value, uint16_t key_bits);

/* The row an AH transform id of RFC 2407 section 4.4.3 means. */
const struct algorithm *algorithm_by_ah1(uint16_t value);

/* Walks all rows: NULL starts, NULL ends. */
const struct algorithm *algorithm_next(const struct algorithm *a);

/* "AES_CBC", "HMAC_SHA2_256_96": without a key length; NULL for what nobody has named. */
const char *algorithm_name(enum transform_kind kind, uint16_t id);

/*
 * "AES_CBC_256", "MODP_2048", "EXT_SEQ"; algorithms that we do not have are
 * named too where the name is known, else "ENCR 77/128". Returns @out.
 */
const char *algorithm_format(char out[40], enum transform_kind kind, uint16_t id, uint16_t key_bits);

#endif
