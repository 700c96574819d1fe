/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

uint32_t
rng_u32(struct rng *r)
{
	uint32_t v;

	rng_fill(r, &v, sizeof v);
	return v;
}

uint64_t
rng_below(struct rng *r, uint64_t bound)
{
	uint64_t v, limit;

	if (bound == 0)
		return 0;
	/* Values past the last whole multiple of bound would favour small results. */
	limit = UINT64_MAX - UINT64_MAX % bound;
	do {
		rng_fill(r, &v, sizeof v);
	} while (v >= limit);
	return v % bound;
}
