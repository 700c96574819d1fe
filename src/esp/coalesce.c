/* SPDX-License-Identifier: Apache-2.0 */
#include "coalesce.h"

#include "checksum.h"
#include "segment.h"

enum {
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_MIN = 20,
	UDP_HEADER = 8,
	IPV4_FRAGMENT = 0x3fff,
	IPV4_DF = 0x4000,
	TCP_FLAGS = 13,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_ECE = 0x40,
	TCP_CHECK = 16,
	UDP_CHECK = 6,
	OCTETS_MAX = 65535,
	NO_PACKET = UINT16_MAX,
};

/* What is looked at in one packet. */
struct piece {
	uint8_t *p;
	uint32_t len;
	uint64_t addresses, flow; /* hashes; flow is 0 where the ports cannot be seen */
	uint16_t l4, header;
	uint8_t family, proto;
	bool joinable; /* may start or join a super-packet */
	bool ends;     /* nothing may follow it: PSH */
};

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t
hash_octets(uint64_t h, const uint8_t *p, size_t n)
{
	for (; n; p += 8, n -= 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		h = mix(h, v);
	}
	return h;
}

/* IP headers that segmenting would repeat exactly: no options, no fragment, valid header checksum. */
static bool
plain_v4(struct piece *c)
{
	const uint8_t *p = c->p;

	c->addresses = hash_octets(4, p + 12, 8);
	if (get_be16(p + 6) & IPV4_FRAGMENT)
		return false;
	c->l4 = (uint16_t)((p[0] & 15) * 4);
	c->proto = p[9];
	/* A checksum of 0xffff is as valid as 0, but would come back as 0. */
	return p[0] == 0x45 && get_be16(p + 10) != 0xffff && checksum_fold(checksum_add_header(0, p, IPV4_HEADER)) == 0xffff;
}

static bool
plain_v6(struct piece *c)
{
	c->addresses = hash_octets(6, c->p + 8, 32);
	c->proto = c->p[6];
	c->l4 = IPV6_HEADER;
	return true;
}

/* Whether TCP or UDP checksum holds, and would come back the same from segmenting. */
static bool
checksum_holds(const struct piece *c)
{
	uint32_t n = c->len - c->l4;
	const uint8_t *p = c->p;
	uint64_t sum = c->family == IP_V4 ? checksum_add_header(0, p + 12, 8) : checksum_add_header(0, p + 8, 32);

	sum = checksum_add_u16(checksum_add_u16(sum, c->proto), n);
	return checksum_fold(checksum_add(sum, p + c->l4, n)) == 0xffff;
}

static bool
plain_tcp(struct piece *c)
{
	const uint8_t *tcp = c->p + c->l4;

	if (c->len - c->l4 < TCP_MIN)
		return false;
	c->header = (uint16_t)(c->l4 + (tcp[12] >> 4) * 4);
	c->ends = tcp[TCP_FLAGS] & TCP_PSH;
	return tcp[12] >> 4 >= 5 && c->len > c->header && (tcp[TCP_FLAGS] & ~(TCP_PSH | TCP_ECE)) == TCP_ACK &&
	       get_be16(tcp + TCP_CHECK) != 0xffff;
}

/* A UDP checksum of zero means there is none: segmenting would put one in. */
static bool
plain_udp(struct piece *c)
{
	const uint8_t *udp = c->p + c->l4;

	if (c->len - c->l4 < UDP_HEADER)
		return false;
	c->header = (uint16_t)(c->l4 + UDP_HEADER);
	return c->len > c->header && get_be16(udp + 4) == c->len - c->l4 && get_be16(udp + UDP_CHECK) != 0;
}

static bool
feature_of(unsigned features, const struct piece *c)
{
	return features & (c->proto == PROTO_UDP ? COALESCE_UDP : c->family == IP_V4 ? COALESCE_TCP4 : COALESCE_TCP6);
}

static struct piece
look_at(const struct coalesce *k, const struct packet *pkt)
{
	struct piece c = { .p = pkt->p, .len = pkt->len, .family = pkt->p[0] >> 4 };
	bool plain = c.family == IP_V4 ? plain_v4(&c) : plain_v6(&c);

	if ((c.proto != PROTO_TCP && c.proto != PROTO_UDP) || !c.l4 || c.len < c.l4 + 4u)
		return c;
	c.flow = mix(mix(c.addresses, c.proto), get_be32(c.p + c.l4)) | 1;
	c.joinable = plain && feature_of(k->features, &c) && (c.proto == PROTO_TCP ? plain_tcp(&c) : plain_udp(&c)) &&
	             checksum_holds(&c);
	return c;
}

