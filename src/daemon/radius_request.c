/* SPDX-License-Identifier: Apache-2.0 */
#include "radius_internal.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { DOWN_MS = 60000, WAIT_SECONDS_MAX = 600, NAS_PORT_VIRTUAL = 5, SERVICE_FRAMED = 2 };

/* A socket and a timer for one server: each request has ports of its own, which a forger has to guess as well. */
struct radius_link {
	uv_udp_t socket;
	uv_timer_t timer;
	unsigned open;                  /* handles: the timer, then the socket as well */
	struct radius_request *request; /* NULL: it is closing */
};

static void ask_server(struct radius_request *q, bool again);

void
radius_say(const struct radius *r, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->hooks->log(r->hooks->context, LOG_CFG, level, text);
}

const struct radius_server *
radius_request_server(const struct radius_request *q)
{
	return &q->radius->settings->server[q->order[q->at]];
}

/* ---- the link */

static void
on_closed(uv_handle_t *h)
{
	struct radius_link *l = h->data;

	if (--l->open == 0)
		free(l);
}

static void
close_link(struct radius_request *q)
{
	struct radius_link *l = q->link;

	q->link = NULL;
	if (!l)
		return;
	l->request = NULL;
	if (l->open == 2)
		uv_close((uv_handle_t *)&l->socket, on_closed);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}

static void
give_room(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
	static char room[RADIUS_PACKET_MAX + 1];

	(void)h, (void)wanted;
	*buf = uv_buf_init(room, sizeof room);
}

static struct sockaddr_storage
socket_address(const struct ip *a, uint16_t port)
{
	struct sockaddr_storage out = { 0 };

	if (a->family == IP_V4) {
		struct sockaddr_in *in = (void *)&out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->b, 4);
	} else {
		struct sockaddr_in6 *in = (void *)&out;

		in->sin6_family = AF_INET6;
		in->sin6_port = htons(port);
		memcpy(&in->sin6_addr, a->b, 16);
	}
	return out;
}

static const char *
server_text(const struct radius_request *q, char out[ENDPOINT_TEXT_MAX])
{
	const struct radius_server *s = radius_request_server(q);
	struct endpoint e = { s->address, q->code == RADIUS_ACCESS_REQUEST ? s->auth_port : s->acct_port };

	return endpoint_format(out, &e);
}

/* The next server, or the end of them. */
static void
server_failed(struct radius_request *q, const char *why)
{
	struct radius *r = q->radius;
	char text[ENDPOINT_TEXT_MAX];

	snprintf(q->trouble, sizeof q->trouble, "the RADIUS server '%s' at %s %s", radius_request_server(q)->name,
	         server_text(q, text), why);
	radius_say(r, LOG_AUDIT, "%s%s", q->trouble, q->at + 1 < q->n ? "; asking the next one" : "");
	r->down_until[q->order[q->at]] = uv_now(r->loop) + DOWN_MS;
	close_link(q);
	if (++q->at < q->n)
		ask_server(q, false);
	else
		q->done(q, NULL);
}

static void
on_datagram(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct radius_link *l = socket->data;
	struct radius_request *q = l->request;
	autoarena arena = { 0 };
	struct radius_packet p;
	enum radius_verdict v;
	char text[ENDPOINT_TEXT_MAX];

	(void)flags;
	if (!q || (n == 0 && !from))
		return;
	if (n < 0) {
		server_failed(q,
		              n == UV_ECONNREFUSED ? "refuses: it does not run there, or not on that port" : uv_strerror((int)n));
		return;
	}
	v = radius_open(&p, &arena, span_of(buf->base, (size_t)n), span_of(q->octets, q->n_octets),
	                secret_span(&radius_request_server(q)->secret), q->radius->settings->unsigned_ok);
	if (v) {
		q->radius->counted[v]++;
		if (q->trouble[0])
			return; /* told once */
		snprintf(q->trouble, sizeof q->trouble, "%s", radius_verdict_sentence(v));
		radius_say(q->radius, LOG_AUDIT, "%s from %s: %s", radius_verdict_word(v), server_text(q, text),
		           radius_verdict_sentence(v));
		return;
	}
	q->radius->down_until[q->order[q->at]] = 0;
	uv_timer_stop(&l->timer);
	q->done(q, &p);
}

/* 0, or libuv's error. */
static int
open_socket(struct radius_link *l)
{
	struct radius_request *q = l->request;
	const struct radius_server *s = radius_request_server(q);
	struct sockaddr_storage to = socket_address(&s->address, q->code == RADIUS_ACCESS_REQUEST ? s->auth_port : s->acct_port);
	int e = uv_udp_init_ex(q->radius->loop, &l->socket, to.ss_family);
	uv_os_fd_t fd;

	if (e)
		return e;
	l->open++;
	l->socket.data = l;
	/* Not into a tunnel that this very login is to make. */
	if (!uv_fileno((uv_handle_t *)&l->socket, &fd))
		setsockopt(fd, SOL_SOCKET, SO_MARK, &q->radius->bypass_mark, sizeof q->radius->bypass_mark);
	e = uv_udp_connect(&l->socket, (const struct sockaddr *)&to);
	return e ? e : uv_udp_recv_start(&l->socket, give_room, on_datagram);
}

/* False: the server failed, and @q with it perhaps. */
static bool
open_link(struct radius_request *q)
{
	struct radius_link *l = calloc(1, sizeof *l);
	int e;

	if (!l) {
		server_failed(q, "cannot be asked: out of memory");
		return false;
	}
	uv_timer_init(q->radius->loop, &l->timer);
	l->timer.data = l;
	l->open = 1;
	l->request = q;
	q->link = l;
	e = open_socket(l);
	if (e)
		server_failed(q, uv_strerror(e));
	return !e;
}

