/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CORE_H
#define SALLYPORT_CORE_H

#include "clear_gate.h"
#include "crypto.h"
#include "ike.h"
#include "isakmp.h"
#include "match.h"
#include "reassembly.h"
#include "table.h"
#include "timer.h"
#include "verdict.h"

/*
 * The inside of the core, shared by its own files and by the protocols
 * (src/ike1, later src/ike2). Nobody else includes this.
 */

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

enum { CHILD_SPI_MIN = 256, EXCHANGE_MESSAGE_MAX = 16384 };
/* Octets of fragments, of all SAs together: what strangers can make us keep. */
enum { FRAGMENTS_HELD_MAX = 4 << 20 };
/* A peer that installs on message 3 has Diffie-Hellman to compute first: what overtakes it there is lost. */
#define CHILD_FIRST_WAIT MILLISECONDS(50)
/*
 * For the CONNECTED of a peer that set the Commit bit, which is sent once. No HASH covers that bit: somebody on the way
 * who sets it for both ends must not stop them for long.
 */
#define CHILD_CONNECTED_WAIT SECONDS(15)
/*
 * Two SAs for the same thing, made by different ends. The initiator of the
 * second knows whether the first was there when it began; the responder only
 * knows when message 1 came, and allows for its way (docs/adr/0004).
 */
#define CROSSING_WINDOW SECONDS(1)
/* After outbound moved to the new SA, what is under way on the old one gets this long. */
#define CHILD_REPLACED_GRACE SECONDS(5)
/* And what the peer sent before it saw our Delete, this long. */
#define CHILD_INBOUND_GRACE SECONDS(2)

struct exchange;
struct child_sa;
struct half_open;
struct message_ids;
struct pending;

/* A command that waits for an IKE_SA or CHILD_SA hangs on it through one of these. */
struct waiter {
	struct waiter *next;
	struct pending *cmd;
};

/*
 * The claim on traffic that a configured child and its concrete selectors make.
 * It lives while a trap, an attempt or an SA holds it.
 */
struct policy {
	struct table_link by_reqid, by_key;
	uint64_t key; /* digest of connection, child and selectors */
	uint32_t reqid;
	uint32_t traps, users;
	bool claimed, claimed_trap, refused; /* refused: asked for, but not in force */
	bool acted;                          /* while actions are collected */
	bool configured;                     /* configured: all that the child's selectors come to; else one pair within */
	struct conn *conn;                      /* its own reference */
	const struct child *cfg;
	struct ip local, remote;
	size_t at; /* the pair after the one that a peer named last: it often names the next */
	size_t n_ts;
	struct selector_pair ts[];
};

/* One pair of IPsec SAs (RFC 2409: what one Quick Mode makes), from the wish for it to its end. */
struct child_sa {
	struct table_link by_spi;  /* inbound SPI */
	struct table_link by_pair; /* policy and pair of selectors */
	uint64_t pair_key;
	struct child_sa *next, *prev; /* of its IKE_SA, in order of id */
	struct ike_sa *sa;
	struct policy *policy;
	struct conn *conn; /* its own reference */
	const struct child *cfg;
	struct exchange *exchange; /* that negotiates it; NULL when idle */
	struct waiter *waiters;
	struct timer timer;
	uint32_t id;
	uint32_t spi_in, spi_out;
	uint32_t rekeys;    /* id of the child that this one replaces, or 0 */
	uint32_t successor; /* id of the child that replaced this one, or 0 */
	uint16_t pair;      /* index into policy->ts */
	uint8_t state;      /* enum child_state */
	uint8_t role;       /* of its exchange */
	bool in_installed, out_installed, udp_encap, esn, delete_sent, deleted_by_peer, ever_up, script_up, renew, queued,
	        await_connected; /* the peer set the Commit bit: outbound waits for its CONNECTED */
	struct transform encr;
	uint16_t integ_id, dh_id;
	struct secret out_keys; /* encryption key and salt, integrity key, AH's key: until outbound is installed */
	uint16_t encr_octets, integ_octets;
	uint8_t protocol;                      /* PROTO_IPSEC_*: of spi_in and spi_out; AH only where it is alone */
	uint32_t ah_spi_in, ah_spi_out;        /* AH around the ESP of spi_in and spi_out; 0: none */
	uint16_t ah_integ_id, cpi_in, cpi_out; /* cpi: IPComp inside; 0: none */
	struct ip oa_local, oa_remote;         /* both ends as the peer sees them (NAT-OA); IP_NONE: it did not say */
	uint16_t tries;
	uint64_t life_octets; /* as negotiated; 0: no limit */
	instant_t created_at, installed_at, rekey_at, expires_at;
	instant_t switch_at; /* when outbound moves to this SA, INSTANT_NEVER: it has, or waits for the exchange */
	instant_t delete_at; /* when we delete it, after a rekey */
	instant_t heard_at;  /* last authenticated packet, as far as we were told */
	instant_t used_at;   /* last packet of either direction, likewise */
};

