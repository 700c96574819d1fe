/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SLAB_H
#define SALLYPORT_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Memory for SAs: blocks of whole cache lines, cut from chunks of 256 KiB and
 * named by 32-bit handles, so that a table of a million of them stays small.
 * Addresses are stable. Memory is wiped when it is given back.
 */
enum { SLAB_LINE = 64, SLAB_CHUNK = 256 * 1024, SLAB_CHUNK_LINES = SLAB_CHUNK / SLAB_LINE };

typedef uint32_t slab_handle; /* chunk number * SLAB_CHUNK_LINES + line; 0: none */

struct slab {
	uint8_t **chunk;
	size_t n_chunks, room;
	/* By size in lines: the free list, and what is left of the newest chunk. */
	struct slab_class {
		slab_handle free;
		uint32_t next_line, chunk;
		bool has_chunk;
	} class[SLAB_CHUNK_LINES + 1];
};

/* An all-zero struct slab is empty. */
void slab_close(struct slab *s);
/* Zeroed, at a multiple of SLAB_LINE. 0 when out of memory or over SLAB_CHUNK - SLAB_LINE octets. */
slab_handle slab_alloc(struct slab *s, size_t octets);
void slab_free(struct slab *s, slab_handle h, size_t octets);
size_t slab_memory(const struct slab *s);

static inline void *
slab_at(const struct slab *s, slab_handle h)
{
	return s->chunk[h / SLAB_CHUNK_LINES] + (size_t)(h % SLAB_CHUNK_LINES) * SLAB_LINE;
}

#endif
