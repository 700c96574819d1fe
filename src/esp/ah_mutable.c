/* SPDX-License-Identifier: Apache-2.0 */
#include "form.h"

/*
 * What of an IP header the ICV of AH does not cover, because routers change it:
 * RFC 4302 section 3.3.3.1 and Appendix A.
 */

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	LOOSE_ROUTE = 131,
	STRICT_ROUTE = 137,
	HOP_BY_HOP = 0,
	ROUTING = 43,
	DESTINATION_OPTIONS = 60,
	PAD1 = 0,
	MAY_CHANGE = 0x20, /* of an IPv6 option type: RFC 8200 section 4.2 */
	ROUTING_TYPE_0 = 0,
};

/* Appendix A1: "IMMUTABLE -- included in ICV calculation", by the option's whole type octet. */
static bool
immutable_v4(uint8_t type)
{
	static const uint8_t kept[] = { 130, 133, 134, 148, 149 };

	return memchr(kept, type, sizeof kept) != NULL;
}

/* A source route that is not used up: the ICV is over the destination at its end, which both ends know. */
static void
predict_destination_v4(uint8_t *ip, const uint8_t *option, uint32_t n)
{
	if (n >= 7 && option[2] >= 4 && option[2] <= n - 3u)
		memcpy(ip + 16, option + n - 4, 4);
}

static bool
mask_options_v4(uint8_t *ip, uint32_t header)
{
	for (uint32_t at = IPV4_HEADER, n; at < header; at += n) {
		uint8_t type = ip[at];

		n = 1;
		if (type == OPTION_END)
			return true;
		if (type == OPTION_NOP)
			continue;
		if (at + 2 > header || ip[at + 1] < 2 || at + ip[at + 1] > header)
			return false;
		n = ip[at + 1];
		if (type == LOOSE_ROUTE || type == STRICT_ROUTE)
			predict_destination_v4(ip, ip + at, n);
		/* "the entire option is replaced with zeros" */
		if (!immutable_v4(type))
			memset(ip + at, 0, n);
	}
	return true;
}

static bool
mask_v4(uint8_t *ip, uint32_t header)
{
	ip[1] = 0;           /* DSCP and ECN */
	put_be16(ip + 6, 0); /* flags and fragment offset */
	ip[8] = 0;           /* TTL */
	put_be16(ip + 10, 0);
	return mask_options_v4(ip, header);
}

/* Options of a hop-by-hop or destination options header: their data count as zero where they may change. */
static bool
mask_options_v6(uint8_t *extension, uint32_t octets)
{
	for (uint32_t at = 2, n; at < octets; at += n) {
		n = 1;
		if (extension[at] == PAD1)
			continue;
		if (at + 2 > octets)
			return false;
		n = 2u + extension[at + 1];
		if (at + n > octets)
			return false;
		if (extension[at] & MAY_CHANGE)
			memset(extension + at + 2, 0, n - 2);
	}
	return true;
}

/*
 * "The sender must order the field so that it appears as it will at the
 * receiver": the destination moves to the addresses visited, the last address
 * becomes the destination, and no segments are left.
 */
static bool
predict_routing(uint8_t *ip, uint8_t *routing, uint32_t octets)
{
	uint32_t addresses = (octets - 8) / 16, left = routing[3], first;
	uint8_t final[16];

	if (!left)
		return true;
	if (routing[2] != ROUTING_TYPE_0 || left > addresses || (octets - 8) % 16)
		return false;
	first = addresses - left;
	memcpy(final, routing + 8 + (addresses - 1) * 16, 16);
	memmove(routing + 8 + (first + 1) * 16, routing + 8 + first * 16, (left - 1) * 16);
	memcpy(routing + 8 + first * 16, ip + 24, 16);
	memcpy(ip + 24, final, 16);
	routing[3] = 0;
	return true;
}

static bool
mask_v6(uint8_t *ip, uint32_t header)
{
	uint32_t at = IPV6_HEADER, n;

	/* Version stays; traffic class, flow label and hop limit do not count. */
	put_be32(ip, 6u << 28);
	ip[7] = 0;
	for (uint8_t kind = ip[6]; at < header; at += n) {
		bool ok = true;

		if (at + 8 > header)
			return false;
		n = (ip[at + 1] + 1u) * 8;
		if (at + n > header)
			return false;
		if (kind == HOP_BY_HOP || kind == DESTINATION_OPTIONS)
			ok = mask_options_v6(ip + at, n);
		else if (kind == ROUTING)
			ok = predict_routing(ip, ip + at, n);
		else
			return false;
		if (!ok)
			return false;
		kind = ip[at];
	}
	return true;
}

bool
ah_mask_header(uint8_t *ip, uint32_t header)
{
	return ip[0] >> 4 == 4 ? mask_v4(ip, header) : mask_v6(ip, header);
}