/* A child that is wanted before the addresses are known that its "dynamic" selectors need. */
struct want {
	struct want *next;
	struct conn *conn;
	const struct child *cfg;
	struct policy *held; /* the claim of what it follows, until it has its own; or NULL */
	struct waiter *waiters;
};

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
	        addresses_known, zombie,
	        ending, said_again;
	bool asked;    /* a probe is out that only a message under the keys answers, not ESP */
	uint8_t end_why; /* enum end_cause, while ending */
	bool queue_running, queue_again; /* see ike_sa_run_queue */
	struct transform encr;
	uint16_t prf_id, dh_id;
	uint16_t auth;                        /* IKEv1: Authentication Method, RFC 2409 Appendix A */
	uint8_t log_in;                       /* IKEv1: which role XAUTH has log in; LOG_IN_NOBODY */
	bool aggressive, group_key;           /* identities went in clear; the key is one that others share */
	bool authenticated, initial_contact;  /* Phase 1 is over: what it told us, until the SA is established */
	bool unheard;                         /* the last message was ours, and nothing shows that the peer has it */
	instant_t lifetime_ns;                /* as Phase 1 agreed; 0: no end */
	struct secret keys;                   /* the protocol's; wiped with the SA */
	uint8_t iv[16];     /* IKEv1: last Phase 1 ciphertext block */
	struct message_ids *message_ids; /* NULL: none was used */
	unsigned tries;  /* keyingtries used */
	uint64_t ticket; /* ASK_ADDRESS */
	uint32_t dpd_out, dpd_in, dpd_answered;
	uint32_t question; /* replaced: the probe of its successor whose answer lets it go; 0: it has to be asked (anew) */
	unsigned dpd_tries;
	unsigned n_children;
	struct child_sa *first_queued; /* of its children none before this one waits for its Quick Mode; NULL: none waits */
	unsigned running; /* exchanges that are not over */
	instant_t created_at, established_at, rekey_at, reauth_at, expires_at;
	instant_t heard_at, said_at; /* last authenticated message or packet; last datagram sent */
	instant_t dpd_at;            /* while a probe is out: when to send the next or give up */
	instant_t dpd_since;
	instant_t delete_at;
	instant_t hinted_at;               /* the last probe because of ESP for an unknown SPI */
	instant_t retry_at;                /* the next attempt; 0: none is waiting */
	struct half_open *half_open;       /* as responder, until it is authenticated; half_open.c */
	bool peer_unity;                   /* it knows Cisco's attributes */
	struct road *road;                 /* road_sa.h; NULL: neither login nor virtual addresses */
};

/*
 * Where a responder looks for the connection of an address: each remote address
 * that is named alone, or one link under no address for subnets, ranges and names.
 * Connections without any remote address have none: anywhere.c.
 */
