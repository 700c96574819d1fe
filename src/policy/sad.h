/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SAD_H
#define SALLYPORT_SAD_H

#include "conn.h"
#include "secret.h"

/*
 * What key management hands to the data plane for one direction of one IPsec
 * SA: RFC 4301 section 4.4.2.1. The receiver of the struct copies what it keeps.
 */
enum sa_direction { SA_INBOUND, SA_OUTBOUND };

struct sa_params {
	enum sa_direction direction;
	uint32_t spi;      /* host order */
	uint32_t child_id; /* which CHILD_SA (Phase 2) it belongs to: its unique id */
	uint32_t reqid;    /* which policy it serves (struct claim) */
	struct endpoint local, remote;
	bool udp_encap; /* RFC 3948; else protocol 50 */
	struct transform encr;
	uint16_t integ_id; /* INTEG_NONE for an AEAD */
	bool esn;
	struct span encr_key; /* with the salt at its end */
	struct span integ_key;
	uint8_t protocol; /* 50: ESP, 51: AH: of spi, encr and integ; 0 means ESP */
	/* An SA bundle, RFC 4301 section 4.4.2 and RFC 2401 section 4.3: AH around the ESP of `spi`; ah.spi 0: none. */
	struct {
		uint32_t spi;
		uint16_t integ_id;
		struct span integ_key;
	} ah;
	/* IPComp (RFC 3173) inside: the CPI that this direction carries; 0: none. */
	uint16_t ipcomp_cpi;
	/* Transport mode in UDP: the addresses as the peer sees them, NAT-OA (RFC 3947 section 5.2); IP_NONE: no NAT. */
	struct ip nat_oa_local, nat_oa_remote;
	/* Transport mode in UDP: the peer's address in this host's own packets and in @ts; IP_NONE: the one it has. */
	struct ip alias;
	struct selector_pair ts; /* local side first, for both directions */
	enum child_mode mode;
	uint32_t replay_window;
	/* Counts at which the data plane reports EXPIRE_SOFT and EXPIRE_HARD; 0 = none. */
	uint64_t soft_octets, hard_octets, soft_packets, hard_packets;
	bool copy_df, copy_ecn;
	uint8_t copy_dscp;
};

/* Traffic figures of one SA direction. */
struct sa_usage {
	uint64_t octets, packets;
	uint64_t last_use_ns; /* instant of the last packet; 0: none yet */
	/* IPComp: packets compressed, or expanded; and sent as they were since they did not shrink, or not to be expanded. */
	uint64_t compressed, incompressible;
};

/*
 * A policy that claims traffic (RFC 4301 section 4.4.1, PROTECT): from `claim`
 * until `release`, packets within it leave through an SA of its reqid or not at all.
 */
struct claim {
	uint32_t reqid;
	const char *conn, *child; /* borrowed names */
	const struct selector_pair *ts;
	size_t n_ts;
	enum child_mode mode; /* MODE_PASS and MODE_DROP are shunts */
	uint32_t priority;
	struct ip local, remote; /* the gateways, where known */
	bool trap;               /* ask for an SA when a packet comes and there is none */
	bool hostaccess;
};

#endif
