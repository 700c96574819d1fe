/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_VECTORS_H
#define SALLYPORT_TEST_VECTORS_H

#include "check.h"
#include "rng.h"
#include "span.h"

#include <jansson.h>

/* Published vectors: JSON files with octets in hexadecimal. */

enum { VECTOR_OCTETS_MAX = 4096 };

/* Octets from a file, in a value of its own. */
struct octets {
	size_t n;
	uint8_t b[VECTOR_OCTETS_MAX];
};

/* A file under tests/data; fails the test when it is not there. The caller drops the reference. */
json_t *vectors_load(const char *name);
/* A file under the shared data, or NULL where that folder is not on this machine. */
json_t *vectors_load_shared(const char *name);
/* The same for a text of at most VECTOR_OCTETS_MAX octets; false where it is not there. */
bool vectors_read_shared(char out[VECTOR_OCTETS_MAX], const char *name);

/* The hexadecimal member @key of @object; fails the test when it is none. */
struct octets vector_hex(json_t *object, const char *key);
struct octets octets_from_hex(const char *text, size_t digits);
long vector_int(json_t *object, const char *key);
const char *vector_text(json_t *object, const char *key);
/* Whether a Wycheproof test carries a flag. */
bool vector_flag(json_t *test, const char *flag);

static inline struct span
octets_span(const struct octets *o)
{
	return span_of(o->b, o->n);
}

/* Calls @one for every test of every group of a Wycheproof file; returns how many. */
size_t wycheproof_each(const char *name, void (*one)(json_t *group, json_t *test));

/* Hands out one given value again and again: how a published private key gets into dh_new(). */
struct scripted_rng {
	struct rng rng;
	struct span value;
};

void scripted_rng_open(struct scripted_rng *r, struct span value);

#endif
