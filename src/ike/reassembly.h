/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE_REASSEMBLY_H
#define SALLYPORT_IKE_REASSEMBLY_H

#include "arena.h"
#include "instant.h"

/*
 * Messages of one IKE_SA that come in fragments, which anybody who has seen its
 * cookies can send. So everything is bounded: the number of messages at a time,
 * of which the oldest gives way; of fragments; of octets; and the time that a
 * message has to become whole. All SAs share a pool, in which the oldest message
 * gives way, too: what one peer leaves unfinished does not hinder others.
 */
enum { REASSEMBLY_FRAGMENTS_MAX = 64, REASSEMBLY_MESSAGES = 4 };

#define REASSEMBLY_TIME SECONDS(30)

struct reassembly;
struct partial;

/* What all SAs keep, oldest message first. All zero but for both limits: empty. */
struct fragment_pool {
	struct partial *oldest, **newest_link;
	size_t held, max;   /* octets */
	size_t message_max; /* octets of one whole message */
};

struct message_fragment {
	uint16_t id;    /* of its message */
	uint8_t number; /* from 1 */
	bool last;
	struct span data;
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

/* Takes one fragment; @f->data is copied. *r starts as NULL. A message that is whole goes to *message, in @arena. */
enum reassembly_result reassembly_take(struct reassembly **r, struct fragment_pool *pool, instant_t now,
                                       const struct message_fragment *f, struct arena *arena, struct span *message);
/* NULL is allowed. */
void reassembly_free(struct reassembly *r, struct fragment_pool *pool);

#endif
