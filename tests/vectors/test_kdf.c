/* SPDX-License-Identifier: Apache-2.0 */
#include "keymat.h"
#include "vectors.h"

/*
 * Key derivation: RFC 2409 section 5 and Appendix B through keymat.h, the rest
 * (signature SKEYID; RFC 7296 sections 2.13, 2.14 and 2.17) written out over prf().
 * NSS's cases stem from NIST's CAVP.
 */

/* One case of NSS. */
struct kdf_case {
	uint16_t prf_id;
	struct octets ikm, gxy, previous, okm, ni, nr, seed;
	uint8_t number;
	size_t size;
};

static size_t
one_prf(uint8_t *out, const struct kdf_case *c, struct span key, const struct span *in, size_t n_in)
{
	assert_int_equal(prf(out, c->prf_id, key, in, n_in), CRYPTO_OK);
	return prf_octets(c->prf_id);
}

/* SKEYID with signatures, RFC 2409 section 5; SKEYSEED, RFC 7296 section 2.14: prf(Ni | Nr, g^xy). */
static size_t
g_xy(uint8_t *out, const struct kdf_case *c)
{
	struct octets key = c->ni;
	struct span in = octets_span(&c->ikm);

	memcpy(key.b + key.n, c->nr.b, c->nr.n);
	key.n += c->nr.n;
	return one_prf(out, c, octets_span(&key), &in, 1);
}

static size_t
psk(uint8_t *out, const struct kdf_case *c)
{
	assert_true(skeyid_from_psk(out, c->prf_id, octets_span(&c->ikm), octets_span(&c->ni), octets_span(&c->nr)));
	return prf_octets(c->prf_id);
}

/* SKEYID_d, _a or _e by the case's number; the cookies are where other cases have nonces. */
static size_t
skeyid_dae(uint8_t *out, const struct kdf_case *c)
{
	size_t n = prf_octets(c->prf_id);
	uint8_t key[3][PRF_OCTETS_MAX];

	assert_true(c->ni.n == 8 && c->nr.n == 8 && c->number < 3);
	assert_true(
	        skeyid_derive(key[0], key[1], key[2], c->prf_id, octets_span(&c->ikm), octets_span(&c->gxy), c->ni.b, c->nr.b));
	if (c->number)
		assert_memory_equal(key[c->number - 1], c->previous.b, n);
	memcpy(out, key[c->number], n);
	return n;
}

/* RFC 7296 section 2.17: prf(SK_d, g^ir | Ni | Nr). */
static size_t
rekey(uint8_t *out, const struct kdf_case *c)
{
	struct span in[] = { octets_span(&c->gxy), octets_span(&c->ni), octets_span(&c->nr) };

	return one_prf(out, c, octets_span(&c->ikm), in, 3);
}

/* K1 = prf(K, first), Kn = prf(K, Kn-1 | rest | counter), as many as wanted. */
static size_t
feedback(uint8_t *out, const struct kdf_case *c, struct span first, struct span rest, bool counted)
{
	size_t n = prf_octets(c->prf_id), done = 0;
	uint8_t counter = 1;

	while (done < c->size) {
		struct span in[] = { done ? span_of(out + done - n, n) : span_of(NULL, 0), done ? rest : first,
			             span_of(&counter, counted) };

		done += one_prf(out + done, c, octets_span(&c->ikm), in, 3);
		counter++;
	}
	return c->size;
}

/* RFC 7296 section 2.13: prf+(K, S). */
static size_t
prf_plus(uint8_t *out, const struct kdf_case *c)
{
	return feedback(out, c, octets_span(&c->seed), octets_span(&c->seed), true);
}

/* Ka: SKEYID_e where it is long enough, else K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1). */
static size_t
appendix_b(uint8_t *out, const struct kdf_case *c)
{
	assert_true(isakmp_encryption_key(out, c->size, c->prf_id, octets_span(&c->ikm)));
	return c->size;
}

/*
 * RFC 2409 section 5.5: K1 = prf(SKEYID_d, seed), K2 = prf(SKEYID_d, K1 | seed); over
 * prf(), since this seed is too short to hold the protocol and SPI of a real one.
 */
static size_t
quick(uint8_t *out, const struct kdf_case *c)
{
	static const uint8_t zero;

	/* The file's "0" is one octet of zeros. */
	return feedback(out, c, span_of(&zero, 1), span_of(&zero, 1), false);
}

