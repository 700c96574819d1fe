/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_LOG_SINK_H
#define SALLYPORT_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "log.h"

/*
 * Where the daemon's lines go: standard error or a file, and whoever listens
 * over vici. One line is one event; strongSwan's form, so that its readers work:
 *   "12[IKE] <site-b|1> IKE_SA site-b[1] established ..."
 */
struct log_output {
	FILE *file;
	bool times;            /* a time in front: not under a supervisor that adds its own */
	int level[LOG_GROUPS]; /* lines above are not written */
};

enum { LOG_OUTPUTS_MAX = 9 };

struct log_sink {
	struct log_output out[LOG_OUTPUTS_MAX];
	size_t n;
};

/* Nothing is written before an output is added. */
void log_sink_open(struct log_sink *s);
/* Closes the files. */
void log_sink_close(struct log_sink *s);
/* @path NULL: standard error. False: errno says why; nothing was added. */
bool log_sink_add(struct log_sink *s, const char *path, bool append, bool flush, bool times, const int level[LOG_GROUPS]);

/* One line; @conn may be NULL. Control characters in @text are shown as '?'. */
void log_write(struct log_sink *s, enum log_group g, int level, const char *conn, uint32_t ike_id, const char *text);

#endif
