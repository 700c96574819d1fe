/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Message 3 under keys of its own making is garbage, and the right one is still taken. */
MISBEHAVIOUR(aggressive_encrypted_wrongly)
{
	autorogue r = rogue_open_aggressive(ROGUE_INITIATES);

	rogue_reach(&r, 3);
	r.ka[0] ^= 1;
	rogue_send(&r);
	rogue_was_refused(&r, "undecryptable");
	assert_true(rogue_verdict(&r, "wrong-psk") == 1);
	r.ka[0] ^= 1;
	rogue_prepare(&r);
	rogue_completes(&r);
}
