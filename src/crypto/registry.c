/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <stdio.h>

/*
 * IANA "IKEv2 Transform Attribute Values" for kind and id, RFC 2409 Appendix A
 * and its registry (RFC 4868, 5903, 8031) for ike1_value, RFC 2407 sections
 * 4.4.4 and 4.5 and their registry (RFC 3566, 3686, 4106, 4309, 4312, 4543) for
 * esp1_value, RFC 2407 section 4.4.3 and its registry for ah1_value.
 */

/* RFC 3602, 4106: AES takes three key lengths; the first is what the bare "aes" means. */
#define AES_CBC(bits)                                                                                                            \
	{                                                                                                                        \
		.kind = TRANSFORM_ENCR, .id = ENCR_AES_CBC, .key_bits = bits, .name = "AES_CBC", .keyword = "aes" #bits,         \
		.alias = bits == 128 ? "aes" : NULL, .key_octets = bits / 8, .iv_octets = 16, .block_octets = 16,                \
		.ike1_value = 7, .esp1_value = 12, .ike = true, .esp = true                                                      \
	}

/* RFC 4106 8.1: the salt is the last four octets of the keying material. No ike1_value: Phase 1 has no AEAD. */
#define AES_GCM(bits, id_, icv, other, esp1)                                                                                     \
	{                                                                                                                        \
		.kind = TRANSFORM_ENCR, .id = id_, .key_bits = bits, .name = "AES_GCM_" #icv, .keyword = "aes" #bits "gcm" #icv, \
		.alias = "aes" #bits "gcm" other, .key_octets = bits / 8, .salt_octets = 4, .iv_octets = 8, .block_octets = 4,   \
		.out_octets = icv, .esp1_value = esp1, .esp = true                                                               \
	}

/* RFC 4309 section 7.1: three octets of salt. */
#define AES_CCM(bits, id_, icv, other, esp1)                                                                                     \
	{                                                                                                                        \
		.kind = TRANSFORM_ENCR, .id = id_, .key_bits = bits, .name = "AES_CCM_" #icv, .keyword = "aes" #bits "ccm" #icv, \
		.alias = "aes" #bits "ccm" other, .key_octets = bits / 8, .salt_octets = 3, .iv_octets = 8, .block_octets = 4,   \
		.out_octets = icv, .esp1_value = esp1, .esp = true                                                               \
	}

#define AES_EACH(mode, id, icv, other, esp1)                                                                                     \
	mode(128, id, icv, other, esp1), mode(192, id, icv, other, esp1), mode(256, id, icv, other, esp1)

/* RFC 3686 section 5.1: "the nonce" is four octets behind the key; it needs an integrity algorithm beside it (section 3). */
#define AES_CTR(bits)                                                                                                            \
	{                                                                                                                        \
		.kind = TRANSFORM_ENCR, .id = ENCR_AES_CTR, .key_bits = bits, .name = "AES_CTR", .keyword = "aes" #bits "ctr",   \
		.key_octets = bits / 8, .salt_octets = 4, .iv_octets = 8, .block_octets = 4, .esp1_value = 13, .esp = true       \
	}

/* RFC 4543 section 5: integrity without secrecy, made and keyed like GCM. */
#define NULL_AUTH_GMAC(bits)                                                                                                     \
	{                                                                                                                        \
		.kind = TRANSFORM_ENCR, .id = ENCR_NULL_AUTH_AES_GMAC, .key_bits = bits, .name = "NULL_AES_GMAC",                \
		.keyword = "aes" #bits "gmac", .key_octets = bits / 8, .salt_octets = 4, .iv_octets = 8, .block_octets = 4,      \
		.out_octets = 16, .esp1_value = 23, .esp = true, .weak = true                                                    \
	}

