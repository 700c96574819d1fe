/* SPDX-License-Identifier: Apache-2.0 */
#include "defrag.h"

#include <stdlib.h>

#include "checksum.h"
#include "form.h"

enum {
	MORE_AND_OFFSET = 0x3fff,
	IPV4_MORE = 0x2000,
	IPV4_OFFSET = 0x1fff,
	IPV6_MORE = 1,
	IPV6_OFFSET = 0xfff8,
	ECN_BITS = 3,
	ECN_CE = 3,
};

/* What fragments of one datagram have in common: RFC 791 section 3.2, RFC 8200 section 4.5. */
struct datagram_id {
	struct ip src, dst;
	uint32_t identification;
	uint8_t proto; /* IPv4 only */
};

/* One fragment, taken apart. */
struct fragment_view {
	struct datagram_id id;
	struct span header; /* that of the fragment, without the Fragment header */
	struct span data;
	uint32_t at, next_at; /* place of the data in the datagram; of the field in the header that names what follows */
	uint8_t next;         /* IPv6: what the Fragment header says is inside */
	uint8_t ecn;
	bool more;
};

struct piece {
	struct piece *next;
	uint32_t at, n;
	uint8_t octets[];
};

struct datagram {
	struct datagram_id id;
	struct piece *first;              /* by place; NULL: the slot is free */
	struct piece *header;             /* of the fragment at 0; its `at` is next_at */
	uint32_t n_pieces, octets, total; /* total 0: the end has not come yet */
	uint8_t next;
	bool seen_ce, seen_not_ect;
	instant_t until;
	uint64_t age;
};

struct defrag {
	struct datagram datagram[DEFRAG_DATAGRAMS_MAX];
	size_t octets;
	uint64_t arrivals;
	uint8_t whole[DEFRAG_DATAGRAM_OCTETS_MAX];
};

struct defrag *
defrag_new(void)
{
	return calloc(1, sizeof(struct defrag));
}

static void
free_piece(struct defrag *d, struct piece *p)
{
	if (!p)
		return;
	d->octets -= sizeof *p + p->n;
	free(p);
}

/* Returns how many fragments are given up with it. */
static uint32_t
forget(struct defrag *d, struct datagram *g)
{
	uint32_t n = g->n_pieces;

	for (struct piece *p = g->first, *next; p; p = next) {
		next = p->next;
		free_piece(d, p);
	}
	free_piece(d, g->header);
	*g = (struct datagram) { 0 };
	return n;
}

void
defrag_free(struct defrag *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < DEFRAG_DATAGRAMS_MAX; i++)
		forget(d, &d->datagram[i]);
	free(d);
}

size_t
defrag_octets(const struct defrag *d)
{
	return d->octets;
}

/* ---- reading fragments */

static bool
view_v4(struct fragment_view *v, struct span p)
{
	uint32_t header, total;

	if (p.n < IPV4_HEADER || !(get_be16(p.p + 6) & MORE_AND_OFFSET))
		return false;
	header = (p.p[0] & 15u) * 4;
	total = get_be16(p.p + 2);
	if (header < IPV4_HEADER || total < header || total > p.n)
		return false;
	*v = (struct fragment_view) {
		.id = { .src = ip_from_octets(span_of(p.p + 12, 4)),
		        .dst = ip_from_octets(span_of(p.p + 16, 4)),
		        .identification = get_be16(p.p + 4),
		        .proto = p.p[9] },
		.header = span_of(p.p, header),
		.data = span_of(p.p + header, total - header),
		.at = (get_be16(p.p + 6) & IPV4_OFFSET) * 8u,
		.more = get_be16(p.p + 6) & IPV4_MORE,
		.ecn = p.p[1] & ECN_BITS,
	};
	return true;
}

