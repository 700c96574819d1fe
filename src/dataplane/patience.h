/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_PATIENCE_H
#define SALLYPORT_DATAPLANE_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "instant.h"

/*
 * Whether a worker that has nothing left to do lets others run (sched_yield) and looks again before it sleeps. It is worth
 * it where little is moved at a time: there whoever feeds the worker waits for it in turn, often on the same CPU, and to
 * sleep and be woken costs more than the packets. It is not where much is moved at a time (what comes meanwhile fills the
 * next turn), nor beside a program that computes: that keeps the CPU for a whole time slice, and a sleeper would be
 * woken before that.
 */
struct patience {
	size_t average;  /* octets moved in a turn, of about the last 16 */
	unsigned looks;  /* in vain since the last turn */
	instant_t since; /* no yielding before */
	instant_t pause; /* the last pause */
};

/* The octets that one turn moved. */
void patience_moved(struct patience *p, size_t octets);

/* Whether much is moved at a time. */
bool patience_sees_large_turns(const struct patience *p);

/* True: yield and look again; false: sleep. */
bool patience_yields(struct patience *p, instant_t now);

/*
 * A yield lasted from @from to @to: a long one is not repeated for sixteen times as long, and where none in between was
 * short for twice as long as the last time; at most for a second.
 */
void patience_yielded(struct patience *p, instant_t from, instant_t to);

#endif
