/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5: without the right HASH_I there is no SA; the right one is still taken. */
MISBEHAVIOUR(aggressive_wrong_hash_i)
{
	autorogue r = rogue_open_aggressive(ROGUE_INITIATES);
	static const uint8_t junk[32] = { 1, 2, 3 };

	rogue_reach(&r, 3);
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_false(rogue_is_up(&r));
	rogue_prepare(&r);
	rogue_completes(&r);
}
