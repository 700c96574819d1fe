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
 * @window highest numbers are judged by their bit.
 */
struct replay {
	uint64_t top;    /* highest sequence number accepted; 0: none yet */
	uint32_t window; /* packets; 0: off */
	uint32_t mask;   /* bits in the ring - 1 */
	uint64_t word[];
};

enum { REPLAY_WINDOW_MIN = 32, REPLAY_WINDOW_MAX = 65536 };

/* @window brought into what we support: 0 stays 0, else REPLAY_WINDOW_MIN..MAX. */
uint32_t replay_window_clamp(uint32_t window);
/* Octets of a struct replay for this (clamped) window. */
size_t replay_octets(uint32_t window);
/* The same of an open window. */
static inline size_t
replay_octets_of(const struct replay *r)
{
	return sizeof *r + (r->mask + 1) / 8;
}

/* @r points to replay_octets(window) octets. */
void replay_open(struct replay *r, uint32_t window);

/*
 * The 64-bit number behind the 32 bits of a packet, RFC 4303 appendix A2.2. A
 * window of 0 still needs one for ESN: it is inferred as if it were 2^31 wide.
 */
uint64_t replay_infer(const struct replay *r, uint32_t seq_low);

/* Whether @seq may be new: not 0, not left of the window, not seen. Changes nothing. */
bool replay_check(const struct replay *r, uint64_t seq);

/* Checks once more and marks @seq as seen. Only for a packet whose ICV held. False: it was seen in between. */
bool replay_commit(struct replay *r, uint64_t seq);

#endif
