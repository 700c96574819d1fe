/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Cookies that belong to no SA. */
MISBEHAVIOUR(foreign_cookies)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 3);
	r.out.h.cookie_r[0] ^= 1;
	rogue_send(&r);
	rogue_was_refused(&r, "unknown-cookies");
	rogue_completes(&r);
}
