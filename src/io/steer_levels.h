/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_STEER_LEVELS_H
#define SALLYPORT_STEER_LEVELS_H

#include "steer_box.h"

/*
 * An nftables set that is looked up by ranges holds only boxes that do not
 * overlap. So boxes live on levels: those of one level are disjoint, and of two
 * that overlap the one that goes first lives on the lower level, which is looked
 * up earlier. A packet thus finds the first box that covers it, with as many
 * lookups as boxes lie on top of each other, however many there are. Pure.
 */
enum { LEVELS_MAX = 32 };

enum box_verdict { BOX_PROTECT, BOX_PASS, BOX_DROP, BOX_VERDICTS };

/* Which nftables set holds an element. */
enum element_store {
	STORE_NONE,
	STORE_NEW, /* the small set that takes additions: the cost of a change grows with the set's size */
	STORE_OLD,
	STORES,
};

struct element {
	struct box box;
	uint8_t verdict; /* enum box_verdict */
	uint64_t order;  /* lower goes first; then lower age */
	uint64_t age;
	uint8_t level;        /* where it belongs */
	uint8_t store;        /* enum element_store: where the kernel has it ... */
	uint8_t stored_level; /* ... and on which level */
	uint8_t left_store;   /* where it was before a move, until it is taken from there */
	uint8_t left_level;
	bool doomed;      /* is to leave the kernel, then the memory */
	bool touched;     /* is in `touched` */
	size_t index;     /* in `all` */
	uint64_t dropped; /* counted in sets that it has left */
};

struct element_list {
	struct element **e;
	size_t n, cap;
};

/* The beginnings of an element's addresses, for a quick look at whether it can overlap another. */
struct glance {
	uint64_t src_lo, src_hi, dst_lo, dst_hi;
};

struct levels {
	struct glance *glance; /* of all.e[i], in one piece of memory */
	size_t glance_cap;
	struct element_list all;     /* not the doomed ones */
	struct element_list touched; /* those whose place in the kernel is to change */
	uint64_t age;
	bool relaid; /* levels were given anew, some lower: what the kernel has must be made anew as well */
};

/* False when out of memory. */
bool element_list_add(struct element_list *l, struct element *e);

/*
 * Makes and places an element. NULL when out of memory or when more than LEVELS_MAX
 * would lie on top of each other (*crowded). Elements below it may move up; all that
 * changed are in `touched`. It gets no level on which it would meet a doomed element, since
 * those leave the kernel only after it has arrived.
 */
struct element *levels_add(struct levels *l, const struct box *b, enum box_verdict v, uint64_t order, bool *crowded);
/* The element is doomed: it is freed by levels_settle(), or taken back by levels_restore(). */
bool levels_remove(struct levels *l, struct element *e);
bool levels_restore(struct levels *l, struct element *e);
/* The kernel has what `touched` says: frees the doomed and forgets the list. */
void levels_settle(struct levels *l);
void levels_free(struct levels *l);

/* Whether @a goes before @b. */
static inline bool
element_before(const struct element *a, const struct element *b)
{
	return a->order != b->order ? a->order < b->order : a->age < b->age;
}

#endif
