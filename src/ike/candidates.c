/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core.h"

/*
 * Which connections an unknown peer may mean: those that match both addresses.
 * Among ten thousand peers with an address each, only the connections of that
 * address are looked at; peers at any address are found by identity (anywhere.c).
 */

/* Whether it names only single addresses. */
static bool
is_exact(const struct conn *c)
{
	for (size_t i = 0; i < c->remote_addrs.n; i++) {
		const struct address_spec *a = &c->remote_addrs.a[i];

		if (a->name || ip_is_any(&a->lo) || !ip_equal(&a->lo, &a->hi))
			return false;
	}
	return c->remote_addrs.n > 0;
}

static size_t
link_count(const struct conn *c)
{
	return conn_is_anywhere(c) ? 0 : is_exact(c) ? c->remote_addrs.n : 1;
}

void
conn_links_free(struct ike *core, struct conn_link *links, const struct conn *conn)
{
	for (size_t i = 0; links && i < link_count(conn); i++)
		if (links[i].conn)
			table_remove(&core->by_remote, &links[i].by_remote);
	free(links);
}

bool
conn_index(struct ike *core, struct conn *conn, struct conn_link **out)
{
	size_t n = link_count(conn);
	struct conn_link *links = calloc(n + 1, sizeof *links);
	bool exact = is_exact(conn);

	anywhere_forget(core);
	for (size_t i = 0; links && i < n; i++) {
		if (exact)
			links[i].ip = conn->remote_addrs.a[i].lo;
		if (!table_insert(&core->by_remote, &links[i].by_remote, ip_span(&links[i].ip))) {
			conn_links_free(core, links, conn);
			return false;
		}
		links[i].conn = conn;
	}
	*out = links;
	return links != NULL;
}

void
conn_unindex(struct ike *core, struct conn_entry *e)
{
	conn_links_free(core, e->links, e->conn);
	e->links = NULL;
	anywhere_forget(core);
}

struct candidate {
	struct conn *conn;
	unsigned score;
};

/* Most specific first; then by name, so that the order does not depend on the table's. */
static int
by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return strcmp(x->conn->name, y->conn->name);
}

static size_t
collect(struct ike *core, struct candidate *out, enum ike_version v, const struct ip *key, const struct ip *local,
        const struct ip *remote)
{
	size_t n = 0;

	for (struct table_link *l = table_find(&core->by_remote, ip_span(key)); l; l = table_find_next(l)) {
		const struct conn_link *k = table_entry(l, struct conn_link, by_remote);
		unsigned ls = 0, rs = 0;

		if (!ip_equal(&k->ip, key) || (k->conn->version != IKE_ANY && k->conn->version != v))
			continue;
		if (address_specs_match_own(&k->conn->local_addrs, local, &ls) && conn_remote_match(core, k->conn, remote, &rs))
			out[n++] = (struct candidate) { k->conn, rs * 1024 + ls };
	}
	return n;
}

static size_t
count(struct ike *core, const struct ip *key)
{
	size_t n = 0;

	for (struct table_link *l = table_find(&core->by_remote, ip_span(key)); l; l = table_find_next(l))
		n++;
	return n;
}

struct candidates
conn_candidates(struct ike *core, enum ike_version v, const struct ip *local, const struct ip *remote)
{
	struct candidates out = { .rest = anywhere_find(core, v, local) };
	struct ip none = { 0 };
	size_t most = count(core, remote) + count(core, &none) + 1, found;
	struct candidate *c = arena_alloc(&core->scratch, most * sizeof *c);

	out.near = arena_alloc(&core->scratch, most * sizeof(struct conn *));
	if (!c || !out.near)
		return out;
	found = collect(core, c, v, remote, local, remote);
	found += collect(core, c + found, v, &none, local, remote);
	qsort(c, found, sizeof *c, by_score);
	for (size_t i = 0; i < found; i++)
		/* A list may name an address twice. */
		if (out.n_near == 0 || out.near[out.n_near - 1] != c[i].conn)
			out.near[out.n_near++] = c[i].conn;
	return out;
}

struct conn *
candidate(const struct candidates *c, size_t i)
{
	return i < c->n_near ? c->near[i] : anywhere_at(c->rest, i - c->n_near);
}

struct conn *
candidate_kind(const struct candidates *c, size_t i)
{
	return i < c->n_near ? c->near[i] : anywhere_kind(c->rest, i - c->n_near);
}

size_t
candidates_for(struct ike *core, const struct candidates *c, const struct identity *id, struct conn ***out)
{
	bool all = id->type == ID_ANY;
	size_t rest = !c->rest ? 0 : all ? anywhere_count(c->rest) : anywhere_named(core, c->rest, id, NULL);

	*out = arena_alloc(&core->scratch, (c->n_near + rest + 1) * sizeof **out);
	if (!*out)
		return 0;
	if (c->n_near)
		memcpy(*out, c->near, c->n_near * sizeof **out);
	for (size_t i = 0; all && i < rest; i++)
		(*out)[c->n_near + i] = anywhere_at(c->rest, i);
	if (!all && rest)
		anywhere_named(core, c->rest, id, *out + c->n_near);
	return c->n_near + rest;
}
