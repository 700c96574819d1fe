/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 3947 section 5.2: NAT-OA is for transport mode behind a NAT. In a tunnel it says nothing about whom the tunnel is for. */
MISBEHAVIOUR(nat_oa_lies)
{
	static const uint8_t victim[] = { ID_IPV4_ADDR, 0, 0, 0, 10, 9, 9, 9 };
	autorogue r = rogue_open(ROGUE_INITIATES);
	struct ip lo = ip_from_v4(0x0a010000), hi = ip_from_v4(0x0a01ffff);

	rogue_reach(&r, 7);
	for (unsigned i = 0; i < 2; i++)
		rogue_append(&r, (struct payload) { .type = PAYLOAD_NAT_OA, .data = span_of(victim, sizeof victim) });
	rogue_send(&r);
	assert_int_equal(r.installed_in, 1);
	assert_true(ip_equal(&r.installed_ts.remote.lo, &lo) && ip_equal(&r.installed_ts.remote.hi, &hi));
}

/* One that holds no address, or a third of them, names nobody either. */
MISBEHAVIOUR(nat_oa_without_an_address)
{
	static const uint8_t octets[3][24] = { { 0 }, { ID_FQDN, 0, 0, 0, 'x' }, { ID_IPV6_ADDR, 0, 0, 0, 1 } };
	static const size_t n[] = { 4, 5, 8 };
	struct ip lo = ip_from_v4(0x0a010000);

	for (unsigned i = 0; i < 3; i++) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		rogue_reach(&r, 7);
		for (unsigned k = 0; k < 3; k++)
			rogue_append(&r, (struct payload) { .type = PAYLOAD_NAT_OA, .data = span_of(octets[i], n[i]) });
		rogue_send(&r);
		if (r.installed_in)
			assert_true(ip_equal(&r.installed_ts.remote.lo, &lo));
		else
			assert_true(rogue_verdicts(&r) > 0);
	}
}
