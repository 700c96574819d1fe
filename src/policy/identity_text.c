/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <stdio.h>

/* Identities as swanctl.conf writes and strongSwan prints them. */

/* ---- reading */

static bool
starts_with(struct span text, const char *prefix)
{
	return text.n >= strlen(prefix) && memcmp(text.p, prefix, strlen(prefix)) == 0;
}

static bool
holds(struct span text, char c)
{
	return text.n && memchr(text.p, c, text.n);
}

static const char *
take(struct identity *out, uint8_t type, struct span text)
{
	if (text.n == 0)
		return "the identity is empty";
	if (text.n > IDENTITY_OCTETS_MAX)
		return "an identity has at most 256 octets";
	*out = (struct identity) { .type = type, .n = (uint16_t)text.n };
	memcpy(out->b, text.p, text.n);
	return NULL;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "#0a1b2c" and "#0a:1b:2c"; an odd first digit stands alone. */
static const char *
take_hex(struct identity *out, uint8_t type, struct span text)
{
	uint8_t nibbles[2 * IDENTITY_OCTETS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int d = hex_digit(text.p[i]);

		if (text.p[i] == ':')
			continue;
		if (d < 0 || n == sizeof nibbles)
			return "# is followed by hexadecimal digits, two for each of at most 256 octets";
		nibbles[n++] = (uint8_t)d;
	}
	if (n == 0)
		return "# is followed by hexadecimal digits";
	*out = (struct identity) { .type = type, .n = (uint16_t)((n + 1) / 2) };
	for (size_t i = 0, odd = n & 1; i < n; i++)
		out->b[(i + odd) / 2] = (uint8_t)(out->b[(i + odd) / 2] << 4 | nibbles[i]);
	return NULL;
}

static bool
parse_ip(struct ip *out, struct span text)
{
	char buf[IP_TEXT_MAX];

	if (text.n >= sizeof buf || holds(text, 0))
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = 0;
	return ip_parse(out, buf);
}

static bool
parse_bits(unsigned *out, struct span text, unsigned max)
{
	unsigned v = 0;

	if (text.n == 0 || text.n > 3)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(text.p[i] - '0');
	}
	*out = v;
	return v <= max;
}

/* Two addresses' octets, one after the other. */
static void
take_two(struct identity *out, uint8_t v4_type, uint8_t v6_type, const struct ip *a, const struct ip *b)
{
	size_t n = ip_octets(a);

	*out = (struct identity) { .type = a->family == IP_V4 ? v4_type : v6_type, .n = (uint16_t)(2 * n) };
	memcpy(out->b, a->b, n);
	memcpy(out->b + n, b->b, n);
}

static bool
take_subnet(struct identity *out, struct span text, size_t slash)
{
	struct ip a, lo, hi, mask;
	unsigned bits;

	if (!parse_ip(&a, span_of(text.p, slash)) ||
	    !parse_bits(&bits, span_of(text.p + slash + 1, text.n - slash - 1), ip_bits(&a)))
		return false;
	ip_prefix_range(&lo, &hi, &a, bits);
	mask = lo;
	for (size_t i = 0; i < ip_octets(&a); i++)
		mask.b[i] = (uint8_t) ~(lo.b[i] ^ hi.b[i]);
	take_two(out, ID_IPV4_ADDR_SUBNET, ID_IPV6_ADDR_SUBNET, &lo, &mask);
	return true;
}

static bool
take_range(struct identity *out, struct span text, size_t dash)
{
	struct ip lo, hi;

	if (!parse_ip(&lo, span_of(text.p, dash)) || !parse_ip(&hi, span_of(text.p + dash + 1, text.n - dash - 1)) ||
	    lo.family != hi.family || ip_compare(&lo, &hi) > 0)
		return false;
	take_two(out, ID_IPV4_ADDR_RANGE, ID_IPV6_ADDR_RANGE, &lo, &hi);
	return true;
}

/* An address, subnet or range; false when it is none. */
static bool
take_addresses(struct identity *out, struct span text)
{
	const uint8_t *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	const uint8_t *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
	struct ip a;

	if (slash)
		return take_subnet(out, text, (size_t)(slash - text.p));
	if (dash)
		return take_range(out, text, (size_t)(dash - text.p));
	if (!parse_ip(&a, text))
		return false;
	*out = identity_from_ip(&a);
	return true;
}