/* ---- sending, and again */

static void on_retry(uv_timer_t *t);

static void
transmit(struct radius_request *q)
{
	const struct radius_settings *s = q->radius->settings;
	uv_buf_t buf = uv_buf_init((char *)q->octets, (unsigned)q->n_octets);
	int e = uv_udp_try_send(&q->link->socket, &buf, 1, NULL);

	if (e < 0 && e != UV_EAGAIN) {
		server_failed(q, e == UV_ECONNREFUSED ? "refuses: it does not run there, or not on that port" : uv_strerror(e));
		return;
	}
	uv_timer_start(&q->link->timer, on_retry, (uint64_t)(q->wait * 1000), 0);
	q->wait = q->wait * s->base < WAIT_SECONDS_MAX ? q->wait * s->base : WAIT_SECONDS_MAX;
	q->sent++;
}

static void
on_retry(uv_timer_t *t)
{
	struct radius_link *l = t->data;
	struct radius_request *q = l->request;
	char why[RADIUS_REASON_MAX + 64];

	if (!q)
		return;
	if (q->sent < q->radius->settings->tries) {
		transmit(q);
		return;
	}
	/* An answer that could not be believed is worth more to its operator than the silence. */
	snprintf(why, sizeof why, "does not answer%s%s", q->trouble[0] ? ": " : "", q->trouble);
	server_failed(q, why);
}

static bool
make_packet(struct radius_request *q, bool again)
{
	const struct radius_server *s = radius_request_server(q);
	uint8_t authenticator[RADIUS_AUTHENTICATOR_OCTETS];
	autoarena arena = { 0 };
	struct radius_builder b;

	rng_fill(q->radius->rng, authenticator, sizeof authenticator);
	radius_begin(&b, &arena, q->code, q->identifier++, authenticator);
	q->fill(q, &b, s, again);
	q->n_octets = radius_seal(q->octets, &b, secret_span(&s->secret));
	return q->n_octets > 0;
}

static void
ask_server(struct radius_request *q, bool again)
{
	if (!make_packet(q, again)) {
		close_link(q);
		snprintf(q->trouble, sizeof q->trouble,
		         "what is to be said to the RADIUS server does not fit a packet: is the password too long?");
		q->done(q, NULL);
		return;
	}
	q->sent = 0;
	q->wait = q->radius->settings->timeout;
	if (!again)
		q->trouble[0] = '\0';
	if (q->link || open_link(q))
		transmit(q);
}

/* ---- requests */

/* The preferred one, then those that answered when they were last asked, then the others. */
static void
order_servers(struct radius_request *q)
{
	const struct radius *r = q->radius;
	uint64_t now = uv_now(r->loop);

	q->n = 0;
	for (int rank = 0; rank < 3; rank++)
		for (size_t i = 0; i < r->settings->n; i++)
			if ((i == q->prefer ? 0 : r->down_until[i] > now ? 2 : 1) == rank)
				q->order[q->n++] = i;
}

bool
radius_request_start(struct radius_request *q, struct radius *r)
{
	if (r->pending == RADIUS_PENDING_MAX || !r->settings->n)
		return false;
	q->radius = r;
	q->began = uv_now(r->loop);
	rng_fill(r->rng, &q->identifier, sizeof q->identifier);
	order_servers(q);
	q->next = r->first;
	if (q->next)
		q->next->prev = q;
	r->first = q;
	r->pending++;
	ask_server(q, false);
	return true;
}

void
radius_request_go_on(struct radius_request *q)
{
	ask_server(q, true);
}

void
radius_request_end(struct radius_request *q)
{
	struct radius *r = q->radius;

	close_link(q);
	*(q->prev ? &q->prev->next : &r->first) = q->next;
	if (q->next)
		q->next->prev = q->prev;
	r->pending--;
	secret_wipe(q->octets, sizeof q->octets);
	q->free(q);
	if (!r->pending && !r->closing && r->hooks->idle)
		r->hooks->idle(r->hooks->context);
}

/* ---- what all requests say */

static void
add_station(struct radius_builder *b, enum radius_type type, const struct endpoint *e, bool plain)
{
	char text[ENDPOINT_TEXT_MAX];

	radius_add(b, type, span_str(plain ? ip_format(text, &e->ip) : endpoint_format(text, e)));
}

void
radius_add_about(struct radius_builder *b, const struct radius_about *a, const struct radius_server *s)
{
	radius_add_number(b, RADIUS_NAS_PORT_TYPE, NAS_PORT_VIRTUAL);
	radius_add_number(b, RADIUS_SERVICE_TYPE, SERVICE_FRAMED);
	radius_add_number(b, RADIUS_NAS_PORT, a->ike_id);
	radius_add(b, RADIUS_NAS_PORT_ID, span_str(a->conn));
	radius_add_ip(b, RADIUS_NAS_IP_ADDRESS, RADIUS_NAS_IPV6_ADDRESS, &a->local.ip);
	add_station(b, RADIUS_CALLED_STATION_ID, &a->local, s->plain_station);
	add_station(b, RADIUS_CALLING_STATION_ID, &a->remote, s->plain_station);
	radius_add(b, RADIUS_NAS_IDENTIFIER, span_str(s->nas_identifier ? s->nas_identifier : "sallyport"));
}
