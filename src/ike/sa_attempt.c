/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

/* Attempts at an IKE_SA: the first, the next ones (keyingtries), and what remains when all have failed. */

static bool
begin(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct effect *e;

	if (sa->addresses_known)
		return sa->protocol->initiate(sa);
	sa->ticket = park(core, PARKED_IKE, sa->id, 0, NULL);
	e = sa->ticket ? effects_add(core->fx, EFFECT_ASK_ADDRESS) : NULL;
	if (!e)
		return false;
	e->ticket = sa->ticket;
	e->ask_address.conn = sa->conn;
	e->ask_address.attempt = sa->tries;
	core_keep_conn(core, sa->conn);
	ike_sa_schedule(sa);
	return true;
}

static const struct ike_protocol *
protocol_for(const struct ike *core, const struct conn *conn, const char **why)
{
	/* No silent downgrade: version = 0 means IKEv2 first, which is not there yet. */
	if (conn->version == IKE_ANY) {
		*why = "version = 0 answers IKEv1 and IKEv2, but does not say which to initiate with: set version = 1";
		return NULL;
	}
	for (const struct ike_protocol *const *p = core->protocols; *p; p++)
		if ((*p)->major == (unsigned)conn->version)
			return *p;
	*why = "this version of the protocol is not available here: set version = 1";
	return NULL;
}

struct ike_sa *
ike_sa_initiate(struct ike *core, struct conn *conn, struct ike_sa *rekeys, const char **why)
{
	const struct ike_protocol *p = rekeys ? rekeys->protocol : protocol_for(core, conn, why);
	struct ike_sa *sa = p ? ike_sa_new(core, p, INITIATOR, NULL) : NULL;

	if (!p)
		return NULL;
	*why = "out of memory";
	if (!sa)
		return NULL;
	ike_sa_set_conn(sa, conn);
	if (rekeys) {
		sa->rekeys = rekeys->id;
		sa->local = rekeys->local;
		sa->remote = rekeys->remote;
		sa->addresses_known = true;
		sa->floated = rekeys->floated;
	}

	uint32_t id = sa->id;

	if (begin(sa)) {
		*why = "there is nothing to offer: see the log";
		return ike_sa_by_id(core, id);
	}
	ike_sa_free(sa);
	return NULL;
}

/* Another attempt, as if from the start: strongSwan's keyingtries. */
static bool
try_again(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	ike_sa_forget_phase1(sa);
	table_remove(&core->by_cookie, &sa->by_cookie);
	rng_fill(core->rng, sa->cookie_i, 8);
	memset(sa->cookie_r, 0, 8);
	if (!table_insert(&core->by_cookie, &sa->by_cookie, span_of(sa->cookie_i, 8)))
		return false;
	sa->nat_local = sa->nat_remote = sa->peer_nat_t = sa->peer_nat_t_draft = sa->peer_dpd = sa->peer_fragments =
	        sa->peer_unity = false;
	if (!sa->rekeys) {
		sa->addresses_known = false;
		sa->floated = false;
	}
	sa->created_at = core->now;
	return begin(sa);
}

void
ike_sa_rekey_failed(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct ike_sa *old = sa->rekeys ? ike_sa_by_id(core, sa->rekeys) : NULL;

	if (!old || old->successor || old->zombie || old->ending)
		return;
	if (old->state == IKE_STATE_REKEYING)
		ike_sa_state(old, IKE_STATE_ESTABLISHED);
	/* Until it expires there is time for more attempts. */
	old->rekey_at = core->now + SECONDS(10);
	ike_sa_schedule(old);
}

/* A failure that came at once would come again at once: the next attempt begins no sooner than a retransmission would. */
static bool
wait_or_try(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	unsigned tries = sa->tries < core->settings.retransmit_tries ? sa->tries : core->settings.retransmit_tries;
	instant_t at = sa->created_at + retransmit_wait(core, tries - 1);

	if (at <= core->now)
		return try_again(sa);
	ike_sa_forget_phase1(sa);
	sa->retry_at = at;
	ike_sa_schedule(sa);
	return true;
}

void
ike_sa_retry(struct ike_sa *sa)
{
	sa->retry_at = INSTANT_NEVER;
	if (!try_again(sa))
		ike_sa_failed(sa, "the next attempt could not begin", false);
}

/* An attempt for what was unloaded or changed in the meantime is not repeated. */
static bool
still_configured(const struct ike_sa *sa)
{
	const struct conn_entry *e = sa->conn ? conn_entry_find(sa->core, sa->conn->name) : NULL;

	return e && (e->conn == sa->conn || conn_equal_but_children(e->conn, sa->conn));
}

void
ike_sa_failed(struct ike_sa *sa, const char *reason, bool may_retry)
{
	struct ike *core = sa->core;
	unsigned allowed = sa->conn ? sa->conn->keyingtries : 1;
	const char *text = reason;

	/* draft-beaulieu-ike-xauth-02 section 6: "If the extended authentication fails, then the phase 1 SA MUST be immediately
	 * deleted." */
	if (sa->authenticated && !sa->established_at)
		sa->protocol->tell_ike_deleted(sa);
	if (sa->last_notice)
		text = arena_printf(&core->scratch, "%s; probable cause: %s", reason, sa->last_notice);
	if (!text)
		text = reason;
	sa->tries++;
	if (may_retry && sa->role == INITIATOR && still_configured(sa) && (!allowed || sa->tries < allowed)) {
		say(core, LOG_IKE, LOG_CONTROL, sa, "retry", "%s: %s; trying again (%u/%u)", sa_name(sa), text, sa->tries + 1,
		    allowed);
		if (wait_or_try(sa))
			return;
	}
	say(core, LOG_IKE, LOG_AUDIT, sa, "failed", "establishing IKE_SA %s failed: %s", sa_name(sa), text);
	core->counters.ike_failed++;
	ike_sa_rekey_failed(sa);
	while (sa->children)
		child_failed(sa->children, text);
	wants_drop(sa, text);
	waiters_settle(core, &sa->waiters, false, text);
	event(core, EVENT_IKE_DOWN, sa, NULL);
	ike_sa_free(sa);
}
