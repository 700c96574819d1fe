/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

/*
 * Two peers that want the same selectors: behind NATs both may be 10.1.2.3, or in
 * transport mode both the NAT's own address. RFC 3948 section 5.1: the gateway "can
 * become confused about where to send packets ... Implementors MUST devise ways of
 * preventing this from occurring"; section 5.2: "MUST handle this situation, either
 * by disallowing conflicting connections, or by other means". The first one keeps
 * them, so that nobody takes over the traffic of another by asking for it.
 *
 * The other means, in transport mode: the second one gets an alias, an address under
 * which only this host knows it. The data plane puts it in place of the NAT's.
 */

/* Who asked first has them, not who sends the last message of Quick Mode first: one may hold that back until it does harm. */
static bool
stands(const struct child_sa *c)
{
	bool asked = c->role == RESPONDER && c->exchange;

	return (c->ever_up || asked) && !c->successor && c->state != CHILD_STATE_DELETING && !c->sa->zombie && !c->sa->ending;
}

/* A peer of the same two names comes anew, and a host is one host however it calls itself. */
static bool
is_other_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->peer_key != b->peer_key && !ike_sa_same_place(a, b);
}

struct ike_sa *
child_rival(const struct ike_sa *sa, const struct policy *p, uint16_t pair)
{
	uint64_t key = (uint64_t)p->reqid << 16 | pair;

	for (struct table_link *l = table_find(&sa->core->by_pair, span_of(&key, sizeof key)); l; l = table_find_next(l)) {
		struct child_sa *c = table_entry(l, struct child_sa, by_pair);

		if (c->policy == p && c->pair == pair && stands(c) && is_other_peer(sa, c->sa))
			return c->sa;
	}
	return NULL;
}

/* ---- aliases */

enum { ALIAS_TRIES = 256 };

/* One host that is the NAT: in tunnel mode a peer has an address of its own to be told apart by. */
static bool
may_have_alias(const struct ike_sa *sa, const struct child *cfg, const struct selector_pair *ts)
{
	const struct ike_settings *s = &sa->core->settings;

	return cfg->mode == MODE_TRANSPORT && sa->nat_remote && s->nat_alias_bits &&
	       s->nat_aliases.family == ts->remote.lo.family && ip_equal(&ts->remote.lo, &sa->remote.ip) &&
	       ip_equal(&ts->remote.hi, &sa->remote.ip);
}

/*
 * Whatever of the peer has one: it is one host. Behind another NAT it is not, as names go that many hosts have, such as the
 * private address that RFC 2407 section 4.6.2 lets them send; and the NAT's own address may be free there.
 */
static const struct ip *
alias_of_peer(struct ike_sa *sa)
{
	for (struct ike_sa *o = sa; o; o = sa->peer_key ? ike_sa_same_peer(sa, o == sa ? NULL : o) : NULL)
		for (struct child_sa *c = ip_equal(&o->remote.ip, &sa->remote.ip) ? o->children : NULL; c; c = c->next)
			if (c->policy->alias.family != IP_NONE)
				return &c->policy->alias;
	return NULL;
}

/* The n-th of the network, without its first and its last. */
static struct ip
nth_alias(const struct ike_settings *s, uint64_t n)
{
	struct ip a = s->nat_aliases;
	uint8_t *low = a.b + (a.family == IP_V4 ? 2 : 14);

	put_be16(low, (uint16_t)(get_be16(low) + 1 + n % ((1u << s->nat_alias_bits) - 2)));
	return a;
}

/* The same peer gets the same one again, as a rule. */
static bool
choose_alias(struct ip *out, struct ike_sa *sa)
{
	struct ike *core = sa->core;

	for (unsigned i = 0; i < ALIAS_TRIES; i++) {
		*out = nth_alias(&core->settings, sa->peer_key % UINT32_MAX + i);
		if (!table_find(&core->policy_by_alias, ip_span(out)))
			return true;
	}
	return false;
}

static bool
index_alias(struct ike *core, struct policy *p, const struct ip *alias)
{
	if (p->alias.family != IP_NONE)
		return true;
	p->alias = *alias;
	if (table_insert(&core->policy_by_alias, &p->by_alias, ip_span(&p->alias)))
		return true;
	p->alias = (struct ip) { 0 };
	core->nomem = true;
	return false;
}

struct policy *
policy_of_alias(struct ike_sa *sa, struct conn *conn, const struct child *cfg, const struct selector_pair *ts, bool anew)
{
	struct selector_pair seen = *ts;
	const struct ip *has;
	struct policy *p;

	if (!may_have_alias(sa, cfg, ts))
		return NULL;
	has = alias_of_peer(sa);
	if (has)
		seen.remote.lo = *has;
	else if (!anew || !choose_alias(&seen.remote.lo, sa))
		return NULL;
	seen.remote.hi = seen.remote.lo;
	p = policy_narrowed(sa->core, conn, cfg, &sa->local.ip, &sa->remote.ip, &seen);
	/* A host that really has this address keeps it. */
	if (!p || child_rival(sa, p, 0))
		return NULL;
	if (index_alias(sa->core, p, &seen.remote.lo))
		return p;
	policy_use(sa->core, p, 0, 0);
	return NULL;
}
