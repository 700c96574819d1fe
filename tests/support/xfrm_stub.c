/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into libreswan's pluto: this kernel has no ESP, so requests that
 * add, change or remove an SA become a request which the kernel answers with
 * success. Negotiation is then complete; no packet is protected.
 */
#include <dlfcn.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 65536 };

static int
is_xfrm(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t n = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) != 0 || domain != AF_NETLINK)
		return 0;
	n = sizeof protocol;
	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) == 0 && protocol == NETLINK_XFRM;
}

/* Replaces the request in @data by a harmless one with the same sequence number; the new length. */
static size_t
harmless(void *data, size_t n)
{
	struct nlmsghdr *h = data;

	if (n < sizeof *h)
		return n;
	switch (h->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
	case XFRM_MSG_DELSA:
		h->nlmsg_type = XFRM_MSG_NEWSPDINFO;
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		h->nlmsg_len = NLMSG_LENGTH(sizeof(__u32));
		memset(NLMSG_DATA(h), 0, sizeof(__u32));
		return h->nlmsg_len;
	default:
		return n;
	}
}

ssize_t
sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *to, socklen_t to_n)
{
	static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	char copy[REQUEST_MAX];
	ssize_t sent;
	size_t m;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sendto");
	if (n > sizeof copy || !is_xfrm(fd))
		return real(fd, data, n, flags, to, to_n);
	memcpy(copy, data, n);
	m = harmless(copy, n);
	sent = real(fd, copy, m, flags, to, to_n);
	return sent == (ssize_t)m ? (ssize_t)n : sent;
}

ssize_t
send(int fd, const void *data, size_t n, int flags)
{
	return sendto(fd, data, n, flags, NULL, 0);
}

ssize_t
write(int fd, const void *data, size_t n)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (n >= sizeof(struct nlmsghdr) && is_xfrm(fd))
		return sendto(fd, data, n, 0, NULL, 0);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "write");
	return real(fd, data, n);
}
