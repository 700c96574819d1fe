/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "pmtu.h"

enum {
	IPV4_MIN = 20,
	DF_BIT = 0x4000,
	MF_BIT = 0x2000,
	OFFSET_BITS = 0x1fff,
	OPTION_COPIED = 0x80,
	OPTION_END = 0,
	OPTION_NOP = 1
};

/*
 * RFC 791 section 3.1: options with the copied flag are in every fragment, the others
 * in the first only. False when the options are malformed.
 */
static bool
later_options(struct fragment *f)
{
	uint32_t at = IPV4_MIN;

	memcpy(f->later_header, f->packet, IPV4_MIN);
	f->later = IPV4_MIN;
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

bool
fragment_open(struct fragment *f, const uint8_t *packet, uint32_t len, uint32_t mtu)
{
	*f = (struct fragment) { .packet = packet, .len = len, .mtu = mtu };
	if (len < IPV4_MIN || packet[0] >> 4 != 4 || get_be16(packet + 2) != len || get_be16(packet + 6) & DF_BIT)
		return false;
	f->header = (packet[0] & 15u) * 4;
	if (f->header < IPV4_MIN || f->header > len || mtu < f->header + 8)
		return false;
	f->at = f->header;
	memcpy(f->first_header, packet, f->header);
	return later_options(f);
}

static uint32_t
header_of(const struct fragment *f)
{
	return f->at == f->header ? f->header : f->later;
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

void
fragment_take(struct fragment *f, uint8_t *out)
{
	uint32_t header = header_of(f), payload = payload_of(f);
	uint16_t was = get_be16(f->packet + 6);
	uint32_t offset = (was & OFFSET_BITS) + (f->at - f->header) / 8;
	bool more = f->at + payload < f->len || was & MF_BIT;

	memcpy(out, f->at == f->header ? f->first_header : f->later_header, header);
	put_be16(out + 2, (uint16_t)(header + payload));
	put_be16(out + 6, (uint16_t)((was & ~(OFFSET_BITS | MF_BIT)) | (offset & OFFSET_BITS) | (more ? MF_BIT : 0)));
	put_be16(out + 10, 0);
	checksum_store(out + 10, checksum_add(0, out, header), 0);
	memcpy(out + header, f->packet + f->at, payload);
	f->at += payload;
}
