/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_STEER_INTERNAL_H
#define SALLYPORT_STEER_INTERNAL_H

#include "netlink.h"
#include "steer.h"
#include "steer_levels.h"
#include "steer_nft.h"
#include "table.h"

#include <net/if.h>

/*
 * Numbers of an instance. P is options.route_table:
 *   table P                    all that is diverted: the TUN device, and behind it unreachable
 *   table P+16+64g+0..61       source hints of generation g, one table per prefix length and shape
 *   table P+16+64g+62          reachability by the TUN device, for what no other table knows
 *   rule  P                    the divert mark looks up table P (P-1, P+1: except the way back of forwarded packets)
 *   rule  17000 + ...          hints, just before the main table; 450 priorities per generation
 *   rule  32768 + ...          reachability, after the main table
 * A generation is what one process claimed; see steer_open().
 */
enum {
	GENERATION_TABLES = 64,
	HINT_TABLES = 62,
	GENERATION_PRIORITIES = 450,
	HINT_END = 440, /* the rule behind the hints of a generation, where exceptions jump to */
};

struct steer_numbers {
	uint32_t divert;             /* table and rule */
	uint32_t tables, last_table; /* of the generation */
	uint32_t reach_table, reach_rule;
	uint32_t hint_rules, hint_end;
};

struct steer_numbers steer_numbers(uint32_t route_table, unsigned generation);
/* Removes the rules and routes of one generation. 0 or errno. */
int steer_flush_generation(struct netlink *nl, uint32_t route_table, unsigned generation);

/*
 * One table of hints: routes of one prefix length, for one shape of packets, and for lookups without a
 * source address; or, where `from` is set, for those with a source in there.
 */
struct hint_table {
	uint8_t family; /* IP_NONE: free */
	uint8_t bits;
	struct netlink_shape shape;
	struct prefix from;
	unsigned refs;
};

enum want_kind { WANT_REACH, WANT_HINT, WANT_EXCEPTION };

/* Something of a claim in the kernel's routing. Several claims may want the same route; one of them is installed. */
struct want {
	struct table_link link;
	struct {
		uint32_t table;
		uint8_t family, bits;
		uint8_t ip[16];
	} key;
	enum want_kind kind;
	struct netlink_route route;
	struct netlink_rule rule; /* WANT_EXCEPTION */
	struct hint_table *hints; /* WANT_HINT */
	bool installed;
	struct want *next; /* of the same claim */
};

struct claimed {
	struct table_link link;
	uint32_t reqid;
	struct ip local, remote; /* the gateways, where known */
	enum child_mode mode;
	bool trap;
	struct selector_pair *ts; /* without "dynamic" */
	size_t n_ts;
	struct element_list elements;
	struct want *wants;
	struct claimed *next; /* of all */
};

struct steer {
	struct steer_options options; /* no field is 0 */
	char tun_name[IF_NAMESIZE];
	char *state_dir;
	unsigned generation, others; /* others: bits of generations that a dead process left */
	struct steer_numbers numbers;
	struct netlink nl;
	struct steer_nft nft;
	struct levels levels;
	struct table claims; /* by reqid */
	struct claimed *first_claimed;
	struct address_list addresses;
	struct hint_table hint_tables[HINT_TABLES];
	struct table wants; /* routes, by key */
	int monitor;        /* epoll over the two below */
	struct mnl_socket *rt_events, *nf_events;
};

/* ---- steer_claim.c */

/* The claim with this reqid, or NULL; borrowed until it is replaced or released. */
struct claimed *steer_claim_find(const struct steer *s, uint32_t reqid);
/* Frees a claim that is in no table (any more). */
void steer_claimed_free(struct claimed *c);

/* ---- steer_rule.c: what is there once */

/* Rules and routes that all claims of a family share. 0 or errno. */
int steer_base_add(struct steer *s, uint8_t family);
/* The rules that lead to a hint table. */
void steer_hint_rules(struct steer *s, const struct hint_table *h, bool add);
/* The rule that takes the packets of an exception past the hints. */
struct netlink_rule steer_exception_rule(const struct steer *s, const struct prefix *to, const struct netlink_shape *shape);
/* Settings of the TUN device. False with a sentence. */
bool steer_tun_settings(struct steer *s, char *why, size_t why_size);
void steer_tun_settings6(const struct steer *s);

/* ---- steer_closed.c: claims that could not be made */

struct closed *steer_closed_find(const struct steer *s, uint32_t reqid);
/* Drops what @c would have covered; appends to @why what became of it. A `pass` claim only protects nothing. */
void steer_close_off(struct steer *s, const struct claim *c, char *why, size_t why_size);
/* False when it was not closed. */
bool steer_open_up(struct steer *s, uint32_t reqid);
size_t steer_closed_count(const struct steer *s);
void steer_closed_free(struct steer *s);

/* ---- steer_hint.c: what is there per claim */

/* Makes the claim's routes and rules; best effort, since nothing leaks without them. */
void steer_hints_add(struct steer *s, struct claimed *c);
void steer_hints_remove(struct steer *s, struct claimed *c);
/* All anew: an address came or went. */
void steer_hints_refresh(struct steer *s);
/* Put back what the kernel removed, with the TUN device down or by somebody's hand. */
void steer_hints_restore(struct steer *s);

/* ---- steer_turn.c: what source NAT brings under a claim */

/*
 * Looks whether somebody translates, and at the devices; makes the rules where something changed. @gone: a device went, and
 * with it (before Linux 6.16) what hung there, even if the same one is back already.
 */
void steer_turn_update(struct steer *s, bool gone);
/* Somebody removed a table: where it was one of these, nothing is turned round until the next update. */
void steer_turn_verify(struct steer *s);
bool steer_turn_remove(struct nft_ctx *ctx, uint32_t route_table, char *why, size_t why_size);

/* ---- steer_watch.c */

bool steer_watch_open(struct steer *s, char *why, size_t why_size);
void steer_watch_close(struct steer *s);

#endif
