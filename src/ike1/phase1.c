/* SPDX-License-Identifier: Apache-2.0 */
#include "phase1.h"

#include <stdlib.h>

#include "keymat.h"

/* What all Phase 1 exchanges share: RFC 2409 section 5. */

enum { NONCE_OCTETS = 32, NONCE_MIN = 8, NONCE_MAX = 256 };

bool
phase1_open(struct exchange *ex)
{
	ex->state = calloc(1, sizeof(struct phase1));
	if (!ex->state)
		ex->sa->core->nomem = true;
	return ex->state != NULL;
}

static void
clear_all(struct secret *const *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		secret_clear(s[i]);
}

static void
keying_free(struct keying *k)
{
	if (!k)
		return;

	struct secret *const all[] = { &k->ni, &k->nr, &k->gxi, &k->gxr, &k->gxy, &k->psk };

	dh_free(k->dh);
	clear_all(all, sizeof all / sizeof *all);
	secret_wipe(k, sizeof *k);
	free(k);
}

/* Made when it is needed first; NULL when out of memory. */
static struct keying *
keying_of(struct phase1 *p)
{
	if (!p->keying)
		p->keying = calloc(1, sizeof *p->keying);
	return p->keying;
}

void
phase1_free(struct exchange *ex)
{
	struct phase1 *p = ex->state;

	if (!p)
		return;

	struct secret *const all[] = { &p->sai_b, &p->sar_b, &p->id_b, &p->signature };

	keying_free(p->keying);
	clear_all(all, sizeof all / sizeof *all);
	for (size_t i = 0; i < p->n_wanted; i++)
		secret_clear(&p->wanted[i]);
	free(p->wanted);
	for (size_t i = 0; i < p->n_judged; i++)
		conn_unref(p->judged[i]);
	free(p->judged);
	credential_free(p->credential);
	free(p->their_id);
	free(p->early);
	secret_wipe(p, sizeof *p);
	free(p);
	ex->state = NULL;
}

enum verdict
phase1_refuse(struct exchange *ex, enum verdict v, uint16_t notify, const char *why)
{
	ex->verdict = v;
	ex->notify = notify;
	ex->why = why;
	ex->fatal = true;
	return v;
}

enum verdict
phase1_verdict(struct exchange *ex, enum built r)
{
	if (r != BUILD_FAILED)
		return VERDICT_OK;
	ex->fatal = true;
	return ex->verdict ? ex->verdict : VERDICT_INTERNAL;
}

enum built
phase1_counted(struct exchange *ex, enum built r)
{
	if (r == BUILD_FAILED && ex->verdict)
		refuse(ex->sa->core, ex->sa, ex->verdict, ex->why);
	return r;
}

uint64_t
phase1_life_seconds(const struct conn *c)
{
	instant_t first = c->rekey_ns && c->reauth_ns ? instant_min(c->rekey_ns, c->reauth_ns) : c->rekey_ns + c->reauth_ns;

	return first ? (uint64_t)((first + c->over_ns) / SECONDS(1)) : 0;
}

bool
phase1_announces(const struct exchange *ex, enum vendor_id id)
{
	return ex->role == INITIATOR || (phase1_of(ex)->announced & 1u << id);
}

/* With the flags that strongSwan and Windows look for: 80000000, fragments of any message. */
static void
add_fragmentation(const struct exchange *ex, struct builder *b)
{
	struct span id = vendor_id_octets(VENDOR_FRAGMENTATION);
	uint8_t octets[20] = { 0 };

	memcpy(octets, id.p, 16);
	octets[16] = 0x80;
	builder_add_data(b, PAYLOAD_VID, span_of(octets, ex->role == INITIATOR || phase1_of(ex)->fragment_flags ? 20 : 16));
}

static void
add_vendor_id(const struct exchange *ex, struct builder *b, enum vendor_id id)
{
	if (!phase1_announces(ex, id))
		return;
	if (id == VENDOR_FRAGMENTATION)
		add_fragmentation(ex, b);
	else
		builder_add_data(b, PAYLOAD_VID, vendor_id_octets(id));
}

