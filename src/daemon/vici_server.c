/* SPDX-License-Identifier: Apache-2.0 */
#include "vici_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "one_daemon.h"
#include "secret.h"
#include "vici_internal.h"

enum { BACKLOG = 128, FIRST_ROOM = 4096, LENGTH_OCTETS = 4 };

static void
server_release(struct vici_server *v)
{
	if (!v->closing || v->open_handles)
		return;
	while (v->failures) {
		struct vici_failure *f = v->failures;

		v->failures = f->next;
		free(f->conn);
		free(f->reason);
		free(f->text);
		free(f);
	}
	vici_names_free(&v->loaded);
	free(v->path);
	free(v);
}

/* ---- clients */

static void
on_client_closed(uv_handle_t *h)
{
	struct vici_client *c = h->data;
	struct vici_server *v = c->server;

	secret_wipe(c->in, c->cap_in);
	free(c->in);
	free(c);
	v->open_handles--;
	server_release(v);
}

static void
update_events(struct vici_server *v)
{
	v->events = 0;
	for (const struct vici_client *c = v->clients; c; c = c->next)
		v->events |= c->events;
}

static void
client_close(struct vici_client *c)
{
	struct vici_server *v = c->server;

	if (c->closing)
		return;
	c->closing = true;
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	v->n_clients--;
	update_events(v);
	vici_control_close(c);
	vici_stream_close(c);
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* ---- sending */

struct write {
	uv_write_t req;
	uint8_t *p;
};

static void
on_written(uv_write_t *req, int status)
{
	struct write *w = req->data;
	struct vici_client *c = req->handle->data;

	free(w->p);
	free(w);
	if (status < 0)
		client_close(c);
	else if (!c->closing && c->stream.next)
		vici_stream_run(c);
}

static void
queue(struct vici_client *c, uint8_t *p, size_t n)
{
	struct write *w = c->closing ? NULL : calloc(1, sizeof *w);
	uv_buf_t buf = uv_buf_init((char *)p, (unsigned)n);

	if (!w) {
		free(p);
		client_close(c);
		return;
	}
	w->p = p;
	w->req.data = w;
	if (uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written)) {
		free(p);
		free(w);
		client_close(c);
		return;
	}
	/* A reader that is too slow is cut: it may come back, but our memory would not. */
	if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > VICI_QUEUE_MAX)
		client_close(c);
}

void
vici_send(struct vici_client *c, struct vici_writer *w)
{
	if (vici_finish(w))
		queue(c, w->p, w->n);
	else
		client_close(c);
}

void
vici_broadcast(struct vici_server *v, enum vici_event_kind k, struct vici_writer *w)
{
	if (!vici_finish(w))
		return;
	for (struct vici_client *c = v->clients, *next; c; c = next) {
		uint8_t *copy;

		next = c->next;
		if (!vici_listens(c, k))
			continue;
		copy = malloc(w->n);
		if (copy)
			memcpy(copy, w->p, w->n);
		if (copy)
			queue(c, copy, w->n);
	}
	vici_writer_free(w);
}

static void
send_bare(struct vici_client *c, enum vici_packet type)
{
	struct vici_writer w;

	vici_begin(&w, type, NULL);
	vici_send(c, &w);
}

/* ---- receiving */

static void handle_input(struct vici_client *c);

void
vici_done(struct vici_client *c)
{
	c->busy = false;
	if (!c->closing && !c->handling)
		handle_input(c);
}

static const struct vici_command *
command_by_name(struct span name)
{
	const struct vici_command *const tables[] = { vici_info_commands, vici_list_commands, vici_load_commands,
		                                      vici_control_commands, vici_creds_commands, vici_certs_commands };

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (const struct vici_command *cmd = tables[i]; cmd->name; cmd++)
			if (span_equal(span_str(cmd->name), name))
				return cmd;
	return NULL;
}

/* A command answers with vici_reply_* or vici_send, now or later, and then calls vici_done. */
static void
run_command(struct vici_client *c, struct span name, struct span message)
{
	const struct vici_command *cmd = command_by_name(name);
	struct conf_tree tree;
	const char *why;

	if (!cmd) {
		send_bare(c, VICI_CMD_UNKNOWN);
		return;
	}
	c->busy = true;
	if (!conf_tree_open(&tree, "")) {
		vici_reply_error(c, "out of memory");
	} else if (!vici_message_read(&tree, message, !cmd->octets, &why)) {
		vici_reply_error(c, "malformed message: %s", why);
	} else {
		struct vici_request r = { .client = c, .args = tree.root, .raw = message };

		cmd->run(&r);
	}
	conf_tree_close(&tree);
}

static void
set_event(struct vici_client *c, struct span name, bool on)
{
	enum vici_event_kind k = vici_event_by_name(name);

	if (k == VICI_EVENT_KINDS) {
		send_bare(c, VICI_EVENT_UNKNOWN);
		return;
	}
	c->events = on ? c->events | 1u << k : c->events & ~(1u << k);
	update_events(c->server);
	send_bare(c, VICI_EVENT_CONFIRM);
}