static const struct {
	const char *type;
	size_t (*derive)(uint8_t *out, const struct kdf_case *c);
} kinds[] = {
	{ "ikeGxy", g_xy },          { "ikeV1Psk", psk },     { "ikeV1", skeyid_dae }, { "ikeV1AppB", appendix_b },
	{ "ikeV1AppBQuick", quick }, { "ikePlus", prf_plus }, { "ikeV2Rekey", rekey },
};

static void
one_case(uint16_t prf_id, json_t *test)
{
	bool quick_mode = strcmp(vector_text(test, "type"), "ikeV1AppBQuick") == 0;
	struct kdf_case c = {
		.prf_id = prf_id,
		.ikm = vector_hex(test, "ikm"),
		.gxy = vector_hex(test, "gxy"),
		.previous = vector_hex(test, "prevKey"),
		.okm = vector_hex(test, "okm"),
		.ni = vector_hex(test, "Ni"),
		.nr = vector_hex(test, "Nr"),
		.number = (uint8_t)vector_int(test, "key_number"),
		.size = (size_t)vector_int(test, "size"),
	};
	static uint8_t out[VECTOR_OCTETS_MAX];

	if (!quick_mode)
		c.seed = vector_hex(test, "seed_data");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].type, vector_text(test, "type")) != 0)
			continue;
		assert_int_equal(kinds[i].derive(out, &c), c.okm.n);
		if (memcmp(out, c.okm.b, c.okm.n) != 0)
			fail_msg("%s, id %ld", kinds[i].type, vector_int(test, "id"));
		return;
	}
	fail_msg("unknown type %s", vector_text(test, "type"));
}

static void
nss_cases_hold(void **state)
{
	static const struct {
		uint16_t prf_id;
		const char *name;
	} files[] = { { PRF_HMAC_SHA1, "vectors/ike-kdf-nss/sha1.json" },
		      { PRF_HMAC_SHA2_384, "vectors/ike-kdf-nss/sha384.json" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_t *file = vectors_load(files[i].name), *test;
		size_t k;

		assert_int_equal(json_array_size(file), 16);
		json_array_foreach (file, k, test) {
			one_case(files[i].prf_id, test);
		}
		json_decref(file);
	}
}

/* ---- libreswan's ACVP case, whose licence keeps it out of this tree */

static struct octets
argument(const char *script, const char *option)
{
	const char *at = strstr(script, option);
	size_t digits;

	if (!at)
		fail_msg("no %s", option);
	at += strlen(option);
	at += strspn(at, " ");
	digits = strspn(at, "0123456789abcdef");
	return octets_from_hex(at, digits);
}

static void
expect_key(const struct kdf_case *c, size_t (*derive)(uint8_t *, const struct kdf_case *), json_t *want, const char *name)
{
	struct octets w = vector_hex(want, name);
	uint8_t out[PRF_OCTETS_MAX];

	assert_int_equal(derive(out, c), w.n);
	assert_memory_equal(out, w.b, w.n);
}

static void
libreswan_case_holds(void **state)
{
	json_t *want = vectors_load_shared("vectors/acvp-libreswan/test.acvp.ikev1_psk.json");
	char script[VECTOR_OCTETS_MAX];
	struct kdf_case c = { .prf_id = PRF_HMAC_SHA1 };

	(void)state;
	if (!want || !vectors_read_shared(script, "vectors/acvp-libreswan/test.acvp.ikev1_psk.run"))
		skip();
	assert_non_null(strstr(script, "-hashAlg SHA-1"));
	c.ikm = argument(script, "-preSharedKey");
	c.ni = argument(script, "-nInit");
	c.nr = argument(script, "-nResp");
	expect_key(&c, psk, want, "sKeyId");
	c.ikm = vector_hex(want, "sKeyId");
	c.gxy = argument(script, "-gxy");
	c.ni = argument(script, "-ckyInit");
	c.nr = argument(script, "-ckyResp");
	expect_key(&c, skeyid_dae, want, "sKeyIdD");
	c.previous = vector_hex(want, "sKeyIdD");
	c.number = 1;
	expect_key(&c, skeyid_dae, want, "sKeyIdA");
	c.previous = vector_hex(want, "sKeyIdA");
	c.number = 2;
	expect_key(&c, skeyid_dae, want, "sKeyIdE");
	json_decref(want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libreswan_case_holds),
		cmocka_unit_test(nss_cases_hold),
	};

	return cmocka_run_group_tests_name("kdf", tests, NULL, NULL);
}
