/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "secret.h"

enum { ARENA_BLOCK_OCTETS = 4096 - 64 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) uint8_t mem[];
};

static struct arena_block *
block_new(struct arena *a, size_t n)
{
	size_t size = n > ARENA_BLOCK_OCTETS ? n : ARENA_BLOCK_OCTETS;
	struct arena_block *b = calloc(1, sizeof *b + size);

	if (!b)
		return NULL;
	b->size = size;
	b->next = a->head;
	a->head = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t align = _Alignof(max_align_t);
	size_t need = (n + align - 1) & ~(align - 1);
	struct arena_block *b = a->head;

	if (need < n)
		return NULL;
	if (!b || b->size - b->used < need) {
		b = block_new(a, need);
		if (!b)
			return NULL;
	}
	void *p = b->mem + b->used;

	b->used += need;
	return p;
}

struct span
arena_dup(struct arena *a, struct span from)
{
	uint8_t *p = arena_alloc(a, from.n ? from.n : 1);

	if (!p)
		return (struct span){ 0 };
	if (from.n)
		memcpy(p, from.p, from.n);
	return span_of(p, from.n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *s = NULL;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);

	if (n >= 0)
		s = arena_alloc(a, (size_t)n + 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return s;
}

void
arena_clear(struct arena *a)
{
	while (a->head) {
		struct arena_block *b = a->head;

		a->head = b->next;
		secret_wipe(b->mem, b->used);
		free(b);
	}
}
