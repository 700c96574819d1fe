/* SPDX-License-Identifier: Apache-2.0 */
#include "road_sa.h"

/*
 * A renewed IKE_SA takes the children over before it has an address: the client
 * asks for that only now, and may be given another one. What bears the old
 * address then ends with the lease: else its packets would go to, or come from,
 * whoever is lent that address next.
 */

static bool
holds(const struct ike_sa *sa, const struct ip *a)
{
	for (size_t i = 0; sa->road && i < sa->road->n_vip; i++)
		if (ip_equal(&sa->road->vip[i], a))
			return true;
	return false;
}

/* The lease goes with the last of the client's IKE_SAs that has it: one renewal may follow another. */
static bool
another_holds(const struct ike_sa *old, const struct ip *a)
{
	struct ike_sa *o = old->peer_key ? ike_sa_same_peer(old, NULL) : NULL;

	while (o && (o->zombie || !holds(o, a)))
		o = ike_sa_same_peer(old, o);
	return o != NULL;
}

/* One host on the client's side, and that host is one of the addresses that only @old has. */
static bool
is_orphan(const struct child_sa *c, const struct ike_sa *old)
{
	const struct selector_pair *ts = child_ts(c);
	const struct selector *s = old->road->gateway ? &ts->remote : &ts->local;

	return ip_equal(&s->lo, &s->hi) && holds(old, &s->lo) && !holds(c->sa, &s->lo) && !another_holds(old, &s->lo);
}

static void
end_orphan(struct child_sa *c, bool again)
{
	struct ike *core = c->sa->core;
	struct conn *conn = conn_ref(c->conn);
	struct policy *p = c->policy;
	const struct child *cfg = c->cfg;

	say(core, LOG_CHD, LOG_AUDIT, c->sa, "other-address", "CHILD_SA %s has the virtual address of an IKE_SA that is gone",
	    child_name(c));
	policy_use(core, p, 0, 1);
	if (c->ever_up)
		child_end(c, END_COMMAND, true);
	else
		child_failed(c, "its virtual address is gone");
	if (again)
		child_apply_action(core, conn, cfg, p, ACTION_START);
	policy_use(core, p, 0, -1);
	conn_unref(conn);
}

static void
end_orphans(struct ike_sa *heir, const struct ike_sa *old)
{
	bool ended = true;

	/* From the start each time: the end of one may take others with it. */
	while (ended) {
		struct child_sa *c = heir->children;

		while (c && !is_orphan(c, old))
			c = c->next;
		ended = c != NULL;
		/* The client wants its child all the same, under the address that it has now. */
		if (ended)
			end_orphan(c, !old->road->gateway && c->state != CHILD_STATE_REKEYED && !heir->ending &&
			                      !heir->core->shutting_down);
	}
}

void
road_end_orphans(struct ike_sa *old)
{
	struct ike_sa *heir = old->successor ? ike_sa_by_id(old->core, old->successor) : NULL;

	if (!old->road || !old->road->n_vip)
		return;
	if (heir && heir != old)
		end_orphans(heir, old);
	for (struct ike_sa *o = old->peer_key ? ike_sa_same_peer(old, NULL) : NULL; o; o = ike_sa_same_peer(old, o))
		if (o != heir && !o->zombie)
			end_orphans(o, old);
}
