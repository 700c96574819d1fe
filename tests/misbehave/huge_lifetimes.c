/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Whatever the peer said, the SAs have an end that can be told in advance, and come to it. */
static void
ends_in_time(struct rogue *r)
{
	struct ike_info i;
	struct child_info c;
	uint32_t cursor = 0, under = 0;

	assert_true(ike_next_sa(r->ike, &cursor, &i) && ike_next_child(r->ike, i.id, &under, &c));
	assert_in_range(i.expires_at, r->now, r->now + SECONDS(200000));
	assert_in_range(c.expires_at, r->now, r->now + SECONDS(200000));
	for (unsigned day = 0; day < 4; day++)
		rogue_wait(r, SECONDS(86400));
	cursor = 0;
	assert_false(ike_next_sa(r->ike, &cursor, &i));
}

/* RFC 2407 section 4.5: a duration is a number of any length; for ever is for as long as we would have it. */
MISBEHAVIOUR(huge_lifetimes)
{
	static const uint8_t most[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };

	for (size_t n = 4; n <= 8; n++) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		r.life = span_of(most, n);
		rogue_completes(&r);
		ends_in_time(&r);
	}
}

/* One of no length, of no time, or that no number holds is refused or passed over, and never a life without end. */
MISBEHAVIOUR(lifetimes_that_cannot_be)
{
	static const uint8_t none[64], most[64] = { 1 };
	static const struct span lives[] = { { none, 0 }, { none, 1 }, { none, 8 }, { most, 9 }, { most, 64 } };

	for (size_t i = 0; i < 2 * sizeof lives / sizeof *lives; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		rogue_reach(&r, i % 2 ? 7 : 1);
		r.life = lives[i / 2];
		rogue_prepare(&r);
		rogue_send(&r);
		if (!r.n_in) {
			assert_true(rogue_verdicts(&r) > 0);
			continue;
		}
		rogue_completes(&r);
		ends_in_time(&r);
	}
}
