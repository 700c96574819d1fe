/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Message 2 is nobody's word until its HASH_R is right: a forged one changes nothing, not even the cookie. */
MISBEHAVIOUR(aggressive_wrong_hash_r)
{
	autorogue r = rogue_open_aggressive(ROGUE_RESPONDS);
	static const uint8_t junk[32] = { 9, 9 };

	rogue_reach(&r, 2);
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	r.out.h.cookie_r[3] ^= 0x55;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_int_equal(r.n_in, 0);
	rogue_prepare(&r);
	rogue_completes(&r);
}
