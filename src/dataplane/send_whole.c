/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>

#include "outbound.h"
#include "pmtu.h"

/*
 * Packets that bring their own IP header: transport mode keeps that of the
 * sender, and AH covers its fields. They leave one by one; what is too large for
 * the path and may be cut is cut here (RFC 4303 section 3.3.4: after ESP).
 */

enum { SEND_WAIT_MS = 5, FLAGS_AT = 6, FLAGS_DF = 0x4000 };

static socklen_t
destination(struct sockaddr_storage *to, const uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	struct endpoint e = { .ip = ip_from_octets(v4 ? span_of(ip + 16, 4) : span_of(ip + 24, 16)) };

	return endpoint_to_sockaddr(to, &e, false);
}

static bool
send_octets(struct worker *w, const uint8_t *ip, size_t n)
{
	int fd = w->sockets.fd_header[ip[0] >> 4 == 6];
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	struct sockaddr_storage to;
	socklen_t k = destination(&to, ip);

	if (sendto(fd, ip, n, MSG_DONTWAIT, (struct sockaddr *)&to, k) >= 0)
		return true;
	return errno == EAGAIN && poll(&writable, 1, SEND_WAIT_MS) > 0 &&
	       sendto(fd, ip, n, MSG_DONTWAIT, (struct sockaddr *)&to, k) >= 0;
}

static void
send_or_drop(struct worker *w, struct esp_sa *sa, const uint8_t *ip, size_t n)
{
	if (send_octets(w, ip, n))
		return;
	if (errno == EMSGSIZE)
		path_ask_mtu(w, sa);
	worker_drop(w, ESP_DROP_SEND, 1);
}

static void
send_fragments(struct worker *w, struct packet *p)
{
	uint8_t piece[UINT16_MAX];
	struct fragment f;
	uint32_t n;

	if (p->p[0] >> 4 == 4 && p->user & PACKET_FRAGMENT_OUTSIDE)
		put_be16(p->p + FLAGS_AT, get_be16(p->p + FLAGS_AT) & (uint16_t)~FLAGS_DF);
	/* Never sent to strangers, so counting up from a random number tells nobody anything: RFC 7739 section 5. */
	if (!fragment_open(&f, p->p, p->len, p->sa->path->mtu, w->fragment_id++)) {
		worker_drop(w, ESP_DROP_TOO_BIG, 1);
		return;
	}
	while ((n = fragment_next_octets(&f)) != 0) {
		fragment_take(&f, piece);
		send_or_drop(w, p->sa, piece, n);
	}
}

/*
 * The kernel does not measure what brings its own header against the path, and tells
 * of ICMP errors about UDP to only one worker: so the path is asked from time to time.
 */
static void
keep_mtu(struct worker *w, struct esp_sa *sa)
{
	const struct send_target *t = sa->user;

	if (w->now - t->mtu_asked >= SECONDS(10))
		path_ask_mtu(w, sa);
}

void
send_whole(struct worker *w, struct batch *b)
{
	size_t left = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct packet *p = &b->pkt[i];

		if (!p->head) {
			b->pkt[left++] = *p;
			continue;
		}
		keep_mtu(w, p->sa);
		if (p->len > p->sa->path->mtu)
			send_fragments(w, p);
		else
			send_or_drop(w, p->sa, p->p, p->len);
	}
	b->n = left;
}
