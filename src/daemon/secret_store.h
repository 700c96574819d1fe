/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SECRET_STORE_H
#define SALLYPORT_SECRET_STORE_H

#include "effects.h"
#include "secret.h"
#include "table.h"

/* Where a secret came from: a reload of the file leaves alone what vici loaded, and the other way round. */
enum secret_origin { SECRET_FROM_FILE, SECRET_FROM_VICI };

enum { SECRET_OWNERS_MAX = 64, SECRET_OCTETS_MAX = 4096, SECRETS_MAX = 100000 };

/* One pre-shared key and the identities that it serves; none: it serves all. */
struct shared_secret {
	char *name; /* vici's "id"; the section's name in a file */
	enum secret_origin origin;
	struct secret data;
	struct identity *owner;
	size_t n_owners;
	size_t at;                         /* its place in the store */
	struct table_link link;            /* by name */
	struct owner_link *links;          /* one per owner, into by_owner */
	struct shared_secret *prev, *next; /* of those that must be looked at one by one */
	bool loose;                        /* it is one of them: an owner is a pattern, or there is none */
};

/* All pre-shared keys. An all-zero struct is empty. */
struct secret_store {
	struct shared_secret **s;
	size_t n, cap;
	struct table by_name;  /* those that have one */
	struct table by_owner; /* identity_key() of owners that have one */
	struct shared_secret *loose;
};

/*
 * Adds a copy; one with the same origin and name is replaced. @name NULL: no
 * name, never replaced. False when out of memory or over a limit: unchanged.
 */
bool secret_store_add(struct secret_store *st, enum secret_origin origin, const char *name, struct span data,
                      const struct identity *owners, size_t n_owners);
/* False when there is none of that name. */
bool secret_store_remove(struct secret_store *st, enum secret_origin origin, const char *name);
/* Wipes all of one origin. */
void secret_store_clear(struct secret_store *st, enum secret_origin origin);
/* All of one origin are replaced by those of @from, which is empty afterwards. How many found no room (see above). */
size_t secret_store_replace(struct secret_store *st, enum secret_origin origin, struct secret_store *from);
void secret_store_free(struct secret_store *st);

/*
 * secret_store_find - the lookup of RFC 2409 section 5.4.
 *
 * For each pair of @q in turn, the secret whose owners match best: first by how
 * well one of them matches the peer (exactly, as a pattern, as a subnet or
 * range, as %any, not at all), then likewise by our own end; so one that names
 * both ends goes before one that names the peer only. One without owners comes
 * last. A secret whose owners match neither end serves nobody here. Ten thousand
 * secrets for a peer each cost no more than ten: only those with patterns are gone through.
 *
 * Borrowed, until the store changes. NULL when there is none.
 */
const struct secret *secret_store_find(const struct secret_store *st, const struct psk_query *q);

/* For daemon.find_psk: @context is a struct secret_store. */
bool secret_store_answer(void *context, struct secret *out, const struct psk_query *q);

#endif
