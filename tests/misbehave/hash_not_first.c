/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* The HASH payload last: it must not be found there. */
MISBEHAVIOUR(hash_not_first)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	struct payload p;

	rogue_reach(&r, 7);
	p = r.out.payload[0];
	rogue_remove(&r, PAYLOAD_HASH);
	rogue_append(&r, p);
	r.out.keep_hash = true;
	rogue_send(&r);
	rogue_was_refused(&r, "payload-order");
	rogue_completes(&r);
}
