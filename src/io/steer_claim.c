/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Claims: where nftables (which packets), routes and rules (where to) meet. */

/* ---- finding and making claims */

struct claimed *
steer_claim_find(const struct steer *s, uint32_t reqid)
{
	for (struct table_link *l = table_find(&s->claims, span_of(&reqid, sizeof reqid)); l; l = table_find_next(l)) {
		struct claimed *c = table_entry(l, struct claimed, link);

		if (c->reqid == reqid)
			return c;
	}
	return NULL;
}

void
steer_claimed_free(struct claimed *c)
{
	free(c->elements.e);
	free(c->ts);
	free(c);
}

static void
take_in(struct steer *s, struct claimed *c)
{
	c->next = s->first_claimed;
	s->first_claimed = c;
}

static void
take_out(struct steer *s, struct claimed *c)
{
	struct claimed **at = &s->first_claimed;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	table_remove(&s->claims, &c->link);
}

static bool
resolve(struct selector_pair *out, const struct claim *c, const struct selector_pair *ts, char *why, size_t why_size)
{
	out->local = selector_resolve(&ts->local, &c->local);
	out->remote = selector_resolve(&ts->remote, &c->remote);
	if (!selector_is_dynamic(&out->local) && !selector_is_dynamic(&out->remote))
		return true;
	snprintf(why, why_size, "%s: the %s selector is \"dynamic\" and the address that it stands for is not known yet",
	         c->child, selector_is_dynamic(&out->local) ? "local" : "remote");
	return false;
}

static struct claimed *
claimed_new(const struct claim *c, char *why, size_t why_size)
{
	struct claimed *n = calloc(1, sizeof *n);

	if (n)
		n->ts = calloc(c->n_ts ? c->n_ts : 1, sizeof *n->ts);
	if (!n || !n->ts) {
		free(n);
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	n->reqid = c->reqid;
	n->mode = c->mode;
	n->trap = c->trap;
	n->local = c->local;
	n->remote = c->remote;
	for (; n->n_ts < c->n_ts; n->n_ts++)
		if (!resolve(&n->ts[n->n_ts], c, &c->ts[n->n_ts], why, why_size)) {
			steer_claimed_free(n);
			return NULL;
		}
	return n;
}

/* ---- precedence */

static enum box_verdict
verdict_of(enum child_mode mode)
{
	return mode == MODE_PASS ? BOX_PASS : mode == MODE_DROP ? BOX_DROP : BOX_PROTECT;
}

/*
 * swanctl.conf's `priority`: lower numbers go first. Without one the narrower
 * selector does, exceptions before protection, and plain drops last.
 */
static uint64_t
order_of(const struct claim *c, const struct box *b)
{
	static const uint32_t base[] = { [BOX_PROTECT] = 200000, [BOX_PASS] = 100000, [BOX_DROP] = 400000 };

	return c->priority ? c->priority : base[verdict_of(c->mode)] - box_specificity(b);
}

/* ---- the elements of a claim */

static bool
wants_box(const struct claim *c, const struct claimed *n, const struct element *e)
{
	struct box boxes[BOXES_MAX];

	if (e->verdict != verdict_of(c->mode))
		return false;
	for (size_t i = 0; i < n->n_ts; i++)
		for (size_t b = box_from_pair(boxes, &n->ts[i]); b-- > 0;)
			if (box_equal(&e->box, &boxes[b]) && e->order == order_of(c, &boxes[b]))
				return true;
	return false;
}

static bool
list_has(const struct element_list *l, const struct box *b)
{
	for (size_t i = 0; i < l->n; i++)
		if (box_equal(&l->e[i]->box, b))
			return true;
	return false;
}

/* What both have stays untouched; the rest of @old is doomed. False when out of memory. */
static bool
keep_common(struct steer *s, const struct claim *c, struct claimed *n, const struct claimed *old)
{
	for (size_t i = 0; i < old->elements.n; i++) {
		struct element *e = old->elements.e[i];
		bool keep = wants_box(c, n, e) && !list_has(&n->elements, &e->box);

		if (keep ? !element_list_add(&n->elements, e) : !levels_remove(&s->levels, e))
			return false;
	}
	return true;
}

static bool
add_boxes(struct steer *s, const struct claim *c, struct claimed *n, const struct selector_pair *ts, char *why, size_t why_size)
{
	struct box boxes[BOXES_MAX];
	size_t n_boxes = box_from_pair(boxes, ts);

	for (size_t i = 0; i < n_boxes; i++) {
		bool crowded;
		struct element *e;

		if (list_has(&n->elements, &boxes[i]))
			continue;
		e = levels_add(&s->levels, &boxes[i], verdict_of(c->mode), order_of(c, &boxes[i]), &crowded);
		if (!e || !element_list_add(&n->elements, e)) {
			snprintf(why, why_size,
			         crowded ? "%s: more than %d claims overlap here; make their selectors more specific"
			                 : "%s: out of memory (%d)",
			         c->child, LEVELS_MAX);
			if (e)
				levels_remove(&s->levels, e);
			return false;
		}
	}
	return true;
}

static bool
build_elements(struct steer *s, const struct claim *c, struct claimed *n, const struct claimed *old, char *why, size_t why_size)
{
	if (old && !keep_common(s, c, n, old)) {
		snprintf(why, why_size, "out of memory");
		return false;
	}
	for (size_t i = 0; i < n->n_ts; i++)
		if (!add_boxes(s, c, n, &n->ts[i], why, why_size))
			return false;
	return steer_nft_apply(&s->nft, &s->levels, why, why_size);
}

static bool
owns(const struct element_list *l, const struct element *e)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (l->e[i] == e)
			return true;
	return false;
}