/* RFC 4312: Camellia; RFC 2451: Blowfish and CAST-128, whose blocks are half as large. Used in ESP as their CBC is. */
#define OTHER_CBC(id_, name_, keyword_, alias_, bits, block, ike1, esp1, weak_)                                                  \
	{                                                                                                                        \
		.kind = TRANSFORM_ENCR, .id = id_, .key_bits = bits, .name = name_, .keyword = keyword_, .alias = alias_,        \
		.key_octets = bits / 8, .iv_octets = block, .block_octets = block, .ike1_value = ike1, .esp1_value = esp1,       \
		.ike = true, .esp = true, .weak = weak_                                                                          \
	}

#define PRF(id_, name_, keyword_, octets, ike1, weak_)                                                                           \
	{                                                                                                                        \
		.kind = TRANSFORM_PRF, .id = id_, .name = name_, .keyword = keyword_, .out_octets = octets, .ike1_value = ike1,  \
		.ike = true, .weak = weak_                                                                                       \
	}

/* ike1: the Hash Algorithm that a Phase 1 proposal means by this keyword. */
#define INTEG(id_, name_, keyword_, alias_, key, icv, ike1, esp1, ah1, weak_)                                                    \
	{                                                                                                                        \
		.kind = TRANSFORM_INTEG, .id = id_, .name = name_, .keyword = keyword_, .alias = alias_, .key_octets = key,      \
		.out_octets = icv, .ike1_value = ike1, .esp1_value = esp1, .ah1_value = ah1, .ike = true, .esp = true,           \
		.weak = weak_                                                                                                    \
	}

#define MODP(bits, id_, weak_)                                                                                                   \
	{                                                                                                                        \
		.kind = TRANSFORM_DH, .id = id_, .name = "MODP_" #bits, .keyword = "modp" #bits, .out_octets = bits / 8,         \
		.shared_octets = bits / 8, .ike1_value = id_, .ike = true, .esp = true, .weak = weak_                            \
	}

/* RFC 5114 section 2: a subgroup of @order bits. RFC 8247 section 2.4: 22 "MUST NOT", 23 and 24 "SHOULD NOT". */
#define MODP_SUBGROUP(bits, order, id_)                                                                                          \
	{                                                                                                                        \
		.kind = TRANSFORM_DH, .id = id_, .name = "MODP_" #bits "_" #order, .keyword = "modp" #bits "s" #order,           \
		.out_octets = bits / 8, .shared_octets = bits / 8, .ike1_value = id_, .ike = true, .esp = true, .weak = true     \
	}

/* RFC 5903 section 7: the public value is x | y, the secret is x. */
#define ECP(bits, id_, octets, weak_)                                                                                            \
	{                                                                                                                        \
		.kind = TRANSFORM_DH, .id = id_, .name = "ECP_" #bits, .keyword = "ecp" #bits, .out_octets = 2 * octets,         \
		.shared_octets = octets, .ike1_value = id_, .ike = true, .esp = true, .weak = weak_                              \
	}

/* RFC 6932: encoded as RFC 5903 has it. */
#define BRAINPOOL(bits, id_, weak_)                                                                                              \
	{                                                                                                                        \
		.kind = TRANSFORM_DH, .id = id_, .name = "ECP_" #bits "_BP", .keyword = "ecp" #bits "bp",                        \
		.out_octets = 2 * bits / 8, .shared_octets = bits / 8, .ike1_value = id_, .ike = true, .esp = true,              \
		.weak = weak_                                                                                                    \
	}

