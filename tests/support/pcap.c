/* SPDX-License-Identifier: Apache-2.0 */
#include "pcap.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_OLD = 12,
	LINK_RAW = 101,
	LINK_SLL = 113,
	LINK_RAW_V4 = 228,
	LINK_RAW_V6 = 229,
	LINK_SLL2 = 276,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	PROTO_UDP = 17,
	PROTO_FRAGMENT = 44,
	NG_SECTION = 0x0a0d0d0a,
	NG_INTERFACE = 1,
	NG_SIMPLE = 3,
	NG_ENHANCED = 6,
	NG_BYTE_ORDER = 0x1a2b3c4d,
	FRAGMENTED_AT_ONCE = 8,
};

/* One datagram that is being put together. */
struct fragmented {
	struct ip src, dst;
	uint32_t id;
	uint8_t proto;
	uint8_t octets[65536];
	size_t have, total; /* total: 0 until the last fragment was seen */
};

struct pcap_fragments {
	struct fragmented f[FRAGMENTED_AT_ONCE];
	size_t next;
};

struct span
file_read(const char *path)
{
	size_t len = strlen(path);
	bool gz = len > 3 && strcmp(path + len - 3, ".gz") == 0;
	char command[1100];
	uint8_t *p = NULL;
	size_t n = 0, cap = 0, got;
	FILE *f;

	snprintf(command, sizeof command, "gzip -dc '%s'", path);
	f = gz ? popen(command, "r") : fopen(path, "rb");
	if (!f)
		return (struct span) { 0 };
	do {
		if (n == cap) {
			uint8_t *more = realloc(p, cap = cap ? 2 * cap : 65536);

			if (!more)
				abort();
			p = more;
		}
		got = fread(p + n, 1, cap - n, f);
		n += got;
	} while (got);
	if (gz)
		pclose(f);
	else
		fclose(f);
	return span_of(p, n);
}

bool
data_path(char out[1024], const char *env, const char *name)
{
	const char *folder = getenv(env);

	return folder && snprintf(out, 1024, "%s/%s", folder, name) < 1024;
}

static uint32_t
u32(const struct pcap *p, size_t at)
{
	uint32_t v = get_be32(p->octets + at);

	return p->swapped ? __builtin_bswap32(v) : v;
}

bool
pcap_open(struct pcap *p, const char *path)
{
	struct span file = file_read(path);

	*p = (struct pcap) { .octets = (uint8_t *)file.p, .n = file.n };
	p->fragments = calloc(1, sizeof *p->fragments);
	if (file.n < 24 || !p->fragments)
		return false;
	if (get_be32(p->octets) == NG_SECTION) {
		p->ng = true;
		p->swapped = get_be32(p->octets + 8) != NG_BYTE_ORDER;
		return true;
	}
	for (int swapped = 0; swapped < 2; swapped++) {
		p->swapped = swapped;
		if (u32(p, 0) == 0xa1b2c3d4 || u32(p, 0) == 0xa1b23c4d) {
			p->link_type = u32(p, 20) & 0xffff;
			p->at = 24;
			return true;
		}
	}
	return false;
}

void
pcap_close(struct pcap *p)
{
	free(p->octets);
	free(p->fragments);
	*p = (struct pcap) { 0 };
}

static bool
take_frame(struct pcap *p, struct span *frame, size_t header, uint32_t captured, size_t next)
{
	if (header > p->n || captured > p->n - header)
		captured = header > p->n ? 0 : (uint32_t)(p->n - header);
	*frame = span_of(p->octets + header, captured);
	p->at = next < p->n ? next : p->n;
	return true;
}

static bool
next_frame_ng(struct pcap *p, struct span *frame)
{
	while (p->n - p->at >= 12) {
		uint32_t type = u32(p, p->at), length = u32(p, p->at + 4);
		size_t here = p->at;

		if (length < 12 || length > p->n - p->at)
			return false;
		p->at += length;
		if (type == NG_INTERFACE && length >= 20)
			p->link_type = u32(p, here + 8) >> (p->swapped ? 0 : 16) & 0xffff;
		else if (type == NG_ENHANCED && length >= 32)
			return take_frame(p, frame, here + 28, u32(p, here + 20), p->at);
		else if (type == NG_SIMPLE && length >= 16)
			return take_frame(p, frame, here + 12, u32(p, here + 8), p->at);
	}
	return false;
}

static bool
next_frame(struct pcap *p, struct span *frame)
{
	uint32_t captured;

	if (p->ng)
		return next_frame_ng(p, frame);
	if (p->n - p->at < 16)
		return false;
	captured = u32(p, p->at + 8);
	return take_frame(p, frame, p->at + 16, captured, p->at + 16 + captured);
}

static struct span
from(struct span s, size_t at)
{
	return at > s.n ? span_of(NULL, 0) : span_of(s.p + at, s.n - at);
}

