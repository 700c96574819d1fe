/* SPDX-License-Identifier: Apache-2.0 */
#include "road_sa.h"

#include <stdlib.h>

struct road *
road_open(struct ike_sa *sa)
{
	if (sa->road)
		return sa->road;
	sa->road = calloc(1, sizeof *sa->road);
	if (!sa->road) {
		sa->core->nomem = true;
		return NULL;
	}
	sa->road->deadline = INSTANT_NEVER;
	return sa->road;
}

static void
lend_back(struct ike_sa *sa)
{
	struct road *r = sa->road;
	struct ike *core = sa->core;
	struct effect *e = r->gateway && r->n_vip ? effects_add(core->fx, EFFECT_RELEASE_LEASE) : NULL;

	if (!e)
		return;
	e->lease = (struct lease_query) {
		.conn = sa->conn,
		.ike_id = sa->id,
		.id = road_peer_id(sa),
		.remote = sa->remote,
		.held = effects_dup(core->fx, r->vip, r->n_vip * sizeof r->vip[0]),
		.n_held = r->n_vip,
	};
	core_keep_conn(core, sa->conn);
}

void
road_close(struct ike_sa *sa)
{
	struct road *r = sa->road;
	struct effect *e;

	if (!r)
		return;
	road_end_orphans(sa);
	road_bypass_end(sa);
	lend_back(sa);
	e = r->installed ? effects_add(sa->core->fx, EFFECT_REMOVE_VIRTUAL) : NULL;
	if (e)
		e->virtual.ike_id = sa->id;
	secret_clear(&r->name);
	secret_clear(&r->password);
	secret_clear(&r->message);
	secret_clear(&r->banner);
	secret_clear(&r->domain);
	free(r->split);
	free(r->excluded);
	free(r->user);
	free(r->refusal);
	free(r);
	sa->road = NULL;
}

void
road_refusal(struct ike_sa *sa, const char *why)
{
	if (!sa->road)
		return;
	free(sa->road->refusal);
	sa->road->refusal = why ? strdup(why) : NULL;
}

struct identity
road_peer_id(const struct ike_sa *sa)
{
	return id_box_get(sa->road && sa->road->user ? sa->road->user : sa->remote_id);
}

const struct auth_round *
road_round(const struct conn *c, bool local, size_t n)
{
	const struct auth_round *first = local ? &c->local : &c->remote, *more = local ? c->local_more : c->remote_more;
	size_t n_more = local ? c->n_local_more : c->n_remote_more;

	for (size_t i = 0; i <= n_more; i++) {
		const struct auth_round *r = i ? &more[i - 1] : first;

		if (r->method == AUTH_XAUTH && n-- == 0)
			return r;
	}
	return NULL;
}

bool
road_peer_renews(const struct ike_sa *sa)
{
	return sa->conn && (road_peer_logs_in(sa) || (sa->road && sa->road->gateway && sa->road->n_vip));
}

const char *
road_overdue(const struct ike_sa *sa)
{
	switch (sa->road->stage) {
	case ROAD_LOGIN:
		return sa->road->ticket ? "the user's password was not checked in time"
		                        : "the gateway did not ask for the login (XAUTH)";
	case ROAD_CONFIG:
		return "the gateway did not send our configuration (pull = no: Mode Config by SET)";
	default:
		return "the virtual addresses were not installed in time";
	}
}

const char *
road_awaited(const struct ike_sa *sa)
{
	switch (sa->road ? sa->road->stage : ROAD_DONE) {
	case ROAD_LOGIN:
		return sa->road->ticket ? "waiting for the user's password to be checked"
		                        : "waiting for the gateway to ask for the login (XAUTH)";
	case ROAD_CONFIG:
		return "waiting for the gateway to send our configuration (pull = no: Mode Config by SET)";
	case ROAD_INSTALL:
		return "waiting for the virtual addresses to be installed";
	default:
		return NULL;
	}
}

void
road_info(struct ike_info *out, const struct ike_sa *sa)
{
	const struct road *r = sa->road;

	if (!r)
		return;
	out->remote_xauth_id = id_box_get(r->user);
	*(r->gateway ? &out->remote_vips : &out->local_vips) = r->vip;
	*(r->gateway ? &out->n_remote_vips : &out->n_local_vips) = r->n_vip;
}

static const struct ip *
copied(struct arena *a, const struct ip *from, size_t n)
{
	struct ip *to = n ? arena_alloc(a, n * sizeof *to) : NULL;

	if (to)
		memcpy(to, from, n * sizeof *to);
	return to;
}

