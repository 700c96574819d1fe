/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* HASH and N(CONNECTED) for the SA of our own SPI, or of the engine's, as Informational or as a message of the Quick Mode. */
static void
say_connected(struct rogue *r, uint8_t exchange, uint32_t message_id, uint32_t spi_of)
{
	static uint8_t spi[4];

	put_be32(spi, spi_of);
	r->out = (struct rogue_message) {
		.h = { .version = 0x10, .exchange = exchange, .flags = FLAG_ENCRYPTION, .message_id = message_id }, .sealed = true
	};
	memcpy(r->out.h.cookie_i, r->cookie_i, 8);
	memcpy(r->out.h.cookie_r, r->cookie_r, 8);
	rogue_append(r, (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r->hash_room, 32) });
	rogue_append(
	        r, (struct payload) {
	                   .type = PAYLOAD_N,
	                   .n = { .doi = DOI_IPSEC, .protocol = PROTO_IPSEC_ESP, .type = NOTIFY_CONNECTED, .spi = { spi, 4 } } });
}

static void
informational(struct rogue *r)
{
	r->step = 7; /* an IV of its own */
	say_connected(r, EXCHANGE_INFORMATIONAL, 4242, r->spi);
	rogue_send(r);
}

/* Quick Mode is over but for the peer's word. */
static void
reach_commit(struct rogue *r)
{
	r->commits = true;
	rogue_reach(r, 10);
	rogue_wait(r, SECONDS(10));
	assert_int_equal(r->installed_in, 1);
	assert_int_equal(r->installed_out, 0);
}

/*
 * "the entity which did not set the Commit Bit MUST wait for an Informational Exchange containing a Notify
 * payload (with the CONNECTED Notify Message)" RFC 2408 section 3.1. The wait has an end.
 */
MISBEHAVIOUR(commit_bit)
{
	for (enum rogue_role role = ROGUE_INITIATES; role <= ROGUE_RESPONDS; role++) {
		autorogue r = rogue_open(role);
		autorogue silent = rogue_open(role);

		reach_commit(&r);
		reach_commit(&silent);
		informational(&r);
		assert_int_equal(r.installed_out, 1);
		rogue_wait(&silent, SECONDS(300));
		assert_int_equal(silent.installed_out, 1);
		assert_true(rogue_is_up(&r) && rogue_is_up(&silent));
	}
}

/* Windows and racoon: HDR*, HASH(4), N(CONNECTED) in the Quick Mode itself. */
MISBEHAVIOUR(commit_bit_fourth_message)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);

	reach_commit(&r);
	/* Anything else in its place changes nothing. */
	say_connected(&r, EXCHANGE_QUICK, r.message_id, r.spi);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	say_connected(&r, EXCHANGE_QUICK, r.message_id, r.spi);
	rogue_find(&r, PAYLOAD_N)->n.type = NOTIFY_REPLAY_STATUS;
	rogue_send(&r);
	rogue_was_refused(&r, "unexpected-message");
	say_connected(&r, EXCHANGE_QUICK, r.message_id, r.spi);
	r.out.sealed = false;
	r.out.h.flags = 0;
	rogue_send(&r);
	rogue_was_refused(&r, "not-encrypted");
	assert_int_equal(r.installed_out, 0);
	say_connected(&r, EXCHANGE_QUICK, r.message_id, r.spi);
	rogue_send(&r);
	assert_int_equal(r.installed_out, 1);
	/* And once only. */
	rogue_send(&r);
	rogue_was_refused(&r, "unexpected-message");
	assert_true(rogue_is_up(&r) && r.installed_out == 1);
}

/* The next exchange shows that Phase 1 is done; "the value MUST be reset after the Phase 1 negotiation". */
MISBEHAVIOUR(commit_bit_in_phase_1)
{
	for (enum rogue_role role = ROGUE_INITIATES; role <= ROGUE_RESPONDS; role++) {
		autorogue r = rogue_open(role);

		r.commits_first = true;
		rogue_completes(&r);
	}
}
