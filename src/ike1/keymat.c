/* SPDX-License-Identifier: Apache-2.0 */
#include "keymat.h"

static struct span
cookie(const uint8_t c[8])
{
	return span_of(c, 8);
}

bool
skeyid_from_psk(uint8_t *skeyid, uint16_t prf_id, struct span psk, struct span ni_b, struct span nr_b)
{
	struct span in[] = { ni_b, nr_b };

	return prf(skeyid, prf_id, psk, in, 2) == CRYPTO_OK;
}

bool
skeyid_from_nonces(uint8_t *skeyid, uint16_t prf_id, struct span ni_b, struct span nr_b, struct span gxy)
{
	autosecret key = { 0 };

	if (!secret_alloc(&key, ni_b.n + nr_b.n))
		return false;
	memcpy(key.p, ni_b.p, ni_b.n);
	memcpy(key.p + ni_b.n, nr_b.p, nr_b.n);
	return prf(skeyid, prf_id, secret_span(&key), &gxy, 1) == CRYPTO_OK;
}

/* One of SKEYID_d, _a, _e: prf(SKEYID, [previous |] g^xy | CKY-I | CKY-R | which). */
static bool
derive(uint8_t *out, uint16_t prf_id, struct span skeyid, struct span previous, struct span gxy, const uint8_t cky_i[8],
       const uint8_t cky_r[8], uint8_t which)
{
	struct span in[] = { previous, gxy, cookie(cky_i), cookie(cky_r), { &which, 1 } };

	return prf(out, prf_id, skeyid, in, 5) == CRYPTO_OK;
}

bool
skeyid_derive(uint8_t *d, uint8_t *a, uint8_t *e, uint16_t prf_id, struct span skeyid, struct span gxy, const uint8_t cky_i[8],
              const uint8_t cky_r[8])
{
	size_t n = prf_octets(prf_id);

	return derive(d, prf_id, skeyid, (struct span) { 0 }, gxy, cky_i, cky_r, 0) &&
	       derive(a, prf_id, skeyid, span_of(d, n), gxy, cky_i, cky_r, 1) &&
	       derive(e, prf_id, skeyid, span_of(a, n), gxy, cky_i, cky_r, 2);
}

bool
isakmp_encryption_key(uint8_t *ka, size_t n, uint16_t prf_id, struct span skeyid_e)
{
	static const uint8_t zero = 0;
	uint8_t k[PRF_OCTETS_MAX];
	struct span in = { &zero, 1 };
	size_t step = prf_octets(prf_id);
	bool ok = step > 0;

	if (!ok)
		return false;
	if (skeyid_e.n >= n) {
		memcpy(ka, skeyid_e.p, n);
		return true;
	}
	/* Ka = K1 | K2 | ..., K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1) */
	for (size_t at = 0; ok && at < n; at += step) {
		ok = prf(k, prf_id, skeyid_e, &in, 1) == CRYPTO_OK;
		if (ok)
			memcpy(ka + at, k, n - at < step ? n - at : step);
		in = span_of(k, step);
	}
	secret_wipe(k, sizeof k);
	return ok;
}

static bool
hash_iv(uint8_t *iv, size_t n, uint16_t prf_id, struct span a, struct span b)
{
	uint8_t h[PRF_OCTETS_MAX];
	struct span in[] = { a, b };

	if (n > prf_octets(prf_id) || prf_hash(h, prf_id, in, 2) != CRYPTO_OK)
		return false;
	memcpy(iv, h, n);
	return true;
}

bool
phase1_iv(uint8_t *iv, size_t n, uint16_t prf_id, struct span gxi, struct span gxr)
{
	return hash_iv(iv, n, prf_id, gxi, gxr);
}

bool
phase2_iv(uint8_t *iv, size_t n, uint16_t prf_id, struct span last_block, uint32_t message_id)
{
	uint8_t mid[4];

	put_be32(mid, message_id);
	return hash_iv(iv, n, prf_id, last_block, span_of(mid, 4));
}

bool
phase1_hash(uint8_t *hash, uint16_t prf_id, struct span skeyid, struct span g_own, struct span g_other, const uint8_t cky_own[8],
            const uint8_t cky_other[8], struct span sai_b, struct span id_b)
{
	struct span in[] = { g_own, g_other, cookie(cky_own), cookie(cky_other), sai_b, id_b };

	return prf(hash, prf_id, skeyid, in, 6) == CRYPTO_OK;
}

bool
phase2_hash(uint8_t *hash, uint16_t prf_id, struct span skeyid_a, uint32_t message_id, struct span ni_b, struct span rest)
{
	uint8_t mid[4];
	struct span in[] = { { mid, 4 }, ni_b, rest };

	put_be32(mid, message_id);
	return prf(hash, prf_id, skeyid_a, in, 3) == CRYPTO_OK;
}

bool
phase2_hash3(uint8_t *hash, uint16_t prf_id, struct span skeyid_a, uint32_t message_id, struct span ni_b, struct span nr_b)
{
	uint8_t head[5] = { 0 };
	struct span in[] = { { head, 5 }, ni_b, nr_b };

	put_be32(head + 1, message_id);
	return prf(hash, prf_id, skeyid_a, in, 3) == CRYPTO_OK;
}

/* K1 = prf(SKEYID_d, seed), Kn = prf(SKEYID_d, Kn-1 | seed); seed = [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b */
bool
phase2_keymat(uint8_t *keymat, size_t n, uint16_t prf_id, struct span skeyid_d, struct span gqm_xy, uint8_t protocol,
              uint32_t spi, struct span ni_b, struct span nr_b)
{
	uint8_t head[5] = { protocol }, k[PRF_OCTETS_MAX];
	struct span in[] = { { 0 }, gqm_xy, { head, 5 }, ni_b, nr_b };
	size_t step = prf_octets(prf_id);
	bool ok = step > 0;

	put_be32(head + 1, spi);
	for (size_t at = 0; ok && at < n; at += step) {
		ok = prf(k, prf_id, skeyid_d, in, 5) == CRYPTO_OK;
		if (ok)
			memcpy(keymat + at, k, n - at < step ? n - at : step);
		in[0] = span_of(k, step);
	}
	secret_wipe(k, sizeof k);
	return ok;
}
