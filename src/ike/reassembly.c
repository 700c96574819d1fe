/* SPDX-License-Identifier: Apache-2.0 */
#include "reassembly.h"

#include <stdlib.h>

struct piece {
	uint8_t *p; /* NULL: not there */
	size_t n;
};

struct partial {
	struct partial *next, **link; /* in the pool, by age */
	bool used;
	uint16_t id;
	uint8_t n, total; /* total 0: the last one has not come */
	size_t octets;
	instant_t since;
	struct piece piece[REASSEMBLY_FRAGMENTS_MAX];
};

struct reassembly {
	struct partial message[REASSEMBLY_MESSAGES];
};

static void
begin(struct partial *m, struct fragment_pool *pool, uint16_t id, instant_t now)
{
	if (!pool->newest_link)
		pool->newest_link = &pool->oldest;
	*m = (struct partial) { .used = true, .id = id, .since = now, .link = pool->newest_link };
	*pool->newest_link = m;
	pool->newest_link = &m->next;
}

static void
forget(struct partial *m, struct fragment_pool *pool)
{
	if (!m->used)
		return;
	for (size_t i = 0; i < REASSEMBLY_FRAGMENTS_MAX; i++)
		free(m->piece[i].p);
	pool->held -= m->octets;
	*m->link = m->next;
	*(m->next ? &m->next->link : &pool->newest_link) = m->link;
	*m = (struct partial) { 0 };
}

static void
forget_old(struct fragment_pool *pool, instant_t now)
{
	while (pool->oldest && now - pool->oldest->since >= REASSEMBLY_TIME)
		forget(pool->oldest, pool);
}

/* Room for @n more octets of @m: the oldest of the others give way. */
static bool
make_room(struct fragment_pool *pool, const struct partial *m, size_t n)
{
	while (n > pool->max - pool->held) {
		struct partial *o = pool->oldest == m ? m->next : pool->oldest;

		if (!o)
			return false;
		forget(o, pool);
	}
	return true;
}

/* The one with this id; else a new one in a free place, or in that of the oldest. */
static struct partial *
place(struct reassembly *r, struct fragment_pool *pool, uint16_t id, instant_t now)
{
	struct partial *best = &r->message[0];

	for (size_t i = 0; i < REASSEMBLY_MESSAGES; i++) {
		struct partial *m = &r->message[i];

		if (m->used && m->id == id)
			return m;
		if (best->used && (!m->used || m->since < best->since))
			best = m;
	}
	forget(best, pool);
	begin(best, pool, id, now);
	return best;
}

static bool
fits(const struct partial *m, const struct message_fragment *f)
{
	if (!f->number || f->number > REASSEMBLY_FRAGMENTS_MAX || (m->total && f->number > m->total))
		return false;
	if (!f->last)
		return true;
	if (m->total && m->total != f->number)
		return false;
	for (size_t i = f->number; i < REASSEMBLY_FRAGMENTS_MAX; i++)
		if (m->piece[i].p)
			return false;
	return true;
}

static enum reassembly_result
keep(struct partial *m, struct fragment_pool *pool, const struct message_fragment *f)
{
	struct piece *p = &m->piece[f->number - 1];
	struct span data = f->data;

	if (p->p)
		return span_equal(span_of(p->p, p->n), data) ? REASSEMBLY_REPEATED : REASSEMBLY_CONFLICT;
	if (data.n > pool->message_max - m->octets || !make_room(pool, m, data.n))
		return REASSEMBLY_TOO_LARGE;
	p->p = malloc(data.n + 1);
	if (!p->p)
		return REASSEMBLY_NOMEM;
	if (data.n)
		memcpy(p->p, data.p, data.n);
	p->n = data.n;
	m->octets += data.n;
	pool->held += data.n;
	m->n++;
	return REASSEMBLY_WAITS;
}

static enum reassembly_result
join(struct partial *m, struct fragment_pool *pool, struct arena *arena, struct span *message)
{
	uint8_t *out = arena_alloc(arena, m->octets + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < m->total; n += m->piece[i++].n)
		memcpy(out + n, m->piece[i].p, m->piece[i].n);
	forget(m, pool);
	*message = span_of(out, n);
	return out ? REASSEMBLY_WHOLE : REASSEMBLY_NOMEM;
}

enum reassembly_result
reassembly_take(struct reassembly **r, struct fragment_pool *pool, instant_t now, const struct message_fragment *f,
                struct arena *arena, struct span *message)
{
	struct partial *m;
	enum reassembly_result result;

	if (!*r)
		*r = calloc(1, sizeof **r);
	if (!*r)
		return REASSEMBLY_NOMEM;
	forget_old(pool, now);
	m = place(*r, pool, f->id, now);
	result = fits(m, f) ? keep(m, pool, f) : REASSEMBLY_BAD_NUMBER;
	/* Nothing is kept of a message that cannot become whole, or of which no fragment could be kept. */
	if (result == REASSEMBLY_TOO_LARGE || m->n == 0)
		forget(m, pool);
	if (result != REASSEMBLY_WAITS)
		return result;
	if (f->last)
		m->total = f->number;
	return m->total && m->n == m->total ? join(m, pool, arena, message) : REASSEMBLY_WAITS;
}

void
reassembly_free(struct reassembly *r, struct fragment_pool *pool)
{
	for (size_t i = 0; r && i < REASSEMBLY_MESSAGES; i++)
		forget(&r->message[i], pool);
	free(r);
}
