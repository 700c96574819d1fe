/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "keymat.h"
#include "phase1.h"

/* The Informational Exchange: RFC 2409 section 5.7, RFC 2408 section 4.8; DPD: RFC 3706. */

enum { INFO_MESSAGE_MAX = 2048 };

/* RFC 2407 section 4.5 (IPsec) and RFC 2409 Appendix A (ISAKMP): the lifetime attributes. */
enum {
	LIFE_TYPE_ESP = 1,
	LIFE_DURATION_ESP = 2,
	LIFE_TYPE_ISAKMP = 11,
	LIFE_DURATION_ISAKMP = 12,
	LIFE_SECONDS = 1,
	LIFE_KILOBYTES = 2
};

static bool
is_up(const struct ike_sa *sa)
{
	return sa->authenticated || sa->state == IKE_STATE_ESTABLISHED || sa->state == IKE_STATE_REKEYING ||
	       sa->state == IKE_STATE_REKEYED || sa->state == IKE_STATE_DELETING;
}

/* ---- Sending */

static void
send_protected(struct ike_sa *sa, const struct payload *p)
{
	struct ike *core = sa->core;
	uint8_t *room = arena_alloc(&core->scratch, INFO_MESSAGE_MAX), iv[16];
	struct isakmp_header h = {
		.version = 0x10, .exchange = EXCHANGE_INFORMATIONAL, .flags = FLAG_ENCRYPTION, .message_id = ike1_message_id(sa)
	};
	struct builder b;
	struct span m, hash;
	size_t n;

	if (!room || !phase2_iv(iv, ike1_block(sa), sa->prf_id, span_of(sa->iv, ike1_block(sa)), h.message_id)) {
		core->nomem = true;
		return;
	}
	memcpy(h.cookie_i, sa->cookie_i, 8);
	memcpy(h.cookie_r, sa->cookie_r, 8);
	builder_start(&b, room, INFO_MESSAGE_MAX - 32, &h);
	/* HASH(1) = prf(SKEYID_a, M-ID | N/D) */
	hash = ike1_hash_reserve(sa, &b);
	builder_add(&b, p);
	if (!ike1_hash_fill(sa, &b, hash, h.message_id, (struct span) { 0 }))
		return;
	m = builder_finish(&b);
	n = m.n ? ike1_encrypt(sa, iv, room, m.n, INFO_MESSAGE_MAX) : 0;
	if (n)
		ike_sa_send(sa, span_of(room, n));
}

static struct span
cookies(const struct ike_sa *sa, uint8_t room[16])
{
	memcpy(room, sa->cookie_i, 8);
	memcpy(room + 8, sa->cookie_r, 8);
	return span_of(room, 16);
}

void
info_notify(struct ike_sa *sa, uint8_t protocol, uint16_t type, struct span spi, struct span data)
{
	const char *name = notify_name(type);

	say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "sending %s notification", name ? name : "an unnamed");
	send_protected(sa, &(struct payload) {
	                           .type = PAYLOAD_N,
	                           .n = { .doi = DOI_IPSEC, .protocol = protocol, .type = type, .spi = spi, .data = data } });
}

void
info_notify_clear(struct ike *core, const struct endpoint *local, const struct endpoint *remote, const uint8_t cookie_i[8],
                  const uint8_t cookie_r[8], uint16_t type)
{
	uint8_t room[256];
	struct isakmp_header h = { .version = 0x10, .exchange = EXCHANGE_INFORMATIONAL };
	struct builder b;
	const char *name = notify_name(type);

	do {
		h.message_id = rng_u32(core->rng);
	} while (!h.message_id);
	memcpy(h.cookie_i, cookie_i, 8);
	memcpy(h.cookie_r, cookie_r, 8);
	builder_start(&b, room, sizeof room, &h);
	builder_add(&b,
	            &(struct payload) { .type = PAYLOAD_N, .n = { .doi = DOI_IPSEC, .protocol = PROTO_ISAKMP, .type = type } });
	say(core, LOG_IKE, LOG_CONTROL, NULL, NULL, "sending %s notification in clear to %s", name ? name : "an unnamed",
	    endpoint_text(core, remote));
	ike_send(core, local, remote, builder_finish(&b));
}

static struct child_sa *
child_of_peer_spi(struct ike_sa *sa, uint32_t spi)
{
	for (struct child_sa *c = sa->children; c; c = c->next)
		if (c->spi_out == spi && c->ever_up)
			return c;
	return NULL;
}

/* The child may have moved to another SA of the same peer. */
static struct child_sa *
find_deleted(struct ike_sa *sa, uint32_t spi)
{
	struct child_sa *c = child_of_peer_spi(sa, spi);

	for (struct ike_sa *o = ike_sa_same_peer(sa, NULL); !c && o; o = ike_sa_same_peer(sa, o))
		c = child_of_peer_spi(o, spi);
	return c;
}

