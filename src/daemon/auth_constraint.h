/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_AUTH_CONSTRAINT_H
#define SALLYPORT_AUTH_CONSTRAINT_H

#include "trust.h"

/*
 * How strong keys and hashes of a peer's certificates must be: what follows in
 * auth = pubkey-sha256, rsa-3072-sha256-sha384, ecdsa-256-sha256, rsa-2048-ecdsa-384-sha384.
 * Where it says nothing: RSA of 2048 bits, hashes of the SHA-2 family.
 */
struct auth_constraint {
	bool rsa, ecdsa; /* allowed kinds of the peer's key */
	unsigned rsa_bits, ecdsa_bits;
	uint32_t hashes; /* a bit for each PRF number whose hash may have signed a certificate */
};

/* False with a sentence in @why. @text NULL: "pubkey". */
bool auth_constraint_parse(struct auth_constraint *out, const char *text, char *why, size_t why_size);
/* Of the subject its kind; of all certificates of the path the strength; of all but the anchor the signature. False with @why. */
bool auth_constraint_admits(const struct auth_constraint *c, const struct trust_path *path, char *why, size_t why_size);

#endif
