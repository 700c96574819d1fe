/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* A public value that is no point of the curve gets no HASH_R to guess at. */
MISBEHAVIOUR(aggressive_weak_public_value)
{
	autorogue r = rogue_open_aggressive(ROGUE_INITIATES);
	static const uint8_t zeros[64];

	rogue_reach(&r, 1);
	rogue_find(&r, PAYLOAD_KE)->data = span_of(zeros, sizeof zeros);
	rogue_send(&r);
	rogue_was_refused(&r, "bad-key-exchange");
	assert_int_equal(r.n_in, 0);
	rogue_completes(&r);
}
