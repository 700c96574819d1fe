/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"
#include "vectors.h"

/* prf() against Wycheproof, RFC 2202 and RFC 4231. */

static uint16_t prf_under_test;

/* The message in three pieces, since key management never has it in one. */
static void
prf_in_pieces(uint8_t out[PRF_OCTETS_MAX], uint16_t id, struct span key, struct span message)
{
	size_t a = message.n / 3, b = message.n / 2;
	struct span piece[] = { span_of(message.p, a), span_of(message.p + a, b - a), span_of(message.p + b, message.n - b) };

	assert_int_equal(prf(out, id, key, piece, 3), CRYPTO_OK);
}

static void
one_mac(json_t *group, json_t *test)
{
	size_t n = (size_t)vector_int(group, "tagSize") / 8;
	bool valid = strcmp(vector_text(test, "result"), "valid") == 0;
	struct octets key = vector_hex(test, "key"), msg = vector_hex(test, "msg"), tag = vector_hex(test, "tag");
	struct span whole = octets_span(&msg);
	uint8_t out[PRF_OCTETS_MAX], pieces[PRF_OCTETS_MAX];

	assert_int_equal(prf(out, prf_under_test, octets_span(&key), &whole, 1), CRYPTO_OK);
	prf_in_pieces(pieces, prf_under_test, octets_span(&key), whole);
	assert_memory_equal(out, pieces, prf_octets(prf_under_test));
	assert_true(n <= prf_octets(prf_under_test));
	if (secret_equal(span_of(out, n), octets_span(&tag)) != valid)
		fail_msg("tcId %ld is %s", vector_int(test, "tcId"), vector_text(test, "result"));
}

static void
wycheproof_macs_hold(void **state)
{
	static const struct {
		uint16_t prf_id;
		const char *name;
	} files[] = {
		{ PRF_HMAC_SHA1, "vectors/wycheproof/hmac_sha1_test.json" },
		{ PRF_HMAC_SHA2_256, "vectors/wycheproof/hmac_sha256_test.json" },
		{ PRF_HMAC_SHA2_384, "vectors/wycheproof/hmac_sha384_test.json" },
		{ PRF_HMAC_SHA2_512, "vectors/wycheproof/hmac_sha512_test.json" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		prf_under_test = files[i].prf_id;
		wycheproof_each(files[i].name, one_mac);
	}
}

/* RFC 2202 sections 2 and 3, RFC 4231 section 4; keys of RFC 4231 cases 6 and 7 are longer than the block. */
static void
rfc_macs_hold(void **state)
{
	json_t *file = vectors_load("vectors/rfc/hmac.json"), *test;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(file), 35);
	json_array_foreach (file, i, test) {
		char keyword[16];
		struct octets key = vector_hex(test, "key"), data = vector_hex(test, "data"), tag = vector_hex(test, "tag");
		const struct algorithm *a;
		uint8_t out[PRF_OCTETS_MAX];

		snprintf(keyword, sizeof keyword, "prf%s", vector_text(test, "prf"));
		a = algorithm_by_keyword(span_str(keyword));
		assert_non_null(a);
		prf_in_pieces(out, a->id, octets_span(&key), octets_span(&data));
		assert_memory_equal(out, tag.b, tag.n);
	}
	json_decref(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wycheproof_macs_hold),
		cmocka_unit_test(rfc_macs_hold),
	};

	return cmocka_run_group_tests_name("hmac", tests, NULL, NULL);
}
