/* SPDX-License-Identifier: Apache-2.0 */
#include "selector.h"

/* From packets to the fields that selectors look at: RFC 4301 section 4.4.1.1. */

enum {
	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ICMPV6 = 58,
	PROTO_DST_OPTIONS = 60,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136,

	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	EXTENSION_HEADERS_MAX = 8,
	IPV4_FRAGMENT_OFFSET = 0x1fff,
	IPV6_FRAGMENT_OFFSET = 0xfff8,
};

/* @l4: what follows the IP headers, as much of it as there is. */
static void
read_ports(struct flow *f, struct span l4)
{
	switch (f->proto) {
	case PROTO_TCP:
	case PROTO_UDP:
	case PROTO_DCCP:
	case PROTO_SCTP:
	case PROTO_UDPLITE:
		if (l4.n < 4)
			return;
		f->sport = get_be16(l4.p);
		f->dport = get_be16(l4.p + 2);
		f->ports_known = true;
		return;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		/* Message type and code are one 16-bit selector, the same from both ends. */
		if (l4.n < 2)
			return;
		f->sport = f->dport = get_be16(l4.p);
		f->ports_known = true;
		return;
	}
}

static bool
from_ipv4(struct flow *f, struct span p)
{
	size_t header, total;

	if (p.n < IPV4_HEADER)
		return false;
	header = (size_t)(p.p[0] & 15) * 4;
	total = get_be16(p.p + 2);
	if (header < IPV4_HEADER || total < header || p.n < total)
		return false;
	f->proto = p.p[9];
	f->src = ip_from_octets(span_of(p.p + 12, 4));
	f->dst = ip_from_octets(span_of(p.p + 16, 4));
	if ((get_be16(p.p + 6) & IPV4_FRAGMENT_OFFSET) == 0)
		read_ports(f, span_of(p.p + header, total - header));
	return true;
}

/*
 * Steps over one extension header. RFC 4301 section 4.4.1.1: hop-by-hop options,
 * routing, fragmentation and destination options are skipped; AH and ESP count
 * as next layer protocols. False when it is cut short.
 */
static bool
skip_extension(struct flow *f, struct span *rest, bool *first_fragment)
{
	size_t n = 8;

	if (rest->n < n)
		return false;
	if (f->proto == PROTO_FRAGMENT)
		*first_fragment = (get_be16(rest->p + 2) & IPV6_FRAGMENT_OFFSET) == 0;
	else
		n += (size_t)rest->p[1] * 8;
	if (rest->n < n)
		return false;
	f->proto = rest->p[0];
	*rest = span_of(rest->p + n, rest->n - n);
	return true;
}

static bool
is_extension(uint8_t proto)
{
	return proto == PROTO_HOP_BY_HOP || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT || proto == PROTO_DST_OPTIONS;
}

static bool
from_ipv6(struct flow *f, struct span p)
{
	bool first_fragment = true;
	struct span rest;
	size_t payload;

	if (p.n < IPV6_HEADER)
		return false;
	payload = get_be16(p.p + 4);
	if (p.n - IPV6_HEADER < payload)
		return false;
	f->proto = p.p[6];
	f->src = ip_from_octets(span_of(p.p + 8, 16));
	f->dst = ip_from_octets(span_of(p.p + 24, 16));
	rest = span_of(p.p + IPV6_HEADER, payload);
	for (unsigned i = 0; first_fragment && is_extension(f->proto); i++)
		if (i == EXTENSION_HEADERS_MAX || !skip_extension(f, &rest, &first_fragment))
			return false;
	/* Where a later fragment begins there are no headers to read. */
	if (first_fragment)
		read_ports(f, rest);
	return true;
}

bool
flow_from_packet(struct flow *out, struct span packet)
{
	struct flow f = { 0 };
	uint8_t version = packet.n ? packet.p[0] >> 4 : 0;
	bool ok = version == 4 ? from_ipv4(&f, packet) : version == 6 && from_ipv6(&f, packet);

	if (ok)
		*out = f;
	return ok;
}

bool
flow_is_about_the_link(const struct flow *f)
{
	enum { MLD_QUERY = 130, ROUTER_SOLICITATION = 133, MLD2_REPORT = 143 };
	unsigned type = f->sport >> 8;

	if (f->dst.family != IP_V6 || f->proto != PROTO_ICMPV6 || !f->ports_known)
		return false;
	/* ff02::/16, from :: or fe80::/10. */
	if (f->dst.b[0] != 0xff || f->dst.b[1] != 0x02)
		return false;
	if (!ip_is_any(&f->src) && (f->src.b[0] != 0xfe || (f->src.b[1] & 0xc0) != 0x80))
		return false;
	/* Between the two: MLD's report and done. */
	return (type >= MLD_QUERY && type <= ROUTER_SOLICITATION) || type == MLD2_REPORT;
}
