/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ISAKMP_H
#define SALLYPORT_ISAKMP_H

#include "identity.h"
#include "selector.h"
#include "wire.h"

/* Messages and payloads: RFC 2408 section 3, with the DOI's parts from RFC 2407. */

enum {
	ISAKMP_HEADER_OCTETS = 28,
	ISAKMP_COOKIE_OCTETS = 8,
	ISAKMP_PAYLOADS_MAX = 128, /* in one message */
	ISAKMP_MESSAGE_OCTETS_MAX = 65535,
	ISAKMP_PROPOSALS_MAX = 64,
	ISAKMP_TRANSFORMS_MAX = 256, /* in one proposal */
	ISAKMP_ATTRIBUTES_MAX = 64,  /* in one transform */
	ISAKMP_SPIS_MAX = 256,       /* in one Delete */
};

/* Next Payload, RFC 2408 section 3.1 and what came later. */
enum payload_type {
	PAYLOAD_NONE = 0,
	PAYLOAD_SA = 1,
	PAYLOAD_P = 2,
	PAYLOAD_T = 3,
	PAYLOAD_KE = 4,
	PAYLOAD_ID = 5,
	PAYLOAD_CERT = 6,
	PAYLOAD_CR = 7,
	PAYLOAD_HASH = 8,
	PAYLOAD_SIG = 9,
	PAYLOAD_NONCE = 10,
	PAYLOAD_N = 11,
	PAYLOAD_D = 12,
	PAYLOAD_VID = 13,
	PAYLOAD_ATTR = 14,  /* Mode Config */
	PAYLOAD_NAT_D = 20, /* RFC 3947 section 5.1 */
	PAYLOAD_NAT_OA = 21,
	PAYLOAD_NAT_D_DRAFT = 130,
	PAYLOAD_NAT_OA_DRAFT = 131,
	PAYLOAD_FRAGMENT = 132,
	PAYLOAD_TYPES = 256,
};

/* A bit per payload type below 32 for the exchange tables; the drafts' numbers map onto RFC 3947's, FRAGMENT to 31. */
#define P(type) ((uint32_t)1 << PAYLOAD_##type)

enum exchange_type {
	EXCHANGE_NONE = 0,
	EXCHANGE_BASE = 1,
	EXCHANGE_MAIN = 2, /* Identity Protection */
	EXCHANGE_AUTH_ONLY = 3,
	EXCHANGE_AGGRESSIVE = 4,
	EXCHANGE_INFORMATIONAL = 5,
	EXCHANGE_TRANSACTION = 6,
	EXCHANGE_QUICK = 32,
	EXCHANGE_NEW_GROUP = 33,
};

enum { FLAG_ENCRYPTION = 1, FLAG_COMMIT = 2, FLAG_AUTH_ONLY = 4 };

enum { DOI_ISAKMP = 0, DOI_IPSEC = 1 };
enum { SIT_IDENTITY_ONLY = 1 };
enum { PROTO_ISAKMP = 1, PROTO_IPSEC_AH = 2, PROTO_IPSEC_ESP = 3, PROTO_IPCOMP = 4 };