static void
send_delete(struct ike_sa *sa, uint32_t spi)
{
	uint8_t room[4];

	/* RFC 2408 section 3.15: the SPI is that of the sender's inbound SA, which the peer sends to. */
	put_be32(room, spi);
	say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "sending DELETE for ESP CHILD_SA with SPI %08x", spi);
	send_protected(
	        sa,
	        &(struct payload) {
	                .type = PAYLOAD_D,
	                .d = { .doi = DOI_IPSEC, .protocol = PROTO_IPSEC_ESP, .spi_size = 4, .n_spi = 1, .spis = { room, 4 } } });
}

void
info_child_deleted(struct child_sa *c)
{
	send_delete(c->sa, c->spi_in);
}

void
info_spi_deleted(struct ike_sa *sa, uint32_t spi)
{
	/* Anybody can send ESP with an SPI of the peer's own: that one it would take for refused. */
	if (!find_deleted(sa, spi))
		send_delete(sa, spi);
}

void
info_ike_deleted(struct ike_sa *sa)
{
	uint8_t room[16];

	if (!sa->keys.n)
		return;
	say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "sending DELETE for IKE_SA %s", sa_name(sa));
	send_protected(sa, &(struct payload) { .type = PAYLOAD_D,
	                                       .d = { .doi = DOI_IPSEC,
	                                              .protocol = PROTO_ISAKMP,
	                                              .spi_size = 16,
	                                              .n_spi = 1,
	                                              .spis = cookies(sa, room) } });
}

static void
send_dpd(struct ike_sa *sa, uint16_t type, uint32_t sequence)
{
	uint8_t room[16], seq[4];

	put_be32(seq, sequence);
	send_protected(sa, &(struct payload) { .type = PAYLOAD_N,
	                                       .n = { .doi = DOI_IPSEC,
	                                              .protocol = PROTO_ISAKMP,
	                                              .type = type,
	                                              .spi = cookies(sa, room),
	                                              .data = { seq, 4 } } });
}

/* RFC 3706 section 5.3; section 7.1 wants the first sequence number to be random and small enough never to wrap. */
void
info_probe(struct ike_sa *sa)
{
	if (sa->dpd_out == 1)
		sa->dpd_out = (rng_u32(sa->core->rng) & 0x7fffffff) + 1;
	send_dpd(sa, NOTIFY_R_U_THERE, sa->dpd_out);
}

void
info_add_responder_lifetime(struct builder *b, struct arena *a, uint8_t protocol, struct span spi, uint64_t seconds,
                            uint64_t kilobytes)
{
	bool ike = protocol == PROTO_ISAKMP;
	uint8_t *d = arena_alloc(a, 24);
	size_t n = 12;

	if (!d)
		return;
	put_be16(d, (uint16_t)(0x8000 | (ike ? LIFE_TYPE_ISAKMP : LIFE_TYPE_ESP)));
	put_be16(d + 2, LIFE_SECONDS);
	put_be16(d + 4, ike ? LIFE_DURATION_ISAKMP : LIFE_DURATION_ESP);
	put_be16(d + 6, 4);
	put_be32(d + 8, (uint32_t)seconds);
	if (kilobytes && kilobytes <= UINT32_MAX) {
		memcpy(d + 12, d, 8);
		put_be16(d + 14, LIFE_KILOBYTES);
		put_be32(d + 20, (uint32_t)kilobytes);
		n = 24;
	}
	builder_add(b, &(struct payload) { .type = PAYLOAD_N,
	                                   .n = { .doi = DOI_IPSEC,
	                                          .protocol = protocol,
	                                          .type = NOTIFY_RESPONDER_LIFETIME,
	                                          .spi = spi,
	                                          .data = { d, n } } });
}

/* Data attributes by hand: type, then value (AF = 1) or length and octets. RFC 2408 section 3.3. */
static uint64_t
seconds_in(struct span d, bool ike)
{
	uint16_t type_at = ike ? LIFE_TYPE_ISAKMP : LIFE_TYPE_ESP, duration_at = ike ? LIFE_DURATION_ISAKMP : LIFE_DURATION_ESP;
	uint64_t value, unit = 0;

	for (size_t at = 0; at + 4 <= d.n;) {
		uint16_t type = get_be16(d.p + at) & 0x7fff, v = get_be16(d.p + at + 2);
		bool tv = d.p[at] & 0x80;

		at += 4;
		value = tv ? v : 0;
		if (!tv) {
			if (v > d.n - at)
				return 0;
			for (size_t i = 0; i < v; i++)
				value = value << 8 | d.p[at + i];
			at += v;
		}
		if (type == type_at)
			unit = value;
		else if (type == duration_at && unit == LIFE_SECONDS)
			return value;
	}
	return 0;
}

