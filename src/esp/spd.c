/* SPDX-License-Identifier: Apache-2.0 */
#include "spd.h"

#include <stdlib.h>

#include "table.h"

/* One selector pair of a policy. */
struct rule {
	struct rule *next;           /* in its bucket of the tuple */
	struct rule *next_of_policy; /* in its bucket of the policy table */
	struct selector_pair ts;
	uint64_t hash, rank, order; /* smaller rank wins, then smaller order */
	uint32_t policy;
};

/* Which bits of a packet all rules of one tuple look up exactly. */
struct shape {
	uint8_t family, src_bits, dst_bits;
	bool proto, sport, dport;
};

/*
 * One bit of @seen for each hash that was ever put in: most tuples have nothing for a
 * packet, and then no rule is touched, which costs a cache miss with many of them.
 */
struct bucket {
	struct rule *first;
	uint64_t seen;
};

struct tuple {
	struct shape shape;
	struct bucket *bucket;
	size_t n_buckets, n;
	uint64_t best; /* no rule has a smaller rank */
};

struct spd {
	uint64_t k0, k1, orders;
	struct tuple *tuple; /* sorted by best */
	size_t n_tuples, room;
	struct rule **policy_bucket;
	size_t n_policy_buckets, n;
};

enum { BUCKETS_MIN = 8, TUPLES_MAX = 4096 };

struct spd *
spd_new(uint64_t k0, uint64_t k1)
{
	struct spd *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	/* The multiplications below need keys of many bits, also where a test gives 1 and 2. */
	s->k0 = siphash24(k0, k1, span_str("spd 0"));
	s->k1 = siphash24(k0, k1, span_str("spd 1"));
	s->n_policy_buckets = BUCKETS_MIN;
	s->policy_bucket = calloc(BUCKETS_MIN, sizeof(struct rule *));
	if (s->policy_bucket)
		return s;
	free(s);
	return NULL;
}

void
spd_free(struct spd *s)
{
	if (!s)
		return;
	for (size_t t = 0; t < s->n_tuples; t++) {
		for (size_t i = 0; i < s->tuple[t].n_buckets; i++)
			for (struct rule *r = s->tuple[t].bucket[i].first, *next; r; r = next) {
				next = r->next;
				free(r);
			}
		free(s->tuple[t].bucket);
	}
	free(s->tuple);
	free(s->policy_bucket);
	free(s);
}

/* ---- what a rule looks like */

/* Leading bits that the whole range shares. */
static uint8_t
common_bits(const struct ip *lo, const struct ip *hi)
{
	size_t n = ip_octets(lo);
	uint8_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned diff = lo->b[i] ^ hi->b[i];

		if (diff)
			return (uint8_t)(bits + __builtin_clz(diff) - 24);
		bits += 8;
	}
	return bits;
}

static struct shape
shape_of(const struct selector_pair *ts)
{
	return (struct shape) {
		.family = ts->local.lo.family,
		.src_bits = common_bits(&ts->local.lo, &ts->local.hi),
		.dst_bits = common_bits(&ts->remote.lo, &ts->remote.hi),
		.proto = ts->local.proto && ts->local.proto == ts->remote.proto,
		.sport = ts->local.port_lo == ts->local.port_hi,
		.dport = ts->remote.port_lo == ts->remote.port_hi,
	};
}

static bool
shape_equal(const struct shape *a, const struct shape *b)
{
	return a->family == b->family && a->src_bits == b->src_bits && a->dst_bits == b->dst_bits && a->proto == b->proto &&
	       a->sport == b->sport && a->dport == b->dport;
}

/* 0 for all ports, 16 for one; OPAQUE counts as one. */
static unsigned
port_bits(const struct selector *s)
{
	unsigned width = (unsigned)s->port_hi - s->port_lo, bits = 16;

	if (s->port_lo > s->port_hi)
		return 16;
	for (; width; width >>= 1)
		bits--;
	return bits;
}

/* Explicit priorities come before all computed ones; then the more specific. */
static uint64_t
rank_of(const struct selector_pair *ts, uint32_t priority)
{
	unsigned addresses = (unsigned)common_bits(&ts->local.lo, &ts->local.hi) + common_bits(&ts->remote.lo, &ts->remote.hi);
	unsigned specific =
	        addresses << 8 | (ts->local.proto || ts->remote.proto) << 7 | (port_bits(&ts->local) + port_bits(&ts->remote));

	return (priority ? priority : UINT64_C(1) << 32) << 20 | (0xfffffu - specific);
}

