/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core.h"

/*
 * Half-open SAs of a responder: RFC 2408 section 2.5.3, "Protection Against Clogging". Anybody can create one with a single
 * forged datagram; a peer that returns our cookie is really at the address that it claims. Until then the record is cheap
 * (no Diffie-Hellman has been done) and gives way: to a newcomer from the same address after the time of a round trip, and to
 * any newcomer when there are too many in total, the oldest first. So peers that answer quickly get through any flood, as
 * long as they answer before the flood has filled the list.
 */

/* How long a record is safe from newcomers of the same address. */
#define ROUND_TRIP SECONDS(1)

struct half_open {
	struct half_open *prev, *next;             /* of all that are unproven, oldest first */
	struct half_open *prev_there, *next_there; /* of those from the same address */
	struct ike_sa *sa;
	struct half_open_address *from;
	bool proven;
};

struct half_open_address {
	struct table_link link;
	struct ip ip;
	unsigned n; /* proven ones too */
	struct half_open *first, *last;
};

static struct half_open_address *
address_find(const struct ike *core, const struct ip *ip)
{
	struct span key = span_of(ip->b, sizeof ip->b);

	for (struct table_link *l = table_find(&core->half_open_by_address, key); l; l = table_find_next(l)) {
		struct half_open_address *a = table_entry(l, struct half_open_address, link);

		if (ip_equal(&a->ip, ip))
			return a;
	}
	return NULL;
}

static struct half_open_address *
address_get(struct ike *core, const struct ip *ip)
{
	struct half_open_address *a = address_find(core, ip);

	if (a)
		return a;
	a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->ip = *ip;
	if (table_insert(&core->half_open_by_address, &a->link, span_of(a->ip.b, sizeof a->ip.b)))
		return a;
	free(a);
	return NULL;
}

static void
link_unproven(struct ike *core, struct half_open *h)
{
	struct half_open_address *a = h->from;

	h->prev = core->unproven_last;
	*(h->prev ? &h->prev->next : &core->unproven) = h;
	core->unproven_last = h;
	h->prev_there = a->last;
	*(h->prev_there ? &h->prev_there->next_there : &a->first) = h;
	a->last = h;
}

static void
unlink_unproven(struct ike *core, struct half_open *h)
{
	struct half_open_address *a = h->from;

	if (h->proven)
		return;
	*(h->prev ? &h->prev->next : &core->unproven) = h->next;
	*(h->next ? &h->next->prev : &core->unproven_last) = h->prev;
	*(h->prev_there ? &h->prev_there->next_there : &a->first) = h->next_there;
	*(h->next_there ? &h->next_there->prev_there : &a->last) = h->prev_there;
}

bool
half_open_begin(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct half_open *h = calloc(1, sizeof *h);

	if (h)
		h->from = address_get(core, &sa->remote.ip);
	if (!h || !h->from) {
		free(h);
		core->nomem = true;
		return false;
	}
	h->sa = sa;
	h->from->n++;
	link_unproven(core, h);
	sa->half_open = h;
	core->counters.half_open++;
	return true;
}

void
half_open_proven(struct ike_sa *sa)
{
	struct half_open *h = sa->half_open;

	if (!h || h->proven)
		return;
	unlink_unproven(sa->core, h);
	h->proven = true;
}

void
half_open_end(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct half_open *h = sa->half_open;

	if (!h)
		return;
	unlink_unproven(core, h);
	sa->half_open = NULL;
	core->counters.half_open--;
	if (!--h->from->n) {
		table_remove(&core->half_open_by_address, &h->from->link);
		free(h->from);
	}
	free(h);
}

bool
half_open_is_unproven(const struct ike_sa *sa)
{
	return sa->half_open && !sa->half_open->proven;
}

int
half_open_level(const struct ike_sa *sa)
{
	enum { TOLD_MAX = 64 };

	return half_open_is_unproven(sa) && sa->core->counters.half_open > TOLD_MAX ? LOG_DETAIL : LOG_CONTROL;
}

/* In silence: nobody has shown to be there, so there is nobody to tell, and no event of an SA that never was one. */
static void
give_way(struct half_open *h, const char *to)
{
	struct ike_sa *sa = h->sa;
	struct ike *core = sa->core;

	refuse(core, NULL, VERDICT_HALF_OPEN_EVICTED,
	       arena_printf(&core->scratch, "%s, for %s", endpoint_text(core, &sa->remote), to));
	ike_sa_free(sa);
}

void
half_open_expired(struct ike_sa *sa)
{
	refuse(sa->core, NULL, VERDICT_HALF_OPEN_EXPIRED, endpoint_text(sa->core, &sa->remote));
	ike_sa_free(sa);
}

bool
half_open_admits(struct ike *core, const struct ip *ip)
{
	const struct ike_settings *s = &core->settings;
	struct half_open_address *a = address_find(core, ip);

	if (s->half_open_per_address && a && a->n >= s->half_open_per_address) {
		if (!a->first || core->now - a->first->sa->created_at < ROUND_TRIP)
			return false;
		give_way(a->first, "a newcomer from the same address");
	}
	if (core->counters.half_open < s->half_open_max)
		return true;
	if (!core->unproven)
		return false;
	give_way(core->unproven, "a newcomer: the list is full");
	return true;
}
