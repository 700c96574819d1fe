/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2408 section 4.2: the responder chooses among what was offered and changes nothing. */
MISBEHAVIOUR(bad_choice)
{
	for (unsigned attribute = 0; attribute < 5; attribute++) {
		autorogue r = rogue_open(ROGUE_RESPONDS);

		rogue_reach(&r, 2);
		r.offer.a[attribute].value++;
		rogue_send(&r);
		rogue_was_refused(&r, "bad-choice");
		r.offer.a[attribute].value--;
		rogue_completes(&r);
	}
}
