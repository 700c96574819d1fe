/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"
#include "vectors.h"

/* The groups against Wycheproof, RFC 5903, RFC 7748 and the primes as RFC 2409 and RFC 3526 print them. */

static struct dh *
dh_with(uint16_t group, struct span private_value)
{
	struct scripted_rng r;
	struct dh *dh;

	scripted_rng_open(&r, private_value);
	dh = dh_new(group, &r.rng);
	assert_non_null(dh);
	assert_int_equal(dh_group(dh), group);
	return dh;
}

/* What the group makes of a private and a public value; true with the secret in @out. */
static bool
agrees(struct octets *out, uint16_t group, struct span private_value, struct span peer)
{
	struct dh *dh = dh_with(group, private_value);
	autosecret s = { 0 };
	enum crypto_error e = dh_shared(&s, dh, peer);

	assert_true(e == CRYPTO_OK || e == CRYPTO_ERR_INPUT);
	assert_true((e == CRYPTO_OK) == (s.n > 0));
	out->n = s.n;
	if (s.n)
		memcpy(out->b, s.p, s.n);
	dh_free(dh);
	return e == CRYPTO_OK;
}

static struct octets
public_of(uint16_t group, struct span private_value)
{
	struct dh *dh = dh_with(group, private_value);
	struct octets o = { .n = dh_public(dh).n };

	memcpy(o.b, dh_public(dh).p, o.n);
	dh_free(dh);
	return o;
}

/* ---- Curve25519 */

/*
 * "acceptable" covers twists, values of 2^255-19 and above, and points of small
 * order: RFC 7748 section 5 computes on all but the last, whose all-zero secret
 * RFC 8031 lets us refuse.
 */
static void
one_x25519(json_t *group, json_t *test)
{
	static const uint8_t zero[32];
	struct octets priv = vector_hex(test, "private"), pub = vector_hex(test, "public"), want = vector_hex(test, "shared");
	bool refuse = strcmp(vector_text(test, "result"), "invalid") == 0 || vector_flag(test, "ZeroSharedSecret") ||
	              span_equal(octets_span(&want), span_of(zero, 32));
	struct octets got;

	(void)group;
	if (agrees(&got, DH_CURVE25519, octets_span(&priv), octets_span(&pub)) == refuse)
		fail_msg("tcId %ld: %s", vector_int(test, "tcId"), refuse ? "taken" : "refused");
	if (!refuse && !span_equal(octets_span(&got), octets_span(&want)))
		fail_msg("tcId %ld: another secret", vector_int(test, "tcId"));
}

static void
wycheproof_x25519_holds(void **state)
{
	(void)state;
	wycheproof_each("vectors/wycheproof/x25519_test.json", one_x25519);
}

static void
rfc7748_scalar_multiplications(json_t *file)
{
	json_t *test;
	size_t i;

	assert_int_equal(json_array_size(json_object_get(file, "scalar_mult")), 2);
	json_array_foreach (json_object_get(file, "scalar_mult"), i, test) {
		struct octets k = vector_hex(test, "k"), u = vector_hex(test, "u"), want = vector_hex(test, "out"), got;

		assert_true(agrees(&got, DH_CURVE25519, octets_span(&k), octets_span(&u)));
		assert_memory_equal(got.b, want.b, 32);
	}
}

/* RFC 7748 section 5.2: k becomes X25519(k, u), u the old k. */
static void
rfc7748_iterations(json_t *file)
{
	struct octets once = vector_hex(file, "after_1"), thousand = vector_hex(file, "after_1000");
	struct octets k = { .n = 32, .b = { 9 } }, u = k, r;

	for (unsigned i = 1; i <= 1000; i++) {
		assert_true(agrees(&r, DH_CURVE25519, octets_span(&k), octets_span(&u)));
		u = k;
		k = r;
		if (i == 1)
			assert_memory_equal(k.b, once.b, 32);
	}
	assert_memory_equal(k.b, thousand.b, 32);
}

static void
rfc7748_holds(void **state)
{
	json_t *file = vectors_load("vectors/rfc/x25519.json");
	struct octets a = vector_hex(file, "a"), b = vector_hex(file, "b"), ga = vector_hex(file, "ga"),
	              gb = vector_hex(file, "gb"), want = vector_hex(file, "shared"), got;

	(void)state;
	got = public_of(DH_CURVE25519, octets_span(&a));
	assert_true(span_equal(octets_span(&got), octets_span(&ga)));
	got = public_of(DH_CURVE25519, octets_span(&b));
	assert_true(span_equal(octets_span(&got), octets_span(&gb)));
	assert_true(agrees(&got, DH_CURVE25519, octets_span(&a), octets_span(&gb)));
	assert_true(span_equal(octets_span(&got), octets_span(&want)));
	rfc7748_scalar_multiplications(file);
	rfc7748_iterations(file);
	json_decref(file);
}

