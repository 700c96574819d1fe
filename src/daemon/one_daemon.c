/* SPDX-License-Identifier: Apache-2.0 */
#include "one_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Two daemons in one folder would take each other's control socket, steering and leases away: the second one is told so. */

enum { PATH_OCTETS_MAX = 4096, PID_TEXT_MAX = 24 };

/* " (process 4711)", or nothing where it is not known, as from another PID namespace. */
static const char *
process_text(char out[PID_TEXT_MAX + 16], long pid)
{
	out[0] = 0;
	if (pid > 0)
		snprintf(out, PID_TEXT_MAX + 16, " (process %ld)", pid);
	return out;
}

static long
pid_in(int fd)
{
	char text[PID_TEXT_MAX] = "";

	return pread(fd, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static bool
write_pid(int fd)
{
	char text[PID_TEXT_MAX];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
}

int
one_daemon_enter(const char *dir, char *why, size_t why_size)
{
	char path[PATH_OCTETS_MAX], who[PID_TEXT_MAX + 16];
	int fd;

	snprintf(path, sizeof path, "%s/sallyportd.pid", dir);
	/* For its owner only: whoever may open it could hold the lock. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && write_pid(fd))
		return fd;
	if (fd >= 0 && errno == EWOULDBLOCK)
		snprintf(why, why_size,
		         "another sallyportd%s runs with the folder '%s': stop that one first; for a second one in another network "
		         "namespace name another --runtime-dir",
		         process_text(who, pid_in(fd)), dir);
	else
		snprintf(why, why_size, "cannot write '%s': %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The file stays: who comes next may wait for this very one. */
void
one_daemon_leave(int fd)
{
	if (fd >= 0 && ftruncate(fd, 0) != 0)
		perror("sallyportd.pid");
	if (fd >= 0)
		close(fd);
}

bool
one_daemon_socket_free(const char *path, char *why, size_t why_size)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ucred peer = { 0 };
	socklen_t n = sizeof peer;
	char who[PID_TEXT_MAX + 16];
	bool served;

	if (fd < 0)
		return true;
	strncpy(sa.sun_path, path, sizeof sa.sun_path - 1);
	/* EAGAIN: one that hangs, and so does not empty its queue of connections. */
	served = connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 || errno == EAGAIN;
	if (served && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		peer.pid = 0;
	close(fd);
	if (served)
		snprintf(why, why_size,
		         "another daemon%s serves the control socket '%s': stop that one first, or choose another --runtime-dir (or "
		         "charon.plugins.vici.socket)",
		         process_text(who, peer.pid), path);
	return !served;
}
