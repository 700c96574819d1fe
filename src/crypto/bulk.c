/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk.h"

#include <stdlib.h>

#include "bulk_provider.h"
#include "secret.h"

/* Sizes of each suite: RFC 4106, RFC 7634; RFC 3602 and RFC 2410 with RFC 2404 and RFC 4868. */
#define AES_GCM(bits)                                                                                                            \
	{                                                                                                                        \
		.encr_id = ENCR_AES_GCM_16, .key_bits = bits, .iv_octets = 8, .align = 4, .icv_octets = 16, .salt_octets = 4,    \
		.encr_key_octets = bits / 8 + 4, .kind = BULK_GCM                                                                \
	}
#define CIPHER_HMAC(encr, bits, iv, block, integ, key, icv)                                                                      \
	{                                                                                                                        \
		.encr_id = encr, .key_bits = bits, .integ_id = integ, .iv_octets = iv, .align = block, .icv_octets = icv,        \
		.encr_key_octets = bits / 8, .integ_key_octets = key, .kind = BULK_HMAC                                          \
	}
#define WITH_EACH_HMAC(encr, bits, iv, block)                                                                                    \
	CIPHER_HMAC(encr, bits, iv, block, INTEG_HMAC_SHA1_96, 20, 12),                                                          \
	        CIPHER_HMAC(encr, bits, iv, block, INTEG_HMAC_SHA2_256_128, 32, 16),                                             \
	        CIPHER_HMAC(encr, bits, iv, block, INTEG_HMAC_SHA2_384_192, 48, 24),                                             \
	        CIPHER_HMAC(encr, bits, iv, block, INTEG_HMAC_SHA2_512_256, 64, 32)

static const struct bulk_suite suites[BULK_SUITES] = {
	AES_GCM(128),
	AES_GCM(192),
	AES_GCM(256),
	{ .encr_id = ENCR_CHACHA20_POLY1305,
	  .key_bits = 0,
	  .iv_octets = 8,
	  .align = 4,
	  .icv_octets = 16,
	  .salt_octets = 4,
	  .encr_key_octets = 36,
	  .kind = BULK_CHACHA },
	WITH_EACH_HMAC(ENCR_AES_CBC, 128, 16, 16),
	WITH_EACH_HMAC(ENCR_AES_CBC, 192, 16, 16),
	WITH_EACH_HMAC(ENCR_AES_CBC, 256, 16, 16),
	WITH_EACH_HMAC(ENCR_NULL, 0, 0, 4),
};

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
