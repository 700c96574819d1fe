/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/*
 * RFC 2407 section 4.6.2: "During Phase I negotiations, the ID port and protocol fields MUST be set to zero or to UDP
 * port 500. If an implementation receives any other values, this MUST be treated as an error".
 */
MISBEHAVIOUR(phase_1_id_port)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
	} t[] = { { 6, 500 }, { 17, 1234 }, { 0, 80 } };

	for (unsigned i = 0; i < 3; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);
		struct ike_info up;
		uint32_t cursor = 0;

		rogue_reach(&r, 5);
		rogue_find(&r, PAYLOAD_ID)->id.proto = t[i].proto;
		rogue_find(&r, PAYLOAD_ID)->id.port = t[i].port;
		rogue_send(&r);
		assert_true(rogue_verdicts(&r) > 0);
		rogue_wait(&r, SECONDS(1));
		assert_false(ike_next_sa(r.ike, &cursor, &up) && up.state == IKE_STATE_ESTABLISHED);
	}
}
