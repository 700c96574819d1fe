/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Far more transforms than anybody needs: read up to a limit, and within it. */
MISBEHAVIOUR(oversized_proposal)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static struct transform_payload many[256];

	rogue_reach(&r, 1);
	for (unsigned i = 0; i < 256; i++) {
		many[i] = r.offer.t;
		many[i].number = (uint8_t)i;
		many[i].attr = r.offer.a;
	}
	r.offer.a[0].value = 5; /* 3DES, with a key length: not allowed here */
	r.offer.p.transform = many;
	r.offer.p.n_transform = 255;
	rogue_send(&r);
	assert_int_equal(r.n_in, 0);
	assert_true(rogue_verdict(&r, "no-proposal-chosen") + rogue_verdict(&r, "malformed") > 0);
	rogue_completes(&r);
}
