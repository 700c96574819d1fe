/* SPDX-License-Identifier: Apache-2.0 */
#include "keymat.h"
#include "phase1.h"

/*
 * Authentication with a pre-shared key, RFC 2409 section 5.4. In Main Mode "the
 * key can only be identified by the IP address of the peers": the connections
 * that match both addresses give the pairs of identities to look under, the
 * addresses themselves come last.
 */

static bool
ask(struct exchange *ex, enum asked what, const struct identity *local, const struct identity *remote, size_t n)
{
	struct ike *core = ex->sa->core;
	struct effect *e = phase1_ask(ex, EFFECT_ASK_PSK, what);

	if (!e)
		return false;
	e->psk = (struct psk_query) {
		.local = effects_dup(core->fx, local, n * sizeof *local),
		.remote = effects_dup(core->fx, remote, n * sizeof *remote),
		.n = n,
	};
	return e->psk.local && e->psk.remote;
}

enum { PAIRS_MAX = 32 };

struct pairs {
	struct identity *local, *remote;
	size_t n;
};

static bool
pairs_open(struct ike *core, struct pairs *p)
{
	p->local = arena_alloc(&core->scratch, PAIRS_MAX * sizeof *p->local);
	p->remote = arena_alloc(&core->scratch, PAIRS_MAX * sizeof *p->remote);
	p->n = 0;
	return p->local && p->remote;
}

static void
add(struct pairs *p, const struct identity *local, const struct identity *remote)
{
	for (size_t i = 0; i < p->n; i++)
		if (identity_equal(&p->local[i], local) && identity_equal(&p->remote[i], remote))
			return;
	if (p->n == PAIRS_MAX)
		return;
	p->local[p->n] = *local;
	p->remote[p->n++] = *remote;
}

static void
add_addresses(struct pairs *p, const struct ike_sa *sa)
{
	struct identity l = identity_from_ip(&sa->local.ip), r = identity_from_ip(&sa->remote.ip);

	if (p->n == PAIRS_MAX)
		p->n--;
	add(p, &l, &r);
}

static void
add_conn(struct pairs *p, const struct ike_sa *sa, const struct conn *c)
{
	struct identity l = phase1_local_id(sa, c), r = c->remote.id;

	if (r.type == ID_ANY)
		r = identity_from_ip(&sa->remote.ip);
	add(p, &l, &r);
}

static enum built
refuse_psk(struct exchange *ex, const char *why)
{
	phase1_refuse(ex, VERDICT_NO_PSK, NOTIFY_AUTHENTICATION_FAILED, why);
	return BUILD_FAILED;
}

static enum built
take(struct exchange *ex, const struct answer *a)
{
	struct ike_sa *sa = ex->sa;
	struct keying *k = phase1_of(ex)->keying;

	if (!a->ok)
		return refuse_psk(ex, arena_printf(&sa->core->scratch,
		                                   "%s for %s...%s: add a secret for the peer's identity or address",
		                                   a->reason ? a->reason : "no pre-shared key", ip_text(sa->core, &sa->local.ip),
		                                   ip_text(sa->core, &sa->remote.ip)));
	secret_clear(&k->psk);
	if (!secret_copy(&k->psk, a->psk) ||
	    !skeyid_from_psk(k->skeyid, sa->prf_id, a->psk, secret_span(&k->ni), secret_span(&k->nr)))
		return BUILD_FAILED;
	k->have_skeyid = true;
	return BUILT;
}

/* Main Mode: by what the addresses tell. */
static void
add_by_address(struct pairs *p, const struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct candidates all;
	struct conn *c;

	if (ex->role == INITIATOR) {
		add_conn(p, sa, sa->conn);
		return;
	}
	all = conn_candidates(sa->core, IKE_V1, &sa->local.ip, &sa->remote.ip);
	for (size_t i = 0; p->n < PAIRS_MAX && (c = candidate(&all, i)); i++)
		if (c->aggressive == phase1_aggressive(ex))
			add_conn(p, sa, c);
}

enum built
psk_need(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p1 = phase1_of(ex);
	const struct answer *a = phase1_answer(ex, ASKED_PSK);
	struct pairs p;

	if (a)
		return take(ex, a);
	if (!pairs_open(sa->core, &p))
		return BUILD_FAILED;
	/* Aggressive Mode: the identity came first, so the key is the one that goes with it. */
	if (p1->their_id) {
		struct identity l = phase1_local_id(sa, sa->conn), r = id_box_get(p1->their_id);

		add(&p, &l, &r);
	} else {
		add_by_address(&p, ex);
	}
	add_addresses(&p, sa);
	return ask(ex, ASKED_PSK, p.local, p.remote, p.n) ? BUILD_PARKED : BUILD_FAILED;
}

/*
 * The key was found by address. Now that the identity is known, the key for
 * that identity must be the same one: else a peer could prove one key and take
 * the name that goes with another.
 */
enum built
psk_confirm(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p = phase1_of(ex);
	struct identity l = phase1_local_id(sa, sa->conn), r = id_box_get(sa->remote_id);
	const struct answer *a;
	struct pairs q;

	if (p->confirmed)
		return BUILT;
	if (!p->asked_again) {
		p->asked_again = true;
		if (!pairs_open(sa->core, &q))
			return BUILD_FAILED;
		add(&q, &l, &r);
		add_addresses(&q, sa);
		return ask(ex, ASKED_PSK_AGAIN, q.local, q.remote, q.n) ? BUILD_PARKED : BUILD_FAILED;
	}
	a = phase1_answer(ex, ASKED_PSK_AGAIN);
	if (!a || !a->ok || !secret_equal(a->psk, secret_span(&p->keying->psk)))
		return refuse_psk(ex, arena_printf(&sa->core->scratch,
		                                   "the peer proved a key that is not the one configured for the identity "
		                                   "it claims, %s",
		                                   id_text(sa->core, &r)));
	p->confirmed = true;
	secret_clear(&p->keying->psk);
	return BUILT;
}
