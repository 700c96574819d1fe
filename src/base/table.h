/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TABLE_H
#define SALLYPORT_TABLE_H

#include "span.h"

/*
 * Intrusive hash table. An element embeds a table_link and gives its key as a
 * span into itself; the table owns no element. Hashing is keyed (SipHash-like
 * resistance is needed, since peers choose cookies and SPIs).
 */
struct table_link {
	struct table_link *next;
	struct table_link **at; /* what points to it; NULL: it is in no table */
	uint64_t hash;
};

struct table {
	struct table_link **bucket;
	size_t n_buckets; /* a power of two, or 0 before the first insert */
	size_t n;
	uint64_t k0, k1;
};

/* @k0, @k1: a random hash key. Close frees the buckets, not the elements. */
void table_open(struct table *t, uint64_t k0, uint64_t k1);
void table_close(struct table *t);

/* False when out of memory; the table is then unchanged. Duplicate keys are allowed. */
bool table_insert(struct table *t, struct table_link *l, struct span key);
/* In constant time, however many share a key. No-op for an all-zero link and for one that was removed. */
void table_remove(struct table *t, struct table_link *l);

/*
 * Candidates whose hash is that of @key; the caller compares the key itself:
 *   for (l = table_find(t, key); l; l = table_find_next(l))
 */
struct table_link *table_find(const struct table *t, struct span key);
struct table_link *table_find_next(const struct table_link *l);

uint64_t siphash24(uint64_t k0, uint64_t k1, struct span in);

#define table_entry(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

#endif