void
phase1_add_vendor_ids(struct exchange *ex, struct builder *b)
{
	nat_add_vendor_ids(ex, b);
	add_vendor_id(ex, b, VENDOR_DPD);
	if (!ex->sa->conn || ex->sa->conn->fragmentation != FRAGMENTATION_NO)
		add_vendor_id(ex, b, VENDOR_FRAGMENTATION);
	/* draft-beaulieu-ike-xauth-02 section 4.1: who is able to log in, or to have others log in, says so. */
	if (ex->sa->log_in != LOG_IN_NOBODY)
		add_vendor_id(ex, b, VENDOR_XAUTH);
	if (ex->sa->core->settings.unity)
		add_vendor_id(ex, b, VENDOR_UNITY);
}

void
phase1_take_vendor_ids(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;

	nat_take_vendor_ids(sa, m);
	for (const struct payload *p = message_find(m, PAYLOAD_VID, NULL); p; p = message_find(m, PAYLOAD_VID, p)) {
		enum vendor_id id = vendor_id_recognise(p->data);

		sa->peer_dpd |= id == VENDOR_DPD;
		sa->peer_fragments |= id == VENDOR_FRAGMENTATION;
		sa->peer_unity |= id == VENDOR_UNITY;
		phase1_of(ex)->announced |= 1u << id;
		phase1_of(ex)->fragment_flags |= id == VENDOR_FRAGMENTATION && p->data.n >= 20;
		if (id != VENDOR_UNKNOWN)
			say(sa->core, LOG_IKE, LOG_DETAIL, sa, NULL, "received %s vendor ID", vendor_id_name(id));
	}
}

bool
phase1_take_suite(struct exchange *ex, const struct suite *s)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p = phase1_of(ex);
	uint64_t theirs = s->life_seconds_given ? s->life_seconds : 0, ours = p->our_life_seconds;

	sa->encr = s->encr;
	sa->prf_id = s->prf_id;
	sa->dh_id = s->dh_id;
	p->shorten = theirs && ours && ours < theirs;
	p->life_seconds = !theirs || (ours && ours < theirs) ? ours : theirs;
	if (theirs && ours && theirs != ours)
		say(sa->core, LOG_IKE, half_open_level(sa), sa, "lifetime",
		    "lifetimes of the IKE_SA differ: the peer says %llu s, we say %llu s "
		    "(rekey_time + over_time); the shorter holds",
		    (unsigned long long)theirs, (unsigned long long)ours);
	return prf_octets(sa->prf_id) != 0;
}

/* Our public value and nonce; both stay for the hashes. */
bool
phase1_own_ke_nonce(struct exchange *ex, struct builder *b)
{
	struct ike *core = ex->sa->core;
	struct keying *k = keying_of(phase1_of(ex));
	struct secret *nonce, *g;

	if (!k)
		return false;
	nonce = ex->role == INITIATOR ? &k->ni : &k->nr;
	g = ex->role == INITIATOR ? &k->gxi : &k->gxr;
	if (!k->dh && !g->n)
		k->dh = dh_new(ex->sa->dh_id, core->rng);
	/* Called again after parking: what was made stays. */
	if (!g->n && (!k->dh || !secret_copy(g, dh_public(k->dh))))
		return false;
	if (!nonce->n) {
		if (!secret_alloc(nonce, NONCE_OCTETS))
			return false;
		rng_fill(core->rng, nonce->p, nonce->n);
	}
	builder_add_data(b, PAYLOAD_KE, secret_span(g));
	builder_add_data(b, PAYLOAD_NONCE, secret_span(nonce));
	return true;
}

/* RFC 2409 section 5: "The length of nonce payload MUST be between 8 and 256 bytes inclusive." */
enum verdict
phase1_take_ke_nonce(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	struct keying *k = keying_of(phase1_of(ex));
	struct span g = message_find(m, PAYLOAD_KE, NULL)->data, n = message_find(m, PAYLOAD_NONCE, NULL)->data;
	struct secret *nonce, *ours, *theirs;

	if (!k)
		return VERDICT_INTERNAL;
	nonce = ex->role == INITIATOR ? &k->nr : &k->ni;
	ours = ex->role == INITIATOR ? &k->ni : &k->nr;
	theirs = ex->role == INITIATOR ? &k->gxr : &k->gxi;
	if (n.n < NONCE_MIN || n.n > NONCE_MAX)
		return VERDICT_BAD_NONCE;
	/* Our own message, sent back to us. */
	if (span_equal(n, secret_span(ours)))
		return VERDICT_REFLECTED;
	if (!k->dh)
		k->dh = dh_new(sa->dh_id, sa->core->rng);
	if (!k->dh)
		return VERDICT_INTERNAL;
	if (span_equal(g, dh_public(k->dh))) {
		ex->why = "it is our own value: the message was reflected";
		return VERDICT_BAD_KE;
	}
	/* Considered again after parking: what was computed holds. */
	if (k->gxy.n && span_equal(secret_span(theirs), g) && span_equal(secret_span(nonce), n))
		return VERDICT_OK;
	k->have_skeyid = false;
	secret_clear(theirs);
	secret_clear(nonce);
	secret_clear(&k->gxy);
	if (dh_shared(&k->gxy, k->dh, g) != CRYPTO_OK) {
		ex->notify = NOTIFY_INVALID_KEY_INFORMATION;
		return VERDICT_BAD_KE;
	}
	return secret_copy(theirs, g) && secret_copy(nonce, n) ? VERDICT_OK : VERDICT_INTERNAL;
}

