/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include <linux/errqueue.h>

#include "outbound.h"

enum {
	/* One UDP_SEGMENT call: the kernel's limits of segments and octets. */
	GSO_SEGMENTS_MAX = 64,
	GSO_OCTETS_MAX = 65000,
	MESSAGES_MAX = 1024, /* of one sendmmsg: UIO_MAXIOV */
	/* A send buffer that stays full for so long loses packets rather than stopping the other direction. */
	SEND_WAIT_MS = 5,
	ERRORS_PER_TURN = 32,
};

/* One message: packets of one SA path, size and outer header, in their order. */
struct group {
	struct esp_sa *sa;
	uint32_t octets, packets, segment;
	uint8_t tos;
	bool df, whole, closed;
	int fd;
};

struct sender {
	size_t n, n_iov;
	struct group group[MESSAGES_MAX];
	struct mmsghdr msg[MESSAGES_MAX];
	struct iovec iov[MESSAGES_MAX];
	struct send_control control[MESSAGES_MAX];
};

struct sender *
sender_new(void)
{
	return calloc(1, sizeof(struct sender));
}

void
sender_free(struct sender *s)
{
	free(s);
}

void
send_target_set(struct send_target *t, const struct esp_path *path)
{
	t->kind = socket_kind_of(&path->remote.ip, path->udp_encap);
	t->to_octets = endpoint_to_sockaddr(&t->to, &path->remote, path->udp_encap);
}

void
path_ask_mtu(struct worker *w, struct esp_sa *sa)
{
	struct send_target *t = sa->user;
	unsigned mtu = sockets_route_mtu(&sa->path->local, &sa->path->remote, w->shared->options.bypass_mark);

	t->mtu_asked = w->now;
	if (mtu && w->now < (instant_t)sa->path->told_until && sa->path->told_mtu < mtu)
		mtu = sa->path->told_mtu;
	if (mtu)
		sa->path->mtu = (uint16_t)(mtu > UINT16_MAX ? UINT16_MAX : mtu);
}

/*
 * UDP_SEGMENT cuts at equal distances: all but the last packet have one size. What was one super-packet stays in one
 * message where it fits, so that the peer, who opens message by message, can make one super-packet of it again.
 */
static bool
joins(const struct group *g, const struct packet *p, bool df, bool whole)
{
	uint32_t more = p->user >> PACKET_COUNT_SHIFT ? p->user >> PACKET_COUNT_SHIFT : 1;

	return !g->closed && !whole && g->sa->path == p->sa->path && g->tos == p->tos && g->df == df && p->len <= g->segment &&
	       g->packets + more <= GSO_SEGMENTS_MAX && g->octets + more * p->len <= GSO_OCTETS_MAX;
}

static void
add_iov(struct sender *s, struct mmsghdr *m, const struct packet *p)
{
	struct iovec *last = s->n_iov ? &s->iov[s->n_iov - 1] : NULL;

	if (m->msg_hdr.msg_iovlen && (uint8_t *)last->iov_base + last->iov_len == p->p) {
		last->iov_len += p->len;
		return;
	}
	s->iov[s->n_iov] = (struct iovec) { p->p, p->len };
	if (!m->msg_hdr.msg_iovlen++)
		m->msg_hdr.msg_iov = &s->iov[s->n_iov];
	s->n_iov++;
}

static int
socket_for(const struct worker *w, const struct send_target *t, bool df)
{
	return df ? w->sockets.fd[t->kind] : w->sockets.fd_no_df[t->kind];
}

static void
start_group(struct sender *s, struct worker *w, const struct packet *p, bool df, bool whole)
{
	const struct send_target *t = p->sa->user;

	s->group[s->n] = (struct group) { .sa = p->sa, .segment = p->len, .tos = p->tos, .df = df, .fd = socket_for(w, t, df) };
	s->group[s->n].whole = s->group[s->n].closed = whole;
	s->msg[s->n] = (struct mmsghdr) { .msg_hdr = { .msg_name = (void *)(uintptr_t)&t->to, .msg_namelen = t->to_octets } };
	s->n++;
}

void
sender_add(struct sender *s, struct worker *w, const struct batch *b)
{
	if (s->n_iov + b->n > MESSAGES_MAX)
		sender_send(s, w);
	for (size_t i = 0; i < b->n; i++) {
		const struct packet *p = &b->pkt[i];
		bool outside = p->user & PACKET_FRAGMENT_OUTSIDE;
		bool whole = outside || !w->gso || !p->sa->path->udp_encap;
		bool df = p->df && !outside;

		if (!s->n || !joins(&s->group[s->n - 1], p, df, whole))
			start_group(s, w, p, df, whole);
		struct group *g = &s->group[s->n - 1];

		add_iov(s, &s->msg[s->n - 1], p);
		g->octets += p->len;
		g->packets++;
		g->closed = g->closed || p->len < g->segment;
	}
}

