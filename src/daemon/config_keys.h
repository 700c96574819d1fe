/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_KEYS_H
#define SALLYPORT_CONFIG_KEYS_H

#include "conf_value.h"
#include "conn.h"

/* What is being read; handlers write into it. */
struct config_reader {
	struct conf_errors *errs;
	struct conn *conn;
	struct child *child;
	struct auth_round *round;
	bool is_local; /* of the round */
	unsigned round_number;
};

/*
 * One key of the vocabulary. Without a handler the key is known, but not
 * served yet: it is refused, save with a value that asks for nothing.
 */
struct key_row {
	const char *name;
	void (*set)(struct config_reader *r, const struct conf_key *k);
	const char *harmless; /* values that ask for nothing, with '|' between them; NULL: none */
	bool prefix;          /* any name that starts with it: cert<suffix> */
};

/* Handles each key of @s by its row; unknown ones are refused. @what names the kind of section ("connection", "child", ...). A
 * table ends with a NULL name. */
void config_read_keys(struct config_reader *r, const struct conf_section *s, const struct key_row *rows, const char *what);
/* Refuses a section of an unknown name; @known: NULL-terminated. */
void config_unknown_section(struct conf_errors *errs, const struct conf_section *s, const char *in, const char *const *known);

/* The tables of local<suffix>, remote<suffix> and children.<child>. */
extern const struct key_row config_local_rows[], config_remote_rows[], config_child_rows[], config_conn_rows[];

enum { NOT_GIVEN = -1 };

/* Marks lifetimes as not given; fills in strongSwan's defaults afterwards. */
void config_child_begin(struct child *c);
/* False when out of memory. */
bool config_child_end(struct child *c);
/* What depends on several keys. */
void config_child_check(struct config_reader *r, const struct conf_section *s);
void config_conn_begin(struct conn *c);
void config_conn_end(struct conn *c);

/* Parses one item of local_addrs or remote_addrs. False with a sentence in *why. */
bool config_address_spec(struct address_spec *out, struct span text, const char **why);

/*
 * config_conn - one connection section, from a file or from vici, checked and typed.
 *
 * @defaults_replay_window  packets; what a child without replay_window gets
 *
 * NULL when @errs got an error.
 */
struct conn *config_conn(const struct conf_section *s, uint32_t default_replay_window, struct conf_errors *errs);

#endif
