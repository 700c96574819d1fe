/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RADIUS_H
#define SALLYPORT_RADIUS_H

#include "addr.h"
#include "secret.h"
#include "wire.h"

/*
 * RADIUS as its client speaks it: RFC 2865 (authentication), RFC 2866
 * (accounting), RFC 3579 (EAP). Packets only: who sends them, when and again, is
 * the caller's business. Pure: no clock, socket or randomness.
 */

enum {
	RADIUS_PACKET_MAX = 4096, /* RFC 2865 section 3, Length */
	RADIUS_AUTHENTICATOR_OCTETS = 16,
	RADIUS_VALUE_MAX = 253, /* of one attribute */
	RADIUS_PASSWORD_MAX = 128,
	RADIUS_ATTRIBUTES_MAX = 512, /* of a packet that is read */
	RADIUS_BUILD_MAX = 64,       /* of one that we build */
};

/* RFC 2865 section 4, RFC 2866 section 4. */
enum radius_code {
	RADIUS_ACCESS_REQUEST = 1,
	RADIUS_ACCESS_ACCEPT = 2,
	RADIUS_ACCESS_REJECT = 3,
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_ACCESS_CHALLENGE = 11,
};

/* RFC 2865 section 5, RFC 2866 section 5, RFC 2869 section 5, RFC 3162 section 2, RFC 6911 section 3. */
enum radius_type {
	RADIUS_USER_NAME = 1,
	RADIUS_USER_PASSWORD = 2,
	RADIUS_NAS_IP_ADDRESS = 4,
	RADIUS_NAS_PORT = 5,
	RADIUS_SERVICE_TYPE = 6,
	RADIUS_FRAMED_IP_ADDRESS = 8,
	RADIUS_FILTER_ID = 11,
	RADIUS_REPLY_MESSAGE = 18,
	RADIUS_STATE = 24,
	RADIUS_CLASS = 25,
	RADIUS_VENDOR_SPECIFIC = 26,
	RADIUS_SESSION_TIMEOUT = 27,
	RADIUS_CALLED_STATION_ID = 30,
	RADIUS_CALLING_STATION_ID = 31,
	RADIUS_NAS_IDENTIFIER = 32,
	RADIUS_ACCT_STATUS_TYPE = 40,
	RADIUS_ACCT_DELAY_TIME = 41,
	RADIUS_ACCT_INPUT_OCTETS = 42,
	RADIUS_ACCT_OUTPUT_OCTETS = 43,
	RADIUS_ACCT_SESSION_ID = 44,
	RADIUS_ACCT_AUTHENTIC = 45,
	RADIUS_ACCT_SESSION_TIME = 46,
	RADIUS_ACCT_INPUT_PACKETS = 47,
	RADIUS_ACCT_OUTPUT_PACKETS = 48,
	RADIUS_ACCT_TERMINATE_CAUSE = 49,
	RADIUS_ACCT_INPUT_GIGAWORDS = 52,
	RADIUS_ACCT_OUTPUT_GIGAWORDS = 53,
	RADIUS_NAS_PORT_TYPE = 61,
	RADIUS_TUNNEL_TYPE = 64,
	RADIUS_EAP_MESSAGE = 79,
	RADIUS_MESSAGE_AUTHENTICATOR = 80,
	RADIUS_ACCT_INTERIM_INTERVAL = 85,
	RADIUS_NAS_PORT_ID = 87,
	RADIUS_NAS_IPV6_ADDRESS = 95,
	RADIUS_FRAMED_IPV6_ADDRESS = 168,
	RADIUS_DNS_SERVER_IPV6_ADDRESS = 169,
};

enum {
	RADIUS_VENDOR_MICROSOFT = 311, /* RFC 2548 */
	MS_PRIMARY_DNS_SERVER = 28,
	MS_SECONDARY_DNS_SERVER = 29,
	MS_PRIMARY_NBNS_SERVER = 30,
	MS_SECONDARY_NBNS_SERVER = 31,
};

struct radius_attribute {
	uint8_t type;
	struct span value;
};

/* Section 3 of RFC 2865. */
struct radius_packet {
	uint8_t code, identifier;
	struct span authenticator;
	struct radius_attribute *attr;
	size_t n_attr;
};

