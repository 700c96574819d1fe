/* SPDX-License-Identifier: Apache-2.0 */
#include "pools.h"

#include <stdlib.h>

/* Leases in memory: found by address and by identity. */

static struct lease *
by_ip(const struct pool *p, const struct ip *ip)
{
	for (struct table_link *l = table_find(&p->by_ip, ip_span(ip)); l; l = table_find_next(l)) {
		struct lease *e = table_entry(l, struct lease, by_ip);

		if (ip_equal(&e->ip, ip))
			return e;
	}
	return NULL;
}

/* The next lease of an identity that is free; NULL: it has none. */
static struct lease *
offline_of(const struct pool *p, const struct identity *id)
{
	for (struct table_link *l = table_find(&p->by_id, identity_span(id)); l; l = table_find_next(l)) {
		struct lease *e = table_entry(l, struct lease, by_id);

		if (!e->holders && identity_equal(&e->id, id))
			return e;
	}
	return NULL;
}

static void
queue_take(struct pool *p, struct lease *e)
{
	*(e->prev ? &e->prev->next : &p->offline) = e->next;
	*(e->next ? &e->next->prev : &p->last_offline) = e->prev;
	e->next = e->prev = NULL;
}

static void
queue_put(struct pool *p, struct lease *e)
{
	e->prev = p->last_offline;
	e->next = NULL;
	*(e->prev ? &e->prev->next : &p->offline) = e;
	p->last_offline = e;
}

static bool
within(const struct pool *p, const struct ip *ip)
{
	return ip->family == p->lo.family && ip_compare(&p->lo, ip) <= 0 && ip_compare(ip, &p->hi) <= 0;
}

static bool
remember(struct pool *p, struct lease *e)
{
	if (p->n_leases == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct lease **more = p->n_leases < POOL_LEASES_MAX ? realloc(p->all, cap * sizeof(struct lease *)) : NULL;

		if (!more)
			return false;
		p->all = more;
		p->cap = cap;
	}
	if (!table_insert(&p->by_ip, &e->by_ip, ip_span(&e->ip)))
		return false;
	if (!table_insert(&p->by_id, &e->by_id, identity_span(&e->id))) {
		table_remove(&p->by_ip, &e->by_ip);
		return false;
	}
	p->all[p->n_leases++] = e;
	return true;
}

static bool
lend(struct pool *p, struct lease *e, struct ip *out)
{
	if (!e->holders++) {
		queue_take(p, e);
		p->n_online++;
	}
	*out = e->ip;
	return true;
}

static bool
lend_new(struct pool *p, const struct ip *ip, const struct identity *id, struct ip *out)
{
	struct lease *e = calloc(1, sizeof *e);

	if (!e)
		return false;
	e->ip = *ip;
	e->id = *id;
	if (!remember(p, e)) {
		free(e);
		return false;
	}
	queue_put(p, e);
	return lend(p, e, out);
}

/* The owner of an address changes: the one before was away for longest. */
static bool
lend_anew(struct pool *p, struct lease *e, const struct identity *id, struct ip *out)
{
	table_remove(&p->by_id, &e->by_id);
	e->id = *id;
	if (!table_insert(&p->by_id, &e->by_id, identity_span(&e->id)))
		return false;
	return lend(p, e, out);
}

static bool
lend_held(struct pool *p, struct ip *out, const struct identity *id, const struct ip *wanted, const struct ip *held, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct lease *e = held[i].family == wanted->family ? by_ip(p, &held[i]) : NULL;

		if (e && identity_equal(&e->id, id))
			return lend(p, e, out);
	}
	return false;
}

static bool
lend_wanted(struct pool *p, struct ip *out, const struct identity *id, const struct ip *wanted)
{
	struct lease *e = within(p, wanted) ? by_ip(p, wanted) : NULL;

	if (ip_is_any(wanted) || !within(p, wanted))
		return false;
	if (e)
		return !e->holders && identity_equal(&e->id, id) && lend(p, e, out);
	return lend_new(p, wanted, id, out);
}

