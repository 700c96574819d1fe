/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"
#include "road_sa.h"

/*
 * What a gateway leaves out of the tunnel (Unity's LOCAL_LAN, `split_exclude` of its pools): as long as the IKE_SA stands,
 * packets to there go as if we were not there. It is a claim like that of a child with `mode = pass`, so it goes before
 * the selectors of the tunnel.
 */

static struct conn *
passing(const char *name)
{
	struct conn *c = conn_new(name);
	struct child *cfg = c ? conn_add_child(c, "split_exclude") : NULL;

	if (cfg) {
		cfg->mode = MODE_PASS;
		return c;
	}
	conn_unref(c);
	return NULL;
}

void
road_bypass(struct ike_sa *sa)
{
	struct road *r = sa->road;
	struct ike *core = sa->core;
	const struct selector anywhere = selector_from_prefix(&(struct ip) { IP_V4, { 0 } }, 0, 0, 0, UINT16_MAX);
	struct selector_pair *ts;
	struct conn *c;
	char text[SELECTOR_TEXT_MAX];

	if (!r->n_excluded)
		return;
	ts = arena_alloc(&core->scratch, r->n_excluded * sizeof *ts);
	c = ts ? passing(sa->conn->name) : NULL;
	if (!c)
		return;
	for (size_t i = 0; i < r->n_excluded; i++) {
		ts[i] = (struct selector_pair) { anywhere, r->excluded[i] };
		say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "the gateway leaves %s out of the tunnel: packets to it go unprotected",
		    selector_format(text, &r->excluded[i]));
	}
	r->bypass = policy_of_pairs(core, c, c->children, &sa->local.ip, &sa->remote.ip, ts, r->n_excluded);
	if (r->bypass)
		policy_use(core, r->bypass, 1, 0);
	conn_unref(c);
}

void
road_bypass_end(struct ike_sa *sa)
{
	struct policy *p = sa->road->bypass;

	sa->road->bypass = NULL;
	if (p)
		policy_use(sa->core, p, -1, 0);
}
