/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "keymat.h"
#include "notifications.h"
#include "phase1.h"

/* The Informational Exchange: RFC 2409 section 5.7, RFC 2408 section 4.8; DPD: RFC 3706. */

enum { DELETED_AT_ONCE = 64 };

static bool
is_up(const struct ike_sa *sa)
{
	return sa->authenticated || sa->state == IKE_STATE_ESTABLISHED || sa->state == IKE_STATE_REKEYING ||
	       sa->state == IKE_STATE_REKEYED || sa->state == IKE_STATE_DELETING;
}

/* ---- Receiving in clear */

/* The verdict of ours that the peer's notification stands for: the same word names the same cause on both ends. */
static enum verdict
cause(const struct ike_sa *sa, uint16_t type)
{
	const struct exchange *phase1 = is_up(sa) ? NULL : exchange_find(sa, 0);
	bool authenticating = phase1 && !phase1->over && phase1->at + 1 >= phase1->kind->n_steps;
	bool psk = authenticating && phase1_of(phase1)->method && phase1_of(phase1)->method->form == FORM_PSK;

	switch (type) {
	case NOTIFY_NO_PROPOSAL_CHOSEN:
		return VERDICT_NO_PROPOSAL;
	case NOTIFY_INVALID_ID_INFORMATION:
		return is_up(sa) ? VERDICT_TS_MISMATCH : VERDICT_ID_MISMATCH;
	case NOTIFY_PAYLOAD_MALFORMED:
	case NOTIFY_INVALID_HASH_INFORMATION:
	case NOTIFY_AUTHENTICATION_FAILED:
		return psk ? VERDICT_WRONG_PSK : authenticating ? VERDICT_BAD_CERTIFICATE : VERDICT_OK;
	case NOTIFY_INVALID_SIGNATURE:
		return VERDICT_BAD_SIGNATURE;
	case NOTIFY_INVALID_CERT_ENCODING:
	case NOTIFY_INVALID_CERTIFICATE:
	case NOTIFY_CERT_TYPE_UNSUPPORTED:
	case NOTIFY_INVALID_CERT_AUTHORITY:
	case NOTIFY_CERTIFICATE_UNAVAILABLE:
		return VERDICT_BAD_CERTIFICATE;
	case NOTIFY_UNSUPPORTED_EXCHANGE_TYPE:
	case NOTIFY_INVALID_EXCHANGE_TYPE:
		return VERDICT_EXCHANGE_REFUSED;
	default:
		return VERDICT_OK;
	}
}

/* RFC 2408 section 5.14, steps 2 to 4: else "the payload is discarded". */
static bool
may_be(struct ike_sa *sa, const struct notify_payload *n)
{
	const char *wrong = notification_wrong(n);

	if (wrong)
		refuse(sa->core, sa, VERDICT_BAD_NOTIFY, wrong);
	return !wrong;
}

/*
 * Anybody can send these. RFC 2409 section 5.7 wants them in clear before there
 * are keys; they are shown as the probable cause, and nothing is done.
 */
static void
take_clear(struct ike_sa *sa, const struct message *m, const struct endpoint *from)
{
	struct ike *core = sa->core;
	const struct payload *n = message_find(m, PAYLOAD_N, NULL);

	if (message_find(m, PAYLOAD_D, NULL))
		refuse(core, sa, VERDICT_UNPROTECTED_DELETE, endpoint_text(core, from));
	if (!n)
		return;

	const char *name = notify_name(n->n.type), *sentence = notify_sentence_in(n->n.type, is_up(sa) ? 2 : 1);
	char number[16], text[512];
	enum verdict v = cause(sa, n->n.type);

	if (!may_be(sa, &n->n))
		return;
	snprintf(number, sizeof number, "%u", n->n.type);
	snprintf(text, sizeof text, "the peer (unauthenticated) says %s%s%s%s", name ? name : number, sentence ? ": " : "",
	         sentence ? sentence : "",
	         v == VERDICT_WRONG_PSK ? " Probably the pre-shared keys differ, so that it decrypts to nonsense." : "");
	core->verdicts[VERDICT_UNPROTECTED_NOTIFY]++;
	if (sa->last_notice && strcmp(sa->last_notice, text) == 0)
		return;
	say(core, LOG_IKE, LOG_AUDIT, sa, verdict_word(v ? v : VERDICT_UNPROTECTED_NOTIFY), "%s", text);
	if (!is_up(sa))
		ike_sa_notice(sa, text);
	else if (core->now - sa->dpd_since >= SECONDS(1))
		/* Perhaps it lost this SA; a probe will tell. Anybody can say it, so not more often. */
		ike_sa_probe(sa);
}

/* ---- Receiving under protection */

