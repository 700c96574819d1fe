/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.5: Quick Mode is under the ISAKMP SA, all of it. */
MISBEHAVIOUR(quick_mode_in_clear)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 7);
	r.out.sealed = false;
	r.out.h.flags = 0;
	rogue_send(&r);
	rogue_was_refused(&r, "not-encrypted");
	rogue_completes(&r);
}