/* The @bits leading bits of an address, as two words. */
static void
masked(uint64_t out[2], const struct ip *a, unsigned bits)
{
	unsigned high = bits < 64 ? bits : 64, low = bits - high;

	out[0] = high ? get_be64(a->b) & UINT64_MAX << (64 - high) : 0;
	out[1] = low ? get_be64(a->b + 8) & UINT64_MAX << (64 - low) : 0;
}

static uint64_t
multiply_fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Keyed, because narrowed selectors are the peer's choice; but lighter than
 * siphash24, since it runs once for each tuple and packet.
 */
static uint64_t
hash_of(const struct spd *s, const struct shape *h, const struct flow *f)
{
	uint64_t src[2], dst[2], rest = h->proto ? f->proto : 0;

	masked(src, &f->src, h->src_bits);
	masked(dst, &f->dst, h->dst_bits);
	rest |= (uint64_t)(h->sport ? f->sport : 0) << 16 | (uint64_t)(h->dport ? f->dport : 0) << 32;
	rest = multiply_fold(src[0] ^ s->k0, dst[0] ^ s->k1) ^ rest;
	if (h->family == IP_V6)
		rest ^= multiply_fold(src[1] ^ s->k1, dst[1] ^ s->k0);
	return multiply_fold(rest ^ s->k0, s->k1 | 1);
}

/* The flow of the first packet that a rule admits. */
static struct flow
flow_of(const struct selector_pair *ts)
{
	return (struct flow) {
		.src = ts->local.lo,
		.dst = ts->remote.lo,
		.proto = ts->local.proto,
		.ports_known = true,
		.sport = ts->local.port_lo,
		.dport = ts->remote.port_lo,
	};
}

/* ---- tables */

static uint64_t
seen_bit(uint64_t hash)
{
	return UINT64_C(1) << (hash >> 58);
}

static void
bucket_push(struct bucket *b, struct rule *r)
{
	r->next = b->first;
	b->first = r;
	b->seen |= seen_bit(r->hash);
}

static bool
tuple_grow(struct tuple *t)
{
	size_t n = t->n_buckets ? t->n_buckets * 2 : BUCKETS_MIN;
	struct bucket *grown = calloc(n, sizeof *grown);

	if (!grown)
		return false;
	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct rule *r = t->bucket[i].first, *next; r; r = next) {
			next = r->next;
			bucket_push(&grown[r->hash & (n - 1)], r);
		}
	free(t->bucket);
	t->bucket = grown;
	t->n_buckets = n;
	return true;
}

static bool
policies_grow(struct spd *s)
{
	size_t n = s->n_policy_buckets * 2;
	struct rule **grown = calloc(n, sizeof(struct rule *));

	if (!grown)
		return false;
	for (size_t i = 0; i < s->n_policy_buckets; i++)
		for (struct rule *r = s->policy_bucket[i], *next; r; r = next) {
			next = r->next_of_policy;
			r->next_of_policy = grown[r->policy & (n - 1)];
			grown[r->policy & (n - 1)] = r;
		}
	free(s->policy_bucket);
	s->policy_bucket = grown;
	s->n_policy_buckets = n;
	return true;
}

static struct tuple *
tuple_for(struct spd *s, const struct shape *h)
{
	for (size_t i = 0; i < s->n_tuples; i++)
		if (shape_equal(&s->tuple[i].shape, h))
			return &s->tuple[i];
	if (s->n_tuples == TUPLES_MAX)
		return NULL;
	if (s->n_tuples == s->room) {
		size_t room = s->room ? s->room * 2 : BUCKETS_MIN;
		struct tuple *grown = realloc(s->tuple, room * sizeof *grown);

		if (!grown)
			return NULL;
		s->tuple = grown;
		s->room = room;
	}
	s->tuple[s->n_tuples] = (struct tuple) { .shape = *h, .best = UINT64_MAX };
	return &s->tuple[s->n_tuples++];
}

