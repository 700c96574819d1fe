/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { SOCKET_BUFFER = 8 << 20 };

static bool
on(int fd, int level, int option)
{
	int one = 1;

	return setsockopt(fd, level, option, &one, sizeof one) == 0;
}

static bool
set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

static void
buffers(int fd, int octets)
{
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, octets))
		set(fd, SOL_SOCKET, SO_RCVBUF, octets);
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER))
		set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

/* What both kinds of a family have in common. */
static bool
common_options(int fd, bool v6, bool df, uint32_t mark)
{
	int discover4 = df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
	int discover6 = df ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT;

	if (mark && !set(fd, SOL_SOCKET, SO_MARK, (int)mark))
		return false;
	if (v6)
		return on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO) && on(fd, IPPROTO_IPV6, IPV6_RECVTCLASS) &&
		       set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discover6);
	return on(fd, IPPROTO_IP, IP_PKTINFO) && on(fd, IPPROTO_IP, IP_RECVTOS) &&
	       set(fd, IPPROTO_IP, IP_MTU_DISCOVER, discover4);
}

static bool
bind_any(int fd, bool v6, uint16_t port)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };

	return v6 ? bind(fd, (struct sockaddr *)&a6, sizeof a6) == 0 : bind(fd, (struct sockaddr *)&a4, sizeof a4) == 0;
}

static int
keep_or_close(int fd, bool keep)
{
	int e = errno;

	if (keep || fd < 0)
		return fd;
	close(fd);
	errno = e;
	return -1;
}

static int
open_udp(bool v6, bool df, const struct sockets_options *o)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	buffers(fd, df ? SOCKET_BUFFER : 4096);
	return keep_or_close(fd, (!v6 || on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) && common_options(fd, v6, df, o->mark) &&
	                                 on(fd, SOL_SOCKET, SO_REUSEPORT) && bind_any(fd, v6, o->port));
}

/* Sharing the port with ourselves would also share it with a second daemon, silently: ask first. */
static bool
port_free(bool v6, uint16_t port)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && (!v6 || on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) && bind_any(fd, v6, port);

	keep_or_close(fd, false);
	return ok;
}

/* The program sees the UDP payload: its first four octets are the SPI, or the non-ESP marker. */
static bool
steer_udp(int fd, unsigned workers)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SPI_STEER_MASK),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog p = { .len = sizeof code / sizeof *code, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof p) == 0;
}

/* A raw socket's filter sees the IPv4 header, or, for IPv6, the ESP or AH header at once; the SPI stands @spi_at in that. */
static bool
steer_raw(int fd, bool v6, uint32_t spi_at, unsigned workers, unsigned worker)
{
	struct sock_filter code[] = {
		v6 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 0)
		   : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, spi_at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SPI_STEER_MASK),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, worker, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog p = { .len = sizeof code / sizeof *code, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p) == 0;
}

static bool
drop_all(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog p = { .len = 1, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p) == 0;
}

/* AH covers extension headers, and transport mode gives them back: RFC 3542 section 4. */
static void
ask_for_extensions(int fd, bool v6)
{
	if (!v6)
		return;
	on(fd, IPPROTO_IPV6, IPV6_RECVHOPOPTS);
	on(fd, IPPROTO_IPV6, IPV6_RECVRTHDR);
	on(fd, IPPROTO_IPV6, IPV6_RECVDSTOPTS);
}

static int
open_ah(bool v6, const struct sockets_options *o, unsigned worker)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_AH);

	if (fd < 0)
		return -1;
	buffers(fd, SOCKET_BUFFER);
	ask_for_extensions(fd, v6);
	return keep_or_close(fd, steer_raw(fd, v6, 4, o->workers, worker) && common_options(fd, v6, true, o->mark));
}

/* The kernel takes the header as it is: of IPv4 it fills in only what is zero, and the checksum. */
static int
open_header(bool v6, const struct sockets_options *o)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0)
		return -1;
	return keep_or_close(fd, (v6 || on(fd, IPPROTO_IP, IP_HDRINCL)) && set(fd, SOL_SOCKET, SO_RCVBUF, 0) &&
	                                 (!o->mark || set(fd, SOL_SOCKET, SO_MARK, (int)o->mark)));
}

/*
 * For a socket that only sends. The kernel copies the head of each ESP packet for every raw socket that it might be for
 * before it asks the socket's filter; with this address it is for none from outside. Each message names its own source,
 * and where loopback is down the filter is enough.
 */
static void
bind_loopback(int fd, bool v6)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if ((v6 ? bind(fd, (struct sockaddr *)&a6, sizeof a6) : bind(fd, (struct sockaddr *)&a4, sizeof a4)) < 0)
		return;
}

static int
open_raw(bool v6, bool df, const struct sockets_options *o, unsigned worker)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ESP);

	if (fd < 0)
		return -1;
	buffers(fd, df ? SOCKET_BUFFER : 4096);
	if (!df)
		bind_loopback(fd, v6);
	return keep_or_close(fd, (df ? steer_raw(fd, v6, 0, o->workers, worker) : drop_all(fd)) &&
	                                 common_options(fd, v6, df, o->mark));
}

