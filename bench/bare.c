/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"

#include "seeded_rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Sizes as they are on the wire of a small proposal. */
enum { COOKIES = 16, NONCE = 32, SA_BODY = 48, ID_BODY = 8, QUICK_BODY = 200 };

const struct bare_suite bare_suite_default = { .dh_id = DH_ECP_256, .prf_id = PRF_HMAC_SHA2_256, .keymat_octets = 36 };

static uint8_t filler[DH_OCTETS_MAX + QUICK_BODY];

double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
must(enum crypto_error e)
{
	if (e != CRYPTO_OK) {
		fprintf(stderr, "bench: a primitive failed\n");
		abort();
	}
}

/* A PRF over @octets in one piece, its result the next key. */
static void
chain_prf(uint8_t *key, const struct bare_suite *s, size_t octets)
{
	struct span in = span_of(filler, octets);

	must(prf(key, s->prf_id, span_of(key, prf_octets(s->prf_id)), &in, 1));
}

static void
hash_of(const struct bare_suite *s, size_t octets)
{
	struct span in = span_of(filler, octets);
	uint8_t out[PRF_OCTETS_MAX];

	must(prf_hash(out, s->prf_id, &in, 1));
}

static void
key_exchange(uint16_t group, struct rng *rng, struct span peer)
{
	struct dh *dh = dh_new(group, rng);
	autosecret g_xy = { 0 };

	must(dh ? dh_shared(&g_xy, dh, peer) : CRYPTO_ERR_LIBRARY);
	dh_free(dh);
}

static void
main_mode(const struct bare_suite *s, struct rng *rng, struct span peer)
{
	const struct algorithm *g = algorithm_by_id(TRANSFORM_DH, s->dh_id, 0);
	uint8_t key[PRF_OCTETS_MAX] = { 1 };

	key_exchange(s->dh_id, rng, peer);
	chain_prf(key, s, 2 * NONCE);                       /* SKEYID */
	chain_prf(key, s, g->shared_octets + COOKIES + 1u); /* SKEYID_d */
	for (unsigned i = 0; i < 2; i++)                    /* SKEYID_a, SKEYID_e */
		chain_prf(key, s, prf_octets(s->prf_id) + g->shared_octets + COOKIES + 1u);
	for (unsigned i = 0; i < 2; i++) /* HASH_I, HASH_R */
		chain_prf(key, s, 2u * g->out_octets + COOKIES + SA_BODY + ID_BODY);
	hash_of(s, 2u * g->out_octets);  /* the first IV, Appendix B */
	for (unsigned i = 0; i < 4; i++) /* NAT-D, RFC 3947 section 3.2: ours and theirs */
		hash_of(s, COOKIES + 6);
}

static void
quick_mode(const struct bare_suite *s, struct rng *rng, struct span peer)
{
	size_t octets = prf_octets(s->prf_id), blocks = (s->keymat_octets + octets - 1) / octets;
	uint8_t key[PRF_OCTETS_MAX] = { 1 };

	if (s->pfs_id != DH_NONE)
		key_exchange(s->pfs_id, rng, peer);
	hash_of(s, octets + 4);                    /* the IV of this exchange, Appendix B */
	chain_prf(key, s, 4 + QUICK_BODY);         /* HASH(1) */
	chain_prf(key, s, 4 + NONCE + QUICK_BODY); /* HASH(2) */
	chain_prf(key, s, 1 + 4 + 2 * NONCE);      /* HASH(3) */
	for (size_t i = 0; i < 2 * blocks; i++)    /* KEYMAT, both directions */
		chain_prf(key, s, octets + 1 + 4 + 2 * NONCE);
}

/* The mean of @rounds calls, each against the same peer's public value. */
static double
mean(void (*one)(const struct bare_suite *, struct rng *, struct span), const struct bare_suite *s, uint16_t group,
     unsigned rounds)
{
	struct seeded_rng r;
	struct dh *peer;
	double start;

	seeded_rng_open(&r, 1);
	peer = group == DH_NONE ? NULL : dh_new(group, &r.rng);
	start = cpu_ns();
	for (unsigned i = 0; i < rounds; i++)
		one(s, &r.rng, peer ? dh_public(peer) : (struct span) { 0 });
	start = cpu_ns() - start;
	dh_free(peer);
	return start / rounds;
}

double
bare_main_mode_ns(const struct bare_suite *s, unsigned rounds)
{
	return mean(main_mode, s, s->dh_id, rounds);
}

double
bare_quick_mode_ns(const struct bare_suite *s, unsigned rounds)
{
	return mean(quick_mode, s, s->pfs_id, rounds);
}
