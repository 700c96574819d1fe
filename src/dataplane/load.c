/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

enum {
	FULL = 660,
	/* Less than this is not worth a second worker. */
	PART = 30,
};

#define WINDOW MILLISECONDS(20)

static int32_t
read_share(const struct load *l, enum sa_direction d)
{
	return atomic_load_explicit(&l->share[d], memory_order_relaxed);
}

/* A window as long as the span leaves nothing of what was before. */
static void
average(struct load *l, enum sa_direction d, instant_t window)
{
	int32_t share = (int32_t)(l->spent[d] * LOAD_WHOLE / window), before = read_share(l, d);
	instant_t weight = instant_min(window, LOAD_SPAN);

	share = before + (int32_t)((share - before) * weight / LOAD_SPAN);
	atomic_store_explicit(&l->share[d], share, memory_order_relaxed);
	l->spent[d] = 0;
}

bool
load_window_ends(struct load *l, instant_t now)
{
	instant_t window = now - l->since;

	if (window < WINDOW)
		return false;
	average(l, SA_INBOUND, window);
	average(l, SA_OUTBOUND, window);
	atomic_store_explicit(&l->until, now, memory_order_relaxed);
	l->since = now;
	return true;
}

bool
load_is_full(const struct load *l)
{
	int32_t in = read_share(l, SA_INBOUND), out = read_share(l, SA_OUTBOUND);

	return in + out >= FULL && in >= PART && out >= PART;
}

void
load_shift(struct load *to, struct load *from)
{
	int32_t share = read_share(to, SA_OUTBOUND) + read_share(from, SA_OUTBOUND);

	atomic_store_explicit(&to->share[SA_OUTBOUND], share < LOAD_WHOLE ? share : LOAD_WHOLE, memory_order_relaxed);
	atomic_store_explicit(&from->share[SA_OUTBOUND], 0, memory_order_relaxed);
}

int32_t
load_share(const struct load *l, instant_t now)
{
	if (now - atomic_load_explicit(&l->until, memory_order_relaxed) > LOAD_SPAN)
		return 0;
	return read_share(l, SA_INBOUND) + read_share(l, SA_OUTBOUND);
}
