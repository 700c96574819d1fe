/* SPDX-License-Identifier: Apache-2.0 */
#include "segment.h"

#include "checksum.h"

enum {
	PROTO_HOP_BY_HOP = 0,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_DST_OPTIONS = 60,
	IPV4_MIN = 20,
	IPV6_HEADER = 40,
	TCP_MIN = 20,
	UDP_HEADER = 8,
	EXTENSION_HEADERS_MAX = 8,
	IPV4_FRAGMENT = 0x3fff, /* MF and offset */
	TCP_CHECK = 16,
	UDP_CHECK = 6,
	TCP_FLAGS = 12, /* data offset and flags */
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,
};

/* Finds TCP or UDP behind an IPv4 header; 0 when there is none or it is a fragment. */
static uint32_t
find_l4_v4(const uint8_t *p, uint32_t len, uint8_t *proto)
{
	uint32_t header = (p[0] & 15u) * 4;

	if (header < IPV4_MIN || header > len || get_be16(p + 6) & IPV4_FRAGMENT)
		return 0;
	*proto = p[9];
	return header;
}

/* The same for IPv6, behind extension headers that each segment can repeat. */
static uint32_t
find_l4_v6(const uint8_t *p, uint32_t len, uint8_t *proto)
{
	uint32_t at = IPV6_HEADER;

	if (len < at)
		return 0;
	*proto = p[6];
	for (unsigned i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		if (*proto != PROTO_HOP_BY_HOP && *proto != PROTO_ROUTING && *proto != PROTO_DST_OPTIONS)
			return at;
		if (len - at < 8)
			return 0;
		*proto = p[at];
		at += 8 + (uint32_t)p[at + 1] * 8;
		if (at > len)
			return 0;
	}
	return 0;
}

static bool
find_headers(struct segment *s)
{
	const uint8_t *p = s->packet;

	s->l4 = s->family == IP_V4 ? find_l4_v4(p, s->len, &s->proto) : find_l4_v6(p, s->len, &s->proto);
	if (!s->l4)
		return false;
	if (s->proto == PROTO_UDP)
		s->header = s->l4 + UDP_HEADER;
	else if (s->proto == PROTO_TCP && s->len - s->l4 >= TCP_MIN && p[s->l4 + 12] >> 4 >= 5)
		s->header = s->l4 + (uint32_t)(p[s->l4 + 12] >> 4) * 4;
	else
		return false;
	return s->header <= s->len;
}

/* The virtio header has to say the same as the packet. */
static bool
gso_fits(const struct segment *s, const struct virtio_net_hdr *vh)
{
	uint8_t type = vh->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

	if (!vh->gso_size || (vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && vh->csum_start != s->l4))
		return false;
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return s->proto == PROTO_TCP && s->family == IP_V4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return s->proto == PROTO_TCP && s->family == IP_V6;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return s->proto == PROTO_UDP;
	default:
		return false;
	}
}

/* The TCP or UDP header without what differs from segment to segment: sequence number, flags, length, checksum. */
static uint64_t
presum_l4(const struct segment *s, uint64_t sum)
{
	const uint8_t *l4 = s->packet + s->l4;

	sum = checksum_add_header(sum, l4, 4);
	if (s->proto == PROTO_UDP)
		return sum;
	sum = checksum_add_u16(checksum_add_header(sum, l4 + 8, 4), get_be16(l4 + 14));
	sum = checksum_add_u16(sum, get_be16(l4 + 18));
	return checksum_add_header(sum, l4 + TCP_MIN, s->header - s->l4 - TCP_MIN);
}

/* What is the same in each segment: addresses and protocol; the IPv4 header without length, identification and checksum. */
static void
presum(struct segment *s)
{
	const uint8_t *p = s->packet;
	uint64_t sum = s->family == IP_V4 ? checksum_add_header(0, p + 12, 8) : checksum_add_header(0, p + 8, 32);

	s->sum_l4 = checksum_fold(presum_l4(s, checksum_add_u16(sum, s->proto)));
	if (s->family != IP_V4)
		return;
	sum = checksum_add_header(checksum_add_u16(0, get_be16(p)), p + 6, 4);
	s->sum_ip = checksum_fold(checksum_add_header(sum, p + 12, s->l4 - 12));
}

