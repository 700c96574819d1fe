/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "esp_case.h"

/* The plain model: every number ever accepted, and the window's definition. */
enum { SPACE = 1 << 18 };

struct model {
	bool seen[SPACE];
	uint64_t base, top;
	uint32_t window;
};

static bool
model_check(const struct model *m, uint64_t seq)
{
	return seq != 0 && (seq > m->top || (m->top - seq < m->window && !m->seen[seq - m->base]));
}

static void
model_commit(struct model *m, uint64_t seq)
{
	m->seen[seq - m->base] = true;
	if (seq > m->top)
		m->top = seq;
}

/* Numbers near the top, far behind, far ahead, and repeated. */
static uint64_t
any_seq(struct rng *r, const struct model *m)
{
	int64_t offset;
	uint64_t seq;

	switch (rng_below(r, 8)) {
	case 0:
		offset = (int64_t)rng_below(r, 3 * (uint64_t)m->window);
		break;
	case 1:
		offset = -(int64_t)m->window + (int64_t)rng_below(r, 5) - 2;
		break;
	case 2:
		offset = -(int64_t)rng_below(r, 2 * (uint64_t)m->window);
		break;
	case 3:
		offset = 1;
		break;
	case 4:
		offset = (int64_t)rng_below(r, 130);
		break;
	default:
		offset = 4 - (int64_t)rng_below(r, 20);
		break;
	}
	seq = m->top + (uint64_t)offset;
	return seq < m->base || seq - m->base >= SPACE ? m->top : seq;
}

static void
compare_with_model(uint32_t window, uint64_t start, uint64_t seed)
{
	struct model *m = calloc(1, sizeof *m);
	uint64_t *ring = malloc(replay_ring_octets(window));
	struct replay r;
	struct seeded_rng rng;

	seeded_rng_open(&rng, seed);
	replay_open(&r, ring, window);
	r.top = m->top = start;
	m->base = start > SPACE / 4 ? start - SPACE / 4 : 0;
	m->window = window;
	for (uint64_t s = m->base; s <= start; s++)
		m->seen[s - m->base] = false;
	for (unsigned i = 0; i < 20000 && m->top - m->base + 4 * (uint64_t)window < SPACE; i++) {
		uint64_t seq = any_seq(&rng.rng, m);
		bool expect = model_check(m, seq);

		assert_int_equal(replay_check(&r, ring, seq), expect);
		/* A packet may pass the check and then fail its ICV. */
		if (rng_below(&rng.rng, 10) == 0)
			continue;
		assert_int_equal(replay_commit(&r, ring, seq), expect);
		if (expect)
			model_commit(m, seq);
		assert_false(replay_check(&r, ring, seq));
		assert_true(r.top == m->top);
		/* ESN: the low half is enough for whatever the window could accept. */
		if (expect)
			assert_true(replay_infer(&r, (uint32_t)seq) == seq || m->top - seq >= window);
	}
	free(ring);
	free(m);
}

static void
window_equals_the_plain_model(void **state)
{
	static const uint32_t windows[] = { 32, 33, 63, 64, 65, 100, 127, 128, 1000, 1024, 4096, 16384 };
	static const uint64_t starts[] = { 0, 1, 31, 1000, 0xffffff00, UINT64_C(0x100000000), UINT64_C(0x1ffffffc0) };

	(void)state;
	for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
		for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++)
			compare_with_model(windows[w], starts[s], w * 100 + s);
}

static void
largest_window_is_exact(void **state)
{
	uint64_t *ring = malloc(replay_ring_octets(REPLAY_WINDOW_MAX));
	struct replay r;

	(void)state;
	replay_open(&r, ring, REPLAY_WINDOW_MAX);
	for (uint64_t i = 1; i <= 200000; i += 2)
		assert_true(replay_commit(&r, ring, i));
	assert_int_equal(r.top, 199999);
	for (uint64_t i = 1; i <= 199999; i++)
		assert_int_equal(replay_check(&r, ring, i), i % 2 == 0 && 199999 - i < REPLAY_WINDOW_MAX);
	free(ring);
}

/* RFC 4303 section 2.2.1: 64 bits, and none behind the last. */
static void
the_last_numbers_of_all(void **state)
{
	static const uint64_t steps[] = { 1, 2, 5, 63, 64, 65, 127, 128, 129, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		uint64_t ring[2];
		struct replay r;

		assert_int_equal(replay_ring_octets(128), sizeof ring);
		replay_open(&r, ring, 128);
		assert_true(replay_commit(&r, ring, UINT64_MAX - steps[i]));
		assert_true(replay_commit(&r, ring, UINT64_MAX));
		assert_false(replay_check(&r, ring, UINT64_MAX));
		assert_false(replay_check(&r, ring, UINT64_MAX - steps[i]));
		assert_int_equal(replay_check(&r, ring, UINT64_MAX - 1), steps[i] != 1);
		/* What comes then is as old as it looks, and not the first of another round. */
		assert_int_equal(replay_infer(&r, 1), 1);
		assert_false(replay_check(&r, ring, replay_infer(&r, 1)));
	}
}

static void
window_zero_is_off(void **state)
{
	uint64_t *ring = malloc(replay_ring_octets(0));
	struct replay r;

	(void)state;
	replay_open(&r, ring, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(replay_commit(&r, ring, 7));
	assert_true(replay_commit(&r, ring, 1));
	assert_int_equal(r.top, 7);
	free(ring);
}

static void
sizes_are_clamped(void **state)
{
	(void)state;
	assert_int_equal(replay_window_clamp(0), 0);
	assert_int_equal(replay_window_clamp(1), 32);
	assert_int_equal(replay_window_clamp(32), 32);
	assert_int_equal(replay_window_clamp(1024), 1024);
	assert_int_equal(replay_window_clamp(UINT32_MAX), 65536);
	assert_int_equal(replay_ring_octets(1024), 128);
}

/* RFC 4303 appendix A2.2, literally, in the RFC's 32-bit variables. */
static uint64_t
appendix_a2(uint64_t top, uint32_t w, uint32_t seql)
{
	uint32_t tl = (uint32_t)top, th = (uint32_t)(top >> 32), seqh;

	if (tl >= w - 1)
		seqh = seql >= tl - w + 1 ? th : th + 1;
	else
		seqh = seql >= tl - w + 1 ? th - 1 : th;
	return (uint64_t)seqh << 32 | seql;
}

static void
inference_is_appendix_a2(void **state)
{
	uint64_t *ring = malloc(replay_ring_octets(1024));
	struct replay r;
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 4);
	replay_open(&r, ring, 1024);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t near = rng_below(&rng.rng, 3000);
		uint32_t low;

		r.top = ((1 + rng_below(&rng.rng, 5)) << 32) - 1500 + near;
		low = (uint32_t)(rng_below(&rng.rng, 2) ? rng_u32(&rng.rng) : r.top - 1500 + rng_below(&rng.rng, 3000));
		assert_true(replay_infer(&r, low) == appendix_a2(r.top, 1024, low));
	}
	/* Below the first subspace there is nothing: a large number is ahead. */
	r.top = 5;
	assert_true(replay_infer(&r, 0xfffffff0) == 0xfffffff0);
	free(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_equals_the_plain_model),
		cmocka_unit_test(largest_window_is_exact),
		cmocka_unit_test(the_last_numbers_of_all),
		cmocka_unit_test(window_zero_is_off),
		cmocka_unit_test(sizes_are_clamped),
		cmocka_unit_test(inference_is_appendix_a2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
