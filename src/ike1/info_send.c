/* SPDX-License-Identifier: Apache-2.0 */
#include "keymat.h"
#include "phase1.h"

/* The Informational Exchange, RFC 2409 section 5.7: what we say, in clear or under the keys. */

enum { INFO_MESSAGE_MAX = 2048 };

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

struct span
info_cookies(const struct ike_sa *sa, uint8_t room[16])
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

/* What a notification in clear is about, and where that came from. */
struct about {
	const struct endpoint *local, *remote;
	const uint8_t *cookie_i, *cookie_r;
	size_t octets;
};

static void
send_clear(struct ike *core, const struct about *a, uint16_t type)
{
	uint8_t room[64];
	struct isakmp_header h = { .version = 0x10, .exchange = EXCHANGE_INFORMATIONAL };
	struct builder b;
	struct span m;
	const char *name = notify_name(type);

	do {
		h.message_id = rng_u32(core->rng);
	} while (!h.message_id);
	memcpy(h.cookie_i, a->cookie_i, 8);
	memcpy(h.cookie_r, a->cookie_r, 8);
	builder_start(&b, room, sizeof room, &h);
	builder_add(&b,
	            &(struct payload) { .type = PAYLOAD_N, .n = { .doi = DOI_IPSEC, .protocol = PROTO_ISAKMP, .type = type } });
	m = builder_finish(&b);
	if (!clear_answer_admits(core, a->remote, a->octets, m.n))
		return;
	say(core, LOG_IKE, LOG_CONTROL, NULL, NULL, "sending %s notification in clear to %s", name ? name : "an unnamed",
	    endpoint_text(core, a->remote));
	ike_send(core, a->local, a->remote, m);
}

void
info_notify_clear(struct exchange *ex, const uint8_t cookie_r[8], uint16_t type)
{
	struct ike_sa *sa = ex->sa;

	send_clear(sa->core, &(struct about) { &ex->local, &ex->remote, sa->cookie_i, cookie_r, ex->in_octets }, type);
}

void
info_answer_clear(struct ike *core, const struct datagram *in, const struct isakmp_header *h, uint16_t type)
{
	/* Two ends that answer each other's notifications would never stop. */
	if (h->exchange == EXCHANGE_INFORMATIONAL)
		return;
	send_clear(core, &(struct about) { &in->local, &in->remote, h->cookie_i, h->cookie_r, in->data.n }, type);
}

static struct child_sa *
child_of_peer_spi(struct ike_sa *sa, uint8_t protocol, uint32_t spi)
{
	for (struct child_sa *c = sa->children; c; c = c->next)
		if (c->ever_up && ((c->spi_out == spi && c->protocol == protocol) ||
		                   (c->ah_spi_out == spi && c->ah_spi_out && protocol == PROTO_IPSEC_AH)))
			return c;
	return NULL;
}

/* The child may have moved to another SA of the same peer. */
struct child_sa *
info_find_deleted(struct ike_sa *sa, uint8_t protocol, uint32_t spi)
{
	struct child_sa *c = child_of_peer_spi(sa, protocol, spi);

	for (struct ike_sa *o = ike_sa_same_peer(sa, NULL); !c && o; o = ike_sa_same_peer(sa, o))
		c = child_of_peer_spi(o, protocol, spi);
	return c;
}

const char *
info_protocol_word(uint8_t protocol)
{
	return protocol == PROTO_IPSEC_AH ? "AH" : "ESP";
}

static void
send_delete(struct ike_sa *sa, uint8_t protocol, uint32_t spi)
{
	uint8_t room[4];

	/* RFC 2408 section 3.15: the SPI is that of the sender's inbound SA, which the peer sends to. */
	put_be32(room, spi);
	say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "sending DELETE for %s CHILD_SA with SPI %08x",
	    info_protocol_word(protocol), spi);
	send_protected(sa,
	               &(struct payload) {
	                       .type = PAYLOAD_D,
	                       .d = { .doi = DOI_IPSEC, .protocol = protocol, .spi_size = 4, .n_spi = 1, .spis = { room, 4 } } });
}

/* Each protocol of a bundle has its Delete: "a Delete Payload ... for a single Protocol-Id" (RFC 2408 section 3.15). */
void
info_child_deleted(struct child_sa *c)
{
	send_delete(c->sa, c->protocol, c->spi_in);
	if (c->ah_spi_in)
		send_delete(c->sa, PROTO_IPSEC_AH, c->ah_spi_in);
}

void
info_spi_deleted(struct ike_sa *sa, uint32_t spi)
{
	/* Anybody can send ESP with an SPI of the peer's own: that one it would take for refused. */
	if (!info_find_deleted(sa, PROTO_IPSEC_ESP, spi))
		send_delete(sa, PROTO_IPSEC_ESP, spi);
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
	                                              .spis = info_cookies(sa, room) } });
}

void
info_dpd(struct ike_sa *sa, uint16_t type, uint32_t sequence)
{
	uint8_t room[16], seq[4];

	put_be32(seq, sequence);
	send_protected(sa, &(struct payload) { .type = PAYLOAD_N,
	                                       .n = { .doi = DOI_IPSEC,
	                                              .protocol = PROTO_ISAKMP,
	                                              .type = type,
	                                              .spi = info_cookies(sa, room),
	                                              .data = { seq, 4 } } });
}

/* RFC 3706 section 6.2: the first number "MUST be a randomly chosen number", and its "high-bit ... SHOULD be set to zero". */
void
info_probe(struct ike_sa *sa)
{
	if (sa->dpd_out == 1)
		sa->dpd_out = (rng_u32(sa->core->rng) & 0x7ffffffe) + 1;
	info_dpd(sa, NOTIFY_R_U_THERE, sa->dpd_out);
}
