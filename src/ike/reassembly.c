/* SPDX-License-Identifier: Apache-2.0 */
#include "reassembly.h"

#include <stdlib.h>

struct piece {
	uint8_t *p; /* NULL: not there */
	size_t n;
};

struct partial {
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
forget(struct partial *m, size_t *held)
{
	for (size_t i = 0; i < REASSEMBLY_FRAGMENTS_MAX; i++)
		free(m->piece[i].p);
	*held -= m->octets;
	*m = (struct partial) { 0 };
}

static void
forget_old(struct reassembly *r, instant_t now, size_t *held)
{
	for (size_t i = 0; i < REASSEMBLY_MESSAGES; i++)
		if (r->message[i].used && now - r->message[i].since >= REASSEMBLY_TIME)
			forget(&r->message[i], held);
}

/* The one with this id; else a free place, or that of the oldest. */
static struct partial *
place(struct reassembly *r, uint16_t id, size_t *held)
{
	struct partial *best = &r->message[0];

	for (size_t i = 0; i < REASSEMBLY_MESSAGES; i++) {
		struct partial *m = &r->message[i];

		if (m->used && m->id == id)
			return m;
		if (best->used && (!m->used || m->since < best->since))
			best = m;
	}
	if (best->used)
		forget(best, held);
	return best;
}

static bool
fits(const struct partial *m, uint8_t number, bool last)
{
	if (!number || number > REASSEMBLY_FRAGMENTS_MAX || (m->total && number > m->total))
		return false;
	if (!last)
		return true;
	if (m->total && m->total != number)
		return false;
	for (size_t i = number; i < REASSEMBLY_FRAGMENTS_MAX; i++)
		if (m->piece[i].p)
			return false;
	return true;
}

static enum reassembly_result
keep(struct partial *m, uint8_t number, struct span data, size_t octets_max, size_t *held, size_t held_max)
{
	struct piece *p = &m->piece[number - 1];

	if (p->p)
		return span_equal(span_of(p->p, p->n), data) ? REASSEMBLY_REPEATED : REASSEMBLY_CONFLICT;
	if (data.n > octets_max - m->octets || *held > held_max || data.n > held_max - *held)
		return REASSEMBLY_TOO_LARGE;
	p->p = malloc(data.n + 1);
	if (!p->p)
		return REASSEMBLY_NOMEM;
	if (data.n)
		memcpy(p->p, data.p, data.n);
	p->n = data.n;
	m->octets += data.n;
	*held += data.n;
	m->n++;
	return REASSEMBLY_WAITS;
}

static enum reassembly_result
join(struct partial *m, size_t *held, struct arena *arena, struct span *message)
{
	uint8_t *out = arena_alloc(arena, m->octets + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < m->total; n += m->piece[i++].n)
		memcpy(out + n, m->piece[i].p, m->piece[i].n);
	forget(m, held);
	*message = span_of(out, n);
	return out ? REASSEMBLY_WHOLE : REASSEMBLY_NOMEM;
}

enum reassembly_result
reassembly_take(struct reassembly **r, instant_t now, uint16_t id, uint8_t number, bool last, struct span data, size_t octets_max,
                size_t *held, size_t held_max, struct arena *arena, struct span *message)
{
	struct partial *m;
	enum reassembly_result result;

	if (!*r)
		*r = calloc(1, sizeof **r);
	if (!*r)
		return REASSEMBLY_NOMEM;
	forget_old(*r, now, held);
	m = place(*r, id, held);
	if (!fits(m, number, last))
		return REASSEMBLY_BAD_NUMBER;
	result = keep(m, number, data, octets_max, held, held_max);
	if (result == REASSEMBLY_TOO_LARGE && m->used)
		forget(m, held);
	if (result != REASSEMBLY_WAITS)
		return result;
	if (!m->used) {
		m->used = true;
		m->id = id;
		m->since = now;
	}
	if (last)
		m->total = number;
	return m->total && m->n == m->total ? join(m, held, arena, message) : REASSEMBLY_WAITS;
}

void
reassembly_free(struct reassembly *r, size_t *held)
{
	for (size_t i = 0; r && i < REASSEMBLY_MESSAGES; i++)
		forget(&r->message[i], held);
	free(r);
}
