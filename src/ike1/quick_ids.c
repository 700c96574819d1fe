/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"
#include "road_sa.h"

/*
 * IDci and IDcr, RFC 2409 section 5.5, of the types of RFC 2407 section 4.6.2.1.
 * Addresses, subnets and ranges are selectors. A name (FQDN, USER_FQDN, DN,
 * KEY_ID) can only stand for the end itself that has proven it in Phase 1, and so
 * for its address: of no other name does anything here say where its traffic
 * comes from. "any ID's used for input to local policy decisions SHOULD be
 * contained in the certificate used in the authentication of the exchange".
 */

static struct ip
address_of(const struct ike_sa *sa, bool ours)
{
	const struct road *r = sa->road;

	if (r && r->n_vip && r->gateway != ours)
		return r->vip[0];
	return ours ? sa->local.ip : sa->remote.ip;
}

/* What the end called itself in Phase 1. */
static bool
is_name_of_end(const struct ike_sa *sa, bool ours, const struct identity *id)
{
	const struct id_box *box = ours ? sa->local_id : sa->remote_id;
	struct identity proven = box ? id_box_get(box) : (struct identity) { 0 };

	return box && identity_equal(&proven, id);
}

static enum verdict
take(struct exchange *ex, const struct id_payload *p, bool ours, struct selector *out)
{
	struct ike_sa *sa = ex->sa;
	struct ip ip = address_of(sa, ours);
	struct identity id;

	if (id_payload_selector(out, p))
		return VERDICT_OK;
	if (!id_payload_identity(&id, p)) {
		ex->why = arena_printf(
		        &sa->core->scratch,
		        "a client identity of type %u that is no address, subnet or range, and no name that can be read",
		        p->type);
		return VERDICT_TS_MISMATCH;
	}
	if (is_name_of_end(sa, ours, &id)) {
		*out = selector_host(&ip);
		out->proto = p->proto;
		if (p->port)
			out->port_lo = out->port_hi = p->port;
		return VERDICT_OK;
	}
	ex->why = arena_printf(
	        &sa->core->scratch,
	        "the client identity of %s end is '%s': a name stands for that end's own address if it is its identity in "
	        "Phase 1, and for nothing else; the peer has to send addresses, subnets or ranges",
	        ours ? "our" : "the peer's", id_text(sa->core, &id));
	return VERDICT_TS_MISMATCH;
}

enum verdict
quick_take_ids(struct exchange *ex, const struct message *m, struct selector_pair *ts)
{
	const struct payload *ci = message_find(m, PAYLOAD_ID, NULL), *cr = ci ? message_find(m, PAYLOAD_ID, ci) : NULL;
	struct quick *q = quick_of(ex);
	enum verdict v;

	if (!ci) {
		ts->local = selector_host(&ex->sa->local.ip);
		ts->remote = selector_host(&ex->sa->remote.ip);
		return VERDICT_OK;
	}
	ex->notify = NOTIFY_INVALID_ID_INFORMATION;
	if (!cr || message_find(m, PAYLOAD_ID, cr))
		return VERDICT_MISSING_PAYLOAD;
	v = take(ex, &ci->id, false, &ts->remote);
	if (!v)
		v = take(ex, &cr->id, true, &ts->local);
	if (v)
		return v;
	if (!secret_alloc(&q->ids, ci->raw.n + cr->raw.n))
		return VERDICT_INTERNAL;
	memcpy(q->ids.p, ci->raw.p, ci->raw.n);
	memcpy(q->ids.p + ci->raw.n, cr->raw.p, cr->raw.n);
	q->n_idci = ci->raw.n;
	return VERDICT_OK;
}