static bool
view_v6(struct fragment_view *v, struct span p)
{
	struct ip_split s;
	uint32_t total = p.n < IPV6_HEADER ? 0 : IPV6_HEADER + get_be16(p.p + 4);
	const uint8_t *f;

	if (!total || total > p.n || !ip_split(&s, p.p, total) || !s.fragment)
		return false;
	f = p.p + s.header;
	*v = (struct fragment_view) {
		.id = { .src = ip_from_octets(span_of(p.p + 8, 16)),
		        .dst = ip_from_octets(span_of(p.p + 24, 16)),
		        .identification = get_be32(f + 4) },
		.header = span_of(p.p, s.header),
		.data = span_of(p.p + s.payload_at, total - s.payload_at),
		.at = get_be16(f + 2) & IPV6_OFFSET,
		.next_at = s.next_at,
		.next = f[0],
		.more = get_be16(f + 2) & IPV6_MORE,
		.ecn = (uint8_t)(get_be16(p.p) >> 4) & ECN_BITS,
	};
	return true;
}

static bool
read_fragment(struct fragment_view *v, struct span p)
{
	uint8_t version = p.n ? p.p[0] >> 4 : 0;

	return version == 4 ? view_v4(v, p) : version == 6 && view_v6(v, p);
}

static uint32_t
end_of(const struct fragment_view *v)
{
	return v->at + (uint32_t)v->data.n;
}

/* A datagram is an IP packet: RFC 8200 section 4.5. The Fragment header of IPv6 stays, so its octets count. */
static bool
fits(size_t header, size_t data)
{
	return header + FRAGMENT_HEADER_OCTETS + data <= DEFRAG_DATAGRAM_OCTETS_MAX;
}

/* All but the last carry whole units of eight octets. */
static bool
plausible(const struct fragment_view *v)
{
	return v->data.n && !(v->more && v->data.n % 8) && v->header.n <= DEFRAG_HEADER_OCTETS_MAX &&
	       fits(v->header.n, end_of(v));
}

/* ---- the datagrams */

static bool
same_id(const struct datagram_id *a, const struct datagram_id *b)
{
	return a->identification == b->identification && a->proto == b->proto && ip_equal(&a->src, &b->src) &&
	       ip_equal(&a->dst, &b->dst);
}

static struct datagram *
oldest(struct defrag *d, const struct datagram *but)
{
	struct datagram *old = NULL;

	for (size_t i = 0; i < DEFRAG_DATAGRAMS_MAX; i++) {
		struct datagram *g = &d->datagram[i];

		if (g != but && g->first && (!old || g->age < old->age))
			old = g;
	}
	return old;
}

/* The datagram of a fragment; a new one where there is none, for which the oldest may have to go. */
static struct datagram *
datagram_of(struct defrag *d, const struct datagram_id *id, instant_t now, uint64_t *lost)
{
	struct datagram *unused = NULL;

	for (size_t i = 0; i < DEFRAG_DATAGRAMS_MAX; i++) {
		struct datagram *g = &d->datagram[i];

		if (g->first && g->until <= now)
			*lost += forget(d, g);
		if (g->first && same_id(&g->id, id))
			return g;
		if (!g->first)
			unused = g;
	}
	if (!unused) {
		unused = oldest(d, NULL);
		*lost += forget(d, unused);
	}
	*unused = (struct datagram) { .id = *id, .until = now + DEFRAG_TIMEOUT, .age = d->arrivals++ };
	return unused;
}

/* NULL: no memory. The oldest datagrams but @g make room. */
static struct piece *
new_piece(struct defrag *d, const struct datagram *g, struct span s, uint32_t at, uint64_t *lost)
{
	size_t n = sizeof(struct piece) + s.n;
	struct datagram *old;
	struct piece *p;

	while (d->octets + n > DEFRAG_OCTETS_MAX && (old = oldest(d, g)) != NULL)
		*lost += forget(d, old);
	p = malloc(n);
	if (!p)
		return NULL;
	*p = (struct piece) { .at = at, .n = (uint32_t)s.n };
	memcpy(p->octets, s.p, s.n);
	d->octets += n;
	return p;
}

enum place { PLACE_FREE, PLACE_SAME, PLACE_TAKEN };

