/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CLOCK_RNG_H
#define SALLYPORT_CLOCK_RNG_H

#include "instant.h"
#include "rng.h"

/* CLOCK_BOOTTIME: monotonic, and it counts while the machine sleeps. */
instant_t clock_now(void);

/* The kernel's random numbers (getrandom); ends the program where there are none. */
struct rng *system_rng(void);

#endif
