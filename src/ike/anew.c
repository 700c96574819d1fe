/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"

/*
 * What an IKE_SA that ends leaves to be done: CHILD_SAs that close_action or dpd_action begins again, and those that were not up
 * yet. Quick Mode "is bound to a phase 1 exchange" (RFC 2409 section 5.5), so it cannot go on under another one; but it can begin
 * anew, under the IKE_SA that carries on or a new one. Who waits for the CHILD_SA waits for that (docs/adr/0004).
 */

/* Some peers delete the IKE_SA instead of refusing a Quick Mode: so often in a row is enough. */
enum { IN_A_ROW_MAX = 3 };

/* Wanted by us, and not up yet: or so far only at this end, so that who waits for it does not know. */
static bool
is_wish(const struct child_sa *c)
{
	return c->ever_up ? c->waiters != NULL : c->queued || (c->exchange && c->role == INITIATOR);
}

static void
inherit(struct ike_sa *to, unsigned wishes_of)
{
	if (to && to->wishes_of < wishes_of)
		to->wishes_of = (uint8_t)wishes_of;
}

/* ---- Under one that stands */

/* NULL as well where the peer has forgotten what it was to renew, or renews it itself. */
static struct child_sa *
renewal_again(struct ike_sa *to, const struct child_sa *c)
{
	const struct child_sa *old = child_by_id(to->core, c->rekeys);
	bool needed = old && old->sa == to && !old->successor;
	struct child_sa *n = needed ? child_new(to, c->conn, c->cfg, c->policy, c->pair) : NULL;

	if (n) {
		n->rekeys = c->rekeys;
		child_queue(n, true);
	}
	return n;
}

static bool
wish_again(struct ike_sa *to, struct child_sa *c)
{
	const char *why;
	struct child_sa *n = c->rekeys ? renewal_again(to, c) : child_wanted(to, c->conn, c->cfg, c->policy, c->pair, &why);

	if (!n)
		return false;
	if (n->ever_up)
		waiters_settle(to->core, &c->waiters, true, "");
	else
		waiters_move(&n->waiters, &c->waiters, to->id);
	child_free(c);
	return true;
}

void
wishes_move(struct ike_sa *to, struct ike_sa *from)
{
	struct child_sa *c = from->children;
	unsigned n = 0;

	while (c && from->wishes_of < IN_A_ROW_MAX) {
		struct child_sa *next = c->next;

		if (!c->ever_up && is_wish(c) && wish_again(to, c))
			n++;
		c = next;
	}
	if (!n)
		return;
	inherit(to, from->wishes_of + 1u);
	say(to->core, LOG_CHD, LOG_CONTROL, to, NULL, "%u CHILD_SA%s of IKE_SA %s, not up yet: begun anew under IKE_SA %s", n,
	    n == 1 ? "" : "s", sa_name(from), sa_name(to));
}

/* ---- Under one that has to be found, or made */

struct restart {
	struct conn *conn;
	const struct child *cfg;
	struct policy *policy; /* in use until the action is done */
	struct waiter *waiters;
	enum child_action action;
	unsigned wishes_of; /* 0: it was up */
};

/* What was to renew another goes with that, whose close_action decides. */
static bool
begins_anew(const struct child_sa *c, enum end_cause why)
{
	const struct ike_sa *sa = c->sa;
	bool may = why == END_BY_PEER || why == END_EXPIRED || (why == END_MOVED && sa->role == INITIATOR);

	return may && is_wish(c) && !(c->rekeys && child_by_id(sa->core, c->rekeys)) && sa->wishes_of < IN_A_ROW_MAX;
}

/* One action starts all pairs of its policy. */
static struct restart *
restart_of(struct restarts *again, struct child_sa *c)
{
	struct restart *r = again->r;

	if (c->policy->acted) {
		while (r->policy != c->policy)
			r++;
		return r;
	}
	c->policy->acted = true;
	policy_use(c->sa->core, c->policy, 0, 1);
	r += again->n++;
	*r = (struct restart) { .conn = conn_ref(c->conn), .cfg = c->cfg, .policy = c->policy };
	return r;
}

static void
collect(struct restarts *again, struct child_sa *c, enum end_cause why)
{
	enum child_action a = child_action(c, why);
	bool anew = begins_anew(c, why);
	struct restart *r;

	if ((a != ACTION_TRAP && a != ACTION_START && !anew) || (c->policy->acted && !anew))
		return;
	r = restart_of(again, c);
	if (!anew) {
		r->action = a;
		return;
	}
	r->action = ACTION_START;
	r->wishes_of = c->sa->wishes_of + 1u;
	waiters_move(&r->waiters, &c->waiters, 0);
	if (!c->ever_up)
		child_free(c);
}

struct restarts
restarts_collect(struct ike_sa *sa, enum end_cause why)
{
	struct restarts again = { .r = calloc(sa->n_children + 1, sizeof *again.r) };
	struct child_sa *c = again.r ? sa->children : NULL;

	while (c) {
		struct child_sa *next = c->next;

		collect(&again, c, why);
		c = next;
	}
	for (size_t i = 0; i < again.n; i++)
		again.r[i].policy->acted = false;
	return again;
}

/* Who waited waits for what has just begun: to ask for it once more only joins it. */
static void
wait_again(struct ike *core, struct restart *r)
{
	struct conn_entry *e = conn_entry_find(core, r->conn->name);
	const struct child *now = e ? conn_child(e->conn, r->cfg->name) : NULL;
	const char *why = "the IKE_SA ended, and its connection was unloaded";
	bool ok = now != NULL;

	for (struct waiter *w = r->waiters; ok && w; w = w->next)
		ok = initiate_child(core, e->conn, now, NULL, w->cmd, &why);
	waiters_settle(core, &r->waiters, ok, why);
}

void
restarts_run(struct ike *core, struct restarts *again)
{
	for (size_t i = 0; i < again->n; i++) {
		struct restart *r = &again->r[i];

		child_apply_action(core, r->conn, r->cfg, r->policy, r->action);
		wait_again(core, r);
		inherit(ike_sa_for_conn(core, r->conn->name), r->wishes_of);
		policy_use(core, r->policy, 0, -1);
		conn_unref(r->conn);
	}
	free(again->r);
}
