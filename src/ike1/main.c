/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "explain.h"
#include "ike1_sa.h"
#include "keymat.h"
#include "phase1.h"

/* Main Mode (Identity Protection), RFC 2409 section 5 and 5.4. */

static struct match_terms
terms(void)
{
	return (struct match_terms) { .protocol = PROPOSAL_IKE, .auth = AUTH_OFFER_PSK };
}

/* ---- Messages 1 and 2: the SA */

static const char *
our_offer(struct exchange *ex, struct sa_payload *out)
{
	const struct conn *c = ex->sa->conn;

	return ike1_sa_from_proposals(out, &c->ike, AUTH_OFFER_PSK, phase1_life_seconds(c), &ex->sa->core->scratch);
}

static enum built
offer_sa(struct exchange *ex, struct builder *b)
{
	struct phase1 *p = phase1_of(ex);
	struct payload sa = { .type = PAYLOAD_SA };

	ex->why = our_offer(ex, &sa.sa);
	if (ex->why)
		return BUILD_FAILED;
	p->our_life_seconds = phase1_life_seconds(ex->sa->conn);

	struct span body = builder_add(b, &sa);

	if (!secret_copy(&p->sai_b, body))
		return BUILD_FAILED;
	phase1_add_vendor_ids(b);
	return BUILT;
}

/* The first candidate connection that allows one of the offered suites. */
static bool
match_candidates(struct exchange *ex, const struct suites *offered, struct match *m)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	struct match_terms t = terms();
	struct match other;
	struct conn **c;
	size_t n = conn_candidates(core, IKE_V1, &ex->local.ip, &ex->remote.ip, &c);

	for (size_t i = 0; i < n; i++) {
		if (c[i]->local.method != AUTH_PSK && c[i]->local.method != AUTH_NONE)
			continue;
		match_suites(i ? &other : m, offered, &c[i]->ike, &t);
		if (!(i ? &other : m)->chosen)
			continue;
		if (i)
			*m = other;
		ike_sa_set_conn(sa, c[i]);
		return true;
	}
	if (n)
		ike_sa_set_conn(sa, c[0]);
	return false;
}

static enum verdict
choose_sa(struct exchange *ex, const struct message *in)
{
	struct ike *core = ex->sa->core;
	struct phase1 *p = phase1_of(ex);
	const struct payload *sa = message_find(in, PAYLOAD_SA, NULL);
	struct match *m = arena_alloc(&core->scratch, sizeof *m);
	struct match_terms t = terms();
	struct sa_payload answer;
	struct suites offered;

	ex->fatal = true;
	if (!m || !suites_from_ike1_sa(&offered, &sa->sa, &core->scratch))
		return VERDICT_INTERNAL;
	if (!match_candidates(ex, &offered, m)) {
		ex->notify = NOTIFY_NO_PROPOSAL_CHOSEN;
		ex->why = ex->sa->conn ? explain_match(&core->scratch, m, &offered, &ex->sa->conn->ike, &t) : NULL;
		return VERDICT_NO_PROPOSAL;
	}
	p->our_life_seconds = phase1_life_seconds(ex->sa->conn);
	if (!phase1_take_suite(ex, &offered.s[m->offered]) || !secret_copy(&p->sai_b, sa->raw) ||
	    !ike1_sa_answer(&answer, &sa->sa, &offered.s[m->offered], 0, &core->scratch))
		return VERDICT_INTERNAL;

	/* The answer borrows from this message: written out now, it outlives it. */
	uint8_t *room = arena_alloc(&core->scratch, sa->raw.n + 512);
	struct isakmp_header h = in->h;
	struct builder b;

	if (!room)
		return VERDICT_INTERNAL;
	builder_start(&b, room, sa->raw.n + 512, &h);
	if (!secret_copy(&p->sar_b, builder_add(&b, &(struct payload) { .type = PAYLOAD_SA, .sa = answer })) || !wire_ok(&b.w))
		return VERDICT_INTERNAL;
	phase1_take_vendor_ids(ex, in);
	ex->fatal = false;
	return VERDICT_OK;
}

static enum built
answer_sa(struct exchange *ex, struct builder *b)
{
	rng_fill(ex->sa->core->rng, ex->sa->cookie_r, 8);
	builder_add_raw(b, PAYLOAD_SA, secret_span(&phase1_of(ex)->sar_b));
	phase1_add_vendor_ids(b);
	return BUILT;
}

static bool
is_zero(const uint8_t cookie[8])
{
	static const uint8_t zero[8];

	return memcmp(cookie, zero, 8) == 0;
}

