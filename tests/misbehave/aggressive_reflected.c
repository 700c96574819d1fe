/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Our own message 1, as if it were the answer. */
MISBEHAVIOUR(aggressive_reflected)
{
	autorogue r = rogue_open_aggressive(ROGUE_RESPONDS);
	uint8_t own[4096];
	size_t n;

	rogue_reach(&r, 1);
	rogue_reach(&r, 2);
	n = r.n_in;
	assert_true(n <= sizeof own);
	memcpy(own, r.in, n);
	rogue_deliver(&r, own, n);
	assert_int_equal(r.n_in, 0);
	rogue_was_refused(&r, "missing-payload");
	rogue_prepare(&r);
	rogue_completes(&r);
}
