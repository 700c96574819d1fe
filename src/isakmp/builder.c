/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

enum {
	HEADER_NEXT_AT = 16, /* RFC 2408 section 3.1 */
	HEADER_LENGTH_AT = 24,
	GENERIC_HEADER_OCTETS = 4,
};

void
builder_start(struct builder *b, uint8_t *out, size_t cap, const struct isakmp_header *h)
{
	struct isakmp_header copy = *h;

	*b = (struct builder) { .w = wire_encoder(out, cap), .next_at = HEADER_NEXT_AT };
	copy.next_payload = PAYLOAD_NONE;
	isakmp_header_wire(&b->w, &copy);
}

/* Generic Payload Header, RFC 2408 section 3.2; returns where it starts. */
static size_t
payload_open(struct builder *b)
{
	uint8_t none = PAYLOAD_NONE;
	uint16_t length = 0;
	size_t start = b->w.at;

	wire_u8(&b->w, "Next Payload", &none);
	wire_reserved(&b->w, 1);
	wire_u16(&b->w, "Payload Length", &length);
	return start;
}

/* Fills in the length, and the type where the payload before announces it. */
static struct span
payload_close(struct builder *b, size_t start, uint8_t type)
{
	size_t octets = b->w.at - start;

	wire_require(&b->w, octets <= UINT16_MAX, "a payload must be less than 65536 octets");
	if (!wire_ok(&b->w))
		return (struct span) { 0 };
	put_be16(b->w.out + start + 2, (uint16_t)octets);
	b->w.out[b->next_at] = type;
	b->next_at = b->payload_at = start;
	return span_of(b->w.out + start + GENERIC_HEADER_OCTETS, octets - GENERIC_HEADER_OCTETS);
}

struct span
builder_add(struct builder *b, const struct payload *p)
{
	struct payload copy = *p; /* encoding reads only, but the description serves both ways */
	size_t start = payload_open(b);

	payload_wire(&b->w, &copy);
	return payload_close(b, start, p->type);
}

struct span
builder_add_raw(struct builder *b, uint8_t type, struct span body)
{
	size_t start = payload_open(b);

	wire_rest(&b->w, "body", &body);
	return payload_close(b, start, type);
}

struct span
builder_add_data(struct builder *b, uint8_t type, struct span data)
{
	return builder_add(b, &(struct payload) { .type = type, .data = data });
}

struct span
builder_finish(struct builder *b)
{
	wire_require(&b->w, b->w.at <= ISAKMP_MESSAGE_OCTETS_MAX, "a message must be less than 65536 octets");
	if (!wire_ok(&b->w))
		return (struct span) { 0 };
	put_be32(b->w.out + HEADER_LENGTH_AT, (uint32_t)b->w.at);
	return span_of(b->w.out, b->w.at);
}
