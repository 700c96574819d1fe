/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE_SA_H
#define SALLYPORT_IKE_SA_H

#include "child_sa.h"
#include "crypto.h"
#include "ike.h"
#include "secret.h"
#include "table.h"
#include "timer.h"
#include "verdict.h"

/*
 * IKE_SAs: one Phase 1 each (an ISAKMP SA, RFC 2408 section 2.1), from the attempt to its end. The core owns them; other
 * parts name them by id across calls, since any call may end one.
 */

struct exchange;
struct half_open;
struct ike_protocol;
struct message_ids;
struct reassembly;
struct road;
struct waiter;
struct want;

enum { INITIATOR = 0, RESPONDER = 1 };
/* Who logs in with XAUTH once Phase 1 is over: one of the roles, or nobody. */
enum { LOG_IN_NOBODY = 2 };

/* An identity allocated to its size: most are a dozen octets, the type's room is 256. */
struct id_box {
	uint16_t n;
	uint8_t type;
	uint8_t b[];
};

struct id_box *id_box_new(const struct identity *id);
/* ID_ANY for NULL. */
struct identity id_box_get(const struct id_box *box);

/* A Phase 2 that we refused: the notification has no answer, so it is said again when the peer repeats message 1. */
struct refused_quick {
	uint64_t digest; /* of the message */
	uint32_t message_id, spi;
	uint16_t notify;
	uint8_t protocol; /* of the SPI */
};

/* One Phase 1: an ISAKMP SA or IKE_SA, from the attempt to its end. */
struct ike_sa {
	struct table_link by_cookie; /* initiator cookie */
	struct table_link by_conn;   /* name of the connection */
	struct table_link by_peer;   /* both identities, once established */
	uint64_t conn_key, peer_key;
	struct ike *core;
	const struct ike_protocol *protocol;
	struct conn *conn; /* its own reference; NULL while a responder does not know */
	struct exchange *exchanges;
	struct child_sa *children, *last_child;
	struct waiter *waiters;
	struct want *wants;
	struct id_box *local_id, *remote_id;
	struct reassembly *reassembly; /* of messages that come in fragments; NULL: none came */
	char *last_notice;
	struct timer timer;
	uint8_t cookie_i[8], cookie_r[8];
	uint32_t id;
	uint32_t rekeys;    /* id of the IKE_SA that this one replaces, or 0 */
	uint32_t successor; /* id of the one that carries on for this, or 0 */
	struct endpoint local, remote;
	uint8_t role;
	uint8_t state; /* enum ike_state */
	bool reauth, nat_local, nat_remote, nat_fake, peer_nat_t, peer_nat_t_draft, peer_dpd, peer_fragments, floated,
	        addresses_known, zombie, ending, said_again;
	bool asked;        /* a probe is out that only a message under the keys answers, not ESP */
	uint8_t end_why;   /* enum end_cause, while ending */
	uint8_t wishes_of; /* so many IKE_SAs in a row ended before a CHILD_SA was up that is wanted under this one */
	bool queue_running, queue_again; /* see ike_sa_run_queue */
	struct transform encr;
	uint16_t prf_id, dh_id;
	uint16_t auth;                       /* IKEv1: Authentication Method, RFC 2409 Appendix A */
	uint8_t log_in;                      /* IKEv1: which role XAUTH has log in; LOG_IN_NOBODY */
	bool aggressive, group_key;          /* identities went in clear; the key is one that others share */
	bool authenticated, initial_contact; /* Phase 1 is over: what it told us, until the SA is established */
	bool unheard;                        /* the last message was ours, and nothing shows that the peer has it */
	instant_t lifetime_ns;               /* as Phase 1 agreed; 0: no end */
	struct secret keys;                  /* the protocol's; wiped with the SA */
	uint8_t iv[16];                      /* IKEv1: last Phase 1 ciphertext block */
	struct message_ids *message_ids;     /* NULL: none was used */
	unsigned tries;                      /* keyingtries used */
	uint64_t ticket;                     /* ASK_ADDRESS */
	uint32_t dpd_out, dpd_in, dpd_answered;
	uint32_t question; /* replaced: the probe of its successor whose answer lets it go; 0: it has to be asked (anew) */
	unsigned dpd_tries;
	unsigned n_children;
	struct child_sa *first_queued; /* of its children none before this one waits for its Quick Mode; NULL: none waits */
	unsigned running;              /* exchanges that are not over */
	instant_t created_at, established_at, rekey_at, reauth_at, expires_at;
	instant_t heard_at, said_at; /* last authenticated message or packet; last datagram sent */
	instant_t dpd_at;            /* while a probe is out: when to send the next or give up */
	instant_t dpd_since;
	instant_t delete_at;
	instant_t hinted_at;         /* the last probe because of ESP for an unknown SPI */
	instant_t retry_at;          /* when the next attempt begins */
	struct half_open *half_open; /* as responder, until it is authenticated; half_open.c */
	bool peer_unity;             /* it knows Cisco's attributes */
	struct road *road;           /* road_sa.h; NULL: neither login nor virtual addresses */
};

