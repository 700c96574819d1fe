/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk.h"

#include <stdlib.h>

#include "bulk_provider.h"
#include "secret.h"

/* Sizes of each suite, by the cipher's RFC (3602, 3686, 4106, 4309, 4312, 4543, 7634, 2410, 2451) and the MAC's (2403, 2404,
 * 3566, 4868). */
#define AEAD(kind_, encr, bits, salt, icv)                                                                                       \
	{                                                                                                                        \
		.encr_id = encr, .key_bits = bits, .iv_octets = 8, .align = 4, .icv_octets = icv, .salt_octets = salt,           \
		.encr_key_octets = bits / 8 + salt, .kind = kind_                                                                \
	}
#define AEAD_EACH(kind, encr, salt, icv)                                                                                         \
	AEAD(kind, encr, 128, salt, icv), AEAD(kind, encr, 192, salt, icv), AEAD(kind, encr, 256, salt, icv)
#define CIPHER_MAC(kind_, encr, bits, octets, iv, block, salt, integ, key, icv)                                                  \
	{                                                                                                                        \
		.encr_id = encr, .key_bits = bits, .integ_id = integ, .iv_octets = iv, .align = block, .icv_octets = icv,        \
		.salt_octets = salt, .encr_key_octets = octets + salt, .integ_key_octets = key, .kind = kind_                    \
	}
#define WITH_EACH_MAC(encr, bits, octets, iv, block, salt)                                                                       \
	CIPHER_MAC(BULK_HMAC, encr, bits, octets, iv, block, salt, INTEG_HMAC_SHA1_96, 20, 12),                                  \
	        CIPHER_MAC(BULK_HMAC, encr, bits, octets, iv, block, salt, INTEG_HMAC_SHA2_256_128, 32, 16),                     \
	        CIPHER_MAC(BULK_HMAC, encr, bits, octets, iv, block, salt, INTEG_HMAC_SHA2_256_96, 32, 12),                      \
	        CIPHER_MAC(BULK_HMAC, encr, bits, octets, iv, block, salt, INTEG_HMAC_SHA2_384_192, 48, 24),                     \
	        CIPHER_MAC(BULK_HMAC, encr, bits, octets, iv, block, salt, INTEG_HMAC_SHA2_512_256, 64, 32),                     \
	        CIPHER_MAC(BULK_HMAC, encr, bits, octets, iv, block, salt, INTEG_HMAC_MD5_96, 16, 12),                           \
	        CIPHER_MAC(BULK_XCBC, encr, bits, octets, iv, block, salt, INTEG_AES_XCBC_96, 16, 12)
#define CBC_WITH_EACH_MAC(encr, bits, block) WITH_EACH_MAC(encr, bits, bits / 8, block, block, 0)
#define CTR_WITH_EACH_MAC(bits) WITH_EACH_MAC(ENCR_AES_CTR, bits, bits / 8, 8, 4, 4)

static const struct bulk_suite suites[] = {
	AEAD_EACH(BULK_GCM, ENCR_AES_GCM_16, 4, 16),
	AEAD_EACH(BULK_GCM, ENCR_AES_GCM_12, 4, 12),
	AEAD_EACH(BULK_GCM, ENCR_AES_GCM_8, 4, 8),
	AEAD_EACH(BULK_CCM, ENCR_AES_CCM_16, 3, 16),
	AEAD_EACH(BULK_CCM, ENCR_AES_CCM_12, 3, 12),
	AEAD_EACH(BULK_CCM, ENCR_AES_CCM_8, 3, 8),
	AEAD_EACH(BULK_GMAC, ENCR_NULL_AUTH_AES_GMAC, 4, 16),
	{ .encr_id = ENCR_CHACHA20_POLY1305,
	  .key_bits = 0,
	  .iv_octets = 8,
	  .align = 4,
	  .icv_octets = 16,
	  .salt_octets = 4,
	  .encr_key_octets = 36,
	  .kind = BULK_CHACHA },
	CBC_WITH_EACH_MAC(ENCR_AES_CBC, 128, 16),
	CBC_WITH_EACH_MAC(ENCR_AES_CBC, 192, 16),
	CBC_WITH_EACH_MAC(ENCR_AES_CBC, 256, 16),
	CTR_WITH_EACH_MAC(128),
	CTR_WITH_EACH_MAC(192),
	CTR_WITH_EACH_MAC(256),
	CBC_WITH_EACH_MAC(ENCR_CAMELLIA_CBC, 128, 16),
	CBC_WITH_EACH_MAC(ENCR_CAMELLIA_CBC, 192, 16),
	CBC_WITH_EACH_MAC(ENCR_CAMELLIA_CBC, 256, 16),
	CBC_WITH_EACH_MAC(ENCR_BLOWFISH, 128, 8),
	CBC_WITH_EACH_MAC(ENCR_BLOWFISH, 192, 8),
	CBC_WITH_EACH_MAC(ENCR_BLOWFISH, 256, 8),
	CBC_WITH_EACH_MAC(ENCR_CAST, 128, 8),
	WITH_EACH_MAC(ENCR_3DES, 0, 24, 8, 8, 0),
	WITH_EACH_MAC(ENCR_NULL, 0, 0, 0, 4, 0),
};

_Static_assert(sizeof suites / sizeof *suites == BULK_SUITES, "struct bulk has room for all");

static struct bulk *
open_provider(const struct bulk_provider_ops *ops)
{
	struct bulk *b = ops ? calloc(1, sizeof *b) : NULL;

	if (!b)
		return NULL;
	b->ops = ops;
	if (!ops->open(b)) {
		free(b);
		return NULL;
	}
	for (size_t i = 0; i < BULK_SUITES; i++) {
		b->suite[i] = suites[i];
		ops->suite(&b->suite[i]);
	}
	return b;
}

struct bulk *
bulk_new(enum bulk_provider p)
{
	struct bulk *b = p == BULK_EVP ? NULL : open_provider(bulk_imb_ops);

	return b || p == BULK_IMB ? b : open_provider(bulk_evp_ops);
}

void
bulk_free(struct bulk *b)
{
	if (!b)
		return;
	b->ops->close(b);
	free(b);
}

const char *
bulk_name(const struct bulk *b)
{
	return b->name;
}

const struct bulk_suite *
bulk_suite(const struct bulk *b, uint16_t encr_id, uint16_t key_bits, uint16_t integ_id)
{
	for (size_t i = 0; i < BULK_SUITES; i++) {
		const struct bulk_suite *s = &b->suite[i];

		/* ChaCha20 and NULL have one key length, which not every caller names. */
		if (s->encr_id == encr_id && (s->key_bits == key_bits || !s->key_bits) && s->integ_id == integ_id)
			return s;
	}
	return NULL;
}

bool
bulk_key_expand(struct bulk *b, const struct bulk_suite *s, void *out, bool seal, struct span encr, struct span integ)
{
	if (encr.n != s->encr_key_octets || integ.n != s->integ_key_octets)
		return false;
	memset(out, 0, s->key_size);
	return s->expand(b, s, out, seal, encr, integ);
}

void
bulk_key_clear(const struct bulk_suite *s, void *key)
{
	if (s->clear)
		s->clear(s, key);
	secret_wipe(key, s->key_size);
}
