/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"

/* Quick Mode, RFC 2409 section 5.5, as its initiator: the offer of message 1 and the answer in message 2. */

static const char *
our_offer(struct exchange *ex, struct sa_payload *out)
{
	const struct child_sa *c = ex->child;
	struct bundle_offer o = { .terms = quick_terms(ex->sa, c->cfg), .spis = quick_own_spis(c) };
	const char *why = quick_impossible(ex->sa, c->cfg);

	o.dh_id = bundle_group(&o.terms);
	if (o.dh_id == DH_NONE && o.terms.pfs)
		return "Phase 1 was an Aggressive Mode, so we require perfect forward secrecy (PFS), but esp_proposals name no "
		       "group: add one (such as -ecp256), or set charon.sallyport.aggressive_mode_without_pfs = yes";
	quick_our_lifetimes(c->cfg, &o.life_seconds, &o.life_kilobytes);
	return why ? why : ike1_sa_from_bundle(out, &o, &ex->sa->core->scratch);
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

enum built
quick_offer(struct exchange *ex, struct builder *b)
{
	const struct child_sa *c = ex->child;
	struct quick *q = quick_of(ex);
	struct payload sa = { .type = PAYLOAD_SA };
	struct bundle_terms terms = quick_terms(ex->sa, c->cfg);
	struct span hash = ike1_hash_reserve(ex->sa, b);
	struct selector_pair ts = child_ts_said(c);

	ex->why = our_offer(ex, &sa.sa);
	if (ex->why)
		return BUILD_FAILED;
	builder_add(b, &sa);
	if (!quick_own_nonce(ex, &q->ni))
		return BUILD_FAILED;
	builder_add_data(b, PAYLOAD_NONCE, secret_span(&q->ni));
	if (!quick_add_ke(ex, b, bundle_group(&terms)))
		return BUILD_FAILED;
	/* "the identities of the parties MUST be passed as IDci and then IDcr" */
	if (!add_id(b, &ts.local) || !add_id(b, &ts.remote)) {
		ex->why = "IKEv1 cannot say these traffic selectors: it knows subnets, ranges and one port, not port ranges";
		return BUILD_FAILED;
	}
	if (c->cfg->mode == MODE_TRANSPORT && !quick_add_nat_oa(ex, b))
		return BUILD_FAILED;
	return ike1_hash_fill(ex->sa, b, hash, ex->message_id, (struct span) { 0 }) ? BUILT : BUILD_FAILED;
}

/* ---- Message 2 */

/* Without client identities "the IP addresses of the ISAKMP peers" are meant (RFC 2409 section 5.5), whatever was asked for. */
static bool
answered_ids(struct selector_pair *ts, const struct ike_sa *sa, const struct message *m)
{
	const struct payload *ci = message_find(m, PAYLOAD_ID, NULL), *cr = ci ? message_find(m, PAYLOAD_ID, ci) : NULL;

	if (!ci) {
		ts->local = selector_host(&sa->local.ip);
		ts->remote = selector_host(&sa->remote.ip);
		return true;
	}
	return cr && !message_find(m, PAYLOAD_ID, cr) && id_payload_selector(&ts->local, &ci->id) &&
	       id_payload_selector(&ts->remote, &cr->id);
}

/* Selectors cannot be narrowed in IKEv1: what comes back is what was sent. */
static enum verdict
same_ids(struct exchange *ex, const struct message *m)
{
	struct ike *core = ex->sa->core;
	struct selector_pair said = child_ts_said(ex->child), ts;

	if (!answered_ids(&ts, ex->sa, m))
		return VERDICT_TS_MISMATCH;
	if (selector_pair_equal(&ts, &said))
		return VERDICT_OK;
	ex->why = arena_printf(&core->scratch, "we asked for %s, the peer answered %s", pair_text(core, &said),
	                       pair_text(core, &ts));
	return VERDICT_TS_MISMATCH;
}

/* The choice against what we offered: made again from the same configuration and SPIs. */
static enum verdict
take_choice(struct exchange *ex, const struct message *m)
{
	struct ike *core = ex->sa->core;
	struct sa_payload offered;
	struct bundle chosen;
	enum verdict v;

	ex->why = our_offer(ex, &offered);
	if (!ex->why)
		ex->why = ike1_sa_accept_bundle(&chosen, &m->payload[1].sa, &offered, &core->scratch);
	if (ex->why)
		return VERDICT_BAD_CHOICE;
	v = quick_take_ke(ex, m, quick_group(&chosen));
	if (!v)
		quick_take_bundle(ex, &chosen);
	return v;
}

enum verdict
quick_accept(struct exchange *ex, const struct message *m)
{
	struct quick *q = quick_of(ex);
	enum verdict v = quick_authentic(ex, m, secret_span(&q->ni));

	if (!v)
		v = quick_take_nonce(m, &q->nr);
	if (!v)
		v = same_ids(ex, m);
	if (!v)
		v = quick_take_nat_oa(ex, m, &ex->child->oa_local, &ex->child->oa_remote);
	if (!v)
		v = take_choice(ex, m);
	if (v)
		return v;
	quick_take_lifetimes(ex, ex->child->cfg);
	quick_shorten(ex, m);
	info_said_inside(ex->sa, m);
	ex->fatal = !quick_derive(ex);
	return ex->fatal ? VERDICT_INTERNAL : VERDICT_OK;
}
