/* SPDX-License-Identifier: Apache-2.0 */
#include "inbound.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "coalesce.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	MESSAGES = 64,      /* of one recvmmsg, when each is one datagram ... */
	MESSAGES_LARGE = 16, /* ... and when UDP_GRO makes each up to 64 KiB: as much as one sendmmsg of the peer */
	LARGE_OCTETS = 8192,
	MESSAGE_OCTETS = 65536,
	/* Not a power of two, so that the buffers do not compete for the same lines of the cache. */
	MESSAGE_STRIDE = MESSAGE_OCTETS + 1536,
	BATCH_PACKETS = ESP_BATCH_MAX, /* opened and delivered at once: what one read brings */
	HANDED_OCTETS = 128 << 10,
	ESP_HEADER = 8,
	HEADER_ROOM = 1024, /* in front of a message, for an IPv6 header that the kernel keeps to itself */
	EXTENSIONS_MAX = 4,
	MARKER = 4, /* RFC 3948 section 2.2: four zero octets in front of IKE */
};

/* What a datagram's ancillary data say; packets of the batch point to it. */
struct arrival {
	struct endpoint local, remote;
	uint8_t tos;
	bool udp;
	/* Extension headers of a raw IPv6 packet, in their order; in the message's control octets. */
	unsigned n_extensions;
	uint8_t first_extension; /* its type, which no extension header names */
	struct span extension[EXTENSIONS_MAX];
};

struct inbound {
	struct mmsghdr msg[MESSAGES];
	struct iovec iov[MESSAGES];
	struct sockaddr_storage from[MESSAGES];
	struct arrival arrival[MESSAGES];
	_Alignas(struct cmsghdr) uint8_t control[MESSAGES][256];
	uint8_t *buffer; /* MESSAGES * MESSAGE_STRIDE; pages are taken as they are first used */
	unsigned want;   /* messages to ask for next time */
	uint8_t *handed; /* packets from other workers, which must be writable */
	size_t handed_used, n_handed;
	struct arrival handed_arrival[ESP_BATCH_MAX];
	bool ah; /* what the batch holds is AH */
	struct batch batch;
	struct coalesce coalesce;
};

/* The kernel writes lengths into the headers: those that were used are made anew. */
static void
prepare(struct inbound *in, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		in->iov[i] = (struct iovec) { in->buffer + (size_t)i * MESSAGE_STRIDE + HEADER_ROOM, MESSAGE_OCTETS };
		in->msg[i].msg_hdr = (struct msghdr) {
			.msg_name = &in->from[i],
			.msg_namelen = sizeof in->from[i],
			.msg_iov = &in->iov[i],
			.msg_iovlen = 1,
			.msg_control = in->control[i],
			.msg_controllen = sizeof in->control[i],
		};
	}
}

struct inbound *
inbound_new(const struct tun *t)
{
	struct inbound *in = aligned_alloc(64, (sizeof *in + 63) & ~(size_t)63);

	if (!in)
		return NULL;
	memset(in, 0, sizeof *in);
	in->buffer = aligned_alloc(64, (size_t)MESSAGES * MESSAGE_STRIDE);
	in->handed = aligned_alloc(64, HANDED_OCTETS);
	if (t->vnet_hdr && t->tso)
		in->coalesce.features = COALESCE_TCP4 | COALESCE_TCP6 | (t->uso ? COALESCE_UDP : 0u);
	if (!in->buffer || !in->handed) {
		inbound_free(in);
		return NULL;
	}
	prepare(in, MESSAGES);
	in->want = MESSAGES;
	return in;
}

void
inbound_free(struct inbound *in)
{
	if (!in)
		return;
	free(in->buffer);
	free(in->handed);
	free(in);
}

/* RFC 4303 section 3.4.2: an audit event; the peer may have an SA that we lost. */
static void
report_unknown_spi(struct worker *w, const struct packet *p)
{
	const struct arrival *a = p->tag;
	struct dataplane_event e = { .kind = DATAPLANE_INVALID_SPI, .spi = p->spi, .direction = SA_INBOUND };

	if (!rate_allows(&w->spi_rate, w->now, MILLISECONDS(100)))
		return;
	e.local = a->local;
	e.remote = a->remote;
	event_queue_put(&w->events, &e);
}

/*
 * RFC 3948 section 4: the NAT may have given the peer a new address or port. Only
 * the newest packet tells, so that a late one does not send us back.
 */
