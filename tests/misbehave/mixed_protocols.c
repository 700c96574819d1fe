/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* "all or nothing" (RFC 2408 section 4.2): ESP together with what is not wanted, or not known, is not ESP alone. */
MISBEHAVIOUR(mixed_protocols)
{
	static const uint8_t spi[4] = { 1, 2, 3, 4 };
	static const uint8_t protocols[] = { PROTO_IPSEC_AH, PROTO_IPCOMP, PROTO_ISAKMP, 9, PROTO_IPSEC_ESP };

	for (size_t i = 0; i < sizeof protocols; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);
		struct proposal_payload both[2];

		rogue_reach(&r, 7);
		both[0] = both[1] = r.offer.p;
		both[1].protocol = protocols[i];
		both[1].spi = span_of(spi, 4);
		rogue_find(&r, PAYLOAD_SA)->sa.proposal = both;
		rogue_find(&r, PAYLOAD_SA)->sa.n_proposal = 2;
		rogue_send(&r);
		rogue_was_refused(&r, "no-proposal-chosen");
		assert_int_equal(r.installed_in, 0);
	}
}
