/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Message 4 needs a public value. */
MISBEHAVIOUR(missing_key_exchange)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	rogue_reach(&r, 4);
	rogue_remove(&r, PAYLOAD_KE);
	rogue_send(&r);
	rogue_was_refused(&r, "missing-payload");
	rogue_completes(&r);
}
