/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_COUNTER_H
#define SALLYPORT_COUNTER_H

#include <stdint.h>

/*
 * Counters that one thread writes and any may read. The owner pays no more than for
 * an addition: nothing is locked and nothing ordered, only never is half a value seen.
 */
static inline void
counter_set(uint64_t *c, uint64_t value)
{
	__atomic_store_n(c, value, __ATOMIC_RELAXED);
}

static inline void
counter_add(uint64_t *c, uint64_t n)
{
	counter_set(c, *c + n);
}

static inline uint64_t
counter_read(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

#endif