struct conn_link {
	struct table_link by_remote;
	struct conn *conn; /* borrowed: it is loaded as long as the link stands */
	struct ip ip;      /* IP_NONE: subnets, ranges, names */
};

/* Connections that an unknown peer may mean, most specific first. */
struct candidates {
	struct conn **near; /* those that name its address, or a range that has it */
	size_t n_near;
	const struct anywhere *rest; /* all whose peer may be anywhere; NULL: none */
};

enum { ANYWHERE_KEPT = 8 };

/* A connection that is loaded, with what load and commands made of it. */
struct conn_entry {
	struct conn *conn;
	struct policy **trap;    /* per child: its claim from start_action, or NULL */
	bool *trap_wanted;       /* per child: as soon as the addresses are known */
	uint64_t ticket;         /* ASK_ADDRESS for dynamic selectors */
	struct conn_link *links; /* into the index by the peer's address */
	struct ip *named;        /* what the names of remote_addrs mean; names.c */
	size_t n_named;
	uint64_t names_ticket; /* ASK_NAMES */
};

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

struct id_index {
	struct {
		uint32_t id;
		void *p;
	} * e;
	size_t n, cap, dead;
};

/* Who waits for the answer with a ticket. Owners are named by id, so that a dead one is just not found. */
struct parked {
	struct table_link by_ticket;
	uint64_t ticket;
	uint32_t owner, message_id;
	uint8_t what; /* enum parked_for */
	char *name;   /* connection */
};

enum parked_for { PARKED_EXCHANGE, PARKED_CHILD, PARKED_IKE, PARKED_CONN, PARKED_ROAD, PARKED_NAMES };

enum { RELEASED_REQIDS_MAX = 64 };

struct ike {
	struct ike_settings settings;
	struct rng *rng;
	const struct ike_protocol *const *protocols;
	/* Of the call under way. */
	instant_t now;
	struct effects *fx;
	struct arena scratch;
	bool nomem;

	struct timers timers;
	size_t n_timers; /* owners alive: the heap has room for each */
	struct table by_cookie, by_conn, by_peer, by_spi, by_pair, by_exchange, by_remote, policy_by_reqid, policy_by_key, parked,
	        half_open_by_address;
	struct id_index sas, child_sas;
	struct half_open *unproven, *unproven_last;
	struct anywhere *anywhere[ANYWHERE_KEPT]; /* by the local address; made when asked for, gone with the next load */
	struct conn_entry *conns;                 /* in order of name */
	size_t n_conns, cap_conns;
	struct pending *pending;
	uint64_t shutdown_id;
	bool shutting_down;
	uint32_t next_ike_id, next_child_id, next_reqid;
	struct released_reqid {
		uint64_t key; /* of its policy */
		uint32_t reqid;
		instant_t at;
	} released[RELEASED_REQIDS_MAX]; /* the oldest first */
	unsigned n_released;
	uint64_t next_ticket;
	uint64_t k0, k1;
	struct conn *kept[EFFECTS_BATCH]; /* see core_keep_conn: as many as one list of effects can point to */
	unsigned n_kept;
	struct fragment_pool fragments; /* that wait for the rest of their message */
	instant_t told_at; /* refusals of messages that nobody vouches for: so many a second are logged */
	unsigned told;
	instant_t names_asked_at; /* the last round of questions about names, and whose turn is next */
	size_t names_turn;
	unsigned names_asked; /* in that round: 0 where no connection has names */
	instant_t probed_at; /* since when probes for unknown SPIs are counted */
	unsigned probes;
	struct clear_gate clear_gate;
	uint8_t room[EXCHANGE_MESSAGE_MAX]; /* where a message is built; wiped after each */
	struct ike_counters counters;
	uint64_t verdicts[VERDICT_COUNT];
};

/* ---- tables.c */
bool id_index_add(struct id_index *x, uint32_t id, void *p);
void id_index_remove(struct id_index *x, uint32_t id);
void *id_index_find(const struct id_index *x, uint32_t id);
/* The first with an id above @after; NULL at the end. */
void *id_index_after(const struct id_index *x, uint32_t after);
bool timer_owner_add(struct ike *core);
uint64_t core_digest(const struct ike *core, struct span in);

