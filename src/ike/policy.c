/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core.h"

/*
 * Claims on traffic (RFC 4301 section 4.4.1). A configured child with concrete
 * selectors is one policy with one reqid, whoever holds it: a trap, an attempt,
 * or SAs. The claim stands from the first holder to the last, so that nothing
 * leaves in clear in between.
 */

static uint64_t
policy_key(struct ike *core, const struct conn *conn, const struct child *cfg, const struct selector_pair *ts, size_t n)
{
	uint64_t k = core_digest(core, span_str(conn->name)) ^ 3 * core_digest(core, span_str(cfg->name));

	for (size_t i = 0; i < n; i++) {
		uint64_t parts[] = {
			core_digest(core, ip_span(&ts[i].local.lo)),
			core_digest(core, ip_span(&ts[i].local.hi)),
			core_digest(core, ip_span(&ts[i].remote.lo)),
			core_digest(core, ip_span(&ts[i].remote.hi)),
			(uint64_t)ts[i].local.proto << 32 | (uint32_t)ts[i].local.port_lo << 16 | ts[i].local.port_hi,
			(uint64_t)ts[i].remote.proto << 32 | (uint32_t)ts[i].remote.port_lo << 16 | ts[i].remote.port_hi,
			k,
		};

		k = core_digest(core, span_of(parts, sizeof parts));
	}
	return k;
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

static struct policy *
policy_find(struct ike *core, uint64_t key, const struct conn *conn, const struct child *cfg, const struct selector_pair *ts,
            size_t n)
{
	for (struct table_link *l = table_find(&core->policy_by_key, span_of(&key, sizeof key)); l; l = table_find_next(l)) {
		struct policy *p = table_entry(l, struct policy, by_key);

		if (p->key == key && same_pairs(p, ts, n) && strcmp(p->conn->name, conn->name) == 0 &&
		    strcmp(p->cfg->name, cfg->name) == 0)
			return p;
	}
	return NULL;
}

struct policy *
policy_by_reqid(struct ike *core, uint32_t reqid)
{
	for (struct table_link *l = table_find(&core->policy_by_reqid, span_of(&reqid, sizeof reqid)); l; l = table_find_next(l)) {
		struct policy *p = table_entry(l, struct policy, by_reqid);

		if (p->reqid == reqid)
			return p;
	}
	return NULL;
}

static void
policy_free(struct ike *core, struct policy *p)
{
	table_remove(&core->policy_by_key, &p->by_key);
	table_remove(&core->policy_by_reqid, &p->by_reqid);
	conn_unref(p->conn);
	free(p);
}

static uint32_t
choose_reqid(struct ike *core, const struct child *cfg)
{
	if (cfg->reqid && !policy_by_reqid(core, cfg->reqid))
		return cfg->reqid;
	while (!core->next_reqid || policy_by_reqid(core, core->next_reqid))
		core->next_reqid++;
	return core->next_reqid++;
}

struct policy *
policy_get(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local, const struct ip *remote,
           const struct selector_pair *ts, size_t n)
{
	uint64_t key = policy_key(core, conn, cfg, ts, n);
	struct policy *p = policy_find(core, key, conn, cfg, ts, n);

	if (p)
		return p;
	p = calloc(1, sizeof *p + n * sizeof *ts);
	if (!p)
		goto nomem;
	p->key = key;
	p->reqid = choose_reqid(core, cfg);
	p->conn = conn_ref(conn);
	p->cfg = cfg;
	p->local = *local;
	p->remote = *remote;
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
			/* No IPsec SA joins the two families of one child's lists. */
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
	size_t n;
	struct policy *p = policy_by_reqid(core, core->last_reqid);
	struct selector_pair *ts;

	if (p && p->whole && p->conn == conn && p->cfg == cfg && ip_equal(&p->local, local) && ip_equal(&p->remote, remote))
		return p;
	ts = policy_pairs(core, cfg, local, remote, &n);
	p = ts && n ? policy_get(core, conn, cfg, local, remote, ts, n) : NULL;
	if (p) {
		p->whole = true;
		core->last_reqid = p->reqid;
	}
	return p;
}

static void
claim(struct ike *core, struct policy *p, bool trap)
{
	struct effect *e = effects_add(core->fx, EFFECT_CLAIM);

	if (!e)
		return;

	struct arena *a = &core->fx->arena;

	e->claim = (struct claim){
		.reqid = p->reqid,
		.conn = arena_printf(a, "%s", p->conn->name),
		.child = arena_printf(a, "%s", p->cfg->name),
		.ts = (const struct selector_pair *)(const void *)arena_dup(a, span_of(p->ts, p->n_ts * sizeof p->ts[0])).p,
		.n_ts = p->n_ts,
		.mode = p->cfg->mode,
		.priority = p->cfg->priority,
		.local = p->local,
		.remote = p->remote,
		.trap = trap,
		.hostaccess = p->cfg->hostaccess,
	};
}

static void
release(struct ike *core, struct policy *p)
{
	struct effect *e = effects_add(core->fx, EFFECT_RELEASE);

	if (e)
		e->claim.reqid = p->reqid;
}

/* Holders come and go; the claim follows. The policy is gone after its last holder. */
void
policy_use(struct ike *core, struct policy *p, int traps, int users)
{
	p->traps += (uint32_t)traps;
	p->users += (uint32_t)users;

	bool wanted = p->traps || p->users, trap = p->traps > 0;

	if (wanted && (!p->claimed || p->claimed_trap != trap))
		claim(core, p, trap);
	if (!wanted && p->claimed)
		release(core, p);
	p->claimed = wanted;
	p->claimed_trap = trap;
	if (!wanted)
		policy_free(core, p);
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
