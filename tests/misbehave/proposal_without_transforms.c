/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* A proposal that proposes nothing. */
MISBEHAVIOUR(proposal_without_transforms)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 1);
	/* Header, SA payload up to the proposal, and there the number of transforms. */
	rogue_patch(&r, 28 + 12 + 7, 0);
	rogue_send(&r);
	assert_int_equal(r.n_in, 0);
	assert_true(rogue_verdict(&r, "no-proposal-chosen") + rogue_verdict(&r, "malformed") > 0);
	rogue_completes(&r);
}
