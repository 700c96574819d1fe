/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.5: HASH(1) proves that message 1 of Quick Mode comes from the peer of Phase 1. */
MISBEHAVIOUR(wrong_hash_1)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t junk[32] = { 9 };

	rogue_reach(&r, 7);
	rogue_find(&r, PAYLOAD_HASH)->data = span_of(junk, sizeof junk);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-hash");
	assert_int_equal(r.installed_in, 0);
	/* What was not authentic used nothing up, its message id included. */
	rogue_completes(&r);
}
