/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SPI_TABLE_H
#define SALLYPORT_SPI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * From a 32-bit key (an SPI) to a 32-bit handle: open addressing with linear
 * probing, eight octets a slot, so that one cache line answers nearly always.
 * A key may be there more than once.
 */
struct spi_slot {
	uint32_t key, handle; /* handle 0: empty */
};

struct spi_table {
	struct spi_slot *slot;
	size_t mask; /* slots - 1 */
	size_t n;
	uint64_t multiplier; /* random and odd */
	unsigned shift;
};

/* Room for @expect keys without growing. False: no memory. */
bool spi_table_open(struct spi_table *t, size_t expect, uint64_t random);
void spi_table_close(struct spi_table *t);
/* False: no memory; unchanged. */
bool spi_table_add(struct spi_table *t, uint32_t key, uint32_t handle);
void spi_table_remove(struct spi_table *t, uint32_t key, uint32_t handle);
size_t spi_table_memory(const struct spi_table *t);

static inline size_t
spi_table_home(const struct spi_table *t, uint32_t key)
{
	return (size_t)(key * t->multiplier >> t->shift);
}

static inline void
spi_table_prefetch(const struct spi_table *t, uint32_t key)
{
	__builtin_prefetch(&t->slot[spi_table_home(t, key)]);
}

/* The first handle of @key at or after *@at (start with spi_table_home); 0: none. *@at moves behind it. */
static inline uint32_t
spi_table_next(const struct spi_table *t, uint32_t key, size_t *at)
{
	for (;;) {
		const struct spi_slot *s = &t->slot[*at];

		if (!s->handle)
			return 0;
		*at = (*at + 1) & t->mask;
		if (s->key == key)
			return s->handle;
	}
}

static inline uint32_t
spi_table_find(const struct spi_table *t, uint32_t key)
{
	size_t at = spi_table_home(t, key);

	return spi_table_next(t, key, &at);
}

#endif
