/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONNECTIONS_H
#define SALLYPORT_CONNECTIONS_H

#include "ike.h"
#include "table.h"

/*
 * The connections that are loaded (RFC 4301 section 4.4.3: the PAD), and how a responder finds the one that a peer means.
 */

struct anywhere;
struct policy;

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

/* ---- connections.c */

struct conn_entry *conn_entry_find(struct ike *core, const char *name);
enum verdict command_load(struct ike *core, struct conn *conn);
void command_unload(struct ike *core, const char *name);
void conn_entries_close(struct ike *core);
/* Sends the question that conn_trap() found necessary (e->ticket). */
void conn_ask_address(struct ike *core, struct conn_entry *e);
void conn_addresses_known(struct ike *core, const char *name, const struct answer *a);
/* The policy that a trap of this child holds, or NULL. */
struct policy *conn_trap_policy(struct ike *core, const struct conn *conn, const struct child *cfg);
void conn_trap(struct ike *core, struct conn_entry *e, const struct child *cfg, bool on);
/* A trap in place of the claim @p, with the addresses that were known to it. */
void conn_trap_like(struct ike *core, struct conn_entry *e, const struct child *cfg, const struct policy *p);

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

/* ---- anywhere.c: connections whose peer may be at any address */

const struct anywhere *anywhere_find(struct ike *core, enum ike_version v, const struct ip *local);
void anywhere_forget(struct ike *core);
size_t anywhere_count(const struct anywhere *a);
struct conn *anywhere_at(const struct anywhere *a, size_t i);
struct conn *anywhere_kind(const struct anywhere *a, size_t i);
/* Those that may expect @id, into @out if there is one; how many. */
size_t anywhere_named(struct ike *core, const struct anywhere *a, const struct identity *id, struct conn **out);

/* ---- names.c: DNS names in remote_addrs */

/* What the names of its remote_addrs mean, unless that is asked already. */
void conn_names_ask(struct ike *core, struct conn_entry *e);
void conn_names_known(struct ike *core, const char *name, const struct answer *a);
/* @remote comes, for whom @best (NULL: none) is the best connection: if that may be because names changed, they are asked. */
void conn_names_doubt(struct ike *core, const struct conn *best, const struct ip *remote);
/* address_specs_match() of remote_addrs, with what its names mean. */
bool conn_remote_match(struct ike *core, const struct conn *conn, const struct ip *ip, unsigned *score);

#endif
