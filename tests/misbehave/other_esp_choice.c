/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* The responder of Quick Mode answers with an algorithm that was not offered. */
MISBEHAVIOUR(other_esp_choice)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	rogue_reach(&r, 8);
	r.offer.t.id = 12;
	rogue_send(&r);
	rogue_was_refused(&r, "bad-choice");
	assert_int_equal(r.installed_in + r.installed_out, 0);
}