static void
follow_mapping(struct worker *w, const struct packet *p)
{
	const struct arrival *a = p->tag;
	struct esp_sa *sa = p->sa;
	const struct replay *r = &sa->replay;
	struct dataplane_event e = { .kind = DATAPLANE_MAPPING, .spi = sa->spi, .child_id = sa->child_id };

	if (r->window && p->seq != r->top)
		return;
	if (!rate_allows(sa->user, w->now, SECONDS(1)))
		return;
	e.direction = SA_INBOUND;
	e.local = a->local;
	e.remote = a->remote;
	event_queue_put(&w->events, &e);
}

/*
 * Whether the packet came from where its SA has its peer. RFC 7296 section 2.23:
 * UDP-encapsulated ESP is taken also where no NAT was found. The reverse, a plain
 * packet for an SA in UDP, is refused.
 */
static bool
came_as_expected(struct worker *w, struct packet *p)
{
	const struct arrival *a = p->tag;
	const struct esp_path *path = p->sa->path;

	if (!path->udp_encap)
		return true;
	if (!a->udp) {
		p->drop = ESP_DROP_PEER_ADDRESS;
		return false;
	}
	if (endpoint_equal(&a->remote, &path->remote))
		return true;
	follow_mapping(w, p);
	return false;
}

static void
check_arrivals(struct worker *w, struct batch *b)
{
	const struct packet *good = NULL;
	bool dropped = false;

	for (size_t i = 0; i < b->n; i++) {
		struct packet *p = &b->pkt[i];

		/* Most packets of a batch came together: one comparison does for them. */
		if (good && p->sa == good->sa && p->tag == good->tag)
			continue;
		good = came_as_expected(w, p) ? p : NULL;
		dropped |= p->drop != ESP_DROP_NONE;
	}
	if (dropped)
		batch_compact(b, esp_worker_drops(w->esp));
}

/* Writes super-packets [from, to) of the batch, which the TUN device takes in their order. */
static void
write_together(struct worker *w, size_t from, size_t to, unsigned skip)
{
	struct super_packet *s = w->inbound->coalesce.out;
	const int *result;

	for (size_t i = from; i < to; i++)
		uring_writev(w->uring, s[i].iov + skip, s[i].n_iov - skip);
	result = uring_run(w->uring);
	for (size_t i = from; i < to; i++)
		if (result[i - from] < 0)
			worker_drop(w, ESP_DROP_TUN_WRITE, s[i].packets);
}

static void
deliver(struct worker *w, struct batch *b)
{
	struct coalesce *c = &w->inbound->coalesce;
	unsigned skip = w->shared->tun.vnet_hdr ? 0 : 1;

	coalesce(c, b);
	for (size_t i = 0, n; i < c->n; i += n) {
		struct super_packet *s = &c->out[i];

		n = !w->uring ? 1 : c->n - i < URING_MAX ? c->n - i : URING_MAX;
		if (n > 1)
			write_together(w, i, i + n, skip);
		else if (writev(w->tun_fd, s->iov + skip, (int)(s->n_iov - skip)) < 0)
			worker_drop(w, ESP_DROP_TUN_WRITE, s->packets);
	}
}

void
inbound_flush(struct worker *w)
{
	struct inbound *in = w->inbound;
	struct batch *b = &in->batch;

	if (!b->n)
		return;
	if (in->ah)
		ah_receive(w->esp, b, w->now);
	else
		esp_receive(w->esp, b, w->now);
	worker_report_limits(w);
	for (size_t i = b->n; i < b->n + b->n_dropped; i++)
		if (b->pkt[i].drop == ESP_DROP_NO_SA)
			report_unknown_spi(w, &b->pkt[i]);
	if (b->n) {
		check_arrivals(w, b);
		deliver(w, b);
	}
	b->n = b->n_dropped = 0;
	in->handed_used = in->n_handed = 0;
}

static void
append(struct worker *w, uint8_t *p, size_t n, struct arrival *a, uint16_t head)
{
	struct batch *b = &w->inbound->batch;

	b->pkt[b->n++] = (struct packet) { .p = p, .len = (uint32_t)n, .tos = a->tos, .tag = a, .head = head };
	if (b->n == BATCH_PACKETS)
		inbound_flush(w);
}

static void
hand_over(struct worker *w, unsigned to, const struct arrival *a, struct span packet, uint16_t head)
{
	struct hand_over h = { .kind = HAND_OVER_ESP, .local = a->local, .remote = a->remote, .tos = a->tos, .udp = a->udp };

	h.head = head;
	h.ah = w->inbound->ah;

	if (!worker_hand_over(w, to, &h, packet))
		worker_drop(w, ESP_DROP_NO_SA, 1);
}

