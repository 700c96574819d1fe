/* SPDX-License-Identifier: Apache-2.0 */
#include "sa_selectors.h"

enum { LOCAL, REMOTE, ENDS, ANY_PORT_HI = 65535 };

/* What both forms have beside addresses. */
struct narrow {
	uint16_t port_lo[ENDS], port_hi[ENDS];
	uint8_t proto[ENDS];
	uint8_t pad[2];
};

struct selector_v4 {
	struct range_v4 range;
	struct narrow narrow;
};

struct selector_v6 {
	uint8_t lo[ENDS][16], hi[ENDS][16];
	struct narrow narrow;
};

static bool
pair_usable(const struct selector_pair *ts)
{
	uint8_t f = ts->local.lo.family;

	return (f == IP_V4 || f == IP_V6) && ts->local.hi.family == f && ts->remote.lo.family == f && ts->remote.hi.family == f;
}

static bool
ports_matter(const struct selector *s)
{
	return s->port_lo != 0 || s->port_hi != ANY_PORT_HI;
}

static bool
one_range(const struct selector_pair *ts, size_t n)
{
	return n == 1 && ts->local.lo.family == IP_V4 && !sa_selectors_flags(ts, 1);
}

size_t
sa_selectors_octets(const struct selector_pair *ts, size_t n)
{
	size_t octets = 0;

	for (size_t i = 0; i < n; i++) {
		if (!pair_usable(&ts[i]))
			return SIZE_MAX;
		octets += ts[i].local.lo.family == IP_V4 ? sizeof(struct selector_v4) : sizeof(struct selector_v6);
	}
	return one_range(ts, n) ? 0 : octets;
}

size_t
sa_selectors_octets_of(const struct esp_sa *sa)
{
	return sa->n_v4 * sizeof(struct selector_v4) + sa->n_v6 * sizeof(struct selector_v6);
}

uint16_t
sa_selectors_flags(const struct selector_pair *ts, size_t n)
{
	uint16_t flags = 0;

	for (size_t i = 0; i < n; i++) {
		if (ports_matter(&ts[i].local) || ports_matter(&ts[i].remote))
			flags |= SA_PORTS | SA_NARROW;
		if (ts[i].local.proto || ts[i].remote.proto)
			flags |= SA_NARROW;
	}
	return flags;
}

static struct narrow
narrow_of(const struct selector_pair *ts)
{
	return (struct narrow) {
		.port_lo = { ts->local.port_lo, ts->remote.port_lo },
		.port_hi = { ts->local.port_hi, ts->remote.port_hi },
		.proto = { ts->local.proto, ts->remote.proto },
	};
}

static struct range_v4
range_of(const struct selector_pair *ts)
{
	return (struct range_v4) {
		.lo = { get_be32(ts->local.lo.b), get_be32(ts->remote.lo.b) },
		.hi = { get_be32(ts->local.hi.b), get_be32(ts->remote.hi.b) },
	};
}

static void
pack_v6(struct selector_v6 *out, const struct selector_pair *ts)
{
	*out = (struct selector_v6) { .narrow = narrow_of(ts) };
	memcpy(out->lo[LOCAL], ts->local.lo.b, 16);
	memcpy(out->hi[LOCAL], ts->local.hi.b, 16);
	memcpy(out->lo[REMOTE], ts->remote.lo.b, 16);
	memcpy(out->hi[REMOTE], ts->remote.hi.b, 16);
}

static struct selector_v4 *
packed_v4(struct esp_sa *sa)
{
	return (struct selector_v4 *)((uint8_t *)esp_sa_ring(sa) + replay_ring_octets_of(&sa->replay));
}

void
sa_selectors_pack(struct esp_sa *sa, const struct selector_pair *ts, size_t n)
{
	struct selector_v4 *v4 = packed_v4(sa);
	struct selector_v6 *v6;

	sa->n_v4 = sa->n_v6 = 0;
	if (one_range(ts, n)) {
		sa->range = range_of(ts);
		sa->flags |= SA_ONE_RANGE;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (ts[i].local.lo.family == IP_V4)
			v4[sa->n_v4++] = (struct selector_v4) { range_of(&ts[i]), narrow_of(&ts[i]) };
	v6 = (struct selector_v6 *)(v4 + sa->n_v4);
	for (size_t i = 0; i < n; i++)
		if (ts[i].local.lo.family == IP_V6)
			pack_v6(&v6[sa->n_v6++], &ts[i]);
}

/* The narrow part of a selector, judged by the one implementation of selector.h. */
static bool
narrow_admits(const struct narrow *s, const struct flow *incoming)
{
	struct flow f = flow_reversed(incoming);
	struct selector_pair pair = {
		.local = { .lo = f.src,
		           .hi = f.src,
		           .proto = s->proto[LOCAL],
		           .port_lo = s->port_lo[LOCAL],
		           .port_hi = s->port_hi[LOCAL] },
		.remote = { .lo = f.dst,
		            .hi = f.dst,
		            .proto = s->proto[REMOTE],
		            .port_lo = s->port_lo[REMOTE],
		            .port_hi = s->port_hi[REMOTE] },
	};

	return selector_pair_admits(&pair, &f);
}

static bool
within_v4(const struct range_v4 *r, const uint8_t *packet)
{
	uint32_t src = get_be32(packet + 12), dst = get_be32(packet + 16);

	return dst >= r->lo[LOCAL] && dst <= r->hi[LOCAL] && src >= r->lo[REMOTE] && src <= r->hi[REMOTE];
}

static bool
admits_v4(struct esp_sa *sa, const uint8_t *packet, const struct flow *f)
{
	const struct selector_v4 *s = packed_v4(sa);

	if (sa->flags & SA_ONE_RANGE)
		return within_v4(&sa->range, packet);
	for (size_t i = 0; i < sa->n_v4; i++, s++)
		if (within_v4(&s->range, packet) && (!f || narrow_admits(&s->narrow, f)))
			return true;
	return false;
}

static bool
within_v6(const uint8_t *a, const uint8_t *lo, const uint8_t *hi)
{
	return memcmp(a, lo, 16) >= 0 && memcmp(a, hi, 16) <= 0;
}

static bool
admits_v6(struct esp_sa *sa, const uint8_t *packet, const struct flow *f)
{
	const struct selector_v6 *s = (const struct selector_v6 *)(packed_v4(sa) + sa->n_v4);

	for (size_t i = 0; i < sa->n_v6; i++, s++)
		if (within_v6(packet + 24, s->lo[LOCAL], s->hi[LOCAL]) && within_v6(packet + 8, s->lo[REMOTE], s->hi[REMOTE]) &&
		    (!f || narrow_admits(&s->narrow, f)))
			return true;
	return false;
}

bool
sa_selectors_admit(struct esp_sa *sa, const uint8_t *packet, uint32_t len)
{
	struct flow flow, *f = NULL;

	if (sa->flags & SA_NARROW) {
		if (!flow_from_packet(&flow, span_of(packet, len)))
			return false;
		f = &flow;
	}
	return packet[0] >> 4 == 4 ? admits_v4(sa, packet, f) : admits_v6(sa, packet, f);
}
