/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* An authenticated peer, too, is given no more than a bounded number of exchanges at once. */
MISBEHAVIOUR(too_many_exchanges)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	struct ike_info i;
	struct child_info c;
	uint32_t cursor = 0, under = 0;
	unsigned children = 0;

	rogue_reach(&r, 7);
	for (uint32_t k = 0; k < 500; k++) {
		r.spi = 0xc0000000 + k;
		r.message_id = 1000 + k;
		rogue_prepare(&r);
		rogue_send(&r);
	}
	rogue_was_refused(&r, "exchange-limit");
	assert_true(ike_next_sa(r.ike, &cursor, &i));
	while (ike_next_child(r.ike, i.id, &under, &c))
		children++;
	assert_in_range(children, 1, 2 * 64);
	assert_int_equal(r.installed_out, 0);
	/* Without message 3 they end, and give their room back. */
	rogue_wait(&r, SECONDS(600));
	under = 0;
	assert_false(ike_next_child(r.ike, i.id, &under, &c));
}
