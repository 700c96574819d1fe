/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* Message 5 of a peer that signs, with so many certificates of so many octets. */
static void
send_certificates(struct rogue *r, unsigned n, size_t octets)
{
	static const uint8_t junk[4000] = { 0x30, 0x82 };

	rogue_reach(r, 5);
	for (unsigned i = 0; i < n; i++)
		rogue_append(r,
		             (struct payload) { .type = PAYLOAD_CERT, .cert = { CERT_X509_SIGNATURE, span_of(junk, octets) } });
	rogue_send(r);
}

/* Before a signature is looked at: more than sixteen are refused, unread. */
MISBEHAVIOUR(certificates_by_the_dozen)
{
	static const unsigned many[] = { 17, 60, 120 };

	for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
		autorogue r = rogue_open_signing();

		send_certificates(&r, many[i], 40);
		rogue_was_refused(&r, "bad-certificate");
		assert_int_equal(r.verifications, 0);
		assert_int_equal(r.told, NOTIFY_INVALID_CERTIFICATE);
	}
}

/* Sixteen of the largest are handed on once, and what comes meanwhile has nobody look at them again. */
MISBEHAVIOUR(certificates_of_many_octets)
{
	autorogue r = rogue_open_signing();

	send_certificates(&r, 16, 3900);
	assert_int_equal(r.verifications, 1);
	for (unsigned i = 0; i < 20; i++)
		rogue_deliver(&r, r.wire, r.n_wire);
	rogue_was_refused(&r, "absorbed");
	assert_int_equal(r.verifications, 1);
}

/* RFC 2408 section 3.9: certificates "MUST be accepted at any point"; before there is somebody to have signed they are passed
 * over. */
MISBEHAVIOUR(certificates_in_clear)
{
	static const uint8_t junk[1000];
	autorogue r = rogue_open(ROGUE_INITIATES);

	rogue_reach(&r, 3);
	for (unsigned i = 0; i < 50; i++)
		rogue_append(&r, (struct payload) { .type = PAYLOAD_CERT, .cert = { CERT_X509_SIGNATURE, span_of(junk, 1000) } });
	rogue_send(&r);
	assert_true(r.n_in > 0);
	assert_int_equal(r.verifications, 0);
}
