/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

enum {
	ATTRIBUTE_FORMAT = 0x8000, /* AF: type/value, not type/length/value */
};

/*
 * The number in a long form: whatever the length, so that a lifetime of 4, 8 or
 * 16 octets reads alike; one beyond 64 bits is as large as we can say.
 */
static uint64_t
saturated(struct span octets)
{
	uint64_t v = 0;

	for (size_t i = 0; i < octets.n; i++) {
		if (v >> 56)
			return UINT64_MAX;
		v = v << 8 | octets.p[i];
	}
	return v;
}

/* Data Attributes, RFC 2408 section 3.3. */
static void
attribute_wire(struct wire *w, struct attribute *a)
{
	uint16_t type = (uint16_t)(a->tv ? a->type | ATTRIBUTE_FORMAT : a->type);
	uint16_t value = (uint16_t)a->value;
	uint16_t length = (uint16_t)a->octets.n;

	wire_hidden_u16(w, "Attribute Type", &type);
	if (type & ATTRIBUTE_FORMAT) {
		wire_hidden_u16(w, "Attribute Value", &value);
	} else {
		wire_require(w, a->octets.n <= UINT16_MAX, "Attribute Length must be less than 65536");
		wire_hidden_u16(w, "Attribute Length", &length);
		wire_bytes(w, "Attribute Value", &a->octets, length);
	}
	if (w->mode == WIRE_ENCODE || !wire_ok(w))
		return;
	a->type = type & (uint16_t)~ATTRIBUTE_FORMAT;
	a->tv = type & ATTRIBUTE_FORMAT;
	a->value = a->tv ? value : saturated(a->octets);
	if (w->mode == WIRE_DUMP)
		dump_line(w->dump, "Attribute %u: %llu%s", a->type, (unsigned long long)a->value, a->tv ? "" : " (long form)");
}

void
attributes_wire(struct wire *w, struct attribute **attr, size_t *n)
{
	if (w->mode == WIRE_ENCODE) {
		for (size_t i = 0; i < *n; i++)
			attribute_wire(w, &(*attr)[i]);
		return;
	}
	*attr = NULL;
	*n = 0;
	while (wire_left(w) > 0) {
		struct attribute *list =
		        wire_list_room(w, "number of attributes", *attr, *n, sizeof **attr, ISAKMP_ATTRIBUTES_MAX);

		if (!list)
			return;
		*attr = list;
		list[*n] = (struct attribute) { 0 };
		attribute_wire(w, &list[*n]);
		*n += wire_ok(w);
	}
}

bool
attributes_decode(struct attribute **attr, size_t *n, struct span in, struct arena *arena)
{
	struct wire w = wire_decoder(in, arena);

	attributes_wire(&w, attr, n);
	return wire_ok(&w);
}

struct span
attributes_encode(uint8_t *room, size_t cap, struct attribute *attr, size_t n)
{
	struct wire w = wire_encoder(room, cap);

	attributes_wire(&w, &attr, &n);
	return span_of(room, wire_ok(&w) ? w.at : 0);
}
