/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/*
 * Only the client of hybrid authentication may leave its identity empty: with a pre-shared key, who is nobody in
 * particular would be taken for whomever the first connection is for.
 */
MISBEHAVIOUR(aggressive_empty_id)
{
	autorogue r = rogue_open_aggressive(ROGUE_INITIATES);

	rogue_reach(&r, 1);
	rogue_find(&r, PAYLOAD_ID)->id = (struct id_payload) { .type = ID_ANY };
	rogue_send(&r);
	rogue_was_refused(&r, "id-mismatch");
	assert_int_equal(r.n_in, 0);
	rogue_prepare(&r);
	rogue_completes(&r);
}
