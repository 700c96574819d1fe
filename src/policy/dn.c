/* SPDX-License-Identifier: Apache-2.0 */
#include "dn.h"

/* Distinguished names: their parts and how they match. */

/* RelativeDistinguishedName ::= SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY } */
static bool
read_rdn(struct dn_attribute *out, size_t *n, size_t max, struct span rdn)
{
	struct span pair;

	if (rdn.n == 0)
		return false;
	while (rdn.n) {
		struct dn_attribute *a = &out[*n];

		if (*n == max || !der_take(&rdn, DER_SEQUENCE, &pair) || !der_take(&pair, DER_OID, &a->oid) || a->oid.n == 0 ||
		    !der_next(&pair, &a->tag, &a->value) || pair.n)
			return false;
		++*n;
	}
	return true;
}

bool
dn_read(struct dn_attribute *out, size_t *n, size_t max, struct span der)
{
	struct span rdns, rdn;

	*n = 0;
	if (!der_take(&der, DER_SEQUENCE, &rdns) || der.n)
		return false;
	while (rdns.n)
		if (!der_take(&rdns, DER_SET, &rdn) || !read_rdn(out, n, max, rdn))
			return false;
	return true;
}

/* ---- comparison */

static bool
is_string(uint8_t tag)
{
	return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_T61_STRING || tag == DER_IA5_STRING;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
values_equal(const struct dn_attribute *a, const struct dn_attribute *b)
{
	if (!is_string(a->tag) || !is_string(b->tag))
		return a->tag == b->tag && span_equal(a->value, b->value);
	if (a->value.n != b->value.n)
		return false;
	for (size_t i = 0; i < a->value.n; i++)
		if (lower(a->value.p[i]) != lower(b->value.p[i]))
			return false;
	return true;
}

static bool
is_open(const struct dn_attribute *a)
{
	return is_string(a->tag) && a->value.n == 1 && a->value.p[0] == '*';
}

static bool
attribute_fits(const struct dn_attribute *pattern, const struct dn_attribute *a)
{
	return span_equal(pattern->oid, a->oid) && (is_open(pattern) || values_equal(pattern, a));
}

bool
dn_equal(struct span a, struct span b)
{
	struct dn_attribute x[DN_ATTRIBUTES_MAX], y[DN_ATTRIBUTES_MAX];
	size_t n, m;

	if (span_equal(a, b))
		return true;
	if (!dn_read(x, &n, DN_ATTRIBUTES_MAX, a) || !dn_read(y, &m, DN_ATTRIBUTES_MAX, b) || n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!span_equal(x[i].oid, y[i].oid) || !values_equal(&x[i], &y[i]))
			return false;
	return true;
}

/* In any order: what is said exactly takes its part first, so that an open one gets what is left. */
static bool
all_find_a_place(const struct dn_attribute *pattern, size_t n, const struct dn_attribute *name, size_t m)
{
	bool taken[DN_ATTRIBUTES_MAX] = { 0 };

	for (int open = 0; open <= 1; open++) {
		for (size_t i = 0; i < n; i++) {
			size_t j = 0;

			if (is_open(&pattern[i]) != open)
				continue;
			while (j < m && (taken[j] || !attribute_fits(&pattern[i], &name[j])))
				j++;
			if (j == m)
				return false;
			taken[j] = true;
		}
	}
	return true;
}

static bool
all_fit_in_order(const struct dn_attribute *pattern, const struct dn_attribute *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!attribute_fits(&pattern[i], &name[i]))
			return false;
	return true;
}

int
dn_match(struct span pattern, struct span name, enum rdn_matching how)
{
	struct dn_attribute p[DN_ATTRIBUTES_MAX], a[DN_ATTRIBUTES_MAX];
	size_t n, m;
	int open = 0;

	if (!dn_read(p, &n, DN_ATTRIBUTES_MAX, pattern) || !dn_read(a, &m, DN_ATTRIBUTES_MAX, name))
		return -1;
	if (how == RDN_RELAXED ? n > m : n != m)
		return -1;
	if (how == RDN_STRICT ? !all_fit_in_order(p, a, n) : !all_find_a_place(p, n, a, m))
		return -1;
	for (size_t i = 0; i < n; i++)
		open += is_open(&p[i]);
	return open + (int)(m - n);
}
