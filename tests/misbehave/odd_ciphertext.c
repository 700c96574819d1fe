/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Ciphertext of a block cipher comes in blocks. */
MISBEHAVIOUR(odd_ciphertext)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 5);
	r.out.no_padding = true;
	rogue_send(&r);
	rogue_was_refused(&r, "ciphertext-length");
	rogue_completes(&r);
}
