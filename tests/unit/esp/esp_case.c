/* SPDX-License-Identifier: Apache-2.0 */
#include "esp_case.h"

#include <stdio.h>
#include <stdlib.h>

#define AEAD(name, id, bits, salt)                                                                                               \
	{                                                                                                                        \
		"aes" #bits name, { id, bits }, INTEG_NONE, bits / 8 + salt, 0                                                   \
	}
#define AEADS(name, id, salt) AEAD(name, id, 128, salt), AEAD(name, id, 192, salt), AEAD(name, id, 256, salt)
#define WITH(cipher, hash, encr, bits, key, integ, octets)                                                                       \
	{                                                                                                                        \
		cipher "-" hash, { encr, bits }, integ, key, octets                                                              \
	}
#define WITH_MACS(cipher, encr, bits, key)                                                                                       \
	WITH(cipher, "sha1", encr, bits, key, INTEG_HMAC_SHA1_96, 20),                                                           \
	        WITH(cipher, "sha256", encr, bits, key, INTEG_HMAC_SHA2_256_128, 32),                                            \
	        WITH(cipher, "sha256_96", encr, bits, key, INTEG_HMAC_SHA2_256_96, 32),                                          \
	        WITH(cipher, "sha384", encr, bits, key, INTEG_HMAC_SHA2_384_192, 48),                                            \
	        WITH(cipher, "sha512", encr, bits, key, INTEG_HMAC_SHA2_512_256, 64),                                            \
	        WITH(cipher, "md5", encr, bits, key, INTEG_HMAC_MD5_96, 16),                                                     \
	        WITH(cipher, "aesxcbc", encr, bits, key, INTEG_AES_XCBC_96, 16)

const struct esp_suite_case esp_suite_cases[] = {
	AEADS("gcm16", ENCR_AES_GCM_16, 4),
	AEADS("gcm12", ENCR_AES_GCM_12, 4),
	AEADS("gcm8", ENCR_AES_GCM_8, 4),
	AEADS("ccm16", ENCR_AES_CCM_16, 3),
	AEADS("ccm12", ENCR_AES_CCM_12, 3),
	AEADS("ccm8", ENCR_AES_CCM_8, 3),
	AEADS("gmac", ENCR_NULL_AUTH_AES_GMAC, 4),
	{ "chacha20poly1305", { ENCR_CHACHA20_POLY1305, 0 }, INTEG_NONE, 36, 0 },
	WITH_MACS("aes128", ENCR_AES_CBC, 128, 16),
	WITH_MACS("aes192", ENCR_AES_CBC, 192, 24),
	WITH_MACS("aes256", ENCR_AES_CBC, 256, 32),
	WITH_MACS("aes128ctr", ENCR_AES_CTR, 128, 20),
	WITH_MACS("aes192ctr", ENCR_AES_CTR, 192, 28),
	WITH_MACS("aes256ctr", ENCR_AES_CTR, 256, 36),
	WITH_MACS("camellia128", ENCR_CAMELLIA_CBC, 128, 16),
	WITH_MACS("camellia192", ENCR_CAMELLIA_CBC, 192, 24),
	WITH_MACS("camellia256", ENCR_CAMELLIA_CBC, 256, 32),
	WITH_MACS("blowfish128", ENCR_BLOWFISH, 128, 16),
	WITH_MACS("blowfish192", ENCR_BLOWFISH, 192, 24),
	WITH_MACS("blowfish256", ENCR_BLOWFISH, 256, 32),
	WITH_MACS("cast128", ENCR_CAST, 128, 16),
	WITH_MACS("3des", ENCR_3DES, 0, 24),
	WITH_MACS("null", ENCR_NULL, 0, 0),
};
const size_t n_esp_suite_cases = sizeof esp_suite_cases / sizeof esp_suite_cases[0];

const struct esp_suite_case *
esp_case_suite(const char *name)
{
	for (size_t i = 0; i < n_esp_suite_cases; i++)
		if (strcmp(esp_suite_cases[i].name, name) == 0)
			return &esp_suite_cases[i];
	fail_msg("no suite %s", name);
	return NULL;
}

static struct selector
everything(const char *zero)
{
	struct ip a;

	assert_true(ip_parse(&a, zero));
	return selector_from_prefix(&a, 0, 0, 0, 65535);
}

static struct endpoint
endpoint_of(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(ip_parse(&e.ip, text));
	return e;
}

