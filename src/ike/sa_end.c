/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"
#include "road_sa.h"

/* The end of an IKE_SA that was up: its children go, their actions follow, and the peer is told twice. */

/* A Delete has no answer: said twice, a single loss leaves no SA behind. */
#define DELETE_AGAIN SECONDS(2)

void
ike_sa_linger_due(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	if (sa->said_again || core->shutting_down) {
		ike_sa_free(sa);
		return;
	}
	sa->said_again = true;
	sa->protocol->tell_ike_deleted(sa);
	sa->delete_at = core->now + core->settings.delete_wait_ns;
	ike_sa_schedule(sa);
}

/*
 * The peer is told; a lost Delete is said again when the peer still speaks to
 * this SA (RFC 2408 section 5.15 wants no answer to it), for a while.
 */
static void
linger(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	while (sa->exchanges)
		exchange_free(sa->exchanges);
	sa->zombie = true;
	sa->state = IKE_STATE_DELETING;
	sa->delete_at = core->now + instant_min(DELETE_AGAIN, core->settings.delete_wait_ns);
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->dpd_at = sa->retry_at = INSTANT_NEVER;
	ike_sa_schedule(sa);
}

/* Room for what the end of one child appends. */
static bool
room_left(const struct ike *core)
{
	return core->fx->n + 64 < EFFECTS_BATCH;
}

void
ike_sa_end_rest(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	enum end_cause why = (enum end_cause)sa->end_why;
	bool tell = why == END_COMMAND || why == END_EXPIRED || why == END_REPLACED;

	while (sa->children && room_left(core)) {
		if (sa->children->ever_up)
			child_end(sa->children, tell ? END_COMMAND : END_REPLACED, tell);
		else
			child_failed(sa->children, "the IKE_SA ended");
	}
	if (sa->children) {
		sa->delete_at = core->now;
		ike_sa_schedule(sa);
		return;
	}
	if (tell)
		sa->protocol->tell_ike_deleted(sa);
	waiters_settle(core, &sa->waiters, false, "the IKE_SA ended");
	event(core, EVENT_IKE_DOWN, sa, NULL);
	road_close(sa);
	if (tell && core->settings.delete_wait_ns && !core->shutting_down)
		linger(sa);
	else
		ike_sa_free(sa);
}

void
ike_sa_end(struct ike_sa *sa, enum end_cause why, const char *reason)
{
	struct ike *core = sa->core;
	struct restarts again;

	if (sa->ending) {
		ike_sa_end_rest(sa);
		return;
	}
	say(core, LOG_IKE, LOG_AUDIT, sa, NULL, "deleting IKE_SA %s between %s: %s", sa_name(sa), ends_text(sa), reason);
	ike_sa_state(sa, IKE_STATE_DELETING);
	if (why == END_BY_PEER || why == END_DPD || (why == END_EXPIRED && sa->successor))
		ike_sa_hand_over(sa, why);
	again = restarts_collect(sa, why);
	sa->ending = true;
	sa->end_why = (uint8_t)why;
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->dpd_at = INSTANT_NEVER;
	ike_sa_end_rest(sa);
	restarts_run(core, &again);
}
