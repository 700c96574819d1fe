/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_INSTANT_H
#define SALLYPORT_INSTANT_H

#include <stdint.h>

/*
 * Monotonic nanoseconds that count while the machine sleeps (CLOCK_BOOTTIME in
 * the daemon, simulated in tests). The core never reads a clock: time is an
 * argument.
 */
typedef int64_t instant_t;

#define INSTANT_NEVER INT64_MAX

#define MICROSECONDS(n) ((instant_t)(n) * 1000)
#define MILLISECONDS(n) ((instant_t)(n) * 1000000)
#define SECONDS(n)      ((instant_t)(n) * 1000000000)

static inline instant_t
instant_min(instant_t a, instant_t b)
{
	return a < b ? a : b;
}

#endif
