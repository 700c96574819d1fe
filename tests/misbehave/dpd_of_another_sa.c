/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

static void
ask(struct rogue *r, uint32_t message_id, uint16_t type, const uint8_t *spi, size_t n, uint32_t number)
{
	uint8_t sequence[4];

	put_be32(sequence, number);
	r->step = 7;
	r->out = (struct rogue_message) {
		.h = { .version = 0x10, .exchange = EXCHANGE_INFORMATIONAL, .flags = FLAG_ENCRYPTION, .message_id = message_id },
		.sealed = true
	};
	memcpy(r->out.h.cookie_i, r->cookie_i, 8);
	memcpy(r->out.h.cookie_r, r->cookie_r, 8);
	rogue_append(r, (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r->hash_room, 32) });
	rogue_append(r, (struct payload) { .type = PAYLOAD_N,
	                                   .n = { .doi = DOI_IPSEC,
	                                          .protocol = PROTO_ISAKMP,
	                                          .type = type,
	                                          .spi = span_of(spi, n),
	                                          .data = span_of(sequence, 4) } });
	rogue_send(r);
}

/* RFC 3706 section 5.3: the SPI of a DPD notification is the two cookies of the IKE_SA that is meant. */
MISBEHAVIOUR(dpd_of_another_sa)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t spi[16];
	unsigned answers;

	rogue_completes(&r);
	answers = r.informational;
	memcpy(spi, r.cookie_i, 8);
	memcpy(spi + 8, r.cookie_r, 8);
	spi[15] ^= 1;
	ask(&r, 4242, NOTIFY_R_U_THERE, spi, 16, 7);
	rogue_was_refused(&r, "dpd-cookies");
	ask(&r, 4243, NOTIFY_R_U_THERE, spi, 8, 7);
	rogue_was_refused(&r, "dpd-cookies");
	assert_int_equal(r.informational, answers);
	/* The right one is answered, with the same sequence number. */
	spi[15] ^= 1;
	ask(&r, 4244, NOTIFY_R_U_THERE, spi, 16, 7);
	assert_int_equal(rogue_verdict(&r, "dpd-cookies"), 0);
	assert_int_equal(r.informational, answers + 1);
	assert_true(rogue_is_up(&r));
}

/* RFC 3706 section 6.2: old sequence numbers, the same message once more, an answer to no question. */
MISBEHAVIOUR(dpd_again)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t spi[16];
	unsigned answers;

	rogue_completes(&r);
	memcpy(spi, r.cookie_i, 8);
	memcpy(spi + 8, r.cookie_r, 8);
	ask(&r, 4242, NOTIFY_R_U_THERE, spi, 16, 1000);
	answers = r.informational;
	for (unsigned i = 0; i < 100; i++)
		rogue_deliver(&r, r.wire, r.n_wire);
	rogue_was_refused(&r, "replayed");
	ask(&r, 4243, NOTIFY_R_U_THERE, spi, 16, 999);
	rogue_was_refused(&r, "dpd-sequence");
	ask(&r, 4244, NOTIFY_R_U_THERE_ACK, spi, 16, 77);
	rogue_was_refused(&r, "dpd-sequence");
	assert_int_equal(r.informational, answers);
	assert_true(rogue_is_up(&r));
}