/* ---- status.c: valid until the next call into the core */
void ike_sa_info(struct ike_info *out, const struct ike_sa *sa);
void child_sa_info(struct child_info *out, const struct child_sa *c);

/* ---- log.c: what people read */
void say(struct ike *core, enum log_group g, int level, const struct ike_sa *sa, const char *reason, const char *fmt, ...)
        __attribute__((format(printf, 6, 7)));
/* Counts a verdict and logs it at level 1 with its sentence and @detail (NULL: none). Returns @v. */
enum verdict refuse(struct ike *core, const struct ike_sa *sa, enum verdict v, const char *detail);
void event(struct ike *core, enum event_kind kind, const struct ike_sa *sa, const struct child_sa *c);
/* "site-b[1]". In the scratch arena. */
const char *sa_name(const struct ike_sa *sa);
const char *child_name(const struct child_sa *c);
const char *pair_text(struct ike *core, const struct selector_pair *p);
const char *id_text(struct ike *core, const struct identity *id);
const char *ends_text(const struct ike_sa *sa); /* "192.0.2.1[idA]...192.0.2.2[idB]" */
const char *ip_text(struct ike *core, const struct ip *ip);
const char *endpoint_text(struct ike *core, const struct endpoint *e);

/* ---- sa.c: IKE_SAs */
/* @cookie_i NULL: a random one, ours. */
struct ike_sa *ike_sa_new(struct ike *core, const struct ike_protocol *protocol, uint8_t role, const uint8_t *cookie_i);
void ike_sa_set_conn(struct ike_sa *sa, struct conn *conn);
/* The next with these cookies' initiator half; NULL starts. */
struct ike_sa *ike_sa_by_cookie(const struct ike *core, const uint8_t cookie_i[8], const struct ike_sa *after);
bool ike_sa_index_peer(struct ike_sa *sa);
/* Another established SA between the same two identities; NULL starts. */
struct ike_sa *ike_sa_same_peer(const struct ike_sa *sa, const struct ike_sa *after);
/* Removes it and all beneath it in silence: no Delete is sent, no action taken. */
void ike_sa_free(struct ike_sa *sa);
struct ike_sa *ike_sa_by_id(const struct ike *core, uint32_t id);
/* (Re)computes the one timer of the SA from its facts. */
void ike_sa_schedule(struct ike_sa *sa);
void ike_sa_state(struct ike_sa *sa, enum ike_state state);
/* Both ends are authenticated: lifetimes, events, queued children, adoption from the SAs that it replaces. */
void ike_sa_established(struct ike_sa *sa, instant_t lifetime_ns, bool initial_contact);
/* The attempt or the SA failed: tries again as keyingtries allows, or ends with @reason. */
void ike_sa_failed(struct ike_sa *sa, const char *reason, bool may_retry);
/* The end of an SA that was up: tells the peer when @tell, applies @action-s to children (close_action or dpd_action). */
enum end_cause { END_COMMAND, END_BY_PEER, END_DPD, END_EXPIRED, END_REPLACED, END_FORGOTTEN, END_MOVED };
void ike_sa_end(struct ike_sa *sa, enum end_cause why, const char *reason);
/* Goes on with an end that one list of effects did not hold. */
void ike_sa_end_rest(struct ike_sa *sa);
/* The attempt to replace an older one failed: that stays, and tries again in a while. */
void ike_sa_rekey_failed(struct ike_sa *sa);
/* It carries on after all. */
void ike_sa_revive(struct ike_sa *sa);
/* Both are with one host, as far as addresses tell: behind a NAT the port counts as well. */
bool ike_sa_same_place(const struct ike_sa *a, const struct ike_sa *b);
/* The peer may not have it, and can be asked whether it has. Until it was heard nothing gives way to such an SA. */
bool ike_sa_in_doubt(const struct ike_sa *sa);
bool ike_sa_is_up(const struct ike_sa *sa);
/* It is up, and the peer has it: what else there is with that peer ends, or hands over to it. */
void ike_sa_settle(struct ike_sa *sa);
/* The time of one that was replaced is over. */
void ike_sa_replaced_due(struct ike_sa *sa);
/* Its children go to another SA with the same peer, if there is one. */
void ike_sa_hand_over(struct ike_sa *sa, enum end_cause why);
/* Children of @from continue under @to. */
void ike_sa_adopt(struct ike_sa *to, struct ike_sa *from);
/* The attempt that waited begins. */
void ike_sa_retry(struct ike_sa *sa);
/* A deleted SA that still answers: it says so once more, then it goes. */
void ike_sa_linger_due(struct ike_sa *sa);
void ike_sa_due(struct ike_sa *sa);
void ike_sa_rekey(struct ike_sa *sa, bool reauth);
/* A liveness probe now, unless one is out. */
void ike_sa_probe(struct ike_sa *sa);
/* Likewise, and only the SA itself can answer it: does the peer have it? */
void ike_sa_ask(struct ike_sa *sa);
/* Whether the peer may be told that we have it. */
bool ike_sa_may_vouch(struct ike_sa *sa);
/* The peer has it: it answered that question. */
void ike_sa_answered(struct ike_sa *sa, uint32_t question);
/* An authenticated, fresh message came from @from: the peer is alive, and may have moved (RFC 3947). */
void ike_sa_heard(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *from);
void ike_sa_move(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *to);
/* An established one for this connection name, or one that connects; NULL if there is none. */
struct ike_sa *ike_sa_for_conn(struct ike *core, const char *conn);
/* Starts Phase 1 towards a connection's peer; NULL with a sentence in *why. */
struct ike_sa *ike_sa_initiate(struct ike *core, struct conn *conn, struct ike_sa *rekeys, const char **why);
/* The last unauthenticated notification: the probable cause of what will follow. */
void ike_sa_notice(struct ike_sa *sa, const char *text);
void ike_send(struct ike *core, const struct endpoint *local, const struct endpoint *remote, struct span data);
/* A message of the SA, whole or in fragments; and a datagram of it as it is. */
void ike_sa_send(struct ike_sa *sa, struct span data);
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

