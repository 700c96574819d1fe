/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 1 << 16 };

int
page_main(int argc, char **argv, void (*print)(FILE *to))
{
	char *want = NULL, *have = calloc(1, PAGE_MAX);
	size_t n = 0;
	FILE *to = argc > 1 ? open_memstream(&want, &n) : stdout, *page = argc > 1 ? fopen(argv[1], "r") : NULL;
	bool same;

	if (!to || !have || (argc > 1 && !page))
		return 1;
	print(to);
	if (argc == 1)
		return free(have), 0;
	fclose(to);
	have[fread(have, 1, PAGE_MAX - 1, page)] = 0;
	fclose(page);
	same = strcmp(want, have) == 0;
	if (!same)
		fprintf(stderr, "%s is stale: write it anew with `%s > %s`\n", argv[1], argv[0], argv[1]);
	free(want);
	free(have);
	return !same;
}
