/* SPDX-License-Identifier: Apache-2.0 */
#include "eap.h"

#include "crypto.h"

enum { HEADER_OCTETS = 4, MD5_OCTETS = 16 };

/* RFC 3748 section 4: Code, Identifier, Length, and of Requests and Responses Type and Type-Data. */
void
eap_packet_wire(struct wire *w, struct eap_packet *p)
{
	bool typed = p->code == EAP_REQUEST || p->code == EAP_RESPONSE;
	uint16_t length = (uint16_t)(HEADER_OCTETS + (typed ? 1 + p->data.n : 0));
	size_t end;

	wire_u8(w, "Code", &p->code);
	wire_u8(w, "Identifier", &p->identifier);
	wire_u16(w, "Length", &length);
	wire_require(w, length >= HEADER_OCTETS, "Length is at least 4");
	end = wire_enter(w, (size_t)length - HEADER_OCTETS);
	if (wire_ok(w) && (p->code == EAP_REQUEST || p->code == EAP_RESPONSE)) {
		wire_u8(w, "Type", &p->type);
		wire_rest(w, "Type-Data", &p->data);
	}
	wire_leave(w, end);
}

static size_t
write(uint8_t out[EAP_OCTETS_MAX], uint8_t identifier, uint8_t type, struct span data)
{
	struct eap_packet p = { .code = EAP_RESPONSE, .identifier = identifier, .type = type, .data = data };
	struct wire w = wire_encoder(out, EAP_OCTETS_MAX);

	eap_packet_wire(&w, &p);
	return wire_ok(&w) ? w.at : 0;
}

size_t
eap_first(uint8_t out[EAP_OCTETS_MAX], const struct eap_peer *peer)
{
	return write(out, 0, EAP_IDENTITY, peer->name);
}

/* ---- methods */

static bool
identity(struct wire *w, struct eap_peer *peer, const struct eap_packet *request, const char **why)
{
	struct span name = peer->name;

	(void)request, (void)why;
	wire_rest(w, "Identity", &name);
	return true;
}

/* Section 5.2: a message for the user, answered with nothing. */
static bool
notification(struct wire *w, struct eap_peer *peer, const struct eap_packet *request, const char **why)
{
	(void)w, (void)peer, (void)request, (void)why;
	return true;
}

/* Section 5.4: Value-Size, Value, Name; RFC 1994 section 4.1: MD5 over Identifier, secret and challenge. */
bool
eap_md5(struct wire *w, struct eap_peer *peer, const struct eap_packet *request, const char **why)
{
	struct wire r = wire_decoder(request->data, NULL);
	struct span value = { 0 }, name = peer->name, in[3] = { { &request->identifier, 1 }, peer->password };
	uint8_t size = 0, md5[MD5_OCTETS];

	wire_u8(&r, "Value-Size", &size);
	wire_bytes(&r, "Value", &value, size);
	if (!wire_ok(&r) || !size) {
		*why = "the EAP-MD5 challenge of the RADIUS server is cut off, or empty";
		return false;
	}
	in[2] = value;
	if (prf_hash(md5, PRF_HMAC_MD5, in, 3) != CRYPTO_OK) {
		*why = "this machine's libcrypto has no MD5";
		return false;
	}
	size = sizeof md5;
	value = span_of(md5, sizeof md5);
	wire_u8(w, "Value-Size", &size);
	wire_bytes(w, "Value", &value, size);
	wire_rest(w, "Name", &name);
	return true;
}

typedef bool (*eap_method)(struct wire *w, struct eap_peer *peer, const struct eap_packet *request, const char **why);

/* In order of preference, as far as they are offered in a Nak. */
static const struct {
	uint8_t type;
	bool authenticates;
	eap_method answer;
} methods[] = {
	{ EAP_IDENTITY, false, identity },
	{ EAP_NOTIFICATION, false, notification },
	{ EAP_MSCHAPV2, true, eap_mschapv2 },
	{ EAP_MD5_CHALLENGE, true, eap_md5 },
};

enum { N_METHODS = sizeof methods / sizeof methods[0] };

/* Section 5.3.1: the types that we would rather have. */
static size_t
nak(uint8_t out[EAP_OCTETS_MAX], const struct eap_packet *request)
{
	uint8_t types[N_METHODS];
	size_t n = 0;

	for (size_t i = 0; i < N_METHODS; i++)
		if (methods[i].authenticates)
			types[n++] = methods[i].type;
	return write(out, request->identifier, EAP_NAK, span_of(types, n));
}

static size_t
respond(uint8_t out[EAP_OCTETS_MAX], struct eap_peer *peer, const struct eap_packet *request, eap_method answer, const char **why)
{
	uint8_t data[EAP_OCTETS_MAX];
	struct wire w = wire_encoder(data, sizeof data);
	size_t n = answer(&w, peer, request, why) && wire_ok(&w)
	                   ? write(out, request->identifier, request->type, span_of(data, w.at))
	                   : 0;

	if (!n && !*why)
		*why = "the user name is too long for EAP";
	secret_wipe(data, sizeof data);
	return n;
}

size_t
eap_answer(uint8_t out[EAP_OCTETS_MAX], struct eap_peer *peer, struct span request, const char **why)
{
	struct wire w = wire_decoder(request, NULL);
	struct eap_packet p = { 0 };

	*why = NULL;
	eap_packet_wire(&w, &p);
	if (!wire_ok(&w) || p.code != EAP_REQUEST) {
		*why = "the RADIUS server challenges without an EAP Request";
		return 0;
	}
	for (size_t i = 0; i < N_METHODS; i++)
		if (methods[i].type == p.type)
			return respond(out, peer, &p, methods[i].answer, why);
	return nak(out, &p);
}
