/* SPDX-License-Identifier: Apache-2.0 */
#include "radius.h"

/* RFC 2865 section 3: Code, Identifier, Length, Authenticator, Attributes. */

enum { HEADER_OCTETS = 20, ATTRIBUTE_HEADER_OCTETS = 2, VENDOR_OCTETS = 6 };

const char *
radius_verdict_word(enum radius_verdict v)
{
#define WORD(name, word, sentence) word,
	static const char *const words[] = { RADIUS_VERDICTS(WORD) };
#undef WORD

	return words[v];
}

const char *
radius_verdict_sentence(enum radius_verdict v)
{
#define SENTENCE(name, word, sentence) sentence,
	static const char *const sentences[] = { RADIUS_VERDICTS(SENTENCE) };
#undef SENTENCE

	return sentences[v];
}

/* Section 5: Type, Length (of all three), Value. */
static void
attribute_wire(struct wire *w, struct radius_attribute *a)
{
	uint8_t length = (uint8_t)(ATTRIBUTE_HEADER_OCTETS + a->value.n);

	wire_u8(w, "Type", &a->type);
	wire_hidden_u8(w, "Length", &length);
	wire_require(w, length >= ATTRIBUTE_HEADER_OCTETS, "Length of an attribute is at least 2");
	wire_bytes(w, "Value", &a->value, (size_t)length - ATTRIBUTE_HEADER_OCTETS);
}

static void
attributes_wire(struct wire *w, struct radius_packet *p)
{
	if (w->mode == WIRE_ENCODE) {
		for (size_t i = 0; i < p->n_attr; i++)
			attribute_wire(w, &p->attr[i]);
		return;
	}
	for (p->n_attr = 0; wire_left(w); p->n_attr++) {
		struct radius_attribute *l =
		        wire_list_room(w, "Attributes", p->attr, p->n_attr, sizeof *l, RADIUS_ATTRIBUTES_MAX);

		if (!l)
			return;
		p->attr = l;
		attribute_wire(w, &l[p->n_attr]);
	}
}

static size_t
packet_octets(const struct radius_packet *p)
{
	size_t n = HEADER_OCTETS;

	for (size_t i = 0; i < p->n_attr; i++)
		n += ATTRIBUTE_HEADER_OCTETS + p->attr[i].value.n;
	return n;
}

void
radius_packet_wire(struct wire *w, struct radius_packet *p)
{
	size_t octets = w->mode == WIRE_ENCODE ? packet_octets(p) : 0, end;
	uint16_t length = (uint16_t)octets;

	wire_require(w, octets <= RADIUS_PACKET_MAX, "a RADIUS packet has at most 4096 octets");
	wire_u8(w, "Code", &p->code);
	wire_u8(w, "Identifier", &p->identifier);
	wire_u16(w, "Length", &length);
	wire_require(w, length >= HEADER_OCTETS && length <= RADIUS_PACKET_MAX, "Length is from 20 to 4096");
	wire_bytes(w, "Authenticator", &p->authenticator, RADIUS_AUTHENTICATOR_OCTETS);
	end = wire_enter(w, (size_t)length - HEADER_OCTETS);
	attributes_wire(w, p);
	wire_leave(w, end);
}

const struct radius_attribute *
radius_find(const struct radius_packet *p, uint8_t type, const struct radius_attribute *after)
{
	for (size_t i = after ? (size_t)(after - p->attr) + 1 : 0; i < p->n_attr; i++)
		if (p->attr[i].type == type)
			return &p->attr[i];
	return NULL;
}

bool
radius_number(const struct radius_attribute *a, uint32_t *out)
{
	if (!a || a->value.n != sizeof *out)
		return false;
	*out = get_be32(a->value.p);
	return true;
}

struct span
radius_vendor_value(const struct radius_attribute *a, uint32_t vendor, uint8_t type)
{
	struct wire w = wire_decoder(a->value, NULL);
	struct span value = { 0 };
	uint32_t id = 0;
	uint8_t t = 0, length = 0;

	wire_u32(&w, "Vendor-Id", &id);
	wire_u8(&w, "Vendor type", &t);
	wire_u8(&w, "Vendor length", &length);
	wire_require(&w, length >= ATTRIBUTE_HEADER_OCTETS, "Vendor length is at least 2");
	wire_bytes(&w, "Attribute-Specific", &value, (size_t)length - ATTRIBUTE_HEADER_OCTETS);
	return wire_ok(&w) && id == vendor && t == type ? value : (struct span) { 0 };
}

struct span
radius_eap_message(const struct radius_packet *p, struct arena *arena)
{
	uint8_t *out = arena_alloc(arena, RADIUS_PACKET_MAX);
	struct wire w = wire_encoder(out, RADIUS_PACKET_MAX);

	for (const struct radius_attribute *a = radius_find(p, RADIUS_EAP_MESSAGE, NULL); out && a;
	     a = radius_find(p, RADIUS_EAP_MESSAGE, a)) {
		struct span part = a->value;

		wire_rest(&w, "EAP-Message", &part);
	}
	return out && wire_ok(&w) ? span_of(out, w.at) : (struct span) { 0 };
}
