/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <sys/mman.h>

/*
 * Before each record stands its length in 8 octets. A record that would cross
 * the end is preceded by SKIP, which sends the reader to the start.
 */
enum { PREFIX = 8 };
#define SKIP UINT64_MAX

bool
ring_open(struct ring *r, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*r = (struct ring) { 0 };
	if (p == MAP_FAILED)
		return false;
	r->at = p;
	r->size = size;
	return true;
}

void
ring_close(struct ring *r)
{
	if (r->at)
		munmap(r->at, r->size);
	*r = (struct ring) { 0 };
}

static size_t
rounded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static void
put_prefix(struct ring *r, size_t at, uint64_t v)
{
	memcpy(r->at + (at & (r->size - 1)), &v, sizeof v);
}

static void
copy_in(uint8_t *to, const struct span *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
}

bool
ring_push(struct ring *r, const struct span *parts, size_t n)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	size_t len = 0, need, to_end;

	for (size_t i = 0; i < n; i++)
		len += parts[i].n;
	need = PREFIX + rounded(len);
	to_end = r->size - (head & (r->size - 1));
	if (need > to_end) {
		if (need > r->size || r->size - (head - tail) < to_end + need)
			return false;
		put_prefix(r, head, SKIP);
		head += to_end;
	} else if (r->size - (head - tail) < need) {
		return false;
	}
	put_prefix(r, head, len);
	copy_in(r->at + ((head + PREFIX) & (r->size - 1)), parts, n);
	atomic_store_explicit(&r->head, head + need, memory_order_release);
	return true;
}

size_t
ring_room(const struct ring *r, size_t octets)
{
	size_t used = atomic_load_explicit(&r->head, memory_order_relaxed) - atomic_load_explicit(&r->tail, memory_order_acquire);
	size_t fit = (r->size - used) / (PREFIX + rounded(octets));

	/* One may be lost at the end of the ring. */
	return fit ? fit - 1 : 0;
}

static uint64_t
prefix_at(const struct ring *r, size_t at)
{
	uint64_t v;

	memcpy(&v, r->at + (at & (r->size - 1)), sizeof v);
	return v;
}

struct span
ring_peek(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t len;

	if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
		return (struct span) { 0 };
	len = prefix_at(r, tail);
	if (len == SKIP) {
		tail += r->size - (tail & (r->size - 1));
		atomic_store_explicit(&r->tail, tail, memory_order_release);
		len = prefix_at(r, tail);
	}
	return span_of(r->at + ((tail + PREFIX) & (r->size - 1)), (size_t)len);
}

void
ring_pop(struct ring *r)
{
	struct span s = ring_peek(r);
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (s.p)
		atomic_store_explicit(&r->tail, tail + PREFIX + rounded(s.n), memory_order_release);
}
