/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

enum {
	FULL = 900,
	FULL_WITH_LARGE_TURNS = 660,
	LARGE = 500,
	/* Less than this is not worth a second worker. */
	PART = 30,
};

#define WINDOW MILLISECONDS(20)

/* A turn may have begun before its window did. */
static int32_t
part(instant_t time, instant_t window)
{
	return time < window ? (int32_t)(time * LOAD_WHOLE / window) : LOAD_WHOLE;
}

static int32_t
read_figure(const _Atomic int32_t *f)
{
	return atomic_load_explicit(f, memory_order_relaxed);
}

/* A window as long as the span leaves nothing of what was before. */
static void
average(_Atomic int32_t *f, int32_t now, instant_t window)
{
	int32_t before = read_figure(f);

	atomic_store_explicit(f, before + (int32_t)((now - before) * instant_min(window, LOAD_SPAN) / LOAD_SPAN),
	                      memory_order_relaxed);
}

bool
load_window_ends(struct load *l, instant_t now, bool large)
{
	instant_t window = now - l->since;

	if (window < WINDOW)
		return false;
	for (int d = SA_INBOUND; d <= SA_OUTBOUND; d++) {
		average(&l->share[d], part(l->spent[d], window), window);
		l->spent[d] = 0;
	}
	average(&l->large, large ? LOAD_WHOLE : 0, window);
	atomic_store_explicit(&l->until, now, memory_order_relaxed);
	l->since = now;
	return true;
}

bool
load_has_large_turns(const struct load *l)
{
	return read_figure(&l->large) >= LARGE;
}

bool
load_is_full(const struct load *l)
{
	int32_t in = read_figure(&l->share[SA_INBOUND]), out = read_figure(&l->share[SA_OUTBOUND]);
	int32_t full = load_has_large_turns(l) ? FULL_WITH_LARGE_TURNS : FULL;

	return in + out >= full && in >= PART && out >= PART;
}

void
load_shift(struct load *to, struct load *from)
{
	int32_t share = read_figure(&to->share[SA_OUTBOUND]) + read_figure(&from->share[SA_OUTBOUND]);

	atomic_store_explicit(&to->share[SA_OUTBOUND], share < LOAD_WHOLE ? share : LOAD_WHOLE, memory_order_relaxed);
	atomic_store_explicit(&from->share[SA_OUTBOUND], 0, memory_order_relaxed);
	if (read_figure(&to->large) < read_figure(&from->large))
		atomic_store_explicit(&to->large, read_figure(&from->large), memory_order_relaxed);
}

int32_t
load_share(const struct load *l, instant_t now)
{
	if (now - atomic_load_explicit(&l->until, memory_order_relaxed) > LOAD_SPAN)
		return 0;
	return read_figure(&l->share[SA_INBOUND]) + read_figure(&l->share[SA_OUTBOUND]);
}
