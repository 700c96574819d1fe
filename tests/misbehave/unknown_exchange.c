/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Exchange types that nobody serves. */
MISBEHAVIOUR(unknown_exchange)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t types[] = { 1, 3, 33, 77, 240, 255 };

	rogue_completes(&r);
	for (unsigned i = 0; i < sizeof types; i++) {
		r.step = 7;
		rogue_prepare(&r);
		r.out.h.exchange = types[i];
		r.out.h.message_id = 4711 + i;
		rogue_send(&r);
		assert_int_equal(r.n_in, 0);
		rogue_was_refused(&r, "unknown-exchange");
	}
	assert_true(rogue_is_up(&r));
}
