/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "form.h"

/* IP headers as transport mode sees them: RFC 4303 section 3.1.1. */

enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	DESTINATION_OPTIONS = 60,
	EXTENSIONS_MAX = 8,
	MORE_AND_OFFSET = 0x3fff,
	IPV6_MORE_AND_OFFSET = 0xfff9,
	TCP_CHECKSUM_AT = 16,
	UDP_CHECKSUM_AT = 6,
};

static bool
split_v4(struct ip_split *out, const uint8_t *p, uint32_t len)
{
	uint32_t header = (p[0] & 15u) * 4;

	*out = (struct ip_split) { .header = header, .next_at = 9, .payload_at = header, .next = p[9] };
	out->fragment = get_be16(p + 6) & MORE_AND_OFFSET;
	return header >= IPV4_HEADER && header <= len;
}

static bool
is_extension(uint8_t next)
{
	return next == HOP_BY_HOP || next == ROUTING || next == DESTINATION_OPTIONS;
}

/* A Fragment header at @at, which the field names. What is in front of it was in front of every fragment. */
static bool
split_at_fragment(struct ip_split *out, const uint8_t *p, uint32_t len, uint32_t at, uint32_t field)
{
	if (at + FRAGMENT_HEADER_OCTETS > len)
		return false;
	*out = (struct ip_split) { .header = at, .next_at = field, .payload_at = at + FRAGMENT_HEADER_OCTETS, .next = p[at] };
	out->fragment = get_be16(p + at + 2) & IPV6_MORE_AND_OFFSET;
	return true;
}

/*
 * "ESP ... should appear after hop-by-hop, routing, and fragmentation extension
 * headers. ... destination options extension header(s) could appear either before,
 * after, or both": those in front of a routing header are for the hops, and stay;
 * those behind are for the destination alone, and are protected.
 */
static bool
split_v6(struct ip_split *out, const uint8_t *p, uint32_t len)
{
	uint32_t at = IPV6_HEADER, field = 6, header = at, next_at = field;

	for (unsigned i = 0; is_extension(p[field]); i++) {
		uint8_t kind = p[field];
		uint32_t n;

		if (i == EXTENSIONS_MAX || at + 8 > len)
			return false;
		n = (p[at + 1] + 1u) * 8;
		if (at + n > len || at + n > HEADER_OCTETS_MAX)
			return false;
		field = at;
		at += n;
		if (kind != DESTINATION_OPTIONS) {
			header = at;
			next_at = field;
		}
	}
	if (p[field] == PROTO_FRAGMENT)
		return split_at_fragment(out, p, len, at, field);
	*out = (struct ip_split) { .header = header, .next_at = next_at, .payload_at = header, .next = p[next_at] };
	return true;
}

bool
ip_split(struct ip_split *out, const uint8_t *packet, uint32_t len)
{
	if (len >= IPV4_HEADER && packet[0] >> 4 == 4)
		return split_v4(out, packet, len);
	return len >= IPV6_HEADER && packet[0] >> 4 == 6 && split_v6(out, packet, len);
}

uint32_t
ip_next_at(const uint8_t *ip, uint32_t header)
{
	uint32_t at = IPV6_HEADER, field = 6;

	if (header >= IPV4_HEADER && ip[0] >> 4 == 4)
		return (ip[0] & 15u) * 4 == header ? 9 : 0;
	if (header < IPV6_HEADER || ip[0] >> 4 != 6)
		return 0;
	while (at + 8 <= header && is_extension(ip[field])) {
		field = at;
		at += (ip[at + 1] + 1u) * 8;
	}
	return at == header ? field : 0;
}

void
ip_complete(uint8_t *packet, uint32_t next_at, uint8_t next, uint32_t len)
{
	packet[next_at] = next;
	if (packet[0] >> 4 == 6) {
		put_be16(packet + 4, (uint16_t)(len - IPV6_HEADER));
		return;
	}
	put_be16(packet + 2, (uint16_t)len);
	put_be16(packet + 10, 0);
	checksum_store(packet + 10, checksum_add(0, packet, (packet[0] & 15u) * 4), 0);
}

static size_t
address_octets(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? 4 : 16;
}

static size_t
source_at(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? 12 : 8;
}

void
ip_put_source(uint8_t *ip, const struct ip *a)
{
	memcpy(ip + source_at(ip), a->b, address_octets(ip));
}

void
ip_put_destination(uint8_t *ip, const struct ip *a)
{
	memcpy(ip + source_at(ip) + address_octets(ip), a->b, address_octets(ip));
}

/* RFC 1624 section 3, equation 3, for an address: takes out @was, puts in @is. */
static uint64_t
exchange(uint64_t sum, const struct ip *was, const uint8_t *is, size_t n)
{
	for (size_t i = 0; i < n; i += 2) {
		sum = checksum_add_u16(sum, ~(uint32_t)get_be16(was->b + i) & UINT16_MAX);
		sum = checksum_add_u16(sum, get_be16(is + i));
	}
	return sum;
}

/* Where in @l4 the checksum of @proto stands; 0: it does not cover addresses, or is not there. */
static uint32_t
checksum_at(uint8_t proto, const uint8_t *l4, uint32_t n)
{
	if (proto == PROTO_TCP)
		return n >= TCP_CHECKSUM_AT + 2 ? TCP_CHECKSUM_AT : 0;
	/* A checksum of zero says that there is none: RFC 768. */
	if (proto == PROTO_UDP && n >= UDP_CHECKSUM_AT + 2 && get_be16(l4 + UDP_CHECKSUM_AT))
		return UDP_CHECKSUM_AT;
	return 0;
}

/* "If the protocol header after the ESP header is a TCP/UDP header and the peer's real source and destination IP address
 * have been received ..., then incrementally recompute the TCP/UDP checksum" */
void
transport_fix_checksum(const uint8_t *ip, uint8_t *l4, uint32_t n, const struct ip *was_src, const struct ip *was_dst)
{
	bool v4 = ip[0] >> 4 == 4;
	size_t octets = address_octets(ip);
	const uint8_t *src = ip + source_at(ip), *dst = src + octets;
	uint8_t family = v4 ? IP_V4 : IP_V6, proto = ip[v4 ? 9 : 6];
	uint32_t at = checksum_at(proto, l4, n);
	uint64_t sum;

	if (!at || (was_src->family != family && was_dst->family != family))
		return;
	sum = checksum_add_u16(0, ~(uint32_t)get_be16(l4 + at) & UINT16_MAX);
	if (was_src->family == family)
		sum = exchange(sum, was_src, src, octets);
	if (was_dst->family == family)
		sum = exchange(sum, was_dst, dst, octets);
	checksum_store(l4 + at, sum, proto == PROTO_UDP);
}
