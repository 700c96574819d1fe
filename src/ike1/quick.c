/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "explain.h"
#include "ike1_sa.h"
#include "keymat.h"
#include "phase1.h"

/* Quick Mode, RFC 2409 section 5.5. */

enum { QUICK_NONCE_OCTETS = 32, QUICK_NONCE_MIN = 8, QUICK_NONCE_MAX = 256, ESP_KEYS_MAX = 64 + 64 };

struct quick {
	struct dh *dh;
	struct secret ni, nr, gxy;
	struct secret sar_b; /* responder: the body of our SA payload */
	struct secret ids;   /* responder: IDci and IDcr bodies as they came, to be sent back */
	size_t n_idci;
	struct suite suite;
	uint8_t in[ESP_KEYS_MAX], out[ESP_KEYS_MAX];
	size_t n_encr, n_integ;
	uint64_t life_seconds, life_kilobytes; /* the smaller of both; 0: none */
	bool shorten;                          /* responder: say RESPONDER-LIFETIME */
	bool asked, refused_by_peer;
};

static struct quick *
quick_of(const struct exchange *ex)
{
	return ex->state;
}

static void
quick_free(struct exchange *ex)
{
	struct quick *q = ex->state;

	if (!q)
		return;
	dh_free(q->dh);
	secret_clear(&q->ni);
	secret_clear(&q->nr);
	secret_clear(&q->gxy);
	secret_clear(&q->sar_b);
	secret_clear(&q->ids);
	secret_wipe(q, sizeof *q);
	free(q);
	ex->state = NULL;
}

static uint16_t
encapsulation_for(const struct ike_sa *sa, enum child_mode mode)
{
	bool udp = sa->nat_local || sa->nat_remote || sa->nat_fake;

	if (mode == MODE_TRANSPORT)
		return udp ? ENCAPSULATION_UDP_TRANSPORT : ENCAPSULATION_TRANSPORT;
	return udp ? ENCAPSULATION_UDP_TUNNEL : ENCAPSULATION_TUNNEL;
}

static bool
own_nonce(struct exchange *ex, struct secret *n)
{
	if (n->n)
		return true;
	if (!secret_alloc(n, QUICK_NONCE_OCTETS))
		return false;
	rng_fill(ex->sa->core->rng, n->p, n->n);
	return true;
}

/* ---- Keys */

static bool
key_sizes(struct quick *q)
{
	const struct algorithm *e = algorithm_by_id(TRANSFORM_ENCR, q->suite.encr.id, q->suite.encr.key_bits);
	const struct algorithm *i = q->suite.integ_id ? algorithm_by_id(TRANSFORM_INTEG, q->suite.integ_id, 0) : NULL;

	if (!e || (q->suite.integ_id && !i))
		return false;
	q->n_encr = (size_t)e->key_octets + e->salt_octets;
	q->n_integ = i ? i->key_octets : 0;
	return q->n_encr + q->n_integ <= ESP_KEYS_MAX;
}

/* RFC 2409 section 5.5: each SA's KEYMAT is made with the SPI that its receiver chose; encryption key first, then integrity. */
static bool
derive(struct exchange *ex)
{
	const struct ike_sa *sa = ex->sa;
	const struct child_sa *c = ex->child;
	struct quick *q = quick_of(ex);
	struct span d = ike1_skeyid_d(sa), gxy = secret_span(&q->gxy), ni = secret_span(&q->ni), nr = secret_span(&q->nr);

	if (!key_sizes(q))
		return false;

	size_t n = q->n_encr + q->n_integ;

	return phase2_keymat(q->in, n, sa->prf_id, d, gxy, PROTO_IPSEC_ESP, c->spi_in, ni, nr) &&
	       phase2_keymat(q->out, n, sa->prf_id, d, gxy, PROTO_IPSEC_ESP, c->spi_out, ni, nr);
}

