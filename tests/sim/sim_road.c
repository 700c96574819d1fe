/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

/* Road warriors: who knows the users, and who lends the addresses, of a peer. */

bool
sim_road_word(struct sim_peer *p, struct conn *c, const char *key, const char *v, bool *known)
{
	struct sim_road *r = &p->road;
	struct auth_round *round;
	struct ip *vips;

	*known = true;
	if (!strcmp(key, "login") || !strcmp(key, "user")) {
		bool local = !strcmp(key, "login");
		const char *colon = strchr(v, ':');

		round = conn_add_round(c, local);
		if (!round || !colon)
			return false;
		round->method = AUTH_XAUTH;
		snprintf(r->user, sizeof r->user, "%.*s", (int)(colon - v), v);
		snprintf(r->password, sizeof r->password, "%s", colon + 1);
		return true;
	}
	if (!strcmp(key, "vip")) {
		vips = realloc(c->vips, (c->n_vips + 1) * sizeof *vips);
		if (!vips)
			return false;
		c->vips = vips;
		if (!ip_parse(&vips[c->n_vips], v))
			return false;
		c->n_vips++;
		return true;
	}
	if (!strcmp(key, "pool"))
		return ip_parse(strchr(v, ':') ? &r->pool6 : &r->pool4, v) && octets_list_add(&c->pools, span_str("p"));
	/* What the connection wants of its user, and what that one is a member of. */
	if (!strcmp(key, "groups"))
		return c->n_remote_more && octets_list_add(&c->remote_more[0].groups, span_str(v));
	if (!strcmp(key, "member"))
		return snprintf(r->group, sizeof r->group, "%s", v) > 0;
	if (!strcmp(key, "push"))
		return c->pull = false, true;
	if (!strcmp(key, "challenge"))
		return r->challenges = (unsigned)atoi(v), true;
	if (!strcmp(key, "unity"))
		return p->settings.unity = true;
	if (!strcmp(key, "excludes"))
		return r->excludes = true;
	if (!strcmp(key, "no-install"))
		return r->no_install = true;
	*known = false;
	return true;
}

static struct sim_event *
later(struct sim_peer *p, enum answer_kind kind, const struct effect *e)
{
	struct sim_event *v = sim_event_new(p->w, p->w->now + p->w->opts.answer_ns, SIM_ANSWER, p);

	v->answer = (struct answer) { .kind = kind, .ticket = e->ticket };
	return v;
}

static void
login(struct sim_peer *p, const struct effect *e)
{
	struct answer *a = &later(p, ANSWER_LOGIN, e)->answer;

	p->road.messages += e->login.message.n > 0;
	a->ok = p->road.user[0] != 0;
	a->road.user = span_str(p->road.user);
	a->road.password = span_str(p->road.password);
}

static void
judge(struct sim_peer *p, const struct effect *e)
{
	struct answer *a = &later(p, ANSWER_USER, e)->answer;
	struct sim_road *r = &p->road;

	r->asked++;
	a->ok = span_equal(e->user.name, span_str(r->user)) && span_equal(e->user.password, span_str(r->password));
	a->reason = a->ok ? NULL : "wrong password";
	r->group_span = span_str(r->group);
	r->groups = (struct octets_list) { &r->group_span, r->group[0] != 0 };
	a->road.groups = &r->groups;
	if (a->ok && r->challenged < r->challenges) {
		r->challenged++;
		a->ok = false;
		a->road.again = true;
		a->road.message = span_str("and the number on your token?");
	}
}

/* The addresses of a client are those behind the pool's first, in order; an identity keeps its own. */
static struct ip
lend(struct sim_road *r, const struct identity *id, uint8_t family)
{
	struct ip a = family == IP_V6 ? r->pool6 : r->pool4;
	unsigned i = 0;

	while (i < r->n_lent && !identity_equal(&r->lent[i], id))
		i++;
	if (i == r->n_lent && r->n_lent < sizeof r->lent / sizeof r->lent[0])
		r->lent[r->n_lent++] = *id;
	for (unsigned k = 0; a.family && k < i; k++)
		ip_next(&a);
	return a;
}

static void
lease(struct sim_peer *p, const struct effect *e)
{
	static const uint8_t dns[4] = { 10, 2, 0, 53 };
	static const uint8_t excluded[] = { 10, 2, 9, 0, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, [14] = 0, [27] = 0 };
	static const struct config_attribute attr[] = { { 3, { dns, 4 } }, { 28678, { excluded, sizeof excluded } } };
	struct sim_event *v = later(p, ANSWER_LEASE, e);
	struct sim_road *r = &p->road;

	for (size_t i = 0; i < e->lease.n_wanted && v->answer.road.n_vip < 2; i++) {
		struct ip a = lend(r, &e->lease.id, e->lease.wanted[i].family);

		if (a.family)
			v->vip[v->answer.road.n_vip++] = a;
	}
	v->answer.ok = v->answer.road.n_vip > 0;
	v->answer.road.vip = v->vip;
	v->answer.road.attr = attr;
	v->answer.road.n_attr = r->excludes ? 2 : 1;
	r->leases += v->answer.ok;
}

bool
sim_road_effect(struct sim_peer *p, const struct effect *e)
{
	struct answer *a;

	switch (e->kind) {
	case EFFECT_ASK_LOGIN:
		login(p, e);
		return true;
	case EFFECT_ASK_USER:
		judge(p, e);
		return true;
	case EFFECT_ASK_LEASE:
		lease(p, e);
		return true;
	case EFFECT_RELEASE_LEASE:
		p->road.released++;
		return true;
	case EFFECT_ADD_VIRTUAL:
		a = &later(p, ANSWER_VIRTUAL, e)->answer;
		a->ok = !p->road.no_install;
		p->road.n_installed++;
		p->road.n_dns = (unsigned)e->virtual.n_dns;
		if (e->virtual.n_vip)
			p->road.vip = e->virtual.vip[0];
		return true;
	case EFFECT_REMOVE_VIRTUAL:
		p->road.n_installed--;
		return true;
	default:
		return false;
	}
}
