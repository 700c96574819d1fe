/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_FETCH_H
#define SALLYPORT_FETCH_H

#include "span.h"

/*
 * Files from servers: revocation lists by HTTP and LDAP, OCSP responses by HTTP.
 * It blocks, so that it is called on worker threads only. What comes is signed
 * by those whom it concerns; the way to it needs no trust.
 */

enum { FETCH_SECONDS_MAX = 10, FETCH_WHY_MAX = 256 };

struct fetched {
	uint8_t *p;
	size_t n;
};

/*
 * Gets @uri, or posts @post (an OCSP request) to it. @max octets at most. False with a sentence in @why.
 * What cannot be done by libcurl as it is built is refused too.
 */
typedef bool (*fetch_fn)(void *context, struct fetched *out, const char *uri, struct span post, size_t max,
                         char why[FETCH_WHY_MAX]);

/* By libcurl. @context: a _Atomic bool that ends it early. */
bool fetch(void *context, struct fetched *out, const char *uri, struct span post, size_t max, char why[FETCH_WHY_MAX]);
void fetched_clear(struct fetched *f);

/* Of an LDAP entry as libcurl gives it (LDIF): the first binary value. False when there is none. */
bool fetch_ldap_value(struct fetched *f);

/* Once in the process, before threads. */
bool fetch_open(void);
void fetch_close(void);

#endif
