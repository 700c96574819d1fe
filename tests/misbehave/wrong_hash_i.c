/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5: HASH_I authenticates the initiator; without it there is no SA. */
MISBEHAVIOUR(wrong_hash_i)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t junk[32] = { 1, 2, 3 };

	rogue_reach(&r, 5);
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_false(rogue_is_up(&r));
	assert_int_equal(r.n_in, 0);
}