static const struct algorithm registry[] = {
	AES_CBC(128),
	AES_CBC(192),
	AES_CBC(256),
	AES_EACH(AES_GCM, ENCR_AES_GCM_16, 16, "", 20),
	AES_EACH(AES_GCM, ENCR_AES_GCM_12, 12, "96", 19),
	AES_EACH(AES_GCM, ENCR_AES_GCM_8, 8, "64", 18),
	AES_EACH(AES_CCM, ENCR_AES_CCM_16, 16, "128", 16),
	AES_EACH(AES_CCM, ENCR_AES_CCM_12, 12, "96", 15),
	AES_EACH(AES_CCM, ENCR_AES_CCM_8, 8, "64", 14),
	/* RFC 7634. IKEv1 has no number for it. */
	{ .kind = TRANSFORM_ENCR,
	  .id = ENCR_CHACHA20_POLY1305,
	  .name = "CHACHA20_POLY1305",
	  .keyword = "chacha20poly1305",
	  .key_octets = 32,
	  .salt_octets = 4,
	  .iv_octets = 8,
	  .block_octets = 4,
	  .out_octets = 16,
	  .esp = true },
	AES_CTR(128),
	AES_CTR(192),
	AES_CTR(256),
	OTHER_CBC(ENCR_CAMELLIA_CBC, "CAMELLIA_CBC", "camellia128", "camellia", 128, 16, 8, 22, false),
	OTHER_CBC(ENCR_CAMELLIA_CBC, "CAMELLIA_CBC", "camellia192", NULL, 192, 16, 8, 22, false),
	OTHER_CBC(ENCR_CAMELLIA_CBC, "CAMELLIA_CBC", "camellia256", NULL, 256, 16, 8, 22, false),
	OTHER_CBC(ENCR_BLOWFISH, "BLOWFISH_CBC", "blowfish128", "blowfish", 128, 8, 3, 7, true),
	OTHER_CBC(ENCR_BLOWFISH, "BLOWFISH_CBC", "blowfish192", NULL, 192, 8, 3, 7, true),
	OTHER_CBC(ENCR_BLOWFISH, "BLOWFISH_CBC", "blowfish256", NULL, 256, 8, 3, 7, true),
	OTHER_CBC(ENCR_CAST, "CAST_CBC", "cast128", NULL, 128, 8, 6, 6, true),
	{ .kind = TRANSFORM_ENCR,
	  .id = ENCR_3DES,
	  .name = "3DES_CBC",
	  .keyword = "3des",
	  .key_octets = 24,
	  .iv_octets = 8,
	  .block_octets = 8,
	  .ike1_value = 5,
	  .esp1_value = 3,
	  .ike = true,
	  .esp = true,
	  .weak = true },
	/* RFC 2410. RFC 4303 2.4: padded to four octets like every ESP packet. */
	{ .kind = TRANSFORM_ENCR,
	  .id = ENCR_NULL,
	  .name = "NULL",
	  .keyword = "null",
	  .block_octets = 4,
	  .esp1_value = 11,
	  .esp = true,
	  .weak = true },
	NULL_AUTH_GMAC(128),
	NULL_AUTH_GMAC(192),
	NULL_AUTH_GMAC(256),

	PRF(PRF_HMAC_SHA2_256, "PRF_HMAC_SHA2_256", "prfsha256", 32, 4, false),
	PRF(PRF_HMAC_SHA2_384, "PRF_HMAC_SHA2_384", "prfsha384", 48, 5, false),
	PRF(PRF_HMAC_SHA2_512, "PRF_HMAC_SHA2_512", "prfsha512", 64, 6, false),
	PRF(PRF_HMAC_SHA1, "PRF_HMAC_SHA1", "prfsha1", 20, 2, true),
	PRF(PRF_HMAC_MD5, "PRF_HMAC_MD5", "prfmd5", 16, 1, true),

	INTEG(INTEG_HMAC_SHA2_256_128, "HMAC_SHA2_256_128", "sha256", "sha2_256", 32, 16, 4, 5, 5, false),
	INTEG(INTEG_HMAC_SHA2_384_192, "HMAC_SHA2_384_192", "sha384", "sha2_384", 48, 24, 5, 6, 6, false),
	INTEG(INTEG_HMAC_SHA2_512_256, "HMAC_SHA2_512_256", "sha512", "sha2_512", 64, 32, 6, 7, 7, false),
	INTEG(INTEG_HMAC_SHA1_96, "HMAC_SHA1_96", "sha1", "sha", 20, 12, 2, 2, 3, true),
	INTEG(INTEG_HMAC_MD5_96, "HMAC_MD5_96", "md5", NULL, 16, 12, 1, 1, 2, true),
	/* RFC 3566. Phase 1 of IKEv1 has no hash by that name. */
	{ .kind = TRANSFORM_INTEG,
	  .id = INTEG_AES_XCBC_96,
	  .name = "AES_XCBC_96",
	  .keyword = "aesxcbc",
	  .key_octets = 16,
	  .out_octets = 12,
	  .esp1_value = 9,
	  .ah1_value = 9,
	  .esp = true },

	MODP(2048, DH_MODP_2048, false),
	MODP(3072, DH_MODP_3072, false),
	MODP(4096, DH_MODP_4096, false),
	MODP(6144, DH_MODP_6144, false),
	MODP(8192, DH_MODP_8192, false),
	ECP(256, DH_ECP_256, 32, false),
	ECP(384, DH_ECP_384, 48, false),
	ECP(521, DH_ECP_521, 66, false),
	BRAINPOOL(256, DH_ECP_256_BP, false),
	BRAINPOOL(384, DH_ECP_384_BP, false),
	BRAINPOOL(512, DH_ECP_512_BP, false),
	{ .kind = TRANSFORM_DH,
	  .id = DH_CURVE25519,
	  .name = "CURVE_25519",
	  .keyword = "curve25519",
	  .alias = "x25519",
	  .out_octets = 32,
	  .shared_octets = 32,
	  .ike1_value = DH_CURVE25519,
	  .ike = true,
	  .esp = true },
	MODP(1536, DH_MODP_1536, true),
	MODP(1024, DH_MODP_1024, true),
	MODP(768, DH_MODP_768, true),
	MODP_SUBGROUP(2048, 256, DH_MODP_2048_256),
	MODP_SUBGROUP(2048, 224, DH_MODP_2048_224),
	MODP_SUBGROUP(1024, 160, DH_MODP_1024_160),
	ECP(224, DH_ECP_224, 28, true),
	ECP(192, DH_ECP_192, 24, true),
	BRAINPOOL(224, DH_ECP_224_BP, true),
	/* Phase 2 without PFS, as one of several choices. */
	{ .kind = TRANSFORM_DH, .id = DH_NONE, .name = "NONE", .keyword = "modpnone", .esp = true },

	{ .kind = TRANSFORM_ESN, .id = ESN_NO, .name = "NO_EXT_SEQ", .keyword = "noesn", .esp = true },
	{ .kind = TRANSFORM_ESN, .id = ESN_YES, .name = "EXT_SEQ", .keyword = "esn", .esp = true },
};

