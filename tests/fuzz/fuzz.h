/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_FUZZ_H
#define SALLYPORT_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What libFuzzer and replay.c call. Returns 0. A broken invariant ends in fuzz_require(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define fuzz_require(holds)                                                                                                      \
	do {                                                                                                                     \
		if (!(holds)) {                                                                                                  \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                               \
			abort();                                                                                                 \
		}                                                                                                                \
	} while (0)

/* The input as far as it is not used up. */
struct fuzz_input {
	const uint8_t *p;
	size_t n;
};

/* Its next octet; 0 when there are no more. */
static inline uint8_t
fuzz_octet(struct fuzz_input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

#endif
