/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"
#include "refusal.h"
#include "road_sa.h"

#include "explain.h"
#include "ike1_sa.h"

/* Quick Mode, RFC 2409 section 5.5, as its responder: which child message 1 means, and message 2. */

struct choice {
	struct conn *conn;
	const struct child *cfg;
	struct selector_pair ts;
	bool exact;
	size_t pair;
	struct match *match;
	struct bundle bundle;
	bool chosen;            /* a proposal matched too */
	struct ip ours, theirs; /* NAT-OA: both ends as the peer sees them */
};

/*
 * In transport mode an end behind a NAT names itself by its own address, and us by the one that it
 * sends to; in our SPD both stand as we see them. NAT-OA says that they are the same.
 */
static void
see_through_nat(struct selector *s, const struct ip *as_peer, const struct ip *as_we)
{
	if (as_peer->family != IP_NONE && ip_equal(&s->lo, as_peer) && ip_equal(&s->hi, as_peer))
		s->lo = s->hi = *as_we;
}

static struct selector_pair
asked_for(struct exchange *ex, const struct choice *w, const struct child *cfg)
{
	struct selector_pair ts = w->ts;

	if (cfg->mode == MODE_TRANSPORT) {
		see_through_nat(&ts.local, &w->ours, &ex->sa->local.ip);
		see_through_nat(&ts.remote, &w->theirs, &ex->sa->remote.ip);
	}
	return ts;
}

/* Whether a configured child has this very pair of selectors, or (@within) one that contains it. */
static bool
fits(struct exchange *ex, const struct conn *conn, const struct child *cfg, const struct selector_pair *ts, bool within,
     size_t *pair)
{
	struct ike_sa *sa = ex->sa;
	struct policy *p = road_find_policy(sa, conn, cfg);
	size_t n = p ? p->n_ts : 0, first = p && !within && p->at < n ? p->at : 0;
	const struct selector_pair *have = p ? p->ts : road_pairs(sa, cfg, &n);

	if (!have || mode_is_shunt(cfg->mode))
		return false;
	for (size_t k = 0; k < n; k++) {
		size_t i = first + k < n ? first + k : first + k - n;

		if (within ? !selector_contains(&have[i].local, &ts->local) || !selector_contains(&have[i].remote, &ts->remote)
		           : !selector_pair_equal(&have[i], ts))
			continue;
		*pair = i;
		if (p)
			p->at = i + 1;
		return true;
	}
	return false;
}

static bool
proposals_fit(struct exchange *ex, const struct suites *offered, const struct child *cfg, struct match *m, struct bundle *b)
{
	struct bundle_terms t = quick_terms(ex->sa, cfg);

	match_bundles(b, m, offered, &t);
	return m->chosen && !quick_impossible(ex->sa, cfg);
}

/*
 * A client that knows Cisco's attributes asks for everything, and sends only what the
 * split networks cover: of one network behind us, that one is what it gets.
 */
static bool
fits_unity(struct exchange *ex, const struct child *cfg, struct selector_pair *ts)
{
	struct ike_sa *sa = ex->sa;
	size_t n = 0, fit = 0, last = 0;
	struct selector_pair *have;

	if (!sa->core->settings.unity || !sa->peer_unity || !sa->road || !sa->road->gateway ||
	    ip_range_prefix(&ts->local.lo, &ts->local.hi) != 0 || cfg->mode != MODE_TUNNEL)
		return false;
	have = road_pairs(sa, cfg, &n);
	for (size_t i = 0; have && i < n; i++) {
		if (!selector_contains(&ts->local, &have[i].local) || !selector_contains(&have[i].remote, &ts->remote))
			continue;
		last = i;
		fit++;
	}
	if (fit == 1)
		ts->local = have[last].local;
	return fit > 0;
}

