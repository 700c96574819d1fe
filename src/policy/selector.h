/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SELECTOR_H
#define SALLYPORT_SELECTOR_H

#include "addr.h"

/*
 * One side of a traffic selector, RFC 4301 section 4.4.1.1: an address range,
 * a protocol and a port range. For ICMP the port range holds type << 8 | code.
 */
struct selector {
	struct ip lo, hi; /* inclusive; lo.family IP_NONE: "dynamic", not yet known */
	uint8_t proto;    /* 0: any */
	uint16_t port_lo; /* 0 .. 65535: any; 65535 .. 0: OPAQUE */
	uint16_t port_hi;
};

/* What one IPsec SA pair carries, seen from this end. */
struct selector_pair {
	struct selector local, remote;
};

/* The fields of a packet that selectors look at. */
struct flow {
	struct ip src, dst;
	uint8_t proto;
	bool ports_known; /* false: a later fragment, or a protocol without ports */
	uint16_t sport, dport;
};

enum { SELECTOR_TEXT_MAX = 2 * IP_TEXT_MAX + 32 };

struct selector selector_from_prefix(const struct ip *a, unsigned prefix_bits, uint8_t proto, uint16_t port_lo, uint16_t port_hi);
struct selector selector_host(const struct ip *a);

bool selector_equal(const struct selector *a, const struct selector *b);
bool selector_pair_equal(const struct selector_pair *a, const struct selector_pair *b);
/* True when everything in @inner is in @outer. */
bool selector_contains(const struct selector *outer, const struct selector *inner);
/* The common part in @out; false when there is none. */
bool selector_intersect(struct selector *out, const struct selector *a, const struct selector *b);

/* Whether it is "dynamic": the address of an end, to be known only later. */
static inline bool
selector_is_dynamic(const struct selector *s)
{
	return s->lo.family == IP_NONE;
}
bool selectors_any_dynamic(const struct selector *s, size_t n);
/* Whether it names ports, ICMP types or the like, which later fragments do not show: RFC 4301 section 7, "non-trivial". */
bool selector_has_ports(const struct selector *s);
/* @s with "dynamic" replaced by the single address @a; other selectors unchanged. */
struct selector selector_resolve(const struct selector *s, const struct ip *a);

/* Whether an outgoing packet (source = local) is within the pair; swap the flow's ends for incoming. */
bool selector_pair_admits(const struct selector_pair *p, const struct flow *f);
/*
 * Whether a host speaks there about the link itself: MLD (RFC 2710, RFC 3810) or a router solicitation (RFC 4861 section 4.1), from
 * no address or a link-local one to a link-local group. None of it ever leaves the link that it is sent on.
 */
bool flow_is_about_the_link(const struct flow *f);
struct flow flow_reversed(const struct flow *f);

/* Reads the selector fields of an IPv4 or IPv6 packet. False: not a packet we can judge. */
bool flow_from_packet(struct flow *out, struct span packet);

/*
 * strongSwan's form: "10.1.0.0/16", "10.1.0.0/16[tcp/80]", "10.1.0.1..10.1.0.9",
 * "dynamic", "10.1.0.1/32[icmp/3(1)]", "[udp/OPAQUE]". selector_parse() reads it back. Returns @out.
 */
const char *selector_format(char out[SELECTOR_TEXT_MAX], const struct selector *s);

/*
 * swanctl's form: "10.1.0.0/16", "10.1.0.5", "10.1.0.1-10.1.0.9", "dynamic",
 * each with "[proto/port]" ("[tcp/http]", "[udp]", "[6/1000-2000]", "[/53]", "[udp/opaque]").
 * Of ICMP, "[icmp/8]" is type 8 code 0, and numbers from 256 are type * 256 + code.
 * False, with a sentence about what is allowed in *why, when it is none.
 */
bool selector_parse(struct selector *out, struct span text, const char **why);

#endif
