/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

static unsigned
established(struct rogue *r)
{
	struct ike_info i;
	uint32_t cursor = 0;
	unsigned n = 0;

	while (ike_next_sa(r->ike, &cursor, &i))
		n += i.state == IKE_STATE_ESTABLISHED;
	return n;
}

/* A first message 5 of somebody else, who has the same key, and says that the peer has no other SA. */
static void
comes_as(struct rogue *r, const char *name)
{
	rogue_again(r);
	r->name = (struct id_payload) { .type = ID_FQDN, .data = span_str(name) };
	rogue_reach(r, 5);
	rogue_append(r, (struct payload) { .type = PAYLOAD_N,
	                                   .n = { .doi = DOI_IPSEC, .protocol = PROTO_ISAKMP, .type = NOTIFY_INITIAL_CONTACT } });
	rogue_send(r);
}

/* RFC 2407 section 4.6.3.3: it is about the SAs of whom it has authenticated, and so ends those of nobody else. */
MISBEHAVIOUR(initial_contact_of_another)
{
	autorogue r = rogue_open(ROGUE_INITIATES);

	rogue_completes(&r);
	for (unsigned i = 0; i < 3; i++) {
		comes_as(&r, "mallory.example.org");
		rogue_wait(&r, SECONDS(1));
		assert_int_equal(r.removed, 0);
		/* Mallory's own, of before, it does end. */
		assert_int_equal(established(&r), 2);
	}
}
