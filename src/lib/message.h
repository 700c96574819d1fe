/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_LIB_MESSAGE_H
#define SALLYPORT_LIB_MESSAGE_H

#include <stdint.h>

#include "sallyport/sallyport.h"

/* Inside the library: messages to octets and back, in vici's encoding. */

enum {
	MESSAGE_OCTETS_MAX = 512 * 1024, /* of a packet, by the protocol */
	MESSAGE_DEPTH_MAX = 32,
	MESSAGE_NAME_MAX = 255,
	MESSAGE_VALUE_MAX = 65535,
};

struct buffer {
	uint8_t *p;
	size_t n, cap;
	bool failed; /* out of memory or too large */
};

void buffer_put(struct buffer *b, const void *p, size_t n);
void buffer_free(struct buffer *b);

/* Appends the encoding of @m. */
void message_encode(struct buffer *out, const struct sallyport_message *m);
/* NULL with a sentence in *why. */
struct sallyport_message *message_decode(const uint8_t *p, size_t n, const char **why);

#endif
