/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VICI_SERVER_H
#define SALLYPORT_VICI_SERVER_H

#include <uv.h>

#include "vici_backend.h"

/*
 * The control socket: a unix stream socket, mode 0660, that speaks the vici
 * wire protocol, so that swanctl and the vici libraries work unchanged.
 */
struct vici_server;

/* NULL with a sentence in @why. A stale socket file is replaced; one that somebody listens on is not. @backend outlives the
 * server. */
struct vici_server *vici_server_open(uv_loop_t *loop, const char *path, const struct vici_backend *backend, char *why,
                                     size_t why_size);
/* Cuts all clients and removes the socket file. The memory goes when the loop has run the close callbacks. NULL is allowed. */
void vici_server_close(struct vici_server *v);

/*
 * The ears: give these to daemon.listener with the server as context. They are
 * called after the core changed, while effects are carried out.
 */
void vici_server_log(void *server, const struct effect_log *l);
void vici_server_event(void *server, const struct effect_event *e);

/*
 * The names of what a file loaded, so that `get-conns` lists only what came
 * over vici and a reload of the file does not remove it: the daemon asks this
 * before it unloads a connection that is no longer in the file.
 */
bool vici_server_owns_conn(const struct vici_server *v, const char *name);

#endif
