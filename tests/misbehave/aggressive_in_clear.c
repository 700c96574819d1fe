/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/*
 * RFC 2409 section 5: message 3 "may not be sent under protection of the ISAKMP
 * SA". A wrong hash in clear is anybody's and ends nothing; what else such a
 * message says does not count.
 */
MISBEHAVIOUR(aggressive_in_clear)
{
	autorogue r = rogue_open_aggressive(ROGUE_INITIATES);
	static const uint8_t junk[32] = { 7 };

	rogue_reach(&r, 3);
	r.out.sealed = false;
	r.out.h.flags = 0;
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	rogue_prepare(&r);
	r.out.sealed = false;
	r.out.h.flags = 0;
	rogue_send(&r);
	assert_int_equal(rogue_verdict(&r, "bad-hash"), 0);
	r.step = 7;
	rogue_completes(&r);
}
