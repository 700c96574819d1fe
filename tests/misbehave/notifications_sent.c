/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

#include "notifications.h"

/*
 * Each notification that we send, provoked where its RFC has it: RFC 2408 sections 5.1 to 5.12, RFC 2407 section 4.5.3. Those
 * about certificates: sim/test_notifications.c.
 */

enum { SA_AT = 28, PROPOSAL_AT = SA_AT + 12, LENGTH_AT = 24 };

static const uint8_t junk[32] = { 1, 2, 3 };

static struct payload *
offered(struct rogue *r)
{
	return rogue_find(r, PAYLOAD_SA);
}

static void
unknown_payload(struct rogue *r)
{
	rogue_append(r, (struct payload) { .type = 77, .data = span_of(junk, 8) });
}

static void
misplaced_payload(struct rogue *r)
{
	rogue_append(r, (struct payload) { .type = PAYLOAD_KE, .data = span_of(junk, 8) });
}

static void
other_doi(struct rogue *r)
{
	offered(r)->sa.doi = 2;
}

static void
labels(struct rogue *r)
{
	offered(r)->sa.situation = 3;
}

static void
major_version(struct rogue *r)
{
	r->out.h.version = 0x20;
}

static void
minor_version(struct rogue *r)
{
	r->out.h.version = 0x11;
}

static void
undefined_exchange(struct rogue *r)
{
	r->out.h.exchange = 77;
}

static void
base_exchange(struct rogue *r)
{
	r->out.h.exchange = EXCHANGE_BASE;
}

static void
new_group(struct rogue *r)
{
	r->out.h.exchange = EXCHANGE_NEW_GROUP;
}

static void
undefined_flags(struct rogue *r)
{
	r->out.h.flags |= 0x40;
}

static void
encrypted(struct rogue *r)
{
	r->out.h.flags |= FLAG_ENCRYPTION;
}

static void
in_clear(struct rogue *r)
{
	r->out.h.flags = 0;
	r->out.sealed = false;
}

static void
message_id(struct rogue *r)
{
	r->out.h.message_id = 5;
}

static void
other_protocol(struct rogue *r)
{
	offered(r)->sa.proposal->protocol = PROTO_IPSEC_AH;
}

static void
isakmp_in_phase_2(struct rogue *r)
{
	offered(r)->sa.proposal->protocol = PROTO_ISAKMP;
}

static void
reserved_spi(struct rogue *r)
{
	put_be32(r->offer.spi, 255);
}

static void
transform_zero(struct rogue *r)
{
	r->offer.t.id = 0;
}

static void
unsupported_attribute(struct rogue *r)
{
	r->offer.a[r->offer.t.n_attr++] = (struct attribute) { .type = 16383, .tv = true, .value = 1 };
}

/* RFC 2407 section 4.5.2: "If conflicting attributes are detected" */
static void
conflicting_attributes(struct rogue *r)
{
	r->offer.a[r->offer.t.n_attr++] = (struct attribute) { .type = 4, .tv = true, .value = 2 }; /* encapsulation */
}

static void
unsupported_value(struct rogue *r)
{
	r->offer.a[r->offer.t.n_attr++] = (struct attribute) { .type = 5, .tv = true, .value = 99 }; /* authentication */
}

static void
unknown_cipher(struct rogue *r)
{
	r->offer.a[0].value = 99;
}

static void
unknown_esp_cipher(struct rogue *r)
{
	r->offer.t.id = 99;
}

static void
no_hash_algorithm(struct rogue *r)
{
	r->offer.a[2] = r->offer.a[0];
}

static void
no_transforms(struct rogue *r)
{
	rogue_patch(r, PROPOSAL_AT + 7, 0);
}

static void
no_transforms_in_phase_2(struct rogue *r)
{
	rogue_patch(r, SA_AT + 36 + 12 + 7, 0); /* behind HASH(1) */
}

static void
no_nonce(struct rogue *r)
{
	rogue_remove(r, PAYLOAD_NONCE);
}

static void
weak_key(struct rogue *r)
{
	static const uint8_t zeros[64];

	rogue_find(r, PAYLOAD_KE)->data = span_of(zeros, sizeof zeros);
}

static void
other_network(struct rogue *r)
{
	r->idcr[1] = 77;
}

static void
identity_of_another(struct rogue *r)
{
	struct payload *id = rogue_find(r, PAYLOAD_ID);

	id->id.port = 4711;
	id->id.proto = 17;
}

static void
hash_of_another_length(struct rogue *r)
{
	r->out.keep_hash = true;
	rogue_find(r, PAYLOAD_HASH)->data = span_of(junk, 20);
}

static void
wrong_hash(struct rogue *r)
{
	r->out.keep_hash = true;
	rogue_find(r, PAYLOAD_HASH)->data = span_of(junk, 32);
}

static void
length_beyond_the_end(struct rogue *r)
{
	rogue_patch(r, LENGTH_AT + 2, 0xff);
}

static void
more_than_the_payloads(struct rogue *r)
{
	/* The last one is hidden: the chain ends before it. */
	rogue_append(r, (struct payload) { .type = PAYLOAD_VID, .data = span_of(junk, 16) });
	rogue_patch(r, SA_AT, PAYLOAD_NONE);
}

