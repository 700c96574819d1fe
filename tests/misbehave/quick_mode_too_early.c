/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5: no Quick Mode before Phase 1 is complete. */
MISBEHAVIOUR(quick_mode_too_early)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t early[28 + 64] = { 0 };

	rogue_reach(&r, 5);
	memcpy(early, r.cookie_i, 8);
	memcpy(early + 8, r.cookie_r, 8);
	early[16] = PAYLOAD_HASH;
	early[17] = 0x10;
	early[18] = EXCHANGE_QUICK;
	early[19] = FLAG_ENCRYPTION;
	put_be32(early + 20, 77);
	put_be32(early + 24, sizeof early);
	rogue_deliver(&r, early, sizeof early);
	assert_true(rogue_verdict(&r, "no-keys") + rogue_verdict(&r, "unexpected-message") > 0);
	rogue_reach(&r, 5);
	rogue_completes(&r);
}
