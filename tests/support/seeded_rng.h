/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_SEEDED_RNG_H
#define SALLYPORT_TEST_SEEDED_RNG_H

#include "rng.h"

/* The generator of tests and simulations: the same seed, the same octets. Linked by no shipped program. */
struct seeded_rng {
	struct rng rng;
	uint64_t state;
};

void seeded_rng_open(struct seeded_rng *r, uint64_t seed);

#endif
