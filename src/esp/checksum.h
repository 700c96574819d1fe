/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CHECKSUM_H
#define SALLYPORT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The Internet checksum, RFC 1071. Sums are of 16-bit words in memory order
 * (section 2 (B): byte order does not matter as long as the result is stored as it was
 * loaded), in 64 bits, folded at the end.
 */

/* Adds @n octets, an odd last one padded with zero: only the last piece of a sum may be odd. */
uint64_t checksum_add(uint64_t sum, const void *p, size_t n);

/* The same for a header's @n octets, a multiple of four: a few additions where a call would cost more. */
static inline uint64_t
checksum_add_header(uint64_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 4) {
		uint32_t w;

		memcpy(&w, p + i, 4);
		sum += w;
	}
	return sum;
}

/* As checksum_add, while copying them to @to. */
uint64_t checksum_copy(uint64_t sum, void *to, const void *from, size_t n);

/* How both do it: the best that the CPU has. It has all ways up to that one, too. */
enum checksum_way { CHECKSUM_PLAIN, CHECKSUM_AVX2, CHECKSUM_AVX512 };
enum checksum_way checksum_best(void);
/* As checksum_copy, in a way of choice; @to NULL: adds only. */
uint64_t checksum_copy_by(enum checksum_way way, uint64_t sum, void *to, const void *from, size_t n);

/* One 16-bit value in host order, as it would stand in the packet. */
static inline uint64_t
checksum_add_u16(uint64_t sum, uint32_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };
	uint16_t w;

	memcpy(&w, b, 2);
	return sum + w;
}

/* The 16 bits of a sum, not complemented. */
static inline uint16_t
checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

/* Complements and stores; @udp: a zero is sent as all ones (RFC 768). */
static inline void
checksum_store(uint8_t *at, uint64_t sum, int udp)
{
	uint16_t v = (uint16_t)~checksum_fold(sum);

	if (udp && !v)
		v = UINT16_MAX;
	memcpy(at, &v, 2);
}

#endif
