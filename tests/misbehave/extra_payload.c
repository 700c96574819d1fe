/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* RFC 2408 section 3.9: "MUST be accepted at any point during an exchange", used or not. */
MISBEHAVIOUR(a_certificate_before_its_time)
{
	static const uint8_t octets[64] = { 0x30, 62 };

	for (unsigned step = 1; step <= 5; step += 2) {
		autorogue r = rogue_open(ROGUE_INITIATES);

		rogue_reach(&r, step);
		rogue_append(&r, (struct payload) { .type = PAYLOAD_CERT, .cert = { CERT_X509_SIGNATURE, span_of(octets, 64) } });
		rogue_send(&r);
		assert_true(r.n_in > 0);
	}
}

/* Quick Mode has no use for either; in its last message no HASH covers them. */
MISBEHAVIOUR(certificates_in_quick_mode)
{
	static const uint8_t octets[64] = { 0x30, 62 };
	static const struct cert_payload cert = { CERT_X509_SIGNATURE, { octets, 64 } };

	for (unsigned step = 7; step <= 9; step++) {
		autorogue r = rogue_open(step == 8 ? ROGUE_RESPONDS : ROGUE_INITIATES);

		rogue_reach(&r, step);
		rogue_append(&r, (struct payload) { .type = PAYLOAD_CERT, .cert = cert });
		rogue_append(&r, (struct payload) { .type = PAYLOAD_CR, .cert = cert });
		rogue_send(&r);
		assert_true(step == 9 || r.n_in > 0);
		assert_int_equal(r.installed_in, 1);
		assert_true(step != 9 || r.installed_out == 1);
	}
}

/* An SA payload has no place in message 3. */
MISBEHAVIOUR(extra_payload)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	rogue_reach(&r, 3);
	rogue_append(&r, (struct payload) { .type = PAYLOAD_SA, .sa = { DOI_IPSEC, SIT_IDENTITY_ONLY, &r.offer.p, 1 } });
	rogue_send(&r);
	rogue_was_refused(&r, "extra-payload");
	rogue_completes(&r);
}
