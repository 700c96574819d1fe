/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"
#include "radius.h"

enum { MD5_OCTETS = 16, CODE_AT = 0, IDENTIFIER_AT = 1, AUTHENTICATOR_AT = 4 };

static const uint8_t zeros[MD5_OCTETS];

void
radius_begin(struct radius_builder *b, struct arena *arena, enum radius_code code, uint8_t identifier,
             const uint8_t authenticator[RADIUS_AUTHENTICATOR_OCTETS])
{
	*b = (struct radius_builder) { .arena = arena };
	b->packet = (struct radius_packet) {
		.code = (uint8_t)code,
		.identifier = identifier,
		.authenticator = arena_dup(
		        arena, span_of(code == RADIUS_ACCESS_REQUEST ? authenticator : zeros, RADIUS_AUTHENTICATOR_OCTETS)),
	};
	b->failed = !b->packet.authenticator.p;
	/* First of all: whoever wants to collide with MD5 then has no prefix of known content (Blast-RADIUS). */
	if (code == RADIUS_ACCESS_REQUEST)
		radius_add(b, RADIUS_MESSAGE_AUTHENTICATOR, span_of(zeros, sizeof zeros));
}

void
radius_add(struct radius_builder *b, enum radius_type type, struct span value)
{
	struct radius_attribute *a = &b->attr[b->packet.n_attr];

	if (b->failed || b->packet.n_attr == RADIUS_BUILD_MAX || value.n > RADIUS_VALUE_MAX) {
		b->failed = true;
		return;
	}
	*a = (struct radius_attribute) { (uint8_t)type, arena_dup(b->arena, value) };
	b->failed = value.n && !a->value.p;
	b->packet.n_attr++;
}

void
radius_add_number(struct radius_builder *b, enum radius_type type, uint32_t v)
{
	uint8_t octets[4];

	put_be32(octets, v);
	radius_add(b, type, span_of(octets, sizeof octets));
}

void
radius_add_ip(struct radius_builder *b, enum radius_type v4, enum radius_type v6, const struct ip *a)
{
	if (a->family != IP_NONE)
		radius_add(b, a->family == IP_V4 ? v4 : v6, ip_span(a));
}

void
radius_add_eap(struct radius_builder *b, struct span eap)
{
	do {
		struct span part = span_of(eap.p, eap.n < RADIUS_VALUE_MAX ? eap.n : RADIUS_VALUE_MAX);

		radius_add(b, RADIUS_EAP_MESSAGE, part);
		eap = span_of(eap.p + part.n, eap.n - part.n);
	} while (eap.n);
}

/* "b1 = MD5(S + RA)  c(1) = p1 xor b1, b2 = MD5(S + c(1))  c(2) = p2 xor b2, ..." */
void
radius_add_password(struct radius_builder *b, struct span password, struct span secret)
{
	uint8_t hidden[RADIUS_PASSWORD_MAX] = { 0 }, pad[MD5_OCTETS];
	size_t n = password.n ? (password.n + MD5_OCTETS - 1) / MD5_OCTETS * MD5_OCTETS : MD5_OCTETS;
	struct span in[] = { secret, b->packet.authenticator };

	if (b->failed || password.n > sizeof hidden) {
		b->failed = true;
		return;
	}
	if (password.n)
		memcpy(hidden, password.p, password.n);
	for (size_t at = 0; at < n; at += MD5_OCTETS) {
		b->failed |= prf_hash(pad, PRF_HMAC_MD5, in, 2) != CRYPTO_OK;
		for (size_t i = 0; i < MD5_OCTETS; i++)
			hidden[at + i] ^= pad[i];
		in[1] = span_of(hidden + at, MD5_OCTETS);
	}
	radius_add(b, RADIUS_USER_PASSWORD, span_of(hidden, n));
	secret_wipe(hidden, sizeof hidden);
	secret_wipe(pad, sizeof pad);
}

/* ---- sealing */

static size_t
encode(uint8_t out[RADIUS_PACKET_MAX], struct radius_packet *p)
{
	struct wire w = wire_encoder(out, RADIUS_PACKET_MAX);

	radius_packet_wire(&w, p);
	return wire_ok(&w) ? w.at : 0;
}

/* "HMAC-MD5 (Type, Identifier, Length, Request Authenticator, Attributes)", its own value taken as zero (RFC 3579 section 3.2).
 */
static bool
sign(uint8_t out[MD5_OCTETS], struct span packet, struct span secret)
{
	return prf(out, PRF_HMAC_MD5, secret, &packet, 1) == CRYPTO_OK;
}

