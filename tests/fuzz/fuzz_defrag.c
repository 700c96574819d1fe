/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any packets, a length octet in front of each: what waits stays within its bounds,
 * and what becomes whole is a packet that is no fragment any more and counts its own octets.
 */
#include "defrag.h"
#include "fuzz.h"

static void
check_whole(struct defrag *d, struct span whole)
{
	uint64_t lost = 0;
	size_t says = whole.p[0] >> 4 == 4 ? get_be16(whole.p + 2) : 40u + get_be16(whole.p + 4);

	fuzz_require(says == whole.n && whole.n <= DEFRAG_DATAGRAM_OCTETS_MAX);
	fuzz_require(defrag_take(d, &whole, 0, &lost) == DEFRAG_NONE && lost == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct defrag *d = defrag_new();
	uint64_t lost = 0, taken = 0;
	instant_t now = 0;

	fuzz_require(d);
	while (n >= 2) {
		size_t octets = data[0] < n - 1 ? data[0] : n - 1;
		uint8_t *p = malloc(octets ? octets : 1); /* of exactly this length, so that a reader beyond it is seen */
		struct span s = span_of(p, octets);
		enum defrag_result r;

		fuzz_require(p);
		for (size_t i = 0; i < octets; i++)
			p[i] = data[1 + i];
		r = defrag_take(d, &s, now, &lost);
		taken += r != DEFRAG_NONE;
		now += octets & 1 ? SECONDS(1) : 0;
		fuzz_require(lost <= taken && defrag_octets(d) <= DEFRAG_OCTETS_MAX);
		if (r == DEFRAG_WHOLE)
			check_whole(d, s);
		free(p);
		data += 1 + octets;
		n -= 1 + octets;
	}
	defrag_free(d);
	return 0;
}
