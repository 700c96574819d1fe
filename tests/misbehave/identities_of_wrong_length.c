/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

static const uint8_t octets[300] = { 10, 1, 0, 0, 255, 0, 255, 0 };

static const struct {
	uint8_t type;
	size_t n;
} wrong[] = {
	{ ID_IPV4_ADDR, 0 },
	{ ID_IPV4_ADDR, 3 },
	{ ID_IPV4_ADDR, 5 },
	{ ID_IPV4_ADDR_SUBNET, 4 },
	{ ID_IPV4_ADDR_SUBNET, 7 },
	{ ID_IPV4_ADDR_RANGE, 9 },
	{ ID_IPV6_ADDR, 4 },
	{ ID_IPV6_ADDR_SUBNET, 17 },
	{ ID_IPV6_ADDR_RANGE, 31 },
	{ ID_IPV6_ADDR_RANGE, 33 },
	{ ID_FQDN, 0 },
	{ ID_DER_ASN1_DN, 300 },
	{ 0, 4 },
	{ 200, 4 },
	{ ID_IPV4_ADDR_SUBNET, 8 }, /* a mask with a hole; as a name of its own it is as good as any */
};

enum { WRONG = sizeof wrong / sizeof *wrong };

static struct id_payload
id_at(size_t i)
{
	return (struct id_payload) { .type = wrong[i].type, .data = span_of(octets, wrong[i].n) };
}

/* RFC 2407 section 4.6.2.1: each type has its length; names that are none go with them.
 */
MISBEHAVIOUR(client_ids_of_wrong_length)
{
	for (size_t i = 0; i < 2 * WRONG; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		rogue_reach(&r, 7);
		r.out.payload[r.out.n - 1 - i % 2].id = id_at(i / 2);
		rogue_send(&r);
		rogue_was_refused(&r, "ts-mismatch");
		assert_int_equal(r.installed_in, 0);
	}
}

/* In Phase 1 they prove nothing about anybody: no IKE_SA comes of them. */
MISBEHAVIOUR(identities_of_wrong_length)
{
	for (size_t i = 0; i < WRONG - 1; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);
		struct ike_info up;
		uint32_t cursor = 0;

		if (wrong[i].n > 40)
			continue; /* the rogue's own hash has room for less */
		rogue_reach(&r, 5);
		rogue_find(&r, PAYLOAD_ID)->id = id_at(i);
		rogue_send(&r);
		assert_true(rogue_verdicts(&r) > 0);
		rogue_wait(&r, SECONDS(1));
		if (ike_next_sa(r.ike, &cursor, &up) && up.state == IKE_STATE_ESTABLISHED)
			fail_msg("type %u of %zu octets", wrong[i].type, wrong[i].n);
	}
}
