/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* A responder that answers with our own public value knows nothing: it is a reflection. */
MISBEHAVIOUR(own_public_value_back)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	rogue_reach(&r, 4);
	rogue_find(&r, PAYLOAD_KE)->data = secret_span(&r.gxi);
	rogue_send(&r);
	rogue_was_refused(&r, "bad-key-exchange");
	rogue_completes(&r);
}
