/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

static void
say_connected(struct rogue *r, uint32_t message_id)
{
	uint8_t spi[4];

	put_be32(spi, r->spi);
	r->step = 7;
	r->out = (struct rogue_message) {
		.h = { .version = 0x10, .exchange = EXCHANGE_INFORMATIONAL, .flags = FLAG_ENCRYPTION, .message_id = message_id },
		.sealed = true
	};
	memcpy(r->out.h.cookie_i, r->cookie_i, 8);
	memcpy(r->out.h.cookie_r, r->cookie_r, 8);
	rogue_append(r, (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r->hash_room, 32) });
	rogue_append(
	        r, (struct payload) {
	                   .type = PAYLOAD_N,
	                   .n = { .doi = DOI_IPSEC, .protocol = PROTO_IPSEC_ESP, .type = NOTIFY_CONNECTED, .spi = { spi, 4 } } });
	rogue_send(r);
}

/*
 * "the entity which did not set the Commit Bit MUST wait for an Informational Exchange containing a Notify
 * payload (with the CONNECTED Notify Message)" RFC 2408 section 3.1. The wait has an end.
 */
static void
committed(bool connected)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);

	rogue_reach(&r, 8);
	r.out.h.flags |= FLAG_COMMIT;
	rogue_send(&r);
	rogue_wait(&r, SECONDS(10));
	assert_int_equal(r.installed_in, 1);
	assert_int_equal(r.installed_out, 0);
	if (connected)
		say_connected(&r, 4242);
	else
		rogue_wait(&r, SECONDS(300));
	assert_int_equal(r.installed_out, 1);
}

MISBEHAVIOUR(commit_bit)
{
	committed(true);
	committed(false);
}
