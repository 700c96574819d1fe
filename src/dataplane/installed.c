/* SPDX-License-Identifier: Apache-2.0 */
#include "installed.h"

#include <stdlib.h>

#include "table.h"

void
installed_open(struct installed *s, uint64_t k0, uint64_t k1)
{
	*s = (struct installed) { .k0 = k0, .k1 = k1 };
}

void
installed_close(struct installed *s)
{
	free(s->slot[0]);
	free(s->slot[1]);
	*s = (struct installed) { 0 };
}

static bool
known(const struct installed *s, unsigned half, uint64_t hash)
{
	size_t mask = s->room[half] - 1;

	if (!s->room[half])
		return false;
	for (size_t i = hash & mask; s->slot[half][i]; i = (i + 1) & mask)
		if (s->slot[half][i] == hash)
			return true;
	return false;
}

static void
put(uint64_t *slot, size_t room, uint64_t hash)
{
	size_t i = hash & (room - 1);

	while (slot[i])
		i = (i + 1) & (room - 1);
	slot[i] = hash;
}

static bool
grow(struct installed *s)
{
	size_t room = s->room[0] ? s->room[0] * 2 : 64;
	uint64_t *slot = calloc(room, sizeof *slot);

	if (!slot)
		return false;
	for (size_t i = 0; i < s->room[0]; i++)
		if (s->slot[0][i])
			put(slot, room, s->slot[0][i]);
	free(s->slot[0]);
	s->slot[0] = slot;
	s->room[0] = room;
	return true;
}

static void
forget_older_half(struct installed *s)
{
	free(s->slot[1]);
	s->slot[1] = s->slot[0];
	s->room[1] = s->room[0];
	s->n[1] = s->n[0];
	s->slot[0] = NULL;
	s->room[0] = s->n[0] = 0;
}

/* Of both keys: the cipher's key alone decides about nonces, but NULL encryption has none. */
static uint64_t
fingerprint(const struct installed *s, const struct sa_params *p)
{
	uint64_t h[2] = { siphash24(s->k0, s->k1, p->encr_key), siphash24(s->k1, s->k0, p->integ_key) };
	uint64_t all = siphash24(s->k0, s->k1, span_of(h, sizeof h));

	return all ? all : 1;
}

enum installed_result
installed_add(struct installed *s, const struct sa_params *p)
{
	uint64_t hash = fingerprint(s, p);

	if (known(s, 0, hash) || known(s, 1, hash))
		return INSTALLED_BEFORE;
	if (s->n[0] == INSTALLED_MAX / 2)
		forget_older_half(s);
	if (s->n[0] * 2 >= s->room[0] && !grow(s))
		return INSTALLED_NO_MEMORY;
	put(s->slot[0], s->room[0], hash);
	s->n[0]++;
	return INSTALLED_NEW;
}