/* What came and is not an answer to our request: dropped in silence as far as the server goes, counted here. */
/* clang-format off */
#define RADIUS_VERDICTS(X) \
	X(OK, "radius-ok", "accepted") \
	X(MALFORMED, "radius-malformed", "the RADIUS packet cannot be read") \
	X(UNASKED, "radius-unasked", "a RADIUS packet that answers no request of ours") \
	X(BAD_AUTHENTICATOR, "radius-authenticator", "the Response Authenticator of the RADIUS server is wrong: do the secrets differ?") \
	X(UNSIGNED, "radius-unsigned", "the RADIUS server's answer has no Message-Authenticator: whoever is on the way could have made it (CVE-2024-3596); update the server, have it add one, or set charon.sallyport.radius_unsigned") \
	X(BAD_SIGNATURE, "radius-signature", "the Message-Authenticator of the RADIUS server's answer is wrong")
/* clang-format on */

#define RADIUS_VERDICT(name, word, sentence) RADIUS_VERDICT_##name,
enum radius_verdict { RADIUS_VERDICTS(RADIUS_VERDICT) RADIUS_VERDICT_COUNT };
#undef RADIUS_VERDICT

const char *radius_verdict_word(enum radius_verdict v);
const char *radius_verdict_sentence(enum radius_verdict v);

/* One packet, both ways; what follows its Length is padding. */
void radius_packet_wire(struct wire *w, struct radius_packet *p);
/* The next attribute of that type; @after NULL: the first. */
const struct radius_attribute *radius_find(const struct radius_packet *p, uint8_t type, const struct radius_attribute *after);
/* A number of four octets, RFC 2865 section 5; false for any other length. */
bool radius_number(const struct radius_attribute *a, uint32_t *out);
/* The value of a vendor's attribute (RFC 2865 section 5.26, in its usual form); an empty span where it is another's. */
struct span radius_vendor_value(const struct radius_attribute *a, uint32_t vendor, uint8_t type);
/* All EAP-Messages in a row, RFC 3579 section 3.1. */
struct span radius_eap_message(const struct radius_packet *p, struct arena *arena);

/* ---- requests */

/* Values are copied into the arena. The first thing that does not fit makes the sealing fail. */
struct radius_builder {
	struct radius_packet packet;
	struct radius_attribute attr[RADIUS_BUILD_MAX];
	struct arena *arena;
	bool failed;
};

/* @authenticator: 16 random octets; of an Accounting-Request it is computed. */
void radius_begin(struct radius_builder *b, struct arena *arena, enum radius_code code, uint8_t identifier,
                  const uint8_t authenticator[RADIUS_AUTHENTICATOR_OCTETS]);
void radius_add(struct radius_builder *b, enum radius_type type, struct span value);
void radius_add_number(struct radius_builder *b, enum radius_type type, uint32_t v);
/* The attribute for the family of @a; nothing where it has none. */
void radius_add_ip(struct radius_builder *b, enum radius_type v4, enum radius_type v6, const struct ip *a);
/* Cut into as many attributes as it takes, RFC 3579 section 3.1. */
void radius_add_eap(struct radius_builder *b, struct span eap);
/* RFC 2865 section 5.2: hidden under the secret and the Request Authenticator. At most RADIUS_PASSWORD_MAX octets. */
void radius_add_password(struct radius_builder *b, struct span password, struct span secret);
/*
 * Writes the request: an Access-Request with a Message-Authenticator (RFC 3579
 * section 3.2) before all else, an Accounting-Request with its Authenticator (RFC
 * 2866 section 3). The octets written; 0: it does not fit, or memory is out.
 */
size_t radius_seal(uint8_t out[RADIUS_PACKET_MAX], struct radius_builder *b, struct span secret);

/* ---- responses */

/*
 * Opens what came as the answer to @request (the octets that were sent). Only
 * what a holder of @secret made for that request is RADIUS_VERDICT_OK: its Response
 * Authenticator must be right, and what answers an Access-Request must have a
 * Message-Authenticator besides, since the former is MD5 over a prefix that
 * others can choose. @unsigned_ok: except where it has no EAP-Message; what is
 * there must be right all the same.
 */
enum radius_verdict radius_open(struct radius_packet *out, struct arena *arena, struct span in, struct span request,
                                struct span secret, bool unsigned_ok);

#endif
