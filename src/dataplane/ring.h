/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_RING_H
#define SALLYPORT_DATAPLANE_RING_H

#include <stdatomic.h>

#include "span.h"

/*
 * A bounded queue of records of any length between exactly one producer thread
 * and one consumer thread. No lock; a full ring refuses, it never grows.
 */
struct ring {
	uint8_t *at;
	size_t size;                      /* a power of two */
	_Alignas(64) _Atomic size_t head; /* octets ever written; moved by the producer */
	_Alignas(64) _Atomic size_t tail; /* octets ever read; moved by the consumer */
};

/* @size: a power of two. The memory is taken from the system as it is first used. False: none. */
bool ring_open(struct ring *r, size_t size);
void ring_close(struct ring *r);

/* Producer: one record made of @n parts. False, with nothing written, when it does not fit now. */
bool ring_push(struct ring *r, const struct span *parts, size_t n);

/*
 * Consumer: the oldest record, in place, until ring_pop. It is never broken by
 * the end of the ring, and starts at a multiple of 8. An empty span with p NULL: no record.
 */
struct span ring_peek(struct ring *r);
void ring_pop(struct ring *r);

/* Producer: how many records of at most @octets fit for certain. */
size_t ring_room(const struct ring *r, size_t octets);

static inline bool
ring_empty(struct ring *r)
{
	return atomic_load_explicit(&r->tail, memory_order_relaxed) == atomic_load_explicit(&r->head, memory_order_acquire);
}

#endif
