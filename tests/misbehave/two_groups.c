/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

enum { N_ATTR = 9 };

static void
with_group(struct transform_payload *t, struct attribute room[N_ATTR], uint16_t group)
{
	if (!group)
		return;
	memcpy(room, t->attr, t->n_attr * sizeof *room);
	room[t->n_attr++] = (struct attribute) { .type = 3, .tv = true, .value = group };
	t->attr = room;
}

/* Offers the groups in this order (0: none), with one public value, of ECP 256, or without. */
static void
offer(uint16_t first, uint16_t second, bool with_ke, const char *verdict)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	struct transform_payload two[2];
	struct attribute room[2][N_ATTR];

	rogue_reach(&r, 7);
	two[0] = two[1] = r.offer.t;
	two[1].number++;
	with_group(&two[0], room[0], first);
	with_group(&two[1], room[1], second);
	r.offer.p.transform = two;
	r.offer.p.n_transform = 2;
	if (with_ke)
		rogue_append(&r, (struct payload) { .type = PAYLOAD_KE, .data = dh_public(r.dh) });
	rogue_send(&r);
	if (verdict)
		rogue_was_refused(&r, verdict);
	assert_int_equal(r.installed_in, verdict ? 0 : 1);
}

/*
 * "all offers made during a Quick Mode are logically related and must be consistent" (RFC 2409 section 5.5): one KE
 * payload has one group. It is judged in the group that is chosen, and is not another's.
 */
MISBEHAVIOUR(two_groups)
{
	offer(DH_ECP_256, DH_ECP_256, true, NULL);
	offer(DH_ECP_384, DH_ECP_256, true, "bad-key-exchange");
	offer(DH_ECP_384, DH_ECP_256, false, "missing-payload");
}

/* "if a KE payload is sent, the attribute describing the Diffie-Hellman group ... MUST be included in every transform" */
MISBEHAVIOUR(a_public_value_of_no_group)
{
	autorogue r = rogue_open(ROGUE_RESPONDS);

	offer(0, 0, false, NULL);
	offer(0, 0, true, "extra-payload");
	offer(0, DH_ECP_256, true, "extra-payload");
	rogue_reach(&r, 8);
	rogue_append(&r, (struct payload) { .type = PAYLOAD_KE, .data = dh_public(r.dh) });
	rogue_send(&r);
	rogue_was_refused(&r, "extra-payload");
	assert_int_equal(r.installed_in, 0);
}