static void
esp_packet(struct worker *w, uint8_t *p, size_t n, struct arrival *a, uint16_t head)
{
	unsigned owner;

	if (n < ESP_HEADER) {
		worker_drop(w, ESP_DROP_RUNT, 1);
		return;
	}
	owner = spi_worker(get_be32(w->inbound->ah ? p + 4 : p), w->shared->n);
	if (owner == w->index)
		append(w, p, n, a, head);
	else
		hand_over(w, owner, a, span_of(p - head, n + head), head);
}

static void
ike_message(struct worker *w, const struct arrival *a, struct span data)
{
	struct dataplane_event e = {
		.kind = DATAPLANE_IKE, .direction = SA_INBOUND, .local = a->local, .remote = a->remote, .data = data
	};

	event_queue_put(&w->events, &e);
}

/* RFC 3948 section 2: what came in on the NAT-T port. */
static void
udp_datagram(struct worker *w, uint8_t *p, size_t n, struct arrival *a)
{
	static const uint8_t marker[MARKER];

	if (n == 1 && p[0] == 0xff)
		counter_add(&w->counters.keepalives, 1);
	else if (n < MARKER)
		worker_drop(w, ESP_DROP_RUNT, 1);
	else if (memcmp(p, marker, MARKER) == 0)
		ike_message(w, a, span_of(p + MARKER, n - MARKER));
	else
		esp_packet(w, p, n, a, 0);
}

/*
 * Raw IPv6 sockets keep the header: it is made again, in front of the packet, from
 * the ancillary data. What is not known there (flow label, hop limit), AH does not
 * cover. Plain ESP needs none.
 */
static uint16_t
make_header6(uint8_t *p, size_t n, const struct arrival *a, bool ah)
{
	uint8_t *ip, *next;
	size_t head = 40;

	if (!ah && !a->n_extensions)
		return 0;
	for (unsigned i = 0; i < a->n_extensions; i++)
		head += a->extension[i].n;
	if (head > HEADER_ROOM || n + head > UINT16_MAX)
		return 0;
	ip = p - head;
	put_be32(ip, 6u << 28 | (uint32_t)a->tos << 20);
	put_be16(ip + 4, (uint16_t)(n + head - 40));
	ip[6] = a->n_extensions ? a->first_extension : ah ? IPPROTO_AH : IPPROTO_ESP;
	ip[7] = 64;
	memcpy(ip + 8, a->remote.ip.b, 16);
	memcpy(ip + 24, a->local.ip.b, 16);
	next = ip + 40;
	for (unsigned i = 0; i < a->n_extensions; next += a->extension[i++].n)
		memcpy(next, a->extension[i].p, a->extension[i].n);
	return (uint16_t)head;
}

/* Raw IPv4 sockets give the IP header too; the kernel has checked and reassembled it. */
static void
raw_packet(struct worker *w, uint8_t *p, size_t n, struct arrival *a, enum socket_kind k)
{
	size_t header = 0;
	uint16_t head;

	if (k == SOCKET_ESP4 || k == SOCKET_AH4) {
		header = n >= 20 ? (size_t)(p[0] & 15) * 4 : 0;
		if (header < 20 || header > n) {
			worker_drop(w, ESP_DROP_RUNT, 1);
			return;
		}
		a->tos = p[1];
		a->local.ip = ip_from_octets(span_of(p + 16, 4));
	}
	head = k == SOCKET_ESP4 || k == SOCKET_AH4 ? (uint16_t)header : make_header6(p, n, a, k == SOCKET_AH6);
	esp_packet(w, p + header, n - header, a, head);
}

static void
take_extension(struct arrival *a, const struct cmsghdr *h)
{
	const uint8_t *d = CMSG_DATA(h);
	size_t n = h->cmsg_len - CMSG_LEN(0);
	uint8_t type = h->cmsg_type == IPV6_HOPOPTS ? IPPROTO_HOPOPTS
	               : h->cmsg_type == IPV6_RTHDR ? IPPROTO_ROUTING
	                                            : IPPROTO_DSTOPTS;

	if (a->n_extensions == EXTENSIONS_MAX || n < 8 || (d[1] + 1u) * 8 > n)
		return;
	if (!a->n_extensions)
		a->first_extension = type;
	a->extension[a->n_extensions++] = span_of(d, (d[1] + 1u) * 8);
}

