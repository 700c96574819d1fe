/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ONE_DAEMON_H
#define SALLYPORT_ONE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

/*
 * one_daemon_enter - takes the runtime folder @dir for this process, by a lock on its sallyportd.pid that the kernel frees
 * however the process ends.
 *
 * The descriptor that holds it, to be given to one_daemon_leave; -1 with a sentence in @why that names the process which is
 * there already.
 */
int one_daemon_enter(const char *dir, char *why, size_t why_size);
void one_daemon_leave(int fd);

/* Whether nobody answers at the control socket @path; otherwise a sentence in @why tells who does. */
bool one_daemon_socket_free(const char *path, char *why, size_t why_size);

#endif
