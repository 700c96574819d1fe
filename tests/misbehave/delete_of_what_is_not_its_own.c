/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

static void delete (struct rogue *r, uint32_t message_id, struct delete_payload d)
{
	r->step = 7;
	r->out = (struct rogue_message) {
		.h = { .version = 0x10, .exchange = EXCHANGE_INFORMATIONAL, .flags = FLAG_ENCRYPTION, .message_id = message_id },
		.sealed = true
	};
	memcpy(r->out.h.cookie_i, r->cookie_i, 8);
	memcpy(r->out.h.cookie_r, r->cookie_r, 8);
	rogue_append(r, (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r->hash_room, 32) });
	rogue_append(r, (struct payload) { .type = PAYLOAD_D, .d = d });
	rogue_send(r);
	rogue_wait(r, SECONDS(5));
}

static struct delete_payload
of_esp(const uint8_t *spis, uint16_t n)
{
	return (struct delete_payload) {
		.doi = DOI_IPSEC, .protocol = PROTO_IPSEC_ESP, .spi_size = 4, .n_spi = n, .spis = span_of(spis, 4u * n)
	};
}

/* A Delete under Phase 1 may name only the SAs of that peer. */
MISBEHAVIOUR(delete_of_what_is_not_its_own)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t spi[4];

	rogue_completes(&r);
	put_be32(spi, 0xdeadbeef);
	delete (&r, 4242, of_esp(spi, 1));
	assert_int_equal(r.removed, 0);
	assert_true(rogue_is_up(&r));
}

/* RFC 2408 section 5.15, steps 2 to 4: DOI, protocol, SPI. */
MISBEHAVIOUR(deletes_that_cannot_be)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t spi[16];
	struct delete_payload wrong[5];

	rogue_completes(&r);
	put_be32(spi, r.spi);
	for (size_t i = 0; i < 5; i++)
		wrong[i] = of_esp(spi, 1);
	wrong[0].doi = 2;
	wrong[1].protocol = 9;
	wrong[2].spi_size = 2;
	wrong[2].spis.n = 2;
	memcpy(spi + 4, r.cookie_r, 8);
	wrong[3] = (struct delete_payload) {
		.doi = DOI_IPSEC, .protocol = PROTO_ISAKMP, .spi_size = 16, .n_spi = 1, .spis = span_of(spi, 16)
	};
	wrong[4] = wrong[3];
	wrong[4].n_spi = 0;
	wrong[4].spis.n = 0;
	for (uint32_t i = 0; i < 5; i++) {
		delete (&r, 4242 + i, wrong[i]);
		rogue_was_refused(&r, "bad-notification");
		assert_int_equal(r.removed, 0);
		assert_true(rogue_is_up(&r));
	}
}

/* So many are taken from one message, from the first on. */
MISBEHAVIOUR(deletes_by_the_hundred)
{
	for (unsigned at = 0; at <= 200; at += 200) {
		autorogue r = rogue_open(ROGUE_INITIATES);
		uint8_t spis[4 * 256];

		rogue_completes(&r);
		for (uint32_t i = 0; i < 256; i++)
			put_be32(spis + 4 * i, i == at ? r.spi : 0x10000 + i);
		delete (&r, 4242, of_esp(spis, 256));
		rogue_was_refused(&r, "delete-limit");
		assert_int_equal(r.removed > 0, at == 0);
	}
}
