/* SPDX-License-Identifier: Apache-2.0 */
#include "secret_store.h"

#include <stdlib.h>

struct owner_link {
	struct table_link link;
	struct shared_secret *secret;
};

static void
shared_free(struct shared_secret *s)
{
	if (!s)
		return;
	secret_clear(&s->data);
	free(s->owner);
	free(s->links);
	free(s->name);
	free(s);
}

static struct shared_secret *
shared_new(enum secret_origin origin, const char *name, struct span data, const struct identity *owners, size_t n_owners)
{
	struct shared_secret *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->origin = origin;
	s->name = name ? strdup(name) : NULL;
	s->owner = n_owners ? malloc(n_owners * sizeof *owners) : NULL;
	s->links = calloc(n_owners + 1, sizeof *s->links);
	if ((name && !s->name) || (n_owners && !s->owner) || !s->links || !secret_copy(&s->data, data)) {
		shared_free(s);
		return NULL;
	}
	if (n_owners)
		memcpy(s->owner, owners, n_owners * sizeof *owners);
	s->n_owners = n_owners;
	return s;
}

static struct shared_secret *
by_name(const struct secret_store *st, enum secret_origin origin, const char *name)
{
	for (struct table_link *l = name ? table_find(&st->by_name, span_str(name)) : NULL; l; l = table_find_next(l)) {
		struct shared_secret *s = table_entry(l, struct shared_secret, link);

		if (s->origin == origin && !strcmp(s->name, name))
			return s;
	}
	return NULL;
}

