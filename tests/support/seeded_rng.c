/* SPDX-License-Identifier: Apache-2.0 */
#include "seeded_rng.h"

#include <string.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t
next(struct seeded_rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void
fill(struct rng *self, void *out, size_t n)
{
	struct seeded_rng *r = (struct seeded_rng *)self;
	uint8_t *p = out;

	while (n) {
		uint64_t v = next(r);
		size_t k = n < sizeof v ? n : sizeof v;

		memcpy(p, &v, k);
		p += k;
		n -= k;
	}
}

void
seeded_rng_open(struct seeded_rng *r, uint64_t seed)
{
	*r = (struct seeded_rng){ .rng = { .fill = fill }, .state = seed };
}
