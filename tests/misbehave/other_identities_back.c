/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.5: the responder returns the identities; it does not change them. */
MISBEHAVIOUR(other_identities_back)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	rogue_reach(&r, 8);
	r.idcr[0] = 11;
	rogue_send(&r);
	assert_true(rogue_verdict(&r, "ts-mismatch") + rogue_verdict(&r, "bad-choice") > 0);
	assert_int_equal(r.installed_in + r.installed_out, 0);
}

/* Without any "the IP addresses of the ISAKMP peers" are meant: not the networks that were asked for. */
MISBEHAVIOUR(no_identities_back)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	rogue_reach(&r, 8);
	rogue_remove(&r, PAYLOAD_ID);
	rogue_remove(&r, PAYLOAD_ID);
	rogue_send(&r);
	rogue_was_refused(&r, "ts-mismatch");
	assert_int_equal(r.installed_in + r.installed_out, 0);
}