static void
unlink_owners(struct secret_store *st, struct shared_secret *s)
{
	for (size_t i = 0; i < s->n_owners; i++)
		table_remove(&st->by_owner, &s->links[i].link);
	if (!s->loose)
		return;
	*(s->prev ? &s->prev->next : &st->loose) = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

static void
link_loose(struct secret_store *st, struct shared_secret *s)
{
	s->loose = true;
	s->next = st->loose;
	if (s->next)
		s->next->prev = s;
	st->loose = s;
}

static bool
link_owners(struct secret_store *st, struct shared_secret *s)
{
	uint8_t room[IDENTITY_OCTETS_MAX + 1];
	bool loose = !s->n_owners;

	for (size_t i = 0; i < s->n_owners; i++) {
		struct span key = identity_key(room, &s->owner[i]);

		s->links[i].secret = s;
		loose |= !key.n;
		if (key.n && !table_insert(&st->by_owner, &s->links[i].link, key)) {
			unlink_owners(st, s);
			return false;
		}
	}
	if (loose)
		link_loose(st, s);
	return true;
}

static bool
link_all(struct secret_store *st, struct shared_secret *s)
{
	if (s->name && !table_insert(&st->by_name, &s->link, span_str(s->name)))
		return false;
	if (link_owners(st, s))
		return true;
	if (s->name)
		table_remove(&st->by_name, &s->link);
	return false;
}

/* The last one moves into the place that gets free. */
static void
take_out(struct secret_store *st, struct shared_secret *s)
{
	if (s->name)
		table_remove(&st->by_name, &s->link);
	unlink_owners(st, s);
	st->s[s->at] = st->s[--st->n];
	st->s[s->at]->at = s->at;
	shared_free(s);
}

static bool
make_room(struct secret_store *st)
{
	size_t cap = st->cap ? 2 * st->cap : 16;
	struct shared_secret **more;

	if (st->n == SECRETS_MAX)
		return false;
	if (st->n < st->cap)
		return true;
	more = realloc(st->s, cap * sizeof *more);
	if (!more)
		return false;
	st->s = more;
	st->cap = cap;
	return true;
}

bool
secret_store_add(struct secret_store *st, enum secret_origin origin, const char *name, struct span data,
                 const struct identity *owners, size_t n_owners)
{
	struct shared_secret *old = by_name(st, origin, name), *s;

	if (n_owners > SECRET_OWNERS_MAX || data.n > SECRET_OCTETS_MAX || !make_room(st))
		return false;
	s = shared_new(origin, name, data, owners, n_owners);
	if (!s)
		return false;
	if (!link_all(st, s)) {
		shared_free(s);
		return false;
	}
	s->at = st->n;
	st->s[st->n++] = s;
	if (old)
		take_out(st, old);
	return true;
}

bool
secret_store_remove(struct secret_store *st, enum secret_origin origin, const char *name)
{
	struct shared_secret *s = by_name(st, origin, name);

	if (!s)
		return false;
	take_out(st, s);
	return true;
}

void
secret_store_clear(struct secret_store *st, enum secret_origin origin)
{
	for (size_t i = st->n; i--;)
		if (st->s[i]->origin == origin)
			take_out(st, st->s[i]);
}

size_t
secret_store_replace(struct secret_store *st, enum secret_origin origin, struct secret_store *from)
{
	size_t lost = 0;

	secret_store_clear(st, origin);
	for (size_t i = 0; i < from->n; i++) {
		const struct shared_secret *s = from->s[i];

		if (s->origin == origin && !secret_store_add(st, origin, s->name, secret_span(&s->data), s->owner, s->n_owners))
			lost++;
	}
	secret_store_free(from);
	return lost;
}

void
secret_store_free(struct secret_store *st)
{
	for (size_t i = 0; i < st->n; i++)
		shared_free(st->s[i]);
	free(st->s);
	table_close(&st->by_name);
	table_close(&st->by_owner);
	*st = (struct secret_store) { 0 };
}

/* ---- lookup */

static int
best_owner(const struct shared_secret *s, const struct identity *id)
{
	int best = 0;

	for (size_t i = 0; i < s->n_owners; i++) {
		int m = identity_match(&s->owner[i], id);

		best = m > best ? m : best;
	}
	return best;
}

struct fit {
	int remote, local; /* how well an owner matches that end; 0: none does */
};

/* False: it is for others. Without owners it is every peer's, just behind one whose owner is %any. */
static bool
fit_of(struct fit *out, const struct shared_secret *s, const struct identity *local, const struct identity *remote)
{
	static const struct identity anybody = { .type = ID_ANY };

	if (s->n_owners)
		*out = (struct fit) { best_owner(s, remote), best_owner(s, local) };
	else
		*out = (struct fit) { .remote = identity_match(&anybody, remote) };
	return out->local || out->remote;
}

/* The peer's end decides before our own: a secret for this very peer goes before one for many. */
static bool
better(const struct fit *a, const struct fit *b)
{
	return a->remote != b->remote ? a->remote > b->remote : a->local > b->local;
}

struct search {
	const struct identity *local, *remote;
	const struct shared_secret *best;
	struct fit fit;
};

static void
consider(struct search *q, const struct shared_secret *s)
{
	struct fit fit;

	if (!fit_of(&fit, s, q->local, q->remote))
		return;
	if (q->best && !better(&fit, &q->fit) && (better(&q->fit, &fit) || q->best->at <= s->at))
		return;
	q->best = s;
	q->fit = fit;
}

static void
consider_owned_by(struct search *q, const struct secret_store *st, const struct identity *id)
{
	uint8_t room[IDENTITY_OCTETS_MAX + 1];
	struct span key = identity_key(room, id);

	for (struct table_link *l = key.n ? table_find(&st->by_owner, key) : NULL; l; l = table_find_next(l))
		consider(q, table_entry(l, struct owner_link, link)->secret);
}

/* One that names the peer exactly goes before all others, so that these are then not looked at. */
static const struct secret *
find_for_pair(const struct secret_store *st, const struct identity *local, const struct identity *remote)
{
	struct search q = { .local = local, .remote = remote };

	consider_owned_by(&q, st, remote);
	if (q.best)
		return &q.best->data;
	consider_owned_by(&q, st, local);
	for (const struct shared_secret *s = st->loose; s; s = s->next)
		consider(&q, s);
	return q.best ? &q.best->data : NULL;
}

const struct secret *
secret_store_find(const struct secret_store *st, const struct psk_query *q)
{
	const struct secret *found = NULL;

	for (size_t i = 0; i < q->n && !found; i++)
		found = find_for_pair(st, &q->local[i], &q->remote[i]);
	return found;
}

bool
secret_store_answer(void *context, struct secret *out, const struct psk_query *q)
{
	const struct secret *s = secret_store_find(context, q);

	return s && secret_copy(out, secret_span(s));
}
