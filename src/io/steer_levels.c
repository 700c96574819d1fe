/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_levels.h"

#include <stdlib.h>

bool
element_list_add(struct element_list *l, struct element *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct element **more = reallocarray(l->e, cap, sizeof(struct element *));

		if (!more)
			return false;
		l->e = more;
		l->cap = cap;
	}
	l->e[l->n++] = e;
	return true;
}

static bool
touch(struct levels *l, struct element *e)
{
	if (!e->touched)
		e->touched = element_list_add(&l->touched, e);
	return e->touched;
}

static struct glance
glance_of(const struct box *b)
{
	return (struct glance) { get_be64(b->src_lo.b), get_be64(b->src_hi.b), get_be64(b->dst_lo.b), get_be64(b->dst_hi.b) };
}

/* False: they have nothing in common. */
static inline bool
may_overlap(const struct glance *a, const struct glance *b)
{
	return a->dst_lo <= b->dst_hi && b->dst_lo <= a->dst_hi && a->src_lo <= b->src_hi && b->src_lo <= a->src_hi;
}

static bool
take_in(struct levels *l, struct element *e)
{
	if (l->all.n == l->glance_cap) {
		size_t cap = l->glance_cap ? l->glance_cap * 2 : 16;
		struct glance *more = reallocarray(l->glance, cap, sizeof *more);

		if (!more)
			return false;
		l->glance = more;
		l->glance_cap = cap;
	}
	e->index = l->all.n;
	if (!element_list_add(&l->all, e))
		return false;
	l->glance[e->index] = glance_of(&e->box);
	return true;
}

static void
take_out(struct levels *l, struct element *e)
{
	struct element *last = l->all.e[--l->all.n];

	l->all.e[e->index] = last;
	l->glance[e->index] = l->glance[l->all.n];
	last->index = e->index;
}

/* The first level from @level on where @e meets no doomed element. */
static unsigned
free_level(const struct levels *l, const struct element *e, unsigned level)
{
	for (size_t i = 0; i < l->touched.n; i++) {
		const struct element *x = l->touched.e[i];

		if (x->doomed && x->store != STORE_NONE && x->stored_level == level && box_overlaps(&x->box, &e->box))
			return free_level(l, e, level + 1);
	}
	return level;
}

/* What lies under @e must live above its level number; the same then holds for what lies under those. */
static bool
push_up(struct levels *l, const struct element *e)
{
	const struct glance mine = glance_of(&e->box);

	for (size_t i = 0; i < l->all.n; i++) {
		struct element *under = l->all.e[i];
		unsigned level;

		if (!may_overlap(&l->glance[i], &mine))
			continue;
		if (under == e || under->level > e->level || !element_before(e, under) || !box_overlaps(&e->box, &under->box))
			continue;
		level = free_level(l, under, e->level + 1u);
		if (level >= LEVELS_MAX)
			return false;
		under->level = (uint8_t)level;
		if (!touch(l, under) || !push_up(l, under))
			return false;
	}
	return true;
}

/* The lowest level above all that go before @e and overlap it. */
static unsigned
highest_before(const struct levels *l, const struct element *e)
{
	const struct glance mine = glance_of(&e->box);
	unsigned level = 0;

	for (size_t i = 0; i < l->all.n; i++) {
		const struct element *x = l->all.e[i];

		if (!may_overlap(&l->glance[i], &mine))
			continue;
		if (x != e && x->level >= level && element_before(x, e) && box_overlaps(&x->box, &e->box))
			level = x->level + 1u;
	}
	return level;
}

static bool
place(struct levels *l, struct element *e)
{
	unsigned level = free_level(l, e, highest_before(l, e));

	if (level >= LEVELS_MAX)
		return false;
	e->level = (uint8_t)level;
	return push_up(l, e);
}

static int
compare_order(const void *a, const void *b)
{
	const struct element *const *x = a, *const *y = b;

	return element_before(*x, *y) ? -1 : 1;
}

/* Every level anew, without the gaps that removals leave. False when there are more than LEVELS_MAX. */
static bool
place_all(struct levels *l)
{
	bool fits = true;

	l->relaid = true;
	qsort(l->all.e, l->all.n, sizeof(struct element *), compare_order);
	for (size_t i = 0; i < l->all.n; i++) {
		l->all.e[i]->index = i;
		l->all.e[i]->level = 0;
		l->glance[i] = glance_of(&l->all.e[i]->box);
	}
	for (size_t i = 0; i < l->all.n; i++) {
		unsigned level = highest_before(l, l->all.e[i]);

		fits = fits && level < LEVELS_MAX;
		l->all.e[i]->level = (uint8_t)(level < LEVELS_MAX ? level : LEVELS_MAX - 1);
	}
	return fits;
}

struct element *
levels_add(struct levels *l, const struct box *b, enum box_verdict v, uint64_t order, bool *crowded)
{
	struct element *e = calloc(1, sizeof *e);

	*crowded = false;
	if (!e)
		return NULL;
	e->box = *b;
	e->verdict = (uint8_t)v;
	e->order = order;
	e->age = ++l->age;
	if (!take_in(l, e)) {
		free(e);
		return NULL;
	}
	if (!touch(l, e)) {
		take_out(l, e);
		free(e);
		return NULL;
	}
	if (place(l, e) || place_all(l))
		return e;
	*crowded = true;
	levels_remove(l, e);
	place_all(l);
	return NULL;
}

bool
levels_remove(struct levels *l, struct element *e)
{
	if (!touch(l, e))
		return false;
	take_out(l, e);
	e->doomed = true;
	return true;
}

bool
levels_restore(struct levels *l, struct element *e)
{
	if (!take_in(l, e))
		return false;
	e->doomed = false;
	return place(l, e) || place_all(l);
}

void
levels_settle(struct levels *l)
{
	for (size_t i = 0; i < l->touched.n; i++) {
		struct element *e = l->touched.e[i];

		e->touched = false;
		if (e->doomed)
			free(e);
	}
	l->touched.n = 0;
	l->relaid = false;
}

void
levels_free(struct levels *l)
{
	levels_settle(l);
	for (size_t i = 0; i < l->all.n; i++)
		free(l->all.e[i]);
	free(l->all.e);
	free(l->glance);
	free(l->touched.e);
	*l = (struct levels) { 0 };
}
