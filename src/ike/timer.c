/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

#include <stdlib.h>

bool
timers_reserve(struct timers *ts, size_t n_owners)
{
	if (n_owners <= ts->cap)
		return true;

	size_t cap = ts->cap ? ts->cap * 2 : 32;

	if (cap < n_owners)
		cap = n_owners;

	struct timer **heap = realloc(ts->heap, cap * sizeof(struct timer *));

	if (!heap)
		return false;
	ts->heap = heap;
	ts->cap = cap;
	return true;
}

static void
put(struct timers *ts, size_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->slot = (uint32_t)i + 1;
}

static void
sift_up(struct timers *ts, size_t i, struct timer *t)
{
	while (i > 0 && ts->heap[(i - 1) / 2]->at > t->at) {
		put(ts, i, ts->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(ts, i, t);
}

static void
sift_down(struct timers *ts, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= ts->n)
			break;
		if (child + 1 < ts->n && ts->heap[child + 1]->at < ts->heap[child]->at)
			child++;
		if (ts->heap[child]->at >= t->at)
			break;
		put(ts, i, ts->heap[child]);
		i = child;
	}
	put(ts, i, t);
}

void
timer_stop(struct timers *ts, struct timer *t)
{
	if (!t->slot)
		return;

	size_t i = t->slot - 1;
	struct timer *last = ts->heap[--ts->n];

	t->slot = 0;
	if (last == t)
		return;
	if (last->at < t->at)
		sift_up(ts, i, last);
	else
		sift_down(ts, i, last);
}

void
timer_set(struct timers *ts, struct timer *t, instant_t at)
{
	if (t->slot && t->at == at)
		return;
	timer_stop(ts, t);
	t->at = at;
	if (at == INSTANT_NEVER)
		return;
	sift_up(ts, ts->n++, t);
}

struct timer *
timers_first(const struct timers *ts)
{
	return ts->n ? ts->heap[0] : NULL;
}

void
timers_close(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers) { 0 };
}
