/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"
#include "ike1_sa.h"
#include "phase1.h"
#include "refusal.h"

/* The SA payloads of Phase 1: which suite, which method, and with it which table. */

static struct match_terms
terms(const struct method *m)
{
	return (struct match_terms) { .protocol = PROPOSAL_IKE, .auth = m ? m->number : 0 };
}

static bool
take_method(struct exchange *ex, const struct method *m)
{
	struct phase1 *p = phase1_of(ex);
	const struct exchange_kind *kind = phase1_kind(ex->kind->type, (enum auth_form)m->form);

	p->method = m;
	if (kind)
		ex->kind = kind;
	return kind != NULL;
}

/* An identity, or one address: else whoever has the key is let in. */
static bool
names_one_peer(const struct conn *c)
{
	const struct address_spec *a = c->remote_addrs.n == 1 ? c->remote_addrs.a : NULL;

	return c->remote.id.type != ID_ANY || (a && (a->name || (ip_equal(&a->lo, &a->hi) && !ip_is_any(&a->lo))));
}

/* Kept until the end, for status; what people should know is said when it is established. */
static void
note_method(struct ike_sa *sa, const struct exchange *ex)
{
	const struct method *m = phase1_of(ex)->method;

	sa->auth = m->number;
	sa->log_in = m->log_in;
	sa->aggressive = phase1_aggressive(ex);
	sa->group_key = m->form == FORM_PSK && (m->log_in != LOG_IN_NOBODY || !names_one_peer(sa->conn));
}

/* "Aggressive Mode with PSK ... lets anyone guess the key offline": HASH_R goes to whoever asks. */
static const char *
weak_aggressive(const struct exchange *ex, const struct conn *c, const struct method *m)
{
	struct ike *core = ex->sa->core;

	if (!phase1_aggressive(ex) || m->form != FORM_PSK || core->settings.aggressive_psk)
		return NULL;
	return arena_printf(&core->scratch,
	                    "connection %s: Aggressive Mode with a pre-shared key lets anyone who asks guess the key offline; "
	                    "use Main Mode or certificates, or permit it with "
	                    "charon.i_dont_care_about_security_and_use_aggressive_mode_psk = yes in strongswan.conf",
	                    c->name);
}

/* As initiator it is `aggressive = yes` that permits it, as with strongSwan, for which such configurations were made. */
static void
warn_weak_aggressive(struct exchange *ex, const struct conn *c, const struct method *m)
{
	if (weak_aggressive(ex, c, m))
		say(ex->sa->core, LOG_IKE, LOG_AUDIT, ex->sa, "aggressive-psk",
		    "Aggressive Mode with a pre-shared key shows our identity to all on the way, and lets whoever answers guess "
		    "the "
		    "key offline: use Main Mode or certificates where the peer can");
}

/* ---- The initiator's offer */

static const char *
our_offer(struct exchange *ex, struct sa_payload *out)
{
	const struct conn *c = ex->sa->conn;
	struct ike1_offer_terms t = {
		.auth = phase1_of(ex)->method->number,
		.dh_id = phase1_aggressive(ex) ? ike1_first_group(&c->ike) : DH_NONE,
		.life_seconds = phase1_life_seconds(c),
	};

	return ike1_sa_from_proposals(out, &c->ike, &t, &ex->sa->core->scratch);
}

static enum built
choose_method(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	struct conn *c = sa->conn;
	const struct method *m;

	if (conn_signs(c) || conn_verifies(c)) {
		enum built r = phase1_need_credential(ex, c, 0);

		if (r != BUILT)
			return r;
		if (conn_signs(c) && !phase1_credential(ex)->ok) {
			phase1_refuse(ex, VERDICT_NO_CREDENTIAL, 0,
			              arena_printf(&core->scratch, "%s", phase1_credential(ex)->why));
			return BUILD_FAILED;
		}
	}
	m = method_for(c, INITIATOR, phase1_credential(ex)->scheme);
	if (!m) {
		ex->why = method_missing(&core->scratch, c);
		return BUILD_FAILED;
	}
	warn_weak_aggressive(ex, c, m);
	return take_method(ex, m) ? BUILT : BUILD_FAILED;
}

enum built
phase1_offer_sa(struct exchange *ex, struct builder *b)
{
	struct phase1 *p = phase1_of(ex);
	struct payload sa = { .type = PAYLOAD_SA };
	enum built r = p->method ? BUILT : choose_method(ex);

	if (r != BUILT)
		return r;
	ex->why = our_offer(ex, &sa.sa);
	if (ex->why)
		return BUILD_FAILED;
	p->our_life_seconds = phase1_life_seconds(ex->sa->conn);
	note_method(ex->sa, ex);
	return secret_copy(&p->sai_b, builder_add(b, &sa)) ? BUILT : BUILD_FAILED;
}

/* ---- The responder's choice */

