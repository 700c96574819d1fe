/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_STEER_H
#define SALLYPORT_STEER_H

#include "sad.h"

/*
 * Steering: which packets the kernel hands to our TUN device, and that nothing
 * protected ever leaves, or is accepted, in clear. nftables marks what a
 * selector covers, a rule routes the mark to the TUN device, and an unreachable
 * route stands behind it, so that a dead daemon leaks nothing.
 * docs/adr/0005-steering.md says why it is done this way.
 */
struct steer;

/*
 * Used where the options leave a field 0. Two instances in one network namespace need marks of their own, and route
 * tables 1000 apart.
 */
enum {
	STEER_ROUTE_TABLE = 4301,
	STEER_DIVERT_MARK = 0x1000000,
	STEER_BYPASS_MARK = 0x2000000,
	STEER_MARK_MASK = 0x3000000,
};

struct steer_options {
	const char *tun_name;
	unsigned tun_ifindex;
	uint32_t divert_mark, bypass_mark, mark_mask; /* one bit each, and both: all others are the administrator's */
	uint32_t route_table;      /* also the priority of the rule that diverts, and part of the nftables table's name */
	uint16_t port, port_nat_t; /* of the daemon: outer packets of host-to-host tunnels pass */
	const char *state_dir;     /* where `flush` finds what to remove; NULL: the defaults say it */
};

/*
 * Takes over what an earlier process left: its claims stay in force beside the
 * new ones until steer_settled(). The TUN device exists. NULL with a sentence in @why.
 */
struct steer *steer_open(const struct steer_options *o, char *why, size_t why_size);
/*
 * The first configuration is loaded: what an earlier process claimed and this
 * one did not is given back. A daemon that never calls this keeps the old claims.
 */
void steer_settled(struct steer *s);
/*
 * Removes everything (a clean shutdown); a killed process leaves the drops in place instead. Before steer_settled() what an
 * earlier process left stays: a daemon that cannot read its configuration must not open what was closed. NULL is allowed.
 */
void steer_close(struct steer *s);
/*
 * The end after a failure, or with traps in force: as if killed, so that drops and unreachable routes stay until a daemon
 * is back, or `flush`. NULL is allowed.
 */
void steer_abandon(struct steer *s);

/*
 * Adds, or replaces as one change, the claim of c->reqid; in force on return.
 * "dynamic" selectors stand for c->local and c->remote. False with a sentence in
 * @why: what was in force before still is, and where nothing was, plain rules drop what it would have covered until it is
 * claimed or released. Where the TUN device cannot be reached by IPv6 the claim itself is in force: it drops as well.
 */
bool steer_claim(struct steer *s, const struct claim *c, char *why, size_t why_size);
/* Unknown reqids are ignored. */
void steer_release(struct steer *s, uint32_t reqid);
/* Whether the claim of @reqid is a trap: it holds from load until `down` or unload, beyond the process. */
bool steer_is_trap(const struct steer *s, uint32_t reqid);
/* How many claims are in force. */
size_t steer_claims(const struct steer *s);
/* Dropped in clear inbound, per claim; false when unknown. */
bool steer_dropped(struct steer *s, uint32_t reqid, uint64_t *packets);

/*
 * Readable when addresses, links, rules or nftables changed; steer_event() then
 * looks at them and puts right what concerns us: another inner source address, the TUN
 * device back up, rules or nftables table removed by somebody else. Returns whether this machine's addresses are others
 * than before.
 */
int steer_fd(const struct steer *s);
bool steer_event(struct steer *s);

/* `sallyport flush`: removes what a dead daemon left, without one running. True also when nothing was there: @found says. */
bool steer_flush(const struct steer_options *o, bool *found, char *why, size_t why_size);

/* The source address that the kernel would use towards @remote (daemon's own packets: with the bypass mark). */
bool steer_source_address(struct ip *out, const struct ip *remote, uint32_t bypass_mark);
/* Whether @a is configured on this machine. */
bool steer_is_local(const struct ip *a);

#endif
