/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

#include "clear_gate.h"
#include "vendor_id.h"

/* What strangers draw in clear: docs/adr/0030. */

enum { NOTIFICATION_OCTETS = 40 };

static struct ip
stranger(uint32_t which)
{
	return ip_from_v4(0xc6330000 + which);
}

/* The first message of somebody whom no connection knows. */
static size_t
first_message(struct rogue *r)
{
	rogue_reach(r, 1);
	rogue_send(r);
	r->sent = 0;
	r->octets = 0;
	return r->n_wire;
}

/* A bare header would draw more than it is. */
MISBEHAVIOUR(answers_larger_than_the_question)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	size_t n = first_message(&r);

	r.wire[16] = PAYLOAD_NONE;
	put_be32(r.wire + 24, ISAKMP_HEADER_OCTETS);
	for (size_t octets = ISAKMP_HEADER_OCTETS; octets < NOTIFICATION_OCTETS; octets++) {
		rogue_deliver_from(&r, stranger(1), r.wire, octets);
		rogue_was_refused(&r, "clear-size");
	}
	assert_int_equal(r.sent, 0);
	rogue_deliver_from(&r, stranger(1), r.wire, n);
	assert_int_equal(r.sent, 1);
	assert_int_equal(r.octets, NOTIFICATION_OCTETS);
}

MISBEHAVIOUR(strangers_from_one_address)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	size_t n = first_message(&r);

	for (unsigned i = 0; i < 1000; i++)
		rogue_deliver_from(&r, stranger(1), r.wire, n);
	assert_int_equal(r.sent, CLEAR_SOURCE_BURST);
	rogue_was_refused(&r, "clear-limit");
	/* Others are still told, and later this one too. */
	rogue_deliver_from(&r, stranger(2), r.wire, n);
	assert_int_equal(r.sent, CLEAR_SOURCE_BURST + 1);
	rogue_wait(&r, SECONDS(1));
	for (unsigned i = 0; i < 1000; i++)
		rogue_deliver_from(&r, stranger(1), r.wire, n);
	assert_int_equal(r.sent, CLEAR_SOURCE_BURST + 1 + CLEAR_SOURCE_A_SECOND);
}

MISBEHAVIOUR(strangers_from_everywhere)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	size_t n = first_message(&r);

	for (uint32_t i = 0; i < 5000; i++)
		rogue_deliver_from(&r, stranger(i), r.wire, n);
	assert_int_equal(r.sent, CLEAR_TOTAL_BURST);
	rogue_was_refused(&r, "clear-limit");
	rogue_wait(&r, SECONDS(1));
	for (uint32_t i = 0; i < 5000; i++)
		rogue_deliver_from(&r, stranger(i), r.wire, n);
	assert_int_equal(r.sent, CLEAR_TOTAL_BURST + CLEAR_TOTAL_A_SECOND);
}

/* Message 2 is no larger than message 1, and said again a few times only until our cookie comes back. */
MISBEHAVIOUR(first_messages_again_and_again)
{
	autorogue r = rogue_open(ROGUE_INITIATES);

	rogue_reach(&r, 1);
	rogue_send(&r);
	assert_int_equal(r.sent, 1);
	assert_true(r.octets <= r.n_wire);
	for (unsigned i = 0; i < 1000; i++)
		rogue_deliver(&r, r.wire, r.n_wire);
	assert_int_equal(r.sent, 1 + CLEAR_SOURCE_BURST);
	rogue_was_refused(&r, "clear-limit");
}

/* Each ability that it names is answered with ours, octet for octet. */
MISBEHAVIOUR(vendor_ids_by_the_dozen)
{
	autorogue r = rogue_open(ROGUE_INITIATES);

	rogue_reach(&r, 1);
	for (enum vendor_id id = VENDOR_UNKNOWN + 1; id < VENDOR_IDS - 4; id++)
		rogue_append(&r, (struct payload) { .type = PAYLOAD_VID, .data = vendor_id_octets(id) });
	rogue_send(&r);
	assert_int_equal(r.sent, 1);
	assert_true(r.octets > 5 * 20 && r.octets <= r.n_wire);
}

/* Two ends that tell each other of each other's notifications would never stop. */
MISBEHAVIOUR(notifications_to_be_answered)
{
	autorogue r = rogue_open(ROGUE_INITIATES);

	rogue_reach(&r, 1);
	r.out.h.exchange = EXCHANGE_INFORMATIONAL;
	r.out.h.message_id = 0x01020304;
	r.out.n = 0;
	rogue_append(&r, (struct payload) { .type = PAYLOAD_N,
	                                    .n = { .doi = DOI_IPSEC, .protocol = PROTO_ISAKMP, .type = NOTIFY_INVALID_COOKIE } });
	rogue_send(&r);
	rogue_deliver_from(&r, stranger(1), r.wire, r.n_wire);
	r.wire[17] = 0x20;
	rogue_deliver_from(&r, stranger(1), r.wire, r.n_wire);
	r.wire[17] = 0x1f;
	rogue_deliver_from(&r, stranger(1), r.wire, r.n_wire);
	r.wire[19] = 0xff;
	rogue_deliver_from(&r, stranger(1), r.wire, r.n_wire);
	assert_int_equal(r.sent, 0);
}

/* What looks like a Quick Mode before message 3 has message 2 said again: a few times. */
MISBEHAVIOUR(aggressive_quick_mode_too_early)
{
	autorogue r = rogue_open_aggressive(ROGUE_INITIATES);

	rogue_reach(&r, 3);
	r.out.h.exchange = EXCHANGE_QUICK;
	r.out.h.message_id = 0x01020304;
	r.sent = 0;
	for (unsigned i = 0; i < 1000; i++)
		rogue_send(&r);
	assert_int_equal(r.sent, CLEAR_SOURCE_BURST);
	rogue_was_refused(&r, "clear-limit");
	rogue_wait(&r, SECONDS(1));
	rogue_completes(&r);
}
