/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/udp.h>
#include <unistd.h>

#include "sockets.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

socklen_t
endpoint_to_sockaddr(struct sockaddr_storage *out, const struct endpoint *e, bool with_port)
{
	uint16_t port = with_port ? htons(e->port) : 0;

	memset(out, 0, sizeof *out);
	if (e->ip.family == IP_V6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;

		a->sin6_family = AF_INET6;
		a->sin6_port = port;
		memcpy(&a->sin6_addr, e->ip.b, 16);
		return sizeof *a;
	}
	struct sockaddr_in *a = (struct sockaddr_in *)out;

	a->sin_family = AF_INET;
	a->sin_port = port;
	memcpy(&a->sin_addr, e->ip.b, 4);
	return sizeof *a;
}

struct endpoint
endpoint_from_sockaddr(const struct sockaddr_storage *s)
{
	struct endpoint e = { 0 };

	if (s->ss_family == AF_INET6) {
		const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)s;

		e.ip = ip_from_octets(span_of(&a->sin6_addr, 16));
		e.port = ntohs(a->sin6_port);
	} else if (s->ss_family == AF_INET) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)s;

		e.ip = ip_from_octets(span_of(&a->sin_addr, 4));
		e.port = ntohs(a->sin_port);
	}
	return e;
}

static void
put(struct send_control *c, int level, int type, const void *data, size_t n)
{
	struct cmsghdr *h = (struct cmsghdr *)(void *)(c->b + c->n);

	memset(h, 0, CMSG_SPACE(n));
	h->cmsg_level = level;
	h->cmsg_type = type;
	h->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(h), data, n);
	c->n += CMSG_SPACE(n);
}

void
send_control_build(struct send_control *c, const struct ip *local, uint8_t tos, uint16_t segment)
{
	int t = tos;

	c->n = 0;
	if (local->family == IP_V4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, local->b, 4);
		put(c, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	} else if (local->family == IP_V6) {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, local->b, 16);
		put(c, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
	if (tos)
		put(c, local->family == IP_V6 ? IPPROTO_IPV6 : IPPROTO_IP, local->family == IP_V6 ? IPV6_TCLASS : IP_TOS, &t,
		    sizeof t);
	if (segment)
		put(c, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
}

static bool
connect_from(int fd, const struct endpoint *local, const struct endpoint *remote)
{
	struct endpoint from = { .ip = local->ip }, to = { .ip = remote->ip, .port = 9 };
	struct sockaddr_storage a;
	socklen_t n = endpoint_to_sockaddr(&a, &from, true);

	if (!ip_is_any(&from.ip) && bind(fd, (struct sockaddr *)&a, n) < 0)
		return false;
	n = endpoint_to_sockaddr(&a, &to, true);
	return connect(fd, (struct sockaddr *)&a, n) == 0;
}

unsigned
sockets_route_mtu(const struct endpoint *local, const struct endpoint *remote, uint32_t mark)
{
	bool v6 = remote->ip.family == IP_V6;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu = 0;
	socklen_t n = sizeof mtu;

	if (fd < 0)
		return 0;
	if (mark)
		setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
	/* Connecting a UDP socket sends nothing: it only looks up the route. */
	if (!connect_from(fd, local, remote) ||
	    getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &n) < 0)
		mtu = 0;
	close(fd);
	return mtu > 0 ? (unsigned)mtu : 0;
}