/* The child with these selectors whose proposals fit, exact selectors first. */
static bool
choose_child(struct exchange *ex, const struct suites *offered, struct choice *out)
{
	struct ike *core = ex->sa->core;
	struct conn_entry *loaded = conn_entry_find(core, ex->sa->conn->name);
	struct conn *conn = loaded ? loaded->conn : ex->sa->conn;
	struct match other;
	struct bundle bundle;
	bool found = false;

	/* The peer was authenticated under the connection as it was: a changed one does not hold for it. */
	if (!conn_equal_but_children(conn, ex->sa->conn))
		conn = ex->sa->conn;
	out->match = arena_alloc(&core->scratch, sizeof *out->match);
	for (int want = 2; out->match && want >= 0; want--) {
		for (size_t i = 0; i < conn->n_children; i++) {
			size_t pair = 0;

			struct selector_pair ts = asked_for(ex, out, &conn->children[i]);

			if (want ? !fits(ex, conn, &conn->children[i], &ts, want == 1, &pair)
			         : !fits_unity(ex, &conn->children[i], &out->ts))
				continue;

			bool chosen = proposals_fit(ex, offered, &conn->children[i], &other, &bundle);

			if (found && !chosen)
				continue;
			*out->match = other;
			out->bundle = bundle;
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
		struct selector_pair *have = road_pairs(sa, &sa->conn->children[i], &n);

		for (size_t k = 0; have && k < n && k < 4; k++)
			text = arena_printf(&sa->core->scratch, "%s%s%s (%s)", text ? text : "", text ? ", " : "",
			                    pair_text(sa->core, &have[k]), sa->conn->children[i].name);
	}
	return text ? text : "nothing";
}

/* Should the other one be gone, it gives way as soon as that is known. */
static enum verdict
refuse_rival(struct exchange *ex, const struct selector_pair *ts, struct ike_sa *rival)
{
	struct ike *core = ex->sa->core;

	ex->notify = NOTIFY_INVALID_ID_INFORMATION;
	ex->why =
	        arena_printf(&core->scratch,
	                     "%s belongs to %s of IKE_SA %s: give each peer an address of its own (vips and pools; in transport "
	                     "mode charon.sallyport.nat_aliases), or selectors that differ; where that peer is gone, dpd_delay "
	                     "frees them",
	                     pair_text(core, ts), ends_text(rival), sa_name(rival));
	ike_sa_probe(rival);
	return VERDICT_TS_TAKEN;
}

static void
say_alias(struct ike_sa *sa, const struct policy *p, const struct ike_sa *rival)
{
	char text[IP_TEXT_MAX];

	say(sa->core, LOG_CHD, LOG_CONTROL, sa, NULL,
	    "%s of IKE_SA %s has these selectors: this peer is %s here (charon.sallyport.nat_aliases), and so its packets",
	    ends_text(rival), sa_name(rival), ip_format(text, &p->alias));
}

/* *p is the policy that @ts stand in as *pair, or that of an alias where another peer has them. */
static enum verdict
choose_policy(struct exchange *ex, const struct choice *w, const struct selector_pair *ts, struct policy **p, uint16_t *pair)
{
	struct ike_sa *sa = ex->sa, *rival;
	struct policy *alias = policy_of_alias(sa, w->conn, w->cfg, ts, false);

	*pair = (uint16_t)(w->exact ? w->pair : 0);
	*p = alias      ? alias
	     : w->exact ? road_policy(sa, w->conn, w->cfg)
	                : policy_narrowed(sa->core, w->conn, w->cfg, &sa->local.ip, &sa->remote.ip, ts);
	rival = *p && !alias ? child_rival(sa, *p, *pair) : NULL;
	if (rival)
		alias = policy_of_alias(sa, w->conn, w->cfg, ts, true);
	if (rival && !alias)
		return refuse_rival(ex, &(*p)->ts[*pair], rival);
	if (rival)
		say_alias(sa, alias, rival);
	if (alias) {
		*p = alias;
		*pair = 0;
	}
	return *p ? VERDICT_OK : VERDICT_INTERNAL;
}

static enum verdict
make_child(struct exchange *ex, const struct choice *w)
{
	struct selector_pair ts = asked_for(ex, w, w->cfg);
	struct policy *p;
	uint16_t pair;
	enum verdict v = choose_policy(ex, w, &ts, &p, &pair);

	if (v)
		return v;
	/* A policy that was made for it goes where the child cannot be made. */
	policy_use(ex->sa->core, p, 0, 1);
	ex->child = child_new(ex->sa, w->conn, w->cfg, p, pair);
	policy_use(ex->sa->core, p, 0, -1);
	return ex->child ? VERDICT_OK : VERDICT_INTERNAL;
}

static enum verdict
keep_answer(struct exchange *ex, const struct payload *sa)
{
	struct ike *core = ex->sa->core;
	struct quick *q = quick_of(ex);
	struct bundle_spis spis = quick_own_spis(ex->child);
	size_t cap = sa->raw.n + 512;
	uint8_t *room = arena_alloc(&core->scratch, cap);
	struct isakmp_header h = { .version = 0x10 };
	struct payload p = { .type = PAYLOAD_SA };
	struct builder b;

	if (!room || !ike1_sa_answer_bundle(&p.sa, &sa->sa, &q->bundle, &spis, &core->scratch))
		return VERDICT_INTERNAL;
	builder_start(&b, room, cap, &h);
	if (!secret_copy(&q->sar_b, builder_add(&b, &p)) || !wire_ok(&b.w))
		return VERDICT_INTERNAL;
	return VERDICT_OK;
}

static enum verdict
refuse_proposals(struct exchange *ex, const struct choice *w, const struct suites *offered)
{
	struct bundle_terms t = quick_terms(ex->sa, w->cfg);

	ex->why = quick_impossible(ex->sa, w->cfg);
	ex->notify = ex->why ? NOTIFY_NO_PROPOSAL_CHOSEN : refusal_of_offer(offered);
	if (!ex->why)
		ex->why = explain_bundles(&ex->sa->core->scratch, w->match, offered, &t);
	return VERDICT_NO_PROPOSAL;
}

static enum verdict
refuse_selectors(struct exchange *ex, const struct choice *w)
{
	struct ike *core = ex->sa->core;

	ex->notify = NOTIFY_INVALID_ID_INFORMATION;
	ex->why = arena_printf(&core->scratch,
	                       "the peer wants %s (ours first); connection %s allows %s: see local_ts and remote_ts",
	                       pair_text(core, &w->ts), ex->sa->conn->name, ours_as_text(ex));
	return VERDICT_TS_MISMATCH;
}

/* The child that message 1 asks for: chosen, keyed as far as the peer's half goes, with SPIs of our own. */
static enum verdict
begin_child(struct exchange *ex, const struct message *m, const struct choice *w)
{
	enum verdict v = quick_take_ke(ex, m, quick_group(&w->bundle));

	if (v)
		return v;
	if (!child_room(ex->sa, &ex->why)) {
		ex->notify = NOTIFY_NO_PROPOSAL_CHOSEN;
		return VERDICT_CHILD_LIMIT;
	}
	v = make_child(ex, w);
	if (v)
		return v;
	ex->child->exchange = ex;
	ex->child->role = RESPONDER;
	if (!quick_new_spis(ex->child, w->bundle.has))
		return VERDICT_INTERNAL;
	quick_take_bundle(ex, &w->bundle);
	quick_take_lifetimes(ex, w->cfg);
	ex->child->oa_local = w->ours;
	ex->child->oa_remote = w->theirs;
	v = keep_answer(ex, &m->payload[1]);
	ex->fatal = v != VERDICT_OK;
	return v;
}

enum verdict
quick_consider(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	struct quick *q = quick_of(ex);
	struct suites offered;
	struct choice w = { 0 };
	enum verdict v = quick_authentic(ex, m, (struct span) { 0 });

	if (v == VERDICT_OK || ex->fatal)
		ike_sa_fresh_id(sa, ex->message_id);
	if (!v)
		v = refusal_of_situation(ex, &m->payload[1].sa);
	if (!v)
		v = quick_take_nonce(m, &q->ni);
	if (!v)
		v = quick_take_ids(ex, m, &w.ts);
	if (!v)
		v = quick_take_nat_oa(ex, m, &w.ours, &w.theirs);
	if (v)
		return v;
	if (!suites_from_ike1_ipsec_sa(&offered, &m->payload[1].sa, &sa->core->scratch))
		return VERDICT_INTERNAL;
	if (offered.n) {
		q->offered_spi = offered.s[0].spi;
		q->offered_protocol = offered.s[0].protocol;
	}
	info_said_inside(sa, m);
	if (!choose_child(ex, &offered, &w))
		return refuse_selectors(ex, &w);
	if (!w.chosen)
		return refuse_proposals(ex, &w, &offered);
	return begin_child(ex, m, &w);
}

/* ---- Message 2 */

/* RFC 2407 section 4.6.3.2: "the responder's election on whether or not he is to perform anti-replay detection". */
static void
add_replay_status(struct exchange *ex, struct builder *b)
{
	static const uint8_t disabled[4] = { 0, 0, 0, 0 };
	uint8_t spi[4];

	put_be32(spi, ex->child->spi_in);
	builder_add(b, &(struct payload) { .type = PAYLOAD_N,
	                                   .n = { .doi = DOI_IPSEC,
	                                          .protocol = ex->child->protocol,
	                                          .type = NOTIFY_REPLAY_STATUS,
	                                          .spi = span_of(spi, 4),
	                                          .data = span_of(disabled, 4) } });
}

enum built
quick_answer(struct exchange *ex, struct builder *b)
{
	struct quick *q = quick_of(ex);
	enum built r;

	if (!quick_own_nonce(ex, &q->nr) || (!q->asked && !quick_derive(ex)))
		return BUILD_FAILED;
	r = quick_inbound_first(ex);
	if (r != BUILT)
		return r;

	struct span hash = ike1_hash_reserve(ex->sa, b);

	builder_add_raw(b, PAYLOAD_SA, secret_span(&q->sar_b));
	builder_add_data(b, PAYLOAD_NONCE, secret_span(&q->nr));
	if (!quick_add_ke(ex, b, quick_group(&q->bundle)))
		return BUILD_FAILED;
	if (q->ids.n) {
		builder_add_raw(b, PAYLOAD_ID, span_of(q->ids.p, q->n_idci));
		builder_add_raw(b, PAYLOAD_ID, span_of(q->ids.p + q->n_idci, q->ids.n - q->n_idci));
	}
	if (ex->child->cfg->mode == MODE_TRANSPORT && !quick_add_nat_oa(ex, b))
		return BUILD_FAILED;
	if (q->shorten) {
		uint8_t spi[4];

		put_be32(spi, ex->child->spi_in);
		info_add_responder_lifetime(b, &ex->sa->core->scratch, ex->child->protocol, span_of(spi, 4), q->life_seconds,
		                            q->life_kilobytes);
	}
	if (!ex->child->cfg->replay_window)
		add_replay_status(ex, b);
	/* HASH(2) = prf(SKEYID_a, M-ID | Ni_b | ...) */
	return ike1_hash_fill(ex->sa, b, hash, ex->message_id, secret_span(&q->ni)) ? BUILT : BUILD_FAILED;
}
