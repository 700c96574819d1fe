/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* The cookie of a first message is its sender's choice: who copies it from another address disturbs neither exchange. */
MISBEHAVIOUR(cookies_of_another)
{
	for (unsigned step = 1; step <= 7; step += 2) {
		autorogue r = rogue_open(ROGUE_INITIATES);
		struct ike_counters before, after;
		uint8_t first[2048];
		size_t n;

		rogue_reach(&r, 1);
		rogue_send(&r);
		n = r.n_wire;
		assert_true(n <= sizeof first);
		memcpy(first, r.wire, n);
		rogue_reach(&r, step);
		ike_counters(r.ike, &before);
		for (unsigned i = 0; i < 50; i++)
			rogue_deliver_from(&r, ip_from_v4(0xc6336401 + i), first, n);
		ike_counters(r.ike, &after);
		assert_true(after.half_open <= before.half_open + 50);
		assert_int_equal(after.ike_established, before.ike_established);
		rogue_prepare(&r);
		rogue_completes(&r);
	}
}

/* A cookie of eight zero octets marks a message that has none (RFC 2408 section 2.5.3): nobody's it can be. */
MISBEHAVIOUR(cookie_of_zeros)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	struct ike_counters c;

	rogue_reach(&r, 1);
	memset(r.out.h.cookie_i, 0, 8);
	rogue_send(&r);
	assert_true(rogue_verdicts(&r) > 0);
	assert_int_equal(r.n_in, 0);
	ike_counters(r.ike, &c);
	assert_int_equal(c.half_open, 0);
	rogue_completes(&r);
}
