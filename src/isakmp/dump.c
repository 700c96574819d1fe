/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

static void
header_dump(struct dump *d, const struct isakmp_header *h)
{
	const char *exchange = exchange_name(h->exchange);

	dump_line(d, "ISAKMP %u.%u %s (%u), cookies %016llx %016llx, flags %02x, message id %08x, length %u", h->version >> 4,
	          h->version & 0xf, exchange ? exchange : "unknown exchange", h->exchange,
	          (unsigned long long)get_be64(h->cookie_i), (unsigned long long)get_be64(h->cookie_r), h->flags,
	          (unsigned)h->message_id, (unsigned)h->length);
}

void
message_dump(struct dump *d, const struct message *m)
{
	autoarena scratch = { 0 };

	header_dump(d, &m->h);
	for (size_t i = 0; i < m->n; i++) {
		struct payload again = { .type = m->payload[i].type };
		struct wire w = wire_dumper(m->payload[i].raw, &scratch, d);
		const char *name = payload_name(again.type);

		dump_line(d, "%s (%u), %zu octets", name ? name : "unknown payload", again.type, m->payload[i].raw.n);
		d->indent++;
		payload_wire(&w, &again);
		d->indent--;
	}
}
