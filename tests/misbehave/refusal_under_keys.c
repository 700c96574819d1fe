/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* An error in place of message 6, under the keys: nobody else can send that message, so it is over. A forged one is nothing. */
MISBEHAVIOUR(refusal_under_keys)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);
	struct ike_info i;
	uint32_t cursor = 0;

	rogue_reach(&r, 6);
	for (int forged = 1; forged >= 0; forged--) {
		r.step = 7;
		rogue_prepare(&r);
		r.out.n = 1; /* the HASH */
		r.out.h.exchange = EXCHANGE_INFORMATIONAL;
		r.out.h.message_id = 0x0badf00d + (uint32_t)forged;
		rogue_append(&r, (struct payload) { .type = PAYLOAD_N,
		                                    .n = { .doi = DOI_IPSEC,
		                                           .protocol = PROTO_ISAKMP,
		                                           .type = NOTIFY_AUTHENTICATION_FAILED } });
		r.a[0] ^= (uint8_t)forged;
		rogue_send(&r);
		r.a[0] ^= (uint8_t)forged;
		cursor = 0;
		assert_int_equal(ike_next_sa(r.ike, &cursor, &i), forged);
	}
}
