/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RADIUS_CLIENT_H
#define SALLYPORT_RADIUS_CLIENT_H

#include <uv.h>

#include "ike.h"
#include "login.h"
#include "pools.h"
#include "radius_settings.h"
#include "table.h"

/*
 * RADIUS on the daemon's loop, which never waits for a server: logins of XAUTH
 * users and the accounting of their sessions (docs/adr/0032).
 */

enum { RADIUS_PENDING_MAX = 2048, RADIUS_GROUPS_MAX = 16, RADIUS_CLASSES_MAX = 4, RADIUS_FRAMED_MAX = 2 };

/* What a server said of a user that it accepted; kept as long as the IKE_SA. */
struct radius_grant {
	struct ip framed[RADIUS_FRAMED_MAX];
	size_t n_framed;
	struct octets_list classes, groups;
	struct attribute_list attributes;  /* for Mode Config: name servers */
	uint32_t session_timeout, interim; /* seconds; 0: none */
};

struct radius_result {
	uint64_t ticket;
	bool ok, again;
	const char *reason, *message;     /* message: for the user; "" for none */
	const struct radius_grant *grant; /* where it is ok */
};

/* What the loop's owner does for it. */
struct radius_hooks {
	void (*judged)(void *context, const struct radius_result *r);
	void (*log)(void *context, enum log_group g, int level, const char *text);
	/* The session is over: its time is up, or nobody counts it any more. */
	void (*end)(void *context, uint32_t ike_id);
	/* The IKE_SA as it stands; false: it is gone. */
	bool (*look)(void *context, uint32_t ike_id, struct ike_info *out);
	/* Who has the child now; 0: nobody. */
	uint32_t (*owner)(void *context, uint32_t child_id);
	bool (*usage)(void *context, const struct sa_params *sa, struct sa_usage *out);
	void (*idle)(void *context); /* nothing is under way any more */
	void *context;
};

struct radius_request;

struct radius {
	uv_loop_t *loop;
	const struct radius_settings *settings;
	const struct radius_hooks *hooks;
	struct rng *rng;
	uint32_t bypass_mark;
	struct radius_request *first; /* under way */
	unsigned pending;
	uint64_t down_until[RADIUS_SERVERS_MAX]; /* did not answer: asked last until then (milliseconds of the loop) */
	uint64_t counted[RADIUS_VERDICT_COUNT];
	struct table sessions, accounted;
	char start[9]; /* makes ids of sessions those of this process */
	bool closing;
};

/* An all-zero struct without servers answers every question with what is missing. */
void radius_client_open(struct radius *r, uv_loop_t *loop, const struct radius_settings *s, const struct radius_hooks *h,
                        struct rng *rng, uint32_t bypass_mark);
/* Before the loop's handles are closed. */
void radius_client_close(struct radius *r);

/* Judges a user; radius_hooks.judged is called later, once. */
void radius_judge(struct radius *r, uint64_t ticket, const struct user_query *q, enum radius_method m);
/* What the server gave to the user of this IKE_SA; NULL: nothing. */
const struct radius_grant *radius_granted(const struct radius *r, uint32_t ike_id);
/* Accounting: what becomes of IKE_SAs, and of the SAs under them, as the core's effects tell it. */
void radius_event(struct radius *r, const struct effect_event *e);
void radius_sa(struct radius *r, enum effect_kind what, const struct sa_params *sa);

#endif