/* The kernel refused: the table is made anew as it was. */
static void
undo_elements(struct steer *s, struct claimed *n, const struct claimed *old)
{
	char why[128];

	for (size_t i = 0; i < n->elements.n; i++)
		if (!owns(old ? &old->elements : NULL, n->elements.e[i]))
			levels_remove(&s->levels, n->elements.e[i]);
	for (size_t i = 0; old && i < old->elements.n; i++)
		if (old->elements.e[i]->doomed)
			levels_restore(&s->levels, old->elements.e[i]);
	steer_nft_rebuild(&s->nft, &s->levels, why, sizeof why);
	levels_settle(&s->levels);
}

/* ---- claim and release */

static bool
uses_v6(const struct claimed *c)
{
	for (size_t i = 0; i < c->n_ts; i++)
		if (c->ts[i].remote.lo.family == IP_V6)
			return true;
	return false;
}

/* IPv6 may be off where the TUN device was made, so the claim that needs it turns it on. */
static bool
ready_for(struct steer *s, const struct claimed *n, char *why, size_t why_size)
{
	int error;

	if (!uses_v6(n) || mode_is_shunt(n->mode))
		return true;
	steer_tun_settings6(s);
	error = steer_base_add(s, IP_V6);
	if (error)
		snprintf(why, why_size, "no IPv6 route through %s: %s (is IPv6 enabled, and the device's MTU at least 1280?)",
		         s->tun_name, strerror(error));
	return !error;
}

static void
replace(struct steer *s, struct claimed *n, struct claimed *old)
{
	levels_settle(&s->levels);
	take_in(s, n);
	steer_hints_add(s, n);
	if (!old)
		return;
	steer_hints_remove(s, old);
	take_out(s, old);
	steer_claimed_free(old);
}

static bool
make_claim(struct steer *s, const struct claim *c, char *why, size_t why_size)
{
	struct claimed *old = steer_claim_find(s, c->reqid), *n = claimed_new(c, why, why_size);
	char refused[256];
	bool ready;

	if (!n)
		return false;
	/* Without a way to the TUN device the guard behind all routing drops what the selectors cover. */
	ready = ready_for(s, n, why, why_size);
	if (!table_insert(&s->claims, &n->link, span_of(&n->reqid, sizeof n->reqid))) {
		snprintf(why, why_size, "out of memory");
		steer_claimed_free(n);
		return false;
	}
	if (build_elements(s, c, n, old, ready ? why : refused, ready ? why_size : sizeof refused)) {
		replace(s, n, old);
		return ready;
	}
	undo_elements(s, n, old);
	table_remove(&s->claims, &n->link);
	steer_claimed_free(n);
	return false;
}

bool
steer_claim(struct steer *s, const struct claim *c, char *why, size_t why_size)
{
	bool made = make_claim(s, c, why, why_size);

	/* What it covers is dropped by the claim itself before the rules that stood for it go. */
	if (steer_claim_find(s, c->reqid))
		steer_open_up(s, c->reqid);
	else
		steer_close_off(s, c, why, why_size);
	return made;
}

void
steer_release(struct steer *s, uint32_t reqid)
{
	struct claimed *c = steer_claim_find(s, reqid);
	char why[128];

	if (steer_open_up(s, reqid) || !c)
		return;
	steer_hints_remove(s, c);
	for (size_t i = 0; i < c->elements.n; i++)
		levels_remove(&s->levels, c->elements.e[i]);
	if (!steer_nft_apply(&s->nft, &s->levels, why, sizeof why))
		steer_nft_rebuild(&s->nft, &s->levels, why, sizeof why);
	levels_settle(&s->levels);
	take_out(s, c);
	steer_claimed_free(c);
}

bool
steer_dropped(struct steer *s, uint32_t reqid, uint64_t *packets)
{
	const struct claimed *c = steer_claim_find(s, reqid);

	if (!c)
		return false;
	*packets = 0;
	for (size_t i = 0; i < c->elements.n; i++)
		*packets += steer_nft_dropped(&s->nft, c->elements.e[i]);
	return true;
}

bool
steer_is_trap(const struct steer *s, uint32_t reqid)
{
	const struct claimed *c = steer_claim_find(s, reqid);
	const struct closed *k = steer_closed_find(s, reqid);

	return (c && c->trap) || (k && k->trap);
}

size_t
steer_claims(const struct steer *s)
{
	return s->claims.n + steer_closed_count(s);
}
