/* SPDX-License-Identifier: Apache-2.0 */
#include "phase1.h"

/* NAT detection, RFC 3947 section 3.2, and the float to port 4500, section 4. */

/*
 * What came before the RFC and is still out there: drafts 02 and 03, which float as the RFC does but have other numbers for
 * payloads and encapsulation modes. Those of draft 00 and 01 stay on port 500: they are not spoken. Best first.
 */
static const enum vendor_id spoken[] = { VENDOR_NAT_T_RFC3947, VENDOR_NAT_T_DRAFT_03, VENDOR_NAT_T_DRAFT_02_NEWLINE,
	                                 VENDOR_NAT_T_DRAFT_02 };

void
nat_add_vendor_ids(const struct exchange *ex, struct builder *b)
{
	for (size_t i = 0; i < sizeof spoken / sizeof spoken[0]; i++)
		if (phase1_announces(ex, spoken[i]))
			builder_add_data(b, PAYLOAD_VID, vendor_id_octets(spoken[i]));
}

/* Both ends name all that they speak, so both know the best that they have in common. */
void
nat_take_vendor_ids(struct ike_sa *sa, const struct message *m)
{
	bool rfc = false, draft = false;

	for (const struct payload *p = message_find(m, PAYLOAD_VID, NULL); p; p = message_find(m, PAYLOAD_VID, p)) {
		enum vendor_id id = vendor_id_recognise(p->data);

		rfc |= id == VENDOR_NAT_T_RFC3947;
		for (size_t i = 1; i < sizeof spoken / sizeof spoken[0]; i++)
			draft |= id == spoken[i];
	}
	sa->peer_nat_t = rfc || draft;
	sa->peer_nat_t_draft = !rfc && draft;
}

/* HASH(CKY-I | CKY-R | IP | Port), with the negotiated hash. */
static bool
nat_hash(uint8_t *out, const struct ike_sa *sa, const struct endpoint *e)
{
	uint8_t port[2];
	struct span in[] = { { sa->cookie_i, 8 }, { sa->cookie_r, 8 }, ip_span(&e->ip), { port, 2 } };

	put_be16(port, e->port);
	return prf_hash(out, sa->prf_id, in, 4) == CRYPTO_OK;
}

/*
 * "The first NAT-D payload contains the remote end's IP address and port. The
 * remaining NAT-D payloads contain possible local-end IP addresses and ports."
 * encap = yes lies about ours, so that both ends find a NAT.
 */
void
nat_add_hashes(struct exchange *ex, struct builder *b)
{
	struct ike_sa *sa = ex->sa;
	uint8_t h[PRF_OCTETS_MAX], type = sa->peer_nat_t_draft ? PAYLOAD_NAT_D_DRAFT : PAYLOAD_NAT_D;
	size_t n = prf_octets(sa->prf_id);

	if (!sa->peer_nat_t)
		return;
	if (nat_hash(h, sa, &sa->remote))
		builder_add_data(b, type, span_of(h, n));
	if (sa->conn && sa->conn->encap && !sa->nat_fake)
		say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "encap = yes: faking a NAT, to enforce UDP encapsulation");
	sa->nat_fake = sa->conn && sa->conn->encap;
	if (sa->nat_fake)
		rng_fill(sa->core->rng, h, n);
	else if (!nat_hash(h, sa, &sa->local))
		return;
	builder_add_data(b, type, span_of(h, n));
}

void
nat_take_hashes(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	const struct payload *p = message_find(m, PAYLOAD_NAT_D, NULL);
	uint8_t h[PRF_OCTETS_MAX];
	size_t n = prf_octets(sa->prf_id);

	if (!sa->peer_nat_t || !p || !nat_hash(h, sa, &ex->local))
		return;
	sa->nat_local = !span_equal(p->data, span_of(h, n));
	sa->nat_remote = true;
	if (!nat_hash(h, sa, &ex->remote))
		return;
	for (p = message_find(m, PAYLOAD_NAT_D, p); p; p = message_find(m, PAYLOAD_NAT_D, p))
		sa->nat_remote &= !span_equal(p->data, span_of(h, n));
	if (sa->nat_local)
		say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "this end is behind a NAT: sending keep alives");
	if (sa->nat_remote)
		say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "the peer is behind a NAT, or wants UDP encapsulation");
}

/* RFC 3947 section 4: the initiator "MUST set both UDP source and destination ports to 4500", from message 5 on. */
void
nat_float(struct ike_sa *sa)
{
	const struct ike_settings *s = &sa->core->settings;

	if (sa->floated || !(sa->nat_local || sa->nat_remote || sa->nat_fake))
		return;
	sa->local.port = s->port_nat_t;
	if (sa->remote.port == 500 || sa->remote.port == s->port)
		sa->remote.port = sa->remote.port == 500 ? 4500 : s->port_nat_t;
	sa->floated = true;
}
