/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"

#include "ike1_sa.h"

/* Quick Mode, RFC 2409 section 5.5, as its initiator: the offer of message 1 and the answer in message 2. */

static uint16_t
our_group(const struct exchange *ex)
{
	const struct proposals *p = &ex->child->cfg->esp;
	uint16_t first = ike1_esp_group(p);

	return first == DH_NONE && quick_wants_pfs(ex->sa) ? ike1_pfs_group(p) : first;
}

static const char *
our_offer(struct exchange *ex, struct sa_payload *out)
{
	const struct child_sa *c = ex->child;
	struct ike1_esp_terms t = {
		.spi = c->spi_in,
		.dh_id = our_group(ex),
		.encapsulation = quick_encapsulation(ex->sa, c->cfg->mode),
	};

	if (t.dh_id == DH_NONE && quick_wants_pfs(ex->sa))
		return "Phase 1 was an Aggressive Mode, so that we want perfect forward secrecy (PFS), and esp_proposals name no "
		       "group: add one (such as -ecp256), or set charon.sallyport.aggressive_mode_without_pfs = yes";
	quick_our_lifetimes(c->cfg, &t.life_seconds, &t.life_kilobytes);
	return ike1_sa_from_esp_proposals(out, &c->cfg->esp, &t, &ex->sa->core->scratch);
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
	struct span hash = ike1_hash_reserve(ex->sa, b);

	ex->why = our_offer(ex, &sa.sa);
	if (ex->why)
		return BUILD_FAILED;
	builder_add(b, &sa);
	if (!quick_own_nonce(ex, &q->ni))
		return BUILD_FAILED;
	builder_add_data(b, PAYLOAD_NONCE, secret_span(&q->ni));
	if (!quick_add_ke(ex, b, our_group(ex)))
		return BUILD_FAILED;
	/* "the identities of the parties MUST be passed as IDci and then IDcr" */
	if (!add_id(b, &child_ts(c)->local) || !add_id(b, &child_ts(c)->remote)) {
		ex->why = "IKEv1 cannot say these traffic selectors: it knows subnets, ranges and one port, not port ranges";
		return BUILD_FAILED;
	}
	return ike1_hash_fill(ex->sa, b, hash, ex->message_id, (struct span) { 0 }) ? BUILT : BUILD_FAILED;
}

/* ---- Message 2 */

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

enum verdict
quick_accept(struct exchange *ex, const struct message *m)
{
	struct ike *core = ex->sa->core;
	struct quick *q = quick_of(ex);
	struct sa_payload offered;
	struct suite chosen;
	enum verdict v = quick_authentic(ex, m, secret_span(&q->ni));
	uint64_t life;

	if (!v)
		v = quick_take_nonce(m, &q->nr);
	if (!v)
		v = same_ids(ex, m);
	if (v)
		return v;
	ex->why = our_offer(ex, &offered);
	if (!ex->why)
		ex->why = ike1_sa_accept(&chosen, &m->payload[1].sa, &offered, PROPOSAL_ESP, &core->scratch);
	if (ex->why)
		return VERDICT_BAD_CHOICE;
	v = quick_take_ke(ex, m, chosen.dh_id);
	if (v)
		return v;
	quick_take_suite(ex, &chosen);
	quick_take_lifetimes(ex, &chosen, ex->child->cfg);
	life = info_responder_lifetime(m, PROTO_IPSEC_ESP);
	if (life && life < q->life_seconds) {
		say(core, LOG_CHD, LOG_CONTROL, ex->sa, "lifetime",
		    "the responder shortens the lifetime of CHILD_SA %s to %llu s", child_name(ex->child),
		    (unsigned long long)life);
		q->life_seconds = life;
	}
	ex->fatal = !quick_derive(ex);
	return ex->fatal ? VERDICT_INTERNAL : VERDICT_OK;
}
