/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "control.h"

static struct span
key_span(const uint32_t *reqid)
{
	return span_of(reqid, sizeof *reqid);
}

void
control_all(struct dataplane *dp, unsigned first, void (*call)(struct worker *w, void *arg), void *arg)
{
	worker_call(&dp->shared.worker[first], call, arg);
	for (unsigned i = 0; i < dp->shared.n; i++)
		if (i != first)
			worker_call(&dp->shared.worker[i], call, arg);
}

unsigned
control_policy_holder(const struct dataplane *dp, const struct control_policy *p)
{
	return p->slot % dp->shared.n;
}

struct control_policy *
control_policy_find(const struct dataplane *dp, uint32_t reqid)
{
	for (struct table_link *l = table_find(&dp->policies, key_span(&reqid)); l; l = table_find_next(l)) {
		struct control_policy *p = table_entry(l, struct control_policy, link);

		if (p->reqid == reqid)
			return p;
	}
	return NULL;
}

/* There is room in the list of free slots for every slot that was ever given out. */
static bool
take_slot(struct dataplane *dp, uint32_t *slot)
{
	if (dp->n_free_slots) {
		*slot = dp->free_slot[--dp->n_free_slots];
		return true;
	}
	if (dp->n_slots == dp->room_free_slots) {
		size_t room = dp->room_free_slots ? dp->room_free_slots * 2 : 16;
		uint32_t *p = room > UINT32_MAX / 2 ? NULL : realloc(dp->free_slot, room * sizeof *p);

		if (!p)
			return false;
		dp->free_slot = p;
		dp->room_free_slots = room;
	}
	*slot = dp->n_slots++;
	return true;
}

struct control_policy *
control_policy_get(struct dataplane *dp, uint32_t reqid)
{
	struct control_policy *p = control_policy_find(dp, reqid);

	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->reqid = reqid;
	if (!take_slot(dp, &p->slot)) {
		free(p);
		return NULL;
	}
	if (!table_insert(&dp->policies, &p->link, key_span(&p->reqid))) {
		dp->free_slot[dp->n_free_slots++] = p->slot;
		free(p);
		return NULL;
	}
	return p;
}

static void
run_vacate(struct worker *w, void *arg)
{
	const struct control_policy *p = arg;

	worker_drop(w, ESP_DROP_NO_POLICY, policies_vacate(&w->policies, p->slot));
}

void
control_policy_put(struct dataplane *dp, struct control_policy *p)
{
	if (p->claimed || p->n_outbound)
		return;
	control_all(dp, 0, run_vacate, p);
	table_remove(&dp->policies, &p->link);
	dp->free_slot[dp->n_free_slots++] = p->slot;
	free(p);
}

struct claim_call {
	const struct claim *claim;
	struct control_policy *policy;
	unsigned holder;
	bool failed;
};

static void
run_claim(struct worker *w, void *arg)
{
	struct claim_call *call = arg;
	uint32_t slot = call->policy->slot;

	if (call->failed)
		return;
	call->failed = !policies_reserve(&w->policies, slot, call->policy->reqid, call->holder) ||
	               !policies_claim(&w->policies, slot, call->claim);
	if (!call->failed && w->policies.slot[slot].n_held)
		outbound_release_held(w, &w->policies.slot[slot]);
}

static void
run_unclaim(struct worker *w, void *arg)
{
	const struct control_policy *p = arg;

	if (p->slot < w->policies.n_slots)
		worker_drop(w, ESP_DROP_NO_POLICY, policies_unclaim(&w->policies, p->slot));
}

bool
dataplane_claim(struct dataplane *dp, const struct claim *c)
{
	struct claim_call call = { .claim = c, .policy = control_policy_get(dp, c->reqid) };

	if (!call.policy)
		return false;
	call.holder = control_policy_holder(dp, call.policy);
	control_all(dp, call.holder, run_claim, &call);
	call.policy->claimed = true;
	if (call.failed)
		dataplane_release(dp, c->reqid);
	return !call.failed;
}

void
dataplane_release(struct dataplane *dp, uint32_t reqid)
{
	struct control_policy *p = control_policy_find(dp, reqid);

	if (!p || !p->claimed)
		return;
	control_all(dp, 0, run_unclaim, p);
	p->claimed = false;
	control_policy_put(dp, p);
}

void
control_close_policies(struct dataplane *dp)
{
	for (size_t i = 0; i < dp->policies.n_buckets; i++) {
		for (struct table_link *l = dp->policies.bucket[i], *next; l; l = next) {
			next = l->next;
			free(table_entry(l, struct control_policy, link));
		}
	}
	table_close(&dp->policies);
	free(dp->free_slot);
}