/*
 * strongSwan names the SPI that we chose where its kernel refused the SA: there
 * never was one of its own. So nothing has come in on it.
 */
static struct child_sa *
find_refused(struct ike_sa *sa, uint32_t spi)
{
	struct child_sa *c = child_by_spi_in(sa->core, spi);

	if (!c || !c->ever_up || c->heard_at != c->installed_at)
		return NULL;
	return c->sa == sa || (sa->peer_key && c->sa->peer_key == sa->peer_key) ? c : NULL;
}

static void
delete_child(struct ike_sa *sa, uint8_t protocol, uint32_t spi)
{
	struct ike *core = sa->core;
	struct child_sa *c = info_find_deleted(sa, protocol, spi), *next;

	if (!c && protocol == PROTO_IPSEC_ESP)
		c = find_refused(sa, spi);
	next = c && c->successor ? child_by_id(core, c->successor) : NULL;

	say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "received DELETE for %s CHILD_SA with SPI %08x%s", info_protocol_word(protocol),
	    spi, c ? "" : ": unknown here");
	if (!c)
		return;
	/* The peer gives the old one up: it has the new one. */
	if (next) {
		child_move_outbound(next);
		child_schedule(next);
	}
	if (c->deleted_by_peer)
		return;
	if (next && next->ever_up)
		child_retired_by_peer(c);
	else
		child_end(c, END_BY_PEER, false);
}

/* RFC 2408 section 5.15, steps 2 to 4. */
static const char *
delete_wrong(const struct ike_sa *sa, const struct delete_payload *d)
{
	uint8_t room[16];

	if (d->doi != DOI_IPSEC && d->doi != DOI_ISAKMP)
		return "a Delete for another DOI than IPsec";
	switch (d->protocol) {
	case PROTO_ISAKMP:
		return d->spi_size == 16 && d->n_spi && span_equal(span_of(d->spis.p, 16), info_cookies(sa, room))
		               ? NULL
		               : "a Delete of an IKE_SA whose SPI does not consist of its two cookies";
	case PROTO_IPSEC_AH:
	case PROTO_IPSEC_ESP:
		return d->spi_size == 4 ? NULL : "a Delete with SPIs that do not have four octets";
	case PROTO_IPCOMP:
		return NULL;
	default:
		return "a Delete for a protocol other than ISAKMP, AH, ESP and IPComp";
	}
}

/* False when the SA is gone. */
static bool
take_delete(struct ike_sa *sa, const struct delete_payload *d)
{
	struct ike *core = sa->core;
	uint32_t id = sa->id;

	const char *wrong = delete_wrong(sa, d);

	if (wrong) {
		refuse(core, sa, VERDICT_BAD_NOTIFY, wrong);
		return true;
	}
	if (d->protocol == PROTO_ISAKMP) {
		say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "received DELETE for IKE_SA %s", sa_name(sa));
		if (!sa->established_at) {
			sa->authenticated = false; /* it needs no Delete of ours */
			ike_sa_failed(sa, "the peer deleted it before login and configuration were complete", false);
			return false;
		}
		ike_sa_end(sa, END_BY_PEER, "the peer deleted it");
		return false;
	}
	/* A CPI needs no Delete: it goes with what it is inside of. */
	if (d->protocol == PROTO_IPCOMP)
		return true;
	/* Each is looked for among all SAs of the peer: one message is not to cost more than that. */
	if (d->n_spi > DELETED_AT_ONCE)
		refuse(core, sa, VERDICT_DELETE_LIMIT, NULL);
	for (size_t i = 0; i < d->n_spi && i < DELETED_AT_ONCE; i++) {
		delete_child(sa, d->protocol, get_be32(d->spis.p + 4 * i));
		sa = ike_sa_by_id(core, id);
		if (!sa)
			return false;
	}
	return true;
}

static void
take_dpd(struct ike_sa *sa, const struct notify_payload *n)
{
	uint32_t seq = n->data.n == 4 ? get_be32(n->data.p) : 0;
	uint8_t room[16];

	if (!span_equal(n->spi, info_cookies(sa, room))) {
		/* RFC 3706 section 5.3: "The cookies in the SPI field" name the SA whose life is asked about. */
		refuse(sa->core, sa, VERDICT_DPD_COOKIES, NULL);
	} else if (n->data.n != 4) {
		refuse(sa->core, sa, VERDICT_MALFORMED, "a DPD notification without a sequence number of four octets");
	} else if (n->type == NOTIFY_R_U_THERE) {
		/* RFC 3706 section 6.2: old sequence numbers are replays. */
		if (sa->dpd_in && seq < sa->dpd_in) {
			refuse(sa->core, sa, VERDICT_DPD_SEQUENCE, NULL);
			return;
		}
		if (!ike_sa_may_vouch(sa))
			return;
		sa->dpd_in = seq;
		/* The peer may give up another SA for this answer. */
		sa->question = 0;
		info_dpd(sa, NOTIFY_R_U_THERE_ACK, seq);
	} else if (seq != sa->dpd_out) {
		refuse(sa->core, sa, VERDICT_DPD_SEQUENCE, NULL);
	} else {
		ike_sa_answered(sa, seq);
	}
}

