/* SPDX-License-Identifier: Apache-2.0 */
#include "config_attribute.h"

const char *
config_type_name(uint8_t type)
{
	static const char *const words[] = { NULL, "REQUEST", "REPLY", "SET", "ACK" };

	return type < sizeof words / sizeof words[0] ? words[type] : NULL;
}

bool
config_attribute_is_unity(uint16_t type)
{
	return type >= UNITY_BANNER && type <= UNITY_DDNS_HOSTNAME;
}

bool
config_attribute_is_xauth(uint16_t type)
{
	return type >= XAUTH_TYPE && type <= XAUTH_ANSWER;
}

const struct attribute *
config_attribute_find(const struct attr_payload *p, uint16_t type, const struct attribute *after)
{
	for (size_t i = after ? (size_t)(after - p->attr) + 1 : 0; i < p->n_attr; i++)
		if (p->attr[i].type == type)
			return &p->attr[i];
	return NULL;
}

struct ip
config_attribute_ip(const struct attribute *a)
{
	size_t n = a->octets.n == 17 ? 16 : a->octets.n;

	if (a->tv || (n != 4 && n != 16))
		return (struct ip) { 0 };
	return ip_from_octets(span_of(a->octets.p, n));
}

static int
mask_bits(uint32_t mask)
{
	int bits = 0;

	while (bits < 32 && mask & UINT32_C(0x80000000)) {
		mask <<= 1;
		bits++;
	}
	return mask ? -1 : bits;
}

size_t
unity_networks_read(struct selector *out, size_t max, struct span octets)
{
	size_t n = 0;

	/* Some leave the last entry's protocol and ports away. */
	for (size_t at = 0; at + 8 <= octets.n && n < max; at += UNITY_NETWORK_OCTETS) {
		struct ip a = ip_from_octets(span_of(octets.p + at, 4));
		int bits = mask_bits(get_be32(octets.p + at + 4));

		if (bits >= 0)
			out[n++] = selector_from_prefix(&a, (unsigned)bits, 0, 0, UINT16_MAX);
	}
	return n;
}

bool
unity_network_write(uint8_t out[UNITY_NETWORK_OCTETS], const struct selector *s)
{
	int bits = s->lo.family == IP_V4 ? ip_range_prefix(&s->lo, &s->hi) : -1;

	if (bits < 0)
		return false;
	memset(out, 0, UNITY_NETWORK_OCTETS);
	memcpy(out, s->lo.b, 4);
	put_be32(out + 4, bits ? UINT32_MAX << (32 - bits) : 0);
	return true;
}
