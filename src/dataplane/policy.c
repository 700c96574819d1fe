/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <stdlib.h>

enum { SA_REFS_MAX = 4096 };

bool
policies_open(struct policies *p, struct rng *rng)
{
	uint64_t key[2];

	rng_fill(rng, key, sizeof key);
	*p = (struct policies) { .spd = spd_new(key[0], key[1]) };
	return p->spd != NULL;
}

void
policies_close(struct policies *p)
{
	for (size_t i = 0; i < p->n_slots; i++)
		policies_vacate(p, i);
	free(p->slot);
	spd_free(p->spd);
	*p = (struct policies) { 0 };
}

/* Queues point into the slots, so they are linked anew where the array has moved. */
static bool
grow_slots(struct policies *p, size_t n)
{
	struct policy *slot = realloc(p->slot, n * sizeof *slot);

	if (!slot)
		return false;
	memset(slot + p->n_slots, 0, (n - p->n_slots) * sizeof *slot);
	p->slot = slot;
	p->n_slots = n;
	for (size_t i = 0; i < n; i++)
		if (!slot[i].oldest)
			slot[i].newest_link = &slot[i].oldest;
	return true;
}

bool
policies_reserve(struct policies *p, size_t at, uint32_t reqid, unsigned holder)
{
	if (at >= p->n_slots && !grow_slots(p, at < 8 ? 16 : at * 2))
		return false;
	if (!p->slot[at].used)
		p->slot[at] =
		        (struct policy) { .used = true, .reqid = reqid, .holder = holder, .newest_link = &p->slot[at].oldest };
	return true;
}

static unsigned
drop_held(struct policies *all, struct policy *p)
{
	unsigned n = 0;

	for (struct held *h = policy_take_held(all, p), *next; h; h = next, n++) {
		next = h->next;
		free(h);
	}
	return n;
}

static void
set_whole(struct policies *all, struct policy *p, bool whole)
{
	all->n_whole += (unsigned)whole - (unsigned)p->whole;
	p->whole = whole;
}

unsigned
policies_vacate(struct policies *p, size_t at)
{
	unsigned n;

	if (at >= p->n_slots || !p->slot[at].used)
		return 0;
	n = policies_unclaim(p, at);
	set_whole(p, &p->slot[at], false);
	free(p->slot[at].sa);
	p->slot[at] = (struct policy) { .newest_link = &p->slot[at].oldest };
	return n;
}

static bool
pair_has_ports(const struct selector_pair *ts)
{
	return selector_has_ports(&ts->local) || selector_has_ports(&ts->remote);
}

/* Whether fragments are of no use: RFC 4303 section 3.3.4; RFC 4301 section 7. */
static bool
sa_wants_whole(const struct sa_ref *r)
{
	return pair_has_ports(&r->ts) || __atomic_load_n(&r->sa->flags, __ATOMIC_RELAXED) & SA_TRANSPORT;
}

static bool
claim_wants_whole(const struct claim *c, const struct policy *p)
{
	for (size_t i = 0; i < c->n_ts; i++)
		if (pair_has_ports(&c->ts[i]))
			return true;
	for (size_t i = 0; i < p->n_sa; i++)
		if (sa_wants_whole(&p->sa[i]))
			return true;
	return c->mode == MODE_TRANSPORT;
}

/*
 * A shunt without a priority is for the steering alone, which puts bypasses before and
 * drops behind all protection: what comes here is to be protected, however narrow the shunt.
 */
static bool
is_for_steering(const struct claim *c)
{
	return mode_is_shunt(c->mode) && !c->priority;
}

bool
policies_claim(struct policies *p, size_t at, const struct claim *c)
{
	struct policy *slot = &p->slot[at];
	size_t n = is_for_steering(c) ? 0 : c->n_ts;

	spd_remove(p->spd, (uint32_t)at + 1);
	slot->claimed = false;
	for (size_t i = 0; i < n; i++) {
		if (!spd_add(p->spd, &c->ts[i], c->priority, (uint32_t)at + 1)) {
			spd_remove(p->spd, (uint32_t)at + 1);
			return false;
		}
	}
	slot->claimed = true;
	slot->trap = c->trap;
	slot->mode = c->mode;
	set_whole(p, slot, claim_wants_whole(c, slot));
	return true;
}

