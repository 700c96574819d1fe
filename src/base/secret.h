/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SECRET_H
#define SALLYPORT_SECRET_H

#include "span.h"

/*
 * Octets that must not outlive their use. A secret owns its memory, is wiped
 * before it is freed, is compared in constant time only, and has no function
 * that prints it. An all-zero struct is the empty secret.
 */
struct secret {
	uint8_t *p;
	size_t n;
};

/* Makes @s hold @n zero octets. False, with @s empty, when out of memory. */
bool secret_alloc(struct secret *s, size_t n);

/* Makes @s a copy of @from. False, with @s empty, when out of memory. */
bool secret_copy(struct secret *s, struct span from);

/* Wipes and frees; @s is then the empty secret. */
void secret_clear(struct secret *s);

/* Moves ownership: the source is empty afterwards, without a copy. */
static inline struct secret
secret_move(struct secret *from)
{
	struct secret s = *from;

	*from = (struct secret){ 0 };
	return s;
}

/* Constant time in the octets; the lengths are public. */
bool secret_equal(struct span a, struct span b);

static inline struct span
secret_span(const struct secret *s)
{
	return (struct span){ s->p, s->n };
}

/* Wipes a local array on every way out of its scope. */
void secret_wipe(void *p, size_t n);

#define autosecret __attribute__((cleanup(secret_clear))) struct secret

#endif
