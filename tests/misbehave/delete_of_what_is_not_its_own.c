/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* A Delete under Phase 1 may name only the SAs of that peer. */
MISBEHAVIOUR(delete_of_what_is_not_its_own)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t spi[4];

	rogue_completes(&r);
	put_be32(spi, 0xdeadbeef);
	r.step = 7;
	r.out = (struct rogue_message) {
		.h = { .version = 0x10, .exchange = EXCHANGE_INFORMATIONAL, .flags = FLAG_ENCRYPTION, .message_id = 4242 },
		.sealed = true
	};
	memcpy(r.out.h.cookie_i, r.cookie_i, 8);
	memcpy(r.out.h.cookie_r, r.cookie_r, 8);
	rogue_append(&r, (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r.hash_room, 32) });
	rogue_append(
	        &r,
	        (struct payload) {
	                .type = PAYLOAD_D,
	                .d = { .doi = DOI_IPSEC, .protocol = PROTO_IPSEC_ESP, .spi_size = 4, .n_spi = 1, .spis = { spi, 4 } } });
	rogue_send(&r);
	rogue_wait(&r, SECONDS(5));
	assert_int_equal(r.removed, 0);
	assert_true(rogue_is_up(&r));
}
