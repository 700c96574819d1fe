/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 4303 section 2.1: 0 is for local use, 1 to 255 are reserved: no SPI that a peer may choose. */
MISBEHAVIOUR(zero_spi)
{
	static const uint32_t spis[] = { 0, 1, 255 };

	for (unsigned i = 0; i < 3; i++)
		for (enum rogue_role role = ROGUE_INITIATES; role <= ROGUE_RESPONDS; role++) {
			autorogue r = rogue_open(role);

			r.spi = spis[i];
			rogue_reach(&r, role == ROGUE_INITIATES ? 7 : 8);
			rogue_send(&r);
			rogue_wait(&r, SECONDS(1));
			assert_int_equal(r.installed_out, 0);
			assert_false(rogue_is_up(&r));
		}
}
