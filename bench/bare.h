/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BENCH_BARE_H
#define SALLYPORT_BENCH_BARE_H

#include "crypto.h"

/*
 * The bare work of an exchange: the Diffie-Hellman, PRF and hash operations that
 * RFC 2409 asks of one end, called one after the other with nothing around them.
 * What an engine takes beyond it is its own.
 */
struct bare_suite {
	uint16_t dh_id, prf_id;
	uint16_t pfs_id;        /* DH_NONE: Quick Mode without PFS */
	uint16_t keymat_octets; /* per direction: cipher key, salt and integrity key */
};

/* AES-256, SHA2-256, ECP 256, pre-shared key; ESP with AES-GCM-16-256, no PFS. */
extern const struct bare_suite bare_suite_default;

/* CPU nanoseconds of one end's Main Mode with a pre-shared key, RFC 2409 section 5.4; the mean of @rounds. */
double bare_main_mode_ns(const struct bare_suite *s, unsigned rounds);
/* CPU nanoseconds of one end's Quick Mode, RFC 2409 section 5.5; the mean of @rounds. */
double bare_quick_mode_ns(const struct bare_suite *s, unsigned rounds);

/* CPU nanoseconds that this process has used. */
double cpu_ns(void);

#endif
