/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

enum { AROUND = 28 + 8 };

/* A fragment under the rogue's cookies: number, flags and so many octets. */
static void
fragment(struct rogue *r, uint16_t id, uint8_t number, uint8_t flags, const void *octets, size_t n)
{
	uint8_t m[AROUND + 2000] = { 0 };

	memcpy(m, r->cookie_i, 8);
	memcpy(m + 8, r->cookie_r, 8);
	m[16] = PAYLOAD_FRAGMENT;
	m[17] = 0x10;
	m[18] = EXCHANGE_MAIN;
	put_be32(m + 24, (uint32_t)(AROUND + n));
	put_be16(m + 30, (uint16_t)(8 + n));
	put_be16(m + 32, id);
	m[34] = number;
	m[35] = flags;
	memcpy(m + AROUND, octets, n);
	rogue_deliver(r, m, AROUND + n);
}

/* Thousands of messages that are never whole, or too large: bounded, and the exchange goes on. */
MISBEHAVIOUR(fragment_floods)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t junk[1800];

	rogue_reach(&r, 3);
	for (unsigned i = 0; i < 4000; i++)
		fragment(&r, (uint16_t)(i + 1), (uint8_t)(i % 60 + 2), 0, junk, sizeof junk);
	for (uint8_t i = 1; i <= 5; i++)
		fragment(&r, 1, i, 0, junk, sizeof junk);
	/* 10,000 octets are the most. */
	fragment(&r, 1, 6, 0, junk, sizeof junk);
	rogue_was_refused(&r, "bad-fragment");
	rogue_completes(&r);
}

/* Under the cookie of message 1 alone, which whoever forges an address knows: nothing is kept. */
MISBEHAVIOUR(fragments_without_our_cookie)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t junk[1000], none[8];
	uint8_t cookie[8];

	rogue_reach(&r, 3);
	memcpy(cookie, r.cookie_r, 8);
	memcpy(r.cookie_r, none, 8);
	for (uint8_t i = 1; i <= 9; i++) {
		fragment(&r, 1, i, 0, junk, sizeof junk);
		rogue_was_refused(&r, "bad-fragment");
	}
	memcpy(r.cookie_r, cookie, 8);
	rogue_completes(&r);
}

/* A first message in fragments, or what somebody forged who knows no SA of ours: it makes none, and draws no answer. */
MISBEHAVIOUR(fragments_of_a_first_message)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t junk[1000];

	for (uint8_t i = 1; i <= 3; i++) {
		fragment(&r, 1, i, 0, junk, sizeof junk);
		rogue_was_refused(&r, "bad-fragment");
	}
	assert_int_equal(r.sent, 0);
	rogue_completes(&r);
}

/* Two fragments of one number, a number beyond the last, none at all. */
MISBEHAVIOUR(fragments_that_overlap)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t ones[40] = { 1 }, twos[40] = { 2 };

	rogue_reach(&r, 3);
	fragment(&r, 9, 1, 0, ones, sizeof ones);
	fragment(&r, 9, 1, 0, twos, sizeof twos);
	rogue_was_refused(&r, "bad-fragment");
	fragment(&r, 9, 0, 0, ones, sizeof ones);
	rogue_was_refused(&r, "bad-fragment");
	fragment(&r, 9, 2, 1, ones, sizeof ones);
	/* Whole now, and no message. */
	rogue_was_refused(&r, "malformed");
	fragment(&r, 10, 1, 1, ones, 0);
	rogue_was_refused(&r, "malformed");
	rogue_completes(&r);
}

/* What is inside must be a message of this SA, and no fragment again. */
MISBEHAVIOUR(fragments_of_something_else)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t inner[40] = { 0 };

	rogue_reach(&r, 3);
	memcpy(inner, r.cookie_i, 8);
	memcpy(inner + 8, r.cookie_r, 8);
	inner[16] = PAYLOAD_FRAGMENT;
	inner[17] = 0x10;
	inner[18] = EXCHANGE_MAIN;
	put_be32(inner + 24, sizeof inner);
	fragment(&r, 1, 1, 1, inner, sizeof inner);
	rogue_was_refused(&r, "bad-fragment");
	inner[16] = PAYLOAD_KE;
	inner[15] ^= 1;
	fragment(&r, 2, 1, 1, inner, sizeof inner);
	rogue_was_refused(&r, "bad-fragment");
	rogue_completes(&r);
}
