/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TIMER_H
#define SALLYPORT_TIMER_H

#include <stdbool.h>
#include <stddef.h>

#include "instant.h"

/*
 * One deadline inside its owner. All of them stand in one binary heap, so that
 * the next one is known at once and 100,000 SAs cost log n to arm. An all-zero
 * timer is not armed.
 */
enum timer_owner { TIMER_IKE_SA = 1, TIMER_CHILD_SA, TIMER_EXCHANGE, TIMER_PENDING };

struct timer {
	instant_t at;
	uint32_t slot; /* place in the heap plus one; 0: not armed */
	uint8_t owner; /* enum timer_owner */
};

struct timers {
	struct timer **heap;
	size_t n, cap;
};

/*
 * Arms, moves, or (INSTANT_NEVER) stops a timer. The heap reserves room when an
 * owner is made (timers_reserve), so arming never fails.
 */
void timer_set(struct timers *ts, struct timer *t, instant_t at);
void timer_stop(struct timers *ts, struct timer *t);
/* Room for @more timers that are not armed yet. False when out of memory. */
bool timers_reserve(struct timers *ts, size_t n_owners);
/* The earliest, or NULL. */
struct timer *timers_first(const struct timers *ts);
void timers_close(struct timers *ts);

#endif
