/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* The rogue itself, on its best behaviour: a proper peer in either role. */
MISBEHAVIOUR(nothing_at_all)
{
	for (enum rogue_role role = ROGUE_INITIATES; role <= ROGUE_RESPONDS; role++) {
		autorogue r = rogue_open(role);

		rogue_completes(&r);
	}
}
