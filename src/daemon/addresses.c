/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

/*
 * What becomes of SAs when an address of this machine goes. A lease that is renewed takes its address away for a moment only, and
 * a link that is down has no other to offer: an SA is given up once its address is gone for a while and there is another from
 * which its connection may reach the peer.
 */

enum { SETTLED_MS = 1000, AGAIN_MS = 3000 };

/* True when the SA waits for an address or a route. */
static bool
follow(struct daemon *d, const struct ike_info *sa)
{
	struct command moved = { .kind = COMMAND_MOVED, .ike_id = sa->id };

	if (!sa->conn || sa->state == IKE_STATE_DELETING || steer_is_local(&sa->local.ip))
		return false;
	if (resolve_local(&moved.local.ip, sa->conn, &sa->remote.ip, d->settings.bypass_mark))
		return true;
	daemon_command(d, &moved, NULL, NULL);
	return false;
}

static void
on_address_timer(uv_timer_t *t)
{
	struct daemon *d = t->data;
	struct ike_info sa;
	uint32_t cursor = 0;
	bool waits = false;

	while (ike_next_sa(d->ike, &cursor, &sa))
		waits |= follow(d, &sa);
	/* A route may come later than the address, and tells nobody. */
	if (waits)
		uv_timer_start(t, on_address_timer, AGAIN_MS, 0);
}

void
addresses_changed(struct daemon *d)
{
	uv_timer_start(&d->address_timer, on_address_timer, SETTLED_MS, 0);
}
