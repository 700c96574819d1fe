/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

static void
twice(unsigned step, uint8_t type)
{
	autorogue r = rogue_open(ROGUE_INITIATES);

	rogue_reach(&r, step);
	rogue_append(&r, *rogue_find(&r, type));
	rogue_send(&r);
	rogue_was_refused(&r, "extra-payload");
	assert_int_equal(r.installed_in, 0);
	if (step < 7)
		rogue_completes(&r);
}

/* The diagrams of RFC 2409 section 5 have one of each: which of two would count is nothing to leave to the reader. */
MISBEHAVIOUR(duplicate_payloads)
{
	twice(1, PAYLOAD_SA);
	twice(3, PAYLOAD_KE);
	twice(3, PAYLOAD_NONCE);
	twice(5, PAYLOAD_ID);
	twice(5, PAYLOAD_HASH);
	twice(7, PAYLOAD_SA);
	twice(7, PAYLOAD_NONCE);
	twice(7, PAYLOAD_HASH);
}

/* What may come in numbers is read up to a limit, and costs the exchange nothing. */
MISBEHAVIOUR(payloads_by_the_hundred)
{
	static const uint8_t junk[100];
	static const uint8_t types[] = { PAYLOAD_NAT_D, PAYLOAD_CR, PAYLOAD_CERT, PAYLOAD_VID };

	for (size_t i = 0; i < sizeof types; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		rogue_reach(&r, 3);
		while (r.out.n < ROGUE_PAYLOADS_MAX)
			rogue_append(&r,
			             (struct payload) { .type = PAYLOAD_VID, .data = span_of(junk, i % 2 ? 100 : r.out.n % 40) });
		/* Written as plain octets, then given their type. */
		for (size_t at = 28, k = 0; k + 1 < r.out.n; k++) {
			size_t n = r.out.payload[k].data.n + 4;

			if (k >= 1)
				rogue_patch(&r, at, types[i]);
			at += n;
		}
		rogue_send(&r);
		rogue_was_refused(&r, "malformed");
		rogue_completes(&r);
	}
}
