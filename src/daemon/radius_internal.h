/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RADIUS_INTERNAL_H
#define SALLYPORT_RADIUS_INTERNAL_H

#include "radius_client.h"

/* Shared by the files of the RADIUS client only. */

/* Whom a packet is about: what all requests say of the user's end and of ours. */
struct radius_about {
	uint32_t ike_id;
	char conn[RADIUS_VALUE_MAX + 1];
	struct endpoint local, remote;
};

struct radius_link;

/* One question to the servers in turn: until one answers, or all were asked. The first member of what asks it. */
struct radius_request {
	struct radius_request *next, *prev;
	struct radius *radius;
	struct radius_link *link; /* to the server that is asked now */
	size_t order[RADIUS_SERVERS_MAX], at, n;
	size_t prefer;  /* the server to ask first */
	uint64_t began; /* milliseconds of the loop */
	enum radius_code code;
	uint8_t octets[RADIUS_PACKET_MAX], identifier;
	size_t n_octets;
	unsigned sent;
	double wait;                     /* seconds, for the answer to what is sent next */
	char trouble[RADIUS_REASON_MAX]; /* why the last server did not do */
	/* Fills the packet for one server; @again: the conversation goes on, else it begins anew. */
	void (*fill)(struct radius_request *q, struct radius_builder *b, const struct radius_server *s, bool again);
	/* Once, or once for each radius_request_go_on(); NULL: nobody answered, as `trouble` says. */
	void (*done)(struct radius_request *q, const struct radius_packet *p);
	void (*free)(struct radius_request *q);
};

/* ---- radius_request.c */
void radius_say(const struct radius *r, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Takes @q over. False: too many are under way, and @q is as it was. */
bool radius_request_start(struct radius_request *q, struct radius *r);
/* From done(): another packet of the same conversation. */
void radius_request_go_on(struct radius_request *q);
/* From done(): the end. Frees. */
void radius_request_end(struct radius_request *q);
const struct radius_server *radius_request_server(const struct radius_request *q);
/* NAS-*, Service-Type, Called- and Calling-Station-Id. */
void radius_add_about(struct radius_builder *b, const struct radius_about *a, const struct radius_server *s);

/* ---- radius_login.c: what a server gave */
bool radius_grant_read(struct radius_grant *g, const struct radius_packet *p, const struct radius_settings *s);
void radius_grant_free(struct radius_grant *g);

/* ---- radius_session.c */

enum { RADIUS_SESSION_ID_MAX = 24 };
/* Acct-Terminate-Cause, RFC 2866 section 5.10. */
enum { RADIUS_USER_REQUEST = 1, RADIUS_SESSION_TIMED_OUT = 5 };

struct accounted;

struct radius_session {
	struct table_link by_ike_id;
	struct radius *radius;
	uint32_t ike_id;
	struct radius_grant grant;
	bool by_radius;                  /* the grant is a server's */
	uint8_t state[RADIUS_VALUE_MAX]; /* of a challenge that the user is answering */
	size_t n_state, server;          /* server: that challenged */
	/* Once the IKE_SA is established. */
	bool accounted;
	uv_timer_t *timer;
	struct radius_about about;
	char user[RADIUS_VALUE_MAX + 1], id[RADIUS_SESSION_ID_MAX];
	struct ip vip[VIRTUAL_IPS_MAX];
	size_t n_vip;
	uint32_t cause;
	uint64_t began, told;           /* milliseconds of the loop; told: since then, the last record */
	uint64_t octets[2], packets[2]; /* by enum sa_direction: of SAs that are gone */
	struct accounted *sas;          /* of those that stand */
};

struct radius_session *radius_session_find(const struct radius *r, uint32_t ike_id);
/* Made where there is none; NULL when out of memory. */
struct radius_session *radius_session_at(struct radius *r, uint32_t ike_id);
void radius_session_free(struct radius_session *s);
void radius_sessions_close(struct radius *r);

/* ---- radius_accounting.c */

/* Acct-Status-Type, RFC 2866 section 5.1. */
enum radius_record { RADIUS_START = 1, RADIUS_STOP = 2, RADIUS_INTERIM = 3 };

void radius_account(struct radius_session *s, enum radius_record record);
/* The session ends: SAs that stand go to that of the IKE_SA that has their child now. */
void radius_accounted_hand_over(struct radius_session *s);

#endif
