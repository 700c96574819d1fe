/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5: HASH_R authenticates the responder; the initiator goes on waiting for the right one. */
MISBEHAVIOUR(wrong_hash_r)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	static const uint8_t junk[32] = { 1, 2, 3 };

	rogue_reach(&r, 6);
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_int_equal(r.n_in, 0);
}
