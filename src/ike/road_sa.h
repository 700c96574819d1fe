/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ROAD_SA_H
#define SALLYPORT_ROAD_SA_H

#include "core.h"

/*
 * What a login and Mode Config make of an IKE_SA: between Phase 1 and its being
 * established, and then as long as it stands. An SA without either has none.
 */

enum road_stage {
	ROAD_LOGIN,   /* XAUTH */
	ROAD_CONFIG,  /* Mode Config */
	ROAD_INSTALL, /* our addresses go to the kernel */
	ROAD_DONE,
};

/* Where the packets of "dynamic" selectors really come from and go to. */
struct road {
	uint8_t stage;  /* enum road_stage */
	bool gateway;   /* the addresses are lent by us to the peer; else ours */
	bool installed; /* ours are in the kernel */
	uint8_t rounds; /* logins that succeeded: index of the round of XAUTH that comes next */
	uint8_t asked;  /* REQUESTs of XAUTH, in all */
	uint8_t n_vip, n_dns;
	uint8_t n_framed;
	uint16_t identifier; /* of the transaction under way */
	struct ip vip[VIRTUAL_IPS_MAX], dns[VIRTUAL_IPS_MAX];
	struct ip framed[2];    /* addresses that the user's server has for him */
	struct selector *split; /* UNITY_SPLIT_INCLUDE: all that the gateway wants to see */
	size_t n_split;
	struct selector *excluded; /* UNITY_LOCAL_LAN: what the gateway leaves out of the tunnel */
	size_t n_excluded;
	struct policy *bypass; /* the claim that lets it pass, once the SA is established */
	struct id_box *user; /* that logged in at our end */
	char *refusal;       /* why the login failed, as far as this end knows */
	struct secret name, password;
	struct secret message, banner, domain;
	uint64_t ticket;    /* ASK_USER, ADD_VIRTUAL */
	instant_t deadline; /* of what the peer has to begin */
};

/* The SA's, made when it has none yet; NULL when out of memory. */
struct road *road_open(struct ike_sa *sa);
/* What is told of the login once it has failed. */
void road_refusal(struct ike_sa *sa, const char *why);
/* Gives back what was lent or installed, wipes, frees. No-op without one. */
void road_close(struct ike_sa *sa);
/* Networks that the gateway leaves out of the tunnel pass by it, from now on until the road is closed. */
void road_bypass(struct ike_sa *sa);
void road_bypass_end(struct ike_sa *sa);
/* Children that others took over from @old, under an address that goes with it: they end. */
void road_end_orphans(struct ike_sa *old);
/* The identity that counts for uniqueness and leases: the user that logged in, else that of Phase 1. */
struct identity road_peer_id(const struct ike_sa *sa);
/* Whether only the peer can renew this SA: it has to log in, or to ask for its address, again. */
bool road_peer_renews(const struct ike_sa *sa);
/* What a peer failed to begin in time. */
const char *road_overdue(const struct ike_sa *sa);
/* For `status`: what the SA waits for while no exchange runs; NULL where it is for none of these. */
const char *road_awaited(const struct ike_sa *sa);
/* What an updown script is told of it; the addresses are copied into @a. */
void road_updown(struct effect_updown *out, const struct ike_sa *sa, struct arena *a);
void road_info(struct ike_info *out, const struct ike_sa *sa);

/* Which end XAUTH has log in, as the method of Phase 1 says. */
static inline bool
road_we_log_in(const struct ike_sa *sa)
{
	return sa->log_in == sa->role;
}

static inline bool
road_peer_logs_in(const struct ike_sa *sa)
{
	return sa->log_in != LOG_IN_NOBODY && sa->log_in != sa->role;
}

/* The round of XAUTH number @n of one end; NULL: there are fewer. */
const struct auth_round *road_round(const struct conn *c, bool local, size_t n);

/* What "dynamic" selectors come to under this SA: virtual addresses where it has some, else those of both ends. */
struct selector_pair *road_pairs(struct ike_sa *sa, const struct child *cfg, size_t *n);
/* The claim of that; road_find_policy(): as far as it exists already. */
struct policy *road_policy(struct ike_sa *sa, struct conn *conn, const struct child *cfg);
struct policy *road_find_policy(struct ike_sa *sa, const struct conn *conn, const struct child *cfg);
/* Its selectors cannot be known yet: they need an address that the gateway has to lend first. */
bool road_waits(const struct ike_sa *sa, const struct conn *conn, const struct child *cfg);

#endif
