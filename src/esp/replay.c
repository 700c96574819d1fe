/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <string.h>

enum { WORD_BITS = 64 };

static const uint32_t inferring_window = UINT32_C(1) << 31;

uint32_t
replay_window_clamp(uint32_t window)
{
	/* RFC 4303 section 3.4.3: "A minimum window size of 32 packets MUST be supported". */
	return window == 0                  ? 0
	       : window < REPLAY_WINDOW_MIN ? REPLAY_WINDOW_MIN
	       : window > REPLAY_WINDOW_MAX ? REPLAY_WINDOW_MAX
	                                    : window;
}

static uint32_t
ring_bits(uint32_t window)
{
	uint32_t bits = WORD_BITS;

	while (bits < window)
		bits *= 2;
	return bits;
}

size_t
replay_ring_octets(uint32_t window)
{
	return ring_bits(window) / 8;
}

void
replay_open(struct replay *r, uint64_t *ring, uint32_t window)
{
	memset(ring, 0, replay_ring_octets(window));
	*r = (struct replay) { .window = window, .mask = ring_bits(window) - 1 };
}

uint64_t
replay_infer(const struct replay *r, uint32_t seq_low)
{
	uint32_t w = r->window ? r->window : inferring_window;
	uint32_t top_low = (uint32_t)r->top, bottom_low = top_low - w + 1;
	uint64_t high = r->top >> 32;

	if (top_low >= w - 1) /* case A: the window is within one subspace */
		high += seq_low < bottom_low;
	else if (seq_low >= bottom_low && high > 0) /* case B: it spans two; below the first there is none */
		high--;
	return high << 32 | seq_low;
}

static uint64_t
bit_of(uint64_t seq)
{
	return UINT64_C(1) << (seq % WORD_BITS);
}

bool
replay_check(const struct replay *r, const uint64_t *ring, uint64_t seq)
{
	if (!r->window)
		return true;
	if (seq == 0)
		return false;
	if (seq > r->top)
		return true;
	if (r->top - seq >= r->window)
		return false;
	return !(ring[replay_word(r, (uint32_t)seq)] & bit_of(seq));
}

/* Forgets the numbers whose bits top+1 .. seq take over. */
static void
advance(const struct replay *r, uint64_t *ring, uint64_t seq)
{
	uint64_t from = r->top + 1, left = seq - r->top;

	if (seq - r->top > r->mask) {
		memset(ring, 0, replay_ring_octets_of(r));
		return;
	}
	/* Counted, not compared: the number behind the last one of all is 0. */
	while (left) {
		uint64_t in_word = from % WORD_BITS;
		uint64_t n = left < WORD_BITS - in_word ? left : WORD_BITS - in_word;
		uint64_t ones = n == WORD_BITS ? UINT64_MAX : (UINT64_C(1) << n) - 1;

		ring[replay_word(r, (uint32_t)from)] &= ~(ones << in_word);
		from += n;
		left -= n;
	}
}

bool
replay_commit(struct replay *r, uint64_t *ring, uint64_t seq)
{
	if (!replay_check(r, ring, seq))
		return false;
	if (seq > r->top) {
		/* In order, the usual case: one bit, which is set below, of a number long out of the window. */
		if (seq != r->top + 1 && r->window)
			advance(r, ring, seq);
		r->top = seq;
	}
	if (r->window)
		ring[replay_word(r, (uint32_t)seq)] |= bit_of(seq);
	return true;
}
