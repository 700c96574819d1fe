/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* HASH(2) covers the initiator's nonce: without it the answer is not to this question. */
MISBEHAVIOUR(wrong_hash_2)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	static const uint8_t junk[32] = { 9 };

	rogue_reach(&r, 8);
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_int_equal(r.installed_in + r.installed_out, 0);
	rogue_completes(&r);
}