struct choice {
	const struct suites *offered;
	struct match first; /* of the first connection that could have been meant: what the refusal is explained from */
	struct conn *first_conn;
	const struct method *first_method;
	const char *refused; /* why another one may not be used, whatever is offered */
	enum verdict verdict;
	uint16_t notify;
};

static void
pass_over(struct choice *ch, enum verdict v, uint16_t notify, const char *why)
{
	if (ch->refused)
		return;
	ch->refused = why;
	ch->verdict = v;
	ch->notify = notify;
}

/* Of the signatures that this connection may be asked for, those that the offer holds. */
static unsigned
schemes_offered(const struct choice *ch, const struct conn *c)
{
	unsigned bits = 0;

	for (int s = SIGN_RSA; s < SIGNATURE_SCHEMES; s++) {
		const struct method *m = method_for(c, RESPONDER, (enum signature_scheme)s);
		struct match_terms t = terms(m);
		struct match found;

		if (!m)
			continue;
		match_suites(&found, ch->offered, &c->ike, &t);
		if (found.chosen)
			bits |= 1u << s;
	}
	return bits;
}

/* The scheme that our key makes for this connection; parked while that is being asked. */
static enum built
need_scheme(struct exchange *ex, struct choice *ch, struct conn *c, enum signature_scheme *scheme)
{
	unsigned bits;
	enum built r;

	*scheme = SIGN_RSA;
	if (!conn_signs(c))
		return BUILT;
	bits = schemes_offered(ch, c);
	/* Refused below, with the reason. */
	if (!bits)
		return BUILT;
	r = phase1_need_credential(ex, c, bits);
	if (r == BUILT && phase1_credential(ex)->ok)
		*scheme = phase1_credential(ex)->scheme;
	if (r == BUILT && !phase1_credential(ex)->ok) {
		pass_over(ch, VERDICT_NO_CREDENTIAL, NOTIFY_NO_PROPOSAL_CHOSEN,
		          arena_printf(&ex->sa->core->scratch, "connection %s: %s", c->name, phase1_credential(ex)->why));
		*scheme = SIGN_NONE;
	}
	return r;
}

static bool
may_use(struct exchange *ex, struct choice *ch, const struct conn *c)
{
	if (c->aggressive == phase1_aggressive(ex))
		return true;
	pass_over(ch, VERDICT_EXCHANGE_REFUSED, NOTIFY_UNSUPPORTED_EXCHANGE_TYPE,
	          arena_printf(&ex->sa->core->scratch,
	                       c->aggressive ? "the peer wants Main Mode, connection %s has aggressive = yes"
	                                     : "the peer wants Aggressive Mode, connection %s has aggressive = no",
	                       c->name));
	return false;
}

/* BUILT with *chosen: this connection it is. */
static enum built
try_conn(struct exchange *ex, struct choice *ch, struct conn *c, struct match *m, bool *chosen)
{
	const struct method *method;
	enum signature_scheme scheme;
	struct match_terms t;
	enum built r;
	const char *weak;

	if (!may_use(ex, ch, c))
		return BUILT;
	r = need_scheme(ex, ch, c, &scheme);
	if (r != BUILT || scheme == SIGN_NONE)
		return r;
	method = method_for(c, RESPONDER, scheme);
	if (!method) {
		pass_over(ch, VERDICT_NO_PROPOSAL, NOTIFY_NO_PROPOSAL_CHOSEN, method_missing(&ex->sa->core->scratch, c));
		return BUILT;
	}
	weak = weak_aggressive(ex, c, method);
	if (weak) {
		pass_over(ch, VERDICT_EXCHANGE_REFUSED, NOTIFY_UNSUPPORTED_EXCHANGE_TYPE, weak);
		return BUILT;
	}
	t = terms(method);
	match_suites(m, ch->offered, &c->ike, &t);
	*chosen = m->chosen;
	if (!m->chosen && !ch->first_conn) {
		ch->first = *m;
		ch->first_conn = c;
		ch->first_method = method;
	}
	return m->chosen && !take_method(ex, method) ? BUILD_FAILED : BUILT;
}

/* Where the initiator has said who it is, those that may mean it; else one of each kind that answers alike. */
struct meant {
	struct candidates all;
	struct conn **named;
	size_t n_named;
};

static struct meant
find_meant(struct exchange *ex, const struct identity *id)
{
	struct meant f = { 0 };

	if (id)
		f.n_named = phase1_conns_for(ex, id, &f.named);
	else
		f.all = conn_candidates(ex->sa->core, IKE_V1, &ex->local.ip, &ex->remote.ip);
	return f;
}

static struct conn *
nth_meant(const struct meant *f, size_t i)
{
	if (i < f->n_named)
		return f->named[i];
	return candidate_kind(&f->all, i - f->n_named);
}