/* RFC 2407 section 4.6.3.3: "SPI Size - set to sixteen (16)", the two cookies of this SA; some send none. */
static bool
is_own_contact(struct ike_sa *sa, const struct notify_payload *n)
{
	uint8_t room[16];

	if (!n->spi.n || span_equal(n->spi, info_cookies(sa, room)))
		return true;
	refuse(sa->core, sa, VERDICT_BAD_NOTIFY, "an INITIAL-CONTACT whose SPI does not consist of the two cookies of its IKE_SA");
	return false;
}

/* RFC 2407 section 4.6.3.2 */
static const char *
replay_status(const struct notify_payload *n)
{
	if (n->type != NOTIFY_REPLAY_STATUS || n->data.n != 4)
		return "";
	return get_be32(n->data.p) ? " It does." : " It does not.";
}

/* Into the log, by the sentence of its row. */
static const char *
what_it_says(struct ike_sa *sa, const struct notify_payload *n)
{
	struct ike *core = sa->core;
	const char *name = notify_name(n->type), *sentence = notify_sentence_in(n->type, is_up(sa) ? 2 : 1);
	const char *text = name ? arena_printf(&core->scratch, "the peer says %s%s%s%s", name, sentence ? ": " : "",
	                                       sentence ? sentence : "", replay_status(n))
	                        : arena_printf(&core->scratch, "the peer says an unknown notification (%u)", n->type);
	enum verdict v = cause(sa, n->type);

	text = text ? text : "the peer refuses";
	say(core, LOG_IKE, notification_is_error(n->type) ? LOG_AUDIT : LOG_CONTROL, sa, v ? verdict_word(v) : "notify", "%s",
	    text);
	return text;
}

void
info_said_inside(struct ike_sa *sa, const struct message *m)
{
	for (const struct payload *p = message_find(m, PAYLOAD_N, NULL); p; p = message_find(m, PAYLOAD_N, p))
		if (may_be(sa, &p->n) && p->n.type != NOTIFY_RESPONDER_LIFETIME && p->n.type != NOTIFY_INITIAL_CONTACT)
			what_it_says(sa, &p->n);
}

static bool
take_notify(struct ike_sa *sa, const struct message *m, const struct notify_payload *n)
{
	struct ike *core = sa->core;
	uint32_t id = sa->id;
	const char *why;

	if (n->type == NOTIFY_R_U_THERE || n->type == NOTIFY_R_U_THERE_ACK) {
		take_dpd(sa, n);
		return true;
	}
	if (!may_be(sa, n))
		return true;
	if (n->type == NOTIFY_INITIAL_CONTACT) {
		if (is_own_contact(sa, n))
			info_initial_contact(sa);
		return true;
	}
	if (n->type == NOTIFY_CONNECTED)
		quick_mode_connected(sa, m->h.message_id, n->spi);
	why = what_it_says(sa, n);
	if (n->type == NOTIFY_INVALID_SPI || n->type == NOTIFY_INVALID_COOKIE) {
		/* It may be about any packet; what stands is not ended by it. */
		if (core->now - sa->dpd_since >= SECONDS(1))
			ike_sa_probe(sa);
		return true;
	}
	if (notification_is_error(n->type))
		quick_mode_refused(sa, n->spi, why);
	return ike_sa_by_id(core, id) != NULL;
}

void
info_initial_contact(struct ike_sa *sa)
{
	struct ike_sa *o = ike_sa_same_peer(sa, NULL);

	while (o) {
		struct ike_sa *next = ike_sa_same_peer(sa, o);

		if (!o->zombie && o->established_at && o->established_at <= sa->created_at)
			ike_sa_forget(sa, o, NULL);
		o = next;
	}
}

/*
 * strongSwan answers a message 5 that it cannot read with a notification under
 * its own keys, which are not ours when the pre-shared keys differ.
 */
static void
hint_wrong_keys(struct ike_sa *sa, const struct endpoint *from)
{
	struct ike *core = sa->core;
	const struct exchange *main = exchange_find(sa, 0);
	char text[256];

	if (!main || main->over || main->role != INITIATOR || main->at != 5 || phase1_of(main)->method->form != FORM_PSK) {
		refuse(core, sa, VERDICT_NO_KEYS, NULL);
		return;
	}
	core->verdicts[VERDICT_WRONG_PSK]++;
	snprintf(text, sizeof text,
	         "%s answers message 5 of Main Mode with something else under its own keys: probably the pre-shared "
	         "keys differ",
	         endpoint_text(core, from));
	if (sa->last_notice && strcmp(sa->last_notice, text) == 0)
		return;
	say(core, LOG_IKE, LOG_AUDIT, sa, verdict_word(VERDICT_WRONG_PSK), "%s", text);
	ike_sa_notice(sa, text);
}