static void
export_key(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct effect *e = core->settings.export_keys ? effects_add(core->fx, EFFECT_KEYS) : NULL;

	if (!e)
		return;
	e->keys.ike = true;
	memcpy(e->keys.initiator_cookie, sa->cookie_i, 8);
	e->keys.ike_encr_key = arena_dup(&core->fx->arena, ike1_ka(sa));
}

enum built
phase1_need_skeyid(struct exchange *ex)
{
	const struct phase1 *p = phase1_of(ex);
	struct keying *k = p->keying;

	if (k->have_skeyid)
		return BUILT;
	if (p->method->form == FORM_PSK)
		return psk_need(ex);
	k->have_skeyid =
	        skeyid_from_nonces(k->skeyid, ex->sa->prf_id, secret_span(&k->ni), secret_span(&k->nr), secret_span(&k->gxy));
	return k->have_skeyid ? BUILT : BUILD_FAILED;
}

enum built
phase1_need_keys(struct exchange *ex)
{
	enum built r = ex->sa->keys.n ? BUILT : phase1_need_skeyid(ex);

	if (r == BUILT && !ex->sa->keys.n && !phase1_derive(ex))
		return BUILD_FAILED;
	return r;
}

bool
phase1_derive(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct keying *k = phase1_of(ex)->keying;
	const struct algorithm *cipher = algorithm_by_id(TRANSFORM_ENCR, sa->encr.id, sa->encr.key_bits);
	size_t n = prf_octets(sa->prf_id);
	uint8_t e[PRF_OCTETS_MAX];
	bool ok = cipher && n && k->have_skeyid && secret_alloc(&sa->keys, 2 * n + cipher->key_octets);

	ok = ok && skeyid_derive(sa->keys.p, sa->keys.p + n, e, sa->prf_id, span_of(k->skeyid, n), secret_span(&k->gxy),
	                         sa->cookie_i, sa->cookie_r);
	ok = ok && isakmp_encryption_key(sa->keys.p + 2 * n, cipher->key_octets, sa->prf_id, span_of(e, n));
	ok = ok && phase1_iv(ex->iv, ike1_block(sa), sa->prf_id, secret_span(&k->gxi), secret_span(&k->gxr));
	secret_wipe(e, sizeof e);
	if (!ok) {
		secret_clear(&sa->keys);
		return false;
	}
	/* What only the derivation needed. */
	dh_free(k->dh);
	k->dh = NULL;
	secret_clear(&k->gxy);
	export_key(sa);
	return true;
}

size_t
phase1_hash_of(struct exchange *ex, uint8_t *hash, uint8_t whose, struct span id_b)
{
	const struct ike_sa *sa = ex->sa;
	const struct phase1 *p = phase1_of(ex);
	const struct keying *k = p->keying;
	uint16_t prf_id = method_hash_prf(p->method, whose, sa->prf_id);
	struct span skeyid = span_of(k->skeyid, prf_octets(sa->prf_id)), gxi = secret_span(&k->gxi), gxr = secret_span(&k->gxr);
	struct span sai_b = secret_span(&p->sai_b);
	bool ok = whose == INITIATOR ? phase1_hash(hash, prf_id, skeyid, gxi, gxr, sa->cookie_i, sa->cookie_r, sai_b, id_b)
	                             : phase1_hash(hash, prf_id, skeyid, gxr, gxi, sa->cookie_r, sa->cookie_i, sai_b, id_b);

	return ok ? prf_octets(prf_id) : 0;
}
