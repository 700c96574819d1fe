/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_LEGACY_H
#define SALLYPORT_LEGACY_H

#include "crypto.h"

#include <openssl/evp.h>

/*
 * What OpenSSL keeps in its "legacy" provider: Blowfish and CAST-128, DES and MD4.
 * It is loaded when the first of them is asked for, into a library context of
 * its own, so that nothing else of the process can reach it. Private to this
 * folder.
 */

/*
 * The CBC mode of @encr_id (ENCR_BLOWFISH, ENCR_CAST), whose key length has yet
 * to be set in the context; NULL where this machine's OpenSSL does not have it.
 */
const EVP_CIPHER *legacy_cbc(uint16_t encr_id);
/* DES in ECB mode and MD4, for MS-CHAPv2 alone (mschap.c); NULL likewise. */
const EVP_CIPHER *legacy_des(void);
const EVP_MD *legacy_md4(void);

#endif
