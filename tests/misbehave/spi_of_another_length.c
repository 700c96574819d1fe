/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* An ESP SPI has four octets. */
MISBEHAVIOUR(spi_of_another_length)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t octets[16] = { 1, 2, 3, 4 };
	static const size_t lengths[] = { 0, 2, 8, 16 };

	for (unsigned i = 0; i < 4; i++) {
		autorogue q = rogue_open(ROGUE_INITIATES);

		rogue_reach(&q, 7);
		q.offer.p.spi = span_of(octets, lengths[i]);
		rogue_send(&q);
		assert_int_equal(q.installed_in, 0);
		assert_true(rogue_verdicts(&q) > 0);
	}
	rogue_completes(&r);
}
