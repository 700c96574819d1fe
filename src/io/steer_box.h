/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_STEER_BOX_H
#define SALLYPORT_STEER_BOX_H

#include "netlink.h"
#include "selector.h"

/*
 * A selector pair as nftables can look it up: a box in the space of source,
 * destination, protocol and ports. Pure.
 */
enum box_kind {
	BOX_ADDRESSES, /* any protocol: also what has no readable header */
	BOX_PROTOCOL,  /* one protocol, any ports: also fragments */
	BOX_PORTS,     /* one protocol with ports, or ICMP with message types */
	BOX_KINDS,
};

struct box {
	uint8_t kind; /* enum box_kind */
	uint8_t proto;
	struct ip src_lo, src_hi, dst_lo, dst_hi; /* outbound: source = local */
	struct port_range sport, dport;           /* ICMP: type << 8 | code is where sport is; dport is any */
};

enum {
	BOXES_MAX = 5,      /* of one pair: ports without a protocol mean every protocol that has ports */
	PREFIXES_MAX = 254, /* of one range: 2 * 128 - 2 */
};

/*
 * The boxes of @ts; 0 when nothing can match: families or protocols differ, ports OPAQUE (no
 * packet is without ports, since fragments are put together before they are judged).
 */
size_t box_from_pair(struct box out[BOXES_MAX], const struct selector_pair *ts);
bool box_overlaps(const struct box *a, const struct box *b);
bool box_equal(const struct box *a, const struct box *b);
bool box_is_icmp(const struct box *b);
/* How narrow it is: larger is narrower; below 100000. */
uint32_t box_specificity(const struct box *b);
/* Which packets a rule for the box is about. */
struct netlink_shape box_shape(const struct box *b);

/* The fewest prefixes that make up [lo, hi]. Returns how many. */
size_t prefixes_of_range(struct prefix out[PREFIXES_MAX], const struct ip *lo, const struct ip *hi);

#endif
