/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"

/*
 * Claims on traffic (RFC 4301 section 4.4.1). A configured child with concrete
 * selectors is one policy with one reqid, whoever needs it: a trap, an attempt,
 * or SAs. The claim lasts from the first of them to the last, so that nothing
 * leaves in clear in between.
 */

/* The selectors of a child depend on an address only where one of them is "dynamic". */
static uint64_t
configured_key(struct ike *core, const struct conn *conn, const struct child *cfg, const struct ip *local,
               const struct ip *remote)
{
	uint64_t k = core_digest(core, span_str(conn->name)) ^ 3 * core_digest(core, span_str(cfg->name));

	if (selectors_any_dynamic(cfg->local_ts, cfg->n_local_ts))
		k ^= 5 * core_digest(core, ip_span(local));
	if (selectors_any_dynamic(cfg->remote_ts, cfg->n_remote_ts))
		k ^= 7 * core_digest(core, ip_span(remote));
	return k;
}

static uint64_t
selector_digest(struct ike *core, const struct selector *s)
{
	uint64_t ports = (uint64_t)s->proto << 32 | (uint32_t)s->port_lo << 16 | s->port_hi;

	return core_digest(core, ip_span(&s->lo)) ^ 3 * core_digest(core, ip_span(&s->hi)) ^ 5 * ports;
}

/* A pair to which a peer narrowed the child has a policy of its own. */
static uint64_t
narrowed_key(struct ike *core, const struct conn *conn, const struct child *cfg, const struct selector_pair *ts)
{
	uint64_t names = core_digest(core, span_str(conn->name)) ^ 3 * core_digest(core, span_str(cfg->name));

	return names ^ 11 * selector_digest(core, &ts->local) ^ 13 * selector_digest(core, &ts->remote);
}

static bool
same_pairs(const struct policy *p, const struct selector_pair *ts, size_t n)
{
	if (p->n_ts != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!selector_pair_equal(&p->ts[i], &ts[i]))
			return false;
	return true;
}

/* Whether both want the traffic treated alike; a reload that changes that makes another claim. */
static bool
same_treatment(const struct child *a, const struct child *b)
{
	return a->mode == b->mode && a->priority == b->priority && a->hostaccess == b->hostaccess && a->reqid == b->reqid;
}

static struct policy *
next_named(struct table_link *l, uint64_t key, const struct conn *conn, const struct child *cfg, bool configured)
{
	for (; l; l = table_find_next(l)) {
		struct policy *p = table_entry(l, struct policy, by_key);

		if (p->key == key && p->configured == configured && strcmp(p->conn->name, conn->name) == 0 &&
		    strcmp(p->cfg->name, cfg->name) == 0 && same_treatment(p->cfg, cfg))
			return p;
	}
	return NULL;
}

/* Whether @p has the selectors that @cfg has with these addresses. */
static bool
is_of(struct ike *core, const struct policy *p, const struct child *cfg, const struct ip *local, const struct ip *remote)
{
	size_t n;
	struct selector_pair *ts;

	if (p->cfg == cfg && (!selectors_any_dynamic(cfg->local_ts, cfg->n_local_ts) || ip_equal(&p->local, local)) &&
	    (!selectors_any_dynamic(cfg->remote_ts, cfg->n_remote_ts) || ip_equal(&p->remote, remote)))
		return true;
	ts = policy_pairs(core, cfg, local, remote, &n);
	return ts && same_pairs(p, ts, n);
}

struct policy *
policy_find_configured(struct ike *core, const struct conn *conn, const struct child *cfg, const struct ip *local,
                       const struct ip *remote)
{
	uint64_t key = configured_key(core, conn, cfg, local, remote);
	struct policy *p = next_named(table_find(&core->policy_by_key, span_of(&key, sizeof key)), key, conn, cfg, true);

	while (p && !is_of(core, p, cfg, local, remote))
		p = next_named(table_find_next(&p->by_key), key, conn, cfg, true);
	return p;
}

struct policy *
policy_by_reqid(struct ike *core, uint32_t reqid)
{
	for (struct table_link *l = table_find(&core->policy_by_reqid, span_of(&reqid, sizeof reqid)); l;
	     l = table_find_next(l)) {
		struct policy *p = table_entry(l, struct policy, by_reqid);

		if (p->reqid == reqid)
			return p;
	}
	return NULL;
}

static uint32_t
take_released(struct ike *core, unsigned i)
{
	uint32_t reqid = core->released[i].reqid;

	memmove(core->released + i, core->released + i + 1, (--core->n_released - i) * sizeof *core->released);
	return policy_by_reqid(core, reqid) ? 0 : reqid;
}

