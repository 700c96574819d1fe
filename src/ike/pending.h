/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_PENDING_H
#define SALLYPORT_PENDING_H

#include "ike.h"
#include "timer.h"

/* Commands, and what they wait for. */

struct ike_sa;
struct policy;

/* An unfinished command. */
struct pending {
	struct pending *next, *prev;
	struct timer timer;
	uint64_t id;
	unsigned waiting;
	bool finished, failed;
	enum command_result result;
	uint32_t matches, terminated;
	uint32_t ike_id; /* that it waits for, where it is one */
	char *text;
};

/* A command that waits for an IKE_SA or CHILD_SA hangs on it through one of these. */
struct waiter {
	struct waiter *next;
	struct pending *cmd;
};

/* A child that is wanted before the addresses are known that its "dynamic" selectors need. */
struct want {
	struct want *next;
	struct conn *conn;
	const struct child *cfg;
	struct policy *held; /* the claim of what it follows, until it has its own; or NULL */
	struct waiter *waiters;
};

/* ---- pending.c */

struct pending *pending_new(struct ike *core, uint64_t id, instant_t timeout);
bool pending_wait(struct ike *core, struct waiter **list, struct pending *p);
/* All who wait on @list learn the outcome. */
void waiters_settle(struct ike *core, struct waiter **list, bool ok, const char *text);
/* Those of @from wait on @to, which is part of that IKE_SA. */
void waiters_move(struct waiter **to, struct waiter **from, uint32_t ike_id);
/* Finishes when nothing is waited for any more. */
void pending_check(struct ike *core, struct pending *p);
void pending_due(struct ike *core, struct pending *p);
void pending_close(struct ike *core);
void command_done(struct ike *core, uint64_t id, enum command_result r, uint32_t matches, uint32_t terminated, const char *text);

/* ---- initiate.c */

/* Initiates one child of a connection, under an SA that is up or under way, or a new one. False with a sentence in *why. */
bool initiate_child(struct ike *core, struct conn *conn, const struct child *cfg, const struct flow *flow, struct pending *cmd,
                    const char **why);

/* What is up for a pair of selectors, or under way; or NULL. */
struct child_sa *child_present(const struct ike_sa *sa, const struct policy *p, uint16_t pair);
/* The same, or else a new one in the queue. NULL: there is no memory for it, or no room, which @why and the log say. */
struct child_sa *child_wanted(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct policy *p, uint16_t pair,
                              const char **why);
/* The addresses of @sa are known: its wants become children. */
void wants_resolve(struct ike_sa *sa);
void wants_drop(struct ike_sa *sa, const char *reason);
/* The child that is wanted keeps this claim up until its addresses are known. */
void wants_hold(struct ike *core, const char *conn, const struct child *cfg, struct policy *p);

/* ---- command.c */

void command_run(struct ike *core, const struct command *c);

#endif