static void
take_suite(struct exchange *ex, const struct suite *s)
{
	struct child_sa *c = ex->child;

	quick_of(ex)->suite = *s;
	c->spi_out = s->spi;
	c->encr = s->encr;
	c->integ_id = s->integ_id;
	c->dh_id = s->dh_id;
	c->esn = s->esn;
	c->udp_encap = ex->sa->nat_local || ex->sa->nat_remote || ex->sa->nat_fake;
}

static bool
install(struct exchange *ex, enum sa_direction dir, enum parked_for who)
{
	struct quick *q = quick_of(ex);
	const uint8_t *k = dir == SA_INBOUND ? q->in : q->out;
	uint64_t ticket = child_install(ex->child, dir, span_of(k, q->n_encr), span_of(k + q->n_encr, q->n_integ), who);

	if (ticket && who == PARKED_EXCHANGE)
		ex->ticket = ticket;
	return ticket != 0;
}

/* Inbound is there before the peer can use it. BUILT once the data plane said so. */
static enum built
inbound_first(struct exchange *ex)
{
	struct quick *q = quick_of(ex);
	struct ike *core = ex->sa->core;

	if (!q->asked) {
		q->asked = true;
		ex->child->state = CHILD_STATE_INSTALLING;
		return install(ex, SA_INBOUND, PARKED_EXCHANGE) ? BUILD_PARKED : BUILD_FAILED;
	}
	if (ex->answer && ex->answer->ok)
		return BUILT;
	ex->child->in_installed = false;
	ex->notify = NOTIFY_NO_PROPOSAL_CHOSEN;
	ex->why = arena_printf(&core->scratch, "the data plane refused the inbound SA: %s",
	                       ex->answer && ex->answer->reason ? ex->answer->reason : "no reason given");
	ex->verdict = refuse(core, ex->sa, VERDICT_NOT_INSTALLED, ex->why);
	return BUILD_FAILED;
}

/* ---- Lifetimes */

static void
our_lifetimes(const struct child *cfg, uint64_t *seconds, uint64_t *kilobytes)
{
	*seconds = (uint64_t)(cfg->lifetime.life_ns / SECONDS(1));
	*kilobytes = cfg->lifetime.life_octets / 1024;
}

