/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "refusal.h"
#include "transaction.h"

/* How an exchange of Phase 1 begins and ends, whichever it is. */

bool
phase1_initiate(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	uint8_t type = sa->conn->aggressive ? EXCHANGE_AGGRESSIVE : EXCHANGE_MAIN;
	struct exchange *ex = exchange_new(sa, phase1_kind(type, FORM_PSK), INITIATOR, 0);

	if (!ex)
		return false;
	if (!phase1_open(ex)) {
		exchange_free(ex);
		return false;
	}
	say(core, LOG_IKE, LOG_AUDIT, sa, NULL, "initiating %s IKE_SA %s to %s", ex->kind->name, sa_name(sa),
	    ip_text(core, &sa->remote.ip));
	exchange_advance(ex);
	return true;
}

/* ---- The end */

void
phase1_ask_last(struct ike_sa *sa)
{
	struct exchange *ex = exchange_find(sa, 0);

	if (ex && ex->role == RESPONDER && ex->at + 1 == ex->kind->n_steps && !ex->held)
		exchange_repeat(ex);
}

static void
warn(struct ike_sa *sa)
{
	if (sa->aggressive)
		say(sa->core, LOG_IKE, LOG_CONTROL, sa, "identities-exposed",
		    "Aggressive Mode: both identities went in clear, and whoever saw them knows who talks to whom");
	if (sa->group_key)
		say(sa->core, LOG_IKE, LOG_CONTROL, sa, "group-key",
		    "the pre-shared key is shared by a group: each of its members can pose as any other, as the gateway too");
}

void
phase1_done(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	struct phase1 *p = phase1_of(ex);
	const struct ike_protocol *protocol = sa->protocol;
	struct queued *early = p->early;

	/* Appendix B: "the final phase 1 CBC output block ... must be retained in the ISAKMP SA state". */
	memcpy(sa->iv, ex->iv, sizeof sa->iv);
	sa->lifetime_ns = (instant_t)(p->life_seconds < 100000000 ? p->life_seconds : 100000000) * SECONDS(1);
	sa->initial_contact = p->initial_contact;
	sa->authenticated = true;
	warn(sa);
	p->early = NULL;
	phase1_next(sa);
	early_release(core, protocol, early);
}

/* Whether the peer has shown to have the keys: by the message that failed, or by the one before it. */
static bool
shares_keys(const struct exchange *ex)
{
	const struct step *s = &ex->kind->steps[ex->at];
	bool last = ex->at + 1 == ex->kind->n_steps;

	if (s->sender == ex->role)
		return last && s->sealed == SEALED;
	return last || s->sealed == SEALED;
}

/*
 * RFC 2409 section 5.7 "protects ISAKMP Informational Exchanges when possible":
 * under the keys, where both ends have them, so that the peer may believe it and
 * need not repeat its message until it gives up. Who is done already has an SA.
 */
static void
tell_failure(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	bool theirs = ex->kind->steps[ex->at].sender != ex->role;
	uint8_t spi[16];

	if (!sa->keys.n || !shares_keys(ex)) {
		info_notify_clear(ex, phase1_of(ex)->cookie_r, ex->notify);
		return;
	}
	/* Where it came from: the initiator has changed to port 4500 with it if there is a NAT. */
	if (theirs) {
		sa->local = ex->local;
		sa->remote = ex->remote;
	}
	memcpy(sa->iv, theirs ? ex->next_iv : ex->iv, sizeof sa->iv);
	info_notify(sa, PROTO_ISAKMP, ex->notify, info_cookies(sa, spi), (struct span) { 0 });
	if (theirs && ex->at + 1 == ex->kind->n_steps)
		info_ike_deleted(sa);
}

void
phase1_fail(struct exchange *ex, const char *reason)
{
	if (ex->fatal && ex->notify)
		tell_failure(ex);
	ike_sa_failed(ex->sa, reason, !ex->fatal);
}

/*
 * What is garbage after decryption most likely was encrypted under another key,
 * which a wrong PSK gives; a wrong HASH_R in clear says the same.
 */
static void
hint_wrong_psk(struct exchange *ex, enum verdict v)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	char text[256];

	snprintf(text, sizeof text, "the pre-shared keys of %s and %s probably differ: message %u of %s %s",
	         ip_text(core, &sa->local.ip), ip_text(core, &ex->remote.ip), ex->at + 1u, ex->kind->name,
	         ex->kind->steps[ex->at].sealed == SEALED ? "does not decrypt" : "has the wrong hash");
	core->verdicts[VERDICT_WRONG_PSK]++;
	say(core, LOG_IKE, LOG_AUDIT, sa, verdict_word(VERDICT_WRONG_PSK), "%s", text);
	ike_sa_notice(sa, text);
	if (!ex->notify)
		ex->notify = refusal_of_message(ex, v);
}

/* A message that was not accepted. The right one may still come, so the exchange stays. */
void
phase1_refused(struct exchange *ex, enum verdict v)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p = phase1_of(ex);
	bool psk = p->method && p->method->form == FORM_PSK;

	if (psk && ex->at && (v == VERDICT_UNDECRYPTABLE || v == VERDICT_BAD_HASH))
		hint_wrong_psk(ex, v);
	else if (!ex->fatal && ex->notify && ex->why)
		ike_sa_notice(sa, ex->why);
	if (!ex->notify)
		ex->notify = refusal_of_message(ex, v);
	/* RFC 2409 section 5.7: before there is an SA, "in the clear without an accompanying HASH payload". */
	if (!ex->fatal && ex->notify && (ex->role == RESPONDER || phase1_aggressive(ex)))
		info_notify_clear(ex, p->cookie_r, ex->notify);
}

const struct exchange_kind *
phase1_kind(uint8_t exchange_type, enum auth_form form)
{
	switch (exchange_type) {
	case EXCHANGE_MAIN:
		return &main_mode[form];
	case EXCHANGE_AGGRESSIVE:
		return &aggressive_mode[form];
	default:
		return NULL;
	}
}
