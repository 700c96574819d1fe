/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* HASH(3) proves that the initiator lives; before it nothing is sent on the new SA. */
MISBEHAVIOUR(wrong_hash_3)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t junk[32] = { 9 };

	rogue_reach(&r, 9);
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_int_equal(r.installed_out, 0);
	rogue_completes(&r);
}
