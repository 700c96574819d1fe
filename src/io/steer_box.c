/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_box.h"

#include <netinet/in.h>

static const struct port_range any_port = { 0, UINT16_MAX };

static bool
is_any(struct port_range r)
{
	return r.lo == 0 && r.hi == UINT16_MAX;
}

static bool
is_opaque(const struct selector *s)
{
	return s->port_lo > s->port_hi;
}

bool
box_is_icmp(const struct box *b)
{
	return b->proto == IPPROTO_ICMP || b->proto == IPPROTO_ICMPV6;
}

/* Both ends' selectors look at the same type and code. False: they have none in common. */
static bool
join_icmp(struct box *b)
{
	if (b->dport.lo > b->sport.lo)
		b->sport.lo = b->dport.lo;
	if (b->dport.hi < b->sport.hi)
		b->sport.hi = b->dport.hi;
	b->dport = any_port;
	return b->sport.lo <= b->sport.hi;
}

static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_DCCP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

size_t
box_from_pair(struct box out[BOXES_MAX], const struct selector_pair *ts)
{
	static const uint8_t with_ports[BOXES_MAX] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE };
	const struct selector *l = &ts->local, *r = &ts->remote;
	struct box b = { .proto = l->proto ? l->proto : r->proto,
		         .src_lo = l->lo,
		         .src_hi = l->hi,
		         .dst_lo = r->lo,
		         .dst_hi = r->hi,
		         .sport = { l->port_lo, l->port_hi },
		         .dport = { r->port_lo, r->port_hi } };

	if (l->lo.family != r->lo.family || l->lo.family == IP_NONE || is_opaque(l) || is_opaque(r))
		return 0;
	if (l->proto && r->proto && l->proto != r->proto)
		return 0;
	if (is_any(b.sport) && is_any(b.dport)) {
		b.kind = b.proto ? BOX_PROTOCOL : BOX_ADDRESSES;
		out[0] = b;
		return 1;
	}
	b.kind = BOX_PORTS;
	for (size_t i = 0; i < BOXES_MAX; i++) {
		out[i] = b;
		out[i].proto = with_ports[i];
	}
	if (b.proto == 0)
		return BOXES_MAX;
	/* A port of a protocol without ports is never there. */
	if (!has_ports(b.proto) || (box_is_icmp(&b) && !join_icmp(&b)))
		return 0;
	out[0] = b;
	return 1;
}

static bool
ranges_overlap(const struct ip *a_lo, const struct ip *a_hi, const struct ip *b_lo, const struct ip *b_hi)
{
	return ip_compare(a_lo, b_hi) <= 0 && ip_compare(b_lo, a_hi) <= 0;
}

static bool
ports_overlap(struct port_range a, struct port_range b)
{
	return a.lo <= b.hi && b.lo <= a.hi;
}

bool
box_overlaps(const struct box *a, const struct box *b)
{
	if (a->dst_lo.family != b->dst_lo.family || !ranges_overlap(&a->dst_lo, &a->dst_hi, &b->dst_lo, &b->dst_hi))
		return false;
	if (!ranges_overlap(&a->src_lo, &a->src_hi, &b->src_lo, &b->src_hi))
		return false;
	return !a->proto || !b->proto ||
	       (a->proto == b->proto && ports_overlap(a->sport, b->sport) && ports_overlap(a->dport, b->dport));
}

bool
box_equal(const struct box *a, const struct box *b)
{
	return a->kind == b->kind && a->proto == b->proto && ip_equal(&a->src_lo, &b->src_lo) &&
	       ip_equal(&a->src_hi, &b->src_hi) && ip_equal(&a->dst_lo, &b->dst_lo) && ip_equal(&a->dst_hi, &b->dst_hi) &&
	       a->sport.lo == b->sport.lo && a->sport.hi == b->sport.hi && a->dport.lo == b->dport.lo &&
	       a->dport.hi == b->dport.hi;
}

/* Leading bits that all addresses of the range share. */
static unsigned
common_bits(const struct ip *lo, const struct ip *hi)
{
	unsigned n = 0;

	while (n < ip_bits(lo) && ((lo->b[n / 8] ^ hi->b[n / 8]) >> (7 - (n & 7)) & 1) == 0)
		n++;
	return n;
}

static unsigned
port_bits(struct port_range r)
{
	unsigned n = 0;

	while (n < 16 && ((r.lo ^ r.hi) >> (15 - n) & 1) == 0)
		n++;
	return n;
}

uint32_t
box_specificity(const struct box *b)
{
	uint32_t addresses = common_bits(&b->src_lo, &b->src_hi) + common_bits(&b->dst_lo, &b->dst_hi);
	uint32_t ports = (is_any(b->sport) ? 0 : 1 + port_bits(b->sport)) + (is_any(b->dport) ? 0 : 1 + port_bits(b->dport));

	return addresses * 256 + ports * 4 + (b->proto ? 2 : 0);
}

struct netlink_shape
box_shape(const struct box *b)
{
	struct netlink_shape s = { .proto = b->proto };

	/* Rules know no message types. */
	if (b->kind == BOX_PORTS && !box_is_icmp(b)) {
		s.sport = b->sport;
		s.dport = b->dport;
	}
	return s;
}

/* The largest prefix that begins at @at and stays within @hi. */
static struct prefix
largest_prefix(const struct ip *at, const struct ip *hi, struct ip *last)
{
	struct prefix p = { *at, (uint8_t)ip_bits(at) };
	struct ip lo, end;

	*last = *at;
	while (p.bits > 0) {
		ip_prefix_range(&lo, &end, at, p.bits - 1u);
		if (!ip_equal(&lo, at) || ip_compare(&end, hi) > 0)
			break;
		p.bits--;
		*last = end;
	}
	return p;
}

size_t
prefixes_of_range(struct prefix out[PREFIXES_MAX], const struct ip *lo, const struct ip *hi)
{
	struct ip at = *lo, last;
	size_t n = 0;

	while (n < PREFIXES_MAX && ip_compare(&at, hi) <= 0) {
		out[n++] = largest_prefix(&at, hi, &last);
		at = last;
		if (!ip_next(&at))
			break;
	}
	return n;
}
