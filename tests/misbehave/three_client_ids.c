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

	autorogue other = rogue_open(ROGUE_RESPONDS);
	rogue_reach(&other, 8);
	rogue_append(&other, *rogue_find(&other, PAYLOAD_ID));
	rogue_send(&other);
	rogue_was_refused(&other, "ts-mismatch");
	assert_int_equal(other.installed_in, 0);
}