/* ---- child.c: CHILD_SAs */
/* Of one direction; `ah` is that of the AH around ESP. */
struct sa_keys {
	struct span encr, integ, ah;
};

struct child_sa *child_new(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct policy *policy, uint16_t pair);
void child_free(struct child_sa *c);
/* It waits for its negotiation, or not any more. */
void child_queue(struct child_sa *c, bool waits);
struct child_sa *child_by_id(const struct ike *core, uint32_t id);
struct child_sa *child_by_spi_in(const struct ike *core, uint32_t spi);
/* Another child of the same IKE_SA for the same policy and pair; NULL starts. */
struct child_sa *child_same_pair(const struct ike_sa *sa, const struct policy *p, uint16_t pair, const struct child_sa *after);
/* In and out of the list of an SA, in order of id. */
void child_link(struct ike_sa *sa, struct child_sa *c);
void child_unlink(struct child_sa *c);
/* Whether the SA may have one more child; else counted, and *why says what to do. Successors of what stands always may. */
bool child_room(struct ike_sa *sa, const char **why);
const struct selector_pair *child_ts(const struct child_sa *c);
uint32_t child_new_spi(struct child_sa *c);
/* SPI of the AH around ESP, and CPI; where the child is to have them. */
void child_new_bundle_spis(struct child_sa *c, bool ah, bool ipcomp);
void child_schedule(struct child_sa *c);
void child_due(struct child_sa *c);
/* Appends INSTALL_SA; the ticket of its answer, 0 when out of memory. */
uint64_t child_install(struct child_sa *c, enum sa_direction dir, const struct sa_keys *keys, enum parked_for who);
/* Keeps the outbound keys for later (child_move_outbound). */
bool child_hold_outbound(struct child_sa *c, const struct sa_keys *keys);
void child_move_outbound(struct child_sa *c);
/* It has a successor, and the peer has deleted it: no more outbound, inbound a little longer. */
void child_retired_by_peer(struct child_sa *c);
/* The IKE_SA's ends changed: so does where its packets go. */
void child_moved(struct child_sa *c);
/* Authenticated traffic came in on it. */
void child_heard(struct child_sa *c);
/* A packet of either direction passed through it @at that time. */
void child_used(struct child_sa *c, instant_t at);
/* Outbound moves when the peer is surely ready (docs/adr/0003). */
void child_switch_later(struct child_sa *c);
void child_remove_outbound(struct child_sa *c);
/* Negotiated and installed. */
void child_established(struct child_sa *c, instant_t life_ns);
/* Its negotiation failed. */
void child_failed(struct child_sa *c, const char *reason);
/* The end of an established one: removes both directions, tells the peer when @tell. */
void child_end(struct child_sa *c, enum end_cause why, bool tell);
/* @p: the claim that stood for the child until now. */
void child_apply_action(struct ike *core, struct conn *conn, const struct child *cfg, struct policy *p, enum child_action action);
/* Starts what waits on the SA, as far as the limit of exchanges allows. */
void ike_sa_run_queue(struct ike_sa *sa);
bool child_rekey(struct child_sa *c);