static uint64_t
shorter(uint64_t a, uint64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

static void
take_lifetimes(struct exchange *ex, const struct suite *s, const struct child *cfg)
{
	struct quick *q = quick_of(ex);
	uint64_t seconds, kilobytes, theirs = s->life_seconds_given ? s->life_seconds : 0;

	our_lifetimes(cfg, &seconds, &kilobytes);
	q->life_seconds = shorter(seconds, theirs);
	q->life_kilobytes = shorter(kilobytes, s->life_kilobytes_given ? s->life_kilobytes : 0);
	if (q->life_kilobytes && q->life_kilobytes <= UINT64_MAX / 1024)
		ex->child->life_octets = q->life_kilobytes * 1024;
	q->shorten = theirs && seconds && seconds < theirs;
	if (theirs && seconds && theirs != seconds)
		say(ex->sa->core, LOG_CHD, LOG_CONTROL, ex->sa, "lifetime",
		    "lifetimes of CHILD_SA %s differ: the peer says %llu s, we say %llu s (life_time); the shorter holds",
		    cfg->name, (unsigned long long)theirs, (unsigned long long)seconds);
}

/* ---- Message 1 */

static const char *
our_offer(struct exchange *ex, struct sa_payload *out)
{
	const struct child_sa *c = ex->child;
	struct ike1_esp_terms t = {
		.spi = c->spi_in,
		.dh_id = ike1_esp_group(&c->cfg->esp),
		.encapsulation = encapsulation_for(ex->sa, c->cfg->mode),
	};

	our_lifetimes(c->cfg, &t.life_seconds, &t.life_kilobytes);
	return ike1_sa_from_esp_proposals(out, &c->cfg->esp, &t, &ex->sa->core->scratch);
}

static bool
add_ke(struct exchange *ex, struct builder *b, uint16_t group)
{
	struct quick *q = quick_of(ex);

	if (group == DH_NONE)
		return true;
	if (!q->dh)
		q->dh = dh_new(group, ex->sa->core->rng);
	if (!q->dh)
		return false;
	builder_add_data(b, PAYLOAD_KE, dh_public(q->dh));
	return true;
}

static bool
add_id(struct builder *b, const struct selector *s)
{
	uint8_t room[32];
	struct payload p = { .type = PAYLOAD_ID };

	if (!id_payload_from_selector(&p.id, room, s))
		return false;
	builder_add(b, &p);
	return true;
}

static enum built
offer(struct exchange *ex, struct builder *b)
{
	const struct child_sa *c = ex->child;
	struct quick *q = quick_of(ex);
	struct payload sa = { .type = PAYLOAD_SA };
	struct span hash = ike1_hash_reserve(ex->sa, b);

	ex->why = our_offer(ex, &sa.sa);
	if (ex->why)
		return BUILD_FAILED;
	builder_add(b, &sa);
	if (!own_nonce(ex, &q->ni))
		return BUILD_FAILED;
	builder_add_data(b, PAYLOAD_NONCE, secret_span(&q->ni));
	if (!add_ke(ex, b, ike1_esp_group(&c->cfg->esp)))
		return BUILD_FAILED;
	/* "the identities of the parties MUST be passed as IDci and then IDcr" */
	if (!add_id(b, &child_ts(c)->local) || !add_id(b, &child_ts(c)->remote)) {
		ex->why = "IKEv1 cannot say these traffic selectors: it knows subnets, ranges and one port, not port ranges";
		return BUILD_FAILED;
	}
	return ike1_hash_fill(ex->sa, b, hash, ex->message_id, (struct span) { 0 }) ? BUILT : BUILD_FAILED;
}

/* ---- Message 1, as responder */

static enum verdict
authentic(struct exchange *ex, const struct message *m, struct span ni_b)
{
	if (m->payload[0].type != PAYLOAD_HASH)
		return VERDICT_PAYLOAD_ORDER;
	if (!ike1_hash_verify(ex->sa, m, ni_b))
		return VERDICT_BAD_HASH;
	ex->fatal = true;
	/* "a SA payload MUST immediately follow the HASH" */
	return m->n > 1 && m->payload[1].type == PAYLOAD_SA ? VERDICT_OK : VERDICT_PAYLOAD_ORDER;
}

static enum verdict
take_nonce(const struct message *m, struct secret *n)
{
	struct span s = message_find(m, PAYLOAD_NONCE, NULL)->data;

	if (s.n < QUICK_NONCE_MIN || s.n > QUICK_NONCE_MAX)
		return VERDICT_BAD_NONCE;
	return secret_copy(n, s) ? VERDICT_OK : VERDICT_INTERNAL;
}

/* The selectors that the peer asks for, seen from here. Without IDs: "the IP addresses of the ISAKMP peers". */
static enum verdict
take_ids(struct exchange *ex, const struct message *m, struct selector_pair *ts)
{
	const struct payload *ci = message_find(m, PAYLOAD_ID, NULL), *cr = ci ? message_find(m, PAYLOAD_ID, ci) : NULL;
	struct quick *q = quick_of(ex);

	if (!ci) {
		ts->local = selector_host(&ex->sa->local.ip);
		ts->remote = selector_host(&ex->sa->remote.ip);
		return VERDICT_OK;
	}
	ex->notify = NOTIFY_INVALID_ID_INFORMATION;
	if (!cr || message_find(m, PAYLOAD_ID, cr))
		return VERDICT_MISSING_PAYLOAD;
	if (!id_payload_selector(&ts->remote, &ci->id) || !id_payload_selector(&ts->local, &cr->id)) {
		ex->why = "the ID payloads are no addresses, subnets or ranges";
		return VERDICT_TS_MISMATCH;
	}
	if (!secret_alloc(&q->ids, ci->raw.n + cr->raw.n))
		return VERDICT_INTERNAL;
	memcpy(q->ids.p, ci->raw.p, ci->raw.n);
	memcpy(q->ids.p + ci->raw.n, cr->raw.p, cr->raw.n);
	q->n_idci = ci->raw.n;
	return VERDICT_OK;
}

struct choice {
	struct conn *conn;
	const struct child *cfg;
	struct selector_pair ts;
	bool exact;
	size_t pair;
	struct match *match;
	bool chosen; /* a proposal matched too */
};

/* Whether a configured child has this very pair of selectors, or (@within) one that contains it. */
static bool
fits(struct exchange *ex, const struct conn *conn, const struct child *cfg, const struct selector_pair *ts, bool within,
     size_t *pair)
{
	struct ike_sa *sa = ex->sa;
	const struct policy *p = policy_find_configured(sa->core, conn, cfg, &sa->local.ip, &sa->remote.ip);
	size_t n = p ? p->n_ts : 0;
	const struct selector_pair *have = p ? p->ts : policy_pairs(sa->core, cfg, &sa->local.ip, &sa->remote.ip, &n);

	if (!have || cfg->mode == MODE_PASS || cfg->mode == MODE_DROP)
		return false;
	for (size_t i = 0; i < n; i++) {
		*pair = i;
		if (within ? selector_contains(&have[i].local, &ts->local) && selector_contains(&have[i].remote, &ts->remote)
		           : selector_pair_equal(&have[i], ts))
			return true;
	}
	return false;
}

static bool
proposals_fit(struct exchange *ex, const struct suites *offered, const struct child *cfg, struct match *m)
{
	struct match_terms t = { .protocol = PROPOSAL_ESP, .encapsulation = encapsulation_for(ex->sa, cfg->mode) };

	match_suites(m, offered, &cfg->esp, &t);
	return m->chosen;
}

/* The child with these selectors whose proposals fit, exact selectors first. */
static bool
choose_child(struct exchange *ex, const struct suites *offered, struct choice *out)
{
	struct ike *core = ex->sa->core;
	struct conn_entry *loaded = conn_entry_find(core, ex->sa->conn->name);
	struct conn *conn = loaded ? loaded->conn : ex->sa->conn;
	struct match other;
	bool found = false;

	/* The peer was authenticated under the connection as it was: a changed one does not hold for it. */
	if (!conn_equal_but_children(conn, ex->sa->conn))
		conn = ex->sa->conn;
	out->match = arena_alloc(&core->scratch, sizeof *out->match);
	for (int want = 2; out->match && want >= 1; want--) {
		for (size_t i = 0; i < conn->n_children; i++) {
			size_t pair = 0;

			if (!fits(ex, conn, &conn->children[i], &out->ts, want == 1, &pair))
				continue;

			bool chosen = proposals_fit(ex, offered, &conn->children[i], &other);

			if (found && !chosen)
				continue;
			*out->match = other;
			out->conn = conn;
			out->cfg = &conn->children[i];
			out->exact = want == 2;
			out->pair = pair;
			out->chosen = chosen;
			found = true;
			if (chosen)
				return true;
		}
	}
	return found;
}

static const char *
ours_as_text(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	const char *text = NULL;

	for (size_t i = 0; i < sa->conn->n_children; i++) {
		size_t n = 0;
		struct selector_pair *have = policy_pairs(sa->core, &sa->conn->children[i], &sa->local.ip, &sa->remote.ip, &n);

		for (size_t k = 0; have && k < n && k < 4; k++)
			text = arena_printf(&sa->core->scratch, "%s%s%s (%s)", text ? text : "", text ? ", " : "",
			                    pair_text(sa->core, &have[k]), sa->conn->children[i].name);
	}
	return text ? text : "nothing";
}

static struct child_sa *
make_child(struct exchange *ex, const struct choice *w)
{
	struct ike_sa *sa = ex->sa;
	struct policy *p = w->exact ? policy_of(sa->core, w->conn, w->cfg, &sa->local.ip, &sa->remote.ip)
	                            : policy_narrowed(sa->core, w->conn, w->cfg, &sa->local.ip, &sa->remote.ip, &w->ts);

	return p ? child_new(sa, w->conn, w->cfg, p, (uint16_t)(w->exact ? w->pair : 0)) : NULL;
}

static enum verdict
take_peer_ke(struct exchange *ex, const struct message *m, uint16_t group)
{
	struct quick *q = quick_of(ex);
	const struct payload *ke = message_find(m, PAYLOAD_KE, NULL);

	if (group == DH_NONE)
		return VERDICT_OK;
	if (!ke)
		return VERDICT_MISSING_PAYLOAD;
	if (!q->dh)
		q->dh = dh_new(group, ex->sa->core->rng);
	if (!q->dh)
		return VERDICT_INTERNAL;
	secret_clear(&q->gxy);
	if (dh_shared(&q->gxy, q->dh, ke->data) == CRYPTO_OK)
		return VERDICT_OK;
	ex->notify = NOTIFY_INVALID_KEY_INFORMATION;
	return VERDICT_BAD_KE;
}

static enum verdict
keep_answer(struct exchange *ex, const struct payload *sa, const struct suite *s, uint32_t spi)
{
	struct ike *core = ex->sa->core;
	size_t cap = sa->raw.n + 512;
	uint8_t *room = arena_alloc(&core->scratch, cap);
	struct isakmp_header h = { .version = 0x10 };
	struct payload p = { .type = PAYLOAD_SA };
	struct builder b;

	if (!room || !ike1_sa_answer(&p.sa, &sa->sa, s, spi, &core->scratch))
		return VERDICT_INTERNAL;
	builder_start(&b, room, cap, &h);
	if (!secret_copy(&quick_of(ex)->sar_b, builder_add(&b, &p)) || !wire_ok(&b.w))
		return VERDICT_INTERNAL;
	return VERDICT_OK;
}

static enum verdict
refuse_proposals(struct exchange *ex, const struct choice *w, const struct suites *offered)
{
	struct match_terms t = { .protocol = PROPOSAL_ESP, .encapsulation = encapsulation_for(ex->sa, w->cfg->mode) };

	ex->notify = NOTIFY_NO_PROPOSAL_CHOSEN;
	ex->why = explain_match(&ex->sa->core->scratch, w->match, offered, &w->cfg->esp, &t);
	return VERDICT_NO_PROPOSAL;
}

static enum verdict
consider(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	struct quick *q = quick_of(ex);
	struct suites offered;
	struct choice w = { 0 };
	enum verdict v = authentic(ex, m, (struct span) { 0 });

	if (v == VERDICT_OK || ex->fatal)
		ike_sa_fresh_id(sa, ex->message_id);
	if (!v)
		v = take_nonce(m, &q->ni);
	if (!v)
		v = take_ids(ex, m, &w.ts);
	if (v)
		return v;
	if (!suites_from_ike1_esp_sa(&offered, &m->payload[1].sa, &core->scratch))
		return VERDICT_INTERNAL;
	if (offered.n)
		quick_of(ex)->suite.spi = offered.s[0].spi;
	if (!choose_child(ex, &offered, &w)) {
		ex->notify = NOTIFY_INVALID_ID_INFORMATION;
		ex->why = arena_printf(&core->scratch,
		                       "the peer wants %s (ours first); connection %s allows %s: see local_ts and remote_ts",
		                       pair_text(core, &w.ts), sa->conn->name, ours_as_text(ex));
		return VERDICT_TS_MISMATCH;
	}
	if (!w.chosen)
		return refuse_proposals(ex, &w, &offered);

	const struct suite *s = &offered.s[w.match->offered];

	v = take_peer_ke(ex, m, s->dh_id);
	if (v)
		return v;
	ex->child = make_child(ex, &w);
	if (!ex->child)
		return VERDICT_INTERNAL;
	ex->child->exchange = ex;
	ex->child->role = RESPONDER;
	take_suite(ex, s);
	take_lifetimes(ex, s, w.cfg);
	if (!child_new_spi(ex->child))
		return VERDICT_INTERNAL;
	v = keep_answer(ex, &m->payload[1], s, ex->child->spi_in);
	ex->fatal = v != VERDICT_OK;
	return v;
}

/* ---- Message 2 */

static enum built
answer(struct exchange *ex, struct builder *b)
{
	struct quick *q = quick_of(ex);
	enum built r;

	if (!own_nonce(ex, &q->nr) || (!q->asked && !derive(ex)))
		return BUILD_FAILED;
	r = inbound_first(ex);
	if (r != BUILT)
		return r;

	struct span hash = ike1_hash_reserve(ex->sa, b);

	builder_add_raw(b, PAYLOAD_SA, secret_span(&q->sar_b));
	builder_add_data(b, PAYLOAD_NONCE, secret_span(&q->nr));
	if (!add_ke(ex, b, q->suite.dh_id))
		return BUILD_FAILED;
	if (q->ids.n) {
		builder_add_raw(b, PAYLOAD_ID, span_of(q->ids.p, q->n_idci));
		builder_add_raw(b, PAYLOAD_ID, span_of(q->ids.p + q->n_idci, q->ids.n - q->n_idci));
	}
	if (q->shorten) {
		uint8_t spi[4];

		put_be32(spi, ex->child->spi_in);
		info_add_responder_lifetime(b, &ex->sa->core->scratch, PROTO_IPSEC_ESP, span_of(spi, 4), q->life_seconds,
		                            q->life_kilobytes);
	}
	/* HASH(2) = prf(SKEYID_a, M-ID | Ni_b | ...) */
	return ike1_hash_fill(ex->sa, b, hash, ex->message_id, secret_span(&q->ni)) ? BUILT : BUILD_FAILED;
}

/* Selectors cannot be narrowed in IKEv1: what comes back is what was sent, or nothing. */
static enum verdict
same_ids(struct exchange *ex, const struct message *m)
{
	const struct payload *ci = message_find(m, PAYLOAD_ID, NULL), *cr = ci ? message_find(m, PAYLOAD_ID, ci) : NULL;
	struct ike *core = ex->sa->core;
	struct selector_pair ts;

	if (!ci)
		return VERDICT_OK;
	if (!cr || !id_payload_selector(&ts.local, &ci->id) || !id_payload_selector(&ts.remote, &cr->id))
		return VERDICT_TS_MISMATCH;
	if (selector_pair_equal(&ts, child_ts(ex->child)))
		return VERDICT_OK;
	ex->why = arena_printf(&core->scratch, "we asked for %s, the peer answered %s", pair_text(core, child_ts(ex->child)),
	                       pair_text(core, &ts));
	return VERDICT_TS_MISMATCH;
}

static enum verdict
accept(struct exchange *ex, const struct message *m)
{
	struct ike *core = ex->sa->core;
	struct quick *q = quick_of(ex);
	struct sa_payload offered;
	struct suite chosen;
	enum verdict v = authentic(ex, m, secret_span(&q->ni));
	uint64_t life;

	if (!v)
		v = take_nonce(m, &q->nr);
	if (!v)
		v = same_ids(ex, m);
	if (v)
		return v;
	ex->why = our_offer(ex, &offered);
	if (!ex->why)
		ex->why = ike1_sa_accept(&chosen, &m->payload[1].sa, &offered, PROPOSAL_ESP, &core->scratch);
	if (ex->why)
		return VERDICT_BAD_CHOICE;
	v = take_peer_ke(ex, m, chosen.dh_id);
	if (v)
		return v;
	take_suite(ex, &chosen);
	take_lifetimes(ex, &chosen, ex->child->cfg);
	life = info_responder_lifetime(m, PROTO_IPSEC_ESP);
	if (life && life < q->life_seconds) {
		say(core, LOG_CHD, LOG_CONTROL, ex->sa, "lifetime",
		    "the responder shortens the lifetime of CHILD_SA %s to %llu s", child_name(ex->child),
		    (unsigned long long)life);
		q->life_seconds = life;
	}
	ex->fatal = !derive(ex);
	return ex->fatal ? VERDICT_INTERNAL : VERDICT_OK;
}

/* ---- Message 3 */

static enum built
confirm(struct exchange *ex, struct builder *b)
{
	struct quick *q = quick_of(ex);
	enum built r = inbound_first(ex);
	struct span hash;

	if (r != BUILT)
		return r;
	hash = ike1_hash_reserve(ex->sa, b);
	if (!wire_ok(&b->w))
		return BUILD_FAILED;
	return phase2_hash3(b->w.out + (hash.p - b->w.out), ex->sa->prf_id, ike1_skeyid_a(ex->sa), ex->message_id,
	                    secret_span(&q->ni), secret_span(&q->nr))
	               ? BUILT
	               : BUILD_FAILED;
}

static enum verdict
confirmed(struct exchange *ex, const struct message *m)
{
	struct quick *q = quick_of(ex);
	uint8_t want[PRF_OCTETS_MAX];

	if (!phase2_hash3(want, ex->sa->prf_id, ike1_skeyid_a(ex->sa), ex->message_id, secret_span(&q->ni), secret_span(&q->nr)))
		return VERDICT_INTERNAL;
	return secret_equal(span_of(want, prf_octets(ex->sa->prf_id)), message_find(m, PAYLOAD_HASH, NULL)->data)
	               ? VERDICT_OK
	               : VERDICT_BAD_HASH;
}

/* ---- The end */

/* The responder knows that the initiator is ready; the initiator waits until the peer surely is (docs/adr/0003). */
static void
finish(struct exchange *ex)
{
	struct quick *q = quick_of(ex);
	struct child_sa *c = ex->child;
	struct ike_sa *sa = ex->sa;
	bool later = ex->role == INITIATOR;
	uint64_t life = q->life_seconds < 100000000 ? q->life_seconds : 100000000;
	uint32_t id = c->id, sa_id = sa->id;
	struct ike *core = sa->core;

	ex->child_id = id;
	if (later)
		child_hold_outbound(c, span_of(q->out, q->n_encr), span_of(q->out + q->n_encr, q->n_integ));
	else
		install(ex, SA_OUTBOUND, PARKED_CHILD);
	child_established(c, (instant_t)life * SECONDS(1));
	c = child_by_id(core, id);
	if (c && later)
		child_switch_later(c);
	sa = ike_sa_by_id(core, sa_id);
	if (sa)
		quick_mode_queue(sa);
}

/* What waits for a free place under the limit of exchanges; the one that just ended still counts. */
void
quick_mode_queue(struct ike_sa *sa)
{
	struct ike_sa *next = sa->successor ? ike_sa_by_id(sa->core, sa->successor) : sa;

	sa->running--;
	ike_sa_run_queue(next ? next : sa);
	sa->running++;
}

static void
notify_refused(struct ike_sa *sa, const struct refused_quick *r)
{
	uint8_t spi[4];

	put_be32(spi, r->spi);
	info_notify(sa, PROTO_IPSEC_ESP, r->notify, span_of(spi, r->spi ? 4 : 0), (struct span) { 0 });
}

static void
say_refused(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct refused_quick r = {
		.digest = ex->in_hash,
		.message_id = ex->message_id,
		.spi = quick_of(ex)->suite.spi,
		.notify = ex->notify,
	};

	if (ex->role == RESPONDER)
		sa->refused[sa->n_refused++ % REFUSALS_KEPT] = r;
	notify_refused(sa, &r);
}

void
quick_mode_received(struct ike_sa *sa, uint32_t message_id, uint64_t digest)
{
	for (size_t i = 0; i < REFUSALS_KEPT; i++)
		if (sa->refused[i].message_id == message_id && !sa->refused[i].digest)
			sa->refused[i].digest = digest;
}

/* RFC 2408 section 5.1: the same message gets the same answer. */
bool
quick_mode_refused_before(struct ike_sa *sa, uint32_t message_id, uint64_t digest)
{
	for (size_t i = 0; i < REFUSALS_KEPT; i++) {
		if (!message_id || sa->refused[i].message_id != message_id || sa->refused[i].digest != digest)
			continue;
		notify_refused(sa, &sa->refused[i]);
		return true;
	}
	return false;
}

static void
quick_fail(struct exchange *ex, const char *reason)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	struct child_sa *c = ex->child;
	struct quick *q = quick_of(ex);
	bool silent = ex->at > 0 && !ex->fatal && !ex->verdict && ex->role == INITIATOR && !q->refused_by_peer && sa->heard_at < ex->started_at;
	uint32_t id = sa->id;

	if (ex->notify)
		say_refused(ex);
	if (c)
		child_failed(c, reason);
	else
		exchange_free(ex);
	sa = ike_sa_by_id(core, id);
	if (!sa)
		return;
	/*
	 * Nothing at all was heard while it repeated itself: the peer, or its memory of
	 * this SA, may be gone. Where a probe can tell, it decides.
	 */
	if (silent && !sa->peer_dpd) {
		ike_sa_end(sa, END_DPD, "the peer does not answer Quick Mode");
		return;
	}
	if (silent)
		ike_sa_probe(sa);
	ike_sa_run_queue(sa);
}

