/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_FAKE_VICI_H
#define SALLYPORT_TEST_FAKE_VICI_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A daemon that answers over vici what a table says, for tests of clients. Messages are written as in vici_text.h, and
 * what clients asked is kept in the same form.
 */

enum { FAKE_VICI_HEARD_MAX = 8192 };

struct fake_vici_row {
	/* A command; or an event, whose events are sent as soon as somebody registers for it. */
	const char *command;
	/* Sent before the answer: "EVENT MESSAGE" a line. NULL: none. */
	const char *events;
	/* FAKE_VICI_HANG_UP: the connection is closed instead. */
	const char *answer;
};

extern const char FAKE_VICI_HANG_UP[];

struct fake_vici {
	char path[64];
	/* "COMMAND MESSAGE" a line. Read it after fake_vici_stop only. */
	char heard[FAKE_VICI_HEARD_MAX];

	const struct fake_vici_row *row; /* ends with a NULL command; what it lacks is unknown to the daemon */
	const char *unknown_event;       /* NULL: all are known */
	int fd;
	pthread_t thread;
};

void fake_vici_start(struct fake_vici *v, const struct fake_vici_row *rows, const char *unknown_event);
void fake_vici_stop(struct fake_vici *v);

#endif
