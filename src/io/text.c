/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool
reserve(struct text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : 1024;
	char *p;

	while (cap < n)
		cap *= 2;
	if (cap == t->cap)
		return true;
	p = realloc(t->p, cap);
	if (!p) {
		t->nomem = true;
		return false;
	}
	t->p = p;
	t->cap = cap;
	return true;
}

void
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(t, t->n + (size_t)n + 1))
		return;
	va_start(ap, fmt);
	vsnprintf(t->p + t->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}

void
text_clear(struct text *t)
{
	t->n = 0;
	t->nomem = false;
	if (t->p)
		t->p[0] = 0;
}

void
text_free(struct text *t)
{
	free(t->p);
	*t = (struct text) { 0 };
}
