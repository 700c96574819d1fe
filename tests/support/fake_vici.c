/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_vici.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"
#include "vici_text.h"

const char FAKE_VICI_HANG_UP[] = "";

/* Packet types of the protocol. */
enum { REQUEST = 0, RESPONSE = 1, UNKNOWN = 2, REGISTER = 3, CONFIRM = 5, EVENT_UNKNOWN = 6, EVENT = 7 };

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fake_vici: %s\n", what);
	abort();
}

/* ---- packets */

static void
keep(struct fake_vici *v, const char *command, const struct sallyport_message *m)
{
	size_t n = strlen(v->heard);

	snprintf(v->heard + n, sizeof v->heard - n, "%s", command);
	vici_text_append(v->heard, sizeof v->heard, sallyport_root(m));
	n = strlen(v->heard);
	snprintf(v->heard + n, sizeof v->heard - n, "\n");
}

static void
send_packet(int c, int type, const char *name, const char *text)
{
	struct sallyport_message *m = vici_text_read(text);
	struct buffer b = { 0 };
	uint32_t length = 0;
	uint8_t head[2] = { (uint8_t)type, (uint8_t)strlen(name ? name : "") };

	buffer_put(&b, &length, sizeof length);
	buffer_put(&b, head, name ? 2 : 1);
	buffer_put(&b, name ? name : "", head[1]);
	message_encode(&b, m);
	must(!b.failed, "out of memory");
	length = htonl((uint32_t)(b.n - sizeof length));
	memcpy(b.p, &length, sizeof length);
	/* A client that has gone meanwhile is the test's own doing. */
	(void)!send(c, b.p, b.n, MSG_NOSIGNAL);
	buffer_free(&b);
	sallyport_message_free(m);
}

static void
send_events(int c, const char *events)
{
	char line[4096], name[VICI_TEXT_WORD_MAX];

	while (events && *events) {
		size_t n = strcspn(events, "\n");
		const char *message;

		must(n < sizeof line, "an event is too long");
		memcpy(line, events, n);
		line[n] = '\0';
		message = vici_text_word(name, line, " ");
		send_packet(c, EVENT, name, message);
		events += n + (events[n] == '\n');
	}
}

/* False when the connection is to be closed. */
static bool
answer(struct fake_vici *v, int c, uint8_t *p, size_t n)
{
	const struct fake_vici_row *row = v->row;
	size_t n_name = p[1];
	struct sallyport_message *m;
	const char *why;
	char name[256] = "";

	memcpy(name, p + 2, n_name);
	while (row->command && strcmp(row->command, name))
		row++;
	if (p[0] != REQUEST) {
		bool known = !v->unknown_event || strcmp(v->unknown_event, name);

		send_packet(c, known ? CONFIRM : EVENT_UNKNOWN, NULL, "");
		if (p[0] == REGISTER)
			send_events(c, row->events);
		return p[0] != REGISTER || row->answer != FAKE_VICI_HANG_UP;
	}
	m = message_decode(p + 2 + n_name, n - 2 - n_name, &why);
	must(m, "a client sent what is no message");
	keep(v, name, m);
	sallyport_message_free(m);
	if (!row->command) {
		send_packet(c, UNKNOWN, NULL, "");
		return true;
	}
	send_events(c, row->events);
	if (row->answer == FAKE_VICI_HANG_UP)
		return false;
	send_packet(c, RESPONSE, NULL, row->answer);
	return true;
}

static void *
serve(void *arg)
{
	static uint8_t packet[MESSAGE_OCTETS_MAX];
	struct fake_vici *v = arg;
	uint32_t n;
	int c;

	while ((c = accept(v->fd, NULL, NULL)) >= 0) {
		while (recv(c, &n, sizeof n, MSG_WAITALL) == sizeof n && (n = ntohl(n)) >= 2 && n <= sizeof packet &&
		       recv(c, packet, n, MSG_WAITALL) == (ssize_t)n && answer(v, c, packet, n))
			;
		close(c);
	}
	return NULL;
}

void
fake_vici_start(struct fake_vici *v, const struct fake_vici_row *rows, const char *unknown_event)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/sallyport-test-XXXXXX";

	*v = (struct fake_vici) { .row = rows, .unknown_event = unknown_event };
	must(mkdtemp(dir), "mkdtemp");
	snprintf(v->path, sizeof v->path, "%s/v", dir);
	memcpy(sa.sun_path, v->path, sizeof v->path);
	v->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	must(!bind(v->fd, (struct sockaddr *)&sa, sizeof sa) && !listen(v->fd, 4), "bind");
	must(!pthread_create(&v->thread, NULL, serve, v), "pthread_create");
}

void
fake_vici_stop(struct fake_vici *v)
{
	shutdown(v->fd, SHUT_RDWR);
	pthread_join(v->thread, NULL);
	close(v->fd);
	unlink(v->path);
	*strrchr(v->path, '/') = '\0';
	rmdir(v->path);
}