#define N_ALGORITHMS (sizeof registry / sizeof *registry)

/* Third names: strongSwan also counts the ICV of GCM in bits. */
static const struct {
	const char *keyword, *means;
} synonyms[] = {
	{ "aes128gcm128", "aes128gcm16" }, { "aes192gcm128", "aes192gcm16" }, { "aes256gcm128", "aes256gcm16" },
	{ "aesgcm", "aes128gcm16" },       { "aesgcm16", "aes128gcm16" },     { "sha2_256_128", "sha256" },
};

/* Names of algorithms that we can recognise in an offer but do not have. */
static const struct {
	uint8_t kind;
	uint16_t id;
	const char *name;
} strangers[] = {
	{ TRANSFORM_ENCR, ENCR_NONE, "NONE" },   { TRANSFORM_ENCR, 1, "DES_IV64" },
	{ TRANSFORM_ENCR, 2, "DES_CBC" },        { TRANSFORM_ENCR, 4, "RC5_CBC" },
	{ TRANSFORM_ENCR, 5, "IDEA_CBC" },       { TRANSFORM_ENCR, 24, "CAMELLIA_CTR" },
	{ TRANSFORM_PRF, PRF_NONE, "NONE" },     { TRANSFORM_PRF, 3, "PRF_HMAC_TIGER" },
	{ TRANSFORM_PRF, 4, "PRF_AES128_XCBC" }, { TRANSFORM_PRF, 8, "PRF_AES128_CMAC" },
	{ TRANSFORM_INTEG, INTEG_NONE, "NONE" }, { TRANSFORM_INTEG, 3, "DES_MAC" },
	{ TRANSFORM_INTEG, 4, "KPDK_MD5" },      { TRANSFORM_INTEG, INTEG_HMAC_SHA2_256_96, "HMAC_SHA2_256_96" },
	{ TRANSFORM_INTEG, 8, "AES_CMAC_96" },   { TRANSFORM_DH, 32, "CURVE_448" },
};

