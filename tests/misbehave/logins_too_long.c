/* SPDX-License-Identifier: Apache-2.0 */
#include "config_attribute.h"
#include "misbehave.h"

enum { MOST = 512 };

/* A name or password beyond what anybody has is asked of no user database: the login fails. */
MISBEHAVIOUR(logins_too_long)
{
	static uint8_t long_text[4096];
	struct ike_info i;

	memset(long_text, 'x', sizeof long_text);
	for (unsigned k = 0; k < 4; k++) {
		autorogue r = rogue_open_login();
		uint32_t cursor = 0;
		struct span text = span_of(long_text, k < 2 ? MOST + 1 : sizeof long_text);
		struct attribute a[] = { { .type = XAUTH_USER_NAME, .octets = { (const uint8_t *)"carol", 5 } },
			                 { .type = XAUTH_USER_PASSWORD, .octets = { (const uint8_t *)"4iChxLT3", 8 } } };

		a[k % 2].octets = text;
		rogue_reach(&r, 7);
		rogue_reply(&r, CONFIG_REPLY, a, 2);
		rogue_send(&r);
		rogue_was_refused(&r, "login-failed");
		assert_int_equal(r.users, 0);
		rogue_reply(&r, CONFIG_ACK, NULL, 0);
		rogue_send(&r);
		assert_false(ike_next_sa(r.ike, &cursor, &i) && i.state == IKE_STATE_ESTABLISHED);
	}
}