static void
finish(struct sender *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct group *g = &s->group[i];

		send_control_build(&s->control[i], &g->sa->path->local.ip, g->tos, g->packets > 1 ? (uint16_t)g->segment : 0);
		s->msg[i].msg_hdr.msg_control = s->control[i].b;
		s->msg[i].msg_hdr.msg_controllen = s->control[i].n;
	}
}

static bool
wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, SEND_WAIT_MS) > 0 && p.revents & POLLOUT;
}

/* What the socket says about an earlier packet is no reason to lose this one. */
static ssize_t
send_one(int fd, const struct msghdr *m)
{
	ssize_t n = sendmsg(fd, m, MSG_DONTWAIT);

	if (n >= 0 || errno == EMSGSIZE || errno == EINVAL || errno == EIO)
		return n;
	if (errno == EAGAIN && !wait_writable(fd))
		return -1;
	return sendmsg(fd, m, MSG_DONTWAIT);
}

static void
failed(struct worker *w, struct group *g, uint32_t packets)
{
	if (errno == EMSGSIZE)
		path_ask_mtu(w, g->sa);
	worker_drop(w, ESP_DROP_SEND, packets);
}

/* The same datagrams without UDP_SEGMENT, which the route may not take: its MTU shrank, or no checksum offload. */
static void
send_singly(struct worker *w, struct group *g, const struct msghdr *group_msg)
{
	struct send_control control;
	uint32_t left = g->octets;
	const struct iovec *v = group_msg->msg_iov;
	size_t at = 0;

	send_control_build(&control, &g->sa->path->local.ip, g->tos, 0);
	while (left) {
		uint32_t n = left < g->segment ? left : g->segment;
		struct iovec one = { (uint8_t *)v->iov_base + at, n };
		struct msghdr m = {
			.msg_name = group_msg->msg_name, .msg_namelen = group_msg->msg_namelen, .msg_iov = &one, .msg_iovlen = 1
		};

		m.msg_control = control.b;
		m.msg_controllen = control.n;
		if (send_one(g->fd, &m) < 0)
			failed(w, g, 1);
		left -= n;
		at += n;
		if (at == v->iov_len) {
			v++;
			at = 0;
		}
	}
}

static void
send_again(struct worker *w, struct group *g, const struct msghdr *m)
{
	if (send_one(g->fd, m) >= 0)
		return;
	if (g->packets == 1 || (errno != EMSGSIZE && errno != EINVAL && errno != EIO)) {
		failed(w, g, g->packets);
		return;
	}
	if (errno == EIO)
		w->gso = false;
	send_singly(w, g, m);
}

void
sender_send(struct sender *s, struct worker *w)
{
	size_t i = 0;

	finish(s);
	while (i < s->n) {
		size_t run = 1;
		int sent;

		while (i + run < s->n && s->group[i + run].fd == s->group[i].fd)
			run++;
		sent = sendmmsg(s->group[i].fd, &s->msg[i], (unsigned)run, MSG_DONTWAIT);
		if (sent <= 0) {
			/* A full queue of the device: sending again would only fill it further. */
			if (sent < 0 && errno == ENOBUFS)
				failed(w, &s->group[i], s->group[i].packets);
			else
				send_again(w, &s->group[i], &s->msg[i].msg_hdr);
			sent = 1;
		}
		i += (size_t)sent;
	}
	s->n = s->n_iov = 0;
}

static void
ask_mtu_towards(struct worker *w, const struct ip *remote)
{
	const struct esp_path *asked = NULL;

	for (size_t i = 0; i < w->policies.n_slots; i++) {
		struct policy *p = &w->policies.slot[i];

		for (size_t k = 0; k < p->n_sa; k++) {
			struct esp_sa *sa = p->sa[k].sa;

			/* Only the owner looks into an SA. Those of one peer share their path: one question does for all. */
			if (p->sa[k].owner != w->index || sa->path == asked || !ip_equal(&sa->path->remote.ip, remote))
				continue;
			path_ask_mtu(w, sa);
			asked = sa->path;
		}
	}
}

void
outbound_socket_errors(struct worker *w, enum socket_kind k)
{
	for (unsigned i = 0; i < ERRORS_PER_TURN; i++) {
		struct sockaddr_storage to = { 0 };
		_Alignas(struct cmsghdr) uint8_t control[512];
		struct msghdr m = {
			.msg_name = &to, .msg_namelen = sizeof to, .msg_control = control, .msg_controllen = sizeof control
		};
		struct endpoint e;

		if (recvmsg(w->sockets.fd[k], &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
			struct sock_extended_err err;

			if ((h->cmsg_type != IP_RECVERR && h->cmsg_type != IPV6_RECVERR) || h->cmsg_len < CMSG_LEN(sizeof err))
				continue;
			memcpy(&err, CMSG_DATA(h), sizeof err);
			e = endpoint_from_sockaddr(&to);
			if (err.ee_errno == EMSGSIZE && rate_allows(&w->error_rate, w->now, MILLISECONDS(10)))
				ask_mtu_towards(w, &e.ip);
		}
	}
}
