/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"

/*
 * The original addresses, RFC 3947 section 5.2: transport mode through a NAT leaves
 * the checksums of what is inside as the other end made them.
 */

static bool
is_udp_transport(uint16_t encapsulation)
{
	return encapsulation_canonical(encapsulation) == ENCAPSULATION_UDP_TRANSPORT;
}

static bool
add(struct exchange *ex, struct builder *b, const struct ip *ip)
{
	uint8_t type = ex->sa->peer_nat_t_draft ? PAYLOAD_NAT_OA_DRAFT : PAYLOAD_NAT_OA, room[20];
	struct span body = nat_oa_encode(room, ip);

	builder_add_data(b, type, body);
	return body.n > 0;
}

/* "The Initiator NAT-OA payload is first. The Responder NAT-OA payload is second." Each as this end sees it. */
bool
quick_add_nat_oa(struct exchange *ex, struct builder *b)
{
	const struct ike_sa *sa = ex->sa;
	bool initiator = ex->role == INITIATOR;

	if (!is_udp_transport(quick_terms(sa, ex->child->cfg).encapsulation))
		return true;
	return add(ex, b, initiator ? &sa->local.ip : &sa->remote.ip) && add(ex, b, initiator ? &sa->remote.ip : &sa->local.ip);
}

/* Both addresses as the peer sees them; untouched where it says nothing. */
enum verdict
quick_take_nat_oa(struct exchange *ex, const struct message *m, struct ip *ours, struct ip *theirs)
{
	const struct payload *i = message_find(m, PAYLOAD_NAT_OA, NULL), *r = i ? message_find(m, PAYLOAD_NAT_OA, i) : NULL;
	struct ip oa_i, oa_r;

	if (!i)
		return VERDICT_OK;
	if (!nat_oa_decode(&oa_i, i->data) || (r && !nat_oa_decode(&oa_r, r->data))) {
		ex->why = "a NAT-OA payload that holds no address (RFC 3947 section 5.2)";
		return VERDICT_MALFORMED;
	}
	/* The drafts sent one alone: the initiator's from the initiator, the responder's from the responder. */
	if (!r) {
		*theirs = oa_i;
		return VERDICT_OK;
	}
	*ours = ex->role == INITIATOR ? oa_i : oa_r;
	*theirs = ex->role == INITIATOR ? oa_r : oa_i;
	return VERDICT_OK;
}
