/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.5: a message id names one exchange; it is never good for a second. */
MISBEHAVIOUR(replayed_message_id)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_completes(&r);
	rogue_wait(&r, SECONDS(400));
	r.step = 7;
	r.spi = 0xc0ffee02;
	rogue_prepare(&r);
	rogue_send(&r);
	rogue_was_refused(&r, "replayed");
	assert_int_equal(r.installed_in, 1);
	assert_true(rogue_is_up(&r));
}
