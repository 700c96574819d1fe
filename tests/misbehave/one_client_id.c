/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.5: the client identities come in pairs. */
MISBEHAVIOUR(one_client_id)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 7);
	rogue_remove(&r, PAYLOAD_ID);
	rogue_send(&r);
	rogue_was_refused(&r, "missing-payload");
	assert_int_equal(r.installed_in, 0);
}
