/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <stdlib.h>

bool
secret_alloc(struct secret *s, size_t n)
{
	*s = (struct secret){ 0 };
	if (n == 0)
		return true;
	s->p = calloc(1, n);
	if (!s->p)
		return false;
	s->n = n;
	return true;
}

bool
secret_copy(struct secret *s, struct span from)
{
	if (!secret_alloc(s, from.n))
		return false;
	if (from.n)
		memcpy(s->p, from.p, from.n);
	return true;
}

void
secret_clear(struct secret *s)
{
	if (s->p) {
		secret_wipe(s->p, s->n);
		free(s->p);
	}
	*s = (struct secret){ 0 };
}

bool
secret_equal(struct span a, struct span b)
{
	volatile uint8_t diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= a.p[i] ^ b.p[i];
	return diff == 0;
}

void
secret_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}
