/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

/*
 * Two peers that want the same selectors: behind NATs both may be 10.1.2.3, or in
 * transport mode both the NAT's own address. RFC 3948 section 5.1: the gateway "can
 * become confused about where to send packets ... Implementors MUST devise ways of
 * preventing this from occurring"; section 5.2: "MUST handle this situation, either
 * by disallowing conflicting connections, or by other means". The first one keeps
 * them, so that nobody takes over the traffic of another by asking for it.
 */

static bool
stands(const struct child_sa *c)
{
	return c->ever_up && !c->successor && c->state != CHILD_STATE_DELETING && !c->sa->zombie && !c->sa->ending;
}

/* A peer of the same two names comes anew, and a host is one host however it calls itself. */
static bool
is_other_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->peer_key != b->peer_key && !ike_sa_same_place(a, b);
}

struct ike_sa *
child_rival(const struct ike_sa *sa, const struct policy *p, uint16_t pair)
{
	uint64_t key = (uint64_t)p->reqid << 16 | pair;

	for (struct table_link *l = table_find(&sa->core->by_pair, span_of(&key, sizeof key)); l; l = table_find_next(l)) {
		struct child_sa *c = table_entry(l, struct child_sa, by_pair);

		if (c->policy == p && c->pair == pair && stands(c) && is_other_peer(sa, c->sa))
			return c->sa;
	}
	return NULL;
}