/* Where in the list a fragment belongs: *link. */
static enum place
find_place(struct datagram *g, const struct fragment_view *v, struct piece ***link)
{
	struct piece **at = &g->first;

	while (*at && (*at)->at + (*at)->n <= v->at)
		at = &(*at)->next;
	*link = at;
	if (!*at || (*at)->at >= end_of(v))
		return PLACE_FREE;
	return (*at)->at == v->at && (*at)->n == v->data.n && !memcmp((*at)->octets, v->data.p, v->data.n) ? PLACE_SAME
	                                                                                                   : PLACE_TAKEN;
}

/* Whether the fragment agrees with what is known of the datagram's end, which it may be itself. */
static bool
end_agrees(struct datagram *g, const struct fragment_view *v)
{
	if (v->more)
		return !g->total || end_of(v) < g->total;
	for (const struct piece *p = g->first; p; p = p->next)
		if (p->at + p->n > end_of(v))
			return false;
	if (g->total && g->total != end_of(v))
		return false;
	g->total = end_of(v);
	return true;
}

static bool
add(struct defrag *d, struct datagram *g, const struct fragment_view *v, uint64_t *lost)
{
	struct piece **link, *p;
	enum place place = find_place(g, v, &link);

	if (place == PLACE_SAME)
		return true;
	if (place == PLACE_TAKEN || g->n_pieces == DEFRAG_PIECES_MAX || !end_agrees(g, v))
		return false;
	if (!v->at) {
		g->header = new_piece(d, g, v->header, v->next_at, lost);
		g->next = v->next;
		if (!g->header)
			return false;
	}
	p = new_piece(d, g, v->data, v->at, lost);
	if (!p)
		return false;
	p->next = *link;
	*link = p;
	g->n_pieces++;
	g->octets += p->n;
	g->seen_ce |= v->ecn == ECN_CE;
	g->seen_not_ect |= v->ecn == 0;
	return true;
}

/* ---- the whole */

static uint32_t
put_header_v4(uint8_t *out, const struct datagram *g)
{
	uint32_t header = g->header->n;

	/* No fragment any more; and it was one, so it may be cut again. */
	put_be16(out + 6, 0);
	out[1] |= g->seen_ce ? ECN_CE : 0;
	ip_complete(out, 9, out[9], header + g->total);
	return header;
}

static uint32_t
put_header_v6(uint8_t *out, const struct datagram *g)
{
	uint32_t header = g->header->n;
	uint8_t *f = out + header;

	f[0] = g->next;
	f[1] = 0;
	put_be16(f + 2, 0);
	put_be32(f + 4, g->id.identification);
	out[1] |= (uint8_t)(g->seen_ce ? ECN_CE << 4 : 0);
	header += FRAGMENT_HEADER_OCTETS;
	ip_complete(out, g->header->at, PROTO_FRAGMENT, header + g->total);
	return header;
}

static struct span
join(struct defrag *d, struct datagram *g)
{
	uint8_t *out = d->whole;
	uint32_t header;

	memcpy(out, g->header->octets, g->header->n);
	header = out[0] >> 4 == 4 ? put_header_v4(out, g) : put_header_v6(out, g);
	for (const struct piece *p = g->first; p; p = p->next)
		memcpy(out + header + p->at, p->octets, p->n);
	return span_of(out, header + g->total);
}

enum defrag_result
defrag_take(struct defrag *d, struct span *packet, instant_t now, uint64_t *lost)
{
	struct fragment_view v;
	struct datagram *g;

	if (!read_fragment(&v, *packet))
		return DEFRAG_NONE;
	if (!plausible(&v)) {
		++*lost;
		return DEFRAG_LOST;
	}
	g = datagram_of(d, &v.id, now, lost);
	if (!add(d, g, &v, lost)) {
		*lost += forget(d, g) + 1;
		return DEFRAG_LOST;
	}
	if (!g->header || g->octets != g->total)
		return DEFRAG_WAITS;
	/*
	 * The header is the first fragment's, which may be longer than that of the one at the end. RFC 3168 section
	 * 5.3: CE of one fragment is CE of all, but not where another does not understand ECN.
	 */
	if (!fits(g->header->n, g->total) || (g->seen_ce && g->seen_not_ect)) {
		*lost += forget(d, g);
		return DEFRAG_LOST;
	}
	*packet = join(d, g);
	forget(d, g);
	return DEFRAG_WHOLE;
}
