/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_LOAD_H
#define SALLYPORT_DATAPLANE_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "instant.h"
#include "sad.h"

/*
 * Which part of its time a worker spends on packets of each direction, by the clock: a worker that waits for a CPU in the
 * middle of a turn is busy too, since packets wait for it meanwhile. Averaged over about LOAD_SPAN.
 */
#define LOAD_SPAN MILLISECONDS(200)

enum { LOAD_WHOLE = 1000 };

struct load {
	instant_t since;    /* start of the window */
	instant_t spent[2]; /* in it, by enum sa_direction */
	/* Of LOAD_WHOLE, at the end of the last window; the control thread reads them. */
	_Atomic int32_t share[2];
	_Atomic int32_t large; /* windows with large turns */
	_Atomic instant_t until;
};

static inline void
load_spent(struct load *l, enum sa_direction d, instant_t time)
{
	l->spent[d] += time;
}

/* True where enough time has passed for new figures, which are there now. @large: much is moved in a turn. */
bool load_window_ends(struct load *l, instant_t now, bool large);

/* Whether it moves much in a turn, for most of the time. */
bool load_has_large_turns(const struct load *l);

/*
 * Whether the worker has about all that it can do, and each direction a part in it that is worth another worker. A program
 * that waits for the answer to each packet or super-packet keeps a worker busy for most of the time, too, but with small
 * turns: there a second worker would be one more to wake up.
 */
bool load_is_full(const struct load *l);

/* What @from spent on outbound packets will be @to's, as if all of it were for one SA; both stand still. */
void load_shift(struct load *to, struct load *from);

/* From any thread: the share of both directions. Nothing after LOAD_SPAN without news: a worker that sleeps has none. */
int32_t load_share(const struct load *l, instant_t now);

#endif
