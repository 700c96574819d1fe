/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crypto.h"
#include "seeded_rng.h"

#include <pthread.h>

/* Behaviour at the edges; the values themselves are judged by tests/vectors. */

/* ---- prf */

static void
prf_takes_empty_keys_and_messages(void **state)
{
	/* The well-known values for nothing under an empty key, and of nothing (as Python's hmac and hashlib give them). */
	static const uint8_t mac[] = { 0xb6, 0x13, 0x67, 0x9a, 0x08, 0x14, 0xd9, 0xec };
	static const uint8_t digest[] = { 0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14 };
	struct span nothing = { 0 };
	uint8_t out[PRF_OCTETS_MAX];

	(void)state;
	assert_int_equal(prf(out, PRF_HMAC_SHA2_256, nothing, NULL, 0), CRYPTO_OK);
	assert_memory_equal(out, mac, sizeof mac);
	assert_int_equal(prf(out, PRF_HMAC_SHA2_256, nothing, &nothing, 1), CRYPTO_OK);
	assert_memory_equal(out, mac, sizeof mac);
	assert_int_equal(prf_hash(out, PRF_HMAC_SHA2_256, NULL, 0), CRYPTO_OK);
	assert_memory_equal(out, digest, sizeof digest);
}

/* FIPS 180, RFC 1321 A.5: the digests of "abc". */
static void
hashes_go_with_their_prf(void **state)
{
	static const struct {
		uint16_t id;
		uint8_t octets, abc[4];
	} hashes[] = {
		{ PRF_HMAC_MD5, 16, { 0x90, 0x01, 0x50, 0x98 } },      { PRF_HMAC_SHA1, 20, { 0xa9, 0x99, 0x3e, 0x36 } },
		{ PRF_HMAC_SHA2_256, 32, { 0xba, 0x78, 0x16, 0xbf } }, { PRF_HMAC_SHA2_384, 48, { 0xcb, 0x00, 0x75, 0x3f } },
		{ PRF_HMAC_SHA2_512, 64, { 0xdd, 0xaf, 0x35, 0xa1 } },
	};
	struct span abc[] = { span_str("a"), span_str("bc") };
	uint8_t out[PRF_OCTETS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
		assert_int_equal(prf_octets(hashes[i].id), hashes[i].octets);
		assert_int_equal(prf_hash(out, hashes[i].id, abc, 2), CRYPTO_OK);
		assert_memory_equal(out, hashes[i].abc, 4);
	}
}

/* SKEYID chains: an output is the next input and may be written over it. */
static void
prf_may_write_over_its_input(void **state)
{
	uint8_t a[PRF_OCTETS_MAX] = { 1, 2, 3 }, b[PRF_OCTETS_MAX];
	struct span in = span_of(a, 48);

	(void)state;
	assert_int_equal(prf(b, PRF_HMAC_SHA2_384, span_of(a, 48), &in, 1), CRYPTO_OK);
	assert_int_equal(prf(a, PRF_HMAC_SHA2_384, span_of(a, 48), &in, 1), CRYPTO_OK);
	assert_memory_equal(a, b, 48);
}

static void
prf_writes_no_more_than_its_octets(void **state)
{
	uint8_t out[PRF_OCTETS_MAX];

	(void)state;
	memset(out, 0x5a, sizeof out);
	assert_int_equal(prf(out, PRF_HMAC_SHA1, span_str("key"), NULL, 0), CRYPTO_OK);
	for (size_t i = 20; i < sizeof out; i++)
		assert_int_equal(out[i], 0x5a);
}

static void
unknown_prfs_are_refused(void **state)
{
	static const uint16_t ids[] = { PRF_NONE, 3, 4, 8, 65535 };
	uint8_t out[PRF_OCTETS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		assert_int_equal(prf(out, ids[i], span_str("k"), NULL, 0), CRYPTO_ERR_UNSUPPORTED);
		assert_int_equal(prf_hash(out, ids[i], NULL, 0), CRYPTO_ERR_UNSUPPORTED);
		assert_int_equal(prf_octets(ids[i]), 0);
	}
}

