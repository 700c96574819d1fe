/* SPDX-License-Identifier: Apache-2.0 */
#include "test_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES_MAX = 1024 };

static char folder[64];
static void *kept[FILES_MAX];
static size_t n_kept;

static void
run(const char *format, const char *a, const char *b)
{
	char command[512];

	snprintf(command, sizeof command, format, a, b);
	if (system(command) != 0) {
		fprintf(stderr, "test_pki: failed: %s\n", command);
		exit(1);
	}
}

static void
remove_all(void)
{
	for (size_t i = 0; i < n_kept; i++)
		free(kept[i]);
	run("rm -rf '%s'%s", folder, "");
}

const char *
test_pki(void)
{
	if (folder[0])
		return folder;
	strcpy(folder, "/tmp/sallyport-pki-XXXXXX");
	if (!mkdtemp(folder)) {
		perror("test_pki");
		exit(1);
	}
	atexit(remove_all);
	run("/usr/bin/python3 -W ignore -B '%s/make_pki.py' '%s'", TEST_SUPPORT_DIR, folder);
	return folder;
}

struct span
test_pki_file(const char *name)
{
	char path[512];
	FILE *f;
	uint8_t *p = malloc(1 << 20);
	size_t n;

	snprintf(path, sizeof path, "%s/%s", test_pki(), name);
	f = fopen(path, "rb");
	if (!f || !p || n_kept == FILES_MAX) {
		fprintf(stderr, "test_pki: no file %s, or more than %d files\n", path, FILES_MAX);
		exit(1);
	}
	n = fread(p, 1, 1 << 20, f);
	fclose(f);
	kept[n_kept++] = p;
	return span_of(p, n);
}
