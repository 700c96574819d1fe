/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_SOCKETS_H
#define SALLYPORT_DATAPLANE_SOCKETS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "addr.h"

/*
 * A worker's sockets. Of each kind there is one that sends with DF set and
 * receives, and one that only sends, with DF clear (RFC 4301 section 8.1).
 */
enum socket_kind { SOCKET_UDP4, SOCKET_UDP6, SOCKET_ESP4, SOCKET_ESP6, SOCKET_AH4, SOCKET_AH6, SOCKET_KINDS };

struct sockets {
	int fd[SOCKET_KINDS]; /* -1: not there */
	int fd_no_df[SOCKET_KINDS];
	int fd_header[2]; /* IPv4, IPv6: send whole packets, with the header that they bring (transport mode, AH) */
	int fd_too_big;   /* receives ICMPv6 about AH; too_big.c */
};

struct sockets_options {
	unsigned workers;
	uint16_t port;
	uint32_t mark; /* 0: none */
	bool native_esp;
	bool with_offload; /* UDP_SEGMENT, UDP_GRO */
};

/*
 * The worker that an inbound SPI belongs to. Key management keeps the low octet
 * when it rekeys, so that a successor stays where its predecessor was.
 */
enum { SPI_STEER_MASK = 0xff };

static inline unsigned
spi_worker(uint32_t spi, unsigned workers)
{
	return (spi & SPI_STEER_MASK) % workers;
}

/* What the kernel took. */
struct sockets_features {
	bool gso, gro, udp6, esp4, esp6;
};

/*
 * sockets_open - @s[0..workers). ESP packets are steered by the kernel to worker
 * spi_worker(SPI): UDP by a reuse-port program, protocol 50 by a filter on each
 * raw socket. IKE messages, whose marker is zero, go to worker 0.
 *
 * False with a sentence in @why: IPv4 and (if asked for) its raw socket must be
 * there; IPv6 may be missing.
 */
bool sockets_open(struct sockets *s, struct sockets_features *f, const struct sockets_options *o, char *why, size_t why_size);
void sockets_close(struct sockets *s);

/* For sockets.fd_too_big; -1 where there is none. */
int too_big_open(void);

/* The MTU of the route to @remote as the kernel knows it now; 0: no route. */
unsigned sockets_route_mtu(const struct endpoint *local, const struct endpoint *remote, uint32_t mark);

static inline enum socket_kind
socket_kind_of(const struct ip *a, bool udp)
{
	return udp ? a->family == IP_V6 ? SOCKET_UDP6 : SOCKET_UDP4 : a->family == IP_V6 ? SOCKET_ESP6 : SOCKET_ESP4;
}

/* Length of the socket address written; raw IPv6 sockets want port 0. */
socklen_t endpoint_to_sockaddr(struct sockaddr_storage *out, const struct endpoint *e, bool with_port);
struct endpoint endpoint_from_sockaddr(const struct sockaddr_storage *s);

/* Where a datagram leaves from and with which TOS and segment size, as ancillary data. */
struct send_control {
	_Alignas(struct cmsghdr)
	        uint8_t b[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t))];
	size_t n;
};

/* @segment 0: a single datagram. */
void send_control_build(struct send_control *c, const struct ip *local, uint8_t tos, uint16_t segment);

#endif
