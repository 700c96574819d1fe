/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ARENA_H
#define SALLYPORT_ARENA_H

#include "span.h"

struct arena_block;

/*
 * Scratch memory that is freed all at once: a message is decoded into one, and
 * nothing in it survives the message. An all-zero struct is an empty arena.
 * Memory is wiped when it is given back, since decrypted payloads live here.
 */
struct arena {
	struct arena_block *head;
};

/* Zeroed, aligned for any type. NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy of @from that lives as long as the arena; p is NULL when out of memory. */
struct span arena_dup(struct arena *a, struct span from);

/* printf into the arena; NULL when out of memory. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Wipes and frees everything; the arena is empty and usable again. */
void arena_clear(struct arena *a);

#define autoarena __attribute__((cleanup(arena_clear))) struct arena

#endif
