/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* The flag says encrypted before there is a key. */
MISBEHAVIOUR(encrypted_too_early)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 3);
	r.out.h.flags = FLAG_ENCRYPTION;
	rogue_send(&r);
	assert_true(rogue_verdict(&r, "no-keys") + rogue_verdict(&r, "ciphertext-length") +
	                    rogue_verdict(&r, "unexpected-message") >
	            0);
	rogue_completes(&r);
}
