/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2409 section 5: "The length of nonce payload MUST be between 8 and 256 bytes inclusive." */
MISBEHAVIOUR(nonce_length)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static const uint8_t octets[300];
	static const size_t lengths[] = { 0, 7, 257, 300 };

	for (unsigned i = 0; i < 4; i++) {
		rogue_reach(&r, 3);
		/* Written as a payload of plain octets, then given its type: the builder would not. */
		*rogue_find(&r, PAYLOAD_NONCE) = (struct payload) { .type = PAYLOAD_VID, .data = span_of(octets, lengths[i]) };
		rogue_patch(&r, 28, PAYLOAD_NONCE);
		rogue_send(&r);
		assert_true(rogue_verdict(&r, "bad-nonce") + rogue_verdict(&r, "malformed") > 0);
	}
	rogue_completes(&r);
}