static enum verdict
accept_sa(struct exchange *ex, const struct message *in)
{
	struct ike_sa *sa = ex->sa;
	struct sa_payload offer;
	struct suite chosen;

	if (is_zero(in->h.cookie_r))
		return VERDICT_BAD_CHOICE;
	ex->why = our_offer(ex, &offer);
	if (!ex->why)
		ex->why = ike1_sa_accept(&chosen, &message_find(in, PAYLOAD_SA, NULL)->sa, &offer, PROPOSAL_IKE,
		                         &sa->core->scratch);
	if (ex->why)
		return VERDICT_BAD_CHOICE;
	if (!phase1_take_suite(ex, &chosen))
		return VERDICT_INTERNAL;
	memcpy(sa->cookie_r, in->h.cookie_r, 8);
	phase1_take_vendor_ids(ex, in);
	return VERDICT_OK;
}

/* ---- Messages 3 and 4: KE and nonces */

static enum built
build_ke_nonce(struct exchange *ex, struct builder *b)
{
	if (!phase1_own_ke_nonce(ex, b))
		return BUILD_FAILED;
	nat_add_hashes(ex, b);
	/* The responder looks up the key before it answers: without one there is no point in going on. */
	return ex->role == RESPONDER ? psk_need(ex) : BUILT;
}

static enum verdict
take_ke_nonce(struct exchange *ex, const struct message *m)
{
	enum verdict v = phase1_take_ke_nonce(ex, m);

	if (!v)
		nat_take_hashes(ex, m);
	return v;
}

/* ---- Messages 5 and 6: identities and hashes */

static void
add_initial_contact(struct exchange *ex, struct builder *b)
{
	struct ike_sa *sa = ex->sa, *o;
	uint8_t spi[16];

	if (ex->role != INITIATOR || sa->rekeys || sa->conn->unique == UNIQUE_NEVER)
		return;
	/* RFC 2407 section 4.6.3.3: "the first SA being established with the remote system", whatever its connection. */
	for (size_t i = 0; i < sa->core->sas.n; i++) {
		o = sa->core->sas.e[i].p;
		if (o && o != sa && o->established_at && !o->zombie && ip_equal(&o->remote.ip, &sa->remote.ip))
			return;
	}
	memcpy(spi, sa->cookie_i, 8);
	memcpy(spi + 8, sa->cookie_r, 8);
	builder_add(b, &(struct payload) { .type = PAYLOAD_N,
	                                   .n = { .doi = DOI_IPSEC,
	                                          .protocol = PROTO_ISAKMP,
	                                          .type = NOTIFY_INITIAL_CONTACT,
	                                          .spi = span_of(spi, 16) } });
}

static enum built
build_id_hash(struct exchange *ex, struct builder *b)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p = phase1_of(ex);
	enum built r = ex->role == INITIATOR ? psk_need(ex) : psk_confirm(ex);
	struct identity id = phase1_local_id(sa, sa->conn);
	struct payload idp = { .type = PAYLOAD_ID, .id = { .type = id.type, .data = identity_span(&id) } };
	uint8_t hash[PRF_OCTETS_MAX];

	if (r != BUILT)
		return r;
	if (ex->role == INITIATOR)
		nat_float(sa);
	free(sa->local_id);
	sa->local_id = id_box_new(&id);

	struct span id_b = builder_add(b, &idp);

	if (!sa->local_id || !phase1_hash_of(ex, hash, ex->role, id_b))
		return BUILD_FAILED;
	builder_add_data(b, PAYLOAD_HASH, span_of(hash, prf_octets(sa->prf_id)));
	add_initial_contact(ex, b);
	if (ex->role == RESPONDER && p->shorten) {
		uint8_t spi[16];

		memcpy(spi, sa->cookie_i, 8);
		memcpy(spi + 8, sa->cookie_r, 8);
		info_add_responder_lifetime(b, &sa->core->scratch, PROTO_ISAKMP, span_of(spi, 16), p->life_seconds, 0);
	}
	return BUILT;
}

/* unique = keep: a second SA of an identity that is elsewhere already is not made. */
static bool
kept_out(const struct ike_sa *sa)
{
	uint32_t id = 0;
	struct ike_sa *o;

	if (sa->conn->unique != UNIQUE_KEEP)
		return false;
	ike_sa_index_peer((struct ike_sa *)(uintptr_t)sa);
	for (o = ike_sa_same_peer(sa, NULL); o && !id; o = ike_sa_same_peer(sa, o))
		if (!o->zombie && !o->successor && o->established_at && !ip_equal(&o->remote.ip, &sa->remote.ip))
			id = o->id;
	return id != 0;
}