/* Receivers first: the steering program counts sockets in the order in which they were bound. */
static bool
open_udp_group(struct sockets *s, struct sockets_features *f, const struct sockets_options *o, bool v6)
{
	enum socket_kind k = v6 ? SOCKET_UDP6 : SOCKET_UDP4;

	if (!port_free(v6, o->port))
		return false;
	for (unsigned i = 0; i < o->workers; i++) {
		int fd = s[i].fd[k] = open_udp(v6, true, o);

		if (fd < 0 || (i == 0 && !steer_udp(fd, o->workers)))
			return false;
		f->gro = o->with_offload && on(fd, IPPROTO_UDP, UDP_GRO);
		f->gso = o->with_offload && set(fd, IPPROTO_UDP, UDP_SEGMENT, 0);
		/* ICMP "too big" is told at once, not with the next packet. */
		on(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR);
	}
	for (unsigned i = 0; i < o->workers; i++) {
		s[i].fd_no_df[k] = open_udp(v6, false, o);
		if (s[i].fd_no_df[k] < 0)
			return false;
	}
	return true;
}

static bool
open_raw_group(struct sockets *s, const struct sockets_options *o, bool v6)
{
	enum socket_kind k = v6 ? SOCKET_ESP6 : SOCKET_ESP4;

	for (unsigned i = 0; i < o->workers; i++) {
		s[i].fd[k] = open_raw(v6, true, o, i);
		s[i].fd_no_df[k] = open_raw(v6, false, o, i);
		if (s[i].fd[k] < 0 || s[i].fd_no_df[k] < 0)
			return false;
		on(s[i].fd[k], v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR);
		ask_for_extensions(s[i].fd[k], v6);
	}
	return true;
}

/* Without them transport mode and AH are refused, and all else works. */
static void
open_form_group(struct sockets *s, const struct sockets_options *o, bool v6)
{
	enum socket_kind k = v6 ? SOCKET_AH6 : SOCKET_AH4;

	for (unsigned i = 0; i < o->workers; i++) {
		s[i].fd_header[v6] = open_header(v6, o);
		s[i].fd[k] = open_ah(v6, o, i);
		if (s[i].fd[k] >= 0)
			on(s[i].fd[k], v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR);
		if (v6)
			s[i].fd_too_big = too_big_open();
	}
}

static void
close_kind(struct sockets *s, unsigned n, enum socket_kind k)
{
	for (unsigned i = 0; i < n; i++) {
		s[i].fd[k] = keep_or_close(s[i].fd[k], false);
		s[i].fd_no_df[k] = keep_or_close(s[i].fd_no_df[k], false);
		s[i].fd[k] = s[i].fd_no_df[k] = -1;
	}
}

static void
close_all(struct sockets *s, unsigned n)
{
	for (unsigned k = 0; k < SOCKET_KINDS; k++)
		close_kind(s, n, k);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			keep_or_close(s[i].fd_header[v6], false);
			s[i].fd_header[v6] = -1;
		}
		keep_or_close(s[i].fd_too_big, false);
		s[i].fd_too_big = -1;
	}
}

bool
sockets_open(struct sockets *s, struct sockets_features *f, const struct sockets_options *o, char *why, size_t why_size)
{
	*f = (struct sockets_features) { 0 };
	for (unsigned i = 0; i < o->workers; i++)
		for (unsigned k = 0; k < SOCKET_KINDS; k++)
			s[i].fd[k] = s[i].fd_no_df[k] = -1;
	for (unsigned i = 0; i < o->workers; i++)
		s[i].fd_header[0] = s[i].fd_header[1] = s[i].fd_too_big = -1;
	if (!open_udp_group(s, f, o, false)) {
		if (errno == EADDRINUSE)
			snprintf(why, why_size, "UDP port %u is in use: is another IKE daemon running here (`ss -lunp` names it)? Stop it, or set charon.port_nat_t", o->port);
		else
			snprintf(why, why_size, "cannot open UDP port %u: %s", o->port, strerror(errno));
		close_all(s, o->workers);
		return false;
	}
	f->udp6 = open_udp_group(s, f, o, true);
	if (!f->udp6) {
		bool in_use = errno == EADDRINUSE;

		close_kind(s, o->workers, SOCKET_UDP6);
		if (in_use) {
			snprintf(why, why_size, "UDP port %u is in use over IPv6: is another IKE daemon running here (`ss -lunp` names it)? Stop it, or set charon.port_nat_t", o->port);
			close_all(s, o->workers);
			return false;
		}
	}
	if (!o->native_esp)
		return true;
	f->esp4 = open_raw_group(s, o, false);
	if (!f->esp4) {
		snprintf(why, why_size, "cannot open a raw socket for ESP, protocol 50: %s (CAP_NET_RAW is needed)",
		         strerror(errno));
		close_all(s, o->workers);
		return false;
	}
	f->esp6 = f->udp6 && open_raw_group(s, o, true);
	if (!f->esp6)
		close_kind(s, o->workers, SOCKET_ESP6);
	open_form_group(s, o, false);
	if (f->esp6)
		open_form_group(s, o, true);
	return true;
}

void
sockets_close(struct sockets *s)
{
	close_all(s, 1);
}
