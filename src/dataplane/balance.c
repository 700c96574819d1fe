/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

/*
 * Where one worker has as much as it can do with both directions of a tunnel, and another nothing to do, the outbound SA
 * moves there. With less to do it goes home: then one worker is better, since who delivers a request is awake when the
 * reply comes.
 */
enum {
	/* Of LOAD_WHOLE. A worker with less to do than this takes a guest, */
	IDLE = 200,
	/* which goes home when the two workers together have less to do than this; with small turns, than that. */
	LIGHT = 300,
	LIGHT_WITH_SMALL_TURNS = 800,
	/* So that standing still takes no more than this part of the time. */
	PAUSE_RATIO = 50,
};

#define STAY MILLISECONDS(200)
#define STAY_IN_FAILURE SECONDS(60)

static unsigned
least_busy(const struct worker_shared *s, instant_t now)
{
	unsigned best = 0;

	for (unsigned i = 1; i < s->n; i++)
		if (load_share(&s->worker[i].load, now) < load_share(&s->worker[best].load, now))
			best = i;
	return best;
}

static bool
is_light(const struct worker *here, const struct worker *home, instant_t now)
{
	bool large = load_has_large_turns(&here->load) || load_has_large_turns(&home->load);

	return load_share(&here->load, now) + load_share(&home->load, now) < (large ? LIGHT : LIGHT_WITH_SMALL_TURNS);
}

static unsigned
best_owner(const struct worker_shared *s, const struct control_sa *c, instant_t now)
{
	unsigned other = least_busy(s, now);

	if (c->owner != c->home)
		return is_light(&s->worker[c->owner], &s->worker[c->home], now) ? c->home : c->owner;
	return load_is_full(&s->worker[c->owner].load) && load_share(&s->worker[other].load, now) < IDLE ? other : c->owner;
}

static void
take_over(struct dataplane *dp, struct control_sa *c, struct esp_sa *sa, unsigned to)
{
	struct worker *w = dp->shared.worker;

	for (unsigned i = 0; i < dp->shared.n; i++) {
		policy_replace_sa(&w[i].policies.slot[c->policy->slot], c->sa, sa, to);
		outbound_forget_lessons(&w[i]);
	}
	load_shift(&w[to].load, &w[c->owner].load);
	if (to == c->home)
		w[c->owner].guests--;
	else
		w[to].guests++;
	c->sa = sa;
	c->owner = to;
	dp->moved++;
}

/* All stand still, so that nothing of the SA is on its way: flows keep their order, and no sequence number is used twice. */
static bool
hand_on(struct dataplane *dp, struct control_sa *c, unsigned to)
{
	struct worker *w = dp->shared.worker;
	struct standstill still;
	struct esp_sa *sa;

	workers_stand_still(&dp->shared, &still);
	outbound_leave(&w[c->owner], c->sa, to);
	sa = esp_sa_adopt(w[to].esp, w[c->owner].esp, c->sa);
	if (sa)
		take_over(dp, c, sa, to);
	workers_go_on(&dp->shared, &still);
	return sa != NULL;
}

void
balance(struct dataplane *dp, const struct dataplane_event *e)
{
	struct control_sa *c = control_sa_find(dp, SA_OUTBOUND, e->spi, e->child_id);
	instant_t now = boottime();
	unsigned to;

	if (now < dp->next_move || !c || !c->policy || now < c->stays_until ||
	    __atomic_load_n(&c->sa->flags, __ATOMIC_RELAXED) & SA_FORM)
		return;
	to = best_owner(&dp->shared, c, now);
	if (to == c->owner)
		return;
	c->stays_until = now + (hand_on(dp, c, to) ? STAY : STAY_IN_FAILURE);
	dp->next_move = now + PAUSE_RATIO * (boottime() - now);
}