/* Keeps the tuples sorted by their best rank, after that of @t has fallen. */
static void
tuple_promote(struct spd *s, struct tuple *t)
{
	while (t > s->tuple && t[-1].best > t->best) {
		struct tuple x = t[-1];

		t[-1] = *t;
		*t = x;
		t--;
	}
}

static bool
addable(const struct selector_pair *ts)
{
	uint8_t f = ts->local.lo.family;

	return (f == IP_V4 || f == IP_V6) && ts->local.hi.family == f && ts->remote.lo.family == f && ts->remote.hi.family == f;
}

static void
rule_enter(struct spd *s, struct tuple *t, struct rule *r)
{
	struct rule **policy = &s->policy_bucket[r->policy & (s->n_policy_buckets - 1)];

	bucket_push(&t->bucket[r->hash & (t->n_buckets - 1)], r);
	r->next_of_policy = *policy;
	*policy = r;
	t->n++;
	s->n++;
	if (r->rank < t->best) {
		t->best = r->rank;
		tuple_promote(s, t);
	}
}

bool
spd_add(struct spd *s, const struct selector_pair *ts, uint32_t priority, uint32_t policy)
{
	struct shape h;
	struct flow f;
	struct tuple *t;
	struct rule *r;

	if (policy == SPD_NONE || !addable(ts))
		return false;
	h = shape_of(ts);
	t = tuple_for(s, &h);
	if (!t || (t->n >= t->n_buckets && !tuple_grow(t)) || (s->n >= s->n_policy_buckets && !policies_grow(s)))
		return false;
	r = malloc(sizeof *r);
	if (!r)
		return false;
	f = flow_of(ts);
	*r = (struct rule) {
		.ts = *ts, .hash = hash_of(s, &h, &f), .rank = rank_of(ts, priority), .order = s->orders++, .policy = policy
	};
	rule_enter(s, t, r);
	return true;
}

static void
rule_remove(struct spd *s, struct rule *r)
{
	struct shape h = shape_of(&r->ts);
	struct tuple *t = tuple_for(s, &h);
	struct rule **at = &t->bucket[r->hash & (t->n_buckets - 1)].first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
	s->n--;
	if (--t->n)
		return;
	free(t->bucket);
	memmove(t, t + 1, (size_t)(s->tuple + s->n_tuples - (t + 1)) * sizeof *t);
	s->n_tuples--;
}

void
spd_remove(struct spd *s, uint32_t policy)
{
	struct rule **at = &s->policy_bucket[policy & (s->n_policy_buckets - 1)];

	while (*at) {
		struct rule *r = *at;

		if (r->policy != policy) {
			at = &r->next_of_policy;
			continue;
		}
		*at = r->next_of_policy;
		rule_remove(s, r);
	}
}

/* ---- lookup */

static bool
tuple_applies(const struct tuple *t, const struct flow *f)
{
	const struct shape *h = &t->shape;

	return t->n && h->family == f->src.family && (f->ports_known || (!h->sport && !h->dport));
}

static const struct rule *
better_in(const struct spd *s, const struct tuple *t, const struct flow *f, const struct rule *best)
{
	uint64_t hash = hash_of(s, &t->shape, f);
	const struct bucket *b = &t->bucket[hash & (t->n_buckets - 1)];

	if (!(b->seen & seen_bit(hash)))
		return best;
	for (const struct rule *r = b->first; r; r = r->next) {
		if (r->hash != hash || !selector_pair_admits(&r->ts, f))
			continue;
		if (!best || r->rank < best->rank || (r->rank == best->rank && r->order < best->order))
			best = r;
	}
	return best;
}

uint32_t
spd_lookup(const struct spd *s, const struct flow *f)
{
	const struct rule *best = NULL;

	for (size_t i = 0; i < s->n_tuples; i++) {
		const struct tuple *t = &s->tuple[i];

		if (best && t->best > best->rank)
			break;
		if (tuple_applies(t, f))
			best = better_in(s, t, f, best);
	}
	return best ? best->policy : SPD_NONE;
}

uint32_t
spd_lookup_inbound(const struct spd *s, const struct flow *f)
{
	struct flow out = flow_reversed(f);

	return spd_lookup(s, &out);
}

size_t
spd_count(const struct spd *s)
{
	return s->n;
}
