/* SPDX-License-Identifier: Apache-2.0 */
#include "config_attribute.h"
#include "misbehave.h"

/* Transaction exchanges (draft-dukes-ike-mode-cfg-02, draft-beaulieu-ike-xauth-02) of a client that has not logged in yet. */

static struct attribute carol[] = {
	{ .type = XAUTH_USER_NAME, .octets = { (const uint8_t *)"carol", 5 } },
	{ .type = XAUTH_USER_PASSWORD, .octets = { (const uint8_t *)"4iChxLT3", 8 } },
};

/* After message 5 the gateway has sent message 6 and its REQUEST. */
static void
reach_the_login(struct rogue *r)
{
	rogue_reach(r, 7);
	assert_int_equal(r->transactions, 1);
}

/* The right answer is still accepted, and a tunnel comes of it. */
static void
logs_in(struct rogue *r)
{
	unsigned before = r->transactions;

	rogue_reply(r, CONFIG_REPLY, carol, 2);
	rogue_send(r);
	assert_int_equal(r->users, 1);
	assert_int_equal(r->transactions, before + 1);
	rogue_completes(r);
}

MISBEHAVIOUR(a_login_as_it_should_be)
{
	autorogue r = rogue_open_login();

	reach_the_login(&r);
	logs_in(&r);
}

MISBEHAVIOUR(a_quick_mode_without_login)
{
	autorogue r = rogue_open_login();

	reach_the_login(&r);
	rogue_send(&r);
	rogue_was_refused(&r, "login-required");
	assert_int_equal(r.installed_in, 0);
	r.message_id++;
	logs_in(&r);
}

MISBEHAVIOUR(a_transaction_with_a_wrong_hash)
{
	autorogue r = rogue_open_login();

	reach_the_login(&r);
	rogue_transaction(&r, CONFIG_REQUEST, NULL, 0);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	rogue_reply(&r, CONFIG_REPLY, carol, 2);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_int_equal(r.users, 0);
	logs_in(&r);
}

/* Nor an ACK: neither begins an exchange. */
MISBEHAVIOUR(a_reply_that_nobody_asked_for)
{
	static const uint8_t types[] = { CONFIG_REPLY, CONFIG_ACK, 0, 9 };
	autorogue r = rogue_open_login();

	reach_the_login(&r);
	for (size_t i = 0; i < sizeof types; i++) {
		rogue_transaction(&r, types[i], carol, 2);
		rogue_send(&r);
		rogue_was_refused(&r, "config-type");
		assert_int_equal(r.transactions, 1);
	}
	assert_int_equal(r.users, 0);
	logs_in(&r);
}

/* "a remote device can not set XAUTH_STATUS to anything but FAIL" (XAUTH section 5). */
MISBEHAVIOUR(a_status_of_its_own_making)
{
	static struct attribute ok[] = { { .type = XAUTH_STATUS, .tv = true, .value = XAUTH_STATUS_OK } };
	autorogue r = rogue_open_login();

	reach_the_login(&r);
	rogue_transaction(&r, CONFIG_SET, ok, 1);
	rogue_send(&r);
	rogue_was_refused(&r, "config-type");
	rogue_prepare(&r);
	rogue_send(&r);
	rogue_was_refused(&r, "login-required");
	assert_int_equal(r.installed_in, 0);
	r.message_id++;
	logs_in(&r);
}

/* A client says which address its gateway shall have: it is acknowledged without any attribute, and nothing of it is taken. */
MISBEHAVIOUR(a_set_of_a_foreign_address)
{
	static const uint8_t address[] = { 10, 2, 0, 1 };
	static struct attribute a[] = { { .type = INTERNAL_IP4_ADDRESS, .octets = { address, 4 } } };
	autorogue r = rogue_open_login();
	struct ike_info i;
	uint32_t cursor = 0;

	reach_the_login(&r);
	rogue_transaction(&r, CONFIG_SET, a, 1);
	rogue_send(&r);
	rogue_was_refused(&r, "config-type");
	assert_true(ike_next_sa(r.ike, &cursor, &i));
	assert_int_equal(i.n_local_vips, 0);
	assert_int_equal(i.n_remote_vips, 0);
}

/* XAUTH section 6: all messages of a transaction "MUST contain the same [...] identifier". */
MISBEHAVIOUR(another_identifier)
{
	autorogue r = rogue_open_login();

	reach_the_login(&r);
	rogue_reply(&r, CONFIG_REPLY, carol, 2);
	rogue_find(&r, PAYLOAD_ATTR)->attr.identifier = 7;
	rogue_send(&r);
	rogue_was_refused(&r, "config-identifier");
	assert_int_equal(r.users, 0);
	logs_in(&r);
}

MISBEHAVIOUR(attributes_by_the_hundred)
{
	static struct attribute many[300];
	autorogue r = rogue_open_login();

	reach_the_login(&r);
	for (size_t i = 0; i < 300; i++)
		many[i] = (struct attribute) { .type = (uint16_t)(1 + i % 8) };
	rogue_transaction(&r, CONFIG_REQUEST, many, 300);
	rogue_send(&r);
	rogue_was_refused(&r, "undecryptable");
	rogue_reply(&r, CONFIG_REPLY, many, 300);
	rogue_send(&r);
	rogue_was_refused(&r, "undecryptable");
	logs_in(&r);
}

/* What it begins and never ends is bounded, and so is what it is told. */
MISBEHAVIOUR(transactions_by_the_hundred)
{
	autorogue r = rogue_open_login();
	unsigned octets = (unsigned)r.octets;

	reach_the_login(&r);
	for (unsigned i = 0; i < 300; i++) {
		rogue_transaction(&r, CONFIG_REQUEST, carol, 2);
		r.out.h.message_id = 0x0b000000 + i;
		rogue_send(&r);
	}
	assert_true(r.transactions <= 301 && r.octets - octets < 300 * 200);
	assert_int_equal(r.users, 0);
}

/* The exchange ends with STATUS = FAIL, and Phase 1 with it. */
MISBEHAVIOUR(a_login_without_a_password)
{
	autorogue r = rogue_open_login();
	struct ike_info i;
	uint32_t cursor = 0;

	reach_the_login(&r);
	rogue_reply(&r, CONFIG_REPLY, carol, 1);
	rogue_send(&r);
	rogue_was_refused(&r, "login-failed");
	assert_int_equal(r.users, 0);
	assert_int_equal(r.transactions, 2);
	rogue_reply(&r, CONFIG_ACK, NULL, 0);
	rogue_send(&r);
	assert_false(ike_next_sa(r.ike, &cursor, &i) && i.state == IKE_STATE_ESTABLISHED);
}