/* ---- ECP */

static uint16_t
ecp_group(const char *curve)
{
	return strcmp(curve, "secp256r1") == 0 ? DH_ECP_256 : strcmp(curve, "secp384r1") == 0 ? DH_ECP_384 : DH_ECP_521;
}

/* The big endian number at exactly @n octets. */
static struct octets
fitted(struct octets o, size_t n)
{
	struct octets r = { .n = n };
	size_t skip = 0;

	while (o.n - skip > n && o.b[skip] == 0)
		skip++;
	assert_true(o.n - skip <= n);
	memcpy(r.b + n - (o.n - skip), o.b + skip, o.n - skip);
	return r;
}

/*
 * The files' points are in SEC 1 form; in a KE payload (RFC 5903 section 7) stand
 * the coordinates alone, so that every other form is a value of the wrong length.
 */
static void
one_ecdh(json_t *group, json_t *test)
{
	uint16_t id = ecp_group(vector_text(group, "curve"));
	const struct algorithm *a = algorithm_by_id(TRANSFORM_DH, id, 0);
	struct octets pub = vector_hex(test, "public"), want = vector_hex(test, "shared");
	struct octets priv = fitted(vector_hex(test, "private"), a->shared_octets), got;
	struct span peer = octets_span(&pub);
	bool valid = strcmp(vector_text(test, "result"), "valid") == 0;

	if (pub.n == 1 + 2u * a->shared_octets && pub.b[0] == 4)
		peer = span_of(pub.b + 1, pub.n - 1);
	if (agrees(&got, id, octets_span(&priv), peer) != valid)
		fail_msg("tcId %ld is %s", vector_int(test, "tcId"), vector_text(test, "result"));
	if (valid && !span_equal(octets_span(&got), octets_span(&want)))
		fail_msg("tcId %ld: another secret", vector_int(test, "tcId"));
}

static void
wycheproof_ecp256_holds(void **state)
{
	(void)state;
	wycheproof_each("vectors/wycheproof/ecdh_secp256r1_ecpoint_test.json", one_ecdh);
}

static void
wycheproof_ecp384_holds(void **state)
{
	(void)state;
	wycheproof_each("vectors/wycheproof/ecdh_secp384r1_ecpoint_test.json", one_ecdh);
}

/* RFC 5903 section 8, RFC 5114 sections A.4 and A.5, RFC 6932 appendix A. */
static void
ecp_groups_hold(void **state)
{
	json_t *file = vectors_load("vectors/rfc/ecp.json"), *test;
	size_t n;

	(void)state;
	assert_int_equal(json_array_size(file), 9);
	json_array_foreach (file, n, test) {
		uint16_t id = (uint16_t)vector_int(test, "group");
		struct octets i = vector_hex(test, "i"), r = vector_hex(test, "r"), gi = vector_hex(test, "gi"),
		              gr = vector_hex(test, "gr"), want = vector_hex(test, "shared"), got;

		got = public_of(id, octets_span(&i));
		assert_true(span_equal(octets_span(&got), octets_span(&gi)));
		got = public_of(id, octets_span(&r));
		assert_true(span_equal(octets_span(&got), octets_span(&gr)));
		assert_true(agrees(&got, id, octets_span(&i), octets_span(&gr)));
		assert_true(span_equal(octets_span(&got), octets_span(&want)));
		assert_true(agrees(&got, id, octets_span(&r), octets_span(&gi)));
		assert_true(span_equal(octets_span(&got), octets_span(&want)));
	}
	json_decref(file);
}

/* ---- MODP */

/* @p plus @by, as the prime's octets. */
static struct octets
prime_plus(const struct octets *p, int by)
{
	struct octets r = *p;

	/* No borrow: the primes end in ff. */
	r.b[r.n - 1] = (uint8_t)(r.b[r.n - 1] + by);
	return r;
}

/* a + b = p, seen from the least octet. */
static bool
adds_up(const struct octets *a, const struct octets *b, const struct octets *p)
{
	unsigned carry = 0;

	for (size_t i = p->n; i-- > 0;) {
		carry += a->b[i] + b->b[i];
		if ((carry & 255) != p->b[i])
			return false;
		carry >>= 8;
	}
	return carry == 0;
}

