/* SPDX-License-Identifier: Apache-2.0 */
#include "sallyport/sallyport.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"

/* vici's packets. */
enum { CMD_REQUEST = 0, CMD_RESPONSE, CMD_UNKNOWN, EVENT_REGISTER, EVENT_UNREGISTER, EVENT_CONFIRM, EVENT_UNKNOWN, EVENT };

enum { LENGTH_OCTETS = 4 };

struct subscription {
	struct subscription *next;
	char *event;
	sallyport_event_fn handler;
	void *context;
};

struct sallyport {
	int fd;
	struct subscription *subscriptions;
	char error[256];
	uint8_t length[LENGTH_OCTETS]; /* of the packet that is coming in */
	uint8_t *in;
	size_t n_in, want; /* octets of it so far, and in all, the length included; want 0: not known yet */
};

/* One packet; a view into the connection's buffer. */
struct packet {
	uint8_t type;
	const uint8_t *p;
	size_t n;
};

static bool
fail(struct sallyport *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->error, sizeof s->error, fmt, ap);
	va_end(ap);
	return false;
}

struct sallyport *
sallyport_connect(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct sallyport *s;

	if (!path)
		path = SALLYPORT_SOCKET;
	if (strlen(path) >= sizeof sa.sun_path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&sa, sizeof sa)) {
		int error = errno;

		sallyport_disconnect(s);
		errno = error;
		return NULL;
	}
	return s;
}

void
sallyport_disconnect(struct sallyport *s)
{
	if (!s)
		return;
	while (s->subscriptions) {
		struct subscription *x = s->subscriptions;

		s->subscriptions = x->next;
		free(x->event);
		free(x);
	}
	if (s->fd >= 0)
		close(s->fd);
	free(s->in);
	free(s);
}

const char *
sallyport_error(const struct sallyport *s)
{
	return s->error;
}

int
sallyport_fd(const struct sallyport *s)
{
	return s->fd;
}

/* ---- packets out */

