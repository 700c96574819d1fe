/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CHILD_SA_H
#define SALLYPORT_CHILD_SA_H

#include "crypto.h"
#include "ike.h"
#include "secret.h"
#include "table.h"
#include "timer.h"

/*
 * CHILD_SAs: what one Quick Mode makes (RFC 2409 section 5.5), a pair of IPsec SAs for one pair of selectors. An IKE_SA
 * owns its children; each holds its policy and its connection.
 */

struct exchange;
struct ike_sa;
struct policy;
struct waiter;

/* Why an IKE_SA or CHILD_SA ends. */
enum end_cause { END_COMMAND, END_BY_PEER, END_DPD, END_EXPIRED, END_REPLACED, END_FORGOTTEN, END_MOVED };
/* Who waits for the answer with a ticket. */
enum parked_for { PARKED_EXCHANGE, PARKED_CHILD, PARKED_IKE, PARKED_CONN, PARKED_ROAD, PARKED_NAMES };

enum { CHILD_SPI_MIN = 256 };
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

/* Key material of one direction; `ah` is that of the AH around ESP. */
struct sa_keys {
	struct span encr, integ, ah;
};

/* ---- child.c: tables, SPIs, making, freeing */

/*
 * Takes references of its own to @conn and @policy. @pair: index into the policy's pairs of selectors.
 * NULL when out of memory.
 */
struct child_sa *child_new(struct ike_sa *sa, struct conn *conn, const struct child *cfg, struct policy *policy, uint16_t pair);
void child_free(struct child_sa *c);
/* Whether it waits for its Quick Mode. */
void child_queue(struct child_sa *c, bool waits);
struct child_sa *child_by_id(const struct ike *core, uint32_t id);
struct child_sa *child_by_spi_in(const struct ike *core, uint32_t spi);
/* The next child of this IKE_SA for this policy and pair; @after NULL starts. */
struct child_sa *child_same_pair(const struct ike_sa *sa, const struct policy *p, uint16_t pair, const struct child_sa *after);
/* Into and out of the list of an SA, which is in order of id. */
void child_link(struct ike_sa *sa, struct child_sa *c);
void child_unlink(struct child_sa *c);
/* Whether the SA may have one more child; if not, *why says what to do. Successors of existing children always may. */
bool child_room(struct ike_sa *sa, const char **why);
const struct selector_pair *child_ts(const struct child_sa *c);
/* The same as the peer hears it: under its own address. */
struct selector_pair child_ts_said(const struct child_sa *c);
/* Draws the inbound SPI (RFC 4303 section 2.1); 0 when out of memory. */
uint32_t child_new_spi(struct child_sa *c);
/* Draws the SPI of the AH around ESP, and the CPI, where the child is to have them. */
void child_new_bundle_spis(struct child_sa *c, bool ah, bool ipcomp);

/* ---- child_sad.c: its entries in the data plane's SAD, RFC 4301 section 4.4.2 */

/* Appends INSTALL_SA and returns the ticket of its answer; 0 when out of memory. @keys is copied. */
uint64_t child_install(struct child_sa *c, enum sa_direction dir, const struct sa_keys *keys, enum parked_for who);
/* Keeps the outbound keys for child_move_outbound(). False when out of memory. */
bool child_hold_outbound(struct child_sa *c, const struct sa_keys *keys);
void child_move_outbound(struct child_sa *c);
/* The IKE_SA's endpoints changed, and with them where the packets of the child go. */
void child_moved(struct child_sa *c);
void child_remove_outbound(struct child_sa *c);
void child_remove_inbound(struct child_sa *c);

/* ---- child_life.c: established, failed, ended */

/* Negotiated and installed; @life_ns as negotiated, 0: none. */
void child_established(struct child_sa *c, instant_t life_ns);
/* The negotiation failed: the child is freed. */
void child_failed(struct child_sa *c, const char *reason);
/* Ends an established child: removes both directions, tells the peer if @tell, applies the child's action. */
void child_end(struct child_sa *c, enum end_cause why, bool tell);
/* What the configuration wants done when the child ends for this reason. */
enum child_action child_action(const struct child_sa *c, enum end_cause why);
/* @p: the claim that stood for the child until now. */
void child_apply_action(struct ike *core, struct conn *conn, const struct child *cfg, struct policy *p, enum child_action action);

/* ---- child_timers.c: what time and traffic do to it */

void child_schedule(struct child_sa *c);
void child_due(struct child_sa *c);
/* Makes a successor and queues its Quick Mode; false where the child cannot be rekeyed now. */
bool child_rekey(struct child_sa *c);
/* Outbound moves to the new SA once the peer is surely ready for it (docs/adr/0003). */
void child_switch_later(struct child_sa *c);
/* It has a successor, and the peer deleted it: nothing more goes out; inbound stays a little longer. */
void child_retired_by_peer(struct child_sa *c);
/* Authenticated traffic came in on it. */
void child_heard(struct child_sa *c);
/* A packet of either direction passed through it @at that time. */
void child_used(struct child_sa *c, instant_t at);
/* Starts the Quick Modes that wait under the SA, as far as the limit of concurrent exchanges allows. */
void ike_sa_run_queue(struct ike_sa *sa);

#endif