/* ---- open flows */

/* Closes what a packet that joins nothing must not be overtaken by: its flow, or all flows between its hosts. */
static void
close_flows(struct coalesce *k, const struct piece *c)
{
	for (unsigned i = 0; i < k->n_flows;) {
		const struct coalesce_slot *s = &k->slot[k->flow[i]];

		if (c->flow ? s->hash == c->flow : s->addresses == c->addresses)
			k->flow[i] = k->flow[--k->n_flows];
		else
			i++;
	}
}

static struct coalesce_slot *
find_flow(struct coalesce *k, uint64_t hash, unsigned *at)
{
	for (*at = 0; *at < k->n_flows; ++*at)
		if (k->slot[k->flow[*at]].hash == hash)
			return &k->slot[k->flow[*at]];
	return NULL;
}

static bool
same_tcp(const uint8_t *a, const uint8_t *b, uint32_t octets)
{
	return memcmp(a, b, 4) == 0 && memcmp(a + 8, b + 8, 5) == 0 && ((a[TCP_FLAGS] ^ b[TCP_FLAGS]) & ~TCP_PSH) == 0 &&
	       memcmp(a + 14, b + 14, 2) == 0 && memcmp(a + 18, b + 18, octets - 18) == 0;
}

static bool
same_ip(const uint8_t *a, const uint8_t *b, uint8_t family)
{
	if (family == IP_V4) /* TOS; DF and reserved; TTL and protocol; addresses */
		return a[1] == b[1] && memcmp(a + 6, b + 6, 4) == 0 && memcmp(a + 12, b + 12, 8) == 0;
	return memcmp(a, b, 4) == 0 && memcmp(a + 6, b + 6, 34) == 0;
}

/* The identification must be what segmenting would give; or constant, where the caller allows that. */
static bool
id_follows(const struct coalesce *k, struct coalesce_slot *s, const struct piece *c, const uint8_t *first)
{
	uint16_t id;

	if (c->family == IP_V6)
		return true;
	id = get_be16(c->p + 4);
	if (!s->fixed_id && id == (uint16_t)(get_be16(first + 4) + s->count))
		return true;
	if (!(k->features & COALESCE_ATOMIC_ID) || !(get_be16(first + 6) & IPV4_DF) || id != get_be16(first + 4))
		return false;
	if (s->count > 1 && !s->fixed_id)
		return false;
	s->fixed_id = true;
	return true;
}

static bool
may_join(const struct coalesce *k, const struct batch *b, struct coalesce_slot *s, const struct piece *c)
{
	const uint8_t *first = b->pkt[s->first].p;
	uint32_t payload = c->len - c->header;

	if (s->family != c->family || s->proto != c->proto || s->header != c->header || s->l4 != c->l4)
		return false;
	if (payload > s->payload || s->count == COALESCE_SEGMENTS_MAX || s->octets + payload > OCTETS_MAX)
		return false;
	if (!same_ip(first, c->p, c->family))
		return false;
	if (c->proto == PROTO_UDP ? memcmp(first + c->l4, c->p + c->l4, 4) != 0
	                          : get_be32(c->p + c->l4 + 4) != s->next_seq ||
	                                    !same_tcp(first + c->l4, c->p + c->l4, (uint32_t)c->header - c->l4))
		return false;
	return id_follows(k, s, c, first);
}

static void
join(struct coalesce *k, struct coalesce_slot *s, const struct piece *c, unsigned flow_at, uint16_t i)
{
	uint32_t payload = c->len - c->header;

	k->link[s->last] = i;
	k->link[i] = NO_PACKET;
	s->last = i;
	s->count++;
	s->octets += payload;
	s->next_seq += payload;
	s->ends = c->ends;
	if (payload < s->payload || c->ends)
		k->flow[flow_at] = k->flow[--k->n_flows];
}