void
quick_mode_refused(struct ike_sa *sa, struct span spi, const char *why)
{
	struct exchange *found = NULL;
	unsigned n = 0;

	for (struct exchange *ex = sa->exchanges; ex; ex = ex->next) {
		if (ex->over || ex->kind != &quick_mode || ex->role != INITIATOR || !ex->child || ex->at != 1)
			continue;
		if (spi.n == 4 && get_be32(spi.p) == ex->child->spi_in) {
			found = ex;
			n = 1;
			break;
		}
		found = ex;
		n++;
	}
	if (n != 1)
		return;
	quick_of(found)->refused_by_peer = true;
	exchange_end(found, why);
}

#define Q_MUST (P(HASH) | P(SA) | P(NONCE))
#define Q_MAY (P(KE) | P(ID) | P(NAT_OA))

/* Quick Mode: RFC 2409 section 5.5. One row = one message. */
/* clang-format off */
static const struct step quick_steps[] = {
	/* sender    must     may    HDR*  build    process */
	{ INITIATOR, Q_MUST,  Q_MAY, true, offer,   consider },
	{ RESPONDER, Q_MUST,  Q_MAY, true, answer,  accept },
	{ INITIATOR, P(HASH), 0,     true, confirm, confirmed },
};
/* clang-format on */

