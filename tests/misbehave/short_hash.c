/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* A HASH that is a prefix of the right one is not the right one. */
MISBEHAVIOUR(short_hash)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t none[1];

	rogue_reach(&r, 5);
	for (size_t n = 0; n <= sizeof none; n++) {
		rogue_find(&r, PAYLOAD_HASH)->data = span_of(none, n);
		r.out.keep_hash = true;
		rogue_send(&r);
		rogue_was_refused(&r, "bad-hash");
		assert_int_equal(r.n_in, 0);
	}
}
