/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.4: message 5 carries IDii and HASH_I, both. */
MISBEHAVIOUR(missing_id)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 5);
	rogue_remove(&r, PAYLOAD_ID);
	rogue_send(&r);
	rogue_was_refused(&r, "missing-payload");
	rogue_completes(&r);
}
