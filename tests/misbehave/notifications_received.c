/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

#include "notifications.h"

/* Each notification that comes: its sentence is told, and it does what its row says, no more. */

static void
notification(struct rogue *r, struct notify_payload n)
{
	r->out.n = 0;
	r->out.h.exchange = EXCHANGE_INFORMATIONAL;
	r->out.h.message_id = 0x10000u + n.type;
	rogue_append(r, (struct payload) { .type = PAYLOAD_N, .n = n });
}

static struct notify_payload
about_phase_1(uint16_t type)
{
	return (struct notify_payload) { .doi = DOI_IPSEC, .protocol = PROTO_ISAKMP, .type = type };
}

/* In clear it is told as the probable cause, in the log, in status and to who waits for the connection; it ends nothing. */
MISBEHAVIOUR(each_notification_is_understood_in_clear)
{
	for (size_t i = 0; notification_at(i); i++) {
		const struct notification *row = notification_at(i);
		const char *sentence = notify_sentence_in(row->type, 1);
		autorogue r = rogue_open(ROGUE_RESPONDS);
		struct ike_info info;
		uint32_t cursor = 0;

		rogue_reach(&r, 4);
		r.sent = 0;
		notification(&r, about_phase_1(row->type));
		rogue_send(&r);
		rogue_was_refused(&r, "unprotected-notify");
		assert_int_equal(r.sent, 0);
		assert_non_null(strstr(r.heard, row->name));
		assert_non_null(strstr(r.heard, sentence));
		assert_true(ike_next_sa(r.ike, &cursor, &info));
		assert_non_null(strstr(info.last_notice, sentence));
		if (i % 8 == 0) {
			/* Nothing else comes: what was said is what `up` prints. */
			autorogue silent = rogue_open(ROGUE_RESPONDS);

			rogue_reach(&silent, 4);
			notification(&silent, about_phase_1(row->type));
			rogue_send(&silent);
			rogue_wait(&silent, SECONDS(400));
			assert_non_null(strstr(silent.done, sentence));
		}
		rogue_completes(&r);
	}
}

/* Has it an effect of its own, that its sentence in the log is not needed for? */
static bool
acts_in_silence(uint16_t type)
{
	return type == NOTIFY_INITIAL_CONTACT || type == NOTIFY_R_U_THERE || type == NOTIFY_R_U_THERE_ACK;
}

/* While message 8 is the next of its own. */
static void
under_keys(struct rogue *r, struct notify_payload n)
{
	struct rogue_message next = r->out;

	notification(r, n);
	rogue_append(r, r->out.payload[0]);
	r->out.payload[0] = (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r->hash_room, 32) };
	r->step = 7; /* a message id and an IV of its own */
	rogue_send(r);
	r->step = 8;
	r->out = next;
}

static bool
ends_the_attempt(uint16_t type)
{
	return notification_is_error(type) && type != NOTIFY_INVALID_SPI && type != NOTIFY_INVALID_COOKIE;
}

/* Under keys, in answer to a Quick Mode: an error ends that one, and `up` says why; what is none ends nothing. */
MISBEHAVIOUR(each_notification_is_understood_under_keys)
{
	for (size_t i = 0; notification_at(i); i++) {
		const struct notification *row = notification_at(i);
		const char *sentence = notify_sentence_in(row->type, 2);
		autorogue r = rogue_open(ROGUE_RESPONDS);

		rogue_reach(&r, 8);
		*r.done = 0;
		under_keys(&r, about_phase_1(row->type));
		if (!acts_in_silence(row->type)) {
			assert_non_null(strstr(r.heard, row->name));
			assert_non_null(strstr(r.heard, sentence));
		}
		if (ends_the_attempt(row->type) != (strstr(r.done, sentence) != NULL))
			fail_msg("%s: '%s'", row->name, r.done);
		if (!ends_the_attempt(row->type))
			rogue_completes(&r);
	}
}

/* RFC 2408 section 5.14, steps 2 to 4: DOI, protocol and SPI; "the payload is discarded". */
MISBEHAVIOUR(notifications_that_cannot_be)
{
	static const uint8_t octets[20];
	struct notify_payload wrong[] = { about_phase_1(NOTIFY_NO_PROPOSAL_CHOSEN), about_phase_1(NOTIFY_NO_PROPOSAL_CHOSEN),
		                          about_phase_1(NOTIFY_NO_PROPOSAL_CHOSEN), about_phase_1(NOTIFY_NO_PROPOSAL_CHOSEN),
		                          about_phase_1(NOTIFY_INITIAL_CONTACT) };

	wrong[0].doi = 2;
	wrong[1].protocol = 5;
	wrong[2].protocol = PROTO_IPSEC_ESP;
	wrong[2].spi = span_of(octets, 8);
	wrong[3].spi = span_of(octets, 20);
	wrong[4].spi = span_of(octets, 16);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		autorogue r = rogue_open(ROGUE_RESPONDS);

		if (wrong[i].type != NOTIFY_INITIAL_CONTACT) {
			rogue_reach(&r, 4);
			notification(&r, wrong[i]);
			rogue_send(&r);
			rogue_was_refused(&r, "bad-notification");
			assert_int_equal(*r.heard, 0);
		}
		rogue_reach(&r, 8);
		under_keys(&r, wrong[i]);
		rogue_was_refused(&r, "bad-notification");
		assert_int_equal(*r.heard, 0);
		rogue_completes(&r);
	}
}

/* In message 2 of Quick Mode it says what the responder does about replays: told, and nothing else. */
MISBEHAVIOUR(replay_status_in_quick_mode)
{
	static const uint8_t off[4], on[4] = { 0, 0, 0, 1 };

	for (unsigned i = 0; i < 2; i++) {
		autorogue r = rogue_open(ROGUE_RESPONDS);
		uint8_t spi[4];

		rogue_reach(&r, 8);
		put_be32(spi, r.spi);
		rogue_append(&r, (struct payload) { .type = PAYLOAD_N,
		                                    .n = { .doi = DOI_IPSEC,
		                                           .protocol = PROTO_IPSEC_ESP,
		                                           .type = NOTIFY_REPLAY_STATUS,
		                                           .spi = span_of(spi, 4),
		                                           .data = span_of(i ? on : off, 4) } });
		rogue_send(&r);
		assert_non_null(strstr(r.heard, i ? "It does." : "It does not."));
		rogue_wait(&r, SECONDS(1));
		assert_true(rogue_is_up(&r));
	}
}