const struct exchange_kind quick_mode = {
	.name = "Quick Mode",
	.type = EXCHANGE_QUICK,
	.steps = quick_steps,
	.n_steps = sizeof quick_steps / sizeof quick_steps[0],
	/* Message 3 has no answer: only the repetition of message 2 shows that it was lost. */
	.responder_repeats = true,
	.finish = finish,
	.fail = quick_fail,
	.free_state = quick_free,
};

bool
quick_mode_open(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;

	ex->started_at = sa->core->now;
	ex->state = calloc(1, sizeof(struct quick));
	return ex->state && phase2_iv(ex->iv, ike1_block(sa), sa->prf_id, span_of(sa->iv, ike1_block(sa)), ex->message_id);
}

uint32_t
ike1_message_id(struct ike_sa *sa)
{
	uint32_t mid;

	do {
		mid = rng_u32(sa->core->rng);
	} while (!mid || exchange_find(sa, mid) || ike_sa_seen_id(sa, mid));
	/* Used up: what comes back under it is a reflection, which our keys would open. */
	ike_sa_fresh_id(sa, mid);
	return mid;
}

bool
quick_mode_initiate(struct child_sa *c)
{
	struct ike_sa *sa = c->sa;
	struct exchange *ex = exchange_new(sa, &quick_mode, INITIATOR, ike1_message_id(sa));

	if (!ex)
		return false;
	if (!quick_mode_open(ex) || !child_new_spi(c)) {
		exchange_free(ex);
		return false;
	}
	ex->child = c;
	c->exchange = ex;
	c->role = INITIATOR;
	c->created_at = sa->core->now;
	exchange_advance(ex);
	return true;
}
