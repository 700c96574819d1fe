/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5.5: "a HASH payload MUST immediately follow the ISAKMP header and a SA payload MUST immediately follow the
 * HASH." */
MISBEHAVIOUR(swapped_payloads)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	struct payload p;

	rogue_reach(&r, 7);
	p = r.out.payload[1];
	r.out.payload[1] = r.out.payload[2];
	r.out.payload[2] = p;
	rogue_send(&r);
	rogue_was_refused(&r, "payload-order");
	assert_int_equal(r.installed_in, 0);
}