static void
start(struct coalesce *k, const struct piece *c, uint16_t i)
{
	struct coalesce_slot *s = &k->slot[k->n];

	k->link[i] = NO_PACKET;
	*s = (struct coalesce_slot) {
		.hash = c->flow,
		.addresses = c->addresses,
		.next_seq = c->joinable && c->proto == PROTO_TCP ? get_be32(c->p + c->l4 + 4) + c->len - c->header : 0,
		.first = i,
		.last = i,
		.payload = c->len - c->header,
		.octets = c->len,
		.count = 1,
		.header = c->header,
		.l4 = c->l4,
		.proto = c->proto,
		.family = c->family,
		.verified = c->joinable,
	};
	if (c->joinable && !c->ends) {
		/* A full table gives up the flows in turn; what they hold goes out as it is. */
		unsigned at = k->n_flows < COALESCE_FLOWS ? k->n_flows++ : k->victim++ % COALESCE_FLOWS;

		k->flow[at] = (uint16_t)k->n;
	}
	k->n++;
}

static void
take(struct coalesce *k, const struct batch *b, uint16_t i)
{
	struct piece c = look_at(k, &b->pkt[i]);
	struct coalesce_slot *s;
	unsigned at;

	if (c.joinable && (s = find_flow(k, c.flow, &at)) != NULL && may_join(k, b, s, &c)) {
		join(k, s, &c, at, i);
		return;
	}
	close_flows(k, &c);
	start(k, &c, i);
}

/* ---- output */

/* Turns the first packet's headers into those of the super-packet; the checksum stays open for the kernel. */
static void
rewrite_headers(const struct coalesce_slot *s, uint8_t *p)
{
	uint32_t n = s->octets - s->l4;
	uint64_t sum = s->family == IP_V4 ? checksum_add_header(0, p + 12, 8) : checksum_add_header(0, p + 8, 32);
	uint16_t pseudo;

	if (s->family == IP_V4) {
		put_be16(p + 2, (uint16_t)s->octets);
		put_be16(p + 10, 0);
		checksum_store(p + 10, checksum_add_header(0, p, IPV4_HEADER), 0);
	} else {
		put_be16(p + 4, (uint16_t)(s->octets - IPV6_HEADER));
	}
	if (s->proto == PROTO_UDP)
		put_be16(p + s->l4 + 4, (uint16_t)n);
	else if (s->ends)
		p[s->l4 + TCP_FLAGS] |= TCP_PSH;
	pseudo = checksum_fold(checksum_add_u16(checksum_add_u16(sum, s->proto), n));
	memcpy(p + s->l4 + (s->proto == PROTO_TCP ? TCP_CHECK : UDP_CHECK), &pseudo, 2);
}

static struct virtio_net_hdr
virtio_header(const struct coalesce_slot *s)
{
	if (s->count == 1)
		return (struct virtio_net_hdr) { .flags = s->verified ? VIRTIO_NET_HDR_F_DATA_VALID : 0 };
	return (struct virtio_net_hdr) {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = s->proto == PROTO_UDP ? VIRTIO_NET_HDR_GSO_UDP_L4
		            : s->family == IP_V4  ? VIRTIO_NET_HDR_GSO_TCPV4
		                                  : VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = s->header,
		.gso_size = (uint16_t)s->payload,
		.csum_start = s->l4,
		.csum_offset = s->proto == PROTO_TCP ? TCP_CHECK : UDP_CHECK,
	};
}

static struct iovec *
emit(struct coalesce *k, const struct batch *b, size_t i, struct iovec *v)
{
	const struct coalesce_slot *s = &k->slot[i];
	const struct packet *first = &b->pkt[s->first];
	struct super_packet *o = &k->out[i];

	*o = (struct super_packet) {
		.vh = virtio_header(s), .iov = v, .octets = s->octets, .packets = s->count, .first = s->first
	};
	if (s->count > 1)
		rewrite_headers(s, first->p);
	*v++ = (struct iovec) { &o->vh, sizeof o->vh };
	*v++ = (struct iovec) { first->p, first->len };
	for (uint16_t j = k->link[s->first]; j != NO_PACKET; j = k->link[j])
		*v++ = (struct iovec) { b->pkt[j].p + s->header, b->pkt[j].len - s->header };
	o->n_iov = (uint32_t)(v - o->iov);
	return v;
}

void
coalesce(struct coalesce *k, const struct batch *b)
{
	struct iovec *v = k->iov;

	k->n = 0;
	k->n_flows = 0;
	for (size_t i = 0; i < b->n; i++)
		take(k, b, (uint16_t)i);
	for (size_t i = 0; i < k->n; i++)
		v = emit(k, b, i, v);
}
