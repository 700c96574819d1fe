/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_KEYS_H
#define SALLYPORT_KEYS_H

#include <stdint.h>

#include "secret.h"

/*
 * Keys that sign and verify Phase 1. Immutable once made, shared by reference
 * between threads: any of them may sign or verify with the same key at once.
 */

enum key_type { KEY_OTHER = 0, KEY_RSA, KEY_ECDSA };

enum {
	KEY_ID_OCTETS = 20,
	KEY_FILE_OCTETS_MAX = 64 << 10,
	SIGNATURE_OCTETS_MAX = 2048, /* RSA of 16384 bits */
};

struct key_facts {
	enum key_type type; /* KEY_OTHER: nothing that IKEv1 signs with */
	unsigned bits;      /* RSA: of the modulus; ECDSA: 256, 384 or 521 */
	/* strongSwan's key ids: SHA-1 of subjectPublicKey (RFC 5280 section 4.2.1.2 (1)) and of SubjectPublicKeyInfo. */
	uint8_t id[KEY_ID_OCTETS], info_id[KEY_ID_OCTETS];
};

struct public_key;
struct private_key;

enum key_error {
	KEY_OK = 0,
	KEY_ERR_FORMAT,     /* no key, or a damaged one */
	KEY_ERR_ENCRYPTED,  /* it needs a passphrase */
	KEY_ERR_PASSPHRASE, /* the passphrase is wrong, or the cipher is none of this machine's */
};

/* A sentence that says what is wrong and what to do. */
const char *key_error_text(enum key_error e);

/**
 * private_key_read - a private key from a file's content.
 *
 * PEM or DER of PKCS #1 (RSA), SEC 1 (EC) and PKCS #8, plain or encrypted.
 * @passphrase  p == NULL: none
 */
enum key_error private_key_read(struct private_key **out, struct span file, struct span passphrase);
struct private_key *private_key_ref(struct private_key *k);
void private_key_unref(struct private_key *k);
const struct key_facts *private_key_facts(const struct private_key *k);

/* SubjectPublicKeyInfo or PKCS #1 RSAPublicKey, PEM or DER. NULL when it is none. */
struct public_key *public_key_read(struct span file);
void public_key_free(struct public_key *k);
const struct key_facts *public_key_facts(const struct public_key *k);
/* SubjectPublicKeyInfo in DER; borrowed. */
struct span public_key_der(const struct public_key *k);

/**
 * private_key_sign - the signature of Phase 1 over a hash.
 *
 * RSA: RFC 2409 section 5.1, PKCS #1 block type 1 around the bare hash, without
 * DigestInfo. ECDSA: RFC 4754 section 7, r | s, each padded to the curve's length.
 *
 * @out   SIGNATURE_OCTETS_MAX octets
 *
 * The octets written, 0 when the key cannot sign it.
 */
size_t private_key_sign(uint8_t *out, const struct private_key *k, struct span hash);
bool public_key_verify(const struct public_key *k, struct span hash, struct span signature);

#endif
