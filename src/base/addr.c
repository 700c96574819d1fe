/* SPDX-License-Identifier: Apache-2.0 */
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>

struct ip
ip_from_octets(struct span o)
{
	struct ip a = { .family = o.n == 4 ? IP_V4 : o.n == 16 ? IP_V6 : IP_NONE };

	memcpy(a.b, o.p, ip_octets(&a));
	return a;
}

struct ip
ip_from_v4(uint32_t host_order)
{
	struct ip a = { .family = IP_V4 };

	put_be32(a.b, host_order);
	return a;
}

bool
ip_parse(struct ip *out, const char *text)
{
	struct ip a = { .family = strchr(text, ':') ? IP_V6 : IP_V4 };

	if (inet_pton(a.family == IP_V6 ? AF_INET6 : AF_INET, text, a.b) != 1)
		return false;
	*out = a;
	return true;
}

const char *
ip_format(char out[IP_TEXT_MAX], const struct ip *a)
{
	if (a->family == IP_NONE)
		return strcpy(out, "%any");
	return inet_ntop(a->family == IP_V6 ? AF_INET6 : AF_INET, a->b, out, IP_TEXT_MAX);
}

const char *
endpoint_format(char out[ENDPOINT_TEXT_MAX], const struct endpoint *e)
{
	char ip[IP_TEXT_MAX];

	snprintf(out, ENDPOINT_TEXT_MAX, "%s[%u]", ip_format(ip, &e->ip), (unsigned)e->port);
	return out;
}

int
ip_compare(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, ip_octets(a));
}

bool
ip_equal(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return false;
	/* Sizes that the compiler knows: no call. */
	switch (a->family) {
	case IP_V4:
		return memcmp(a->b, b->b, 4) == 0;
	case IP_V6:
		return memcmp(a->b, b->b, 16) == 0;
	default:
		return true;
	}
}

bool
endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

bool
ip_is_any(const struct ip *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, sizeof zero) == 0;
}

bool
ip_is_loopback(const struct ip *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == IP_V4 ? a->b[0] == 127 : a->family == IP_V6 && memcmp(a->b, one, 16) == 0;
}

bool
ip_is_multicast(const struct ip *a)
{
	return a->family == IP_V4 ? a->b[0] >> 4 == 14 : a->family == IP_V6 && a->b[0] == 0xff;
}

void
ip_prefix_range(struct ip *lo, struct ip *hi, const struct ip *a, unsigned prefix_bits)
{
	struct ip from = *a, to = *a;
	unsigned bits = ip_bits(a);

	for (unsigned i = prefix_bits; i < bits; i++) {
		uint8_t bit = (uint8_t)(0x80 >> (i & 7));

		from.b[i / 8] = (uint8_t)(from.b[i / 8] & ~bit);
		to.b[i / 8] |= bit;
	}
	*lo = from;
	*hi = to;
}

int
ip_range_prefix(const struct ip *lo, const struct ip *hi)
{
	struct ip from, to;
	unsigned bits = ip_bits(lo), n = 0;

	while (n < bits && ((lo->b[n / 8] ^ hi->b[n / 8]) >> (7 - (n & 7)) & 1) == 0)
		n++;
	ip_prefix_range(&from, &to, lo, n);
	return ip_equal(&from, lo) && ip_equal(&to, hi) ? (int)n : -1;
}

bool
ip_next(struct ip *a)
{
	for (size_t i = ip_octets(a); i-- > 0;)
		if (++a->b[i] != 0)
			return true;
	return false;
}
