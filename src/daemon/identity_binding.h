/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IDENTITY_BINDING_H
#define SALLYPORT_IDENTITY_BINDING_H

#include "certificate.h"
#include "identity.h"

/*
 * Whether a certificate says that its holder is @id: RFC 4945 section 3.1. A
 * distinguished name is the subject or a directoryName, the others are
 * subjectAltNames; a key id is the subjectKeyIdentifier or the key's SHA-1.
 * @id may be a pattern of ours.
 */
bool certificate_has_identity(const struct certificate *c, const struct identity *id);
/* The same of what a peer claims: its stars and subnets are no pattern, else it could take a name that is not its own. */
bool certificate_names(const struct certificate *c, const struct identity *id);
/* The subject, as an identity; false when it is empty or too long. */
bool certificate_subject_identity(struct identity *out, const struct certificate *c);
/* "C=CH, O=x, CN=moon (moon.example.org, 192.0.2.1)": what a certificate is for. */
const char *certificate_describe(char *out, size_t cap, const struct certificate *c);

#endif
