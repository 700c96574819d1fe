/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "dn.h"

/* Distinguished names as text: strongSwan's keywords. */

enum { OID_OCTETS_MAX = 32, VALUE_OCTETS_MAX = 1024 };

/* The first keyword of an OID is the one that is printed. */
static const struct keyword {
	const char *word;
	uint8_t n, oid[10];
} keywords[] = {
	{ "CN", 3, { 0x55, 4, 3 } },
	{ "C", 3, { 0x55, 4, 6 } },
	{ "O", 3, { 0x55, 4, 10 } },
	{ "OU", 3, { 0x55, 4, 11 } },
	{ "L", 3, { 0x55, 4, 7 } },
	{ "ST", 3, { 0x55, 4, 8 } },
	{ "E", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 } },
	{ "emailAddress", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 } },
	{ "email", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 } },
	{ "unstructuredName", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 2 } },
	{ "UN", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 2 } },
	{ "unstructuredAddress", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 8 } },
	{ "UA", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 8 } },
	{ "UID", 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1 } },
	{ "DC", 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 0x19 } },
	{ "SN", 3, { 0x55, 4, 5 } },
	{ "serialNumber", 3, { 0x55, 4, 5 } },
	{ "S", 3, { 0x55, 4, 4 } },
	{ "surname", 3, { 0x55, 4, 4 } },
	{ "STREET", 3, { 0x55, 4, 9 } },
	{ "T", 3, { 0x55, 4, 12 } },
	{ "title", 3, { 0x55, 4, 12 } },
	{ "D", 3, { 0x55, 4, 13 } },
	{ "description", 3, { 0x55, 4, 13 } },
	{ "businessCategory", 3, { 0x55, 4, 15 } },
	{ "postalAddress", 3, { 0x55, 4, 16 } },
	{ "postalCode", 3, { 0x55, 4, 17 } },
	{ "N", 3, { 0x55, 4, 41 } },
	{ "name", 3, { 0x55, 4, 41 } },
	{ "G", 3, { 0x55, 4, 42 } },
	{ "givenName", 3, { 0x55, 4, 42 } },
	{ "I", 3, { 0x55, 4, 43 } },
	{ "initials", 3, { 0x55, 4, 43 } },
	{ "ID", 3, { 0x55, 4, 45 } },
	{ "dnQualifier", 3, { 0x55, 4, 46 } },
	{ "houseIdentifier", 3, { 0x55, 4, 51 } },
	{ "dmdName", 3, { 0x55, 4, 54 } },
	{ "pseudonym", 3, { 0x55, 4, 65 } },
	{ "role", 3, { 0x55, 4, 72 } },
	{ "EN", 10, { 0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 3, 1, 3 } },
	{ "employeeNumber", 10, { 0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 3, 1, 3 } },
};

enum { N_KEYWORDS = sizeof keywords / sizeof keywords[0] };

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
same_word(struct span text, const char *word)
{
	size_t n = strlen(word), i = 0;

	while (i < n && i < text.n && lower(text.p[i]) == lower((uint8_t)word[i]))
		i++;
	return text.n == n && i == n;
}

/* ---- reading */

static struct span
trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_of(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* One number of a dotted OID, off the front of @s. */
static bool
take_arc(uint32_t *out, struct span *s)
{
	size_t i = 0;
	uint64_t v = 0;

	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
		v = v * 10 + (uint64_t)(s->p[i] - '0');
		if (v > UINT32_MAX)
			return false;
	}
	if (i == 0 || (i < s->n && s->p[i] != '.') || i + 1 == s->n)
		return false;
	*out = (uint32_t)v;
	*s = i < s->n ? span_of(s->p + i + 1, s->n - i - 1) : span_of(s->p + i, 0);
	return true;
}