/* The first candidate connection that allows one of the offered suites with one of the offered methods. */
static enum built
match_candidates(struct exchange *ex, struct choice *ch, const struct identity *id, struct match *m)
{
	struct ike_sa *sa = ex->sa;
	struct phase1 *p = phase1_of(ex);
	struct meant meant = find_meant(ex, id);
	struct conn *c;
	bool chosen = false;

	for (size_t i = p->skip; !chosen && (c = nth_meant(&meant, i)); i++) {
		enum built r = try_conn(ex, ch, c, m, &chosen);

		if (r != BUILT)
			return r;
		if (chosen || !sa->conn)
			ike_sa_set_conn(sa, c);
		p->skip = i;
	}
	return BUILT;
}

static enum verdict
no_choice(struct exchange *ex, const struct choice *ch, const struct identity *id)
{
	struct ike *core = ex->sa->core;

	if (ch->first_conn) {
		struct match_terms t = terms(ch->first_method);

		return phase1_refuse(ex, VERDICT_NO_PROPOSAL, refusal_of_offer(ch->offered),
		                     explain_match(&core->scratch, &ch->first, ch->offered, &ch->first_conn->ike, &t));
	}
	if (ch->refused)
		return phase1_refuse(ex, ch->verdict, ch->notify, ch->refused);
	if (id)
		return phase1_wrong_identity(ex, id);
	return phase1_refuse(ex, VERDICT_NO_CONNECTION, NOTIFY_NO_PROPOSAL_CHOSEN, NULL);
}

/* The answer borrows from this message: written out now, it outlives it. */
static bool
keep_answer(struct exchange *ex, const struct message *in, const struct payload *sa, const struct suite *chosen)
{
	struct ike *core = ex->sa->core;
	struct sa_payload answer;
	uint8_t *room = arena_alloc(&core->scratch, sa->raw.n + 512);
	struct isakmp_header h = in->h;
	struct builder b;

	if (!room || !ike1_sa_answer(&answer, &sa->sa, chosen, &core->scratch))
		return false;
	builder_start(&b, room, sa->raw.n + 512, &h);
	return secret_copy(&phase1_of(ex)->sar_b, builder_add(&b, &(struct payload) { .type = PAYLOAD_SA, .sa = answer })) &&
	       wire_ok(&b.w);
}

enum verdict
phase1_choose_sa(struct exchange *ex, const struct message *in, const struct identity *id)
{
	struct ike *core = ex->sa->core;
	struct phase1 *p = phase1_of(ex);
	const struct payload *sa = message_find(in, PAYLOAD_SA, NULL);
	struct match *m = arena_alloc(&core->scratch, sizeof *m);
	struct choice *ch = arena_alloc(&core->scratch, sizeof *ch);
	struct suites offered;
	enum verdict v;

	ex->fatal = true;
	v = refusal_of_situation(ex, &sa->sa);
	if (v)
		return v;
	if (!m || !ch || !suites_from_ike1_sa(&offered, &sa->sa, &core->scratch))
		return VERDICT_INTERNAL;
	*ch = (struct choice) { .offered = &offered };
	*m = (struct match) { 0 };
	v = phase1_verdict(ex, match_candidates(ex, ch, id, m));
	if (v || ex->ticket)
		return v;
	if (!m->chosen)
		return no_choice(ex, ch, id);
	p->our_life_seconds = phase1_life_seconds(ex->sa->conn);
	if (!phase1_take_suite(ex, &offered.s[m->offered]) || !secret_copy(&p->sai_b, sa->raw) ||
	    !keep_answer(ex, in, sa, &offered.s[m->offered]))
		return VERDICT_INTERNAL;
	note_method(ex->sa, ex);
	ex->fatal = false;
	return VERDICT_OK;
}

void
phase1_answer_sa(struct exchange *ex, struct builder *b)
{
	static const uint8_t none[8];
	struct ike_sa *sa = ex->sa;

	/* Called again after parking: what was made stays. */
	if (memcmp(sa->cookie_r, none, 8) == 0)
		rng_fill(sa->core->rng, sa->cookie_r, 8);
	builder_add_raw(b, PAYLOAD_SA, secret_span(&phase1_of(ex)->sar_b));
}

/* ---- The initiator's check of the choice */

enum verdict
phase1_accept_sa(struct exchange *ex, const struct message *in)
{
	static const uint8_t none[8];
	struct ike_sa *sa = ex->sa;
	struct sa_payload offer;
	struct suite chosen;

	if (memcmp(in->h.cookie_r, none, 8) == 0)
		return VERDICT_BAD_CHOICE;
	ex->why = our_offer(ex, &offer);
	if (!ex->why)
		ex->why = ike1_sa_accept(&chosen, &message_find(in, PAYLOAD_SA, NULL)->sa, &offer, &sa->core->scratch);
	if (ex->why)
		return VERDICT_BAD_CHOICE;
	if (!phase1_take_suite(ex, &chosen))
		return VERDICT_INTERNAL;
	memcpy(sa->cookie_r, in->h.cookie_r, 8);
	return VERDICT_OK;
}