/* ---- sa.c: tables, making, freeing */

/* @cookie_i: the initiator's cookie (RFC 2408 section 2.5.3), NULL to draw our own. NULL when out of memory. */
struct ike_sa *ike_sa_new(struct ike *core, const struct ike_protocol *protocol, uint8_t role, const uint8_t *cookie_i);
/* Frees the SA and everything beneath it silently: no Delete is sent, and no action is taken. */
void ike_sa_free(struct ike_sa *sa);
/* Forgets what a Phase 1 left behind (exchanges, keys, identities, login): for another attempt, or for good. */
void ike_sa_forget_phase1(struct ike_sa *sa);
/* Takes a reference of its own to @conn; NULL only drops the old one. */
void ike_sa_set_conn(struct ike_sa *sa, struct conn *conn);
struct ike_sa *ike_sa_by_id(const struct ike *core, uint32_t id);
/* The next SA with this initiator cookie; @after NULL starts. */
struct ike_sa *ike_sa_by_cookie(const struct ike *core, const uint8_t cookie_i[8], const struct ike_sa *after);
/* Another established SA between the same two identities; @after NULL starts. */
struct ike_sa *ike_sa_same_peer(const struct ike_sa *sa, const struct ike_sa *after);
/* The best SA for new children of this connection: established before connecting; NULL if there is none. */
struct ike_sa *ike_sa_for_conn(struct ike *core, const char *conn);
/* Logs and announces the change; no-op when @state is the state already. */
void ike_sa_state(struct ike_sa *sa, enum ike_state state);
/* The children of @from continue under @to, except those whose Quick Mode is under way. */
void ike_sa_adopt(struct ike_sa *to, struct ike_sa *from);
/* Keeps the last unauthenticated notification, the probable cause of a later failure; NULL forgets it. */
void ike_sa_notice(struct ike_sa *sa, const char *text);

/* ---- sa_attempt.c: from the wish for an SA to its Phase 1 */

/*
 * Starts Phase 1 towards a connection's peer. @rekeys: the SA that the new one replaces, or NULL.
 * NULL on failure, with a sentence in *why.
 */
struct ike_sa *ike_sa_initiate(struct ike *core, struct conn *conn, struct ike_sa *rekeys, const char **why);
/* The attempt failed: another one follows as keyingtries allows (if @may_retry), or the SA is freed. */
void ike_sa_failed(struct ike_sa *sa, const char *reason, bool may_retry);
/* The time to wait before the next attempt is over. */
void ike_sa_retry(struct ike_sa *sa);
/* @sa was to replace an older SA and failed: the older one stays, and tries again in a while. */
void ike_sa_rekey_failed(struct ike_sa *sa);

/* ---- sa_timers.c: what time and the peer's packets do to an SA */

/* Sets the one timer of the SA from its facts. */
void ike_sa_schedule(struct ike_sa *sa);
void ike_sa_due(struct ike_sa *sa);
/* When to renew what lives for @period: up to @rand earlier, by chance; INSTANT_NEVER where @period is 0. */
instant_t renewal_at(struct ike *core, instant_t period, instant_t rand);
/* Both ends are authenticated: lifetimes (@lifetime_ns as negotiated, 0: none), events, queued children. */
void ike_sa_established(struct ike_sa *sa, instant_t lifetime_ns, bool initial_contact);
bool ike_sa_is_up(const struct ike_sa *sa);
/* Indexes the SA by both identities, once they are known and proven. False when out of memory. */
bool ike_sa_index_peer(struct ike_sa *sa);
void ike_sa_rekey(struct ike_sa *sa, bool reauth);
/* Sends a liveness probe (RFC 3706) now, unless one is under way. */
void ike_sa_probe(struct ike_sa *sa);
/* The same, but only a message under the SA's keys answers it: does the peer have this SA? */
void ike_sa_ask(struct ike_sa *sa);
/* An authenticated, fresh message came from @from: the peer is alive, and may have moved (RFC 3947 section 4). */
void ike_sa_heard(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *from);
void ike_sa_move(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *to);

/* ---- settle.c: several SAs with one peer */

