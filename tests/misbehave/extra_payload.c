/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* An SA payload has no place in message 3. */
MISBEHAVIOUR(extra_payload)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 3);
	rogue_append(&r, (struct payload) { .type = PAYLOAD_SA, .sa = { DOI_IPSEC, SIT_IDENTITY_ONLY, &r.offer.p, 1 } });
	rogue_send(&r);
	rogue_was_refused(&r, "extra-payload");
	rogue_completes(&r);
}
