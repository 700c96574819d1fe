/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_INSTALLED_H
#define SALLYPORT_DATAPLANE_INSTALLED_H

#include "sad.h"

/*
 * Remembers the keys that were ever installed, as keyed 64-bit hashes: a second
 * installation would start its sequence numbers again and so repeat GCM nonces
 * (RFC 4106 section 3.1, RFC 4303 section 3.3.3). Bounded: after INSTALLED_MAX
 * keys the older half is forgotten; keys of living SAs are the caller's to hold.
 */
struct installed {
	uint64_t k0, k1;
	uint64_t *slot[2]; /* open addressing; 0: free. [0] is being filled, [1] is the older half */
	size_t room[2], n[2];
};

enum { INSTALLED_MAX = 1 << 20 };

void installed_open(struct installed *s, uint64_t k0, uint64_t k1);
void installed_close(struct installed *s);

enum installed_result { INSTALLED_NEW, INSTALLED_BEFORE, INSTALLED_NO_MEMORY };

/* Remembers the keys. INSTALLED_BEFORE: they are known, and must be refused. */
enum installed_result installed_add(struct installed *s, const struct sa_params *p);

#endif
