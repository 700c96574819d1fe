/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Each message of the engine comes straight back to it. */
MISBEHAVIOUR(reflected_messages)
{
	for (enum rogue_role role = ROGUE_INITIATES; role <= ROGUE_RESPONDS; role++)
		for (unsigned step = 1; step <= ROGUE_LAST; step++) {
			autorogue r = rogue_open(role);
			uint8_t back[2048];
			size_t n;

			rogue_reach(&r, step);
			n = r.n_in;
			assert_true(n <= sizeof back);
			memcpy(back, r.in, n);
			if (n && (step % 2 == 1) != (role == ROGUE_INITIATES))
				rogue_deliver(&r, back, n);
			memcpy(r.in, back, n);
			r.n_in = n;
			rogue_completes(&r);
		}
}
