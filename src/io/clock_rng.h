/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CLOCK_RNG_H
#define SALLYPORT_CLOCK_RNG_H

#include "instant.h"
#include "rng.h"

/* What the daemon hands to the pure core: the machine's clock and the kernel's generator. */

/* CLOCK_BOOTTIME: monotonic, and goes on while the machine sleeps. */
instant_t clock_boottime(void);

/*
 * getrandom(2). A shared instance without state; never freed. A kernel that
 * refuses ends the process: going on without randomness would be worse.
 */
struct rng *rng_kernel(void);

#endif
