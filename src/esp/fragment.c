/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "form.h"
#include "pmtu.h"

enum { DF_BIT = 0x4000, MF_BIT = 0x2000, OFFSET_BITS = 0x1fff, OPTION_COPIED = 0x80, OPTION_END = 0, OPTION_NOP = 1 };

/*
 * RFC 791 section 3.1: options with the copied flag are in every fragment, the others
 * in the first only. False when the options are malformed.
 */
static bool
later_options(struct fragment *f)
{
	uint32_t at = IPV4_HEADER;

	memcpy(f->later_header, f->packet, IPV4_HEADER);
	f->later = IPV4_HEADER;
	while (at < f->header && f->packet[at] != OPTION_END) {
		uint32_t n = 1;

		if (f->packet[at] != OPTION_NOP) {
			n = at + 1 < f->header ? f->packet[at + 1] : 0;
			if (n < 2 || at + n > f->header)
				return false;
		}
		if (f->packet[at] & OPTION_COPIED) {
			memcpy(f->later_header + f->later, f->packet + at, n);
			f->later += n;
		}
		at += n;
	}
	while (f->later % 4)
		f->later_header[f->later++] = OPTION_END;
	f->later_header[0] = (uint8_t)(0x40 | f->later / 4);
	return true;
}

static bool
open_v4(struct fragment *f)
{
	const uint8_t *p = f->packet;

	if (f->len < IPV4_HEADER || get_be16(p + 2) != f->len || get_be16(p + 6) & DF_BIT)
		return false;
	f->header = f->payload_at = (p[0] & 15u) * 4;
	if (f->header < IPV4_HEADER || f->header > f->len)
		return false;
	memcpy(f->first_header, p, f->header);
	return later_options(f);
}

/* "the Per-Fragment headers": those in front of a routing header, and hop-by-hop options; all that transport mode leaves, too. */
static bool
open_v6(struct fragment *f)
{
	struct ip_split s;

	if (f->len < IPV6_HEADER || IPV6_HEADER + (uint32_t)get_be16(f->packet + 4) != f->len ||
	    !ip_split(&s, f->packet, f->len) || s.fragment)
		return false;
	if (s.payload_at != s.header)
		f->identification = get_be32(f->packet + s.header + 4);
	f->header = f->later = s.header + FRAGMENT_HEADER_OCTETS;
	f->payload_at = s.payload_at;
	f->next_at = s.next_at;
	f->next = s.next;
	return true;
}

bool
fragment_open(struct fragment *f, const uint8_t *packet, uint32_t len, uint32_t mtu, uint32_t identification)
{
	uint8_t version = len ? packet[0] >> 4 : 0;

	*f = (struct fragment) { .packet = packet, .len = len, .mtu = mtu, .identification = identification };
	if (version == 4 ? !open_v4(f) : version != 6 || !open_v6(f))
		return false;
	f->at = f->payload_at;
	return mtu >= f->header + 8;
}

static uint32_t
header_of(const struct fragment *f)
{
	return f->at == f->payload_at ? f->header : f->later;
}

/* All but the last carry a multiple of eight octets. */
static uint32_t
payload_of(const struct fragment *f)
{
	uint32_t left = f->len - f->at, room = f->mtu - header_of(f);

	return left <= room ? left : room & ~7u;
}

uint32_t
fragment_next_octets(const struct fragment *f)
{
	return f->at < f->len ? header_of(f) + payload_of(f) : 0;
}

static void
put_header_v4(const struct fragment *f, uint8_t *out, uint32_t payload)
{
	uint16_t was = get_be16(f->packet + 6);
	uint32_t header = header_of(f), offset = (was & OFFSET_BITS) + (f->at - f->payload_at) / 8;
	bool more = f->at + payload < f->len || was & MF_BIT;

	memcpy(out, f->at == f->payload_at ? f->first_header : f->later_header, header);
	put_be16(out + 2, (uint16_t)(header + payload));
	put_be16(out + 6, (uint16_t)((was & ~(OFFSET_BITS | MF_BIT)) | (offset & OFFSET_BITS) | (more ? MF_BIT : 0)));
	put_be16(out + 10, 0);
	checksum_store(out + 10, checksum_add(0, out, header), 0);
}

static void
put_header_v6(const struct fragment *f, uint8_t *out, uint32_t payload)
{
	uint8_t *extra = out + f->header - FRAGMENT_HEADER_OCTETS;

	memcpy(out, f->packet, f->header - FRAGMENT_HEADER_OCTETS);
	extra[0] = f->next;
	extra[1] = 0;
	put_be16(extra + 2, (uint16_t)((f->at - f->payload_at) | (f->at + payload < f->len)));
	put_be32(extra + 4, f->identification);
	ip_complete(out, f->next_at, PROTO_FRAGMENT, f->header + payload);
}

void
fragment_take(struct fragment *f, uint8_t *out)
{
	uint32_t payload = payload_of(f);

	if (f->packet[0] >> 4 == 4)
		put_header_v4(f, out, payload);
	else
		put_header_v6(f, out, payload);
	memcpy(out + header_of(f), f->packet + f->at, payload);
	f->at += payload;
}