/* ---- policy.c: claims */
/* The policy of a pair that is part of what @cfg allows. */
struct policy *policy_narrowed(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local,
                               const struct ip *remote, const struct selector_pair *ts);
/* policy_of() as far as it exists already. */
struct policy *policy_find_configured(struct ike *core, const struct conn *conn, const struct child *cfg, const struct ip *local,
                                      const struct ip *remote);
/* The configured pairs with "dynamic" resolved; count in *n; NULL when out of memory or when an address is missing. */
struct selector_pair *policy_pairs(struct ike *core, const struct child *cfg, const struct ip *local, const struct ip *remote,
                                   size_t *n);
struct policy *policy_of(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local,
                         const struct ip *remote);
/* The same for pairs that hang on more than the configuration: virtual addresses. */
struct policy *policy_of_pairs(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local,
                               const struct ip *remote, const struct selector_pair *ts, size_t n);
struct policy *policy_by_reqid(struct ike *core, uint32_t reqid);
/* The data plane forgot them: each claim is said again. */
void policies_claim_again(struct ike *core);
void policy_use(struct ike *core, struct policy *p, int traps, int users);
/* The claim could not be made: nothing of it comes up, or stays. */
void policy_refused(struct ike *core, struct policy *p, const char *why);

/* ---- rival.c */
/* The SA of another peer, elsewhere, that has this pair of selectors already; or NULL. */
struct ike_sa *child_rival(const struct ike_sa *sa, const struct policy *p, uint16_t pair);

