/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ADDR_H
#define SALLYPORT_ADDR_H

#include "span.h"

enum ip_family {
	IP_NONE = 0, /* unset: "%any" */
	IP_V4 = 4,
	IP_V6 = 6,
};

/* An IPv4 or IPv6 address in network order; IPv4 uses the first four octets, the rest is zero. */
struct ip {
	uint8_t family; /* enum ip_family */
	uint8_t b[16];
};

/* A UDP end: address and port (host order; 0 = unset). */
struct endpoint {
	struct ip ip;
	uint16_t port;
};

enum {
	IP_TEXT_MAX = 46,       /* with NUL */
	ENDPOINT_TEXT_MAX = 56, /* "address[port]" with NUL */
};

static inline size_t
ip_octets(const struct ip *a)
{
	return a->family == IP_V4 ? 4 : a->family == IP_V6 ? 16 : 0;
}

static inline unsigned
ip_bits(const struct ip *a)
{
	return (unsigned)ip_octets(a) * 8;
}

static inline struct span
ip_span(const struct ip *a)
{
	return span_of(a->b, ip_octets(a));
}

/* From 4 or 16 octets; family IP_NONE for any other length. */
struct ip ip_from_octets(struct span octets);
struct ip ip_from_v4(uint32_t host_order);

/* Text without a prefix length. False leaves @out untouched. */
bool ip_parse(struct ip *out, const char *text);

/* "192.0.2.1", "2001:db8::1", "%any". Returns @out. */
const char *ip_format(char out[IP_TEXT_MAX], const struct ip *a);
/* strongSwan's form: "192.0.2.1[500]". Returns @out. */
const char *endpoint_format(char out[ENDPOINT_TEXT_MAX], const struct endpoint *e);

/* Orders by family, then numerically. */
int ip_compare(const struct ip *a, const struct ip *b);
bool ip_equal(const struct ip *a, const struct ip *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* Unset, 0.0.0.0 or ::. */
bool ip_is_any(const struct ip *a);
bool ip_is_loopback(const struct ip *a);
bool ip_is_multicast(const struct ip *a);

/* First and last address of the prefix that holds @a. */
void ip_prefix_range(struct ip *lo, struct ip *hi, const struct ip *a, unsigned prefix_bits);

/* The prefix length that [lo, hi] is exactly, or -1. */
int ip_range_prefix(const struct ip *lo, const struct ip *hi);

/* Plus one, for walking ranges. False on wrap. */
bool ip_next(struct ip *a);

#endif
