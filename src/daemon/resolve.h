/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RESOLVE_H
#define SALLYPORT_RESOLVE_H

#include <uv.h>

#include "effects.h"

/*
 * The addresses of both ends for an initiation: names are looked up off the
 * loop's thread, and where local_addrs leaves it open the kernel's routing says
 * which of our addresses faces the peer.
 */
struct resolver {
	uv_loop_t *loop;
	uint32_t bypass_mark;
	/* Called once for each resolve(), perhaps before it returns. @reason is NULL on success. */
	void (*done)(void *context, uint64_t ticket, const struct endpoint *local, const struct endpoint *remote, const char *reason);
	void *context;
	unsigned pending;
};

void resolve(struct resolver *r, uint64_t ticket, const struct conn *conn);

#endif
