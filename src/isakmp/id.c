/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

/* Identification Payload, RFC 2407 section 4.6.2. */
void
id_wire(struct wire *w, struct id_payload *id)
{
	wire_u8(w, "ID Type", &id->type);
	wire_u8(w, "Protocol ID", &id->proto);
	wire_u16(w, "Port", &id->port);
	wire_rest(w, "Identification Data", &id->data);
}

bool
id_payload_identity(struct identity *out, const struct id_payload *p)
{
	return identity_from_wire(out, p->type, p->data);
}

/* An address and a netmask; masks with holes have no range. */
static bool
subnet_range(struct ip *lo, struct ip *hi, struct span data)
{
	size_t n = data.n / 2;
	unsigned bits = 0;
	struct ip a = ip_from_octets(span_of(data.p, n));

	while (bits < 8 * n && data.p[n + bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (unsigned i = bits; i < 8 * n; i++)
		if (data.p[n + i / 8] & 0x80 >> i % 8)
			return false;
	ip_prefix_range(lo, hi, &a, bits);
	return true;
}

/* Identification Data of the address types, RFC 2407 sections 4.6.2.2 to 4.6.2.9. */
static bool
address_range(struct ip *lo, struct ip *hi, const struct id_payload *p)
{
	bool v4 = p->type == ID_IPV4_ADDR || p->type == ID_IPV4_ADDR_SUBNET || p->type == ID_IPV4_ADDR_RANGE;
	size_t n = v4 ? 4 : 16;

	switch (p->type) {
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		if (p->data.n != n)
			return false;
		*lo = *hi = ip_from_octets(p->data);
		return true;
	case ID_IPV4_ADDR_SUBNET:
	case ID_IPV6_ADDR_SUBNET:
		return p->data.n == 2 * n && subnet_range(lo, hi, p->data);
	case ID_IPV4_ADDR_RANGE:
	case ID_IPV6_ADDR_RANGE:
		if (p->data.n != 2 * n)
			return false;
		*lo = ip_from_octets(span_of(p->data.p, n));
		*hi = ip_from_octets(span_of(p->data.p + n, n));
		return ip_compare(lo, hi) <= 0;
	}
	return false;
}

bool
id_payload_selector(struct selector *out, const struct id_payload *p)
{
	struct selector s = { .proto = p->proto, .port_lo = 0, .port_hi = UINT16_MAX };

	if (!address_range(&s.lo, &s.hi, p))
		return false;
	/* "A value of zero means that the Port field should be ignored." (4.6.2) */
	if (p->port)
		s.port_lo = s.port_hi = p->port;
	*out = s;
	return true;
}

static void
netmask(uint8_t *out, size_t n, unsigned bits)
{
	memset(out, 0, n);
	for (unsigned i = 0; i < bits; i++)
		out[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

bool
id_payload_from_selector(struct id_payload *out, uint8_t room[32], const struct selector *s)
{
	bool v4 = s->lo.family == IP_V4;
	bool any_port = s->port_lo == 0 && s->port_hi == UINT16_MAX;
	size_t n = ip_octets(&s->lo);
	int prefix;

	if (n == 0 || s->hi.family != s->lo.family || ip_compare(&s->lo, &s->hi) > 0)
		return false;
	if (!any_port && (s->port_lo != s->port_hi || s->port_lo == 0))
		return false;
	*out = (struct id_payload) { .proto = s->proto, .port = any_port ? 0 : s->port_lo };
	memcpy(room, s->lo.b, n);
	prefix = ip_range_prefix(&s->lo, &s->hi);
	if (prefix == (int)ip_bits(&s->lo)) {
		out->type = v4 ? ID_IPV4_ADDR : ID_IPV6_ADDR;
		out->data = span_of(room, n);
		return true;
	}
	if (prefix >= 0) {
		out->type = v4 ? ID_IPV4_ADDR_SUBNET : ID_IPV6_ADDR_SUBNET;
		netmask(room + n, n, (unsigned)prefix);
	} else {
		out->type = v4 ? ID_IPV4_ADDR_RANGE : ID_IPV6_ADDR_RANGE;
		memcpy(room + n, s->hi.b, n);
	}
	out->data = span_of(room, 2 * n);
	return true;
}
