/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BENCH_REPORT_H
#define SALLYPORT_BENCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What a benchmark found: NAME.md for people and NAME.json for programs, which tools/bench joins. */
struct report {
	FILE *md, *json_file;
	json_t *json; /* an object, written by report_close() */
};

/* Opens both files in the folder that is the first argument; ends the program with a reason where it cannot. */
struct report report_open(int argc, char **argv, const char *name);
/* The exit code of the program: 1 where something could not be written. */
int report_close(struct report *r);

/* Ends the program with @what where @holds is false: figures of something that did not happen are none. */
void must(bool holds, const char *what);

/* The median, which other users of the machine disturb least; sorts @v. */
double median(double *v, size_t n);

#endif
