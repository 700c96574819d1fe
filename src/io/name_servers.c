/* SPDX-License-Identifier: Apache-2.0 */
#include "name_servers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_OCTETS_MAX = 1 << 16, LINE_MAX = IP_TEXT_MAX + 32 };

static size_t
our_line(char out[LINE_MAX], const struct ip *server)
{
	char text[IP_TEXT_MAX];

	return (size_t)snprintf(out, LINE_MAX, "nameserver %s   # by Sallyport\n", ip_format(text, server));
}

/* The whole file; empty where there is none yet. */
static char *
slurp(const char *file, size_t *n)
{
	char *text = malloc(FILE_OCTETS_MAX + 1);
	FILE *f = text ? fopen(file, "re") : NULL;

	*n = 0;
	if (f) {
		*n = fread(text, 1, FILE_OCTETS_MAX + 1, f);
		fclose(f);
	} else if (text && errno != ENOENT) {
		free(text);
		return NULL;
	}
	if (!text || *n <= FILE_OCTETS_MAX)
		return text;
	free(text);
	errno = EFBIG;
	return NULL;
}

/* In place: the file may be a link, or mounted, and its owner and rights stay. */
static int
spill(const char *file, const char *head, size_t n_head, const char *text, size_t n)
{
	FILE *f = fopen(file, "we");
	bool ok;

	if (!f)
		return errno;
	ok = fwrite(head, 1, n_head, f) == n_head && fwrite(text, 1, n, f) == n;
	return fclose(f) == 0 && ok ? 0 : EIO;
}

/* Removes our line from the text; its new length. */
static size_t
without(char *text, size_t n, const char *line, size_t n_line)
{
	for (size_t at = 0; at + n_line <= n; at++) {
		if ((at && text[at - 1] != '\n') || memcmp(text + at, line, n_line) != 0)
			continue;
		memmove(text + at, text + at + n_line, n - at - n_line);
		return n - n_line;
	}
	return n;
}

int
name_servers_add(const char *file, const struct ip *server)
{
	char line[LINE_MAX];
	size_t n_line = our_line(line, server), n;
	char *text = slurp(file, &n);
	int error;

	if (!text)
		return errno ? errno : ENOMEM;
	n = without(text, n, line, n_line);
	error = spill(file, line, n_line, text, n);
	free(text);
	return error;
}

int
name_servers_remove(const char *file, const struct ip *server)
{
	char line[LINE_MAX];
	size_t n_line = our_line(line, server), n, left;
	char *text = slurp(file, &n);
	int error = 0;

	if (!text)
		return errno ? errno : ENOMEM;
	left = without(text, n, line, n_line);
	if (left != n)
		error = spill(file, "", 0, text, left);
	free(text);
	return error;
}