static bool
lend_fresh(struct pool *p, struct ip *out, const struct identity *id)
{
	while (p->fresh.family && by_ip(p, &p->fresh))
		if (!ip_next(&p->fresh) || ip_compare(&p->fresh, &p->hi) > 0)
			p->fresh = (struct ip) { 0 };
	/* Where there is no memory for it, it is the next one's. */
	return p->fresh.family && lend_new(p, &p->fresh, id, out);
}

bool
pool_acquire(struct pool *p, struct ip *out, const struct identity *id, const struct ip *wanted, const struct ip *held,
             size_t n_held)
{
	struct lease *own;

	if (wanted->family != p->lo.family)
		return false;
	if (lend_held(p, out, id, wanted, held, n_held) || lend_wanted(p, out, id, wanted))
		return true;
	own = offline_of(p, id);
	if (own)
		return lend(p, own, out);
	return lend_fresh(p, out, id) || (p->offline && lend_anew(p, p->offline, id, out));
}

bool
pool_release(struct pool *p, const struct ip *ip, const struct identity *id)
{
	struct lease *e = by_ip(p, ip);

	if (!e || !e->holders || !identity_equal(&e->id, id))
		return false;
	if (!--e->holders) {
		p->n_online--;
		queue_put(p, e);
	}
	return true;
}

/* ---- the pools */

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_leases; i++)
		free(p->all[i]);
	free(p->all);
	table_close(&p->by_ip);
	table_close(&p->by_id);
	attribute_list_free(&p->attributes);
	free(p->name);
	free(p->base);
	free(p);
}

static size_t
place(const struct pools *l, const char *name)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->p[i]->name, name) != 0)
		i++;
	return i;
}

struct pool *
pools_find(const struct pools *l, const char *name)
{
	size_t i = place(l, name);

	return i < l->n ? l->p[i] : NULL;
}

/* A lease moves to the pool that takes the place of its own; those outside go with the old one. */
static void
inherit(struct pool *to, struct pool *from)
{
	size_t kept = 0;

	for (size_t i = 0; i < from->n_leases; i++) {
		struct lease *e = from->all[i];

		table_remove(&from->by_ip, &e->by_ip);
		table_remove(&from->by_id, &e->by_id);
		if (!e->holders)
			queue_take(from, e);
		if (!within(to, &e->ip) || !remember(to, e)) {
			from->all[kept++] = e;
			continue;
		}
		to->n_online += e->holders > 0;
		if (!e->holders)
			queue_put(to, e);
	}
	from->n_leases = kept;
}

bool
pools_put(struct pools *l, struct pool *p)
{
	size_t i = place(l, p->name);
	struct pool **more;

	if (i < l->n) {
		inherit(p, l->p[i]);
		pool_free(l->p[i]);
		l->p[i] = p;
		return true;
	}
	more = l->n < POOLS_MAX ? realloc(l->p, (l->n + 1) * sizeof(struct pool *)) : NULL;
	if (!more) {
		pool_free(p);
		return false;
	}
	l->p = more;
	l->p[l->n++] = p;
	return true;
}

static void
take_out(struct pools *l, size_t i)
{
	pool_free(l->p[i]);
	memmove(&l->p[i], &l->p[i + 1], (--l->n - i) * sizeof(struct pool *));
}

bool
pools_remove(struct pools *l, const char *name)
{
	size_t i = place(l, name);

	if (i == l->n || l->p[i]->n_online)
		return false;
	take_out(l, i);
	return true;
}

void
pools_replace_file(struct pools *l, struct pools *from)
{
	for (size_t i = l->n; i--;)
		if (l->p[i]->origin == POOL_FROM_FILE && !l->p[i]->n_online && !pools_find(from, l->p[i]->name))
			take_out(l, i);
	for (size_t i = 0; i < from->n; i++)
		pools_put(l, from->p[i]);
	free(from->p);
	*from = (struct pools) { 0 };
}

void
pools_free(struct pools *l)
{
	for (size_t i = 0; i < l->n; i++)
		pool_free(l->p[i]);
	free(l->p);
	*l = (struct pools) { 0 };
}
