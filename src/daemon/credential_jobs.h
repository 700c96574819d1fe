/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CREDENTIAL_JOBS_H
#define SALLYPORT_CREDENTIAL_JOBS_H

#include <uv.h>

#include "credentials.h"
#include "ike.h"

/*
 * Signing and verifying for the core, off the loop's thread: an RSA signature
 * takes a millisecond, and a revocation list may take seconds to arrive.
 */

enum { CREDENTIAL_JOBS_MAX = 4096 };

struct credential_jobs {
	uv_loop_t *loop;
	struct credentials *store;
	/* Called on the loop once for each question, perhaps before the asking function returns. */
	void (*answer)(void *context, const struct answer *a);
	/* What is worth telling, with its connection or NULL. */
	void (*note)(void *context, int level, const char *conn, const char *text);
	/* A revocation list has arrived (charon.cache_crls). */
	void (*fetched)(void *context, const struct crl *crl);
	void *context;
	unsigned pending;
	_Atomic bool stopping; /* ends what is being fetched */
};

void credential_jobs_credential(struct credential_jobs *j, uint64_t ticket, const struct credential_query *q);
void credential_jobs_sign(struct credential_jobs *j, uint64_t ticket, const struct sign_query *q);
void credential_jobs_verify(struct credential_jobs *j, uint64_t ticket, const struct verify_query *q);

#endif