void
esp_case_init(struct esp_case *c, const struct esp_suite_case *s, uint64_t seed)
{
	struct seeded_rng rng;

	*c = (struct esp_case) { 0 };
	seeded_rng_open(&rng, seed);
	rng_fill(&rng.rng, c->encr_key, sizeof c->encr_key);
	rng_fill(&rng.rng, c->integ_key, sizeof c->integ_key);
	c->ts[0].local = c->ts[0].remote = everything("0.0.0.0");
	c->ts[1].local = c->ts[1].remote = everything("::");
	c->extra = (struct esp_sa_extra) { .ts = c->ts, .n_ts = 2 };
	c->params = (struct sa_params) {
		.spi = 0xc0010000u + (uint32_t)(seed & 0xffff),
		.local = endpoint_of("192.0.2.1", 4500),
		.remote = endpoint_of("192.0.2.2", 4500),
		.udp_encap = true,
		.encr = s->encr,
		.integ_id = s->integ_id,
		.encr_key = span_of(c->encr_key, s->encr_key),
		.integ_key = span_of(c->integ_key, s->integ_key),
		.ts = c->ts[0],
		.replay_window = 1024,
		.copy_df = true,
		.copy_ecn = true,
		.copy_dscp = 1,
	};
}

struct esp_worker *
esp_case_worker(enum bulk_provider p)
{
	static struct seeded_rng rng;
	struct esp_worker *w;

	seeded_rng_open(&rng, 7);
	w = esp_worker_new(&(struct esp_worker_options) { .provider = p, .rng = &rng.rng });
	if (!w && p == BULK_IMB)
		skip();
	assert_non_null(w);
	return w;
}

struct esp_sa *
esp_case_add(struct esp_worker *w, struct esp_case *c, enum sa_direction d)
{
	const char *why = NULL;
	struct esp_sa *sa;

	c->params.direction = d;
	c->extra.ts = c->ts;
	sa = esp_sa_add(w, &c->params, &c->extra, &why);
	if (!sa)
		fail_msg("refused: %s", why);
	return sa;
}

static void
header_v4(uint8_t *out, uint32_t len)
{
	static const uint8_t fixed[20] = { 0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1 };

	memcpy(out, fixed, sizeof fixed);
	put_be16(out + 2, (uint16_t)len);
}

static void
header_v6(uint8_t *out, uint32_t len)
{
	memset(out, 0, 40);
	out[0] = 0x60;
	put_be16(out + 4, (uint16_t)(len - 40));
	out[6] = 17;
	out[7] = 64;
	out[8] = out[24] = 0xfd;
	out[23] = 1;
	out[39] = 2;
}

void
esp_case_packet(uint8_t *out, uint32_t len, int version, uint64_t seed)
{
	struct seeded_rng rng;
	uint32_t header = version == 4 ? 20 : 40;

	seeded_rng_open(&rng, seed);
	rng_fill(&rng.rng, out, len);
	if (version == 4)
		header_v4(out, len);
	else
		header_v6(out, len);
	put_be16(out + header + 4, (uint16_t)(len - header));
}

enum esp_drop
esp_case_seal(struct esp_worker *w, struct esp_sa *sa, uint8_t *buf, const uint8_t *inner, uint32_t len, uint8_t **out,
              uint32_t *n)
{
	static struct batch b;

	memcpy(buf + ESP_HEADROOM, inner, len);
	b.n = 1;
	b.pkt[0] = (struct packet) { .p = buf + ESP_HEADROOM, .len = len, .sa = sa };
	esp_transmit(w, &b, SECONDS(1));
	assert_int_equal(b.n + b.n_dropped, 1);
	*out = b.pkt[0].p;
	*n = b.pkt[0].len;
	return b.pkt[0].drop;
}

enum esp_drop
esp_case_open(struct esp_worker *w, uint8_t *esp, uint32_t n, uint8_t tos, struct packet *out)
{
	static struct batch b;

	b.n = 1;
	b.pkt[0] = (struct packet) { .p = esp, .len = n, .tos = tos };
	esp_receive(w, &b, SECONDS(2));
	assert_int_equal(b.n + b.n_dropped, 1);
	*out = b.pkt[0];
	return b.pkt[0].drop;
}

size_t
from_hex(uint8_t *out, size_t max, const char *text)
{
	size_t n = 0;
	unsigned v;

	for (; *text; text += 2, n++) {
		assert_true(n < max && sscanf(text, "%2x", &v) == 1);
		out[n] = (uint8_t)v;
	}
	return n;
}

char *
read_test_data(const char *path, size_t *n)
{
	char name[512], *text;
	long size;
	FILE *f;

	snprintf(name, sizeof name, "%s/%s", getenv("SALLYPORT_TEST_DATA"), path);
	f = fopen(name, "rb");
	if (!f)
		fail_msg("cannot open %s", name);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	*n = fread(text, 1, (size_t)size, f);
	fclose(f);
	return text;
}
