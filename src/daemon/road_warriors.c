/* SPDX-License-Identifier: Apache-2.0 */
#include "road_warriors.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "road_users.h"

bool
road_warriors_open(struct road_warriors *w, const struct settings *s, unsigned ifindex, const char *state_dir, char *why,
                   size_t why_size)
{
	const struct road_settings *r = &s->road;
	bool found;

	w->settings = s;
	/* What a killed process left is no longer anybody's. */
	if (!virtual_ips_flush(state_dir, &found, why, why_size))
		return false;
	w->virtual = (struct virtual_ips) { .ifindex = ifindex, .dns_file = r->resolv_conf, .state_dir = state_dir };
	if (r->vip_interface)
		w->virtual.ifindex = if_nametoindex(r->vip_interface);
	if (!w->virtual.ifindex) {
		snprintf(why, why_size, "charon.install_virtual_ip_on = %s: there is no such interface", r->vip_interface);
		return false;
	}
	if (r->no_virtual_ip)
		w->virtual.ifindex = 0;
	return true;
}

void
road_warriors_close(struct road_warriors *w)
{
	if (w->settings)
		virtual_ips_close(&w->virtual);
	pools_free(&w->pools);
	secret_store_free(&w->logins);
}

static void __attribute__((format(printf, 4, 5)))
say(struct road_warriors *w, enum log_group g, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	w->log(w->context, g, level, text);
}

/* ---- leases */

struct grant {
	struct ip ip[VIRTUAL_IPS_MAX];
	size_t n;
	struct config_attribute attr[CONFIG_ATTRIBUTES_KEPT];
	size_t n_attr;
};

static void
give_attributes(struct grant *g, const struct attribute_list *l)
{
	for (size_t i = 0; i < l->n && g->n_attr < CONFIG_ATTRIBUTES_KEPT; i++)
		g->attr[g->n_attr++] = l->a[i];
}

static const char *
pool_name(const struct lease_query *q, size_t i, char room[256])
{
	snprintf(room, 256, "%.*s", (int)q->conn->pools.o[i].n, (const char *)q->conn->pools.o[i].p);
	return room;
}

/* An address that a RADIUS server gave: it knows whom it gave it to. */
static bool
framed(const struct lease_query *q, const struct ip *wanted, struct ip *out)
{
	for (size_t i = 0; i < q->n_held; i++)
		if (q->held[i].family == wanted->family) {
			*out = q->held[i];
			return true;
		}
	return false;
}

static bool
lend_one(struct road_warriors *w, const struct lease_query *q, const struct ip *wanted, struct ip *out)
{
	char name[256];

	for (size_t i = 0; i < q->conn->pools.n; i++) {
		struct pool *p = pools_find(&w->pools, pool_name(q, i, name));

		if (p ? pool_acquire(p, out, &q->id, wanted, q->held, q->n_held)
		      : !strcmp(name, "radius") && framed(q, wanted, out))
			return true;
	}
	return false;
}

static void
missing_pools(struct road_warriors *w, const struct lease_query *q)
{
	char name[256];

	for (size_t i = 0; i < q->conn->pools.n; i++)
		if (!pools_find(&w->pools, pool_name(q, i, name)) && strcmp(name, "radius"))
			say(w, LOG_CFG, LOG_AUDIT, "pool '%s' of connection '%s' is not loaded: add it to pools", name, q->conn->name);
}

static void
lease(struct road_warriors *w, const struct effect *e)
{
	const struct lease_query *q = &e->lease;
	struct answer a = { .kind = ANSWER_LEASE, .ticket = e->ticket };
	const struct radius_grant *granted;
	struct grant g = { 0 };
	char name[256];

	missing_pools(w, q);
	for (size_t i = 0; i < q->n_wanted && g.n < VIRTUAL_IPS_MAX; i++)
		g.n += lend_one(w, q, &q->wanted[i], &g.ip[g.n]);
	for (size_t i = 0; i < q->conn->pools.n; i++) {
		const struct pool *p = pools_find(&w->pools, pool_name(q, i, name));

		if (p)
			give_attributes(&g, &p->attributes);
	}
	granted = radius_granted(&w->radius, q->ike_id);
	if (granted)
		give_attributes(&g, &granted->attributes);
	give_attributes(&g, &w->settings->road.attributes);
	a.ok = g.n > 0;
	a.reason = a.ok ? NULL : "the pools of the connection have no free address of the family that is wanted";
	a.road.vip = g.ip;
	a.road.n_vip = g.n;
	a.road.attr = g.attr;
	a.road.n_attr = g.n_attr;
	w->answer(w->context, &a);
}

static void
release(struct road_warriors *w, const struct lease_query *q)
{
	char text[IP_TEXT_MAX], id[IDENTITY_TEXT_MAX];

	for (size_t i = 0; i < q->n_held; i++)
		for (size_t k = 0; k < w->pools.n; k++)
			if (pool_release(w->pools.p[k], &q->held[i], &q->id)) {
				say(w, LOG_CFG, LOG_CONTROL, "lease %s by '%s' went offline", ip_format(text, &q->held[i]),
				    identity_format(id, &q->id));
				break;
			}
}

/* ---- our own addresses */

static void
add_virtual(struct road_warriors *w, const struct effect *e)
{
	const struct virtual_config *v = &e->virtual;
	struct answer a = { .kind = ANSWER_VIRTUAL, .ticket = e->ticket };
	char why[256], text[IP_TEXT_MAX];

	a.ok = virtual_ips_add(&w->virtual, v->ike_id, v->vip, v->n_vip, v->dns, v->n_dns, why, sizeof why);
	a.reason = a.ok ? NULL : why;
	for (size_t i = 0; i < v->n_dns; i++)
		say(w, LOG_IKE, LOG_CONTROL, "%s DNS server %s%s%s", w->virtual.dns_file ? "installing" : "the gateway names",
		    ip_format(text, &v->dns[i]), w->virtual.dns_file ? " to " : "; it is used where charon.plugins.resolve.file is set",
		    w->virtual.dns_file ? w->virtual.dns_file : "");
	w->answer(w->context, &a);
}

void
road_warriors_carry_out(struct road_warriors *w, const struct effect *e)
{
	switch (e->kind) {
	case EFFECT_ASK_LOGIN:
		road_login(w, e);
		break;
	case EFFECT_ASK_USER:
		road_judge(w, e);
		break;
	case EFFECT_ASK_LEASE:
		lease(w, e);
		break;
	case EFFECT_RELEASE_LEASE:
		release(w, &e->lease);
		break;
	case EFFECT_ADD_VIRTUAL:
		add_virtual(w, e);
		break;
	case EFFECT_REMOVE_VIRTUAL:
		virtual_ips_remove(&w->virtual, e->virtual.ike_id);
		break;
	default:
		break;
	}
}
