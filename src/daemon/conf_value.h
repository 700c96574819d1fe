/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONF_VALUE_H
#define SALLYPORT_CONF_VALUE_H

#include "conf_tree.h"
#include "instant.h"

/*
 * Values as swanctl.conf(5) and strongswan.conf(5) write them. Each function
 * returns false, and adds to @errs what is wrong and what is allowed, where
 * the value is not one; @out is then unchanged.
 */

/* yes, true, enabled, 1; no, false, disabled, 0. */
bool conf_bool(bool *out, const struct conf_key *k, struct conf_errors *errs);
/* Decimal, or hexadecimal with 0x, within [min, max]. */
bool conf_number(uint64_t *out, const struct conf_key *k, uint64_t min, uint64_t max, struct conf_errors *errs);
/* Seconds, or with s, m, h, d. */
bool conf_time(instant_t *out, const struct conf_key *k, struct conf_errors *errs);
/* Octets, or with k, m, g (1024 each). */
bool conf_octets(uint64_t *out, const struct conf_key *k, struct conf_errors *errs);
bool conf_double(double *out, const struct conf_key *k, double min, double max, struct conf_errors *errs);

/* One allowed word and what it means. A table ends with a NULL word. */
struct conf_word {
	const char *word;
	int means;
	const char *later; /* not NULL: a word that is known but not served yet; why */
};

bool conf_word(int *out, const struct conf_key *k, const struct conf_word *words, struct conf_errors *errs);

/* The single value, or of a list with one item that item; NULL (with an error) for a longer list. */
const char *conf_text(const struct conf_key *k, struct conf_errors *errs);
/* A copy of what @k says; NULL, with an error, when out of memory. */
char *conf_copy(const char *text, const struct conf_key *k, struct conf_errors *errs);

/*
 * Walks the items of a list: those of a vici list, or of a value with commas
 * between them, as swanctl splits it: without spaces around, and an item in
 * single or double quotes is what is between them. *cursor starts at 0.
 */
bool conf_next_item(struct span *out, const struct conf_key *k, size_t *cursor);

/* The closest of the candidates (NULL-terminated) to @name, or NULL where none is close. */
const char *conf_closest(const char *name, const char *const *candidates);

/* Decodes a secret: text, 0x and hexadecimal digits, 0s and base64. False with a sentence in *why. Wipe it with secret_clear().
 */
struct secret;
bool conf_secret(struct secret *out, const char *text, const char **why);

#endif
