/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE_REASSEMBLY_H
#define SALLYPORT_IKE_REASSEMBLY_H

#include "arena.h"
#include "instant.h"

/*
 * Messages of one IKE_SA that come in fragments, which anybody can send who
 * has seen its cookies. So all is bounded: a few messages at a time, of which the
 * oldest gives way; so many fragments, so many octets; and what is not whole
 * in time is forgotten. All SAs share a pool, where likewise the oldest message
 * gives way: what one peer left unfinished stands in nobody's way.
 */
enum { REASSEMBLY_FRAGMENTS_MAX = 64, REASSEMBLY_MESSAGES = 4 };

#define REASSEMBLY_TIME SECONDS(30)

struct reassembly;
struct partial;

/* What all SAs keep, oldest message first. Zero but for @max: empty. */
struct fragment_pool {
	struct partial *oldest, **newest_link;
	size_t held, max; /* octets */
};

enum reassembly_result {
	REASSEMBLY_WAITS,    /* for the rest */
	REASSEMBLY_WHOLE,    /* *message is it, in the arena */
	REASSEMBLY_REPEATED, /* that one was there already */
	/* Refused; nothing was changed, or the message that it belonged to was forgotten. */
	REASSEMBLY_BAD_NUMBER, /* 0, beyond the last, or too many */
	REASSEMBLY_CONFLICT,   /* another one of that number is there, with other octets */
	REASSEMBLY_TOO_LARGE,
	REASSEMBLY_NOMEM,
};

/*
 * Takes one fragment: @number counts from 1, @last marks the end. *r starts NULL. @octets_max bounds
 * the whole message, the pool all that waits.
 */
enum reassembly_result reassembly_take(struct reassembly **r, struct fragment_pool *pool, instant_t now, uint16_t id,
                                       uint8_t number, bool last, struct span data, size_t octets_max, struct arena *arena,
                                       struct span *message);
/* NULL is allowed. */
void reassembly_free(struct reassembly *r, struct fragment_pool *pool);

#endif
