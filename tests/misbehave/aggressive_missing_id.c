/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.4: IDii is in message 1; without it the key cannot be found. */
MISBEHAVIOUR(aggressive_missing_id)
{
	autorogue r = rogue_open_aggressive(ROGUE_INITIATES);

	rogue_reach(&r, 1);
	rogue_remove(&r, PAYLOAD_ID);
	rogue_send(&r);
	rogue_was_refused(&r, "missing-payload");
	assert_int_equal(r.n_in, 0);
	rogue_completes(&r);
}