/* RFC 2408 section 3.14.1; RFC 2407 section 4.6.3; RFC 3706. */
enum notify_type {
	NOTIFY_INVALID_PAYLOAD_TYPE = 1,
	NOTIFY_DOI_NOT_SUPPORTED = 2,
	NOTIFY_SITUATION_NOT_SUPPORTED = 3,
	NOTIFY_INVALID_COOKIE = 4,
	NOTIFY_INVALID_MAJOR_VERSION = 5,
	NOTIFY_INVALID_MINOR_VERSION = 6,
	NOTIFY_INVALID_EXCHANGE_TYPE = 7,
	NOTIFY_INVALID_FLAGS = 8,
	NOTIFY_INVALID_MESSAGE_ID = 9,
	NOTIFY_INVALID_PROTOCOL_ID = 10,
	NOTIFY_INVALID_SPI = 11,
	NOTIFY_INVALID_TRANSFORM_ID = 12,
	NOTIFY_ATTRIBUTES_NOT_SUPPORTED = 13,
	NOTIFY_NO_PROPOSAL_CHOSEN = 14,
	NOTIFY_BAD_PROPOSAL_SYNTAX = 15,
	NOTIFY_PAYLOAD_MALFORMED = 16,
	NOTIFY_INVALID_KEY_INFORMATION = 17,
	NOTIFY_INVALID_ID_INFORMATION = 18,
	NOTIFY_INVALID_CERT_ENCODING = 19,
	NOTIFY_INVALID_CERTIFICATE = 20,
	NOTIFY_CERT_TYPE_UNSUPPORTED = 21,
	NOTIFY_INVALID_CERT_AUTHORITY = 22,
	NOTIFY_INVALID_HASH_INFORMATION = 23,
	NOTIFY_AUTHENTICATION_FAILED = 24,
	NOTIFY_INVALID_SIGNATURE = 25,
	NOTIFY_ADDRESS_NOTIFICATION = 26,
	NOTIFY_SA_LIFETIME = 27,
	NOTIFY_CERTIFICATE_UNAVAILABLE = 28,
	NOTIFY_UNSUPPORTED_EXCHANGE_TYPE = 29,
	NOTIFY_UNEQUAL_PAYLOAD_LENGTHS = 30,
	NOTIFY_CONNECTED = 16384,
	NOTIFY_RESPONDER_LIFETIME = 24576,
	NOTIFY_REPLAY_STATUS = 24577,
	NOTIFY_INITIAL_CONTACT = 24578,
	NOTIFY_R_U_THERE = 36136,
	NOTIFY_R_U_THERE_ACK = 36137,
};

struct isakmp_header {
	uint8_t cookie_i[8], cookie_r[8];
	uint8_t next_payload;
	uint8_t version; /* major << 4 | minor */
	uint8_t exchange;
	uint8_t flags;
	uint32_t message_id;
	uint32_t length;
};

/* Data attribute, RFC 2408 section 3.3. Short (AF = 1) ones carry their value in `value`. */
struct attribute {
	uint16_t type;      /* without AF */
	bool tv;            /* AF = 1 */
	uint64_t value;     /* also of long ones up to 8 octets */
	struct span octets; /* long form */
};

struct transform_payload {
	uint8_t number, id;
	struct attribute *attr;
	size_t n_attr;
};

struct proposal_payload {
	uint8_t number, protocol;
	struct span spi;
	struct transform_payload *transform;
	size_t n_transform;
};

struct sa_payload {
	uint32_t doi, situation;
	struct proposal_payload *proposal;
	size_t n_proposal;
	struct span unread; /* another DOI or situation: what follows it; no proposals then */
};

struct id_payload { /* RFC 2407 section 4.6.2 */
	uint8_t type, proto;
	uint16_t port;
	struct span data;
};

struct notify_payload {
	uint32_t doi;
	uint8_t protocol;
	uint16_t type;
	struct span spi, data;
};

struct delete_payload {
	uint32_t doi;
	uint8_t protocol, spi_size;
	uint16_t n_spi;
	struct span spis; /* n_spi * spi_size octets */
};

/* Certificate Encoding, RFC 2408 section 3.9; 11 as IKEv2 and strongSwan have it. */
enum cert_encoding {
	CERT_NONE = 0,
	CERT_PKCS7 = 1,
	CERT_PGP = 2,
	CERT_DNS_SIGNED_KEY = 3,
	CERT_X509_SIGNATURE = 4,
	CERT_X509_KEY_EXCHANGE = 5,
	CERT_KERBEROS = 6,
	CERT_CRL = 7,
	CERT_ARL = 8,
	CERT_SPKI = 9,
	CERT_X509_ATTRIBUTE = 10,
	CERT_RAW_RSA = 11,
};

struct cert_payload { /* CERT and CR */
	uint8_t encoding;
	struct span data;
};

/* [MS-IKEE] Fragment Payload; `flags` bit 0: the last one. */
struct fragment_payload {
	uint16_t id;
	uint8_t number, flags;
	struct span data;
};

enum { FRAGMENT_LAST = 1 };

struct attr_payload { /* Mode Config and XAUTH: draft-dukes-ike-mode-cfg-02 section 3.2 */
	uint8_t type;
	uint16_t identifier;
	struct attribute *attr;
	size_t n_attr;
};

/*
 * One decoded payload. `raw` is its body after the generic header: RFC 2409
 * hashes SAi_b and IDii_b exactly as they came. `whole` includes the header.
 */
