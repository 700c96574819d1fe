/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Message id 0 is Phase 1's. */
MISBEHAVIOUR(message_id_zero)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 7);
	r.out.h.message_id = 0;
	rogue_send(&r);
	assert_int_equal(r.installed_in, 0);
	assert_int_equal(r.n_in, 0);
	rogue_completes(&r);
}
