/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

enum { GENERIC_HEADER_OCTETS = 4 };

static void
cert_wire(struct wire *w, struct cert_payload *c)
{
	wire_u8(w, "Cert Encoding", &c->encoding);
	wire_rest(w, "Certificate Data", &c->data);
}

/* Attribute Payload, draft-dukes-ike-mode-cfg-02 section 3.2. */
static void
attr_wire(struct wire *w, struct attr_payload *a)
{
	wire_u8(w, "Type", &a->type);
	wire_reserved(w, 1);
	wire_u16(w, "Identifier", &a->identifier);
	attributes_wire(w, &a->attr, &a->n_attr);
}

static void
fragment_wire(struct wire *w, struct fragment_payload *f)
{
	wire_u16(w, "Fragment ID", &f->id);
	wire_u8(w, "Fragment Number", &f->number);
	wire_u8(w, "Flags", &f->flags);
	wire_rest(w, "Fragment Data", &f->data);
}

/* "The length of nonce payload MUST be between 8 and 256 bytes inclusive." RFC 2409 section 5 */
static void
nonce_wire(struct wire *w, struct span *nonce)
{
	wire_rest(w, "Nonce Data", nonce);
	if (wire_ok(w) && (nonce->n < 8 || nonce->n > 256))
		wire_fail(w, "Nonce Data", "is not 8 to 256 octets (RFC 2409 section 5)");
}

void
payload_wire(struct wire *w, struct payload *p)
{
	switch (p->type) {
	case PAYLOAD_SA:
		sa_wire(w, &p->sa);
		return;
	case PAYLOAD_ID:
		id_wire(w, &p->id);
		return;
	case PAYLOAD_CERT:
	case PAYLOAD_CR:
		cert_wire(w, &p->cert);
		return;
	case PAYLOAD_N:
		notify_wire(w, &p->n);
		return;
	case PAYLOAD_D:
		delete_wire(w, &p->d);
		return;
	case PAYLOAD_ATTR:
		attr_wire(w, &p->attr);
		return;
	case PAYLOAD_FRAGMENT:
		fragment_wire(w, &p->fragment);
		return;
	case PAYLOAD_NONCE:
		nonce_wire(w, &p->data);
		return;
	case PAYLOAD_P:
	case PAYLOAD_T:
		wire_require(w, false, "Proposal and Transform payloads must be inside an SA payload");
		return;
	default: /* KE, HASH, SIG, VID, NAT-D, NAT-OA, and types that we do not know */
		wire_rest(w, "Data", &p->data);
		return;
	}
}

/* The drafts' numbers of a payload count as the RFC's. */
static uint8_t
canonical_type(uint8_t type)
{
	return type == PAYLOAD_NAT_D_DRAFT ? PAYLOAD_NAT_D : type == PAYLOAD_NAT_OA_DRAFT ? PAYLOAD_NAT_OA : type;
}

uint32_t
payload_bit(uint8_t type)
{
	uint8_t canonical = canonical_type(type);

	if (canonical == PAYLOAD_FRAGMENT)
		return (uint32_t)1 << 31;
	return canonical < 31 ? (uint32_t)1 << canonical : 0;
}

const struct payload *
message_find(const struct message *m, uint8_t type, const struct payload *after)
{
	size_t i = after ? (size_t)(after - m->payload) + 1 : 0;

	for (; i < m->n; i++)
		if (canonical_type(m->payload[i].type) == canonical_type(type))
			return &m->payload[i];
	return NULL;
}

/* Generic Payload Header, RFC 2408 section 3.2, and the payload behind it. Returns the type of the next one. */
static uint8_t
next_payload_wire(struct wire *w, struct payload *p, void (*describe)(struct wire *, struct payload *))
{
	uint8_t next = PAYLOAD_NONE;
	uint16_t length = 0;
	size_t start = w->at, end;

	wire_hidden_u8(w, "Next Payload", &next);
	wire_reserved(w, 1);
	wire_hidden_u16(w, "Payload Length", &length);
	if (wire_ok(w) && length < GENERIC_HEADER_OCTETS)
		wire_fail(w, "Payload Length", "is less than the payload's own header");
	if (wire_ok(w) && length - GENERIC_HEADER_OCTETS > (int)wire_left(w))
		wire_fail(w, "Payload Length", "is more than the message has left");
	if (!wire_ok(w))
		return PAYLOAD_NONE;
	p->whole = span_of(w->in + start, length);
	p->raw = span_of(w->in + w->at, length - (size_t)GENERIC_HEADER_OCTETS);
	end = wire_enter(w, p->raw.n);
	describe(w, p);
	if (wire_left(w) > 0)
		wire_fail(w, "Payload Length", "is more than the payload's content");
	wire_leave(w, end);
	return next;
}

static const char *
sentence(const struct wire *w, size_t number, uint8_t type, struct arena *arena)
{
	const char *name = payload_name(type);
	const char *text = arena_printf(arena, "Payload %zu (%s): %s%s%s.", number, name ? name : "of an unknown type",
	                                w->where ? w->where : "", w->where ? " " : "", w->failure);

	return text ? text : "The message was not read: no memory.";
}

/* Some peers (libreswan) fill messages in clear to a multiple of four octets. */
static bool
is_alignment(const struct wire *w)
{
	for (size_t i = w->at; i < w->end; i++)
		if (w->in[i])
			return false;
	return wire_left(w) < 4;
}

/* The chain of payloads from type @first on. False: w->failure says why, m->failed of which it is. */
static bool
chain_wire(struct wire *w, struct message *m, uint8_t first, void (*describe)(struct wire *, struct payload *))
{
	m->payload = NULL;
	m->n = 0;
	m->present = 0;
	for (m->failed = first; m->failed != PAYLOAD_NONE; m->n++) {
		struct payload *list =
		        wire_list_room(w, "number of payloads", m->payload, m->n, sizeof *m->payload, ISAKMP_PAYLOADS_MAX);

		if (!list)
			return false;
		m->payload = list;
		list[m->n] = (struct payload) { .type = m->failed };

		uint8_t next = next_payload_wire(w, &list[m->n], describe);

		if (!wire_ok(w))
			return false;
		m->present |= payload_bit(m->failed);
		m->failed = next;
	}
	return true;
}

const char *
isakmp_decode_payloads(struct message *m, uint8_t first, struct span body, bool padded, struct arena *arena)
{
	struct wire w = wire_decoder(body, arena);

	if (!chain_wire(&w, m, first, payload_wire))
		return sentence(&w, m->n + 1, m->failed, arena);
	if (!padded && !is_alignment(&w))
		return "The message goes on after its last payload.";
	return NULL;
}

static void
plain_wire(struct wire *w, struct payload *p)
{
	wire_rest(w, "Data", &p->data);
}

bool
isakmp_outline_payloads(struct message *m, uint8_t first, struct span body, struct arena *arena)
{
	struct wire w = wire_decoder(body, arena);

	return chain_wire(&w, m, first, plain_wire);
}