static enum esp_drop
open_single(struct segment *s, const struct virtio_net_hdr *vh)
{
	s->header = s->len;
	s->gso_size = 0;
	if (!vh || !(vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return ESP_DROP_NONE;
	if ((uint32_t)vh->csum_start + vh->csum_offset + 2 > s->len)
		return ESP_DROP_MALFORMED;
	s->open_csum = true;
	s->l4 = vh->csum_start;
	s->csum_at = (uint16_t)(vh->csum_start + vh->csum_offset);
	return ESP_DROP_NONE;
}

enum esp_drop
segment_open(struct segment *s, const struct virtio_net_hdr *vh, const uint8_t *packet, uint32_t len)
{
	*s = (struct segment) { .packet = packet, .len = len, .done = true };
	if (len < IPV4_MIN || len > UINT16_MAX + IPV6_HEADER)
		return ESP_DROP_MALFORMED;
	s->family = packet[0] >> 4;
	if (s->family != IP_V4 && (s->family != IP_V6 || len < IPV6_HEADER))
		return ESP_DROP_MALFORMED;
	s->done = false;
	if (!vh || vh->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return open_single(s, vh);
	if (!find_headers(s) || !gso_fits(s, vh)) {
		s->done = true;
		return ESP_DROP_MALFORMED;
	}
	s->at = s->header;
	s->gso_size = vh->gso_size;
	presum(s);
	return ESP_DROP_NONE;
}

static uint32_t
next_payload(const struct segment *s)
{
	uint32_t left = s->len - s->at;

	return left < s->gso_size ? left : s->gso_size;
}

uint32_t
segment_next_octets(const struct segment *s)
{
	if (s->done)
		return 0;
	return s->gso_size ? s->header + next_payload(s) : s->len;
}

uint32_t
segment_max_octets(const struct segment *s)
{
	return s->gso_size && s->len - s->header > s->gso_size ? s->header + s->gso_size : s->len;
}

uint32_t
segment_count(const struct segment *s)
{
	if (s->done)
		return 0;
	return s->gso_size && s->len > s->at ? (s->len - s->at + s->gso_size - 1) / s->gso_size : 1;
}

static void
take_single(struct segment *s, uint8_t *out)
{
	memcpy(out, s->packet, s->len);
	s->done = true;
	/* The field holds the sum of the pseudo-header already. */
	if (s->open_csum)
		checksum_store(out + s->csum_at, checksum_add(0, out + s->l4, s->len - s->l4), 1);
}

static void
fix_ip(const struct segment *s, uint8_t *out, uint32_t octets)
{
	uint16_t id;

	if (s->family == IP_V6) {
		put_be16(out + 4, (uint16_t)(octets - IPV6_HEADER));
		return;
	}
	/* Counted up as the kernel does, whether or not DF makes it meaningless (RFC 6864). */
	id = (uint16_t)(get_be16(s->packet + 4) + s->index);
	put_be16(out + 2, (uint16_t)octets);
	put_be16(out + 4, id);
	checksum_store(out + 10, checksum_add_u16(checksum_add_u16(s->sum_ip, octets), id), 0);
}

/* Their sum is taken from the values: reading back what was just written, in other sizes, makes the processor wait. */
static uint64_t
fix_tcp(const struct segment *s, uint8_t *tcp, uint64_t sum, bool last)
{
	const uint8_t *first = s->packet + s->l4;
	uint32_t seq = get_be32(first + 4) + (s->at - s->header);
	uint16_t flags = get_be16(first + TCP_FLAGS);

	if (!last)
		flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	/* RFC 3168 section 6.1.2: CWR is for the first packet with new data only. */
	if (s->index)
		flags &= (uint16_t)~TCP_CWR;
	put_be32(tcp + 4, seq);
	put_be16(tcp + TCP_FLAGS, flags);
	return checksum_add_u16(checksum_add_u16(checksum_add_u16(sum, seq >> 16), seq & UINT16_MAX), flags);
}

/* UDP counts its length twice: in the header and in the pseudo-header. */
static uint64_t
fix_udp(uint8_t *udp, uint64_t sum, uint32_t octets)
{
	put_be16(udp + 4, (uint16_t)octets);
	return checksum_add_u16(sum, octets);
}

void
segment_take(struct segment *s, uint8_t *out)
{
	uint32_t payload, octets, check;
	uint8_t *l4 = out + s->l4;
	uint64_t sum;

	if (!s->gso_size) {
		take_single(s, out);
		return;
	}
	payload = next_payload(s);
	octets = s->header + payload;
	check = s->proto == PROTO_TCP ? TCP_CHECK : UDP_CHECK;
	memcpy(out, s->packet, s->header);
	fix_ip(s, out, octets);
	sum = checksum_add_u16(s->sum_l4, octets - s->l4);
	sum = s->proto == PROTO_TCP ? fix_tcp(s, l4, sum, s->at + payload >= s->len) : fix_udp(l4, sum, octets - s->l4);
	sum = checksum_copy(sum, out + s->header, s->packet + s->at, payload);
	checksum_store(l4 + check, sum, s->proto == PROTO_UDP);
	s->at += payload;
	s->index++;
	s->done = s->at >= s->len;
}