/* The best connection for the identity that was shown: matching addresses, allowing the suite, with the closest remote id. */
static struct conn *
conn_for_identity(struct exchange *ex, const struct identity *id)
{
	struct ike_sa *sa = ex->sa;
	struct match m;
	struct suite s = { .encr = sa->encr, .prf_id = sa->prf_id, .dh_id = sa->dh_id, .auth = AUTH_OFFER_PSK };
	struct suites one = { &s, 1 };
	struct match_terms t = terms();
	struct conn **c, *best = NULL;
	size_t n = conn_candidates(sa->core, IKE_V1, &sa->local.ip, &ex->remote.ip, &c);
	int best_score = 0;

	for (size_t i = 0; i < n; i++) {
		int score = identity_match(&c[i]->remote.id, id);

		if (score <= best_score)
			continue;
		match_suites(&m, &one, &c[i]->ike, &t);
		if (!m.chosen)
			continue;
		best = c[i];
		best_score = score;
	}
	return best;
}

static enum verdict
wrong_identity(struct exchange *ex, const struct identity *id, const struct identity *wanted)
{
	struct ike *core = ex->sa->core;

	ex->fatal = true;
	ex->notify = ex->role == RESPONDER ? NOTIFY_INVALID_ID_INFORMATION : NOTIFY_AUTHENTICATION_FAILED;
	ex->why = arena_printf(&core->scratch, "the peer says it is '%s', connection %s wants remote id '%s'", id_text(core, id),
	                       ex->sa->conn->name, id_text(core, wanted));
	return VERDICT_ID_MISMATCH;
}

/*
 * RFC 2407 section 4.6.2: "the ID port and protocol fields MUST be set to zero or to UDP port 500. If an implementation
 * receives any other values, this MUST be treated as an error". UDP without a port is what some send behind a NAT.
 */
static bool
id_port_fits(const struct id_payload *id)
{
	return id->proto == 17 ? id->port == 0 || id->port == 500 : id->proto == 0 && id->port == 0;
}

static enum verdict
verify_id_hash(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	const struct payload *idp = message_find(m, PAYLOAD_ID, NULL);
	uint8_t whose = ex->role == INITIATOR ? RESPONDER : INITIATOR, want[PRF_OCTETS_MAX];
	struct identity id;

	if (!phase1_hash_of(ex, want, whose, idp->raw))
		return VERDICT_INTERNAL;
	if (!secret_equal(span_of(want, prf_octets(sa->prf_id)), message_find(m, PAYLOAD_HASH, NULL)->data)) {
		ex->notify = NOTIFY_AUTHENTICATION_FAILED;
		return VERDICT_BAD_HASH;
	}
	/* From here on the message is the peer's. */
	if (!id_port_fits(&idp->id)) {
		ex->fatal = true;
		ex->notify = NOTIFY_INVALID_ID_INFORMATION;
		ex->why = "the identity has a port or protocol that is neither zero nor UDP 500";
		return VERDICT_ID_MISMATCH;
	}
	if (!id_payload_identity(&id, &idp->id)) {
		id = (struct identity) { .type = ID_ANY };
		return wrong_identity(ex, &id, &sa->conn->remote.id);
	}

	struct conn *c = ex->role == RESPONDER                           ? conn_for_identity(ex, &id)
	                 : identity_match(&sa->conn->remote.id, &id) > 0 ? sa->conn
	                                                                 : NULL;

	if (!c)
		return wrong_identity(ex, &id, &sa->conn->remote.id);
	if (c != sa->conn) {
		say(sa->core, LOG_CFG, LOG_CONTROL, sa, NULL, "the identity %s selects connection %s", id_text(sa->core, &id),
		    c->name);
		ike_sa_set_conn(sa, c);
	}
	free(sa->remote_id);
	sa->remote_id = id_box_new(&id);
	return sa->remote_id ? VERDICT_OK : VERDICT_INTERNAL;
}

static bool
has_notify(const struct message *m, uint16_t type)
{
	for (const struct payload *p = message_find(m, PAYLOAD_N, NULL); p; p = message_find(m, PAYLOAD_N, p))
		if (p->n.type == type)
			return true;
	return false;
}

static enum verdict
verify_hash_i(struct exchange *ex, const struct message *m)
{
	enum verdict v = verify_id_hash(ex, m);

	if (v)
		return v;
	phase1_of(ex)->initial_contact = has_notify(m, NOTIFY_INITIAL_CONTACT);
	if (!kept_out(ex->sa))
		return VERDICT_OK;
	ex->fatal = true;
	ex->notify = NOTIFY_AUTHENTICATION_FAILED;
	ex->why = "unique = keep, and this identity has an IKE_SA from another address";
	return VERDICT_NOT_UNIQUE;
}

