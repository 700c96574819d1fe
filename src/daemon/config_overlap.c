/* SPDX-License-Identifier: Apache-2.0 */
#include "config_overlap.h"

#include <stdlib.h>

/*
 * Children in the order of their remote selectors, an enclosing one before those within it. Going through, the open ones are
 * those that enclose the one at hand, so that children whose networks are apart are never compared.
 */

enum { COMPARISONS_MAX = 10000000 }; /* of two selectors each; a load must not take long, and these are only notices */

struct entry {
	const struct conn *conn;
	const struct child *child;
	const struct selector *remote; /* one of the child's */
	size_t order;                  /* in the file */
};

struct overlaps {
	const struct conf_section *connections;
	struct conf_errors *errs;
	struct entry *entry;
	size_t n;
	size_t compared;
};

static int
by_network(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int lo = ip_compare(&a->remote->lo, &b->remote->lo), hi = ip_compare(&b->remote->hi, &a->remote->hi);

	return lo ? lo : hi ? hi : a->order < b->order ? -1 : a->order > b->order;
}

/* An address that is known before anybody comes. */
static bool
one_address(const struct address_specs *l)
{
	return l->n == 1 && !l->a[0].name && !ip_is_any(&l->a[0].lo) && ip_equal(&l->a[0].lo, &l->a[0].hi);
}

static bool
same_peer(const struct conn *a, const struct conn *b)
{
	if (a == b)
		return true;
	return one_address(&a->remote_addrs) && one_address(&b->remote_addrs) &&
	       ip_equal(&a->remote_addrs.a[0].lo, &b->remote_addrs.a[0].lo);
}

static bool
exhausted(const struct overlaps *o)
{
	return o->compared >= COMPARISONS_MAX || o->errs->n_notices > CONF_ERRORS_MAX;
}

static bool
within(struct overlaps *o, const struct selector *inner, const struct selector *outer)
{
	o->compared++;
	if (selector_is_dynamic(inner) || selector_is_dynamic(outer))
		return selector_equal(inner, outer);
	return selector_contains(outer, inner);
}

static bool
all_within(struct overlaps *o, const struct selector *inner, size_t n_inner, const struct selector *outer, size_t n_outer)
{
	for (size_t i = 0; i < n_inner; i++) {
		bool found = false;

		for (size_t k = 0; k < n_outer && !found && !exhausted(o); k++)
			found = within(o, &inner[i], &outer[k]);
		if (!found)
			return false;
	}
	return true;
}

static bool
child_within(struct overlaps *o, const struct child *inner, const struct child *outer)
{
	return all_within(o, inner->remote_ts, inner->n_remote_ts, outer->remote_ts, outer->n_remote_ts) &&
	       all_within(o, inner->local_ts, inner->n_local_ts, outer->local_ts, outer->n_local_ts);
}

static bool
has_dynamic(const struct child *c)
{
	return selectors_any_dynamic(c->local_ts, c->n_local_ts) || selectors_any_dynamic(c->remote_ts, c->n_remote_ts);
}

/* Which goes first where both cover a packet, as the SPD has it: lower priorities, then the narrower, then the earlier one. */
static bool
goes_first(const struct entry *inner, const struct entry *outer, bool equal, const char **because)
{
	uint32_t a = inner->child->priority - 1, b = outer->child->priority - 1; /* 0, none: the last */

	*because = a != b ? "its priority goes first" : equal ? "it comes first" : "it is the narrower one";
	return a != b ? a < b : !equal || inner->order < outer->order;
}

static const char *
place(const struct overlaps *o, const struct entry *e)
{
	const struct conf_section *s = conf_section_find(o->connections, e->conn->name);

	s = s ? conf_section_find(s, "children") : NULL;
	s = s ? conf_section_find(s, e->child->name) : NULL;
	return s ? s->where : "";
}

