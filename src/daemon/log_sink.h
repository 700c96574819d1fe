/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_LOG_SINK_H
#define SALLYPORT_LOG_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "log.h"

/*
 * Where the daemon's lines go: standard error or a file, and whoever listens
 * over vici. One line is one event; strongSwan's form, so that its readers work:
 *   "12[IKE] <site-b|1> IKE_SA site-b[1] established ..."
 */
struct log_sink {
	FILE *file;                  /* NULL: no file */
	bool flush;                  /* after each line */
	bool times;                  /* a time in front: for files and terminals, not under a supervisor that adds its own */
	int level[LOG_GROUPS];       /* lines above are not written */
};

/* Every group at @level, to standard error. */
void log_sink_open(struct log_sink *s, int level);
void log_sink_close(struct log_sink *s);
/* Opens @path for appending instead of standard error. False: errno says why. */
bool log_sink_file(struct log_sink *s, const char *path, bool append);

/* One line; @conn may be NULL. Control characters in @text are shown as '?'. */
void log_write(struct log_sink *s, enum log_group g, int level, const char *conn, uint32_t ike_id, const char *text);

#endif
