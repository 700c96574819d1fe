/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_UPDOWN_H
#define SALLYPORT_UPDOWN_H

#include <uv.h>

#include "effects.h"

struct log_sink;

enum { UPDOWN_QUEUE_MAX = 4096 }; /* scripts that wait */

/*
 * Runs a child's updown script with strongSwan's PLUTO_* environment, one
 * script at a time so that an "up" is never overtaken by its "down". Scripts
 * run in the order in which they were asked for; a script that fails is logged.
 */
struct updown {
	uv_loop_t *loop;
	struct log_sink *log;
	struct updown_job *first, *last; /* that wait */
	unsigned queued;
	struct updown_job *running;
	const char *interface; /* the TUN device, for PLUTO_INTERFACE */
};

void updown_open(struct updown *u, uv_loop_t *loop, struct log_sink *log, const char *interface);
/* Copies what it needs. Nothing happens for a child without a script; one for which there is no room is logged, not run. */
void updown_run(struct updown *u, const struct effect_updown *e);
/* True when no script runs or waits. */
bool updown_idle(const struct updown *u);
/* Forgets what waits; a script that runs goes on by itself. */
void updown_close(struct updown *u);

/* The environment of one run, NULL-terminated "NAME=value" strings in @a; NULL when out of memory. */
char **updown_environment(struct arena *a, const struct effect_updown *e, const char *interface);

#endif
