/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"
#include "road_sa.h"

/*
 * Several IKE_SAs with one peer: which of them carries on, which goes, and who
 * takes over the CHILD_SAs (docs/adr/0004).
 */

/* How long a replaced SA stays, so that what is in flight on it still arrives. */
static const instant_t REPLACED_GRACE = SECONDS(10);
/* The same where the peer should have deleted it, and did not. */
static const instant_t REPLACED_GRACE_OF_PEER = SECONDS(15);
/* The peer is asked again about the SA that carries on after this time plus a random part of it: both ends may be asking. */
static const instant_t ASK_AGAIN = SECONDS(4);

/*
 * Nothing answers the last message of Aggressive Mode: until the peer is heard
 * under the keys, ours may be an SA that it does not have. Only who can be asked
 * (RFC 3706) is waited for.
 */
bool
ike_sa_in_doubt(const struct ike_sa *sa)
{
	return sa->unheard && sa->role == INITIATOR && sa->peer_dpd;
}

bool
ike_sa_same_place(const struct ike_sa *a, const struct ike_sa *b)
{
	bool nat = a->nat_remote || b->nat_remote;

	return nat ? endpoint_equal(&a->remote, &b->remote) : ip_equal(&a->remote.ip, &b->remote.ip);
}

void
ike_sa_revive(struct ike_sa *sa)
{
	sa->successor = 0;
	sa->delete_at = INSTANT_NEVER;
	if (sa->state == IKE_STATE_REKEYED)
		ike_sa_state(sa, IKE_STATE_ESTABLISHED);
	ike_sa_schedule(sa);
}

static bool
better(const struct ike_sa *a, const struct ike_sa *b)
{
	bool doubt = ike_sa_in_doubt(a);

	if (!b || doubt != ike_sa_in_doubt(b))
		return !b || !doubt;
	return a->established_at > b->established_at;
}

/* Another SA with the same host that could carry on for @sa, the youngest; @replaced: of those that @sa replaced. */
static struct ike_sa *
another(struct ike_sa *sa, bool replaced)
{
	struct ike_sa *best = NULL;

	for (struct ike_sa *o = sa->peer_key ? ike_sa_same_peer(sa, NULL) : NULL; o; o = ike_sa_same_peer(sa, o)) {
		bool may = !o->zombie && !o->ending && o->established_at && ike_sa_same_place(sa, o);

		if (may && (!replaced || o->successor == sa->id) && better(o, best))
			best = o;
	}
	return best;
}

/*
 * The SA that carries on when the peer deletes @sa: it may hold another opinion about which of two should stay. Where the
 * peer just does not answer under @sa, it is the one that @sa replaced: its deletion of @sa may have been lost.
 */
void
ike_sa_hand_over(struct ike_sa *sa, enum end_cause why)
{
	struct ike_sa *next = another(sa, why == END_DPD);

	if (!next)
		return;
	if (next->successor == sa->id)
		ike_sa_revive(next);
	ike_sa_adopt(next, sa);
	wishes_move(next, sa);
	ike_sa_run_queue(next);
}

/*
 * An answer tells the peer that it may give up what this SA replaces. While the login or the configuration of a renewal is
 * under way here, what it is to replace is still needed.
 */
bool
ike_sa_may_vouch(struct ike_sa *sa)
{
	struct ike_sa *o;

	if (sa->established_at)
		return true;
	if (sa->role == INITIATOR)
		return !sa->rekeys;
	/* Who the peer is, and with it what it replaces, is known after the login. */
	if ((road_peer_logs_in(sa) && !(sa->road && sa->road->user)) || !ike_sa_index_peer(sa))
		return true;
	for (o = ike_sa_same_peer(sa, NULL); o; o = ike_sa_same_peer(sa, o))
		if (ike_sa_is_up(o) && ike_sa_same_place(sa, o))
			return false;
	return true;
}

/*
 * Both must not go. The peer may never have got our last message of Phase 1, or mean the other one to carry on, and its Delete
 * was lost. So before @sa goes the peer has to answer a question under @next that is younger than our last answer to
 * it under @sa: where both ends do that, each answer makes the end that gives it ask anew, and no order of things lets
 * both delete. One without dead peer detection cannot be asked: it is believed.
 */
static bool
may_go(struct ike_sa *sa, struct ike_sa *next)
{
	if (!next->peer_dpd || !ike_sa_is_up(next))
		return true;
	if (sa->question && next->dpd_answered >= sa->question)
		return true;
	if (!sa->question || next->dpd_at == INSTANT_NEVER) {
		exchange_repeat_phase1(next);
		ike_sa_ask(next);
		sa->question = next->dpd_out;
	}
	return false;
}

void
ike_sa_answered(struct ike_sa *sa, uint32_t question)
{
	sa->dpd_answered = question;
	for (struct ike_sa *o = ike_sa_same_peer(sa, NULL); o; o = ike_sa_same_peer(sa, o))
		if (o->successor == sa->id && !o->zombie && !o->ending && o->question && o->question <= question) {
			o->delete_at = sa->core->now;
			ike_sa_schedule(o);
		}
}

/* The one that carries on for @sa: what replaced it may have been replaced, or deleted, as well. NULL: none is left. */
static struct ike_sa *
carries_on(struct ike_sa *sa)
{
	struct ike_sa *next = ike_sa_by_id(sa->core, sa->successor), *after;

	if (!next || next->zombie || next->ending)
		next = another(sa, false);
	while (next && (after = ike_sa_by_id(sa->core, next->successor)) && !after->zombie && !after->ending)
		next = after;
	return next == sa ? NULL : next;
}

