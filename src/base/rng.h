/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RNG_H
#define SALLYPORT_RNG_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where random octets come from. The daemon hands in the kernel's generator;
 * tests hand in a seeded one, which no shipped program links.
 */
struct rng {
	void (*fill)(struct rng *self, void *out, size_t n);
};

static inline void
rng_fill(struct rng *r, void *out, size_t n)
{
	r->fill(r, out, n);
}

uint32_t rng_u32(struct rng *r);

/* Uniform in [0, bound); 0 for bound 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);

#endif
