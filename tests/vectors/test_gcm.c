/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk.h"
#include "vectors.h"

#include <stdlib.h>

/*
 * AES-GCM as ESP uses it (RFC 4106) against Wycheproof: nonces of 96 bits (salt
 * and IV), payloads of whole 32-bit words. The authenticated data is the ESP
 * header, 8 octets, or 12 with ESN (RFC 4106 section 5): tests with just that
 * much are judged whole, the others by their ciphertext, which does not depend on it.
 */

enum { HEAD = 8, IV = 8, ICV = 16 };

static struct bulk *bulk;
static size_t by_text, whole;

/* One packet of a test: header, IV, payload, ICV. */
struct esp_packet {
	uint8_t b[HEAD + IV + VECTOR_OCTETS_MAX + ICV];
	struct bulk_op op;
};

static void
lay_out(struct esp_packet *p, const void *key, const struct octets *iv, const struct octets *aad, const struct octets *text)
{
	*p = (struct esp_packet) { .op = { .key = key, .head = p->b, .payload = (uint32_t)text->n } };
	if (aad->n == 8)
		memcpy(p->b, aad->b, 8);
	if (aad->n == 12) {
		memcpy(p->b, aad->b, 4);
		memcpy(p->b + 4, aad->b + 8, 4);
		p->op.esn = true;
		p->op.seq_high = get_be32(aad->b + 4);
	}
	memcpy(p->b + HEAD, iv->b + 4, IV);
	memcpy(p->b + HEAD + IV, text->b, text->n);
}

static void *
expand(const struct bulk_suite *s, bool seal, const struct octets *key, const struct octets *iv)
{
	uint8_t key_and_salt[32 + 4];
	void *out = aligned_alloc(BULK_KEY_ALIGN, (s->key_size + BULK_KEY_ALIGN - 1u) / BULK_KEY_ALIGN * BULK_KEY_ALIGN);

	memcpy(key_and_salt, key->b, key->n);
	memcpy(key_and_salt + key->n, iv->b, 4);
	assert_non_null(out);
	assert_true(bulk_key_expand(bulk, s, out, seal, span_of(key_and_salt, key->n + 4), span_of(NULL, 0)));
	return out;
}

static void
drop(const struct bulk_suite *s, void *key)
{
	bulk_key_clear(s, key);
	free(key);
}

static void
seals(const struct bulk_suite *s, json_t *test, bool judge_tag)
{
	struct octets key = vector_hex(test, "key"), iv = vector_hex(test, "iv"), aad = vector_hex(test, "aad"),
	              msg = vector_hex(test, "msg"), ct = vector_hex(test, "ct"), tag = vector_hex(test, "tag");
	void *k = expand(s, true, &key, &iv);
	static struct esp_packet p;

	lay_out(&p, k, &iv, &aad, &msg);
	bulk_seal(bulk, s, &p.op, 1);
	if (memcmp(p.b + HEAD + IV, ct.b, ct.n) != 0)
		fail_msg("tcId %ld: another ciphertext", vector_int(test, "tcId"));
	if (judge_tag && memcmp(p.b + HEAD + IV + ct.n, tag.b, tag.n) != 0)
		fail_msg("tcId %ld: another tag", vector_int(test, "tcId"));
	drop(s, k);
}

static void
opens(const struct bulk_suite *s, json_t *test, bool valid)
{
	struct octets key = vector_hex(test, "key"), iv = vector_hex(test, "iv"), aad = vector_hex(test, "aad"),
	              msg = vector_hex(test, "msg"), ct = vector_hex(test, "ct"), tag = vector_hex(test, "tag");
	void *k = expand(s, false, &key, &iv);
	static struct esp_packet p;

	lay_out(&p, k, &iv, &aad, &ct);
	memcpy(p.b + HEAD + IV + ct.n, tag.b, tag.n);
	bulk_open(bulk, s, &p.op, 1);
	if (p.op.ok != valid)
		fail_msg("tcId %ld is %s", vector_int(test, "tcId"), vector_text(test, "result"));
	if (valid && memcmp(p.b + HEAD + IV, msg.b, msg.n) != 0)
		fail_msg("tcId %ld: another message", vector_int(test, "tcId"));
	drop(s, k);
}

static void
one_gcm(json_t *group, json_t *test)
{
	const struct bulk_suite *s = bulk_suite(bulk, ENCR_AES_GCM_16, (uint16_t)vector_int(group, "keySize"), INTEG_NONE);
	size_t aad = strlen(vector_text(test, "aad")) / 2, text = strlen(vector_text(test, "msg")) / 2;
	bool valid = strcmp(vector_text(test, "result"), "valid") == 0, header = aad == 8 || aad == 12;

	assert_non_null(s);
	if (vector_int(group, "ivSize") != 96 || vector_int(group, "tagSize") != 128 || text % 4 != 0 || text == 0)
		return;
	if (valid) {
		seals(s, test, header);
		by_text++;
	}
	/* Under another header every published tag is a wrong one. */
	opens(s, test, valid && header);
	whole += header;
}

static void
provider_holds(enum bulk_provider provider)
{
	bulk = bulk_new(provider);
	if (!bulk)
		skip();
	by_text = whole = 0;
	wycheproof_each("vectors/wycheproof/aes_gcm_test.json", one_gcm);
	assert_true(by_text >= 10);
	assert_true(whole >= 1);
	bulk_free(bulk);
}

static void
openssl_holds(void **state)
{
	(void)state;
	provider_holds(BULK_EVP);
}

static void
ipsec_mb_holds(void **state)
{
	(void)state;
	provider_holds(BULK_IMB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_holds),
		cmocka_unit_test(ipsec_mb_holds),
	};

	return cmocka_run_group_tests_name("gcm", tests, NULL, NULL);
}