void
ike_sa_replaced_due(struct ike_sa *sa)
{
	struct ike_sa *next = carries_on(sa);

	sa->delete_at = INSTANT_NEVER;
	if (!next) {
		ike_sa_revive(sa);
		return;
	}
	if (next->id != sa->successor)
		sa->question = 0;
	sa->successor = next->id;
	ike_sa_adopt(next, sa);
	if (may_go(sa, next)) {
		wishes_move(next, sa);
		ike_sa_end(sa, END_REPLACED, "it was replaced");
		ike_sa_run_queue(next);
		return;
	}
	sa->delete_at = sa->core->now + ASK_AGAIN + (instant_t)rng_below(sa->core->rng, (uint64_t)ASK_AGAIN);
	ike_sa_schedule(sa);
}

/*
 * The rule for two IKE_SAs of one peer (docs/adr/0004): made one after the
 * other, the later carries on; made at the same time by both ends, the one with
 * the higher initiator cookie. The initiator of the later, or of the loser,
 * deletes; the other end does so only much later, should that fail.
 */
static void
supersede(struct ike_sa *sa, struct ike_sa *o)
{
	bool crossed = o->role != sa->role && sa->rekeys != o->id &&
	               o->established_at > sa->created_at - (sa->role == RESPONDER ? CROSSING_WINDOW : 0);
	struct ike_sa *winner = crossed && memcmp(o->cookie_i, sa->cookie_i, 8) > 0 ? o : sa;
	struct ike_sa *loser = winner == sa ? o : sa;
	bool ours = crossed ? loser->role == INITIATOR : winner->role == INITIATOR;

	ike_sa_adopt(winner, loser);
	if (winner->state == IKE_STATE_REKEYING)
		ike_sa_state(winner, IKE_STATE_ESTABLISHED);
	loser->successor = winner->id;
	loser->question = 0;
	if (!winner->rekeys)
		winner->rekeys = loser->id;
	loser->delete_at = sa->core->now + (ours ? REPLACED_GRACE : REPLACED_GRACE_OF_PEER);
	ike_sa_state(loser, IKE_STATE_REKEYED);
	ike_sa_schedule(loser);
	ike_sa_run_queue(winner);
}

static const char *
duplicate(struct ike_sa *sa)
{
	struct identity peer = road_peer_id(sa);

	return arena_printf(&sa->core->scratch,
	                    "deleting duplicate IKE_SA for peer '%s' due to uniqueness policy (unique = replace)",
	                    id_text(sa->core, &peer));
}

void
ike_sa_forget(struct ike_sa *sa, struct ike_sa *o, const char *why)
{
	/* From another address it may be another host with the same name: it is told. */
	bool same = ike_sa_same_place(sa, o);

	if (same)
		wishes_move(sa, o);
	ike_sa_end(o, same ? END_FORGOTTEN : END_COMMAND, why ? why : "INITIAL-CONTACT: the peer has no other SA with us");
	if (same)
		ike_sa_run_queue(sa);
}

/* Whether @o ends now that @sa is up, and how: uniqueness, INITIAL-CONTACT, replacement. */
static void
settle_with(struct ike_sa *sa, struct ike_sa *o)
{
	enum unique_policy unique = sa->conn->unique;
	/* In Aggressive Mode ours may be up while the peer, which began before, knows nothing of it yet. */
	instant_t meant = sa->created_at - (o->role == INITIATOR && sa->role == RESPONDER ? CROSSING_WINDOW : 0);
	bool same_conn = strcmp(o->conn->name, sa->conn->name) == 0;

	if (!ike_sa_is_up(o) || o->successor)
		return;
	/* Only what was up before this exchange began: the peer cannot mean more (ADR 0004). */
	if (sa->initial_contact && unique != UNIQUE_NEVER && o->established_at <= meant) {
		ike_sa_forget(sa, o, unique == UNIQUE_REPLACE ? duplicate(sa) : NULL);
		return;
	}
	/* The peer may not have it. As soon as that is heard of, it settles with this one. */
	if (ike_sa_in_doubt(o) && sa->role == RESPONDER)
		return;
	if (o->id == sa->rekeys || (same_conn && ike_sa_same_place(sa, o) && unique != UNIQUE_NEVER)) {
		supersede(sa, o);
		return;
	}
	if (unique == UNIQUE_REPLACE)
		ike_sa_end(o, END_COMMAND, duplicate(sa));
}

/* Another identity at the same address gets none of the children, whatever the connection admits. */
static void
settle_rekeyed(struct ike_sa *sa, struct ike_sa *old)
{
	struct identity was = road_peer_id(old), is = road_peer_id(sa);

	if (was.type == is.type && span_equal(identity_span(&was), identity_span(&is))) {
		supersede(sa, old);
		return;
	}
	say(sa->core, LOG_IKE, LOG_AUDIT, sa, "other-identity",
	    "IKE_SA %s answers the rekeying of %s under a different identity: it takes over nothing", sa_name(sa), sa_name(old));
	sa->rekeys = 0;
	if (old->state == IKE_STATE_REKEYING)
		ike_sa_state(old, IKE_STATE_ESTABLISHED);
	old->rekey_at = sa->core->now + SECONDS(10);
	ike_sa_schedule(old);
}

void
ike_sa_settle(struct ike_sa *sa)
{
	struct ike_sa *old = sa->rekeys ? ike_sa_by_id(sa->core, sa->rekeys) : NULL;
	struct ike_sa *o = ike_sa_same_peer(sa, NULL);

	if (old && ike_sa_is_up(old) && !old->successor && old->peer_key != sa->peer_key)
		settle_rekeyed(sa, old);
	while (o && !sa->successor) {
		struct ike_sa *next = ike_sa_same_peer(sa, o);

		settle_with(sa, o);
		o = next;
	}
}
