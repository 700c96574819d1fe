/* SPDX-License-Identifier: Apache-2.0 */
#include "ike1.h"

#include "fragment.h"
#include "phase1.h"
#include "refusal.h"
#include "transaction.h"

/* IKEv1: which IKE_SA and which exchange a datagram belongs to. */

static const uint8_t zero_cookie[8];

static bool
zero(const uint8_t cookie[8])
{
	return memcmp(cookie, zero_cookie, 8) == 0;
}

/*
 * By both cookies; before the responder's is known, by the initiator's alone
 * (we wait for message 2), or together with the address (message 1 again).
 */
static bool
belongs(const struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	if (sa->protocol != &ike1_protocol)
		return false;
	if (memcmp(sa->cookie_r, h->cookie_r, 8) == 0)
		return true;
	if (sa->role == INITIATOR)
		return zero(sa->cookie_r);
	/* A notification about message 1 of ours never gets here: it has our cookies. */
	return zero(h->cookie_r) && ip_equal(&sa->remote.ip, &in->remote.ip);
}

static struct ike_sa *
find_sa(struct ike *core, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike_sa *sa = ike_sa_by_cookie(core, h->cookie_i, NULL);

	while (sa && !belongs(sa, in, h))
		sa = ike_sa_by_cookie(core, h->cookie_i, sa);
	return sa;
}

/* ---- What cannot be a message of ours */

enum { FLAG_RESPONSE_2 = 0x20, EXCHANGE_INFORMATIONAL_2 = 37 }; /* RFC 7296 section 3.1 */

/* Only a message that begins something is answered: otherwise two daemons that do not understand each other would never stop. */
static bool
begins(const struct isakmp_header *h)
{
	bool answer = h->version >> 4 == 2 && (h->flags & FLAG_RESPONSE_2 || h->exchange == EXCHANGE_INFORMATIONAL_2);

	return zero(h->cookie_r) && !zero(h->cookie_i) && !answer;
}

static void
tell_stranger(struct ike *core, const struct datagram *in, const struct isakmp_header *h, uint16_t type)
{
	if (type && begins(h))
		info_answer_clear(core, in, h, type);
}

static void
tell_header(struct ike *core, const struct datagram *in, const struct isakmp_header *h, enum verdict v)
{
	if (v == VERDICT_VERSION)
		tell_stranger(core, in, h, NOTIFY_INVALID_MAJOR_VERSION);
	else if (in->data.n >= ISAKMP_HEADER_OCTETS && h->version == 0x10)
		tell_stranger(core, in, h, NOTIFY_UNEQUAL_PAYLOAD_LENGTHS);
}

/* RFC 2408 section 5.2, steps 3 and 5. */
static enum verdict
wrong_header(const struct isakmp_header *h, uint16_t *notify)
{
	/* 3.1: "Implementations SHOULD never accept packets with a minor version number larger than its own" */
	if (h->version & 0x0f) {
		*notify = NOTIFY_INVALID_MINOR_VERSION;
		return VERDICT_MINOR_VERSION;
	}
	if (h->flags & ~(FLAG_ENCRYPTION | FLAG_COMMIT | FLAG_AUTH_ONLY)) {
		*notify = NOTIFY_INVALID_FLAGS;
		return VERDICT_FLAGS;
	}
	return VERDICT_OK;
}

/* Steps 1, 4, 5 and 6, for a message of no SA. */
static enum verdict
wrong_beginning(const struct isakmp_header *h, uint16_t *notify)
{
	if (!zero(h->cookie_r) || zero(h->cookie_i))
		return VERDICT_UNKNOWN_SA;
	/* There is no SA that its fragments could wait at: nothing is kept for strangers, nor said to them. */
	if (h->next_payload == PAYLOAD_FRAGMENT)
		return VERDICT_FRAGMENT;
	*notify = phase1_kind(h->exchange, FORM_PSK) ? 0 : refusal_of_exchange(h->exchange);
	if (!phase1_kind(h->exchange, FORM_PSK))
		return VERDICT_EXCHANGE_TYPE;
	if (h->flags & FLAG_ENCRYPTION) {
		*notify = NOTIFY_INVALID_FLAGS;
		return VERDICT_NO_KEYS;
	}
	*notify = NOTIFY_INVALID_MESSAGE_ID;
	return h->message_id ? VERDICT_MESSAGE_ID : VERDICT_OK;
}

/* ---- A first message */

