/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_NETLINK_H
#define SALLYPORT_NETLINK_H

#include "addr.h"

struct mnl_socket;
struct nlmsghdr;

/* Routes, rules and addresses over rtnetlink. Results are 0 or an errno value. */
struct netlink {
	struct mnl_socket *socket;
	unsigned seq;
	unsigned removed; /* routes and rules, by the two functions that flush */
};

enum {
	/* Who made a route or rule (rtm_protocol, FRA_PROTOCOL); 200 to 255 are free for anyone. */
	NETLINK_PROTOCOL = 211,
	/* The last resort behind a route of lower metric. */
	NETLINK_METRIC_LAST = -1,
};

int netlink_open(struct netlink *nl);
void netlink_close(struct netlink *nl);

/* A prefix. */
struct prefix {
	struct ip ip;
	uint8_t bits;
};

struct netlink_route {
	struct prefix to;
	uint32_t table;
	unsigned ifindex; /* 0: an unreachable route of the last metric */
	struct ip src;    /* preferred source; IP_NONE: none */
	bool sourceless;  /* IPv6: only for lookups that have no source address yet ("from ::/128") */
};

/* Creates or replaces. */
int netlink_route_set(struct netlink *nl, const struct netlink_route *r);
int netlink_route_delete(struct netlink *nl, const struct netlink_route *r);
/* Removes all routes of our protocol whose table is in [first, last]. */
int netlink_routes_flush(struct netlink *nl, uint32_t first, uint32_t last);

struct port_range {
	uint16_t lo, hi;
};

/* Which packets a rule is about: everything 0 = all. */
struct netlink_shape {
	uint8_t proto;
	struct port_range sport, dport; /* {0, 0} and {0, 65535}: any */
};

enum netlink_rule_action { RULE_LOOKUP, RULE_GOTO, RULE_NOP };

struct netlink_rule {
	uint8_t family; /* enum ip_family */
	uint32_t priority;
	enum netlink_rule_action action;
	uint32_t table;  /* RULE_LOOKUP */
	uint32_t target; /* RULE_GOTO: a priority */
	uint32_t mark, mark_mask;
	const char *from_device; /* only lookups for packets from that device; "lo": this machine's own; NULL: all */
	bool sourceless;         /* IPv4: only lookups that have no source address yet */
	int suppress_prefix;     /* routes of at most this prefix length do not count; -1: all do */
	struct prefix from, to;  /* family IP_NONE: anywhere */
	struct netlink_shape shape;
};

int netlink_rule_add(struct netlink *nl, const struct netlink_rule *r);
int netlink_rule_delete(struct netlink *nl, const struct netlink_rule *r);
/* Removes rules of our protocol whose priority is in [first, last] and, for lookups, whose table is in [table_first, table_last]
 * or RT_TABLE_MAIN. */
int netlink_rules_flush(struct netlink *nl, uint32_t first, uint32_t last, uint32_t table_first, uint32_t table_last);

/* Addresses of this machine that a packet may have as its source. */
struct address_list {
	struct ip *a;
	size_t n;
};

/* Into an empty list. Nothing that is link-local, of host scope, loopback, tentative or failed; deprecated ones come last. */
int netlink_addresses(struct netlink *nl, struct address_list *out);
void address_list_free(struct address_list *l);

int netlink_link_up(struct netlink *nl, unsigned ifindex);
/* An IPv4 address that is nobody's source: of host scope, which netlink_addresses() leaves out. */
int netlink_host_address_add(struct netlink *nl, unsigned ifindex, const struct ip *a);

/* An address of this machine, alone on its interface (no route to neighbours); ready at once. */
int netlink_address_add(struct netlink *nl, unsigned ifindex, const struct ip *a);
int netlink_address_delete(struct netlink *nl, unsigned ifindex, const struct ip *a);

/* What a lookup towards @dst says: the preferred source, and whether @dst is this machine's own. */
int netlink_lookup(struct netlink *nl, const struct ip *dst, uint32_t mark, struct ip *src, bool *local);

/* Internal to netlink*.c: sends a request and waits for its end; @each sees every answer. */
int netlink_talk(struct netlink *nl, struct nlmsghdr *h, int (*each)(const struct nlmsghdr *, void *), void *arg);
/* Everything of a kind; @header: the size of its fixed part. EINTR: it changed meanwhile, so some may be missing or there twice. */
int netlink_dump(struct netlink *nl, uint16_t type, uint8_t family, size_t header, int (*each)(const struct nlmsghdr *, void *),
                 void *arg);

#endif