static bool
any_text(struct span text)
{
	static const char *const any[] = { "", "%any", "%any4", "%any6", "*", "0.0.0.0", "::", "0::0" };

	for (size_t i = 0; i < sizeof any / sizeof *any; i++)
		if (span_equal(text, span_str(any[i])))
			return true;
	return false;
}

static const char *
take_dn(struct identity *out, struct span text)
{
	struct identity id = { .type = ID_DER_ASN1_DN };
	const char *why;

	id.n = (uint16_t)dn_parse(id.b, sizeof id.b, text, &why);
	if (!id.n)
		return why;
	*out = id;
	return NULL;
}

/* "asn1dn:#hex": the name as it is in the certificate, or as text. */
static const char *
take_asn1dn(struct identity *out, struct span text)
{
	struct dn_attribute a[DN_ATTRIBUTES_MAX];
	const char *why;
	size_t n;

	if (!starts_with(text, "#"))
		return take_dn(out, text);
	why = take_hex(out, ID_DER_ASN1_DN, span_of(text.p + 1, text.n - 1));
	if (!why && !dn_read(a, &n, DN_ATTRIBUTES_MAX, identity_span(out)))
		why = "asn1dn:# is followed by a distinguished name in DER, as hexadecimal digits";
	return why;
}

/* "fqdn:", "keyid:" and their like: the type is said, not guessed. NULL in *prefix where none stands in front. */
static const char *
take_prefixed(struct identity *out, struct span text, const char **prefix)
{
	static const struct {
		const char *prefix;
		uint8_t type;
	} types[] = {
		{ "ipv4net:", ID_IPV4_ADDR_SUBNET },
		{ "ipv6net:", ID_IPV6_ADDR_SUBNET },
		{ "ipv4range:", ID_IPV4_ADDR_RANGE },
		{ "ipv6range:", ID_IPV6_ADDR_RANGE },
		{ "ipv4:", ID_IPV4_ADDR },
		{ "ipv6:", ID_IPV6_ADDR },
		{ "rfc822:", ID_USER_FQDN },
		{ "email:", ID_USER_FQDN },
		{ "userfqdn:", ID_USER_FQDN },
		{ "fqdn:", ID_FQDN },
		{ "dns:", ID_FQDN },
		{ "asn1dn:", ID_DER_ASN1_DN },
		{ "asn1gn:", ID_DER_ASN1_GN },
		{ "keyid:", ID_KEY_ID },
	};

	*prefix = NULL;
	for (size_t i = 0; i < sizeof types / sizeof *types && !*prefix; i++) {
		struct span rest;

		if (!starts_with(text, types[i].prefix))
			continue;
		*prefix = types[i].prefix;
		rest = span_of(text.p + strlen(*prefix), text.n - strlen(*prefix));
		if (types[i].type == ID_DER_ASN1_DN)
			return take_asn1dn(out, rest);
		/* RFC 4945 section 3.1.6: nobody would know how to use it. */
		if (types[i].type == ID_DER_ASN1_GN)
			return "a general name is no identity for IKE: name its content, as in fqdn:moon";
		if (types[i].type == ID_FQDN || types[i].type == ID_USER_FQDN || types[i].type == ID_KEY_ID)
			return starts_with(rest, "#") ? take_hex(out, types[i].type, span_of(rest.p + 1, rest.n - 1))
			                              : take(out, types[i].type, rest);
		if (!take_addresses(out, rest) || out->type != types[i].type)
			return "ipv4:, ipv6: and the like are followed by an address (subnet, range) of that kind";
	}
	return NULL;
}

/* "@#hex" is a key id, "@@user@name" a user FQDN, "@name" an FQDN even where it looks like an address. */
static const char *
take_at(struct identity *out, struct span text)
{
	struct span rest = span_of(text.p + 1, text.n - 1);

	if (starts_with(rest, "#"))
		return take_hex(out, ID_KEY_ID, span_of(rest.p + 1, rest.n - 1));
	if (starts_with(rest, "@"))
		return take(out, ID_USER_FQDN, span_of(rest.p + 1, rest.n - 1));
	return take(out, ID_FQDN, rest);
}