unsigned
policies_unclaim(struct policies *p, size_t at)
{
	if (p->slot[at].claimed)
		spd_remove(p->spd, (uint32_t)at + 1);
	p->slot[at].claimed = false;
	return drop_held(p, &p->slot[at]);
}

struct policy *
policies_lookup(struct policies *p, const struct flow *f)
{
	uint32_t id = spd_lookup(p->spd, f);

	return id == SPD_NONE || id > p->n_slots ? NULL : &p->slot[id - 1];
}

bool
policy_add_sa(struct policies *all, struct policy *p, const struct sa_ref *ref)
{
	if (p->n_sa == p->room_sa) {
		size_t room = p->room_sa ? p->room_sa * 2 : 4;
		struct sa_ref *sa = room > SA_REFS_MAX ? NULL : realloc(p->sa, room * sizeof *sa);

		if (!sa)
			return false;
		p->sa = sa;
		p->room_sa = room;
	}
	memmove(p->sa + 1, p->sa, p->n_sa * sizeof *p->sa);
	p->sa[0] = *ref;
	p->n_sa++;
	set_whole(all, p, p->whole || sa_wants_whole(ref));
	return true;
}

void
policy_remove_sa(struct policy *p, const struct esp_sa *sa)
{
	for (size_t i = 0; i < p->n_sa; i++) {
		if (p->sa[i].sa == sa) {
			memmove(p->sa + i, p->sa + i + 1, (p->n_sa - i - 1) * sizeof *p->sa);
			p->n_sa--;
			return;
		}
	}
}

void
policy_replace_sa(struct policy *p, const struct esp_sa *sa, struct esp_sa *now, unsigned owner)
{
	for (size_t i = 0; i < p->n_sa; i++) {
		if (p->sa[i].sa == sa) {
			p->sa[i].sa = now;
			p->sa[i].owner = owner;
		}
	}
}

const struct sa_ref *
policy_pick(const struct policy *p, const struct flow *f)
{
	for (size_t i = 0; i < p->n_sa; i++) {
		/* Its owner may be another thread. */
		if (__atomic_load_n(&p->sa[i].sa->flags, __ATOMIC_RELAXED) & SA_HARD_REPORTED)
			continue;
		if (selector_pair_admits(&p->sa[i].ts, f))
			return &p->sa[i];
	}
	return NULL;
}

bool
policy_hold(struct policies *all, struct policy *p, const struct virtio_net_hdr *vh, struct span packet, unsigned limit,
            instant_t until)
{
	struct held *h;

	if (p->n_held >= limit || all->held_octets + packet.n > HELD_OCTETS_MAX)
		return false;
	h = malloc(sizeof *h + packet.n);
	if (!h)
		return false;
	*h = (struct held) { .until = until, .virtio = vh != NULL, .len = (uint32_t)packet.n };
	if (vh)
		h->vh = *vh;
	memcpy(h->packet, packet.p, packet.n);
	*p->newest_link = h;
	p->newest_link = &h->next;
	p->n_held++;
	all->n_held++;
	all->held_octets += packet.n;
	return true;
}

struct held *
policy_take_held(struct policies *all, struct policy *p)
{
	struct held *first = p->oldest;

	for (struct held *h = first; h; h = h->next)
		all->held_octets -= h->len;
	all->n_held -= p->n_held;
	p->n_held = 0;
	p->oldest = NULL;
	p->newest_link = &p->oldest;
	return first;
}

static unsigned
expire_slot(struct policies *all, struct policy *p, instant_t now)
{
	unsigned n = 0;

	while (p->oldest && p->oldest->until <= now) {
		struct held *h = p->oldest;

		p->oldest = h->next;
		if (!p->oldest)
			p->newest_link = &p->oldest;
		p->n_held--;
		all->n_held--;
		all->held_octets -= h->len;
		free(h);
		n++;
	}
	return n;
}

unsigned
policies_expire_held(struct policies *p, instant_t now)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n_slots && p->n_held; i++)
		n += expire_slot(p, &p->slot[i], now);
	return n;
}