/* The IP packet in a frame; empty where there is none. */
static struct span
ip_in_frame(uint32_t link_type, struct span f)
{
	size_t type_at;

	switch (link_type) {
	case LINK_NULL:
		return from(f, 4);
	case LINK_RAW_OLD:
	case LINK_RAW:
	case LINK_RAW_V4:
	case LINK_RAW_V6:
		return f;
	case LINK_SLL:
		return from(f, 16);
	case LINK_SLL2:
		return from(f, 20);
	case LINK_ETHERNET:
		type_at = 12;
		while (f.n >= type_at + 6 && get_be16(f.p + type_at) == ETHERTYPE_VLAN)
			type_at += 4;
		if (f.n < type_at + 2)
			return (struct span) { 0 };
		if (get_be16(f.p + type_at) != ETHERTYPE_IPV4 && get_be16(f.p + type_at) != ETHERTYPE_IPV6)
			return (struct span) { 0 };
		return from(f, type_at + 2);
	}
	return (struct span) { 0 };
}

/* Adds a fragment; true when the datagram is whole, with its octets in out->payload. */
static bool
reassemble(struct pcap_fragments *all, struct pcap_packet *out, uint32_t id, size_t offset, bool more)
{
	struct fragmented *f = NULL;

	for (size_t i = 0; i < FRAGMENTED_AT_ONCE && !f; i++)
		if (all->f[i].have && all->f[i].id == id && ip_equal(&all->f[i].src, &out->src) &&
		    ip_equal(&all->f[i].dst, &out->dst))
			f = &all->f[i];
	if (!f) {
		f = &all->f[all->next++ % FRAGMENTED_AT_ONCE];
		f->have = f->total = 0;
		f->src = out->src;
		f->dst = out->dst;
		f->id = id;
	}
	if (offset + out->payload.n > sizeof f->octets)
		return false;
	memcpy(f->octets + offset, out->payload.p, out->payload.n);
	f->have += out->payload.n;
	if (!more)
		f->total = offset + out->payload.n;
	if (!f->total || f->have < f->total)
		return false;
	out->payload = span_of(f->octets, f->total);
	f->have = 0;
	return true;
}

static bool
open_ipv4(struct pcap_fragments *all, struct pcap_packet *out, struct span ip)
{
	size_t header = (ip.p[0] & 0xfu) * 4, total = get_be16(ip.p + 2);
	uint16_t fragment = get_be16(ip.p + 6);

	if (header < 20 || total < header || ip.n < header)
		return false;
	if (total < ip.n)
		ip.n = total;
	out->src = ip_from_octets(span_of(ip.p + 12, 4));
	out->dst = ip_from_octets(span_of(ip.p + 16, 4));
	out->proto = ip.p[9];
	out->ip = ip;
	out->payload = from(ip, header);
	if ((fragment & 0x3fff) == 0)
		return true;
	return reassemble(all, out, get_be16(ip.p + 4), (fragment & 0x1fffu) * 8, fragment & 0x2000);
}

static bool
open_ipv6(struct pcap_fragments *all, struct pcap_packet *out, struct span ip)
{
	if (ip.n < 40)
		return false;
	if (40u + get_be16(ip.p + 4) < ip.n)
		ip.n = 40u + get_be16(ip.p + 4);
	out->src = ip_from_octets(span_of(ip.p + 8, 16));
	out->dst = ip_from_octets(span_of(ip.p + 24, 16));
	out->proto = ip.p[6];
	out->ip = ip;
	out->payload = from(ip, 40);
	if (out->proto != PROTO_FRAGMENT || out->payload.n < 8)
		return true;

	const uint8_t *f = out->payload.p;
	uint16_t offset = get_be16(f + 2);

	out->proto = f[0];
	out->payload = from(out->payload, 8);
	return reassemble(all, out, get_be32(f + 4), offset & 0xfff8u, offset & 1);
}

static void
open_udp(struct pcap_packet *out)
{
	struct span udp = out->payload;
	size_t length;

	if (out->proto != PROTO_UDP || udp.n < 8)
		return;
	length = get_be16(udp.p + 4);
	out->sport = get_be16(udp.p);
	out->dport = get_be16(udp.p + 2);
	out->payload = from(udp, 8);
	if (length >= 8 && length - 8 < out->payload.n)
		out->payload.n = length - 8;
}

bool
pcap_next(struct pcap *p, struct pcap_packet *out)
{
	size_t number = out->number + 1;
	struct span frame, ip;
	bool whole;

	*out = (struct pcap_packet) { .number = number };
	if (!next_frame(p, &frame))
		return false;
	ip = ip_in_frame(p->link_type, frame);
	if (ip.n < 20)
		return true;
	whole = ip.p[0] >> 4 == 4 ? open_ipv4(p->fragments, out, ip) : ip.p[0] >> 4 == 6 && open_ipv6(p->fragments, out, ip);
	if (whole)
		open_udp(out);
	else
		*out = (struct pcap_packet) { .number = number };
	return true;
}

bool
pcap_ike(struct span *message, const struct pcap_packet *packet)
{
	bool marked = packet->sport == 4500 || packet->dport == 4500;

	if (packet->proto != PROTO_UDP || !packet->payload.n)
		return false;
	if (!marked && packet->sport != 500 && packet->dport != 500)
		return false;
	*message = packet->payload;
	if (!marked)
		return true;
	if (packet->payload.n < 4 || get_be32(packet->payload.p) != 0)
		return false;
	*message = from(packet->payload, 4);
	return true;
}
