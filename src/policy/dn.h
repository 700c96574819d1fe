/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DN_H
#define SALLYPORT_DN_H

#include "der.h"

/*
 * Distinguished names (X.501 Name, RFC 5280 section 4.1.2.4) in DER: their
 * parts, their text as strongSwan writes and prints it, and how they match.
 */

enum { DN_ATTRIBUTES_MAX = 64 };

/* charon.rdn_matching: how the parts of a name must stand to each other. */
enum rdn_matching {
	RDN_STRICT = 0, /* the same parts in the same order */
	RDN_REORDERED,  /* the same parts in any order */
	RDN_RELAXED,    /* in any order; the name may have more than the pattern */
};

/* One attribute: "CN=moon". */
struct dn_attribute {
	struct span oid, value;
	uint8_t tag; /* of the value */
};

/* The attributes in order, those of a set one after the other. False where @der is no name, or has more than @max. */
bool dn_read(struct dn_attribute *out, size_t *n, size_t max, struct span der);

/* Strings in any of their types compare without regard to case (RFC 5280 section 7.1); other values octet for octet. */
bool dn_equal(struct span a, struct span b);

/*
 * dn_match - whether a name fits a pattern, in which the value "*" fits any.
 *
 * Returns how many parts the pattern leaves open, -1 when the name does not fit.
 */
int dn_match(struct span pattern, struct span name, enum rdn_matching how);

/**
 * dn_parse - "C=CH, O=strongSwan, CN=moon" as DER.
 *
 * The keywords are strongSwan's, or an OID in dots. A text that begins with '/'
 * has '/' between its parts. A value may stand in double quotes; a backslash
 * takes away the meaning of the character behind it.
 *
 * The octets written to @out[0..cap); 0 with a sentence in *why.
 */
size_t dn_parse(uint8_t *out, size_t cap, struct span text, const char **why);

/* The text, as strongSwan prints it; what cannot be printed is '?'. Cut at @cap. Returns @out. */
const char *dn_format(char *out, size_t cap, struct span der);

#endif
