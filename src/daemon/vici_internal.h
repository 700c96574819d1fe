/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VICI_INTERNAL_H
#define SALLYPORT_VICI_INTERNAL_H

#include <time.h>

#include "vici_msg.h"
#include "vici_server.h"

/* Between the parts of the vici server. */

enum {
	VICI_CLIENTS_MAX = 64,
	VICI_QUEUE_MAX = 4 << 20,      /* octets that wait for a slow reader; beyond, it is cut */
	VICI_STREAM_PAUSE = 256 << 10, /* octets that wait before a list pauses */
	VICI_FAILURES_MAX = 4096,      /* connections whose last failure is remembered */
};

/* Each event that clients can register for is one bit. */
enum vici_event_kind {
	VICI_LOG,
	VICI_LOG_ALL, /* our own: lines of every level; strongSwan's `log` stops at 1 */
	VICI_CONTROL_LOG,
	VICI_LIST_SA,
	VICI_LIST_POLICY,
	VICI_LIST_CONN,
	VICI_LIST_CERT,
	VICI_LIST_AUTHORITY,
	VICI_IKE_UPDOWN,
	VICI_IKE_REKEY,
	VICI_IKE_UPDATE,
	VICI_CHILD_UPDOWN,
	VICI_CHILD_REKEY,
	VICI_EVENT_KINDS
};

/* VICI_EVENT_KINDS when there is none of that name. */
enum vici_event_kind vici_event_by_name(struct span name);

struct vici_client;

/* initiate, terminate, rekey, install: a command of the core that a client waits for. */
struct vici_control {
	void (*answer)(struct vici_client *c, const struct effect_done *d);
	uint64_t command; /* 0: none under way */
	int64_t timeout_ms;
	int log_level; /* control-log events up to it */
	char *conn;    /* whose lines it shows; NULL: all */
	char *what;    /* "CHILD_SA 'net'" */
};

/* A list command: one event a step, so that a slow reader costs no memory. */
struct vici_stream {
	bool (*next)(struct vici_client *c); /* false: that was the last */
	uint32_t ike_cursor;
	const struct conn *conn_cursor; /* holds a reference */
	char *ike, *child;              /* filters; NULL: all */
	uint32_t ike_id, child_id;      /* 0: all */
	bool drop, pass, trap;
	bool negotiating;                   /* CHILD_SAs as well that were never installed */
	size_t position;                    /* of certificates and authorities: where to go on */
	char *type, *flag, *subject, *name; /* filters of theirs; NULL: all */
};

struct vici_client {
	struct vici_client *next, **at;
	struct vici_server *server;
	uv_pipe_t pipe;
	unsigned id;
	uint8_t *in; /* what was received and not yet handled */
	size_t n_in, cap_in;
	uint32_t events; /* registered: a bit each */
	bool busy;       /* a command is under way: the next one waits */
	bool handling;   /* its input is being looked at: vici_done needs not */
	bool closing;
	struct vici_control control;
	struct vici_stream stream;
};

/* The last refusal or failure of a connection, for people who ask why it is not up. */
struct vici_failure {
	struct vici_failure *next;
	char *conn, *reason, *text;
	instant_t at;
};

/* A growing set of names. */
struct vici_names {
	char **name;
	size_t n;
};

bool vici_names_have(const struct vici_names *l, const char *name);
/* False when out of memory; a name that is there already is not added again. */
bool vici_names_add(struct vici_names *l, const char *name);
void vici_names_remove(struct vici_names *l, const char *name);
void vici_names_free(struct vici_names *l);

struct vici_server {
	uv_loop_t *loop;
	uv_pipe_t pipe;
	char *path;
	const struct vici_backend *backend;
	struct vici_client *clients;
	unsigned n_clients, next_id;
	uint32_t events;          /* what any client is registered for */
	struct vici_names loaded; /* connections that came over vici */
	struct vici_failure *failures;
	unsigned n_failures;
	uint64_t ike_rekeys, child_rekeys, invalid_before; /* since reset-counters */
	instant_t started;
	time_t started_at;
	bool closing;
	unsigned open_handles;
};

/* ---- sending; a writer is finished and freed here */

void vici_send(struct vici_client *c, struct vici_writer *w);
/* To every client that registered for it. */
void vici_broadcast(struct vici_server *v, enum vici_event_kind k, struct vici_writer *w);
void vici_begin_event(struct vici_writer *w, enum vici_event_kind k);
bool vici_listens(const struct vici_client *c, enum vici_event_kind k);

void vici_begin_reply(struct vici_writer *w);
/* success = yes. */
void vici_reply_ok(struct vici_client *c);
/* success = no, errmsg. */
void vici_reply_error(struct vici_client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The command under way is answered: the next one may come. */
void vici_done(struct vici_client *c);

/* ---- requests */

struct vici_request {
	struct vici_client *client;
	const struct conf_section *args;
	struct span raw; /* the message */
};

/* NULL when the argument is missing. */
const char *vici_arg(const struct vici_request *r, const char *name);
bool vici_arg_yes(const struct vici_request *r, const char *name);
/*
 * A missing argument leaves *out as it is. False, after the refusal, when it is no number from @min to @max: what is
 * mistyped must not mean all, or another.
 */
bool vici_arg_number(const struct vici_request *r, const char *name, int64_t min, int64_t max, int64_t *out);
bool vici_arg_id(const struct vici_request *r, const char *name, uint32_t *out);

struct vici_command {
	const char *name;
	void (*run)(struct vici_request *r);
	bool octets; /* its values may hold NULs */
};

extern const struct vici_command vici_info_commands[], vici_list_commands[], vici_load_commands[], vici_control_commands[],
        vici_creds_commands[], vici_certs_commands[];

/* ---- pools */
void vici_load_pool(struct vici_request *r);
void vici_unload_pool(struct vici_request *r);
void vici_get_pools(struct vici_request *r);
/* local-vips and remote-vips of an IKE_SA. */
void vici_put_vips(struct vici_writer *w, const struct ike_info *s);

/* ---- lists */

/* Begins the list that the request asks for; @next sends one item, and returns false after the last. */
void vici_stream_start(struct vici_request *r, bool (*next)(struct vici_client *));
void vici_stream_run(struct vici_client *c);
void vici_stream_close(struct vici_client *c);
/* groups, cert_policy, certs and cacerts of a local or remote section. */
void vici_put_round_lists(struct vici_writer *w, const struct auth_round *r);
/* "TUNNEL" */
const char *vici_mode_name(enum child_mode m);
/* The keys of an IKE_SA, without its children, and of a CHILD_SA, in strongSwan's order. */
void vici_put_ike(struct vici_writer *w, const struct ike_info *s, instant_t now);
void vici_put_child(struct vici_writer *w, const struct vici_backend *b, const struct child_info *c, instant_t now);

/* ---- control */

void vici_control_log(struct vici_client *c, const struct effect_log *l);
/* The client is gone. */
void vici_control_close(struct vici_client *c);

/* As strongSwan prints it: a single port of TCP or UDP by the name of its service, "10.1.0.0/16[tcp/ssh]". Returns @out. */
const char *vici_selector(char out[SELECTOR_TEXT_MAX], const struct selector *s);

#endif
