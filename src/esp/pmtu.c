/* SPDX-License-Identifier: Apache-2.0 */
#include "pmtu.h"

#include "checksum.h"
#include "form.h"
#include "outer.h"

enum {
	IPV4_MIN = 20,
	ICMP_HEADER = 8,
	PROTO_ICMP = 1,
	PROTO_ICMPV6 = 58,
	TTL = 64,
	/* RFC 791: every host takes 576 octets; RFC 8200 section 5: every link carries 1280. */
	IPV4_LEAST = 576,
	IPV6_LEAST = 1280,
	ICMP_QUOTED_TO = 576, /* RFC 1812 section 4.3.2.3: as much as fits in 576 octets */
	DF_BIT = 0x4000,
	OFFSET_BITS = 0x1fff,
	FRAGMENT_LEAST = 68,
};

uint32_t
pmtu_inner_max(const struct esp_sa *sa, uint32_t outer_mtu)
{
	uint32_t frame = (uint32_t)outer_octets(sa->path) + sa->head_octets + sa->icv_octets;
	uint32_t payload = outer_mtu > frame ? (outer_mtu - frame) & ~(sa->align - 1u) : 0;

	if (sa->flags & SA_FORM)
		return form_inner_max(sa, outer_mtu);
	return payload > 2 ? payload - 2 : 0;
}

static uint32_t
least_mtu(uint8_t version)
{
	return version == 4 ? IPV4_LEAST : IPV6_LEAST;
}

uint32_t
pmtu_advertised(const struct esp_sa *sa, uint8_t inner_version)
{
	uint32_t mtu = pmtu_inner_max(sa, sa->path->mtu), least = least_mtu(inner_version);

	return mtu < least ? least : mtu;
}

/* An IPv6 packet with a Fragment header and the whole datagram behind it: its source does not rely on the path's MTU. */
static bool
was_fragmented(const uint8_t *inner, uint32_t len)
{
	struct ip_split s;

	return ip_split(&s, inner, len) && !s.fragment && s.payload_at != s.header;
}

enum pmtu_action
pmtu_judge(const struct esp_sa *sa, const uint8_t *inner, uint32_t len)
{
	uint8_t version = inner[0] >> 4;
	uint32_t max = pmtu_inner_max(sa, sa->path->mtu);

	if (len <= max)
		return PMTU_FITS;
	if (version == 6 ? !was_fragmented(inner, len) : get_be16(inner + 6) & DF_BIT) {
		/* Without DF outside there is no path MTU discovery; and nobody need send less than the least. */
		if (!(sa->flags & SA_COPY_DF) || len <= least_mtu(version))
			return PMTU_OUTER;
		return PMTU_ICMP;
	}
	/* Transport mode takes whole datagrams: what is protected may be fragmented, but no fragment protected. */
	return sa->flags & (SA_PORTS | SA_TRANSPORT) || max < FRAGMENT_LEAST ? PMTU_OUTER : PMTU_FRAGMENT;
}

/* ---- ICMP */

static bool
icmp_error_v4(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* RFC 1122 section 3.2.2: about what no ICMP error may be sent. */
static bool
may_answer_v4(const uint8_t *p, uint32_t len)
{
	uint32_t header = (p[0] & 15u) * 4;

	if (header < IPV4_MIN || header > len || get_be16(p + 6) & OFFSET_BITS)
		return false;
	if (p[9] == PROTO_ICMP && (len == header || icmp_error_v4(p[header])))
		return false;
	/* Source: 0/8, 127/8, multicast and above. Destination: multicast, broadcast. */
	return p[12] != 0 && p[12] != 127 && p[12] < 224 && p[16] < 224;
}

/*
 * RFC 4443 section 2.4 (e): not about an ICMPv6 error or redirect, nor to an address
 * that is no single node. Packet Too Big is allowed for a multicast destination.
 */
static bool
may_answer_v6(const uint8_t *p, uint32_t len)
{
	struct ip src = ip_from_octets(span_of(p + 8, 16));
	struct flow f;

	if (ip_is_any(&src) || ip_is_multicast(&src))
		return false;
	if (!flow_from_packet(&f, span_of(p, len)) || f.proto != PROTO_ICMPV6)
		return true;
	return f.ports_known && f.sport >> 8 >= 128 && f.sport >> 8 != 137;
}

static size_t
icmp_v4(uint8_t *out, const uint8_t *inner, uint32_t len, const struct ip *from, uint32_t mtu)
{
	uint32_t quoted = ICMP_QUOTED_TO - IPV4_MIN - ICMP_HEADER, n;

	if (quoted > len)
		quoted = len;
	n = IPV4_MIN + ICMP_HEADER + quoted;
	memset(out, 0, IPV4_MIN + ICMP_HEADER);
	out[0] = 0x45;
	out[1] = 0xc0; /* RFC 1812 section 4.3.2.5: precedence internetwork control */
	put_be16(out + 2, (uint16_t)n);
	out[8] = TTL;
	out[9] = PROTO_ICMP;
	memcpy(out + 12, from->family == IP_V4 ? from->b : inner + 16, 4);
	memcpy(out + 16, inner + 12, 4);
	checksum_store(out + 10, checksum_add(0, out, IPV4_MIN), 0);
	out[IPV4_MIN] = 3;
	out[IPV4_MIN + 1] = 4;
	put_be16(out + IPV4_MIN + 6, (uint16_t)mtu); /* RFC 1191 section 4 */
	memcpy(out + IPV4_MIN + ICMP_HEADER, inner, quoted);
	checksum_store(out + IPV4_MIN + 2, checksum_add(0, out + IPV4_MIN, n - IPV4_MIN), 0);
	return n;
}

static size_t
icmp_v6(uint8_t *out, const uint8_t *inner, uint32_t len, const struct ip *from, uint32_t mtu)
{
	uint32_t quoted = IPV6_LEAST - IPV6_HEADER - ICMP_HEADER, n;
	uint64_t sum;

	if (quoted > len)
		quoted = len;
	n = ICMP_HEADER + quoted;
	memset(out, 0, IPV6_HEADER + ICMP_HEADER);
	out[0] = 0x60;
	put_be16(out + 4, (uint16_t)n);
	out[6] = PROTO_ICMPV6;
	out[7] = TTL;
	memcpy(out + 8, from->family == IP_V6 ? from->b : inner + 24, 16);
	memcpy(out + 24, inner + 8, 16);
	out[IPV6_HEADER] = 2;
	put_be32(out + IPV6_HEADER + 4, mtu);
	memcpy(out + IPV6_HEADER + ICMP_HEADER, inner, quoted);
	sum = checksum_add_u16(checksum_add_u16(checksum_add(0, out + 8, 32), n), PROTO_ICMPV6);
	checksum_store(out + IPV6_HEADER + 2, checksum_add(sum, out + IPV6_HEADER, n), 0);
	return IPV6_HEADER + n;
}

size_t
pmtu_icmp(uint8_t *out, const uint8_t *inner, uint32_t len, const struct ip *from, uint32_t mtu)
{
	if (len >= IPV4_MIN && inner[0] >> 4 == 4)
		return may_answer_v4(inner, len) ? icmp_v4(out, inner, len, from, mtu) : 0;
	if (len >= IPV6_HEADER && inner[0] >> 4 == 6)
		return may_answer_v6(inner, len) ? icmp_v6(out, inner, len, from, mtu) : 0;
	return 0;
}
