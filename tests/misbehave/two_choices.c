/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* One transform is chosen, not two. */
MISBEHAVIOUR(two_choices)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	struct transform_payload two[2];

	rogue_reach(&r, 2);
	two[0] = two[1] = r.offer.t;
	two[1].number++;
	r.offer.p.transform = two;
	r.offer.p.n_transform = 2;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-choice");
	r.offer.p.transform = &r.offer.t;
	r.offer.p.n_transform = 1;
	rogue_completes(&r);
}