static void
tell(const struct overlaps *o, const struct entry *inner, const struct entry *outer, bool equal)
{
	const char *because, *how = "encloses the local_ts and remote_ts of", *what = "what both cover goes by";
	bool inner_first = goes_first(inner, outer, equal, &because);
	const struct entry *first = inner_first ? inner : outer;
	/* At the later place, as a reader of the file sees it. */
	const struct entry *here = inner->order > outer->order ? inner : outer, *there = here == inner ? outer : inner;

	if (equal)
		how = "has the same local_ts and remote_ts as";
	else if (here == inner)
		how = "lies within the local_ts and remote_ts of";
	if (equal || !inner_first)
		what = "only one of them can carry that traffic,";
	conf_notice(o->errs, place(o, here), "child '%s.%s' %s child '%s.%s' (%s): %s '%s.%s', since %s", here->conn->name,
	            here->child->name, how, there->conn->name, there->child->name, place(o, there), what, first->conn->name,
	            first->child->name, because);
}

/* Whether one child lies within the other, asked where their pair is to be told: at one pair of remote selectors, and no other.
 */
static bool
told_here(struct overlaps *o, const struct entry *inner, const struct entry *outer)
{
	const struct selector *first = outer->child->remote_ts;

	if (inner->remote != inner->child->remote_ts || !within(o, inner->remote, outer->remote))
		return false;
	while (!within(o, inner->remote, first))
		first++;
	return first == outer->remote && child_within(o, inner->child, outer->child);
}

static void
tell_within(struct overlaps *o, const struct entry *inner, const struct entry *outer)
{
	bool equal = child_within(o, outer->child, inner->child);

	if (exhausted(o))
		return;
	/* Of two alike the later one is the inner one. */
	if (equal ? inner->order > outer->order : same_peer(inner->conn, outer->conn))
		tell(o, inner, outer, equal);
}

/* @b's remote selector encloses @a's, or is the same. */
static void
compare(struct overlaps *o, const struct entry *a, const struct entry *b)
{
	if (a->child == b->child || (!same_peer(a->conn, b->conn) && (has_dynamic(a->child) || has_dynamic(b->child))))
		return;
	if (told_here(o, a, b))
		tell_within(o, a, b);
	if (told_here(o, b, a))
		tell_within(o, b, a);
}

static bool
encloses(const struct entry *b, const struct entry *a)
{
	return b->remote->lo.family == a->remote->lo.family && ip_compare(&a->remote->lo, &b->remote->hi) <= 0;
}

static void
go_through(struct overlaps *o, const struct entry **open)
{
	size_t n_open = 0;

	for (size_t i = 0; i < o->n && !exhausted(o); i++) {
		while (n_open && !encloses(open[n_open - 1], &o->entry[i]))
			n_open--;
		for (size_t k = 0; k < n_open && !exhausted(o); k++)
			compare(o, &o->entry[i], open[k]);
		open[n_open++] = &o->entry[i];
	}
}

static void
collect(struct overlaps *o, const struct config *c, bool count_only)
{
	size_t order = 0;

	o->n = 0;
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->conn[i]->n_children; k++, order++) {
			const struct child *child = &c->conn[i]->children[k];

			for (size_t r = 0; !mode_is_shunt(child->mode) && r < child->n_remote_ts; r++, o->n++)
				if (!count_only)
					o->entry[o->n] = (struct entry) { c->conn[i], child, &child->remote_ts[r], order };
		}
}

void
config_overlaps(const struct config *c, const struct conf_section *connections, struct conf_errors *errs)
{
	struct overlaps o = { .connections = connections, .errs = errs };
	const struct entry **open;

	collect(&o, c, true);
	o.entry = calloc(o.n + 1, sizeof *o.entry);
	open = calloc(o.n + 1, sizeof(const struct entry *));
	if (o.entry && open) {
		collect(&o, c, false);
		qsort(o.entry, o.n, sizeof *o.entry, by_network);
		go_through(&o, open);
	}
	free(o.entry);
	free(open);
}
