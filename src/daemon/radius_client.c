/* SPDX-License-Identifier: Apache-2.0 */
#include "radius_client.h"

#include <stdio.h>

#include "radius_internal.h"

void
radius_client_open(struct radius *r, uv_loop_t *loop, const struct radius_settings *s, const struct radius_hooks *h,
                   struct rng *rng, uint32_t bypass_mark)
{
	uint64_t key[4];

	*r = (struct radius) { .loop = loop, .settings = s, .hooks = h, .rng = rng, .bypass_mark = bypass_mark };
	rng_fill(rng, key, sizeof key);
	table_open(&r->sessions, key[0], key[1]);
	table_open(&r->accounted, key[2], key[3]);
	/* RFC 2866 section 5.5: Acct-Session-Id is unique "even across reboots"; it need not be guessable. */
	snprintf(r->start, sizeof r->start, "%08x", rng_u32(rng));
}

void
radius_client_close(struct radius *r)
{
	if (!r->loop)
		return;
	r->closing = true;
	while (r->first)
		radius_request_end(r->first);
	radius_sessions_close(r);
	table_close(&r->accounted);
	*r = (struct radius) { 0 };
}
