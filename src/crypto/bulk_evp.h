/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BULK_EVP_H
#define SALLYPORT_BULK_EVP_H

#include <openssl/evp.h>

#include "bulk_provider.h"

/* The cipher of a suite other than NULL's; NULL where this OpenSSL does not have it. For this folder only. */
const EVP_CIPHER *bulk_evp_cipher(const struct bulk_suite *s);

#endif
