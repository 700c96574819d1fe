/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_NOTIFICATIONS_H
#define SALLYPORT_NOTIFICATIONS_H

#include "isakmp.h"

/*
 * Every notification, once: its name, what it tells an operator, where its RFC has it, when we send it and what we make of one
 * that comes. docs/notifications.md is printed from this table, and a test sends and receives each row.
 */
enum notification_way {
	WAY_NEVER = 0,
	WAY_CLEAR = 1,    /* through the gate (ike/clear_gate.h), while there are no keys */
	WAY_KEYS = 2,     /* in an Informational Exchange under the keys of Phase 1 */
	WAY_EXCHANGE = 4, /* inside an exchange, under its HASH or its encryption */
};

struct notification {
	uint16_t type;
	uint8_t sent; /* enum notification_way, or-ed */
	const char *name;
	const char *sentence;   /* what it means, and what to look at */
	const char *section;    /* where it belongs */
	const char *when;       /* we send it; or why we never do */
	const char *understood; /* what happens when it comes, beyond the sentence in the log; NULL: nothing */
};

/* NULL for a number without a row. */
const struct notification *notification_find(uint16_t type);
/* In order of number; NULL past the last. */
const struct notification *notification_at(size_t index);
/* RFC 2408 section 5.14, steps 2 to 4: NULL, or which of DOI, protocol and SPI cannot be, as a static sentence. */
const char *notification_wrong(const struct notify_payload *n);
/* Errors are 1 to 8191 (RFC 2408 section 3.14.1); two of those numbers only tell something. */
bool notification_is_error(uint16_t type);

#endif
