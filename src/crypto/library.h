/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_LIBRARY_H
#define SALLYPORT_LIBRARY_H

#include "crypto.h"

#include <openssl/evp.h>

/*
 * What is asked of libcrypto once and kept: a fetch by name costs more than the
 * hash that it finds. Private to this folder.
 */

/* The hash under a PRF; NULL where there is none. */
const EVP_MD *library_md(uint16_t prf_id);

/* The CBC mode of a cipher with a key of @key_octets; NULL where there is none. */
const EVP_CIPHER *library_cbc(uint16_t encr_id, size_t key_octets);

/* The calling thread's hash context, freed with the thread; NULL when out of memory. */
EVP_MD_CTX *library_md_ctx(void);

#endif
