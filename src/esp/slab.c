/* SPDX-License-Identifier: Apache-2.0 */
#include "slab.h"

#include <stdlib.h>

#include "secret.h"

static size_t
lines_of(size_t octets)
{
	return (octets + SLAB_LINE - 1) / SLAB_LINE;
}

static bool
chunk_add(struct slab *s, struct slab_class *c)
{
	uint8_t *p;

	if (s->n_chunks == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		uint8_t **grown = realloc(s->chunk, room * sizeof *grown);

		if (!grown)
			return false;
		s->chunk = grown;
		s->room = room;
	}
	if (s->n_chunks >= UINT32_MAX / SLAB_CHUNK_LINES)
		return false;
	p = aligned_alloc(SLAB_LINE, SLAB_CHUNK);
	if (!p)
		return false;
	c->chunk = (uint32_t)s->n_chunks;
	/* Handle 0 means none: the first line of the first chunk stays unused. */
	c->next_line = s->n_chunks == 0;
	c->has_chunk = true;
	s->chunk[s->n_chunks++] = p;
	return true;
}

slab_handle
slab_alloc(struct slab *s, size_t octets)
{
	size_t lines = lines_of(octets);
	struct slab_class *c;
	slab_handle h;

	if (lines == 0 || lines >= SLAB_CHUNK_LINES)
		return 0;
	c = &s->class[lines];
	if (c->free) {
		h = c->free;
		memcpy(&c->free, slab_at(s, h), sizeof c->free);
	} else {
		if ((!c->has_chunk || c->next_line + lines > SLAB_CHUNK_LINES) && !chunk_add(s, c))
			return 0;
		h = c->chunk * SLAB_CHUNK_LINES + c->next_line;
		c->next_line += (uint32_t)lines;
	}
	memset(slab_at(s, h), 0, lines * SLAB_LINE);
	return h;
}

void
slab_free(struct slab *s, slab_handle h, size_t octets)
{
	struct slab_class *c = &s->class[lines_of(octets)];

	secret_wipe(slab_at(s, h), lines_of(octets) * SLAB_LINE);
	memcpy(slab_at(s, h), &c->free, sizeof c->free);
	c->free = h;
}

void
slab_close(struct slab *s)
{
	for (size_t i = 0; i < s->n_chunks; i++)
		free(s->chunk[i]);
	free(s->chunk);
	memset(s, 0, sizeof *s);
}

size_t
slab_memory(const struct slab *s)
{
	return s->n_chunks * SLAB_CHUNK + s->room * sizeof *s->chunk;
}