static const struct provocation {
	uint16_t type;
	unsigned step;
	void (*edit)(struct rogue *r);
	bool keys;
} provocations[] = {
	{ NOTIFY_INVALID_PAYLOAD_TYPE, 3, unknown_payload, false },
	{ NOTIFY_INVALID_PAYLOAD_TYPE, 1, misplaced_payload, false },
	{ NOTIFY_INVALID_PAYLOAD_TYPE, 7, unknown_payload, true },
	{ NOTIFY_DOI_NOT_SUPPORTED, 1, other_doi, false },
	{ NOTIFY_DOI_NOT_SUPPORTED, 7, other_doi, true },
	{ NOTIFY_SITUATION_NOT_SUPPORTED, 1, labels, false },
	{ NOTIFY_SITUATION_NOT_SUPPORTED, 7, labels, true },
	{ NOTIFY_INVALID_MAJOR_VERSION, 1, major_version, false },
	{ NOTIFY_INVALID_MINOR_VERSION, 1, minor_version, false },
	{ NOTIFY_INVALID_EXCHANGE_TYPE, 1, undefined_exchange, false },
	{ NOTIFY_INVALID_EXCHANGE_TYPE, 1, new_group, false },
	{ NOTIFY_INVALID_FLAGS, 1, undefined_flags, false },
	{ NOTIFY_INVALID_FLAGS, 1, encrypted, false },
	{ NOTIFY_INVALID_FLAGS, 5, in_clear, false },
	{ NOTIFY_INVALID_MESSAGE_ID, 1, message_id, false },
	{ NOTIFY_INVALID_PROTOCOL_ID, 1, other_protocol, false },
	{ NOTIFY_INVALID_PROTOCOL_ID, 7, isakmp_in_phase_2, true },
	{ NOTIFY_INVALID_SPI, 7, reserved_spi, true },
	{ NOTIFY_INVALID_TRANSFORM_ID, 1, transform_zero, false },
	{ NOTIFY_INVALID_TRANSFORM_ID, 7, transform_zero, true },
	{ NOTIFY_ATTRIBUTES_NOT_SUPPORTED, 1, unsupported_attribute, false },
	{ NOTIFY_ATTRIBUTES_NOT_SUPPORTED, 7, unsupported_attribute, true },
	{ NOTIFY_ATTRIBUTES_NOT_SUPPORTED, 7, unsupported_value, true },
	{ NOTIFY_ATTRIBUTES_NOT_SUPPORTED, 7, conflicting_attributes, true },
	{ NOTIFY_NO_PROPOSAL_CHOSEN, 1, unknown_cipher, false },
	{ NOTIFY_NO_PROPOSAL_CHOSEN, 7, unknown_esp_cipher, true },
	{ NOTIFY_BAD_PROPOSAL_SYNTAX, 1, no_transforms, false },
	{ NOTIFY_BAD_PROPOSAL_SYNTAX, 1, no_hash_algorithm, false },
	{ NOTIFY_BAD_PROPOSAL_SYNTAX, 7, no_transforms_in_phase_2, true },
	{ NOTIFY_PAYLOAD_MALFORMED, 3, no_nonce, false },
	{ NOTIFY_PAYLOAD_MALFORMED, 7, no_nonce, true },
	{ NOTIFY_INVALID_KEY_INFORMATION, 3, weak_key, false },
	{ NOTIFY_INVALID_ID_INFORMATION, 5, identity_of_another, true },
	{ NOTIFY_INVALID_ID_INFORMATION, 7, other_network, true },
	{ NOTIFY_INVALID_HASH_INFORMATION, 5, hash_of_another_length, false },
	{ NOTIFY_AUTHENTICATION_FAILED, 5, wrong_hash, false },
	{ NOTIFY_UNSUPPORTED_EXCHANGE_TYPE, 1, base_exchange, false },
	{ NOTIFY_UNEQUAL_PAYLOAD_LENGTHS, 1, length_beyond_the_end, false },
	{ NOTIFY_UNEQUAL_PAYLOAD_LENGTHS, 1, more_than_the_payloads, false },
};

static void
provoke(struct rogue *r, const struct provocation *p)
{
	rogue_reach(r, p->step);
	p->edit(r);
	r->sent = 0;
	rogue_send(r);
}

MISBEHAVIOUR(each_notification_is_sent)
{
	for (size_t i = 0; i < sizeof provocations / sizeof *provocations; i++) {
		const struct provocation *p = &provocations[i];
		autorogue r = rogue_open(ROGUE_INITIATES);
		const struct notification *row = notification_find(p->type);

		provoke(&r, p);
		if (r.told != p->type || r.told_sealed != p->keys)
			fail_msg("case %zu: %s at message %u, the engine says %u", i, row->name, p->step, r.told);
		assert_true(row->sent & (p->keys ? WAY_KEYS : WAY_CLEAR));
		assert_true(rogue_verdicts(&r) > 0);
		assert_int_equal(r.installed_in, 0);
		/* RFC 2408 section 5.1: the same message gets the same answer, from memory where there is an SA. */
		r.told = 0;
		if (p->step == 7) {
			rogue_deliver(&r, r.wire, r.n_wire);
			assert_int_equal(r.told, p->type);
		}
	}
}

/* Of a message that nobody with the keys vouches for, nothing is said under them. */
MISBEHAVIOUR(errors_under_keys_are_about_authentic_messages)
{
	for (size_t i = 0; i < sizeof provocations / sizeof *provocations; i++) {
		const struct provocation *p = &provocations[i];
		autorogue r = rogue_open(ROGUE_INITIATES);

		if (p->step != 7)
			continue;
		rogue_reach(&r, 7);
		r.out.keep_hash = true;
		p->edit(&r);
		r.sent = 0;
		rogue_send(&r);
		assert_int_equal(r.sent, 0);
		rogue_completes(&r);
	}
}
