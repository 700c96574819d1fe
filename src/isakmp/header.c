/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

/* ISAKMP Header Format, RFC 2408 section 3.1; RFC 7296 section 3.1 has the same fields. */
void
isakmp_header_wire(struct wire *w, struct isakmp_header *h)
{
	struct span cookie_i = span_of(h->cookie_i, sizeof h->cookie_i);
	struct span cookie_r = span_of(h->cookie_r, sizeof h->cookie_r);

	wire_bytes(w, "Initiator Cookie", &cookie_i, ISAKMP_COOKIE_OCTETS);
	wire_bytes(w, "Responder Cookie", &cookie_r, ISAKMP_COOKIE_OCTETS);
	wire_u8(w, "Next Payload", &h->next_payload);
	wire_u8(w, "Version", &h->version);
	wire_u8(w, "Exchange Type", &h->exchange);
	wire_u8(w, "Flags", &h->flags);
	wire_u32(w, "Message ID", &h->message_id);
	wire_u32(w, "Length", &h->length);
	if (!wire_ok(w) || w->mode == WIRE_ENCODE)
		return;
	memcpy(h->cookie_i, cookie_i.p, sizeof h->cookie_i);
	memcpy(h->cookie_r, cookie_r.p, sizeof h->cookie_r);
}

const char *
isakmp_decode_header(struct isakmp_header *h, struct span datagram)
{
	struct wire w = wire_decoder(datagram, NULL);

	*h = (struct isakmp_header) { 0 };
	isakmp_header_wire(&w, h);
	if (!wire_ok(&w))
		return "The datagram is shorter than an ISAKMP header (28 octets).";
	if (h->length < ISAKMP_HEADER_OCTETS)
		return "ISAKMP header: Length is less than the header's own 28 octets.";
	if (h->length > datagram.n)
		return "ISAKMP header: Length is more than the datagram holds: it was cut off, or its Length is false.";
	if (h->length > ISAKMP_MESSAGE_OCTETS_MAX)
		return "ISAKMP header: Length is more than a UDP datagram can hold.";
	return NULL;
}
