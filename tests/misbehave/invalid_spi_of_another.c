/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* An INVALID-SPI, authenticated, about some other packet: the Quick Mode that is under way goes on. */
MISBEHAVIOUR(invalid_spi_of_another)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	uint8_t spi[4], next[16];
	struct rogue_message right;

	rogue_reach(&r, 8);
	right = r.out;
	put_be32(spi, 0xdeadbeef);
	/* The Informational has an IV of its own (RFC 2409 Appendix B): as step 7 would start one. */
	r.step = 7;
	memcpy(next, r.quick_iv, sizeof next);
	r.out = (struct rogue_message) { .h = right.h, .sealed = true };
	r.out.h.exchange = EXCHANGE_INFORMATIONAL;
	r.out.h.message_id = 4242;
	rogue_append(&r, (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r.hash_room, 32) });
	rogue_append(&r, (struct payload) { .type = PAYLOAD_N,
	                                    .n = { .doi = DOI_IPSEC,
	                                           .protocol = PROTO_IPSEC_ESP,
	                                           .type = NOTIFY_INVALID_SPI,
	                                           .spi = span_of(spi, 4) } });
	rogue_send(&r);
	assert_int_equal(rogue_verdict(&r, "bad-hash") + rogue_verdict(&r, "undecryptable"), 0);
	memcpy(r.quick_iv, next, sizeof next);
	r.step = 8;
	rogue_completes(&r);
}