size_t
radius_seal(uint8_t out[RADIUS_PACKET_MAX], struct radius_builder *b, struct span secret)
{
	bool access = b->packet.code == RADIUS_ACCESS_REQUEST;
	struct radius_attribute *ma = &b->attr[0];
	uint8_t mac[MD5_OCTETS];
	size_t n;

	b->packet.attr = b->attr;
	n = b->failed ? 0 : encode(out, &b->packet);
	if (!n)
		return 0;
	if (!access) {
		const struct span in[] = { span_of(out, n), secret };

		/* RFC 2866 section 3: "Code + Identifier + Length + 16 zero octets + request attributes + shared secret". */
		if (prf_hash(mac, PRF_HMAC_MD5, in, 2) != CRYPTO_OK)
			return 0;
		b->packet.authenticator = span_of(mac, sizeof mac);
	} else {
		if (!sign(mac, span_of(out, n), secret))
			return 0;
		ma->value = span_of(mac, sizeof mac);
	}
	return encode(out, &b->packet);
}

/* ---- opening */

/* RFC 2865 section 3: "MD5(Code+ID+Length+RequestAuth+Attributes+Secret)". */
static bool
right_authenticator(struct radius_packet p, struct span request_authenticator, struct span secret)
{
	uint8_t octets[RADIUS_PACKET_MAX], md5[MD5_OCTETS];
	struct span received = p.authenticator, in[2] = { { 0 }, secret };
	size_t n;

	p.authenticator = request_authenticator;
	n = encode(octets, &p);
	in[0] = span_of(octets, n);
	return n && prf_hash(md5, PRF_HMAC_MD5, in, 2) == CRYPTO_OK && secret_equal(span_of(md5, sizeof md5), received);
}

static enum radius_verdict
right_signature(struct radius_packet p, struct span request_authenticator, struct span secret)
{
	const struct radius_attribute *found = radius_find(&p, RADIUS_MESSAGE_AUTHENTICATOR, NULL);
	struct radius_attribute *ma = found ? &p.attr[found - p.attr] : NULL;
	uint8_t octets[RADIUS_PACKET_MAX], mac[MD5_OCTETS];
	struct span received;
	bool right;

	if (!ma || ma->value.n != MD5_OCTETS || radius_find(&p, RADIUS_MESSAGE_AUTHENTICATOR, ma))
		return RADIUS_VERDICT_UNSIGNED;
	received = ma->value;
	ma->value = span_of(zeros, sizeof zeros);
	p.authenticator = request_authenticator;
	right = sign(mac, span_of(octets, encode(octets, &p)), secret) && secret_equal(span_of(mac, sizeof mac), received);
	ma->value = received;
	return right ? RADIUS_VERDICT_OK : RADIUS_VERDICT_BAD_SIGNATURE;
}

static bool
answers(uint8_t request, uint8_t response)
{
	if (request == RADIUS_ACCOUNTING_REQUEST)
		return response == RADIUS_ACCOUNTING_RESPONSE;
	return response == RADIUS_ACCESS_ACCEPT || response == RADIUS_ACCESS_REJECT || response == RADIUS_ACCESS_CHALLENGE;
}

enum radius_verdict
radius_open(struct radius_packet *out, struct arena *arena, struct span in, struct span request, struct span secret,
            bool unsigned_ok)
{
	struct span authenticator = span_of(request.p + AUTHENTICATOR_AT, RADIUS_AUTHENTICATOR_OCTETS);
	struct wire w = wire_decoder(in, arena);
	enum radius_verdict v;

	*out = (struct radius_packet) { 0 };
	radius_packet_wire(&w, out);
	if (!wire_ok(&w))
		return RADIUS_VERDICT_MALFORMED;
	if (out->identifier != request.p[IDENTIFIER_AT] || !answers(request.p[CODE_AT], out->code))
		return RADIUS_VERDICT_UNASKED;
	if (!right_authenticator(*out, authenticator, secret))
		return RADIUS_VERDICT_BAD_AUTHENTICATOR;
	if (request.p[CODE_AT] != RADIUS_ACCESS_REQUEST)
		return RADIUS_VERDICT_OK;
	v = right_signature(*out, authenticator, secret);
	/* RFC 3579 section 3.2: with an EAP-Message there MUST be one. */
	unsigned_ok = unsigned_ok && !radius_find(out, RADIUS_EAP_MESSAGE, NULL) &&
	              !radius_find(out, RADIUS_MESSAGE_AUTHENTICATOR, NULL);
	return v == RADIUS_VERDICT_UNSIGNED && unsigned_ok ? RADIUS_VERDICT_OK : v;
}
