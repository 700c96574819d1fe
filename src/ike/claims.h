/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CLAIMS_H
#define SALLYPORT_CLAIMS_H

#include "ike.h"
#include "table.h"

/*
 * Claims on traffic: the part of the SPD (RFC 4301 section 4.4.1) that a configured child and its concrete selectors come
 * to. A policy lives while a trap, an attempt or an SA needs it: policy_use() counts them, and frees it with the last.
 */

struct policy {
	struct table_link by_reqid, by_key, by_alias;
	uint64_t key; /* digest of connection, child and selectors */
	uint32_t reqid;
	uint32_t traps, users;
	bool claimed, claimed_trap, refused; /* refused: asked for, but not in force */
	bool acted;                          /* while actions are collected */
	bool configured;                     /* configured: all that the child's selectors come to; else one pair within */
	struct conn *conn;                   /* its own reference */
	const struct child *cfg;
	struct ip local, remote;
	struct ip alias; /* in @ts, in place of @remote: rival.c; IP_NONE: none */
	size_t at; /* the pair after the one that a peer named last: it often names the next */
	size_t n_ts;
	struct selector_pair ts[];
};

/*
 * The configured pairs of selectors with "dynamic" resolved to @local and @remote, in the scratch arena; their number in
 * *n. NULL when out of memory, or when an address is missing.
 */
struct selector_pair *policy_pairs(struct ike *core, const struct child *cfg, const struct ip *local, const struct ip *remote,
                                   size_t *n);
/* The policy of all pairs that @cfg is configured with; found or made. NULL when out of memory. */
struct policy *policy_of(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local,
                         const struct ip *remote);
/* The same, but only if it exists already. */
struct policy *policy_find_configured(struct ike *core, const struct conn *conn, const struct child *cfg, const struct ip *local,
                                      const struct ip *remote);
/* The policy of one pair that lies within what @cfg allows. */
struct policy *policy_narrowed(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local,
                               const struct ip *remote, const struct selector_pair *ts);
/* The policy of pairs that depend on more than the configuration: virtual addresses. */
struct policy *policy_of_pairs(struct ike *core, struct conn *conn, const struct child *cfg, const struct ip *local,
                               const struct ip *remote, const struct selector_pair *ts, size_t n);
struct policy *policy_by_reqid(struct ike *core, uint32_t reqid);
/* The data plane forgot all claims: makes each again. */
void policies_claim_again(struct ike *core);
/* Adds to (or, below 0, takes from) the traps and the attempts and SAs that need @p; the last one frees it. */
void policy_use(struct ike *core, struct policy *p, int traps, int users);
/* The claim could not be made: nothing under it comes up or stays up. */
void policy_refused(struct ike *core, struct policy *p, const char *why);

#endif
