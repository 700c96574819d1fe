/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

static const uint8_t der[] = { 0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x04, 'c', 'a', 'r', 'o' };

static const struct id_payload names[] = {
	{ .type = ID_FQDN, .data = { (const uint8_t *)"carol.example.org", 17 } },
	{ .type = ID_USER_FQDN, .data = { (const uint8_t *)"carol@example.org", 17 } },
	{ .type = ID_DER_ASN1_DN, .data = { der, sizeof der } },
	{ .type = ID_KEY_ID, .data = { (const uint8_t *)"\0\1\2carol", 8 } },
};

enum { NAMES = sizeof names / sizeof *names };

/* RFC 2407 section 4.6.2: the name that Phase 1 has proven is its owner's address; in the answer it comes back as it was. */
MISBEHAVIOUR(client_ids_by_name)
{
	struct ip own = ip_from_v4(0xc0000201), engine = ip_from_v4(0xc0000202);

	for (size_t i = 0; i < NAMES; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		r.name = names[i];
		rogue_reach(&r, 7);
		rogue_find(&r, PAYLOAD_ID)->id = names[i];
		r.out.payload[r.out.n - 1].id = (struct id_payload) { .type = ID_IPV4_ADDR, .data = span_of(engine.b, 4) };
		rogue_send(&r);
		assert_int_equal(rogue_verdict(&r, "ts-mismatch"), 0);
		assert_int_equal(r.installed_in, 1);
		assert_true(ip_equal(&r.installed_ts.remote.lo, &own) && ip_equal(&r.installed_ts.remote.hi, &own));
	}
}

/* Any other name is refused with its reason, whichever end it is for. */
MISBEHAVIOUR(client_ids_by_foreign_name)
{
	for (size_t i = 0; i < 2 * NAMES; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		rogue_reach(&r, 7);
		r.out.payload[r.out.n - 1 - i % 2].id = names[i / 2];
		rogue_send(&r);
		rogue_was_refused(&r, "ts-mismatch");
		assert_int_equal(r.informational, 1);
		assert_int_equal(r.installed_in, 0);
	}
}
