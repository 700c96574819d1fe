/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ROAD_H
#define SALLYPORT_ROAD_H

#include "conn.h"

/*
 * Road warriors: what the core asks about logins (XAUTH) and about addresses
 * (Mode Config), and what it is answered. A conn that a question points to is
 * referenced as long as the effects live.
 */

enum {
	VIRTUAL_IPS_MAX = 8,         /* of one client */
	CONFIG_ATTRIBUTES_KEPT = 64, /* that go to a client */
	SPLIT_NETWORKS_MAX = 64,
	LOGIN_OCTETS_MAX = 512, /* of a user name, a password, a message */
};

/* One attribute of Mode Config: isakmp's config_attribute_type. */
struct config_attribute {
	uint16_t type;
	struct span value;
};

/* Who shall we say that we are? @message: what the gateway wants its user to read. */
struct login_query {
	const struct conn *conn;
	const struct auth_round *round;
	struct identity local_id;
	struct span message;
};

/* Is @name who he says, as @round wants it? */
struct user_query {
	const struct conn *conn;
	const struct auth_round *round;
	uint32_t ike_id;
	struct span name, password;
	struct identity remote_id; /* of Phase 1 */
	struct endpoint local, remote;
};

/* Addresses for a client, and the settings that go with them. */
struct lease_query {
	const struct conn *conn;
	uint32_t ike_id;
	struct identity id; /* the user that logged in, else the identity of Phase 1 */
	struct endpoint remote;
	const struct ip *wanted; /* all zero: any of that family */
	size_t n_wanted;
	const struct ip *held; /* lent already: to an IKE_SA that this one replaces, or by a RADIUS server to this user */
	size_t n_held;
};

/* Addresses of ours that a gateway lent us, and what it wants us to know. */
struct virtual_config {
	uint32_t ike_id;
	const struct conn *conn;
	struct endpoint local, remote;
	const struct ip *vip, *dns;
	size_t n_vip, n_dns;
	struct span banner, domain; /* as they came: unprintable octets may be in them */
};

/* The part of an answer that speaks of these. */
struct road_answer {
	struct span user, password;          /* LOGIN */
	bool again;                          /* USER: not yet: ask the peer once more, with @message */
	struct span message;                 /* USER: for the peer to read; empty: none */
	const struct octets_list *groups;    /* USER: that he belongs to; NULL: nobody knows */
	const struct ip *vip;                /* USER: addresses that the server has for him; LEASE: those lent */
	size_t n_vip;
	const struct config_attribute *attr; /* LEASE */
	size_t n_attr;
};

#endif
