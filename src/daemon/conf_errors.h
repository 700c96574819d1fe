/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONF_ERRORS_H
#define SALLYPORT_CONF_ERRORS_H

#include <stdio.h>

#include "arena.h"

/*
 * What is wrong with a configuration, each with its place: "file:line: what is
 * wrong, what is allowed", or "connections.site.version: ..." for one that
 * came over vici. Errors refuse it; notices are told and change nothing.
 */
struct conf_error {
	struct conf_error *next;
	const char *text;
	bool notice;
};

enum { CONF_ERRORS_MAX = 100 }; /* after that only counted */

/* An all-zero struct is empty. */
struct conf_errors {
	struct arena arena;
	struct conf_error *first, *last;
	size_t n_errors, n_notices;
	bool strict; /* a check on demand: what works here only by chance is a mistake too */
};

void conf_error(struct conf_errors *e, const char *where, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void conf_notice(struct conf_errors *e, const char *where, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* One line each, errors and notices in the order in which they were found. */
void conf_errors_print(const struct conf_errors *e, FILE *to);
/* The first error's text, "" without one; for answers that have room for one. */
const char *conf_errors_first(const struct conf_errors *e);
void conf_errors_free(struct conf_errors *e);

#endif
