/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

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

static uint64_t
add_anywhere(uint64_t sum, const uint8_t *p, size_t n)
{
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

#ifdef __x86_64__
/* The same with vectors: checksums are the largest cost of a tunnel after copies and cipher. @to NULL: adds only. */
typedef uint64_t lanes __attribute__((vector_size(32), aligned(1), may_alias));

__attribute__((target("avx2"))) static uint64_t
add_avx2(uint64_t sum, uint8_t *to, const uint8_t *p, size_t n)
{
	lanes a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	for (; n >= STRIDE; p += STRIDE, n -= STRIDE) {
		lanes x = *(const lanes *)p, y = *(const lanes *)(p + sizeof x);

		if (to) {
			*(lanes *)to = x;
			*(lanes *)(to + sizeof x) = y;
			to += STRIDE;
		}
		a += x & UINT32_MAX;
		b += x >> 32;
		c += y & UINT32_MAX;
		d += y >> 32;
	}
	a += b + c + d;
	if (to)
		memcpy(to, p, n);
	return add_tail(settle(sum) + settle(a[0]) + settle(a[1]) + settle(a[2]) + settle(a[3]), p, n);
}

/* A mask stands for the tail: what it leaves out is neither read nor counted. */
__attribute__((target("avx512f,avx512bw"))) static uint64_t
add_avx512(uint64_t sum, uint8_t *to, const uint8_t *p, size_t n)
{
	const __m512i low = _mm512_set1_epi64(UINT32_MAX);
	__m512i a = _mm512_setzero_si512(), b = a, x;

	for (; n >= STRIDE; p += STRIDE, n -= STRIDE) {
		x = _mm512_loadu_si512(p);
		if (to) {
			_mm512_storeu_si512(to, x);
			to += STRIDE;
		}
		a = _mm512_add_epi64(a, _mm512_and_si512(x, low));
		b = _mm512_add_epi64(b, _mm512_srli_epi64(x, 32));
	}
	if (n) {
		x = _mm512_maskz_loadu_epi8(UINT64_MAX >> (STRIDE - n), p);
		if (to)
			memcpy(to, p, n);
		a = _mm512_add_epi64(a, _mm512_and_si512(x, low));
		b = _mm512_add_epi64(b, _mm512_srli_epi64(x, 32));
	}
	return settle(sum) + (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(a, b));
}

enum checksum_way
checksum_best(void)
{
	return __builtin_cpu_supports("avx512bw") ? CHECKSUM_AVX512
	       : __builtin_cpu_supports("avx2")   ? CHECKSUM_AVX2
	                                          : CHECKSUM_PLAIN;
}
#else
enum checksum_way
checksum_best(void)
{
	return CHECKSUM_PLAIN;
}
#endif

static inline uint64_t
add(enum checksum_way way, uint64_t sum, uint8_t *to, const uint8_t *p, size_t n)
{
#ifdef __x86_64__
	if (way == CHECKSUM_AVX512)
		return add_avx512(sum, to, p, n);
	if (way == CHECKSUM_AVX2)
		return add_avx2(sum, to, p, n);
#endif
	(void)way;
	if (to)
		memcpy(to, p, n);
	return add_anywhere(sum, p, n);
}

uint64_t
checksum_add(uint64_t sum, const void *from, size_t n)
{
	return add(checksum_best(), sum, NULL, from, n);
}

uint64_t
checksum_copy(uint64_t sum, void *to, const void *from, size_t n)
{
	return add(checksum_best(), sum, to, from, n);
}

uint64_t
checksum_copy_by(enum checksum_way way, uint64_t sum, void *to, const void *from, size_t n)
{
	return add(way, sum, to, from, n);
}
