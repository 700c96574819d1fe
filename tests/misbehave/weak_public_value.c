/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* A public value that is no point of the curve, or has another length, must not be used. */
MISBEHAVIOUR(weak_public_value)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	uint8_t octets[80] = { 0 };
	static const size_t lengths[] = { 64, 63, 65, 32, 0, 80 };

	for (unsigned i = 0; i < 6; i++) {
		memset(octets, i % 2 ? 0xff : 0, sizeof octets);
		rogue_reach(&r, 3);
		rogue_find(&r, PAYLOAD_KE)->data = span_of(octets, lengths[i]);
		rogue_send(&r);
		rogue_was_refused(&r, "bad-key-exchange");
	}
	rogue_completes(&r);
}