/* ---- CBC */

static void
cbc_round_trips_every_cipher(void **state)
{
	static const struct {
		uint16_t id;
		size_t key, block;
	} ciphers[] = { { ENCR_AES_CBC, 16, 16 }, { ENCR_AES_CBC, 24, 16 }, { ENCR_AES_CBC, 32, 16 }, { ENCR_3DES, 24, 8 } };
	struct seeded_rng r;

	(void)state;
	seeded_rng_open(&r, 7);
	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
		uint8_t key[32], iv[16], data[96], plain[96], chain[16];
		struct span k = span_of(key, ciphers[i].key);

		rng_fill(&r.rng, key, sizeof key);
		rng_fill(&r.rng, iv, sizeof iv);
		rng_fill(&r.rng, plain, sizeof plain);
		memcpy(data, plain, sizeof data);
		memcpy(chain, iv, sizeof chain);
		assert_int_equal(cbc_encrypt(ciphers[i].id, k, chain, data, sizeof data), CRYPTO_OK);
		assert_memory_not_equal(data, plain, sizeof data);
		assert_memory_equal(chain, data + sizeof data - ciphers[i].block, ciphers[i].block);
		memcpy(chain, iv, sizeof chain);
		assert_int_equal(cbc_decrypt(ciphers[i].id, k, chain, data, sizeof data), CRYPTO_OK);
		assert_memory_equal(data, plain, sizeof data);
	}
}

/* NIST SP 800-67 appendix B.1: TDEA of one block, here with an IV of zeros. */
static void
triple_des_is_triple_des(void **state)
{
	static const uint8_t key[24] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x23, 0x45, 0x67, 0x89,
		                         0xab, 0xcd, 0xef, 0x01, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23 };
	static const uint8_t want[8] = { 0xa8, 0x26, 0xfd, 0x8c, 0xe5, 0x3b, 0x85, 0x5f };
	uint8_t iv[IV_OCTETS_MAX] = { 0 }, data[] = "The qufck brown fox jump";

	(void)state;
	assert_int_equal(cbc_encrypt(ENCR_3DES, span_of(key, 24), iv, data, 8), CRYPTO_OK);
	assert_memory_equal(data, want, 8);
}

/* One block under an IV of zeros is the bare cipher: RFC 3713 appendix A, RFC 2144 appendix B.1, B. Schneier's vectors of
 * Blowfish. */