/* ---- connections.c */
struct conn_entry *conn_entry_find(struct ike *core, const char *name);
enum verdict command_load(struct ike *core, struct conn *conn);
void command_unload(struct ike *core, const char *name);
void conn_entries_close(struct ike *core);
/* Sends the question that conn_trap() found necessary (e->ticket). */
void conn_ask_address(struct ike *core, struct conn_entry *e);
void conn_addresses_known(struct ike *core, const char *name, const struct answer *a);
/* ---- candidates.c */
bool conn_index(struct ike *core, struct conn *conn, struct conn_link **out);
void conn_unindex(struct ike *core, struct conn_entry *e);
void conn_links_free(struct ike *core, struct conn_link *links, const struct conn *conn);
/* Whether a peer at this address may be anywhere, as far as the connection goes. */
bool conn_is_anywhere(const struct conn *c);
/* The connections that match both addresses; in the scratch arena, and good until one is loaded or unloaded. */
struct candidates conn_candidates(struct ike *core, enum ike_version v, const struct ip *local, const struct ip *remote);
/* The @i-th, NULL after the last. */
struct conn *candidate(const struct candidates *c, size_t i);
/* Likewise, but of those whose peer may be anywhere only the first of each kind (conn_answers_like). */
struct conn *candidate_kind(const struct candidates *c, size_t i);
/* Those of them that may expect @id, in the same order, ID_ANY: all; in the scratch arena. */
size_t candidates_for(struct ike *core, const struct candidates *c, const struct identity *id, struct conn ***out);
/* ---- anywhere.c */
const struct anywhere *anywhere_find(struct ike *core, enum ike_version v, const struct ip *local);
void anywhere_forget(struct ike *core);
size_t anywhere_count(const struct anywhere *a);
struct conn *anywhere_at(const struct anywhere *a, size_t i);
struct conn *anywhere_kind(const struct anywhere *a, size_t i);
/* Those that may expect @id, into @out if there is one; how many. */
size_t anywhere_named(struct ike *core, const struct anywhere *a, const struct identity *id, struct conn **out);
/* ---- names.c */
/* What the names of its remote_addrs mean, unless that is asked already. */
void conn_names_ask(struct ike *core, struct conn_entry *e);
void conn_names_known(struct ike *core, const char *name, const struct answer *a);
/* @remote comes, for whom @best (NULL: none) is the best connection: if that may be because names changed, they are asked. */
void conn_names_doubt(struct ike *core, const struct conn *best, const struct ip *remote);
/* address_specs_match() of remote_addrs, with what its names mean. */
bool conn_remote_match(struct ike *core, const struct conn *conn, const struct ip *ip, unsigned *score);

/* The policy that a trap of this child holds, or NULL. */
struct policy *conn_trap_policy(struct ike *core, const struct conn *conn, const struct child *cfg);
void conn_trap(struct ike *core, struct conn_entry *e, const struct child *cfg, bool on);
/* A trap in place of the claim @p, with the addresses that were known to it. */
void conn_trap_like(struct ike *core, struct conn_entry *e, const struct child *cfg, const struct policy *p);

/* ---- pending.c: commands that wait */
struct pending *pending_new(struct ike *core, uint64_t id, instant_t timeout);
bool pending_wait(struct ike *core, struct waiter **list, struct pending *p);
/* All who wait on @list learn the outcome. */
void waiters_settle(struct ike *core, struct waiter **list, bool ok, const char *text);
/* Finishes when nothing is waited for any more. */
void pending_check(struct ike *core, struct pending *p);
void pending_due(struct ike *core, struct pending *p);
void pending_close(struct ike *core);
void command_done(struct ike *core, uint64_t id, enum command_result r, uint32_t matches, uint32_t terminated, const char *text);

/* Initiates one child under a connection: through an SA that is up or under way, or a new one. False with *why. */
bool initiate_child(struct ike *core, struct conn *conn, const struct child *cfg, const struct flow *flow, struct pending *cmd,
                    const char **why);

/* ---- command.c */
void command_run(struct ike *core, const struct command *c);

/* The addresses of @sa are known: its wants become children. */
void wants_resolve(struct ike_sa *sa);
void wants_drop(struct ike_sa *sa, const char *reason);
/* The child that is wanted keeps this claim up until its addresses are known. */
void wants_hold(struct ike *core, const char *conn, const struct child *cfg, struct policy *p);

/* ---- engine.c */
/* A ticket on which @owner waits; 0 when out of memory. */
uint64_t park(struct ike *core, enum parked_for what, uint32_t owner, uint32_t message_id, const char *name);
void shutdown_check(struct ike *core);
/* Holds a reference until the effects of this call were carried out: a ring of them. */
void core_keep_conn(struct ike *core, struct conn *conn);

#endif