struct payload {
	uint8_t type;
	struct span raw, whole;
	union {
		struct sa_payload sa;
		struct id_payload id;
		struct notify_payload n;
		struct delete_payload d;
		struct cert_payload cert;
		struct attr_payload attr;
		struct fragment_payload fragment;
		struct span data; /* KE, HASH, SIG, NONCE, VID, NAT-D, unknown types */
	};
};

struct message {
	struct isakmp_header h;
	struct payload *payload;
	size_t n;
	uint32_t present; /* P() bits of the types that are there */
	uint8_t failed;   /* type of the payload that could not be read; PAYLOAD_NONE: what follows the last one */
};

/* Decodes the header only. NULL, or what is wrong (a static sentence). Checks that the length fits the datagram. */
const char *isakmp_decode_header(struct isakmp_header *h, struct span datagram);

/*
 * Decodes the chain of payloads that starts with type @first in @body
 * (decrypted, if it was encrypted; trailing padding is allowed then; else only
 * up to three zero octets that align the message).
 * Everything is borrowed from @body or allocated in @arena. NULL, or what is
 * wrong: a sentence that names payload and field, allocated in @arena.
 */
const char *isakmp_decode_payloads(struct message *m, uint8_t first, struct span body, bool padded, struct arena *arena);

/*
 * The chain alone: of each payload its type, `raw`, `whole`, and `data` as if it were plain octets. What it takes to find
 * out whether the peer vouches for a message that cannot be read.
 */
bool isakmp_outline_payloads(struct message *m, uint8_t first, struct span body, struct arena *arena);

/* The first payload of a type (NAT-D drafts are found under the RFC's number); NULL if none. @after: continue behind it. */
const struct payload *message_find(const struct message *m, uint8_t type, const struct payload *after);

/* Data Attributes that stand in a notification: false where they are malformed. */
bool attributes_decode(struct attribute **attr, size_t *n, struct span in, struct arena *arena);
/* What was written to @room; empty when it did not fit. */
struct span attributes_encode(uint8_t *room, size_t cap, struct attribute *attr, size_t n);

/* NAT-OA, RFC 3947 section 5.2, after the generic header. False, or empty: no address. */
bool nat_oa_decode(struct ip *out, struct span body);
struct span nat_oa_encode(uint8_t room[20], const struct ip *ip);

/*
 * Building. A builder writes header and payloads into a buffer and chains the
 * Next Payload fields by itself.
 */
struct builder {
	struct wire w;
	size_t next_at;    /* where the next "Next Payload" octet is to be patched */
	size_t payload_at; /* start of the last payload, for builder_last */
};

void builder_start(struct builder *b, uint8_t *out, size_t cap, const struct isakmp_header *h);
/* Appends a payload; p->raw and p->whole are not read. Returns its octets after the generic header, as written. */
struct span builder_add(struct builder *b, const struct payload *p);
/* A payload of plain octets (KE, NONCE, HASH, VID, NAT-D). */
struct span builder_add_data(struct builder *b, uint8_t type, struct span data);
/* A payload of any type whose body was encoded before (SAi_b kept from an earlier message, say): written as it is, unchecked. */
struct span builder_add_raw(struct builder *b, uint8_t type, struct span body);
/* Fills in the length. The whole message, or an empty span when it did not fit (see b->w.failure). */
struct span builder_finish(struct builder *b);

/* "payloads as text, one field a line", for logs at level 3 and for tests. */
void message_dump(struct dump *d, const struct message *m);
/* "Key Exchange", "Main Mode"; NULL for a number without a name. */
const char *payload_name(uint8_t type);
const char *exchange_name(uint8_t type);
/* "NO-PROPOSAL-CHOSEN"; NULL for a number without a name. */
const char *notify_name(uint16_t type);
/* One sentence: what the notification means and what to look at; NULL if none. */
const char *notify_sentence(uint16_t type);
/* The same for one that came in Phase 1 or 2: more exact where the phase makes a difference. */
const char *notify_sentence_in(uint16_t type, unsigned phase);

/* ID payload <-> identity and client selectors (RFC 2407 section 4.6.2). False: type or length that does not fit. */
bool id_payload_identity(struct identity *out, const struct id_payload *p);
bool id_payload_selector(struct selector *out, const struct id_payload *p);
/* The shortest ID type that says the selector exactly; octets go to @room (32 octets). False: IKEv1 cannot say it (a port range).
 */
bool id_payload_from_selector(struct id_payload *out, uint8_t room[32], const struct selector *s);

#endif