static enum verdict
open_protected(struct ike_sa *sa, struct message *m, const struct datagram *in, const char **why)
{
	uint8_t iv[16], next_iv[16];
	struct span body;
	enum verdict v;

	if (!phase2_iv(iv, ike1_block(sa), sa->prf_id, span_of(sa->iv, ike1_block(sa)), m->h.message_id))
		return VERDICT_INTERNAL;
	v = ike1_decrypt(sa, iv, next_iv, &m->h, in->data, &body);
	if (v)
		return v;
	*why = isakmp_decode_payloads(m, m->h.next_payload, body, true, &sa->core->scratch);
	if (*why)
		return VERDICT_UNDECRYPTABLE;
	if (!ike1_hash_verify(sa, m, (struct span) { 0 }))
		return VERDICT_BAD_HASH;
	/* RFC 2408 section 3.1: a CONNECTED comes under the message id of the Phase 2 that it is about. */
	if (quick_mode_awaits_connected(sa, m->h.message_id))
		return VERDICT_OK;
	return ike_sa_fresh_id(sa, m->h.message_id) ? VERDICT_OK : VERDICT_REPLAYED;
}

/*
 * An error under the keys of a Phase 1 that waits for its last message: only who
 * shares them can say it, and nobody else could still send that message.
 */
static bool
refused_by_peer(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	struct exchange *ex = exchange_find(sa, 0);
	struct message m = { .h = *h };
	const struct payload *n;
	const char *why = NULL, *name, *sentence;
	enum verdict v;

	if (!ex || ex->over || ex->ticket || ex->role != INITIATOR || ex->at + 1 != ex->kind->n_steps || !sa->keys.n ||
	    !h->message_id)
		return false;
	/* Its last block so far; phase1_done() sets it anew. */
	memcpy(sa->iv, ex->iv, sizeof sa->iv);
	if (open_protected(sa, &m, in, &why))
		return false;
	n = message_find(&m, PAYLOAD_N, NULL);
	if (!n || !may_be(sa, &n->n) || !notification_is_error(n->n.type))
		return true;
	name = notify_name(n->n.type);
	sentence = notify_sentence_in(n->n.type, 1);
	why = arena_printf(&sa->core->scratch, "the peer refuses us: %s (%u)%s%s", name ? name : "an unknown error", n->n.type,
	                   sentence ? ": " : "", sentence ? sentence : "");
	/* Who can say it has the keys, hence the same pre-shared key. */
	v = cause(sa, n->n.type);
	say(sa->core, LOG_IKE, LOG_AUDIT, sa, v && v != VERDICT_WRONG_PSK ? verdict_word(v) : "refused-by-peer", "%s",
	    why ? why : "the peer refuses us");
	ex->fatal = true;
	ex->notify = 0;
	exchange_end(ex, why ? why : "the peer refuses us");
	return true;
}

static void
take_protected(struct ike_sa *sa, const struct message *m)
{
	bool there = true;

	for (size_t i = 1; there && i < m->n; i++) {
		const struct payload *p = &m->payload[i];

		if (p->type == PAYLOAD_N)
			there = take_notify(sa, m, &p->n);
		else if (p->type == PAYLOAD_D)
			there = take_delete(sa, &p->d);
	}
}

void
info_receive(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike *core = sa->core;
	struct message m = { .h = *h };
	const char *why = NULL;
	enum verdict v = VERDICT_OK;

	if (!(h->flags & FLAG_ENCRYPTION)) {
		why = isakmp_decode_payloads(&m, h->next_payload,
		                             span_of(in->data.p + ISAKMP_HEADER_OCTETS, h->length - ISAKMP_HEADER_OCTETS), false,
		                             &core->scratch);
		if (why)
			refuse(core, sa, VERDICT_MALFORMED, why);
		else
			take_clear(sa, &m, &in->remote);
		return;
	}
	if (!is_up(sa)) {
		phase1_ask_last(sa);
		if (!refused_by_peer(sa, in, h))
			hint_wrong_keys(sa, &in->remote);
		return;
	}
	v = h->message_id ? open_protected(sa, &m, in, &why) : VERDICT_MALFORMED;
	if (v) {
		refuse(core, sa, v, why);
		return;
	}
	core->verdicts[VERDICT_OK]++;
	ike_sa_heard(sa, &in->local, &in->remote);
	take_protected(sa, &m);
}
