/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* The rogue itself speaks Aggressive Mode properly, in both roles: what the others break was whole. */
MISBEHAVIOUR(aggressive_as_it_should_be)
{
	for (int role = ROGUE_INITIATES; role <= ROGUE_RESPONDS; role++) {
		autorogue r = rogue_open_aggressive((enum rogue_role)role);

		rogue_completes(&r);
	}
}
