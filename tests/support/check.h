/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_CHECK_H
#define SALLYPORT_TEST_CHECK_H

/* cmocka with the headers that it needs in front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
