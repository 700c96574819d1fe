/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SALLYPORT_H
#define SALLYPORT_SALLYPORT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * libsallyport: a client of the daemon's control socket, which speaks the vici
 * protocol. Blocking, one connection a thread; the types are opaque, so that
 * programs need not be built again when they grow. The library never prints and
 * never ends the process.
 */
#ifdef __cplusplus
extern "C" {
#endif

/* Grows when something is added; what is there stays. */
#define SALLYPORT_API 1

/* The default socket. */
#define SALLYPORT_SOCKET "/run/sallyport/vici.sock"

/* A connection to the daemon. */
struct sallyport;
/* A message: a tree of sections, values and lists. */
struct sallyport_message;
/* One element of a message; belongs to it. */
struct sallyport_node;

/**
 * sallyport_connect - connects to the control socket.
 *
 * @path  NULL: SALLYPORT_SOCKET
 *
 * NULL on failure; errno then says why (ENOENT, ECONNREFUSED: no daemon runs
 * there; EACCES: the socket belongs to others; ENOMEM; ENAMETOOLONG).
 */
struct sallyport *sallyport_connect(const char *path);

/* Closes the connection and frees it; commands under way at the daemon go on without us. NULL is allowed. */
void sallyport_disconnect(struct sallyport *s);

/* A sentence about the last failure of a call on @s, or "". Valid until the next call on @s. */
const char *sallyport_error(const struct sallyport *s);

/* Readable when something came: for programs with a loop of their own, which then call sallyport_wait(s, 0). */
int sallyport_fd(const struct sallyport *s);

/**
 * sallyport_request - runs one command and waits for its answer.
 *
 * @command  "list-sas", "initiate", ...; docs/configuration.md and vici's own documentation list them
 * @args     its arguments, or NULL; stays the caller's
 *
 * Events that come meanwhile go to their handlers. The answer is the caller's
 * to free, also where it says "success" = "no" (see sallyport_refused()). NULL
 * when there is none: the daemon does not know the command, or the connection
 * broke; sallyport_error() says which.
 */
struct sallyport_message *sallyport_request(struct sallyport *s, const char *command, const struct sallyport_message *args);

/* The reason where an answer says that the command failed; NULL where it did not. Valid as long as @answer. */
const char *sallyport_refused(const struct sallyport_message *answer);

/* Takes an event; @event and @message are valid during the call only. It must not call into the connection. */
typedef void (*sallyport_event_fn)(void *context, const char *event, const struct sallyport_message *message);

/**
 * sallyport_subscribe - asks for the events of one name ("log", "child-updown", ...).
 *
 * One handler a name; NULL ends the subscription. False when the daemon has no
 * such event, or the connection broke.
 */
bool sallyport_subscribe(struct sallyport *s, const char *event, sallyport_event_fn handler, void *context);

/**
 * sallyport_wait - waits for events and hands them to their handlers.
 *
 * @timeout_ms  0: only what is there already; negative: until one came
 *
 * The number of events handled, 0 after the time is over or when a signal came, -1 when the connection broke.
 */
int sallyport_wait(struct sallyport *s, int timeout_ms);

/* ---- making messages. False when out of memory, or a name or value is too long (255 and 65535 octets). */

/* NULL when out of memory. */
struct sallyport_message *sallyport_message_new(void);
/* NULL is allowed. */
void sallyport_message_free(struct sallyport_message *m);
bool sallyport_put(struct sallyport_message *m, const char *name, const char *value);
/* Until sallyport_end() all that is put is in the section. */
bool sallyport_begin(struct sallyport_message *m, const char *section);
void sallyport_end(struct sallyport_message *m);
/* Adds an item to a list of the current section, which the first one makes. */
bool sallyport_put_item(struct sallyport_message *m, const char *list, const char *item);

/* ---- reading messages. A NULL node is an empty one: chains of calls need no checks between. */

enum sallyport_kind { SALLYPORT_NONE = 0, SALLYPORT_SECTION, SALLYPORT_VALUE, SALLYPORT_LIST, SALLYPORT_ITEM };

/* The section that holds everything. */
const struct sallyport_node *sallyport_root(const struct sallyport_message *m);
/* The first element of a section or list, and the one after; NULL at the end. */
const struct sallyport_node *sallyport_first(const struct sallyport_node *n);
const struct sallyport_node *sallyport_next(const struct sallyport_node *n);
/* The element of that name in a section; NULL when there is none. */
const struct sallyport_node *sallyport_find(const struct sallyport_node *section, const char *name);
enum sallyport_kind sallyport_kind(const struct sallyport_node *n);
/* "" for items and for the root. */
const char *sallyport_name(const struct sallyport_node *n);
/* Of a value or item, with a NUL behind its octets; "" for all others. */
const char *sallyport_value(const struct sallyport_node *n);
/* Short for the value of the element of that name, NULL where there is none. */
const char *sallyport_get(const struct sallyport_node *section, const char *name);

#ifdef __cplusplus
}
#endif

#endif
