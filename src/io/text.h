/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEXT_H
#define SALLYPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Text that grows. An all-zero struct is empty; p is NULL until the first addition. */
struct text {
	char *p;
	size_t n, cap;
	bool nomem; /* an addition failed: the text is not complete */
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Empty again; keeps the memory. */
void text_clear(struct text *t);
void text_free(struct text *t);

#endif
