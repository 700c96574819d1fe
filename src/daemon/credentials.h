/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CREDENTIALS_H
#define SALLYPORT_CREDENTIALS_H

#include "effects.h"
#include "trust.h"

/*
 * Certificates, keys, revocation lists and what is known of CAs: the store
 * behind ASK_CREDENTIAL, ASK_SIGN and ASK_VERIFY. It belongs to the loop's
 * thread; single credentials are immutable and shared by reference, so that a
 * worker thread judges a peer by a view of the store as it was.
 */

enum credential_kind {
	CREDENTIAL_CERTIFICATE, /* of a host or user: ours, or a peer's that is trusted by itself */
	CREDENTIAL_CA,          /* trusted to issue */
	CREDENTIAL_RESPONDER,   /* trusted to sign OCSP responses */
	CREDENTIAL_CRL,
	CREDENTIAL_RESPONSE, /* of OCSP */
	CREDENTIAL_PUBLIC,   /* a raw public key */
	CREDENTIAL_PRIVATE,
	CREDENTIAL_AUTHORITY, /* what the configuration says of a CA */
};

/* A reload of the file leaves alone what vici loaded, and the other way round. */
enum credential_origin { CREDENTIAL_FROM_FILE, CREDENTIAL_FROM_VICI, CREDENTIAL_FETCHED };

enum { CREDENTIALS_MAX = 200000, CREDENTIALS_FETCHED_MAX = 1024, AUTHORITY_URIS_MAX = 16, CREDENTIAL_OWNERS_MAX = 16 };

/* authorities.<name> */
struct authority {
	struct certificate *ca;
	char *crl_uri[AUTHORITY_URIS_MAX + 1], *ocsp_uri[AUTHORITY_URIS_MAX + 1]; /* NULL-terminated */
	char *cert_uri_base;
};

/* A response that was judged good when it came. */
struct response {
	struct certificate *subject;
	uint8_t *octets;
	size_t n;
	int64_t until; /* seconds of 1970 */
};

struct credential {
	_Atomic unsigned refs;
	enum credential_kind kind;
	enum credential_origin origin;
	uint64_t handle; /* of a private key, for ASK_SIGN */
	char *name;      /* of an authority; the URI of what was fetched; else NULL */
	union {
		struct certificate *certificate;
		struct crl *crl;
		struct public_key *public_key;
		struct private_key *private_key;
		struct response response;
		struct authority authority;
	};
};

/* An all-zero struct is empty. A view is one too, with references of its own. */
struct credentials {
	struct credential **c;
	size_t n, cap;
	uint64_t next_handle;
	size_t n_fetched;
};

/* All add_ functions take over the reference, also when they fail: out of memory, or too many. The same one twice is one. */
bool credentials_add_certificate(struct credentials *st, enum credential_kind kind, enum credential_origin o,
                                 struct certificate *c);
bool credentials_add_crl(struct credentials *st, enum credential_origin o, struct crl *c, const char *uri);
bool credentials_add_public(struct credentials *st, enum credential_origin o, struct public_key *k);
bool credentials_add_private(struct credentials *st, enum credential_origin o, struct private_key *k);
bool credentials_add_response(struct credentials *st, struct certificate *subject, struct span octets, int64_t until);
/* Replaces the one of that name and origin. Takes over all that @a points to. */
bool credentials_add_authority(struct credentials *st, enum credential_origin o, const char *name, const struct authority *a);
void authority_clear(struct authority *a);

/* False when there is none. */
bool credentials_remove_private(struct credentials *st, enum credential_origin o, const uint8_t id[KEY_ID_OCTETS]);
bool credentials_remove_authority(struct credentials *st, enum credential_origin o, const char *name);
/* All of an origin, save authorities where @keep_authorities. */
void credentials_clear(struct credentials *st, enum credential_origin o, bool keep_authorities);
/* What was fetched, of one kind. */
void credentials_flush(struct credentials *st, enum credential_kind kind);
/* All of one origin are replaced by those of @from, which is empty afterwards. */
void credentials_replace(struct credentials *st, enum credential_origin o, struct credentials *from);
void credentials_free(struct credentials *st);

/* The next of a kind; *cursor starts at 0. NULL at the end. */
const struct credential *credentials_next(const struct credentials *st, enum credential_kind kind, size_t *cursor);
/*
 * The next CA that is trusted, by itself or as an authority's, each once; *cursor starts at 0. An authority's is so as long as
 * the authority is loaded.
 */
struct certificate *credentials_next_ca(const struct credentials *st, size_t *cursor);
/* The CA that @c, of @st, makes trusted; NULL: it does not, or another one does already. */
struct certificate *credentials_ca(const struct credentials *st, const struct credential *c);
/* The private key with that handle, or to that public key; NULL. */
const struct credential *credentials_private(const struct credentials *st, uint64_t handle);
const struct credential *credentials_private_of(const struct credentials *st, const struct public_key *k);

/* All but the private keys, for another thread. False when out of memory. Freed by credentials_free() on any thread. */
bool credentials_view(struct credentials *out, const struct credentials *st);

#endif
