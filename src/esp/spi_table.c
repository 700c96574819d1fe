/* SPDX-License-Identifier: Apache-2.0 */
#include "spi_table.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64 };

static bool
resize(struct spi_table *t, size_t slots)
{
	struct spi_table grown = *t;

	grown.slot = calloc(slots, sizeof *grown.slot);
	if (!grown.slot)
		return false;
	grown.mask = slots - 1;
	grown.shift = 64u - (unsigned)__builtin_ctzll(slots);
	grown.n = 0;
	for (size_t i = 0; t->slot && i <= t->mask; i++)
		if (t->slot[i].handle)
			spi_table_add(&grown, t->slot[i].key, t->slot[i].handle);
	free(t->slot);
	*t = grown;
	return true;
}

bool
spi_table_open(struct spi_table *t, size_t expect, uint64_t random)
{
	size_t slots = SLOTS_MIN;

	while (slots / 8 * 7 < expect)
		slots *= 2;
	*t = (struct spi_table) { .multiplier = random | 1 };
	return resize(t, slots);
}

void
spi_table_close(struct spi_table *t)
{
	free(t->slot);
	*t = (struct spi_table) { 0 };
}

bool
spi_table_add(struct spi_table *t, uint32_t key, uint32_t handle)
{
	size_t at;

	if (t->n >= (t->mask + 1) / 8 * 7 && !resize(t, (t->mask + 1) * 2))
		return false;
	for (at = spi_table_home(t, key); t->slot[at].handle; at = (at + 1) & t->mask)
		;
	t->slot[at] = (struct spi_slot) { key, handle };
	t->n++;
	return true;
}

/* Moves back what the hole cuts off from its home, so that no tombstones are needed. */
static void
close_hole(struct spi_table *t, size_t hole)
{
	for (size_t at = (hole + 1) & t->mask; t->slot[at].handle; at = (at + 1) & t->mask) {
		size_t home = spi_table_home(t, t->slot[at].key);

		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->slot[hole] = t->slot[at];
		hole = at;
	}
	t->slot[hole] = (struct spi_slot) { 0, 0 };
}

void
spi_table_remove(struct spi_table *t, uint32_t key, uint32_t handle)
{
	for (size_t at = spi_table_home(t, key); t->slot[at].handle; at = (at + 1) & t->mask) {
		if (t->slot[at].key != key || t->slot[at].handle != handle)
			continue;
		close_hole(t, at);
		t->n--;
		return;
	}
}

size_t
spi_table_memory(const struct spi_table *t)
{
	return (t->mask + 1) * sizeof *t->slot;
}