/* The SA is up, and the peer has it: whatever else there is with that peer ends, or hands over to it. */
void ike_sa_settle(struct ike_sa *sa);
/* Whether the peer may not have the SA although it can be asked. Until it is heard, nothing gives way to such an SA. */
bool ike_sa_in_doubt(const struct ike_sa *sa);
/* Whether both SAs are with one host, as far as addresses tell: behind a NAT the port counts as well. */
bool ike_sa_same_place(const struct ike_sa *a, const struct ike_sa *b);
/* The peer, with which @sa is up, has forgotten @o: it ends. @why NULL: INITIAL-CONTACT says so. */
void ike_sa_forget(struct ike_sa *sa, struct ike_sa *o, const char *why);
/* The SA was to be replaced, and carries on after all. */
void ike_sa_revive(struct ike_sa *sa);
/* The grace period of an SA that was replaced is over. */
void ike_sa_replaced_due(struct ike_sa *sa);
/* The children go to another SA with the same peer, if there is one. */
void ike_sa_hand_over(struct ike_sa *sa, enum end_cause why);
/* Whether the peer may be told that we have the SA. */
bool ike_sa_may_vouch(struct ike_sa *sa);
/* The peer answered the probe with number @question: it has the SA. */
void ike_sa_answered(struct ike_sa *sa, uint32_t question);

/* ---- sa_end.c: the end of an SA that was up */

/* Ends the SA: tells the peer where @why calls for it, and applies dpd_action or close_action to its children. */
void ike_sa_end(struct ike_sa *sa, enum end_cause why, const char *reason);
/* Goes on with an end that one list of effects could not hold. */
void ike_sa_end_rest(struct ike_sa *sa);
/* A deleted SA that still answers: repeats its Delete once, then goes. */
void ike_sa_linger_due(struct ike_sa *sa);

/* ---- send.c */

/* One datagram that belongs to no SA. @data is copied. */
void ike_send(struct ike *core, const struct endpoint *local, const struct endpoint *remote, struct span data);
/* A message of the SA, in fragments where the protocol says so. */
void ike_sa_send(struct ike_sa *sa, struct span data);
/* One datagram of the SA, as it is. */
void ike_sa_send_datagram(struct ike_sa *sa, struct span data);
uint8_t ike_sa_dscp(const struct ike_sa *sa);

/* ---- message_ids.c */

/* Remembers a message id of the peer; false when it was used before. */
bool ike_sa_fresh_id(struct ike_sa *sa, uint32_t message_id);
bool ike_sa_seen_id(const struct ike_sa *sa, uint32_t message_id);
/* Remembers that a Phase 2 was refused, the oldest of some gives way. */
void ike_sa_refused(struct ike_sa *sa, const struct refused_quick *r);
/* What is remembered of a message with this id and digest; NULL: nothing. */
struct refused_quick *ike_sa_refusal(struct ike_sa *sa, uint32_t message_id, uint64_t digest);
void message_ids_free(struct message_ids *m);

/* ---- half_open.c: what a responder has not authenticated yet */

/* Whether one more first message from @ip may make an SA; older ones may give way to it. */
bool half_open_admits(struct ike *core, const struct ip *ip);
bool half_open_begin(struct ike_sa *sa);
/* The peer returned our cookie: it is where it says. */
void half_open_proven(struct ike_sa *sa);
/* Established, or gone. */
void half_open_end(struct ike_sa *sa);
bool half_open_is_unproven(const struct ike_sa *sa);
/* The level of a line that a stranger can cause: while there are many of them it is a detail. */
int half_open_level(const struct ike_sa *sa);
/* It never returned the cookie: goes in silence. */
void half_open_expired(struct ike_sa *sa);

/* ---- clear_gate.c: what goes in clear to who has proven nothing; a refusal is counted */

/* An answer of @answer octets to a message of @request octets. */
bool clear_answer_admits(struct ike *core, const struct endpoint *to, size_t request, size_t answer);
/* Our last message once more: always, to who has returned our cookie. */
bool clear_repeat_admits(struct ike_sa *sa);

/* ---- rival.c */

/* The SA of another peer, elsewhere, that has this pair of selectors already; or NULL. */
struct ike_sa *child_rival(const struct ike_sa *sa, const struct policy *p, uint16_t pair);
/*
 * The policy of a pair of @sa's peer that has an alias; @anew: that gets one. NULL: it has none, or cannot have one; or
 * out of memory, which is noted.
 */
struct policy *policy_of_alias(struct ike_sa *sa, struct conn *conn, const struct child *cfg, const struct selector_pair *ts,
                               bool anew);

#endif