static void
handle_packet(struct vici_client *c, struct span packet)
{
	enum vici_packet type;
	struct span name, message;

	if (!vici_packet_read(&type, &name, &message, packet)) {
		client_close(c);
		return;
	}
	switch (type) {
	case VICI_CMD_REQUEST:
		run_command(c, name, message);
		break;
	case VICI_EVENT_REGISTER:
	case VICI_EVENT_UNREGISTER:
		set_event(c, name, type == VICI_EVENT_REGISTER);
		break;
	default:
		/* The rest is ours to send. */
		client_close(c);
	}
}

/* Takes one packet out of the buffer, since what it starts may look at the next one. False: none is there whole. */
static bool
handle_one(struct vici_client *c)
{
	size_t n = c->n_in < LENGTH_OCTETS ? 0 : get_be32(c->in), whole = n + LENGTH_OCTETS;
	uint8_t *packet;

	if (n > VICI_PACKET_MAX) {
		client_close(c);
		return false;
	}
	packet = c->n_in < whole ? NULL : malloc(n + 1);
	if (!packet)
		return false;
	memcpy(packet, c->in + LENGTH_OCTETS, n);
	memmove(c->in, c->in + whole, c->n_in - whole);
	c->n_in -= whole;
	secret_wipe(c->in + c->n_in, whole);
	handle_packet(c, span_of(packet, n));
	secret_wipe(packet, n);
	free(packet);
	return true;
}

static void
handle_input(struct vici_client *c)
{
	c->handling = true;
	while (!c->closing && !c->busy && handle_one(c))
		;
	c->handling = false;
}

static bool
make_room(struct vici_client *c)
{
	size_t cap = c->cap_in ? 2 * c->cap_in : FIRST_ROOM;
	uint8_t *more;

	if (c->n_in < c->cap_in)
		return true;
	/* One whole packet, and no more than that while a command is under way. */
	if (c->cap_in > VICI_PACKET_MAX + LENGTH_OCTETS)
		return false;
	more = malloc(cap);
	if (!more)
		return false;
	if (c->n_in)
		memcpy(more, c->in, c->n_in);
	secret_wipe(c->in, c->n_in);
	free(c->in);
	c->in = more;
	c->cap_in = cap;
	return true;
}

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct vici_client *c = h->data;

	(void)suggested;
	*buf = make_room(c) ? uv_buf_init((char *)c->in + c->n_in, (unsigned)(c->cap_in - c->n_in)) : uv_buf_init(NULL, 0);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct vici_client *c = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->n_in += (size_t)n;
	handle_input(c);
}

static void
on_connection(uv_stream_t *stream, int status)
{
	struct vici_server *v = stream->data;
	struct vici_client *c = status < 0 ? NULL : calloc(1, sizeof *c);

	if (!c)
		return;
	c->server = v;
	c->id = ++v->next_id;
	c->pipe.data = c;
	uv_pipe_init(v->loop, &c->pipe, 0);
	v->open_handles++;
	c->next = v->clients;
	c->at = &v->clients;
	if (c->next)
		c->next->at = &c->next;
	v->clients = c;
	v->n_clients++;
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) || v->n_clients > VICI_CLIENTS_MAX ||
	    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read))
		client_close(c);
}

/* ---- opening */

static int
bind_and_listen(struct vici_server *v)
{
	struct stat st;
	mode_t mask;
	int error;

	if (!lstat(v->path, &st) && S_ISSOCK(st.st_mode))
		unlink(v->path);
	/* Never wider than in the end, not even for a moment. */
	mask = umask(0117);
	error = uv_pipe_bind(&v->pipe, v->path);
	umask(mask);
	if (!error && chmod(v->path, 0660))
		error = -errno;
	return error ? error : uv_listen((uv_stream_t *)&v->pipe, BACKLOG, on_connection);
}

static void
on_server_closed(uv_handle_t *h)
{
	struct vici_server *v = h->data;

	v->open_handles--;
	server_release(v);
}

struct vici_server *
vici_server_open(uv_loop_t *loop, const char *path, const struct vici_backend *backend, char *why, size_t why_size)
{
	struct vici_server *v;
	int error;

	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
		snprintf(why, why_size, "the control socket's path '%s' is longer than %zu characters: choose a shorter folder",
		         path, sizeof((struct sockaddr_un *)0)->sun_path - 1);
		return NULL;
	}
	/* What somebody answers at is not ours to replace. */
	if (!one_daemon_socket_free(path, why, why_size))
		return NULL;
	v = calloc(1, sizeof *v);
	if (v)
		*v = (struct vici_server) { .loop = loop, .backend = backend, .path = strdup(path), .open_handles = 1 };
	if (!v || !v->path) {
		free(v);
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	v->started = backend->now(backend->context);
	v->started_at = time(NULL);
	uv_pipe_init(loop, &v->pipe, 0);
	v->pipe.data = v;
	error = bind_and_listen(v);
	if (!error)
		return v;
	snprintf(why, why_size, "cannot make the control socket '%s': %s", path, uv_strerror(error));
	vici_server_close(v);
	return NULL;
}

void
vici_server_close(struct vici_server *v)
{
	if (!v || v->closing)
		return;
	v->closing = true;
	while (v->clients)
		client_close(v->clients);
	uv_close((uv_handle_t *)&v->pipe, on_server_closed);
}

bool
vici_server_owns_conn(const struct vici_server *v, const char *name)
{
	return v && vici_names_have(&v->loaded, name);
}
