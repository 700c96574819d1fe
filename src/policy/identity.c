/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

/* Identities and how they match; their text forms are in identity_text.c. */

enum { MATCH_NONE = 0, MATCH_ANY = 1, MATCH_PATTERN = 2, MATCH_EXACT = 1000 };

struct span
identity_span(const struct identity *id)
{
	return span_of(id->b, id->n);
}

/* RFC 2407 section 4.6.2: the fixed lengths; 0 where the type has none. */
static size_t
fixed_octets(uint8_t type)
{
	switch (type) {
	case ID_IPV4_ADDR:
		return 4;
	case ID_IPV6_ADDR:
		return 16;
	case ID_IPV4_ADDR_SUBNET:
	case ID_IPV4_ADDR_RANGE:
		return 8;
	case ID_IPV6_ADDR_SUBNET:
	case ID_IPV6_ADDR_RANGE:
		return 32;
	default:
		return 0;
	}
}

bool
identity_from_wire(struct identity *out, uint8_t type, struct span octets)
{
	size_t fixed = fixed_octets(type);

	if (type == ID_ANY || type > ID_KEY_ID || octets.n == 0 || octets.n > IDENTITY_OCTETS_MAX)
		return false;
	if (fixed && octets.n != fixed)
		return false;
	*out = (struct identity) { .type = type, .n = (uint16_t)octets.n };
	memcpy(out->b, octets.p, octets.n);
	return true;
}

struct identity
identity_from_ip(const struct ip *a)
{
	struct identity id = { .type = a->family == IP_V4 ? ID_IPV4_ADDR : a->family == IP_V6 ? ID_IPV6_ADDR : ID_ANY };

	id.n = (uint16_t)ip_octets(a);
	memcpy(id.b, a->b, id.n);
	return id;
}

static bool
is_name(uint8_t type)
{
	return type == ID_FQDN || type == ID_USER_FQDN;
}

/* ASCII only, whatever the locale. */
static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
names_equal(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool
identity_equal(const struct identity *a, const struct identity *b)
{
	if (a->type != b->type)
		return false;
	if (is_name(a->type))
		return names_equal(identity_span(a), identity_span(b));
	if (a->type == ID_DER_ASN1_DN)
		return dn_equal(identity_span(a), identity_span(b));
	return span_equal(identity_span(a), identity_span(b));
}

struct span
identity_key(uint8_t room[IDENTITY_OCTETS_MAX + 1], const struct identity *id)
{
	bool name = is_name(id->type);

	if (!name && id->type != ID_IPV4_ADDR && id->type != ID_IPV6_ADDR && id->type != ID_KEY_ID)
		return (struct span) { 0 };
	if (name && id->n && id->b[0] == '*')
		return (struct span) { 0 };
	room[0] = id->type;
	for (size_t i = 0; i < id->n; i++)
		room[i + 1] = name ? lower(id->b[i]) : id->b[i];
	return span_of(room, id->n + 1u);
}

/* "*.example.org", "*@example.org", "*": longer is better. A NUL inside a name is a forgery, not a match. */
static int
match_name(struct span pattern, struct span name)
{
	struct span suffix, tail;

	if (pattern.n == 0 || pattern.p[0] != '*' || memchr(name.p, 0, name.n))
		return MATCH_NONE;
	suffix = span_of(pattern.p + 1, pattern.n - 1);
	/* The star stands for something. */
	if (name.n <= suffix.n)
		return MATCH_NONE;
	tail = span_of(name.p + name.n - suffix.n, suffix.n);
	return names_equal(suffix, tail) ? MATCH_PATTERN + (int)suffix.n : MATCH_NONE;
}

/* The more parts are left open, the worse. */
static int
match_dn(struct span pattern, struct span name, uint8_t how)
{
	int open = dn_match(pattern, name, (enum rdn_matching)how);

	return open < 0 ? MATCH_NONE : MATCH_EXACT - 1 - open;
}

static int
common_bits(const uint8_t *a, const uint8_t *b, size_t octets)
{
	size_t n = 0;

	while (n < octets * 8 && ((a[n / 8] ^ b[n / 8]) >> (7 - (n & 7)) & 1) == 0)
		n++;
	return (int)n;
}

/* RFC 2407 4.6.2.5 and 4.6.2.7: address, then mask. */
static int
match_subnet(struct span pattern, struct span address)
{
	size_t n = address.n;
	int bits = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t mask = pattern.p[n + i];

		if ((pattern.p[i] ^ address.p[i]) & mask)
			return MATCH_NONE;
		bits += __builtin_popcount(mask);
	}
	return MATCH_PATTERN + bits;
}

/* RFC 2407 4.6.2.8 and 4.6.2.9: first address, then last. */
static int
match_range(struct span pattern, struct span address)
{
	const uint8_t *lo = pattern.p, *hi = pattern.p + address.n;

	if (memcmp(lo, address.p, address.n) > 0 || memcmp(address.p, hi, address.n) > 0)
		return MATCH_NONE;
	return MATCH_PATTERN + common_bits(lo, hi, address.n);
}

int
identity_match(const struct identity *pattern, const struct identity *id)
{
	struct span p = identity_span(pattern), i = identity_span(id);
	bool v4 = id->type == ID_IPV4_ADDR, v6 = id->type == ID_IPV6_ADDR;

	if (pattern->type == ID_ANY)
		return MATCH_ANY;
	if (identity_equal(pattern, id))
		return MATCH_EXACT;
	if (is_name(id->type) && pattern->type == id->type)
		return match_name(p, i);
	if (id->type == ID_DER_ASN1_DN && pattern->type == id->type)
		return match_dn(p, i, pattern->rdn_matching);
	if ((v4 && pattern->type == ID_IPV4_ADDR_SUBNET) || (v6 && pattern->type == ID_IPV6_ADDR_SUBNET))
		return match_subnet(p, i);
	if ((v4 && pattern->type == ID_IPV4_ADDR_RANGE) || (v6 && pattern->type == ID_IPV6_ADDR_RANGE))
		return match_range(p, i);
	return MATCH_NONE;
}