/* What a first message leaves behind, besides itself and our answer. RFC 2408 section 2.5.3: it has to be cheap. */
_Static_assert(sizeof(struct ike_sa) + sizeof(struct exchange) + sizeof(struct phase1) <= 1024,
               "what only a later message needs has a record of its own");

static enum verdict
may_respond(struct ike *core, const struct datagram *in, const char **why)
{
	const struct ike_settings *s = &core->settings;
	struct candidates c;

	*why = endpoint_text(core, &in->remote);
	if (core->shutting_down)
		return VERDICT_SHUTTING_DOWN;
	if (s->initiator_only)
		return VERDICT_INITIATOR_ONLY;
	c = conn_candidates(core, IKE_V1, &in->local.ip, &in->remote.ip);
	conn_names_doubt(core, c.n_near ? c.near[0] : NULL, &in->remote.ip);
	if (candidate(&c, 0))
		return half_open_admits(core, &in->remote.ip) ? VERDICT_OK : VERDICT_HALF_OPEN_LIMIT;
	*why = arena_printf(&core->scratch, "%s...%s: see local_addrs and remote_addrs", ip_text(core, &in->local.ip),
	                    ip_text(core, &in->remote.ip));
	return VERDICT_NO_CONNECTION;
}

static void
respond(struct ike *core, const struct datagram *in, const struct isakmp_header *h)
{
	const struct exchange_kind *kind = phase1_kind(h->exchange, FORM_PSK);
	const char *why;
	enum verdict v = may_respond(core, in, &why);
	struct ike_sa *sa;
	struct exchange *ex;

	if (v) {
		refuse(core, NULL, v, why);
		/* A peer whose name has a new address is recognised when it repeats; strongSwan would give up on the
		 * notification. */
		if (v == VERDICT_NO_CONNECTION && !core->names_asked)
			info_answer_clear(core, in, h, NOTIFY_NO_PROPOSAL_CHOSEN);
		return;
	}
	sa = ike_sa_new(core, &ike1_protocol, RESPONDER, h->cookie_i);
	if (!sa)
		return;
	sa->local = in->local;
	sa->remote = in->remote;
	sa->addresses_known = true;
	sa->floated = in->marker;
	ike_sa_schedule(sa);
	ex = half_open_begin(sa) ? exchange_new(sa, kind, RESPONDER, 0) : NULL;
	if (!ex || !phase1_open(ex)) {
		ike_sa_free(sa);
		return;
	}

	uint32_t id = sa->id;

	/* A flood of first messages must not become a flood of log lines. */
	say(core, LOG_IKE, half_open_level(sa), sa, NULL, "%s is initiating %s IKE_SA", ip_text(core, &in->remote.ip),
	    h->exchange == EXCHANGE_MAIN ? "a Main Mode" : "an Aggressive Mode");
	exchange_receive(ex, in, h);
	/* A message that was not accepted leaves nothing behind. */
	sa = ike_sa_by_id(core, id);
	if (sa && sa->exchanges && sa->exchanges->at == 0 && !sa->exchanges->ticket)
		ike_sa_free(sa);
}

/* ---- Quick Mode from the peer */

/* Also under an SA that was replaced: the peer may not know yet. */
static bool
takes_quick_mode(const struct ike_sa *sa)
{
	return sa->state == IKE_STATE_ESTABLISHED || sa->state == IKE_STATE_REKEYING || sa->state == IKE_STATE_REKEYED;
}

/* A Quick Mode before Phase 1, or the login, is over: it waits, or is refused. */
static void
early_quick(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	bool waits = early_hold(sa, in, h);

	phase1_ask_last(sa);
	if (!waits)
		refuse(sa->core, sa, sa->authenticated ? VERDICT_LOGIN_REQUIRED : VERDICT_NO_KEYS,
		       sa->authenticated ? "a Quick Mode before that" : "Quick Mode before Phase 1 is done");
}

static enum verdict
may_begin_quick(const struct ike_sa *sa, uint32_t mid)
{
	const struct ike *core = sa->core;

	if (!mid || ike_sa_seen_id(sa, mid))
		return VERDICT_REPLAYED;
	if (sa->running >= 2 * core->settings.exchanges_per_sa)
		return VERDICT_EXCHANGE_LIMIT;
	return core->shutting_down ? VERDICT_SHUTTING_DOWN : VERDICT_OK;
}