/* X.690 section 8.19.2: base 128, the highest bit set in all octets but the last. */
static size_t
put_arc(uint8_t *out, uint64_t v)
{
	size_t n = 1;

	for (uint64_t rest = v >> 7; rest; rest >>= 7)
		n++;
	for (size_t i = n; i--; v >>= 7)
		out[i] = (uint8_t)((v & 0x7f) | (i + 1 < n ? 0x80 : 0));
	return n;
}

static size_t
parse_oid(uint8_t out[OID_OCTETS_MAX], struct span text)
{
	uint32_t first, second, arc;
	size_t n;

	if (!take_arc(&first, &text) || first > 2 || !take_arc(&second, &text) || (first < 2 && second > 39))
		return 0;
	n = put_arc(out, (uint64_t)first * 40 + second);
	while (text.n) {
		if (n > OID_OCTETS_MAX - 5 || !take_arc(&arc, &text))
			return 0;
		n += put_arc(out + n, arc);
	}
	return n;
}

static size_t
parse_type(uint8_t out[OID_OCTETS_MAX], struct span text)
{
	for (size_t i = 0; i < N_KEYWORDS; i++) {
		if (!same_word(text, keywords[i].word))
			continue;
		memcpy(out, keywords[i].oid, keywords[i].n);
		return keywords[i].n;
	}
	return parse_oid(out, text);
}

/* Where the part that begins at @text ends: at a separator that neither quotes nor a backslash protect. */
static size_t
part_end(struct span text, uint8_t separator)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < text.n && (quoted || text.p[i] != separator); i++) {
		if (text.p[i] == '"')
			quoted = !quoted;
		else if (text.p[i] == '\\' && i + 1 < text.n)
			i++;
	}
	return i;
}

/* Without the quotes and backslashes. */
static size_t
parse_value(uint8_t out[VALUE_OCTETS_MAX], struct span text)
{
	size_t n = 0;

	if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
		text = span_of(text.p + 1, text.n - 2);
	for (size_t i = 0; i < text.n && n < VALUE_OCTETS_MAX; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n)
			i++;
		out[n++] = text.p[i];
	}
	return n;
}

/* X.680 section 41.4; the star is there for patterns only, and strongSwan takes it as printable too. */
static bool
is_printable_string(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool letter = (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');

		if (!letter && (c == 0 || !strchr(" '()+,-./:=?*", c)))
			return false;
	}
	return true;
}

static bool
is_ascii_by_type(struct span oid)
{
	static const uint8_t email[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 };
	static const uint8_t dc[] = { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 0x19 };

	return span_equal(oid, span_of(email, sizeof email)) || span_equal(oid, span_of(dc, sizeof dc));
}

/* What is being written, from the front; an overflow is remembered. */
struct output {
	uint8_t *p;
	size_t n, cap;
	bool full;
};