static bool
is_extension(const struct cmsghdr *h)
{
	return h->cmsg_level == IPPROTO_IPV6 &&
	       (h->cmsg_type == IPV6_HOPOPTS || h->cmsg_type == IPV6_RTHDR || h->cmsg_type == IPV6_DSTOPTS);
}

/* Ancillary data of one message: where it was sent to, its TOS, and the size of the datagrams joined in it (0: one). */
static size_t
read_control(struct arrival *a, struct msghdr *m)
{
	size_t segment = 0;
	int number;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		const uint8_t *d = CMSG_DATA(h);

		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			a->local.ip = ip_from_octets(span_of(d + offsetof(struct in_pktinfo, ipi_addr), 4));
		} else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
			a->local.ip = ip_from_octets(span_of(d + offsetof(struct in6_pktinfo, ipi6_addr), 16));
		} else if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_TOS) {
			a->tos = d[0];
		} else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_TCLASS) {
			memcpy(&number, d, sizeof number);
			a->tos = (uint8_t)number;
		} else if (h->cmsg_level == IPPROTO_UDP && h->cmsg_type == UDP_GRO) {
			memcpy(&number, d, sizeof number);
			segment = number > 0 ? (size_t)number : 0;
		} else if (is_extension(h)) {
			take_extension(a, h);
		}
	}
	return segment;
}

static void
take_message(struct worker *w, unsigned i, enum socket_kind k)
{
	struct inbound *in = w->inbound;
	struct arrival *a = &in->arrival[i];
	uint8_t *p = in->iov[i].iov_base;
	size_t n = in->msg[i].msg_len, segment;

	*a = (struct arrival) { .udp = k == SOCKET_UDP4 || k == SOCKET_UDP6, .remote = endpoint_from_sockaddr(&in->from[i]) };
	segment = read_control(a, &in->msg[i].msg_hdr);
	if (!a->udp) {
		raw_packet(w, p, n, a, k);
		return;
	}
	if (n == 0) {
		worker_drop(w, ESP_DROP_RUNT, 1);
		return;
	}
	a->local.port = w->shared->options.port_nat_t;
	/* One message, one batch: so its segments become one super-packet again. */
	if (segment && in->batch.n + n / segment >= BATCH_PACKETS)
		inbound_flush(w);
	for (size_t at = 0; at < n; at += segment) {
		if (!segment || segment > n - at)
			segment = n - at;
		udp_datagram(w, p + at, segment, a);
	}
}

/* A batch is of AH, or of ESP. */
static void
expect(struct worker *w, bool ah)
{
	if (w->inbound->ah != ah)
		inbound_flush(w);
	w->inbound->ah = ah;
}

bool
inbound_read(struct worker *w, enum socket_kind k)
{
	struct inbound *in = w->inbound;
	size_t octets = 0;
	int n;

	expect(w, k == SOCKET_AH4 || k == SOCKET_AH6);
	n = recvmmsg(w->sockets.fd[k], in->msg, in->want, MSG_DONTWAIT, NULL);

	if (n < 0)
		return errno != EBADF && errno != ENOTSOCK && errno != EINVAL;
	for (unsigned i = 0; i < (unsigned)n; i++) {
		octets += in->msg[i].msg_len;
		take_message(w, i, k);
	}
	w->moved += octets;
	in->want = octets > (size_t)n * LARGE_OCTETS ? MESSAGES_LARGE : MESSAGES;
	/* The buffers are used again for the next read. */
	inbound_flush(w);
	prepare(in, (unsigned)n);
	return true;
}

void
inbound_handed_over(struct worker *w, const struct hand_over *h, struct span packet)
{
	struct inbound *in = w->inbound;
	struct arrival *a;
	uint8_t *p;

	if (packet.n > MESSAGE_OCTETS || packet.n < h->head)
		return;
	expect(w, h->ah);
	if (in->n_handed == ESP_BATCH_MAX || in->handed_used + packet.n > HANDED_OCTETS)
		inbound_flush(w);
	a = &in->handed_arrival[in->n_handed++];
	*a = (struct arrival) { .local = h->local, .remote = h->remote, .tos = h->tos, .udp = h->udp };
	p = in->handed + in->handed_used;
	in->handed_used += packet.n;
	memcpy(p, packet.p, packet.n);
	append(w, p + h->head, packet.n - h->head, a, h->head);
}
