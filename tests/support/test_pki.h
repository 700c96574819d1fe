/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_PKI_H
#define SALLYPORT_TEST_PKI_H

#include "span.h"

/*
 * Certificates made afresh for the running test by make_pki.py; the folder is
 * removed at the end of the program. Fails the program when they cannot be made.
 */
const char *test_pki(void);
/* A file of that folder; kept until the end. Fails the program when it is not there. */
struct span test_pki_file(const char *name);

#endif
