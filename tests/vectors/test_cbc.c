/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"
#include "vectors.h"

/* cbc_encrypt() and cbc_decrypt() against Wycheproof and RFC 3602. */

/* PKCS #5: the last octet n, 1 to 16, n times. 0 when the padding is none such. */
static uint8_t
padding(const struct octets *o)
{
	uint8_t n = o->n ? o->b[o->n - 1] : 0;

	if (n == 0 || n > 16 || n > o->n)
		return 0;
	for (size_t i = 1; i <= n; i++)
		if (o->b[o->n - i] != n)
			return 0;
	return n;
}

static void
one_cipher_text(json_t *group, json_t *test)
{
	bool valid = strcmp(vector_text(test, "result"), "valid") == 0;
	struct octets key = vector_hex(test, "key"), iv = vector_hex(test, "iv"), msg = vector_hex(test, "msg");
	struct octets ct = vector_hex(test, "ct"), plain = ct, again;
	uint8_t n, chain[IV_OCTETS_MAX];

	(void)group;
	memcpy(chain, iv.b, sizeof chain);
	assert_int_equal(cbc_decrypt(ENCR_AES_CBC, octets_span(&key), chain, plain.b, plain.n), CRYPTO_OK);
	again = plain;
	n = padding(&plain);
	if ((n != 0 && span_equal(span_of(plain.b, plain.n - n), octets_span(&msg))) != valid)
		fail_msg("tcId %ld is %s", vector_int(test, "tcId"), vector_text(test, "result"));
	/* Padded well or not, the same blocks come back. */
	memcpy(chain, iv.b, sizeof chain);
	assert_int_equal(cbc_encrypt(ENCR_AES_CBC, octets_span(&key), chain, again.b, again.n), CRYPTO_OK);
	assert_memory_equal(again.b, ct.b, ct.n);
}

static void
wycheproof_cipher_texts_hold(void **state)
{
	(void)state;
	wycheproof_each("vectors/wycheproof/aes_cbc_pkcs5_test.json", one_cipher_text);
}

static void
rfc3602_in_one_call(json_t *test)
{
	struct octets key = vector_hex(test, "key"), iv = vector_hex(test, "iv"), plain = vector_hex(test, "plain");
	struct octets cipher = vector_hex(test, "cipher"), data = plain, chain = iv;

	assert_int_equal(cbc_encrypt(ENCR_AES_CBC, octets_span(&key), chain.b, data.b, data.n), CRYPTO_OK);
	assert_memory_equal(data.b, cipher.b, cipher.n);
	assert_memory_equal(chain.b, cipher.b + cipher.n - 16, 16);
	chain = iv;
	assert_int_equal(cbc_decrypt(ENCR_AES_CBC, octets_span(&key), chain.b, data.b, data.n), CRYPTO_OK);
	assert_memory_equal(data.b, plain.b, plain.n);
	assert_memory_equal(chain.b, cipher.b + cipher.n - 16, 16);
}

/* Block by block through the IV that the call hands back, as Phase 1 chains its messages. */
static void
rfc3602_chained(json_t *test)
{
	struct octets key = vector_hex(test, "key"), chain = vector_hex(test, "iv"), data = vector_hex(test, "plain");
	struct octets cipher = vector_hex(test, "cipher");

	for (size_t i = 0; i < data.n; i += 16)
		assert_int_equal(cbc_encrypt(ENCR_AES_CBC, octets_span(&key), chain.b, data.b + i, 16), CRYPTO_OK);
	assert_memory_equal(data.b, cipher.b, cipher.n);
}

/* RFC 3602 section 4, cases 1 to 4. */
static void
rfc3602_cipher_texts_hold(void **state)
{
	json_t *file = vectors_load("vectors/rfc/aes-cbc.json"), *test;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(file), 4);
	json_array_foreach (file, i, test) {
		rfc3602_in_one_call(test);
		rfc3602_chained(test);
	}
	json_decref(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wycheproof_cipher_texts_hold),
		cmocka_unit_test(rfc3602_cipher_texts_hold),
	};

	return cmocka_run_group_tests_name("cbc", tests, NULL, NULL);
}
