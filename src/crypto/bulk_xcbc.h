/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BULK_XCBC_H
#define SALLYPORT_BULK_XCBC_H

#include "crypto.h"

/* AES-XCBC-MAC, RFC 3566 section 4, which OpenSSL does not have; for this folder only. */

enum { XCBC_OCTETS = 16 };

struct xcbc;

/* A keyed state for one thread; @key has 16 octets. NULL when out of memory. */
struct xcbc *xcbc_new(struct span key);
/* Wipes. NULL is allowed. */
void xcbc_free(struct xcbc *x);
/* The MAC over @text, then @more, at most four octets. False where libcrypto failed. */
bool xcbc_mac(struct xcbc *x, uint8_t out[XCBC_OCTETS], struct span text, struct span more);

#endif
