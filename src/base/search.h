/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BASE_SEARCH_H
#define SALLYPORT_BASE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

/* The first of @n places in order that is not before what is looked for; @n when all are. */
static inline size_t
search_first(size_t n, bool (*is_before)(const void *in, size_t place, const void *what), const void *in, const void *what)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (is_before(in, mid, what))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

#endif
