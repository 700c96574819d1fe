/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_REPLAY_H
#define SALLYPORT_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The anti-replay window of RFC 4303 section 3.4.3. As in RFC 6479 it is a ring
 * that is never shifted: a sequence number always has the same bit, and moving
 * the window clears the bits that it moves over. It is exact: precisely the
 * @window highest numbers are judged by their bit. The ring lies apart, so that
 * what every packet needs shares a cache line with the rest of its SA.
 */
struct replay {
	uint64_t top;    /* highest sequence number accepted; 0: none yet */
	uint32_t window; /* packets; 0: off */
	uint32_t mask;   /* bits in the ring - 1 */
};

enum { REPLAY_WINDOW_MIN = 32, REPLAY_WINDOW_MAX = 65536 };

/* @window brought into what we support: 0 stays 0, else REPLAY_WINDOW_MIN..MAX. */
uint32_t replay_window_clamp(uint32_t window);
/* Octets of the ring of this (clamped) window, a multiple of 8. */
size_t replay_ring_octets(uint32_t window);
/* The same of an open window. */
static inline size_t
replay_ring_octets_of(const struct replay *r)
{
	return (r->mask + 1) / 8;
}

/* @ring has replay_ring_octets(window) octets, and is the one of every later call for @r. */
void replay_open(struct replay *r, uint64_t *ring, uint32_t window);

/* Where in the ring the bit of a number is that ends in these 32 bits. */
static inline uint32_t
replay_word(const struct replay *r, uint32_t seq_low)
{
	return (seq_low & r->mask) / 64;
}

/*
 * The 64-bit number behind the 32 bits of a packet, RFC 4303 appendix A2.2. A
 * window of 0 still needs one for ESN: it is inferred as if it were 2^31 wide.
 */
uint64_t replay_infer(const struct replay *r, uint32_t seq_low);

/* Whether @seq may be new: not 0, not left of the window, not seen. Changes nothing. */
bool replay_check(const struct replay *r, const uint64_t *ring, uint64_t seq);

/* Checks once more and marks @seq as seen. Only for a packet whose ICV held. False: it was seen in between. */
bool replay_commit(struct replay *r, uint64_t *ring, uint64_t seq);

#endif
