/* SPDX-License-Identifier: Apache-2.0 */
#include "name_servers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

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

/* The room first: on a full disk all stays as it was. 0 or errno. */
static int
overwrite(int fd, const struct iovec part[2])
{
	size_t n = part[0].iov_len + part[1].iov_len;
	struct stat before;
	int error;

	if (fstat(fd, &before) != 0)
		return errno;
	error = n ? posix_fallocate(fd, 0, (off_t)n) : 0;
	/* A file system may have got some of the way. */
	if (error)
		return ftruncate(fd, before.st_size) == 0 ? error : errno;
	return pwritev(fd, part, 2, 0) == (ssize_t)n && ftruncate(fd, (off_t)n) == 0 ? 0 : EIO;
}

/* In place: the file may be a link, or mounted, and its owner and rights stay. */
static int
spill(const char *file, const char *head, size_t n_head, const char *text, size_t n)
{
	const struct iovec part[2] = { { (void *)(uintptr_t)head, n_head }, { (void *)(uintptr_t)text, n } };
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644), error;

	if (fd < 0)
		return errno;
	error = overwrite(fd, part);
	return close(fd) == 0 ? error : error ? error : errno;
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
