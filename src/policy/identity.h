/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IDENTITY_H
#define SALLYPORT_IDENTITY_H

#include "addr.h"
#include "dn.h"

/* ID types, RFC 2407 section 4.6.2.1; the same numbers in RFC 7296 section 3.5. */
enum id_type {
	ID_ANY = 0, /* "%any": ours, never on the wire */
	ID_IPV4_ADDR = 1,
	ID_FQDN = 2,
	ID_USER_FQDN = 3,
	ID_IPV4_ADDR_SUBNET = 4,
	ID_IPV6_ADDR = 5,
	ID_IPV6_ADDR_SUBNET = 6,
	ID_IPV4_ADDR_RANGE = 7,
	ID_IPV6_ADDR_RANGE = 8,
	ID_DER_ASN1_DN = 9,
	ID_DER_ASN1_GN = 10,
	ID_KEY_ID = 11,
};

enum { IDENTITY_OCTETS_MAX = 256, IDENTITY_TEXT_MAX = 512 };

/* An identity of a peer. Owns nothing: the octets are inside. */
struct identity {
	uint8_t type;         /* enum id_type */
	uint8_t rdn_matching; /* enum rdn_matching: of a DN that is a pattern */
	uint16_t n;
	uint8_t b[IDENTITY_OCTETS_MAX];
};

struct span identity_span(const struct identity *id);
/* False when the octets are too many, or do not fit the type. */
bool identity_from_wire(struct identity *out, uint8_t type, struct span octets);
struct identity identity_from_ip(const struct ip *a);

/*
 * strongSwan's reading of an identity: an address, "name@domain", "@fqdn",
 * "@#hex" and "keyid:..." (key id), "fqdn:...", "email:...", "ipv4:...",
 * "ipv6:...", "C=CH, O=strongSwan, CN=moon" and "asn1dn:..." (distinguished
 * name), else FQDN; "%any" and "" match all; "*.domain" and "*@domain" are
 * patterns, and "CN=*" in a name; subnets and ranges too (secrets). False with a
 * sentence in *why.
 */
bool identity_parse(struct identity *out, struct span text, const char **why);

bool identity_equal(const struct identity *a, const struct identity *b);

/*
 * identity_key - octets that two identities share where identity_equal() holds.
 *
 * For tables. Empty for what must be compared one by one: ID_ANY, distinguished names, and
 * whatever identity_match() takes as a pattern.
 */
struct span identity_key(uint8_t room[IDENTITY_OCTETS_MAX + 1], const struct identity *id);

/*
 * How well @id matches @pattern: 0 not at all; larger is better, an exact match best.
 * Patterns: ID_ANY, "*" prefixes of FQDN and USER_FQDN, names with parts left open, subnets and ranges for addresses.
 */
int identity_match(const struct identity *pattern, const struct identity *id);

/* Text for logs and vici, as strongSwan prints it; unprintable octets escaped. Returns @out. */
const char *identity_format(char out[IDENTITY_TEXT_MAX], const struct identity *id);

#endif
