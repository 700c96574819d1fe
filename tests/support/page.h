/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_PAGE_H
#define SALLYPORT_TEST_PAGE_H

#include <stdio.h>

/* A page of the documentation that is printed from the code: to stdout, or compared with a file of that name. */
int page_main(int argc, char **argv, void (*print)(FILE *to));

#endif