uint64_t
info_responder_lifetime(const struct message *m, uint8_t protocol)
{
	for (const struct payload *p = message_find(m, PAYLOAD_N, NULL); p; p = message_find(m, PAYLOAD_N, p))
		if (p->n.type == NOTIFY_RESPONDER_LIFETIME && p->n.protocol == protocol)
			return seconds_in(p->n.data, protocol == PROTO_ISAKMP);
	return 0;
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

	const char *name = notify_name(n->n.type), *sentence = notify_sentence(n->n.type);
	char number[16], text[512];
	enum verdict v = cause(sa, n->n.type);

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
delete_child(struct ike_sa *sa, uint32_t spi)
{
	struct ike *core = sa->core;
	struct child_sa *c = find_deleted(sa, spi), *next;

	if (!c)
		c = find_refused(sa, spi);
	next = c && c->successor ? child_by_id(core, c->successor) : NULL;

	say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "received DELETE for ESP CHILD_SA with SPI %08x%s", spi,
	    c ? "" : ": unknown here");
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

/* False when the SA is gone. */
static bool
take_delete(struct ike_sa *sa, const struct delete_payload *d)
{
	struct ike *core = sa->core;
	uint32_t id = sa->id;
	uint8_t room[16];

	if (d->protocol == PROTO_ISAKMP) {
		if (d->spi_size != 16 || !d->n_spi || !span_equal(span_of(d->spis.p, 16), cookies(sa, room)))
			return true;
		say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "received DELETE for IKE_SA %s", sa_name(sa));
		if (!sa->established_at) {
			sa->authenticated = false; /* it needs no Delete of ours */
			ike_sa_failed(sa, "the peer deleted it before login and configuration were over", false);
			return false;
		}
		ike_sa_end(sa, END_BY_PEER, "the peer deleted it");
		return false;
	}
	if (d->protocol != PROTO_IPSEC_ESP || d->spi_size != 4)
		return true;
	for (size_t i = 0; i < d->n_spi; i++) {
		delete_child(sa, get_be32(d->spis.p + 4 * i));
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

	if (!span_equal(n->spi, cookies(sa, room))) {
		/* RFC 3706 section 5.3: "The cookies in the SPI field" name the SA whose life is asked about. */
		refuse(sa->core, sa, VERDICT_DPD_COOKIES, NULL);
	} else if (n->data.n != 4) {
		refuse(sa->core, sa, VERDICT_MALFORMED, "a DPD notification without its four octets");
	} else if (n->type == NOTIFY_R_U_THERE) {
		/* RFC 3706 section 6.2: old sequence numbers are replays. */
		if (sa->dpd_in && seq < sa->dpd_in) {
			refuse(sa->core, sa, VERDICT_DPD_SEQUENCE, NULL);
			return;
		}
		sa->dpd_in = seq;
		send_dpd(sa, NOTIFY_R_U_THERE_ACK, seq);
	} else if (seq != sa->dpd_out) {
		refuse(sa->core, sa, VERDICT_DPD_SEQUENCE, NULL);
	}
}

static bool
take_notify(struct ike_sa *sa, const struct notify_payload *n)
{
	struct ike *core = sa->core;
	const char *name = notify_name(n->type), *sentence = notify_sentence(n->type), *why;
	uint32_t id = sa->id;
	enum verdict v;

	if (n->type == NOTIFY_R_U_THERE || n->type == NOTIFY_R_U_THERE_ACK) {
		take_dpd(sa, n);
		return true;
	}
	if (n->type == NOTIFY_INITIAL_CONTACT) {
		info_initial_contact(sa);
		return true;
	}
	why = arena_printf(&core->scratch, "the peer says %s%s%s", name ? name : "an unknown notification", sentence ? ": " : "",
	                   sentence ? sentence : "");
	v = cause(sa, n->type);
	say(core, LOG_IKE, n->type < 16384 ? LOG_AUDIT : LOG_CONTROL, sa, v ? verdict_word(v) : "notify", "%s (%u)",
	    why ? why : "?", n->type);
	if (n->type == NOTIFY_INVALID_SPI || n->type == NOTIFY_INVALID_COOKIE) {
		/* It may be about any packet; what stands is not ended by it. */
		if (core->now - sa->dpd_since >= SECONDS(1))
			ike_sa_probe(sa);
		return true;
	}
	/* Errors are below 8192 (RFC 2408 section 3.14.1). */
	if (n->type < 8192)
		quick_mode_refused(sa, n->spi, why ? why : "refused");
	return ike_sa_by_id(core, id) != NULL;
}

void
info_initial_contact(struct ike_sa *sa)
{
	struct ike_sa *o = ike_sa_same_peer(sa, NULL);

	while (o) {
		struct ike_sa *next = ike_sa_same_peer(sa, o);

		if (!o->zombie && o->established_at <= sa->created_at)
			ike_sa_end(o, END_FORGOTTEN, "INITIAL-CONTACT: the peer has no other SA with us");
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

	if (!main || main->role != INITIATOR || main->at != 5) {
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
	return ike_sa_fresh_id(sa, m->h.message_id) ? VERDICT_OK : VERDICT_REPLAYED;
}

static void
take_protected(struct ike_sa *sa, const struct message *m)
{
	bool there = true;

	for (size_t i = 1; there && i < m->n; i++) {
		const struct payload *p = &m->payload[i];

		if (p->type == PAYLOAD_N)
			there = take_notify(sa, &p->n);
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