static void
other_ciphers_are_what_they_say(void **state)
{
	static const struct {
		uint16_t id;
		uint8_t n_key, n;
		uint8_t key[32], plain[16], want[16];
	} rows[] = {
		{ ENCR_CAMELLIA_CBC,
		  16,
		  16,
		  { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 },
		  { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 },
		  { 0x67, 0x67, 0x31, 0x38, 0x54, 0x96, 0x69, 0x73, 0x08, 0x57, 0x06, 0x56, 0x48, 0xea, 0xbe, 0x43 } },
		{ ENCR_CAMELLIA_CBC,
		  24,
		  16,
		  { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98,
		    0x76, 0x54, 0x32, 0x10, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 },
		  { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 },
		  { 0xb4, 0x99, 0x34, 0x01, 0xb3, 0xe9, 0x96, 0xf8, 0x4e, 0xe5, 0xce, 0xe7, 0xd7, 0x9b, 0x09, 0xb9 } },
		{ ENCR_CAMELLIA_CBC,
		  32,
		  16,
		  { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
		    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff },
		  { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 },
		  { 0x9a, 0xcc, 0x23, 0x7d, 0xff, 0x16, 0xd7, 0x6c, 0x20, 0xef, 0x7c, 0x91, 0x9e, 0x3a, 0x75, 0x09 } },
		{ ENCR_CAST,
		  16,
		  8,
		  { 0x01, 0x23, 0x45, 0x67, 0x12, 0x34, 0x56, 0x78, 0x23, 0x45, 0x67, 0x89, 0x34, 0x56, 0x78, 0x9a },
		  { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef },
		  { 0x23, 0x8b, 0x4f, 0xe5, 0x84, 0x7e, 0x44, 0xb2 } },
		{ ENCR_BLOWFISH,
		  16,
		  8,
		  { 0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87, 0x78, 0x69, 0x5a, 0x4b, 0x3c, 0x2d, 0x1e, 0x0f },
		  { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 },
		  { 0x93, 0x14, 0x28, 0x87, 0xee, 0x3b, 0xe1, 0x5c } },
		{ ENCR_BLOWFISH,
		  24,
		  8,
		  { 0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87, 0x78, 0x69, 0x5a, 0x4b,
		    0x3c, 0x2d, 0x1e, 0x0f, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 },
		  { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 },
		  { 0x05, 0x04, 0x4b, 0x62, 0xfa, 0x52, 0xd0, 0x80 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t iv[IV_OCTETS_MAX] = { 0 }, data[16];

		memcpy(data, rows[i].plain, sizeof data);
		assert_int_equal(cbc_encrypt(rows[i].id, span_of(rows[i].key, rows[i].n_key), iv, data, rows[i].n), CRYPTO_OK);
		assert_memory_equal(data, rows[i].want, rows[i].n);
		memset(iv, 0, sizeof iv);
		assert_int_equal(cbc_decrypt(rows[i].id, span_of(rows[i].key, rows[i].n_key), iv, data, rows[i].n), CRYPTO_OK);
		assert_memory_equal(data, rows[i].plain, rows[i].n);
	}
}

static void
cbc_refuses_what_it_cannot_take(void **state)
{
	uint8_t key[33] = { 0 }, iv[16] = { 0 }, data[32] = { 0 };

	(void)state;
	assert_int_equal(cbc_encrypt(ENCR_AES_CBC, span_of(key, 15), iv, data, 32), CRYPTO_ERR_INPUT);
	assert_int_equal(cbc_encrypt(ENCR_AES_CBC, span_of(key, 33), iv, data, 32), CRYPTO_ERR_INPUT);
	assert_int_equal(cbc_encrypt(ENCR_AES_CBC, span_of(key, 0), iv, data, 32), CRYPTO_ERR_INPUT);
	assert_int_equal(cbc_encrypt(ENCR_3DES, span_of(key, 16), iv, data, 32), CRYPTO_ERR_INPUT);
	assert_int_equal(cbc_decrypt(ENCR_AES_CBC, span_of(key, 16), iv, data, 31), CRYPTO_ERR_INPUT);
	assert_int_equal(cbc_decrypt(ENCR_AES_CBC, span_of(key, 16), iv, data, 8), CRYPTO_ERR_INPUT);
	assert_int_equal(cbc_encrypt(ENCR_AES_GCM_16, span_of(key, 16), iv, data, 32), CRYPTO_ERR_UNSUPPORTED);
	assert_int_equal(cbc_encrypt(ENCR_NULL, span_of(key, 0), iv, data, 32), CRYPTO_ERR_UNSUPPORTED);
	assert_int_equal(cbc_encrypt(77, span_of(key, 16), iv, data, 32), CRYPTO_ERR_UNSUPPORTED);
	assert_int_equal(cbc_encrypt(ENCR_AES_CBC, span_of(key, 16), iv, data, 0), CRYPTO_OK);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(iv[i] | data[i], 0);
}

/* ---- Diffie-Hellman */

static void
group_agrees(const struct algorithm *a, uint64_t seed)
{
	struct seeded_rng r, again;
	struct dh *i, *j, *i_again;
	autosecret si = { 0 }, sj = { 0 };

	seeded_rng_open(&r, seed);
	seeded_rng_open(&again, seed);
	i = dh_new(a->id, &r.rng);
	j = dh_new(a->id, &r.rng);
	i_again = dh_new(a->id, &again.rng);
	assert_non_null(i);
	assert_int_equal(dh_public(i).n, a->out_octets);
	assert_true(span_equal(dh_public(i), dh_public(i_again)));
	assert_false(span_equal(dh_public(i), dh_public(j)));
	assert_int_equal(dh_shared(&si, i, dh_public(j)), CRYPTO_OK);
	assert_int_equal(dh_shared(&sj, j, dh_public(i)), CRYPTO_OK);
	assert_int_equal(si.n, a->shared_octets);
	assert_true(secret_equal(secret_span(&si), secret_span(&sj)));
	dh_free(i);
	dh_free(j);
	dh_free(i_again);
}

static void
both_ends_agree_in_every_group(void **state)
{
	(void)state;
	for (const struct algorithm *a = algorithm_next(NULL); a; a = algorithm_next(a))
		if (a->kind == TRANSFORM_DH && a->id != DH_NONE)
			for (uint64_t seed = 1; seed <= (a->shared_octets > 128 ? 1 : 8); seed++)
				group_agrees(a, seed);
}

static void
unknown_groups_are_refused(void **state)
{
	struct seeded_rng r;

	(void)state;
	seeded_rng_open(&r, 1);
	assert_null(dh_new(DH_NONE, &r.rng));
	assert_null(dh_new(3, &r.rng));
	assert_null(dh_new(32, &r.rng));
	assert_null(dh_new(65535, &r.rng));
	dh_free(NULL);
}

static void
public_values_of_wrong_length_are_refused(void **state)
{
	static const uint16_t groups[] = { DH_MODP_1024, DH_ECP_256, DH_ECP_521, DH_CURVE25519 };
	uint8_t junk[2 * DH_OCTETS_MAX];

	(void)state;
	memset(junk, 2, sizeof junk);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		struct seeded_rng r;
		struct dh *dh;
		struct secret s;

		seeded_rng_open(&r, 1);
		dh = dh_new(groups[i], &r.rng);
		for (size_t n = 0; n < sizeof junk; n += n / 4 + 1) {
			if (n == dh_public(dh).n)
				continue;
			assert_int_equal(dh_shared(&s, dh, span_of(junk, n)), CRYPTO_ERR_INPUT);
			assert_int_equal(s.n, 0);
		}
		dh_free(dh);
	}
}

/* The point (0, 0), which some take for infinity, coordinates of the field's size or above, and a flipped bit. */
static void
points_off_the_curve_are_refused(void **state)
{
	struct seeded_rng r;
	struct dh *dh, *peer;
	uint8_t point[64] = { 0 };
	struct secret s;

	(void)state;
	seeded_rng_open(&r, 3);
	dh = dh_new(DH_ECP_256, &r.rng);
	peer = dh_new(DH_ECP_256, &r.rng);
	assert_int_equal(dh_shared(&s, dh, span_of(point, 64)), CRYPTO_ERR_INPUT);
	memset(point, 0xff, 64);
	assert_int_equal(dh_shared(&s, dh, span_of(point, 64)), CRYPTO_ERR_INPUT);
	for (size_t i = 0; i < 64; i += 7) {
		memcpy(point, dh_public(peer).p, 64);
		point[i] ^= 4;
		assert_int_equal(dh_shared(&s, dh, span_of(point, 64)), CRYPTO_ERR_INPUT);
	}
	dh_free(dh);
	dh_free(peer);
}

/* RFC 7748 section 6.1: points of small order give zero with every private value. */
static void
small_order_on_curve25519_is_refused(void **state)
{
	struct seeded_rng r;
	struct dh *dh;
	uint8_t u[32] = { 0 };
	struct secret s;

	(void)state;
	seeded_rng_open(&r, 3);
	dh = dh_new(DH_CURVE25519, &r.rng);
	assert_int_equal(dh_shared(&s, dh, span_of(u, 32)), CRYPTO_ERR_INPUT);
	u[0] = 1;
	assert_int_equal(dh_shared(&s, dh, span_of(u, 32)), CRYPTO_ERR_INPUT);
	/* The unused top bit of zero: RFC 7748 section 5 masks it. */
	u[0] = 0;
	u[31] = 0x80;
	assert_int_equal(dh_shared(&s, dh, span_of(u, 32)), CRYPTO_ERR_INPUT);
	assert_null(s.p);
	dh_free(dh);
}

/* Gives each of its values once, then the last again and again. */
struct row_rng {
	struct rng rng;
	const uint8_t (*row)[32];
	size_t n, used;
};

static void
row_fill(struct rng *self, void *out, size_t n)
{
	struct row_rng *r = (struct row_rng *)self;

	assert_int_equal(n, 32);
	memcpy(out, r->row[r->used < r->n ? r->used : r->n - 1], n);
	r->used++;
}

/* Zero and the group's order are no private values: RFC 5903 has them from 1 to n - 1. */
static void
scalars_out_of_range_are_drawn_again(void **state)
{
	static const uint8_t values[4][32] = {
		{ 0 },
		/* n of P-256 */
		{ 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff },
		{ [31] = 1 },
	};
	/* 1 * G = G (SEC 2 section 2.4.2). */
	static const uint8_t gx[] = { 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47 };
	struct row_rng r = { .rng = { row_fill }, .row = values, .n = 4 };
	struct row_rng stuck = { .rng = { row_fill }, .row = values, .n = 1 };
	struct dh *dh = dh_new(DH_ECP_256, &r.rng);

	(void)state;
	assert_non_null(dh);
	assert_int_equal(r.used, 4);
	assert_memory_equal(dh_public(dh).p, gx, sizeof gx);
	dh_free(dh);
	/* A generator that gives zeros only ends in failure, not in an endless loop. */
	assert_null(dh_new(DH_ECP_256, &stuck.rng));
}

/* ---- threads */

static void *
work(void *arg)
{
	const uint64_t *seed = arg;
	uint8_t out[PRF_OCTETS_MAX], want[PRF_OCTETS_MAX];

	for (unsigned i = 0; i < 50; i++) {
		struct span in = span_of(seed, sizeof *seed);

		if (prf(out, PRF_HMAC_SHA2_256, span_str("key"), &in, 1) != CRYPTO_OK || (i && memcmp(out, want, 32) != 0))
			return NULL;
		memcpy(want, out, 32);
		group_agrees(algorithm_by_id(TRANSFORM_DH, i % 2 ? DH_ECP_256 : DH_MODP_768, 0), *seed + i);
	}
	return arg;
}

static void
threads_do_not_meet(void **state)
{
	uint64_t seed[4] = { 1, 2, 3, 4 };
	pthread_t thread[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, &seed[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		void *result;

		assert_int_equal(pthread_join(thread[i], &result), 0);
		assert_ptr_equal(result, &seed[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, so that threads race for what is made once. */
		cmocka_unit_test(threads_do_not_meet),
		cmocka_unit_test(prf_takes_empty_keys_and_messages),
		cmocka_unit_test(hashes_go_with_their_prf),
		cmocka_unit_test(prf_may_write_over_its_input),
		cmocka_unit_test(prf_writes_no_more_than_its_octets),
		cmocka_unit_test(unknown_prfs_are_refused),
		cmocka_unit_test(cbc_round_trips_every_cipher),
		cmocka_unit_test(triple_des_is_triple_des),
		cmocka_unit_test(other_ciphers_are_what_they_say),
		cmocka_unit_test(cbc_refuses_what_it_cannot_take),
		cmocka_unit_test(both_ends_agree_in_every_group),
		cmocka_unit_test(unknown_groups_are_refused),
		cmocka_unit_test(public_values_of_wrong_length_are_refused),
		cmocka_unit_test(points_off_the_curve_are_refused),
		cmocka_unit_test(small_order_on_curve25519_is_refused),
		cmocka_unit_test(scalars_out_of_range_are_drawn_again),
	};

	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