static bool
write_all(struct sallyport *s, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t sent = send(s->fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return fail(s, "cannot send to the daemon: %s", strerror(errno));
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool
send_packet(struct sallyport *s, uint8_t type, const char *name, const struct sallyport_message *m)
{
	struct buffer b = { 0 };
	size_t n_name = strlen(name), n;
	uint8_t head[LENGTH_OCTETS + 2] = { 0, 0, 0, 0, type, (uint8_t)n_name };
	bool ok;

	s->error[0] = 0;
	if (n_name > MESSAGE_NAME_MAX)
		return fail(s, "the name '%.40s...' is too long", name);
	buffer_put(&b, head, sizeof head);
	buffer_put(&b, name, n_name);
	if (m)
		message_encode(&b, m);
	if (b.failed) {
		buffer_free(&b);
		return fail(s, "the message is larger than %d octets, or out of memory", MESSAGE_OCTETS_MAX);
	}
	n = b.n - LENGTH_OCTETS;
	for (int i = 0; i < LENGTH_OCTETS; i++)
		b.p[i] = (uint8_t)(n >> (24 - 8 * i));
	ok = write_all(s, b.p, b.n);
	buffer_free(&b);
	return ok;
}

/* ---- packets in */

static bool
take_length(struct sallyport *s)
{
	size_t n = 0;

	for (int i = 0; i < LENGTH_OCTETS; i++)
		n = n << 8 | s->length[i];
	if (n < 1 || n > MESSAGE_OCTETS_MAX)
		return fail(s, "the daemon sent a packet of %zu octets: is this socket one that speaks vici?", n);
	s->in = malloc(n);
	if (!s->in)
		return fail(s, "out of memory");
	s->want = n + LENGTH_OCTETS;
	return true;
}

/* Reads once. 1: a packet is there; 0: not yet; -1: broken. */
static int
read_some(struct sallyport *s)
{
	uint8_t *to = s->want ? s->in + s->n_in - LENGTH_OCTETS : s->length + s->n_in;
	size_t room = (s->want ? s->want : LENGTH_OCTETS) - s->n_in;
	ssize_t n = recv(s->fd, to, room, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	if (n <= 0) {
		fail(s, n ? "cannot read from the daemon: %s" : "the daemon closed the connection", strerror(errno));
		return -1;
	}
	s->n_in += (size_t)n;
	if (!s->want && s->n_in == LENGTH_OCTETS && !take_length(s))
		return -1;
	return s->want && s->n_in == s->want;
}

static void
packet_done(struct sallyport *s)
{
	free(s->in);
	s->in = NULL;
	s->n_in = s->want = 0;
}

/* @timeout_ms negative: for ever. 1: *out is a packet, until packet_done; 0: time over, or a signal; -1: broken. */
static int
next_packet(struct sallyport *s, struct packet *out, int timeout_ms)
{
	for (;;) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		int got = read_some(s), ready;

		if (got < 0)
			return -1;
		if (got) {
			*out = (struct packet) { s->in[0], s->in + 1, s->want - LENGTH_OCTETS - 1 };
			return 1;
		}
		ready = poll(&p, 1, timeout_ms);
		if (ready <= 0)
			return 0;
	}
}

static void
hand_over_event(struct sallyport *s, const struct packet *k)
{
	size_t n = k->n ? k->p[0] : 0;
	struct sallyport_message *m;
	const char *why;

	if (!k->n || n > k->n - 1)
		return;
	for (const struct subscription *x = s->subscriptions; x; x = x->next) {
		if (strlen(x->event) != n || memcmp(x->event, k->p + 1, n))
			continue;
		m = message_decode(k->p + 1 + n, k->n - 1 - n, &why);
		if (m)
			x->handler(x->context, x->event, m);
		sallyport_message_free(m);
		return;
	}
}

/* The next packet that is not an event; events go to their handlers. */
static bool
next_answer(struct sallyport *s, struct packet *out)
{
	int got;

	while ((got = next_packet(s, out, -1)) >= 0) {
		if (got == 0)
			continue;
		if (out->type != EVENT)
			return true;
		hand_over_event(s, out);
		packet_done(s);
	}
	return false;
}

struct sallyport_message *
sallyport_request(struct sallyport *s, const char *command, const struct sallyport_message *args)
{
	struct sallyport_message *m = NULL;
	struct packet k;
	const char *why;

	if (!send_packet(s, CMD_REQUEST, command, args) || !next_answer(s, &k))
		return NULL;
	if (k.type == CMD_UNKNOWN)
		fail(s, "the daemon does not know the command '%s'", command);
	else if (k.type != CMD_RESPONSE)
		fail(s, "the daemon answered with packet type %u instead of a response", k.type);
	else if (!(m = message_decode(k.p, k.n, &why)))
		fail(s, "%s", why);
	packet_done(s);
	return m;
}

/* ---- events */

static bool
confirmed(struct sallyport *s, const char *event)
{
	struct packet k;
	bool ok;

	if (!next_answer(s, &k))
		return false;
	ok = k.type == EVENT_CONFIRM;
	packet_done(s);
	return ok || fail(s, "the daemon does not know the event '%s'", event);
}

static bool
unsubscribe(struct sallyport *s, struct subscription **at)
{
	struct subscription *x = *at;
	bool ok;

	if (!x)
		return true;
	ok = send_packet(s, EVENT_UNREGISTER, x->event, NULL) && confirmed(s, x->event);
	*at = x->next;
	free(x->event);
	free(x);
	return ok;
}

bool
sallyport_subscribe(struct sallyport *s, const char *event, sallyport_event_fn handler, void *context)
{
	struct subscription **at = &s->subscriptions, *x;

	while (*at && strcmp((*at)->event, event))
		at = &(*at)->next;
	if (!handler)
		return unsubscribe(s, at);
	if (*at) {
		(*at)->handler = handler;
		(*at)->context = context;
		return true;
	}
	/* First the handler, then the registration: nothing that comes is lost. */
	x = calloc(1, sizeof *x);
	if (x)
		*x = (struct subscription) { .event = strdup(event), .handler = handler, .context = context };
	if (!x || !x->event) {
		free(x);
		return fail(s, "out of memory");
	}
	*at = x;
	if (send_packet(s, EVENT_REGISTER, event, NULL) && confirmed(s, event))
		return true;
	*at = NULL;
	free(x->event);
	free(x);
	return false;
}

int
sallyport_wait(struct sallyport *s, int timeout_ms)
{
	struct packet k;
	int n = 0, got;

	while ((got = next_packet(s, &k, n ? 0 : timeout_ms)) > 0) {
		if (k.type == EVENT)
			hand_over_event(s, &k);
		n += k.type == EVENT;
		packet_done(s);
	}
	return got < 0 ? -1 : n;
}
