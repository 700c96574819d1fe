/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE_CLEAR_GATE_H
#define SALLYPORT_IKE_CLEAR_GATE_H

#include "addr.h"
#include "instant.h"

/*
 * What is said in clear to somebody who has proven nothing, and could be anybody's forged address: docs/adr/0030. Buckets
 * that fill with time; each is the moment at which it will be empty, so that a gate is as large as its table.
 */
enum {
	CLEAR_TOTAL_A_SECOND = 64,
	CLEAR_TOTAL_BURST = 64,
	CLEAR_SOURCE_A_SECOND = 4,
	CLEAR_SOURCE_BURST = 8,
	CLEAR_SOURCES = 1024, /* by a keyed hash: who shares a place shares its bucket */
};

struct clear_gate {
	instant_t total, source[CLEAR_SOURCES];
};

/* One more to @to now; an IPv6 source is its /64. @k0, @k1: a random hash key. */
bool clear_gate_source(struct clear_gate *g, instant_t now, const struct ip *to, uint64_t k0, uint64_t k1);
/* The same, and one more in all. */
bool clear_gate_total(struct clear_gate *g, instant_t now, const struct ip *to, uint64_t k0, uint64_t k1);

#endif
