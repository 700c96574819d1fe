/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core.h"
#include "search.h"

/*
 * Unique ids are assigned in rising order, so an array that is only appended to
 * stays sorted. A removal leaves a hole; when half of it is holes, it is compacted.
 */
static bool
is_lower(const void *in, size_t place, const void *id)
{
	const struct id_index *x = in;

	return x->e[place].id < *(const uint32_t *)id;
}

static size_t
lower_bound(const struct id_index *x, uint32_t id)
{
	return search_first(x->n, is_lower, x, &id);
}

static void
compact(struct id_index *x)
{
	size_t to = 0;

	for (size_t i = 0; i < x->n; i++)
		if (x->e[i].p)
			x->e[to++] = x->e[i];
	x->n = to;
	x->dead = 0;
}

bool
id_index_add(struct id_index *x, uint32_t id, void *p)
{
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap + x->cap / 2 + 1 : 16;
		void *e = realloc(x->e, cap * sizeof x->e[0]);

		if (!e)
			return false;
		x->e = e;
		x->cap = cap;
	}
	x->e[x->n].id = id;
	x->e[x->n++].p = p;
	return true;
}

void
id_index_remove(struct id_index *x, uint32_t id)
{
	size_t i = lower_bound(x, id);

	if (i == x->n || x->e[i].id != id || !x->e[i].p)
		return;
	x->e[i].p = NULL;
	if (++x->dead * 2 > x->n + 16)
		compact(x);
}

void *
id_index_find(const struct id_index *x, uint32_t id)
{
	size_t i = lower_bound(x, id);

	return i < x->n && x->e[i].id == id ? x->e[i].p : NULL;
}

void *
id_index_after(const struct id_index *x, uint32_t after)
{
	if (after == UINT32_MAX)
		return NULL;
	for (size_t i = lower_bound(x, after + 1); i < x->n; i++)
		if (x->e[i].p)
			return x->e[i].p;
	return NULL;
}

bool
timer_owner_add(struct ike *core)
{
	if (!timers_reserve(&core->timers, core->n_timers + 1))
		return false;
	core->n_timers++;
	return true;
}

uint64_t
core_digest(const struct ike *core, struct span in)
{
	return siphash24(core->k0, core->k1, in);
}

struct id_box *
id_box_new(const struct identity *id)
{
	struct span s = identity_span(id);
	struct id_box *box = malloc(sizeof *box + s.n);

	if (!box)
		return NULL;
	box->type = id->type;
	box->n = (uint16_t)s.n;
	if (s.n)
		memcpy(box->b, s.p, s.n);
	return box;
}

struct identity
id_box_get(const struct id_box *box)
{
	struct identity id = { .type = ID_ANY };

	if (!box)
		return id;
	id.type = box->type;
	id.n = box->n;
	memcpy(id.b, box->b, box->n);
	return id;
}
