/* SPDX-License-Identifier: Apache-2.0 */
#include "selector.h"

enum { PORT_MAX = 65535 };

/* RFC 4301 section 4.4.1.1: ANY "encompasses OPAQUE"; OPAQUE is only where the ports cannot be seen. */
static bool
ports_any(const struct selector *s)
{
	return s->port_lo == 0 && s->port_hi == PORT_MAX;
}

static bool
ports_opaque(const struct selector *s)
{
	return s->port_lo > s->port_hi;
}

bool
selector_has_ports(const struct selector *s)
{
	return !ports_any(s) && !ports_opaque(s);
}

struct selector
selector_from_prefix(const struct ip *a, unsigned prefix_bits, uint8_t proto, uint16_t port_lo, uint16_t port_hi)
{
	struct selector s = { .proto = proto, .port_lo = port_lo, .port_hi = port_hi };

	ip_prefix_range(&s.lo, &s.hi, a, prefix_bits);
	return s;
}

struct selector
selector_host(const struct ip *a)
{
	return selector_from_prefix(a, ip_bits(a), 0, 0, PORT_MAX);
}

bool
selector_equal(const struct selector *a, const struct selector *b)
{
	return ip_equal(&a->lo, &b->lo) && ip_equal(&a->hi, &b->hi) && a->proto == b->proto && a->port_lo == b->port_lo &&
	       a->port_hi == b->port_hi;
}

bool
selector_pair_equal(const struct selector_pair *a, const struct selector_pair *b)
{
	return selector_equal(&a->local, &b->local) && selector_equal(&a->remote, &b->remote);
}

bool
selectors_any_dynamic(const struct selector *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (selector_is_dynamic(&s[i]))
			return true;
	return false;
}

struct selector
selector_resolve(const struct selector *s, const struct ip *a)
{
	struct selector r = *s;

	if (selector_is_dynamic(s))
		r.lo = r.hi = *a;
	return r;
}

static bool
ports_intersect(struct selector *out, const struct selector *a, const struct selector *b)
{
	const struct selector *narrower = ports_any(a) ? b : a;

	if (ports_any(a) || ports_any(b) || (ports_opaque(a) && ports_opaque(b))) {
		out->port_lo = narrower->port_lo;
		out->port_hi = narrower->port_hi;
		return true;
	}
	if (ports_opaque(a) || ports_opaque(b))
		return false;
	out->port_lo = a->port_lo > b->port_lo ? a->port_lo : b->port_lo;
	out->port_hi = a->port_hi < b->port_hi ? a->port_hi : b->port_hi;
	return out->port_lo <= out->port_hi;
}

static bool
addresses_intersect(struct selector *out, const struct selector *a, const struct selector *b)
{
	if (a->lo.family != b->lo.family)
		return false;
	out->lo = ip_compare(&a->lo, &b->lo) > 0 ? a->lo : b->lo;
	out->hi = ip_compare(&a->hi, &b->hi) < 0 ? a->hi : b->hi;
	return ip_compare(&out->lo, &out->hi) <= 0;
}

bool
selector_intersect(struct selector *out, const struct selector *a, const struct selector *b)
{
	struct selector s = { .proto = a->proto ? a->proto : b->proto };

	if (a->proto && b->proto && a->proto != b->proto)
		return false;
	if (!ports_intersect(&s, a, b) || !addresses_intersect(&s, a, b))
		return false;
	*out = s;
	return true;
}

bool
selector_contains(const struct selector *outer, const struct selector *inner)
{
	struct selector common;

	return selector_intersect(&common, outer, inner) && selector_equal(&common, inner);
}

static bool
address_within(const struct selector *s, const struct ip *a)
{
	return a->family == s->lo.family && ip_compare(&s->lo, a) <= 0 && ip_compare(a, &s->hi) <= 0;
}

static bool
port_within(const struct selector *s, bool known, uint16_t port)
{
	if (ports_any(s))
		return true;
	if (ports_opaque(s))
		return !known;
	return known && s->port_lo <= port && port <= s->port_hi;
}

static bool
admits(const struct selector *s, const struct ip *a, uint8_t proto, bool known, uint16_t port)
{
	return (s->proto == 0 || s->proto == proto) && port_within(s, known, port) && address_within(s, a);
}

bool
selector_pair_admits(const struct selector_pair *p, const struct flow *f)
{
	return admits(&p->local, &f->src, f->proto, f->ports_known, f->sport) &&
	       admits(&p->remote, &f->dst, f->proto, f->ports_known, f->dport);
}

struct flow
flow_reversed(const struct flow *f)
{
	return (struct flow) { .src = f->dst,
		               .dst = f->src,
		               .proto = f->proto,
		               .ports_known = f->ports_known,
		               .sport = f->dport,
		               .dport = f->sport };
}
