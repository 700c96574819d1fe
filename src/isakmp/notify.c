/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

/* Notification Payload, RFC 2408 section 3.14. */
void
notify_wire(struct wire *w, struct notify_payload *n)
{
	uint8_t spi_size = (uint8_t)n->spi.n;

	wire_u32(w, "DOI", &n->doi);
	wire_u8(w, "Protocol-ID", &n->protocol);
	wire_hidden_u8(w, "SPI Size", &spi_size);
	wire_u16(w, "Notify Message Type", &n->type);
	wire_bytes(w, "SPI", &n->spi, spi_size);
	wire_rest(w, "Notification Data", &n->data);
}

/*
 * Delete Payload, RFC 2408 section 3.15. "Each SPI MUST be for the same
 * protocol", and so of the one size.
 */
void
delete_wire(struct wire *w, struct delete_payload *d)
{
	size_t octets;

	wire_u32(w, "DOI", &d->doi);
	wire_u8(w, "Protocol-Id", &d->protocol);
	wire_u8(w, "SPI Size", &d->spi_size);
	wire_u16(w, "# of SPIs", &d->n_spi);
	wire_require(w, d->n_spi <= ISAKMP_SPIS_MAX, "# of SPIs must be at most 256");
	octets = (size_t)d->n_spi * d->spi_size;
	wire_bytes(w, "SPIs", &d->spis, octets);
	if (w->mode != WIRE_ENCODE && wire_left(w) > 0)
		wire_fail(w, "SPIs", "are more than # of SPIs times SPI Size");
}
