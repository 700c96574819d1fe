/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_URING_H
#define SALLYPORT_DATAPLANE_URING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/*
 * Several reads or writes of a TUN device with one system call, which the
 * device itself does not offer: io_uring, used synchronously. Operations are
 * gathered, run in their order, and done when uring_run returns; none waits.
 */
struct uring;

enum { URING_MAX = 64 };

/* NULL where the kernel has no io_uring, forbids it (kernel.io_uring_disabled), or cannot read @fd so without waiting. */
struct uring *uring_new(int fd);
void uring_free(struct uring *u);

/* At most URING_MAX operations between two calls of uring_run. */
void uring_read(struct uring *u, void *to, size_t n);
/* @v is borrowed until uring_run. */
void uring_writev(struct uring *u, const struct iovec *v, size_t n);

/* Runs what was gathered; each one's result, in order: octets, or a negative errno. Valid until the next call. */
const int *uring_run(struct uring *u);

#endif
