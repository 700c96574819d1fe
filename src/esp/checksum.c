/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

/*
 * Four sums of 32-bit words that do not depend on each other: the compiler
 * makes vector code of it.
 */
enum { STRIDE = 64, WORDS = STRIDE / 4 };

static uint64_t
add_tail(uint64_t sum, const uint8_t *p, size_t n)
{
	uint32_t w;
	uint16_t h;

	for (; n >= 4; p += 4, n -= 4) {
		memcpy(&w, p, 4);
		sum += w;
	}
	if (n >= 2) {
		memcpy(&h, p, 2);
		sum += h;
		p += 2;
		n -= 2;
	}
	if (n) {
		uint8_t last[2] = { *p, 0 };

		memcpy(&h, last, 2);
		sum += h;
	}
	return sum;
}

/* Keeps a running sum from overflowing, however often it is added to. */
static uint64_t
settle(uint64_t sum)
{
	return (sum & UINT32_MAX) + (sum >> 32);
}

uint64_t
checksum_add(uint64_t sum, const void *from, size_t n)
{
	const uint8_t *p = from;
	uint64_t lane[WORDS] = { 0 };

	for (; n >= STRIDE; p += STRIDE, n -= STRIDE) {
		uint32_t w[WORDS];

		memcpy(w, p, STRIDE);
		for (size_t i = 0; i < WORDS; i++)
			lane[i] += w[i];
	}
	sum = settle(sum);
	for (size_t i = 0; i < WORDS; i++)
		sum += settle(lane[i]);
	return add_tail(sum, p, n);
}

uint64_t
checksum_copy(uint64_t sum, void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return checksum_add(sum, to, n);
}
