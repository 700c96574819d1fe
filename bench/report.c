/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static FILE *
open_in(const char *folder, const char *name, const char *suffix)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
	f = fopen(path, "w");
	if (!f)
		perror(path);
	must(f != NULL, "cannot write there");
	return f;
}

struct report
report_open(int argc, char **argv, const char *name)
{
	if (argc < 2) {
		fprintf(stderr, "usage: bench_%s FOLDER, where %s.md and %s.json are written\n", name, name, name);
		exit(2);
	}
	return (struct report) { open_in(argv[1], name, "md"), open_in(argv[1], name, "json"), json_object() };
}

int
report_close(struct report *r)
{
	bool written = !json_dumpf(r->json, r->json_file, JSON_INDENT(1));

	json_decref(r->json);
	written &= !fclose(r->md);
	return fclose(r->json_file) || !written;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_size);
	return v[n / 2];
}
