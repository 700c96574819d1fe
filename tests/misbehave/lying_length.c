/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* The header says more, or less, than the datagram has. */
MISBEHAVIOUR(lying_length)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint32_t lengths[] = { 0, 27, 28, 100000, 0xffffffff };

	for (unsigned i = 0; i < 5; i++) {
		rogue_reach(&r, 3);
		for (unsigned k = 0; k < 4; k++)
			rogue_patch(&r, 24 + k, (uint8_t)(lengths[i] >> (24 - 8 * k)));
		rogue_send(&r);
		assert_int_equal(r.n_in, 0);
		assert_true(rogue_verdicts(&r) > 0);
	}
	rogue_completes(&r);
}
