/* SPDX-License-Identifier: Apache-2.0 */
#include "patience.h"

enum {
	TURNS_SHIFT = 4,
	/* About four super-packets a turn. */
	AVERAGE_MAX = 250 << 10,
	LOOKS_MAX = 4,
	/* So that long yields, however they are mixed with short ones, take no more than this part of the time. */
	PAUSE_RATIO = 16,
};

#define LONG_YIELD MILLISECONDS(1)
#define PAUSE_MAX SECONDS(1)

void
patience_moved(struct patience *p, size_t octets)
{
	p->average = p->average - (p->average >> TURNS_SHIFT) + (octets >> TURNS_SHIFT);
	p->looks = 0;
}

bool
patience_sees_large_turns(const struct patience *p)
{
	return p->average > AVERAGE_MAX;
}

bool
patience_yields(struct patience *p, instant_t now)
{
	return !patience_sees_large_turns(p) && now >= p->since && p->looks++ < LOOKS_MAX;
}

void
patience_yielded(struct patience *p, instant_t from, instant_t to)
{
	if (to - from < LONG_YIELD) {
		p->pause = 0;
		return;
	}
	p->pause = 2 * p->pause > PAUSE_RATIO * (to - from) ? 2 * p->pause : PAUSE_RATIO * (to - from);
	p->pause = p->pause < PAUSE_MAX ? p->pause : PAUSE_MAX;
	p->since = to + p->pause;
}
