/* SPDX-License-Identifier: Apache-2.0 */
#include "ike1_sa.h"

/*
 * IANA "IPSEC Authentication header (AH) parameters" and "Internet Key Exchange
 * (IKE) Attributes": names of what we meet but do not have, so that a refusal
 * can say what it was.
 */
struct name {
	uint16_t value;
	const char *name;
};

static const char *
lookup(const struct name *names, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].value == value)
			return names[i].name;
	return NULL;
}

#define LOOKUP(names, value) lookup(names, sizeof names / sizeof *names, value)

const char *
ike1_value_name(uint16_t attribute, uint64_t value)
{
	static const struct name encr[] = {
		{ 1, "DES_CBC" },  { 2, "IDEA_CBC" }, { 3, "BLOWFISH_CBC" }, { 4, "RC5_R16_B64_CBC" },
		{ 5, "3DES_CBC" }, { 6, "CAST_CBC" }, { 7, "AES_CBC" },      { 8, "CAMELLIA_CBC" },
	};
	static const struct name hash[] = {
		{ 1, "MD5" }, { 2, "SHA1" }, { 3, "TIGER" }, { 4, "SHA2_256" }, { 5, "SHA2_384" }, { 6, "SHA2_512" },
	};
	static const struct name group[] = {
		{ 3, "EC2N_155" },
		{ 4, "EC2N_185" },
		{ 32, "CURVE_448" },
	};

	switch (attribute) {
	case 1:
		return LOOKUP(encr, value);
	case 2:
		return LOOKUP(hash, value);
	case 4:
		return LOOKUP(group, value);
	}
	return NULL;
}

const char *
ike1_auth_name(uint16_t auth)
{
	static const struct name names[] = {
		{ AUTH_OFFER_PSK, "pre-shared key" },
		{ AUTH_OFFER_DSS, "DSS signatures" },
		{ AUTH_OFFER_RSA_SIG, "RSA signatures" },
		{ AUTH_OFFER_RSA_ENC, "RSA encryption" },
		{ AUTH_OFFER_RSA_REVISED, "revised RSA encryption" },
		{ AUTH_OFFER_ECDSA_256, "ECDSA-256 signatures" },
		{ AUTH_OFFER_ECDSA_384, "ECDSA-384 signatures" },
		{ AUTH_OFFER_ECDSA_521, "ECDSA-521 signatures" },
		{ AUTH_OFFER_HYBRID_INIT_RSA, "hybrid authentication with RSA, initiator logs in" },
		{ AUTH_OFFER_HYBRID_RESP_RSA, "hybrid authentication with RSA, responder logs in" },
		{ AUTH_OFFER_HYBRID_INIT_DSS, "hybrid authentication with DSS, initiator logs in" },
		{ AUTH_OFFER_HYBRID_RESP_DSS, "hybrid authentication with DSS, responder logs in" },
		{ AUTH_OFFER_XAUTH_INIT_PSK, "XAUTH with a pre-shared key, initiator logs in" },
		{ AUTH_OFFER_XAUTH_RESP_PSK, "XAUTH with a pre-shared key, responder logs in" },
		{ AUTH_OFFER_XAUTH_INIT_DSS, "XAUTH with DSS signatures, initiator logs in" },
		{ AUTH_OFFER_XAUTH_RESP_DSS, "XAUTH with DSS signatures, responder logs in" },
		{ AUTH_OFFER_XAUTH_INIT_RSA, "XAUTH with RSA signatures, initiator logs in" },
		{ AUTH_OFFER_XAUTH_RESP_RSA, "XAUTH with RSA signatures, responder logs in" },
		{ AUTH_OFFER_XAUTH_INIT_RSA_ENC, "XAUTH with RSA encryption, initiator logs in" },
		{ AUTH_OFFER_XAUTH_RESP_RSA_ENC, "XAUTH with RSA encryption, responder logs in" },
		{ AUTH_OFFER_XAUTH_INIT_RSA_REVISED, "XAUTH with revised RSA encryption, initiator logs in" },
		{ AUTH_OFFER_XAUTH_RESP_RSA_REVISED, "XAUTH with revised RSA encryption, responder logs in" },
	};

	return LOOKUP(names, auth);
}

const char *
esp1_transform_name(uint8_t id)
{
	static const struct name names[] = {
		{ 1, "DES_IV64" },      { 2, "DES_CBC" },        { 3, "3DES_CBC" },    { 4, "RC5" },         { 5, "IDEA" },
		{ 6, "CAST" },          { 7, "BLOWFISH_CBC" },   { 8, "3IDEA" },       { 9, "DES_IV32" },    { 10, "RC4" },
		{ 11, "NULL" },         { 12, "AES_CBC" },       { 13, "AES_CTR" },    { 14, "AES_CCM_8" },  { 15, "AES_CCM_12" },
		{ 16, "AES_CCM_16" },   { 18, "AES_GCM_8" },     { 19, "AES_GCM_12" }, { 20, "AES_GCM_16" }, { 21, "SEED_CBC" },
		{ 22, "CAMELLIA_CBC" }, { 23, "NULL_AES_GMAC" },
	};

	return LOOKUP(names, id);
}

const char *
esp1_auth_name(uint64_t value)
{
	static const struct name names[] = {
		{ 1, "HMAC_MD5_96" },       { 2, "HMAC_SHA1_96" },      { 3, "DES_MAC" },           { 4, "KPDK" },
		{ 5, "HMAC_SHA2_256_128" }, { 6, "HMAC_SHA2_384_192" }, { 7, "HMAC_SHA2_512_256" }, { 8, "HMAC_RIPEMD_160_96" },
		{ 9, "AES_XCBC_96" },
	};

	return LOOKUP(names, value);
}

const char *
encapsulation_name(uint16_t mode)
{
	static const struct name names[] = {
		{ ENCAPSULATION_TUNNEL, "tunnel" },
		{ ENCAPSULATION_TRANSPORT, "transport" },
		{ ENCAPSULATION_UDP_TUNNEL, "tunnel in UDP" },
		{ ENCAPSULATION_UDP_TRANSPORT, "transport in UDP" },
		{ ENCAPSULATION_UDP_TUNNEL_DRAFT, "tunnel in UDP (draft)" },
		{ ENCAPSULATION_UDP_TRANSPORT_DRAFT, "transport in UDP (draft)" },
	};

	return LOOKUP(names, mode);
}
