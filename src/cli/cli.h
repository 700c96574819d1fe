/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CLI_H
#define SALLYPORT_CLI_H

#include <stdio.h>

#include "sallyport/sallyport.h"

/* The `sallyport` command. Results go to standard output, reasons of failure to standard error. */

/* Exit codes. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

enum { DEFAULT_TIMEOUT_S = 60 };

struct cli {
	const char *socket; /* path of the control socket */
	const char *runtime_dir;
	const char *name; /* NAME of the command line, or NULL */
	bool json, follow, force, quiet, colour;
	int log_level;
	long timeout_s;      /* 0: none */
	unsigned table;      /* flush: 0: the default */
	struct sallyport *s; /* NULL for commands that need no daemon */
};

/* The whole program. @argv as main's. */
int cli_main(int argc, char **argv);

int cli_up(struct cli *c);
int cli_down(struct cli *c);
int cli_rekey(struct cli *c);
int cli_status(struct cli *c);
int cli_log(struct cli *c);
int cli_flush(struct cli *c);
int cli_version(struct cli *c);

/* ---- what NAME means */

enum { CLI_NAME_MAX = 256, CLI_TARGETS_MAX = 256 };

/* A connection, or a child in one. */
struct cli_target {
	char conn[CLI_NAME_MAX];
	char child[CLI_NAME_MAX]; /* "": the connection as a whole */
};

/*
 * cli_resolve - NAME is a connection, CONNECTION.CHILD, or a child whose name
 * only one connection has. Returns the number of targets: 0, after telling why,
 * when it means nothing. @children: a connection stands for each of its children.
 */
size_t cli_resolve(struct cli *c, struct cli_target *out, bool children);

/* Whether @name means that child: "conn.child", "conn/child" or "child". */
bool cli_child_matches(const char *conn, const char *child, const char *name);

/* Of list-conns: a child that passes or drops traffic, and is never negotiated. */
bool cli_is_shunt(const struct sallyport_node *child);

/* Asks the daemon; failures are told. NULL: no answer. Control characters in what it says are '?'. */
struct sallyport_message *cli_ask(struct cli *c, const char *command, const struct sallyport_message *args);
/* The same, for what not every daemon knows: failures are not told. */
struct sallyport_message *cli_try(struct cli *c, const char *command, const struct sallyport_message *args);
/* Control characters become '?'. */
void cli_clean(char *text);
/* The value of an event's key, cleaned and perhaps cut; "" where there is none. Returns @out. */
enum { CLI_LINE_MAX = 2048 };
const char *cli_line(char out[CLI_LINE_MAX], const struct sallyport_message *m, const char *name);

/* ---- lists */

/* Messages of a list command, one an event. */
struct cli_list {
	struct sallyport_message **m; /* each holds a copy of one event */
	size_t n;
};

/* Runs a list command, with @args or NULL, and keeps what it streams. False after telling why. */
bool cli_list(struct cli *c, struct cli_list *out, const char *command, const char *event, const struct sallyport_message *args);
void cli_list_free(struct cli_list *l);

/*
 * cli_keep_named - leaves of list-conns and list-sas what NAME means: the
 * connection, or else each that has such a child. False after telling that
 * there is none.
 */
bool cli_keep_named(const struct cli *c, struct cli_list *conns, struct cli_list *sas);

/* ---- what `status` knows; all borrowed from its answers */
struct cli_state {
	struct cli_list conns, sas;
	struct sallyport_message *version, *status;
};

bool cli_state_read(struct cli *c, struct cli_state *out);
void cli_state_free(struct cli_state *st);
void cli_state_print_json(const struct cli_state *st, FILE *to);
void cli_state_print(const struct cli *c, const struct cli_state *st, FILE *to);

/* What to do about a failure that the daemon remembers (get-status); NULL where we know nothing better than its text. */
const char *cli_hint(const struct sallyport_node *failure);

/* ---- units. Each returns @out. */

enum { CLI_TEXT_MAX = 32 };

/* "950 B", "1.2 kB", "34 MB": powers of 1000, three digits. */
const char *cli_octets(char out[CLI_TEXT_MAX], const char *text);
/* "45s", "12m", "3h 20m", "5d 4h"; "-" for NULL. */
const char *cli_duration(char out[CLI_TEXT_MAX], const char *seconds);
/* "1 packet", "1234 packets". */
const char *cli_count(char out[CLI_TEXT_MAX], const char *text);

#endif