static void
new_quick(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike *core = sa->core;
	uint32_t id = sa->id, mid = h->message_id;
	uint64_t digest = core_digest(core, in->data);
	struct exchange *ex;
	enum verdict v;

	/* Only the peer can go on; anybody who saw the cookies can send something that looks like it. */
	if (sa->authenticated && !takes_quick_mode(sa) && quick_mode_is_authentic(sa, in, h)) {
		transaction_confirm(sa);
		sa = ike_sa_by_id(core, id);
		if (!sa)
			return;
	}
	if (!takes_quick_mode(sa)) {
		early_quick(sa, in, h);
		return;
	}
	if (quick_mode_refused_before(sa, mid, digest)) {
		core->verdicts[VERDICT_DUPLICATE]++;
		core->counters.retransmits_answered++;
		return;
	}
	v = may_begin_quick(sa, mid);
	if (v) {
		refuse(core, sa, v, NULL);
		return;
	}
	ex = exchange_new(sa, &quick_mode, RESPONDER, mid);
	if (!ex)
		return;
	if (!quick_mode_open(ex)) {
		core->nomem = true;
		exchange_free(ex);
		return;
	}
	exchange_receive(ex, in, h);
	sa = ike_sa_by_id(core, id);
	if (sa)
		quick_mode_received(sa, mid, digest);
	ex = sa ? exchange_find(sa, mid) : NULL;
	if (ex && ex->at == 0)
		exchange_free(ex);
}

/* The peer still uses an SA that we deleted, so our Delete was lost: it is sent again, a few times. */
static void
zombie_receive(struct ike_sa *sa, const struct datagram *in)
{
	enum { AGAIN_MAX = 3 };

	if (sa->dpd_tries >= AGAIN_MAX || !ip_equal(&in->remote.ip, &sa->remote.ip))
		return;
	sa->dpd_tries++;
	info_ike_deleted(sa);
}

static void
stranger_receive(struct ike *core, const struct datagram *in, const struct isakmp_header *h)
{
	uint16_t notify = 0;
	enum verdict v = wrong_beginning(h, &notify);

	if (!v) {
		respond(core, in, h);
		return;
	}
	refuse(core, NULL, v, endpoint_text(core, &in->remote));
	tell_stranger(core, in, h, notify);
}

/* A whole message for an SA. */
static void
sa_receive(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	struct exchange *ex;

	switch (h->exchange) {
	case EXCHANGE_INFORMATIONAL:
		info_receive(sa, in, h);
		break;
	case EXCHANGE_TRANSACTION:
		transaction_receive(sa, in, h);
		break;
	case EXCHANGE_MAIN:
	case EXCHANGE_AGGRESSIVE:
	case EXCHANGE_QUICK:
		ex = exchange_find(sa, h->message_id);
		if (ex && ex->kind == &quick_mode && h->exchange == EXCHANGE_QUICK && quick_mode_fourth(ex, in, h))
			break;
		if (ex && ex->kind->type == h->exchange)
			exchange_receive(ex, in, h);
		else if (h->exchange == EXCHANGE_QUICK && !ex)
			new_quick(sa, in, h);
		else
			refuse(sa->core, sa, VERDICT_UNEXPECTED, NULL);
		break;
	default:
		/* The exchange type is in the header, which no HASH covers: anybody can have changed it, so nobody is told. */
		refuse(sa->core, sa, VERDICT_EXCHANGE_TYPE, exchange_name(h->exchange));
	}
}

static void
ike1_receive(struct ike *core, const struct datagram *in, const struct isakmp_header *h)
{
	uint16_t notify = 0;
	enum verdict wrong = wrong_header(h, &notify);
	struct ike_sa *sa = wrong ? NULL : find_sa(core, in, h);
	struct datagram whole;
	struct isakmp_header inner;

	if (wrong) {
		refuse(core, NULL, wrong, endpoint_text(core, &in->remote));
		tell_stranger(core, in, h, notify);
	} else if (!sa) {
		stranger_receive(core, in, h);
	} else if (sa->zombie) {
		zombie_receive(sa, in);
	} else if (h->next_payload != PAYLOAD_FRAGMENT) {
		sa_receive(sa, in, h);
	} else if (ike1_take_fragment(sa, in, h, &whole, &inner)) {
		sa_receive(sa, &whole, &inner);
	}
}

const struct ike_protocol ike1_protocol = {
	.major = 1,
	.receive = ike1_receive,
	.initiate = phase1_initiate,
	.negotiate = quick_mode_initiate,
	.tell_child_deleted = info_child_deleted,
	.tell_spi_deleted = info_spi_deleted,
	.tell_ike_deleted = info_ike_deleted,
	.probe = info_probe,
	.road_answered = road_answered,
	.send_fragments = ike1_send_fragments,
	.tell_header = tell_header,
	.open = ike1_open,
	.seal = ike1_seal,
};
