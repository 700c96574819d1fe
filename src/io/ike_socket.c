/* SPDX-License-Identifier: Apache-2.0 */
#include "ike_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

union control {
	struct cmsghdr align;
	uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

static socklen_t
to_sockaddr(union address *out, const struct endpoint *e)
{
	memset(out, 0, sizeof *out);
	if (e->ip.family == IP_V6) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(e->port);
		memcpy(&out->v6.sin6_addr, e->ip.b, 16);
		return sizeof out->v6;
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons(e->port);
	memcpy(&out->v4.sin_addr, e->ip.b, 4);
	return sizeof out->v4;
}

static void
from_sockaddr(struct endpoint *out, const union address *a)
{
	*out = (struct endpoint){ 0 };
	if (a->sa.sa_family == AF_INET6) {
		out->ip = ip_from_octets(span_of(&a->v6.sin6_addr, 16));
		out->port = ntohs(a->v6.sin6_port);
	} else {
		out->ip = ip_from_octets(span_of(&a->v4.sin_addr, 4));
		out->port = ntohs(a->v4.sin_port);
	}
}

static bool
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/*
 * A first message with many proposals is larger than some paths. With DF it would be lost there until ICMP came back and a
 * retransmission was due, and for ever where a firewall drops the ICMP.
 */
static bool
no_df(int fd4)
{
	return set_option(fd4, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

static int
open_family(int family, uint16_t port, uint32_t bypass_mark)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct endpoint any = { .ip.family = family == AF_INET6 ? IP_V6 : IP_V4, .port = port };
	union address a;
	socklen_t n = to_sockaddr(&a, &any);
	bool ok = fd >= 0;

	if (family == AF_INET6)
		ok = ok && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		ok = ok && set_option(fd, IPPROTO_IP, IP_PKTINFO, 1) && no_df(fd);
	ok = ok && (!bypass_mark || set_option(fd, SOL_SOCKET, SO_MARK, (int)bypass_mark)) && bind(fd, &a.sa, n) == 0;
	if (!ok && fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		fd = -1;
	}
	return fd;
}

/* A kernel without IPv6, or without IPv4, leaves the daemon the other one. A port that somebody else has does not. */
static bool
half_deaf(int fd, int error)
{
	return fd < 0 && error != EAFNOSUPPORT && error != EADDRNOTAVAIL;
}

bool
ike_socket_open(struct ike_socket *s, uint16_t port, uint32_t bypass_mark, char *why, size_t why_size)
{
	int error4, error6, error;

	s->port = port;
	s->fd4 = open_family(AF_INET, port, bypass_mark);
	error4 = errno;
	s->fd6 = open_family(AF_INET6, port, bypass_mark);
	error6 = errno;
	error = half_deaf(s->fd4, error4) || (s->fd4 < 0 && s->fd6 < 0) ? error4 : half_deaf(s->fd6, error6) ? error6 : 0;
	if (!error)
		return true;
	ike_socket_close(s);
	if (error == EADDRINUSE)
		snprintf(why, why_size,
		         "UDP port %u is in use: is another IKE daemon running here (`ss -lunp` names it)? Stop it, or set "
		         "charon.port",
		         port);
	else
		snprintf(why, why_size, "cannot open UDP port %u: %s%s", port, strerror(error),
		         error == EACCES || error == EPERM ? " (start as root, or with CAP_NET_ADMIN and CAP_NET_BIND_SERVICE)"
		                                           : "");
	return false;
}

void
ike_socket_close(struct ike_socket *s)
{
	if (s->fd4 >= 0)
		close(s->fd4);
	if (s->fd6 >= 0)
		close(s->fd6);
	s->fd4 = s->fd6 = -1;
}

static void
read_destination(struct endpoint *local, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			local->ip = ip_from_octets(span_of(&info.ipi_addr, 4));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			local->ip = ip_from_octets(span_of(&info.ipi6_addr, 16));
		}
	}
}

bool
ike_socket_receive(int fd, uint8_t *buf, size_t size, struct span *data, struct endpoint *local, struct endpoint *remote)
{
	union address from = { 0 };
	union control control;
	struct iovec iov = { buf, size };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1,
		            .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n;

	do {
		n = recvmsg(fd, &m, 0);
	} while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
	if (n < 0)
		return false;
	*data = span_of(buf, (size_t)n);
	from_sockaddr(remote, &from);
	*local = (struct endpoint){ 0 };
	read_destination(local, &m);
	return true;
}

/* One more control message; the room suffices for those that are sent here. */
static void
put_control(struct msghdr *m, union control *control, int level, int type, const void *data, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)(control->room + m->msg_controllen);

	m->msg_control = control;
	m->msg_controllen += CMSG_SPACE(n);
	*c = (struct cmsghdr){ .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(n) };
	memcpy(CMSG_DATA(c), data, n);
}

static void
put_source(struct msghdr *m, union control *control, const struct ip *source)
{
	if (source->family == IP_V6) {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, source->b, 16);
		put_control(m, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	} else {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, source->b, 4);
		put_control(m, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	}
}

static void
put_tos(struct msghdr *m, union control *control, enum ip_family family, int tos)
{
	bool six = family == IP_V6;

	put_control(m, control, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TCLASS : IP_TOS, &tos, sizeof tos);
}

bool
ike_socket_send(const struct ike_socket *s, const struct endpoint *local, const struct endpoint *remote, uint8_t tos,
                struct span data)
{
	int fd = remote->ip.family == IP_V6 ? s->fd6 : s->fd4;
	union address to;
	union control control = { 0 };
	struct iovec iov = { (void *)data.p, data.n };
	struct msghdr m = { .msg_name = &to, .msg_namelen = to_sockaddr(&to, remote), .msg_iov = &iov, .msg_iovlen = 1 };

	if (!ip_is_any(&local->ip))
		put_source(&m, &control, &local->ip);
	if (tos)
		put_tos(&m, &control, remote->ip.family, tos);
	if (fd < 0) {
		errno = EAFNOSUPPORT;
		return false;
	}
	return sendmsg(fd, &m, 0) >= 0;
}