static void
modp_refuses(uint16_t id, const struct octets *x, const struct octets *p)
{
	struct octets zero = { .n = p->n }, one = zero, got, below = prime_plus(p, -1), all = { .n = p->n };
	struct span full = octets_span(&below);

	one.b[one.n - 1] = 1;
	memset(all.b, 0xff, all.n);
	assert_false(agrees(&got, id, octets_span(x), octets_span(&zero)));
	assert_false(agrees(&got, id, octets_span(x), octets_span(&one)));
	assert_false(agrees(&got, id, octets_span(x), octets_span(&below)));
	assert_false(agrees(&got, id, octets_span(x), octets_span(p)));
	assert_false(agrees(&got, id, octets_span(x), octets_span(&all)));
	assert_false(agrees(&got, id, octets_span(x), span_of(full.p, full.n - 1)));
	assert_false(agrees(&got, id, octets_span(x), span_of(below.b, below.n + 1)));
	assert_false(agrees(&got, id, octets_span(x), span_of(NULL, 0)));
}

/*
 * (p - 2)^x is 2^x or its negative, as x is even or odd: that holds for the
 * printed prime only, so it pins the group that is really computed in.
 */
static void
modp_has_the_printed_prime(uint16_t id, const struct octets *x, const struct octets *p, const struct octets *public_value)
{
	struct octets minus_two = prime_plus(p, -2), got;

	assert_true(agrees(&got, id, octets_span(x), octets_span(&minus_two)));
	if (x->b[x->n - 1] & 1)
		assert_true(adds_up(&got, public_value, p));
	else
		assert_true(span_equal(octets_span(&got), octets_span(public_value)));
}

static void
modp_groups_hold(void **state)
{
	json_t *file = vectors_load("vectors/modp/modp.json"), *test;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(file), 8);
	json_array_foreach (file, i, test) {
		uint16_t id = (uint16_t)vector_int(test, "group");
		struct octets x = vector_hex(test, "x"), p = vector_hex(test, "prime"), public_value = vector_hex(test, "public"),
		              peer = vector_hex(test, "peer"), want = vector_hex(test, "shared"), got;

		got = public_of(id, octets_span(&x));
		assert_true(span_equal(octets_span(&got), octets_span(&public_value)));
		assert_true(agrees(&got, id, octets_span(&x), octets_span(&peer)));
		assert_true(span_equal(octets_span(&got), octets_span(&want)));
		modp_has_the_printed_prime(id, &x, &p, &public_value);
		modp_refuses(id, &x, &p);
	}
	json_decref(file);
}

/* RFC 5114 sections 2.1 to 2.3 and A.1 to A.3; what lies outside of the subgroup is refused (RFC 6989 section 2.2). */
static void
subgroups_hold(void **state)
{
	json_t *file = vectors_load("vectors/rfc/modp-subgroup.json"), *test;
	size_t n;

	(void)state;
	assert_int_equal(json_array_size(file), 3);
	json_array_foreach (file, n, test) {
		uint16_t id = (uint16_t)vector_int(test, "group");
		struct octets i = vector_hex(test, "i"), r = vector_hex(test, "r"), gi = vector_hex(test, "gi"),
		              gr = vector_hex(test, "gr"), want = vector_hex(test, "shared"), p = vector_hex(test, "prime"),
		              outside = vector_hex(test, "outside"), got;

		got = public_of(id, octets_span(&i));
		assert_true(span_equal(octets_span(&got), octets_span(&gi)));
		got = public_of(id, octets_span(&r));
		assert_true(span_equal(octets_span(&got), octets_span(&gr)));
		assert_true(agrees(&got, id, octets_span(&i), octets_span(&gr)));
		assert_true(span_equal(octets_span(&got), octets_span(&want)));
		assert_true(agrees(&got, id, octets_span(&r), octets_span(&gi)));
		assert_true(span_equal(octets_span(&got), octets_span(&want)));
		assert_false(agrees(&got, id, octets_span(&i), octets_span(&outside)));
		modp_refuses(id, &i, &p);
	}
	json_decref(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wycheproof_x25519_holds), cmocka_unit_test(rfc7748_holds),
		cmocka_unit_test(wycheproof_ecp256_holds), cmocka_unit_test(wycheproof_ecp384_holds),
		cmocka_unit_test(ecp_groups_hold),         cmocka_unit_test(modp_groups_hold),
		cmocka_unit_test(subgroups_hold),
	};

	return cmocka_run_group_tests_name("dh", tests, NULL, NULL);
}
