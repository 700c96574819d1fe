/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"
#include "road_sa.h"

/* Initiating a child: from the wish for it to its place in the queue of an IKE_SA. */

struct child_sa *
child_present(const struct ike_sa *sa, const struct policy *p, uint16_t pair)
{
	struct child_sa *c = child_same_pair(sa, p, pair, NULL);

	while (c && (c->successor || c->state == CHILD_STATE_DELETING))
		c = child_same_pair(sa, p, pair, c);
	return c;
}

struct child_sa *
child_wanted(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct policy *p, uint16_t pair, const char **why)
{
	struct child_sa *c = child_present(sa, p, pair);

	if (c)
		return c;
	if (!child_room(sa, why)) {
		refuse(sa->core, sa, VERDICT_CHILD_LIMIT, *why);
		return NULL;
	}
	c = child_new(sa, conn, cfg, p, pair);
	if (c)
		child_queue(c, true);
	return c;
}

/* Each pair of selectors takes one Quick Mode (RFC 2409 section 5.5). */
static bool
queue_pair(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct policy *p, uint16_t pair, struct pending *cmd,
           const char **why)
{
	struct child_sa *c = child_wanted(sa, conn, cfg, p, pair, why);

	if (!c)
		return false;
	if (!cmd || c->ever_up)
		return true;
	cmd->ike_id = sa->id;
	return pending_wait(sa->core, &c->waiters, cmd);
}

static uint16_t
first_pair(const struct policy *p, const struct flow *flow)
{
	for (size_t i = 0; flow && i < p->n_ts; i++)
		if (selector_pair_admits(&p->ts[i], flow))
			return (uint16_t)i;
	return 0;
}

static bool
queue_pairs(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct policy *p, const struct flow *flow,
            struct pending *cmd, const char **why)
{
	size_t first = first_pair(p, flow), end = flow ? first + 1 : p->n_ts;
	bool ok = true;

	/* Keeps the policy alive during the loop, whatever fails. */
	policy_use(sa->core, p, 0, 1);
	for (size_t i = first; ok && i < end; i++)
		ok = queue_pair(sa, conn, cfg, p, (uint16_t)i, cmd, why);
	policy_use(sa->core, p, 0, -1);
	return ok;
}

static bool
want(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct pending *cmd)
{
	struct want *w = calloc(1, sizeof *w);

	if (!w || (cmd && !pending_wait(sa->core, &w->waiters, cmd))) {
		free(w);
		sa->core->nomem = true;
		return false;
	}
	if (cmd)
		cmd->ike_id = sa->id;
	w->conn = conn_ref(conn);
	w->cfg = cfg;
	w->next = sa->wants;
	sa->wants = w;
	return true;
}

static void
want_free(struct ike *core, struct want *w, const char *reason)
{
	waiters_settle(core, &w->waiters, false, reason);
	if (w->held)
		policy_use(core, w->held, 0, -1);
	conn_unref(w->conn);
	free(w);
}

void
wants_hold(struct ike *core, const char *conn, const struct child *cfg, struct policy *p)
{
	struct ike_sa *sa = ike_sa_for_conn(core, conn);

	for (struct want *w = sa ? sa->wants : NULL; w; w = w->next) {
		if (w->cfg != cfg || w->held)
			continue;
		w->held = p;
		policy_use(core, p, 0, 1);
		return;
	}
}

void
wants_drop(struct ike_sa *sa, const char *reason)
{
	while (sa->wants) {
		struct want *w = sa->wants;

		sa->wants = w->next;
		want_free(sa->core, w, reason);
	}
}

/* The first whose addresses are known, taken out of the list. */
static struct want *
next_known(struct ike_sa *sa)
{
	for (struct want **at = &sa->wants; *at; at = &(*at)->next) {
		struct want *w = *at;

		if (road_waits(sa, w->conn, w->cfg))
			continue;
		*at = w->next;
		return w;
	}
	return NULL;
}

void
wants_resolve(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct want *w;

	while ((w = next_known(sa))) {
		struct policy *p = road_policy(sa, w->conn, w->cfg);
		const char *why = NULL;

		if (p && queue_pairs(sa, w->conn, w->cfg, p, NULL, NULL, &why)) {
			struct child_sa *c = child_present(sa, p, 0);

			/* It may be up already, taken over from an older SA; if not, the commands wait for its first pair now. */
			if (c && c->ever_up)
				waiters_settle(core, &w->waiters, true, "");
			else if (c)
				waiters_move(&c->waiters, &w->waiters, sa->id);
		}
		want_free(core, w, why ? why : "its traffic selectors have no address family in common");
	}
}

/* The child's policy, as far as the configuration alone tells its addresses; NULL: not yet. */
static struct policy *
policy_before(struct ike *core, struct conn *conn, const struct child *cfg, const struct ike_sa *sa)
{
	struct ip any = { 0 };

	if (sa->addresses_known)
		return road_policy((struct ike_sa *)(uintptr_t)sa, conn, cfg);

	struct policy *p = conn_trap_policy(core, conn, cfg);

	return p ? p : policy_of(core, conn, cfg, &any, &any);
}

bool
initiate_child(struct ike *core, struct conn *conn, const struct child *cfg, const struct flow *flow, struct pending *cmd,
               const char **why)
{
	struct ike_sa *sa = ike_sa_for_conn(core, conn->name);

	*why = "out of memory";
	if (core->shutting_down) {
		*why = "shutting down";
		return false;
	}
	if (mode_is_shunt(cfg->mode)) {
		*why = "it is a shunt (mode = pass or drop): there is nothing to negotiate";
		return false;
	}
	if (!sa)
		sa = ike_sa_initiate(core, conn, NULL, why);
	if (!sa)
		return false;

	struct policy *p = road_waits(sa, conn, cfg) ? NULL : policy_before(core, conn, cfg, sa);

	if (p ? !queue_pairs(sa, conn, cfg, p, flow, cmd, why) : !want(sa, conn, cfg, cmd))
		return false;
	ike_sa_run_queue(sa);
	return true;
}
