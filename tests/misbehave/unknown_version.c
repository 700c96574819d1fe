/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2408 section 3.1: a larger major version is not accepted. */
MISBEHAVIOUR(unknown_version)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 1);
	r.out.h.version = 0x30;
	rogue_send(&r);
	rogue_was_refused(&r, "unknown-version");
	rogue_completes(&r);
}
