/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2408 section 3.5: in Phase 1 "the content of the SPI field MUST be ignored", whatever its length. */
MISBEHAVIOUR(an_spi_in_phase_1)
{
	static const uint8_t octets[16] = { 1, 2, 3, 4 };

	for (size_t n = 0; n <= 16; n += 4) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		rogue_reach(&r, 1);
		r.offer.p.spi = span_of(octets, n);
		rogue_send(&r);
		assert_true(r.n_in > 0);
	}
}

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