static void
release_reqid(struct ike *core, const struct policy *p)
{
	if (core->n_released == RELEASED_REQIDS_MAX)
		take_released(core, 0);
	core->released[core->n_released++] = (struct released_reqid) { p->key, p->reqid, core->now };
}

/*
 * As with strongSwan, a policy that returns gets its old reqid, so that whoever watches a tunnel by reqid finds it again.
 * Another policy gets it only after the data plane's last events about the old one have arrived.
 */
static uint32_t
released_reqid(struct ike *core, uint64_t key)
{
	for (unsigned i = 0; i < core->n_released; i++)
		if (core->released[i].key == key)
			return take_released(core, i);
	return core->n_released && core->now - core->released[0].at >= SECONDS(2) ? take_released(core, 0) : 0;
}

static void
policy_free(struct ike *core, struct policy *p)
{
	table_remove(&core->policy_by_key, &p->by_key);
	table_remove(&core->policy_by_reqid, &p->by_reqid);
	if (p->alias.family != IP_NONE)
		table_remove(&core->policy_by_alias, &p->by_alias);
	release_reqid(core, p);
	conn_unref(p->conn);
	free(p);
}

static uint32_t
choose_reqid(struct ike *core, const struct child *cfg, uint64_t key)
{
	uint32_t released;

	if (cfg->reqid && !policy_by_reqid(core, cfg->reqid))
		return cfg->reqid;
	released = released_reqid(core, key);
	if (released)
		return released;
	while (!core->next_reqid || policy_by_reqid(core, core->next_reqid))
		core->next_reqid++;
	return core->next_reqid++;
}

static struct policy *
policy_new(struct ike *core, uint64_t key, struct conn *conn, const struct child *cfg, const struct selector_pair *ts, size_t n)
{
	struct policy *p = calloc(1, sizeof *p + n * sizeof *ts);

	if (!p)
		goto nomem;
	p->key = key;
	p->reqid = choose_reqid(core, cfg, key);
	p->conn = conn_ref(conn);
	p->cfg = cfg;
	p->n_ts = n;
	memcpy(p->ts, ts, n * sizeof *ts);
	if (!table_insert(&core->policy_by_reqid, &p->by_reqid, span_of(&p->reqid, sizeof p->reqid)))
		goto nomem;
	if (!table_insert(&core->policy_by_key, &p->by_key, span_of(&p->key, sizeof p->key))) {
		table_remove(&core->policy_by_reqid, &p->by_reqid);
		goto nomem;
	}
	return p;
nomem:
	if (p)
		conn_unref(p->conn);
	free(p);
	core->nomem = true;
	return NULL;
}

struct policy *
policy_narrowed(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local, const struct ip *remote,
                const struct selector_pair *ts)
{
	return policy_of_pairs(core, conn, cfg, local, remote, ts, 1);
}

struct policy *
policy_of_pairs(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local, const struct ip *remote,
                const struct selector_pair *ts, size_t n)
{
	uint64_t key = narrowed_key(core, conn, cfg, ts);
	struct policy *p = next_named(table_find(&core->policy_by_key, span_of(&key, sizeof key)), key, conn, cfg, false);

	while (p && !same_pairs(p, ts, n))
		p = next_named(table_find_next(&p->by_key), key, conn, cfg, false);
	if (p)
		return p;
	p = policy_new(core, key, conn, cfg, ts, n);
	if (!p)
		return NULL;
	p->local = *local;
	p->remote = *remote;
	return p;
}

static bool
resolvable(const struct selector *s, const struct ip *a)
{
	return !selector_is_dynamic(s) || !ip_is_any(a);
}

struct selector_pair *
policy_pairs(struct ike *core, const struct child *cfg, const struct ip *local, const struct ip *remote, size_t *n)
{
	size_t k = 0;
	struct selector_pair *out = arena_alloc(&core->scratch, (cfg->n_local_ts * cfg->n_remote_ts + 1) * sizeof *out);

	for (size_t i = 0; out && i < cfg->n_local_ts; i++) {
		for (size_t j = 0; j < cfg->n_remote_ts; j++) {
			const struct selector *l = &cfg->local_ts[i], *r = &cfg->remote_ts[j];

			if (!resolvable(l, local) || !resolvable(r, remote))
				return NULL;
			out[k].local = selector_resolve(l, local);
			out[k].remote = selector_resolve(r, remote);
			/* Both selectors of an IPsec SA are of one address family. */
			if (out[k].local.lo.family == out[k].remote.lo.family)
				k++;
		}
	}
	*n = k;
	return out;
}

