/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_FAILING_MEMORY_H
#define SALLYPORT_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The end of memory, at one allocation of our own: what libraries of the system
 * allocate for themselves is not counted. A program that depends on
 * failing_memory_dep has its malloc, calloc, realloc and strdup wrapped.
 */
struct failing_memory {
	bool armed;             /* allocations are counted now */
	unsigned long count;    /* so many were, since the test set it to 0 */
	unsigned long fails_at; /* the one that fails, from 1; 0: none does */
};

extern struct failing_memory failing_memory;

/* From now on each is counted, from 1, and the @nth fails. */
void failing_memory_begin(unsigned long nth);
/* Nothing fails any more; how many there were. */
unsigned long failing_memory_end(void);

#endif
