/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CLI_LINES_H
#define SALLYPORT_CLI_LINES_H

#include "cli.h"

/*
 * The daemon's lines while a command runs. An attempt that fails is told of once for Phase 1, once for each Phase 2 that waited
 * for it, and once as the result, each time with its cause: a line that the next one repeats is left out, and of what the peer
 * says in clear only the name is shown before the result.
 */
struct cli_lines {
	FILE *to;
	bool colour;
	char group[8], held[CLI_LINE_MAX]; /* "": nothing is held back */
};

/* One line; @msg without control characters. */
void cli_lines_add(struct cli_lines *l, const char *group, const char *msg);
/* The last line is over; @result: what will be said to conclude, or "". */
void cli_lines_end(struct cli_lines *l, const char *result);

#endif
