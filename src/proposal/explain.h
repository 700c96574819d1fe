/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_EXPLAIN_H
#define SALLYPORT_EXPLAIN_H

#include "arena.h"
#include "bundle.h"

/*
 * The only place that turns a refused negotiation into sentences: what the
 * peer offered, what we allow, the first thing that differs, and the setting
 * that would change it. NULL when out of memory.
 */
const char *explain_match(struct arena *a, const struct match *m, const struct suites *offered, const struct proposals *ours,
                          const struct match_terms *terms);
/* The same for Phase 2. */
const char *explain_bundles(struct arena *a, const struct match *m, const struct suites *offered,
                            const struct bundle_terms *terms);
/* One suite, in the form of proposal_format. */
const char *explain_suite(struct arena *a, const struct suite *s, enum proposal_protocol protocol);
/* "encryption", "Diffie-Hellman group", ... */
const char *explain_mismatch(enum mismatch m);

#endif
