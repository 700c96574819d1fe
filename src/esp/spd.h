/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SPD_H
#define SALLYPORT_SPD_H

#include "selector.h"

/*
 * The Security Policy Database for outbound packets, RFC 4301 section 4.4.1: which policy
 * claims a packet. Tuple-space search: one hash table lookup per combination of prefix
 * lengths in use, so the time does not grow with the number of selectors.
 */
struct spd;

enum { SPD_NONE = 0 };

/* @k0, @k1: random hash key. NULL when out of memory. */
struct spd *spd_new(uint64_t k0, uint64_t k1);
void spd_free(struct spd *s);

/*
 * spd_add - packets from @ts->local to @ts->remote belong to @policy (not SPD_NONE).
 *
 * @priority  smaller wins; 0: by how specific the selectors are (all explicit
 *            priorities come before these, as with strongSwan, whose computed ones start high)
 * Among equals the more specific wins (address bits, then protocol, then
 * ports), then the one added first. Dynamic selectors are refused.
 * False: refused, or no memory; unchanged then.
 */
bool spd_add(struct spd *s, const struct selector_pair *ts, uint32_t priority, uint32_t policy);
/* Removes all selectors of @policy. */
void spd_remove(struct spd *s, uint32_t policy);
/* The policy of a packet on its way out, or SPD_NONE. */
uint32_t spd_lookup(const struct spd *s, const struct flow *f);
/*
 * The policy that protects an incoming packet that arrived in clear (its flow
 * as in the packet): RFC 4301 section 5.2. The ends are swapped, then as spd_lookup.
 */
uint32_t spd_lookup_inbound(const struct spd *s, const struct flow *f);
size_t spd_count(const struct spd *s);

#endif