/* The first row of a kind whose column holds @value. */
static const struct algorithm *
find(enum transform_kind kind, size_t column, uint16_t value, uint16_t key_bits)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++) {
		const struct algorithm *a = &registry[i];
		uint16_t v;

		memcpy(&v, (const char *)a + column, sizeof v);
		if (a->kind == kind && v == value && (key_bits == 0 || a->key_bits == key_bits))
			return a;
	}
	return NULL;
}

const struct algorithm *
algorithm_by_id(enum transform_kind kind, uint16_t id, uint16_t key_bits)
{
	return find(kind, offsetof(struct algorithm, id), id, key_bits);
}

const struct algorithm *
algorithm_by_ike1(enum transform_kind kind, uint16_t value, uint16_t key_bits)
{
	return value ? find(kind, offsetof(struct algorithm, ike1_value), value, key_bits) : NULL;
}

const struct algorithm *
algorithm_by_ah1(uint16_t value)
{
	return value ? find(TRANSFORM_INTEG, offsetof(struct algorithm, ah1_value), value, 0) : NULL;
}

const struct algorithm *
algorithm_by_esp1(enum transform_kind kind, uint16_t value, uint16_t key_bits)
{
	return value ? find(kind, offsetof(struct algorithm, esp1_value), value, key_bits) : NULL;
}

static const struct algorithm *
by_name(struct span word)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (span_equal(word, span_str(registry[i].keyword)) ||
		    (registry[i].alias && span_equal(word, span_str(registry[i].alias))))
			return &registry[i];
	return NULL;
}

const struct algorithm *
algorithm_by_keyword(struct span keyword)
{
	for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
		if (span_equal(keyword, span_str(synonyms[i].keyword)))
			return by_name(span_str(synonyms[i].means));
	return by_name(keyword);
}

const struct algorithm *
algorithm_next(const struct algorithm *a)
{
	a = a ? a + 1 : registry;
	return a < registry + N_ALGORITHMS ? a : NULL;
}

const char *
algorithm_name(enum transform_kind kind, uint16_t id)
{
	const struct algorithm *a = algorithm_by_id(kind, id, 0);

	if (a)
		return a->name;
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
		if (strangers[i].kind == kind && strangers[i].id == id)
			return strangers[i].name;
	return NULL;
}

const char *
algorithm_format(char out[40], enum transform_kind kind, uint16_t id, uint16_t key_bits)
{
	static const char *const kinds[TRANSFORM_KINDS] = { "TRANSFORM", "ENCR", "PRF", "INTEG", "DH", "ESN" };
	const char *name = algorithm_name(kind, id);
	const char *unknown = kinds[kind < TRANSFORM_KINDS ? kind : 0];

	if (name && key_bits)
		snprintf(out, 40, "%s_%u", name, (unsigned)key_bits);
	else if (name)
		snprintf(out, 40, "%s", name);
	else if (key_bits)
		snprintf(out, 40, "%s %u/%u", unknown, (unsigned)id, (unsigned)key_bits);
	else
		snprintf(out, 40, "%s %u", unknown, (unsigned)id);
	return out;
}