static enum verdict
verify_hash_r(struct exchange *ex, const struct message *m)
{
	struct phase1 *p = phase1_of(ex);
	enum verdict v = verify_id_hash(ex, m);
	uint64_t life = v ? 0 : info_responder_lifetime(m, PROTO_ISAKMP);

	/* So that the Delete that follows a refusal is understood. */
	if (v && ex->fatal)
		memcpy(ex->sa->iv, ex->next_iv, sizeof ex->sa->iv);
	if (life && (!p->life_seconds || life < p->life_seconds)) {
		say(ex->sa->core, LOG_IKE, LOG_CONTROL, ex->sa, "lifetime",
		    "the responder shortens the IKE_SA's lifetime to %llu s", (unsigned long long)life);
		p->life_seconds = life;
	}
	return v;
}

/* ---- The end */

static void
main_mode_fail(struct exchange *ex, const char *reason)
{
	struct ike_sa *sa = ex->sa;

	if (ex->fatal && ex->role == INITIATOR && ex->verdict == VERDICT_ID_MISMATCH)
		info_ike_deleted(sa);
	else if (ex->fatal && ex->notify)
		info_notify_clear(sa->core, &ex->local, &ex->remote, sa->cookie_i, sa->cookie_r, ex->notify);
	ike_sa_failed(sa, reason, !ex->fatal);
}

/*
 * A message that was not accepted. What is garbage after decryption most
 * likely was encrypted under another key, which a wrong PSK gives; the right
 * message may still come, so the exchange stays.
 */
static void
main_mode_refused(struct exchange *ex, enum verdict v)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;

	if (v == VERDICT_UNDECRYPTABLE || v == VERDICT_BAD_HASH) {
		char text[256];

		snprintf(text, sizeof text,
		         "the pre-shared keys of %s and %s probably differ: message %u of Main Mode does not decrypt",
		         ip_text(core, &sa->local.ip), ip_text(core, &ex->remote.ip), ex->at + 1u);
		core->verdicts[VERDICT_WRONG_PSK]++;
		say(core, LOG_IKE, LOG_AUDIT, sa, verdict_word(VERDICT_WRONG_PSK), "%s", text);
		ike_sa_notice(sa, text);
		ex->notify = v == VERDICT_BAD_HASH ? NOTIFY_AUTHENTICATION_FAILED : NOTIFY_PAYLOAD_MALFORMED;
	}
	/* RFC 2409 section 5.7: before there is an SA, "in the clear without an accompanying HASH payload". */
	if (!ex->fatal && ex->notify && ex->role == RESPONDER)
		info_notify_clear(core, &ex->local, &ex->remote, sa->cookie_i, sa->cookie_r, ex->notify);
}

#define MAY1 P(VID)

/* Main Mode, pre-shared key: RFC 2409 section 5.4. One row = one message. */
/* clang-format off */
static const struct step main_mode_steps[] = {
	/* sender    must               may              HDR*   build           process */
	{ INITIATOR, P(SA),             MAY1,            false, offer_sa,       choose_sa },
	{ RESPONDER, P(SA),             MAY1,            false, answer_sa,      accept_sa },
	{ INITIATOR, P(KE) | P(NONCE),  MAY1 | P(NAT_D) | P(CR), false, build_ke_nonce, take_ke_nonce },
	{ RESPONDER, P(KE) | P(NONCE),  MAY1 | P(NAT_D) | P(CR), false, build_ke_nonce, take_ke_nonce },
	{ INITIATOR, P(ID) | P(HASH),   P(N) | P(CR),    true,  build_id_hash,  verify_hash_i },
	{ RESPONDER, P(ID) | P(HASH),   P(N) | P(CR),    true,  build_id_hash,  verify_hash_r },
};
/* clang-format on */

const struct exchange_kind main_mode_psk = {
	.name = "Main Mode",
	.type = EXCHANGE_MAIN,
	.steps = main_mode_steps,
	.n_steps = sizeof main_mode_steps / sizeof main_mode_steps[0],
	.finish = phase1_done,
	.fail = main_mode_fail,
	.refused = main_mode_refused,
	.free_state = phase1_free,
};

bool
main_mode_initiate(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct exchange *ex = exchange_new(sa, &main_mode_psk, INITIATOR, 0);

	if (!ex)
		return false;
	ex->state = phase1_new();
	if (!ex->state) {
		core->nomem = true;
		exchange_free(ex);
		return false;
	}
	say(core, LOG_IKE, LOG_AUDIT, sa, NULL, "initiating Main Mode IKE_SA %s to %s", sa_name(sa),
	    ip_text(core, &sa->remote.ip));
	exchange_advance(ex);
	return true;
}