static void
put(struct output *o, const void *p, size_t n)
{
	o->full |= n > o->cap - o->n;
	if (o->full)
		return;
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void
put_element(struct output *o, uint8_t tag, struct span content)
{
	uint8_t header[4];

	put(o, header, der_put_header(header, tag, content.n));
	put(o, content.p, content.n);
}

/* SET { SEQUENCE { OID, string } } */
static void
put_attribute(struct output *o, struct span oid, struct span value)
{
	uint8_t pair[OID_OCTETS_MAX + VALUE_OCTETS_MAX + 16], set[sizeof pair + 8];
	struct output inner = { .p = pair, .cap = sizeof pair }, outer = { .p = set, .cap = sizeof set };
	uint8_t tag = is_ascii_by_type(oid)        ? DER_IA5_STRING
	              : is_printable_string(value) ? DER_PRINTABLE_STRING
	                                           : DER_UTF8_STRING;

	put_element(&inner, DER_OID, oid);
	put_element(&inner, tag, value);
	put_element(&outer, DER_SEQUENCE, span_of(pair, inner.n));
	put_element(o, DER_SET, span_of(set, outer.n));
}

static const char *
parse_part(struct output *o, struct span part)
{
	const uint8_t *equals = part.n ? memchr(part.p, '=', part.n) : NULL;
	uint8_t oid[OID_OCTETS_MAX], value[VALUE_OCTETS_MAX];
	size_t n_oid, n_value;

	if (!equals)
		return "a distinguished name is a list of type=value, as in \"C=CH, O=strongSwan, CN=moon\"";
	n_oid = parse_type(oid, trim(span_of(part.p, (size_t)(equals - part.p))));
	if (!n_oid)
		return "an unknown type in a distinguished name: known are C, O, OU, CN, ST, L, E, DC, UID, SN and others, or an "
		       "OID in dots";
	n_value = parse_value(value, trim(span_of(equals + 1, part.n - (size_t)(equals + 1 - part.p))));
	put_attribute(o, span_of(oid, n_oid), span_of(value, n_value));
	return o->full ? "the distinguished name is too long" : NULL;
}

size_t
dn_parse(uint8_t *out, size_t cap, struct span text, const char **why)
{
	uint8_t separator = ',';
	struct output o = { .p = out, .cap = cap };
	uint8_t header[4];
	size_t n, parts = 0;

	*why = NULL;
	text = trim(text);
	if (text.n && text.p[0] == '/') {
		separator = '/';
		text = span_of(text.p + 1, text.n - 1);
	}
	while (!*why && text.n) {
		size_t end = part_end(text, separator);
		struct span part = trim(span_of(text.p, end));

		text = end < text.n ? span_of(text.p + end + 1, text.n - end - 1) : span_of(text.p + end, 0);
		if (++parts > DN_ATTRIBUTES_MAX)
			*why = "the distinguished name has too many parts";
		else if (part.n || text.n) /* a separator at the end is nothing */
			*why = parse_part(&o, part);
	}
	n = der_put_header(header, DER_SEQUENCE, o.n);
	if (!*why && n > cap - o.n)
		*why = "the distinguished name is too long";
	if (*why)
		return 0;
	memmove(out + n, out, o.n);
	memcpy(out, header, n);
	return n + o.n;
}

/* ---- printing */

struct printer {
	char *p;
	size_t n, cap;
};

static void
print_octets(struct printer *w, struct span s)
{
	for (size_t i = 0; i < s.n && w->n + 1 < w->cap; i++)
		w->p[w->n++] = (char)(s.p[i] < 0x20 || s.p[i] > 0x7e ? '?' : s.p[i]);
	w->p[w->n] = 0;
}

static void
print_oid(struct printer *w, struct span oid)
{
	char text[24];
	uint64_t v = 0;
	bool first = true;

	for (size_t i = 0; i < oid.n; i++) {
		v = v << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		if (first)
			snprintf(text, sizeof text, "%u.%llu", v < 80 ? (unsigned)v / 40 : 2,
			         (unsigned long long)(v < 80 ? v % 40 : v - 80));
		else
			snprintf(text, sizeof text, ".%llu", (unsigned long long)v);
		print_octets(w, span_str(text));
		first = false;
		v = 0;
	}
}

static void
print_type(struct printer *w, struct span oid)
{
	for (size_t i = 0; i < N_KEYWORDS; i++) {
		if (!span_equal(oid, span_of(keywords[i].oid, keywords[i].n)))
			continue;
		print_octets(w, span_str(keywords[i].word));
		return;
	}
	print_oid(w, oid);
}

const char *
dn_format(char *out, size_t cap, struct span der)
{
	struct dn_attribute a[DN_ATTRIBUTES_MAX];
	struct printer w = { .p = out, .cap = cap };
	size_t n;

	out[0] = 0;
	if (!dn_read(a, &n, DN_ATTRIBUTES_MAX, der)) {
		print_octets(&w, span_str("(not a distinguished name)"));
		return out;
	}
	for (size_t i = 0; i < n; i++) {
		if (i)
			print_octets(&w, span_str(", "));
		print_type(&w, a[i].oid);
		print_octets(&w, span_str("="));
		print_octets(&w, a[i].value);
	}
	return out;
}