struct policy *
policy_of(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local, const struct ip *remote)
{
	struct policy *p = policy_find_configured(core, conn, cfg, local, remote);
	struct selector_pair *ts;
	size_t n;

	if (p)
		return p;
	ts = policy_pairs(core, cfg, local, remote, &n);
	p = ts && n ? policy_new(core, configured_key(core, conn, cfg, local, remote), conn, cfg, ts, n) : NULL;
	if (!p)
		return NULL;
	p->configured = true;
	p->local = *local;
	p->remote = *remote;
	return p;
}

static bool
claim(struct ike *core, const struct policy *p, bool trap)
{
	struct effect *e = effects_add(core->fx, EFFECT_CLAIM);

	if (!e)
		return false;
	e->claim = (struct claim) {
		.reqid = p->reqid,
		.conn = effects_dup(core->fx, p->conn->name, strlen(p->conn->name) + 1),
		.child = effects_dup(core->fx, p->cfg->name, strlen(p->cfg->name) + 1),
		.ts = effects_dup(core->fx, p->ts, p->n_ts * sizeof p->ts[0]),
		.n_ts = p->n_ts,
		.mode = p->cfg->mode,
		.priority = p->cfg->priority,
		.local = p->local,
		.remote = p->remote,
		.trap = trap,
		.hostaccess = p->cfg->hostaccess,
	};
	return e->kind == EFFECT_CLAIM;
}

static void
release(struct ike *core, struct policy *p)
{
	struct effect *e = effects_add(core->fx, EFFECT_RELEASE);

	if (e)
		e->claim.reqid = p->reqid;
}

/* Those who need it come and go, and the claim follows. */
void
policy_use(struct ike *core, struct policy *p, int traps, int users)
{
	p->traps += (uint32_t)traps;
	p->users += (uint32_t)users;

	bool wanted = p->traps || p->users, trap = p->traps > 0;
	/* With each newcomer it is tried again: the obstacle may be gone. */
	bool again = p->refused && traps + users > 0;

	/* Where there was no memory for it nothing is claimed yet: the next use tries again. */
	if (wanted && (!p->claimed || p->claimed_trap != trap || again) && claim(core, p, trap)) {
		p->refused = false;
		p->claimed = true;
		p->claimed_trap = trap;
	}
	if (!wanted && p->claimed)
		release(core, p);
	if (!wanted)
		policy_free(core, p);
}

static struct child_sa *
any_child(struct ike *core, const struct policy *p)
{
	for (size_t i = 0; i < p->n_ts; i++) {
		uint64_t key = (uint64_t)p->reqid << 16 | i;

		for (struct table_link *l = table_find(&core->by_pair, span_of(&key, sizeof key)); l; l = table_find_next(l)) {
			struct child_sa *c = table_entry(l, struct child_sa, by_pair);

			if (c->policy == p)
				return c;
		}
	}
	return NULL;
}

static void
end_undiverted(struct child_sa *c, const char *reason)
{
	struct exchange *ex = c->exchange;

	if (c->ever_up) {
		child_end(c, END_COMMAND, true);
	} else if (ex) {
		/* The peer is told, so that it does not wait in vain. */
		ex->fatal = true;
		ex->verdict = VERDICT_NOT_CLAIMED;
		ex->notify = NOTIFY_NO_PROPOSAL_CHOSEN;
		exchange_end(ex, reason);
	} else {
		child_failed(c, reason);
	}
}

/* docs/adr/0016: an SA to which no packets are diverted protects nothing. */
void
policy_refused(struct ike *core, struct policy *p, const char *why)
{
	const char *text = arena_printf(&core->scratch, "its traffic cannot be diverted: %s", why);
	struct child_sa *c;

	core->verdicts[VERDICT_NOT_CLAIMED]++;
	say(core, LOG_KNL, LOG_AUDIT, NULL, verdict_word(VERDICT_NOT_CLAIMED),
	    "the traffic of child %s of %s cannot be diverted: %s", p->cfg->name, p->conn->name, why);
	p->refused = true;
	p->users++;
	while ((c = any_child(core, p)))
		end_undiverted(c, text ? text : why);
	policy_use(core, p, 0, -1);
}

void
policies_claim_again(struct ike *core)
{
	const struct table *t = &core->policy_by_reqid;

	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct table_link *l = t->bucket[i]; l; l = l->next) {
			struct policy *p = table_entry(l, struct policy, by_reqid);

			if (p->claimed)
				claim(core, p, p->claimed_trap);
		}
	}
}
