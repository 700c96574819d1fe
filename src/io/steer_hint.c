/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include <netinet/in.h>
#include <stdlib.h>

/*
 * Per claim: a route lookup comes before nftables sees a packet, and decides its
 * source address. So that a program that did not choose one gets one
 * inside the local selector, lookups without a source address find a hint: the remote network
 * by the TUN device with that source. Lookups with a source do not see hints, and go where they
 * always went; the mark then diverts what a selector covers. Behind each hint stands an
 * unreachable route: without the TUN device such a program is refused, instead of
 * sending in clear from another address.
 */

enum { GATEWAY_PREFIXES_MAX = 4 };

static bool
shape_equal(const struct netlink_shape *a, const struct netlink_shape *b)
{
	return a->proto == b->proto && a->sport.lo == b->sport.lo && a->sport.hi == b->sport.hi && a->dport.lo == b->dport.lo &&
	       a->dport.hi == b->dport.hi;
}

static bool
prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && ip_equal(&a->ip, &b->ip);
}

/* The table for such hints, made if need be; NULL when there are too many kinds. */
static struct hint_table *
hint_table_for(struct steer *s, uint8_t family, uint8_t bits, const struct netlink_shape *shape, const struct prefix *from)
{
	struct hint_table *unused = NULL;

	for (size_t i = 0; i < HINT_TABLES; i++) {
		struct hint_table *h = &s->hint_tables[i];

		if (h->family == family && h->bits == bits && shape_equal(&h->shape, shape) && prefix_equal(&h->from, from))
			return h;
		if (h->family == IP_NONE && !unused)
			unused = h;
	}
	if (unused)
		*unused = (struct hint_table) { .family = family, .bits = bits, .shape = *shape, .from = *from };
	return unused;
}

static void
hint_table_use(struct steer *s, struct hint_table *h)
{
	if (h->refs++ == 0)
		steer_hint_rules(s, h, true);
}

static void
hint_table_leave(struct steer *s, struct hint_table *h)
{
	if (--h->refs == 0) {
		steer_hint_rules(s, h, false);
		h->family = IP_NONE;
	}
}

/* ---- one want */

static void
install(struct steer *s, struct want *w)
{
	struct netlink_route behind = w->route;

	w->installed = true;
	if (w->kind == WANT_EXCEPTION) {
		netlink_rule_add(&s->nl, &w->rule);
		return;
	}
	/* In this order: a program that connects now is not refused. */
	netlink_route_set(&s->nl, &w->route);
	if (w->kind == WANT_HINT) {
		behind.ifindex = 0;
		behind.src = (struct ip) { 0 };
		netlink_route_set(&s->nl, &behind);
	}
}

static struct want *
same_route(const struct steer *s, const struct want *w, bool installed)
{
	for (struct table_link *l = table_find(&s->wants, span_of(&w->key, sizeof w->key)); l; l = table_find_next(l)) {
		struct want *other = table_entry(l, struct want, link);

		if (other != w && other->installed == installed && memcmp(&other->key, &w->key, sizeof w->key) == 0)
			return other;
	}
	return NULL;
}

static void
uninstall(struct steer *s, struct want *w)
{
	struct netlink_route behind = w->route;
	struct want *heir;

	w->installed = false;
	if (w->kind == WANT_EXCEPTION) {
		netlink_rule_delete(&s->nl, &w->rule);
		return;
	}
	heir = same_route(s, w, false);
	if (heir) {
		install(s, heir);
		return;
	}
	if (w->kind == WANT_HINT) {
		behind.ifindex = 0;
		netlink_route_delete(&s->nl, &behind);
	}
	netlink_route_delete(&s->nl, &w->route);
}

static struct want *
want_new(struct claimed *c, enum want_kind kind, const struct prefix *to)
{
	struct want *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->kind = kind;
	w->route.to = *to;
	w->next = c->wants;
	c->wants = w;
	return w;
}

static void
want_route(struct steer *s, struct want *w, uint32_t table, const struct ip *src)
{
	w->route.table = w->key.table = table;
	w->route.ifindex = s->options.tun_ifindex;
	w->route.src = *src;
	w->route.sourceless = w->hints && w->hints->from.ip.family == IP_NONE;
	w->key.family = w->route.to.ip.family;
	w->key.bits = w->route.to.bits;
	memcpy(w->key.ip, w->route.to.ip.b, sizeof w->key.ip);
	if (!table_insert(&s->wants, &w->link, span_of(&w->key, sizeof w->key))) {
		w->hints = NULL;
		return;
	}
	if (w->hints)
		hint_table_use(s, w->hints);
	if (!same_route(s, w, true))
		install(s, w);
}

static void
want_free(struct steer *s, struct want *w)
{
	/* Out of the table first, so that it is not its own heir. */
	if (w->kind != WANT_EXCEPTION)
		table_remove(&s->wants, &w->link);
	if (w->installed)
		uninstall(s, w);
	if (w->hints)
		hint_table_leave(s, w->hints);
	free(w);
}

/* ---- the wants of a claim */

