/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "phase1.h"

/* Questions that Phase 1 parks on. A message is built, or considered, again once the answer is there. */

struct effect *
phase1_ask(struct exchange *ex, enum effect_kind kind, enum asked what)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	uint64_t ticket = park(core, PARKED_EXCHANGE, sa->id, ex->message_id, NULL);
	struct effect *e = ticket ? effects_add(core->fx, kind) : NULL;

	if (!e)
		return NULL;
	e->ticket = ex->ticket = ticket;
	phase1_of(ex)->asked = what;
	return e;
}

const struct answer *
phase1_answer(struct exchange *ex, enum asked what)
{
	static const enum answer_kind kinds[] = {
		[ASKED_CREDENTIAL] = ANSWER_CREDENTIAL, [ASKED_PSK] = ANSWER_PSK,           [ASKED_PSK_AGAIN] = ANSWER_PSK,
		[ASKED_SIGNATURE] = ANSWER_SIGNATURE,   [ASKED_VERIFIED] = ANSWER_VERIFIED,
	};
	struct phase1 *p = phase1_of(ex);
	const struct answer *a = ex->answer;

	if (!a || p->asked != what)
		return NULL;
	ex->answer = NULL;
	p->asked = ASKED_NOTHING;
	return a->kind == kinds[what] ? a : NULL;
}

/* ---- Credentials */

const struct credential *
phase1_credential(const struct exchange *ex)
{
	static const struct credential none;
	const struct phase1 *p = phase1_of(ex);

	return p->credential ? p->credential : &none;
}

void
credential_free(struct credential *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n_cert; i++)
		secret_clear(&k->cert[i]);
	for (size_t i = 0; i < k->n_authority; i++)
		secret_clear(&k->authority[i]);
	free(k->cert);
	free(k->authority);
	conn_unref(k->conn);
	free(k->why);
	free(k);
}

static bool
take_lists(struct credential *k, const struct answer *a)
{
	k->cert = calloc(PHASE1_CERTS_MAX, sizeof *k->cert);
	k->authority = calloc(PHASE1_AUTHORITIES_MAX, sizeof *k->authority);
	if (!k->cert || !k->authority)
		return false;
	for (size_t i = 0; i < a->n_cert && k->n_cert < PHASE1_CERTS_MAX; i++) {
		if (!secret_copy(&k->cert[k->n_cert], a->cert[i].data))
			return false;
		k->encoding[k->n_cert++] = a->cert[i].encoding;
	}
	for (size_t i = 0; i < a->n_authorities && k->n_authority < PHASE1_AUTHORITIES_MAX; i++)
		if (!secret_copy(&k->authority[k->n_authority++], a->authorities[i]))
			return false;
	return true;
}

static enum built
take_credential(struct exchange *ex, struct conn *c, const struct answer *a)
{
	struct phase1 *p = phase1_of(ex);
	struct credential *k = calloc(1, sizeof *k);

	if (!k)
		return BUILD_FAILED;
	credential_free(p->credential);
	p->credential = k;
	k->conn = conn_ref(c);
	k->ok = a->ok;
	k->scheme = a->scheme;
	k->key = a->key;
	k->id = a->id;
	if (!a->ok) {
		k->why = strdup(a->reason ? a->reason : "no private key with a certificate");
		return k->why ? BUILT : BUILD_FAILED;
	}
	return take_lists(k, a) ? BUILT : BUILD_FAILED;
}

static bool
ask_credential(struct exchange *ex, struct conn *c, unsigned schemes)
{
	struct phase1 *p = phase1_of(ex);
	struct ike *core = ex->sa->core;
	struct arena *arena = &core->fx->arena;
	struct span *wanted = arena_alloc(arena, (p->n_wanted + 1) * sizeof *wanted);
	struct effect *e = wanted ? phase1_ask(ex, EFFECT_ASK_CREDENTIAL, ASKED_CREDENTIAL) : NULL;

	if (!e)
		return false;
	for (size_t i = 0; i < p->n_wanted; i++)
		wanted[i] = arena_dup(arena, secret_span(&p->wanted[i]));
	core_keep_conn(core, c);
	e->credential = (struct credential_query) {
		.conn = c,
		.round = &c->local,
		.schemes = schemes,
		.authorities_only = !conn_signs(c),
		.authorities = wanted,
		.n_authorities = p->n_wanted,
	};
	return true;
}

enum built
phase1_need_credential(struct exchange *ex, struct conn *c, unsigned schemes)
{
	const struct answer *a;

	if (phase1_credential(ex)->conn == c)
		return BUILT;
	a = phase1_answer(ex, ASKED_CREDENTIAL);
	if (a)
		return take_credential(ex, c, a);
	return ask_credential(ex, c, schemes) ? BUILD_PARKED : BUILD_FAILED;
}
