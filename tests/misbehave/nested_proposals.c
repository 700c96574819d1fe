/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

enum { EACH = 30, MANY = 65 };

/* Thousands of transforms in dozens of proposals: read up to a limit, judged within it. */
static void
offer(size_t n, bool one_number, const char *verdict)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	static struct proposal_payload p[MANY];
	static struct transform_payload t[EACH];

	rogue_reach(&r, 7);
	for (size_t i = 0; i < EACH; i++) {
		t[i] = r.offer.t;
		t[i].number = (uint8_t)i;
	}
	for (size_t i = 0; i < n; i++) {
		p[i] = r.offer.p;
		p[i].number = (uint8_t)(one_number ? 1 : i);
		p[i].protocol = i % 2 ? PROTO_IPSEC_AH : PROTO_IPSEC_ESP;
		p[i].transform = t;
		p[i].n_transform = EACH;
		/* Good as ESP, nonsense as AH. */
		if (one_number)
			p[i].protocol = PROTO_IPSEC_AH;
	}
	rogue_find(&r, PAYLOAD_SA)->sa.proposal = p;
	rogue_find(&r, PAYLOAD_SA)->sa.n_proposal = n;
	rogue_send(&r);
	rogue_was_refused(&r, verdict);
	assert_int_equal(r.installed_in, 0);
}

MISBEHAVIOUR(nested_proposals)
{
	offer(MANY - 1, true, "no-proposal-chosen");
	offer(MANY, false, "malformed"); /* beyond what a payload may hold */
}
