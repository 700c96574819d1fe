/* SPDX-License-Identifier: Apache-2.0 */
#include "eap.h"

#include "mschap.h"

/*
 * EAP-MSCHAPv2, draft-kamath-pppext-eap-mschapv2-02 section 2: challenge and
 * response; then the server proves that it knows the password, too.
 */

enum { CHALLENGE = 1, RESPONSE = 2, SUCCESS = 3, FAILURE = 4 };
enum { RESERVED_OCTETS = 8, VALUE_OCTETS = MSCHAP_CHALLENGE_OCTETS + RESERVED_OCTETS + MSCHAP_RESPONSE_OCTETS + 1 };

/* Section 2.1: OpCode, MS-CHAPv2-ID, MS-Length, Value-Size, Challenge, Name. */
static bool
read_challenge(struct wire *r, uint8_t *id, struct span *challenge)
{
	uint16_t length = 0;
	uint8_t size = 0;

	wire_u8(r, "MS-CHAPv2-ID", id);
	wire_u16(r, "MS-Length", &length);
	wire_u8(r, "Value-Size", &size);
	wire_require(r, size == MSCHAP_CHALLENGE_OCTETS, "Value-Size is 16");
	wire_bytes(r, "Challenge", challenge, MSCHAP_CHALLENGE_OCTETS);
	return wire_ok(r);
}

/* Section 2.2. */
static void
write_response(struct wire *w, uint8_t id, struct span peer, struct span nt, struct span name)
{
	uint8_t op = RESPONSE, size = VALUE_OCTETS, flags = 0;
	uint16_t length = (uint16_t)(5 + VALUE_OCTETS + name.n);

	wire_u8(w, "OpCode", &op);
	wire_u8(w, "MS-CHAPv2-ID", &id);
	wire_u16(w, "MS-Length", &length);
	wire_u8(w, "Value-Size", &size);
	wire_bytes(w, "Peer-Challenge", &peer, peer.n);
	wire_reserved(w, RESERVED_OCTETS);
	wire_bytes(w, "NT-Response", &nt, nt.n);
	wire_u8(w, "Flags", &flags);
	wire_rest(w, "Name", &name);
}

static bool
respond(struct wire *w, struct eap_peer *peer, struct wire *r, const char **why)
{
	uint8_t id = 0, ours[MSCHAP_CHALLENGE_OCTETS];
	struct span challenge = { 0 };
	struct mschapv2 m;

	if (!read_challenge(r, &id, &challenge)) {
		*why = "the EAP-MSCHAPv2 challenge of the RADIUS server cannot be read";
		return false;
	}
	rng_fill(peer->rng, ours, sizeof ours);
	if (!mschapv2(&m, peer->name, peer->password, challenge.p, ours)) {
		*why = "EAP-MSCHAPv2 is not possible: the password is not UTF-8, or this machine's libcrypto has no MD4 and DES";
		return false;
	}
	memcpy(peer->expected, m.authenticator, sizeof peer->expected);
	peer->answered = true;
	write_response(w, id, span_of(ours, sizeof ours), span_of(m.response, sizeof m.response), peer->name);
	return true;
}

/* Section 2.3: "S=" and 40 hexadecimal digits, then perhaps " M=" and a text. */
static bool
proves_itself(const struct eap_peer *peer, struct wire *r)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t id, text[2 + 2 * MSCHAP_AUTHENTICATOR_OCTETS] = { 'S', '=' };
	struct span said = { 0 };
	uint16_t length;

	wire_u8(r, "MS-CHAPv2-ID", &id);
	wire_u16(r, "MS-Length", &length);
	wire_bytes(r, "Message", &said, sizeof text);
	for (size_t i = 0; i < MSCHAP_AUTHENTICATOR_OCTETS; i++) {
		text[2 + 2 * i] = (uint8_t)digits[peer->expected[i] >> 4];
		text[3 + 2 * i] = (uint8_t)digits[peer->expected[i] & 15];
	}
	return wire_ok(r) && peer->answered && secret_equal(said, span_of(text, sizeof text));
}

bool
eap_mschapv2(struct wire *w, struct eap_peer *peer, const struct eap_packet *request, const char **why)
{
	struct wire r = wire_decoder(request->data, NULL);
	uint8_t op = 0;

	wire_u8(&r, "OpCode", &op);
	if (op == CHALLENGE)
		return respond(w, peer, &r, why);
	if (op == SUCCESS && !proves_itself(peer, &r)) {
		*why = "the RADIUS server does not prove that it knows the user's password (EAP-MSCHAPv2)";
		return false;
	}
	if (op != SUCCESS && op != FAILURE) {
		*why = "the RADIUS server says something in EAP-MSCHAPv2 that is none of it";
		return false;
	}
	/* Sections 2.4 and 2.6: the OpCode alone; a failure is then told by EAP, and by Access-Reject. */
	wire_u8(w, "OpCode", &op);
	return true;
}
