/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"
#include "steer.h"

/* Questions to the kernel that need no steering. */

static bool
look_up(const struct ip *to, uint32_t mark, struct ip *src, bool *local)
{
	struct netlink nl;
	bool ok;

	if (netlink_open(&nl) != 0)
		return false;
	ok = netlink_lookup(&nl, to, mark, src, local) == 0;
	netlink_close(&nl);
	return ok;
}

bool
steer_source_address(struct ip *out, const struct ip *remote, uint32_t bypass_mark)
{
	struct ip src = { 0 };
	bool local = false;

	if (remote->family == IP_NONE || !look_up(remote, bypass_mark, &src, &local) || src.family == IP_NONE)
		return false;
	*out = src;
	return true;
}

bool
steer_is_local(const struct ip *a)
{
	struct ip src = { 0 };
	bool local = false;

	return a->family != IP_NONE && !ip_is_any(a) && look_up(a, 0, &src, &local) && local;
}
