/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core.h"
#include "search.h"

/*
 * Connections whose peer may be at any address. A gateway may have ten thousand of them, told apart only by the identity
 * that comes later. For each of the gateway's own addresses there is a list of them in order of preference, and an index of
 * those that expect exactly one identity.
 */

enum { KINDS_COMPARED = 64 };

struct named {
	uint64_t key; /* of the identity */
	size_t at;    /* in all */
};

struct anywhere {
	enum ike_version version;
	struct ip local;
	struct conn **all;   /* borrowed: a load or unload forgets this list */
	struct conn **kinds; /* the first of each that answer a first message alike */
	struct named *named;
	size_t *open; /* places in `all` of those that any of several identities fits */
	size_t n, n_named, n_open, n_kinds;
};

bool
conn_is_anywhere(const struct conn *c)
{
	for (size_t i = 0; i < c->remote_addrs.n; i++)
		if (c->remote_addrs.a[i].name || !ip_is_any(&c->remote_addrs.a[i].lo) || !ip_is_any(&c->remote_addrs.a[i].hi))
			return false;
	return true;
}

static void
list_free(struct anywhere *a)
{
	if (!a)
		return;
	free(a->all);
	free(a->kinds);
	free(a->named);
	free(a->open);
	free(a);
}

void
anywhere_forget(struct ike *core)
{
	for (size_t i = 0; i < ANYWHERE_KEPT; i++) {
		list_free(core->anywhere[i]);
		core->anywhere[i] = NULL;
	}
}

static struct anywhere *
list_new(size_t most)
{
	struct anywhere *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->all = malloc((most + 1) * sizeof *a->all);
	a->kinds = malloc((most + 1) * sizeof *a->kinds);
	a->named = malloc((most + 1) * sizeof *a->named);
	a->open = malloc((most + 1) * sizeof *a->open);
	if (a->all && a->kinds && a->named && a->open)
		return a;
	list_free(a);
	return NULL;
}

struct ranked {
	struct conn *conn;
	unsigned score; /* how specific it is about our address */
	size_t at;
};

/* Most specific first; else as they stand, which is in order of name. */
static int
by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool
collect(struct ike *core, struct anywhere *a)
{
	struct ranked *r = arena_alloc(&core->scratch, (core->n_conns + 1) * sizeof *r);

	for (size_t i = 0; r && i < core->n_conns; i++) {
		struct conn *c = core->conns[i].conn;
		unsigned score = 0;

		if ((c->version == IKE_ANY || c->version == a->version) && conn_is_anywhere(c) &&
		    address_specs_match_own(&c->local_addrs, &a->local, &score)) {
			r[a->n] = (struct ranked) { c, score, a->n };
			a->n++;
		}
	}
	if (r)
		qsort(r, a->n, sizeof *r, by_rank);
	for (size_t i = 0; i < a->n; i++)
		a->all[i] = r[i].conn;
	return r != NULL;
}

static uint64_t
key_of(struct ike *core, const struct identity *id)
{
	uint8_t room[IDENTITY_OCTETS_MAX + 1];
	struct span key = identity_key(room, id);

	return key.n ? core_digest(core, key) | 1 : 0;
}

static int
by_key(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void
index_identities(struct ike *core, struct anywhere *a)
{
	for (size_t i = 0; i < a->n; i++) {
		uint64_t key = key_of(core, &a->all[i]->remote.id);

		if (key)
			a->named[a->n_named++] = (struct named) { key, i };
		else
			a->open[a->n_open++] = i;
	}
	qsort(a->named, a->n_named, sizeof *a->named, by_key);
}

static void
note_kind(struct anywhere *a, struct conn *c)
{
	for (size_t i = 0; i < a->n_kinds && i < KINDS_COMPARED; i++)
		if (conn_answers_like(a->kinds[i], c))
			return;
	a->kinds[a->n_kinds++] = c;
}

static struct anywhere *
list_make(struct ike *core, enum ike_version v, const struct ip *local)
{
	struct anywhere *a = list_new(core->n_conns);

	if (a) {
		a->version = v;
		a->local = *local;
	}
	if (!a || !collect(core, a)) {
		core->nomem = true;
		list_free(a);
		return NULL;
	}
	index_identities(core, a);
	for (size_t i = 0; i < a->n; i++)
		note_kind(a, a->all[i]);
	return a;
}

const struct anywhere *
anywhere_find(struct ike *core, enum ike_version v, const struct ip *local)
{
	struct anywhere **kept = core->anywhere;

	for (size_t i = 0; i < ANYWHERE_KEPT && kept[i]; i++)
		if (kept[i]->version == v && ip_equal(&kept[i]->local, local))
			return kept[i];
	/* The addresses are our own, so strangers cannot make us rebuild lists again and again. */
	list_free(kept[ANYWHERE_KEPT - 1]);
	memmove(kept + 1, kept, (ANYWHERE_KEPT - 1) * sizeof *kept);
	kept[0] = list_make(core, v, local);
	return kept[0];
}

size_t
anywhere_count(const struct anywhere *a)
{
	return a ? a->n : 0;
}

struct conn *
anywhere_at(const struct anywhere *a, size_t i)
{
	return a && i < a->n ? a->all[i] : NULL;
}

struct conn *
anywhere_kind(const struct anywhere *a, size_t i)
{
	return a && i < a->n_kinds ? a->kinds[i] : NULL;
}

static bool
is_named_before(const void *in, size_t place, const void *key)
{
	const struct anywhere *a = in;

	return a->named[place].key < *(const uint64_t *)key;
}

static size_t
put(const struct anywhere *a, size_t place, struct conn **out, size_t n)
{
	if (out)
		out[n] = a->all[place];
	return n + 1;
}

/* Two lists of places in ascending order become one of connections. */
size_t
anywhere_named(struct ike *core, const struct anywhere *a, const struct identity *id, struct conn **out)
{
	uint64_t key = key_of(core, id);
	size_t i = key ? search_first(a->n_named, is_named_before, a, &key) : a->n_named, k = 0, n = 0;

	for (; i < a->n_named && a->named[i].key == key; i++) {
		while (k < a->n_open && a->open[k] < a->named[i].at)
			n = put(a, a->open[k++], out, n);
		n = put(a, a->named[i].at, out, n);
	}
	while (k < a->n_open)
		n = put(a, a->open[k++], out, n);
	return n;
}
