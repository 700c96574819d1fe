/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_STEER_H
#define SALLYPORT_STEER_H

#include "sad.h"

/*
 * Steering: which packets the kernel hands to our TUN device, and that nothing
 * protected ever leaves, or is accepted, in clear. nftables marks what a
 * selector covers, a rule routes the mark to the TUN device, and an unreachable
 * route stands behind it, so that a dead daemon leaks nothing.
 */
struct steer;

struct steer_options {
	const char *tun_name;
	unsigned tun_ifindex;
	uint32_t divert_mark, bypass_mark, mark_mask;
	uint32_t route_table;      /* also the priority base of the rules */
	uint16_t port, port_nat_t; /* of the daemon: outer packets of host-to-host tunnels pass */
	const char *state_dir;     /* where `flush` finds what to remove */
};

/* Takes over, or replaces, what an earlier process left. NULL with a sentence in @why. */
struct steer *steer_open(const struct steer_options *o, char *why, size_t why_size);
/* Removes everything (a clean shutdown); a killed process leaves the drops in place instead. */
void steer_close(struct steer *s);

bool steer_claim(struct steer *s, const struct claim *c, char *why, size_t why_size);
void steer_release(struct steer *s, uint32_t reqid);
/* Dropped in clear inbound, per claim; false when unknown. */
bool steer_dropped(struct steer *s, uint32_t reqid, uint64_t *packets);

/* `sallyport flush`: removes what a dead daemon left, without one running. */
bool steer_flush(const struct steer_options *o, char *why, size_t why_size);

/* The source address that the kernel would use towards @remote (daemon's own packets: with the bypass mark). */
bool steer_source_address(struct ip *out, const struct ip *remote, uint32_t bypass_mark);
/* Whether @a is configured on this machine. */
bool steer_is_local(const struct ip *a);

#endif
