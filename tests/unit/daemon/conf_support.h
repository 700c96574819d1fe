/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_CONF_SUPPORT_H
#define SALLYPORT_TEST_CONF_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "config.h"
#include "conf_tree.h"

/* Files in a folder of the test's own. */
struct folder {
	char path[64];
};

static inline struct folder
folder_make(void)
{
	struct folder f = { "/tmp/sallyport-test-XXXXXX" };

	assert_non_null(mkdtemp(f.path));
	return f;
}

static inline void
folder_remove(const struct folder *f)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", f->path);
	assert_int_equal(system(command), 0);
}

/* Writes a file with mode 0600; returns its path, valid until the next call. */
static inline const char *
folder_write(const struct folder *f, const char *name, const char *text)
{
	static char path[256];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s", f->path, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

/* Whether any error or notice holds the words. */
static inline bool
errors_hold(const struct conf_errors *e, const char *words)
{
	for (const struct conf_error *x = e->first; x; x = x->next)
		if (strstr(x->text, words))
			return true;
	return false;
}

/* A configuration from text. False with the errors in @errs. */
static inline bool
config_from(struct config *out, const char *text, struct conf_errors *errs)
{
	struct folder f = folder_make();
	bool ok = config_load_file(out, folder_write(&f, "swanctl.conf", text), errs);

	folder_remove(&f);
	return ok;
}

#endif
