/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_TUN_STEER_H
#define SALLYPORT_DATAPLANE_TUN_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

/*
 * Which queue of the TUN device a packet comes to. By itself the kernel follows
 * replies, so a flow without any stays where its hash put it. Here a program in the
 * kernel looks its addresses up in a table that the workers share with it: who
 * hands a packet over writes down whose its addresses are.
 */
struct tun_steer {
	uint64_t *queue; /* TUN_STEER_BUCKETS; NULL: left to the kernel */
};

enum { TUN_STEER_BITS = 12, TUN_STEER_BUCKETS = 1 << TUN_STEER_BITS };

/* Attaches to the device behind @tun_fd, which has @queues queues. False where the kernel has none of that, or forbids it. */
bool tun_steer_open(struct tun_steer *s, int tun_fd, unsigned queues);
void tun_steer_close(struct tun_steer *s);

/* The bucket of a packet, as the program computes it; at least an IP header's octets. */
uint32_t tun_steer_bucket(struct span packet);

/* From now on packets of this bucket come to @queue. From any worker; what it handed over before is seen before. */
static inline void
tun_steer_teach(const struct tun_steer *s, uint32_t bucket, unsigned queue)
{
	if (s->queue)
		__atomic_store_n(&s->queue[bucket], (uint64_t)queue, __ATOMIC_RELEASE);
}

#endif
