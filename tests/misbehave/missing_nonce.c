/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Message 3 needs a nonce. */
MISBEHAVIOUR(missing_nonce)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 3);
	rogue_remove(&r, PAYLOAD_NONCE);
	rogue_send(&r);
	rogue_was_refused(&r, "missing-payload");
	rogue_completes(&r);
}