void
road_updown(struct effect_updown *out, const struct ike_sa *sa, struct arena *a)
{
	const struct road *r = sa->road;

	out->lent = r->gateway;
	out->vip = copied(a, r->vip, r->n_vip);
	out->n_vip = out->vip ? r->n_vip : 0;
	out->dns = copied(a, r->dns, r->gateway ? 0 : r->n_dns);
	out->n_dns = out->dns ? r->n_dns : 0;
	out->user = id_box_get(r->user);
}

/* ---- Selectors */

struct side {
	const struct ip *a;
	size_t n;
};

static struct side
side_of(const struct ike_sa *sa, bool local)
{
	const struct road *r = sa->road;

	if (r && r->n_vip && r->gateway != local)
		return (struct side) { r->vip, r->n_vip };
	return (struct side) { local ? &sa->local.ip : &sa->remote.ip, 1 };
}

struct list {
	struct selector *s;
	size_t n;
};

static void
add(struct list *l, const struct selector *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (selector_equal(&l->s[i], s))
			return;
	l->s[l->n++] = *s;
}

/* What the gateway wants to see of a selector: all of it, or the networks that it named. */
static void
add_split(struct list *l, const struct road *r, const struct selector *s)
{
	struct selector part;

	for (size_t i = 0; i < r->n_split; i++)
		if (selector_intersect(&part, s, &r->split[i]))
			add(l, &part);
}

static bool
resolve_side(struct ike_sa *sa, struct list *out, const struct selector *ts, size_t n, bool local)
{
	const struct road *r = sa->road;
	struct side hosts = side_of(sa, local);
	bool split = r && !r->gateway && !local && r->n_split;

	out->n = 0;
	out->s = arena_alloc(&sa->core->scratch, (n * (hosts.n + (split ? r->n_split : 0)) + 1) * sizeof *out->s);
	for (size_t i = 0; out->s && i < n; i++) {
		if (split && !selector_is_dynamic(&ts[i])) {
			add_split(out, r, &ts[i]);
			continue;
		}
		for (size_t k = 0; k < (selector_is_dynamic(&ts[i]) ? hosts.n : 1); k++) {
			struct selector s = selector_resolve(&ts[i], &hosts.a[k]);

			add(out, &s);
		}
	}
	return out->s != NULL;
}

struct selector_pair *
road_pairs(struct ike_sa *sa, const struct child *cfg, size_t *n)
{
	struct list l, r;
	struct selector_pair *out;
	size_t k = 0;

	*n = 0;
	if (!sa->road || (!sa->road->n_vip && !sa->road->n_split))
		return policy_pairs(sa->core, cfg, &sa->local.ip, &sa->remote.ip, n);
	if (!resolve_side(sa, &l, cfg->local_ts, cfg->n_local_ts, true) ||
	    !resolve_side(sa, &r, cfg->remote_ts, cfg->n_remote_ts, false))
		return NULL;
	out = arena_alloc(&sa->core->scratch, (l.n * r.n + 1) * sizeof *out);
	for (size_t i = 0; out && i < l.n; i++)
		for (size_t j = 0; j < r.n; j++)
			if (l.s[i].lo.family == r.s[j].lo.family)
				out[k++] = (struct selector_pair) { l.s[i], r.s[j] };
	*n = k;
	return out;
}

struct policy *
road_find_policy(struct ike_sa *sa, const struct conn *conn, const struct child *cfg)
{
	if (sa->road && (sa->road->n_vip || sa->road->n_split))
		return NULL;
	return policy_find_configured(sa->core, conn, cfg, &sa->local.ip, &sa->remote.ip);
}

struct policy *
road_policy(struct ike_sa *sa, struct conn *conn, const struct child *cfg)
{
	struct selector_pair *ts;
	size_t n;

	if (!sa->road || (!sa->road->n_vip && !sa->road->n_split))
		return policy_of(sa->core, conn, cfg, &sa->local.ip, &sa->remote.ip);
	ts = road_pairs(sa, cfg, &n);
	return ts && n ? policy_of_pairs(sa->core, conn, cfg, &sa->local.ip, &sa->remote.ip, ts, n) : NULL;
}

bool
road_waits(const struct ike_sa *sa, const struct conn *conn, const struct child *cfg)
{
	return conn->n_vips && !sa->established_at && selectors_any_dynamic(cfg->local_ts, cfg->n_local_ts);
}
