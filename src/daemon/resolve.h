/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RESOLVE_H
#define SALLYPORT_RESOLVE_H

#include <uv.h>

#include "effects.h"

/*
 * The addresses of both ends for an initiation: names are looked up off the
 * loop's thread, anew for each attempt, and where local_addrs leaves it open the
 * kernel's routing says which of our addresses faces the peer.
 */
struct resolver {
	uv_loop_t *loop;
	uint32_t bypass_mark;
	/* Called once for each resolve(), perhaps before it returns. @reason is NULL on success. */
	void (*done)(void *context, uint64_t ticket, const struct endpoint *local, const struct endpoint *remote, const char *reason);
	/* Called once for each resolve_names(); no address: no name could be looked up. */
	void (*named)(void *context, uint64_t ticket, const struct ip *ip, size_t n);
	void *context;
	unsigned pending;
};

/*
 * resolve - the first item of remote_addrs that is one address, or a name that has
 * one, and to which one of local_addrs has a route.
 *
 * @attempt  how many failed before: each begins one item later, round the list
 */
void resolve(struct resolver *r, uint64_t ticket, const struct conn *conn, unsigned attempt);
/*
 * Our end towards @remote: the first configured address of its family that is ours, else the kernel's choice. NULL, or the
 * reason why there is none.
 */
const char *resolve_local(struct ip *out, const struct conn *conn, const struct ip *remote, uint32_t bypass_mark);
/* All addresses that the names in remote_addrs have now. */
void resolve_names(struct resolver *r, uint64_t ticket, const struct conn *conn);

#endif
