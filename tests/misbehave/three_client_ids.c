/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Two identities, not three. */
MISBEHAVIOUR(three_client_ids)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 7);
	rogue_append(&r, *rogue_find(&r, PAYLOAD_ID));
	rogue_send(&r);
	assert_true(rogue_verdict(&r, "missing-payload") + rogue_verdict(&r, "extra-payload") > 0);
	assert_int_equal(r.installed_in, 0);
}