static const char *
parse(struct identity *out, struct span text)
{
	const char *prefix, *why = take_prefixed(out, text, &prefix);

	if (prefix)
		return why;
	if (any_text(text)) {
		*out = (struct identity) { .type = ID_ANY };
		return NULL;
	}
	if (holds(text, '='))
		return take_dn(out, text);
	if (starts_with(text, "@"))
		return take_at(out, text);
	if (holds(text, '@'))
		return take(out, ID_USER_FQDN, text);
	if (take_addresses(out, text))
		return NULL;
	/* strongSwan: what has colons and is no IPv6 address is a key id. */
	return take(out, holds(text, ':') ? ID_KEY_ID : ID_FQDN, text);
}

bool
identity_parse(struct identity *out, struct span text, const char **why)
{
	struct identity id;

	*why = parse(&id, text);
	if (*why)
		return false;
	*out = id;
	return true;
}

/* ---- printing */

static bool
printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

static void
format_text(char out[IDENTITY_TEXT_MAX], struct span s)
{
	size_t n = s.n < IDENTITY_TEXT_MAX ? s.n : IDENTITY_TEXT_MAX - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)(s.p[i] < 0x20 || s.p[i] > 0x7e ? '?' : s.p[i]);
	out[n] = 0;
}

/* "0a:1b:2c", with "..." where it would not fit. */
static void
format_hex(char out[IDENTITY_TEXT_MAX], struct span s)
{
	enum { OCTETS_MAX = (IDENTITY_TEXT_MAX - 4) / 3 };
	char *p = out;

	for (size_t i = 0; i < s.n && i < OCTETS_MAX; i++)
		p += snprintf(p, 4, i ? ":%02x" : "%02x", (unsigned)s.p[i]);
	snprintf(p, 4, "%s", s.n > OCTETS_MAX ? "..." : "");
}

static void
format_addresses(char out[IDENTITY_TEXT_MAX], const struct identity *id)
{
	bool subnet = id->type == ID_IPV4_ADDR_SUBNET || id->type == ID_IPV6_ADDR_SUBNET;
	size_t half = id->n / 2u;
	struct ip a = ip_from_octets(span_of(id->b, half)), b = ip_from_octets(span_of(id->b + half, half)), hi = a;
	char lo_text[IP_TEXT_MAX], hi_text[IP_TEXT_MAX];
	int bits;

	for (size_t i = 0; i < half && subnet; i++)
		hi.b[i] |= (uint8_t)~b.b[i];
	bits = subnet ? ip_range_prefix(&a, &hi) : -1;
	ip_format(lo_text, &a);
	ip_format(hi_text, &b);
	/* A mask with holes is printed as it came. */
	if (bits >= 0)
		snprintf(out, IDENTITY_TEXT_MAX, "%s/%d", lo_text, bits);
	else
		snprintf(out, IDENTITY_TEXT_MAX, "%s%s%s", lo_text, subnet ? "/" : "-", hi_text);
}

const char *
identity_format(char out[IDENTITY_TEXT_MAX], const struct identity *id)
{
	struct span s = identity_span(id);
	struct ip a;

	switch (id->type) {
	case ID_ANY:
		snprintf(out, IDENTITY_TEXT_MAX, "%%any");
		return out;
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		a = ip_from_octets(s);
		return ip_format(out, &a);
	case ID_IPV4_ADDR_SUBNET:
	case ID_IPV6_ADDR_SUBNET:
	case ID_IPV4_ADDR_RANGE:
	case ID_IPV6_ADDR_RANGE:
		format_addresses(out, id);
		return out;
	case ID_FQDN:
	case ID_USER_FQDN:
		format_text(out, s);
		return out;
	case ID_DER_ASN1_DN:
		return dn_format(out, IDENTITY_TEXT_MAX, s);
	case ID_KEY_ID:
		if (printable(s))
			format_text(out, s);
		else
			format_hex(out, s);
		return out;
	default:
		format_hex(out, s);
		return out;
	}
}
