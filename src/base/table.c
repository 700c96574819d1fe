/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>

enum { TABLE_BUCKETS_MIN = 16 };

static inline uint64_t
rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-2-4 (Aumasson, Bernstein 2012): keyed, so peers cannot aim at one bucket. */
uint64_t
siphash24(uint64_t k0, uint64_t k1, struct span in)
{
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		          k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	uint64_t m, last = (uint64_t)in.n << 56;
	size_t i = 0;

	for (; i + 8 <= in.n; i += 8) {
		memcpy(&m, in.p + i, 8);
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	for (int shift = 0; i < in.n; i++, shift += 8)
		last |= (uint64_t)in.p[i] << shift;
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int r = 0; r < 4; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void
table_open(struct table *t, uint64_t k0, uint64_t k1)
{
	*t = (struct table){ .k0 = k0, .k1 = k1 };
}

void
table_close(struct table *t)
{
	free(t->bucket);
	*t = (struct table){ 0 };
}

static void
push(struct table *t, struct table_link *l)
{
	struct table_link **head = &t->bucket[l->hash & (t->n_buckets - 1)];

	l->next = *head;
	l->at = head;
	if (l->next)
		l->next->at = &l->next;
	*head = l;
}

static bool
grow(struct table *t)
{
	struct table bigger = *t;

	bigger.n_buckets = t->n_buckets ? t->n_buckets * 2 : TABLE_BUCKETS_MIN;
	bigger.bucket = calloc(bigger.n_buckets, sizeof *bigger.bucket);
	if (!bigger.bucket)
		return false;
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct table_link *l = t->bucket[i], *next; l; l = next) {
			next = l->next;
			push(&bigger, l);
		}
	}
	free(t->bucket);
	*t = bigger;
	return true;
}

bool
table_insert(struct table *t, struct table_link *l, struct span key)
{
	if (t->n >= t->n_buckets && !grow(t))
		return false;
	l->hash = siphash24(t->k0, t->k1, key);
	push(t, l);
	t->n++;
	return true;
}

void
table_remove(struct table *t, struct table_link *l)
{
	if (!l->at)
		return;
	*l->at = l->next;
	if (l->next)
		l->next->at = l->at;
	l->next = NULL;
	l->at = NULL;
	t->n--;
}

static struct table_link *
same_hash(struct table_link *l, uint64_t hash)
{
	while (l && l->hash != hash)
		l = l->next;
	return l;
}

struct table_link *
table_find(const struct table *t, struct span key)
{
	uint64_t hash = siphash24(t->k0, t->k1, key);

	return t->n_buckets ? same_hash(t->bucket[hash & (t->n_buckets - 1)], hash) : NULL;
}

struct table_link *
table_find_next(const struct table_link *l)
{
	return same_hash(l->next, l->hash);
}
