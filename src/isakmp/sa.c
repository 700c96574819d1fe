/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

/*
 * The generic header of the payloads inside an SA payload. They chain among
 * themselves: Next Payload is the same type again, or 0.
 */
struct nested {
	size_t start;     /* ENCODE: where the header is, for its length */
	size_t saved_end; /* DECODE: the window around it */
	bool more;
};

static struct nested
nested_enter(struct wire *w, uint8_t type, bool more, const char *next_name, const char *length_name)
{
	struct nested in = { .start = w->at, .saved_end = w->end };
	uint8_t next = more ? type : PAYLOAD_NONE;
	uint16_t length = 0;

	wire_hidden_u8(w, next_name, &next);
	wire_reserved(w, 1);
	wire_hidden_u16(w, length_name, &length);
	in.more = next == type;
	if (w->mode == WIRE_ENCODE || !wire_ok(w))
		return in;
	if (next != type && next != PAYLOAD_NONE)
		wire_fail(w, next_name, "is neither 0 nor another of its kind");
	else if (length < 4)
		wire_fail(w, length_name, "is less than its own header");
	else if (length - 4u > wire_left(w))
		wire_fail(w, length_name, "is more than the payload around it has left");
	else
		in.saved_end = wire_enter(w, length - 4u);
	return in;
}

static void
nested_leave(struct wire *w, const struct nested *in, const char *length_name)
{
	if (w->mode != WIRE_ENCODE) {
		if (wire_left(w) > 0)
			wire_fail(w, length_name, "is more than its content");
		wire_leave(w, in->saved_end);
	} else if (wire_ok(w)) {
		size_t octets = w->at - in->start;

		wire_require(w, octets <= UINT16_MAX, "a payload must be less than 65536 octets");
		put_be16(w->out + in->start + 2, (uint16_t)octets);
	}
}

/* Transform Payload, RFC 2408 section 3.6. Returns whether another one follows. */
static bool
transform_wire(struct wire *w, struct transform_payload *t, bool more)
{
	struct nested in = nested_enter(w, PAYLOAD_T, more, "Next Payload of a Transform", "Payload Length of a Transform");

	wire_u8(w, "Transform #", &t->number);
	wire_u8(w, "Transform-Id", &t->id);
	wire_reserved(w, 2);
	attributes_wire(w, &t->attr, &t->n_attr);
	nested_leave(w, &in, "Payload Length of a Transform");
	return in.more;
}

static void
transforms_wire(struct wire *w, struct proposal_payload *p)
{
	bool more = true;

	if (w->mode == WIRE_ENCODE) {
		for (size_t i = 0; i < p->n_transform; i++)
			transform_wire(w, &p->transform[i], i + 1 < p->n_transform);
		return;
	}
	p->transform = NULL;
	p->n_transform = 0;
	while (more && wire_ok(w) && wire_left(w) > 0) {
		struct transform_payload *list = wire_list_room(w, "number of Transforms", p->transform, p->n_transform,
		                                                sizeof *p->transform, ISAKMP_TRANSFORMS_MAX);

		if (!list)
			return;
		p->transform = list;
		list[p->n_transform] = (struct transform_payload) { 0 };
		more = transform_wire(w, &list[p->n_transform], false);
		p->n_transform += wire_ok(w);
	}
}

/*
 * Proposal Payload, RFC 2408 section 3.5. The count of its Transforms is said
 * twice, by a field and by their chain: both must agree.
 */
static bool
proposal_wire(struct wire *w, struct proposal_payload *p, bool more)
{
	struct nested in = nested_enter(w, PAYLOAD_P, more, "Next Payload of a Proposal", "Payload Length of a Proposal");
	uint8_t spi_size = (uint8_t)p->spi.n, count = (uint8_t)p->n_transform;

	wire_require(w, w->mode != WIRE_ENCODE || p->n_transform < ISAKMP_TRANSFORMS_MAX,
	             "# of Transforms must be less than 256");
	wire_u8(w, "Proposal #", &p->number);
	wire_u8(w, "Protocol-Id", &p->protocol);
	wire_hidden_u8(w, "SPI Size of a Proposal", &spi_size);
	wire_hidden_u8(w, "# of Transforms", &count);
	wire_bytes(w, "SPI of a Proposal", &p->spi, spi_size);
	if (w->mode == WIRE_DUMP)
		w->dump->indent++;
	transforms_wire(w, p);
	if (w->mode == WIRE_DUMP)
		w->dump->indent--;
	/* "The existence of a Proposal payload implies the existence of one or more Transform payloads." (4.2) */
	if (wire_ok(w) && p->n_transform == 0)
		wire_fail(w, "# of Transforms", "is 0: a Proposal needs at least one");
	if (wire_ok(w) && count != p->n_transform)
		wire_fail(w, "# of Transforms", "is not the number of Transforms that follow");
	nested_leave(w, &in, "Payload Length of a Proposal");
	return in.more;
}

static void
proposals_wire(struct wire *w, struct sa_payload *sa)
{
	bool more = true;

	if (w->mode == WIRE_ENCODE) {
		for (size_t i = 0; i < sa->n_proposal; i++)
			proposal_wire(w, &sa->proposal[i], i + 1 < sa->n_proposal);
		return;
	}
	sa->proposal = NULL;
	sa->n_proposal = 0;
	while (more && wire_ok(w)) {
		struct proposal_payload *list = wire_list_room(w, "number of Proposals", sa->proposal, sa->n_proposal,
		                                               sizeof *sa->proposal, ISAKMP_PROPOSALS_MAX);

		if (!list)
			return;
		sa->proposal = list;
		list[sa->n_proposal] = (struct proposal_payload) { 0 };
		more = proposal_wire(w, &list[sa->n_proposal], false);
		sa->n_proposal += wire_ok(w);
	}
}

/*
 * Security Association Payload, RFC 2408 section 3.4 and RFC 2407 section 4.6.1.
 * What another DOI, or a situation with secrecy or integrity labels, puts behind
 * these two fields is kept unread: whoever negotiates refuses it by its number.
 */
void
sa_wire(struct wire *w, struct sa_payload *sa)
{
	wire_u32(w, "DOI", &sa->doi);
	wire_u32(w, "Situation", &sa->situation);
	if (sa->doi == DOI_IPSEC && sa->situation == SIT_IDENTITY_ONLY)
		proposals_wire(w, sa);
	else
		wire_rest(w, "unread", &sa->unread);
}