static bool
within(const struct selector *s, const struct ip *a)
{
	return a->family == s->lo.family && ip_compare(&s->lo, a) <= 0 && ip_compare(a, &s->hi) <= 0;
}

/* An address of ours inside the local selector, the gateway's own if it is; IP_NONE when there is none. */
static struct ip
inner_source(const struct steer *s, const struct claimed *c, const struct selector *local)
{
	struct ip found = { 0 };

	for (size_t i = 0; i < s->addresses.n; i++) {
		const struct ip *a = &s->addresses.a[i];

		if (within(local, a) && (found.family == IP_NONE || ip_equal(a, &c->local)))
			found = *a;
	}
	return found;
}

static void
want_hint(struct steer *s, struct claimed *c, const struct prefix *to, const struct netlink_shape *shape,
          const struct prefix *from, const struct ip *src)
{
	struct hint_table *h = hint_table_for(s, to->ip.family, to->bits, shape, from);
	struct want *w = h ? want_new(c, WANT_HINT, to) : NULL;

	if (!w)
		return;
	w->hints = h;
	want_route(s, w, s->numbers.tables + (uint32_t)(h - s->hint_tables), src);
}

/*
 * The peer's gateway may be a remote host itself. The kernel keeps path MTUs per
 * destination and route; if programs' packets and the ESP that carries them shared both, each would lower the MTU of the
 * other, again and again. So what has a source already is routed to the TUN device at once, not only
 * diverted. The rules name protocols: the lookups of rp_filter, which ask from here for the way
 * back of outer packets, have none, and must go on finding the plain route. IPv6 has no such lookups.
 */
static void
add_gateway(struct steer *s, struct claimed *c, const struct selector_pair *ts, const struct box *b)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP };
	struct prefix peer = { c->remote, (uint8_t)ip_bits(&c->remote) }, from[PREFIXES_MAX];
	size_t n = prefixes_of_range(from, &ts->local.lo, &ts->local.hi);
	struct netlink_shape shape = box_shape(b);
	bool each = !b->proto && c->remote.family == IP_V4;

	for (size_t i = 0; i < n && i < GATEWAY_PREFIXES_MAX; i++)
		for (size_t p = 0; p < (each ? sizeof protocols : 1); p++) {
			if (each)
				shape.proto = protocols[p];
			want_hint(s, c, &peer, &shape, &from[i], &(struct ip) { 0 });
		}
}

static void
want_exception(struct steer *s, struct claimed *c, const struct prefix *to, const struct netlink_shape *shape)
{
	struct want *w = want_new(c, WANT_EXCEPTION, to);

	if (!w)
		return;
	w->rule = steer_exception_rule(s, to, shape);
	install(s, w);
}

static void
want_reach(struct steer *s, struct claimed *c, const struct prefix *to, const struct ip *src)
{
	struct want *w = want_new(c, WANT_REACH, to);

	if (w)
		want_route(s, w, s->numbers.reach_table, src);
}

static void
add_pair(struct steer *s, struct claimed *c, const struct selector_pair *ts)
{
	struct ip src = inner_source(s, c, &ts->local);
	struct prefix to[PREFIXES_MAX];
	struct box boxes[BOXES_MAX];
	size_t n_boxes = box_from_pair(boxes, ts);
	size_t n = n_boxes ? prefixes_of_range(to, &ts->remote.lo, &ts->remote.hi) : 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t b = 0; b < n_boxes; b++) {
			struct netlink_shape shape = box_shape(&boxes[b]);

			if (c->mode == MODE_PASS)
				want_exception(s, c, &to[i], &shape);
			else if (src.family)
				want_hint(s, c, &to[i], &shape, &(struct prefix) { 0 }, &src);
		}
		if (c->mode != MODE_PASS)
			want_reach(s, c, &to[i], &src);
	}
	for (size_t b = 0; b < n_boxes && c->mode != MODE_PASS && within(&ts->remote, &c->remote); b++)
		add_gateway(s, c, ts, &boxes[b]);
}

void
steer_hints_add(struct steer *s, struct claimed *c)
{
	if (c->mode == MODE_DROP)
		return;
	for (size_t i = 0; i < c->n_ts; i++)
		add_pair(s, c, &c->ts[i]);
}

void
steer_hints_remove(struct steer *s, struct claimed *c)
{
	while (c->wants) {
		struct want *w = c->wants;

		c->wants = w->next;
		want_free(s, w);
	}
}

void
steer_hints_refresh(struct steer *s)
{
	for (struct claimed *c = s->first_claimed; c; c = c->next) {
		struct claimed old = { .wants = c->wants };

		/* The new before the old goes: no moment without. */
		c->wants = NULL;
		steer_hints_add(s, c);
		steer_hints_remove(s, &old);
	}
	steer_hints_restore(s);
}

void
steer_hints_restore(struct steer *s)
{
	for (size_t i = 0; i < HINT_TABLES; i++)
		if (s->hint_tables[i].family != IP_NONE)
			steer_hint_rules(s, &s->hint_tables[i], true);
	for (struct claimed *c = s->first_claimed; c; c = c->next)
		for (struct want *w = c->wants; w; w = w->next)
			if (w->installed)
				install(s, w);
}
