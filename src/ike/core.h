/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CORE_H
#define SALLYPORT_CORE_H

#include "anew.h"
#include "child_sa.h"
#include "claims.h"
#include "clear_gate.h"
#include "connections.h"
#include "crypto.h"
#include "ike.h"
#include "ike_sa.h"
#include "isakmp.h"
#include "match.h"
#include "pending.h"
#include "reassembly.h"
#include "table.h"
#include "timer.h"
#include "verdict.h"

/*
 * The inside of the core, shared by its own files and by the protocols
 * (src/ike1, later src/ike2). Nobody else includes this.
 */

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

enum { ANYWHERE_KEPT = 8, RELEASED_REQIDS_MAX = 64, EXCHANGE_MESSAGE_MAX = 16384 };
/* Octets of fragments, of all SAs together: what strangers can make us keep. */
enum { FRAGMENTS_HELD_MAX = 4 << 20 };

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
	struct table by_cookie, by_conn, by_peer, by_spi, by_pair, by_exchange, by_remote, parked, half_open_by_address;
	struct table policy_by_reqid, policy_by_key, policy_by_alias;
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
	instant_t told_at;              /* refusals of messages that nobody vouches for: so many a second are logged */
	unsigned told;
	instant_t names_asked_at; /* the last round of questions about names, and whose turn is next */
	size_t names_turn;
	unsigned names_asked; /* in that round: 0 where no connection has names */
	instant_t probed_at;  /* since when probes for unknown SPIs are counted */
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

/* ---- engine.c */

/* A ticket on which @owner waits; 0 when out of memory. */
uint64_t park(struct ike *core, enum parked_for what, uint32_t owner, uint32_t message_id, const char *name);
void shutdown_check(struct ike *core);
/* Holds a reference until the effects of this call were carried out: a ring of them. */
void core_keep_conn(struct ike *core, struct conn *conn);

#endif
