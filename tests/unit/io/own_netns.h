/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_OWN_NETNS_H
#define SALLYPORT_TEST_OWN_NETNS_H

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <sys/ioctl.h>

/* A network namespace for the test program itself, as root or in a user namespace. */

static inline bool
own_netns_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* False where the kernel does not let us: the tests are then skipped. */
static inline bool
own_netns_enter(void)
{
	unsigned uid = getuid(), gid = getgid();
	char map[64];

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	snprintf(map, sizeof map, "0 %u 1", uid);
	if (!own_netns_write("/proc/self/uid_map", map) || !own_netns_write("/proc/self/setgroups", "deny"))
		return false;
	snprintf(map, sizeof map, "0 %u 1", gid);
	return own_netns_write("/proc/self/gid_map", map);
}

/* A TUN device that lives as long as the descriptor; -1: not possible here. */
static inline int
own_netns_tun(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &r) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

#endif
