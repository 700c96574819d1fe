/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_MATCH_H
#define SALLYPORT_MATCH_H

#include "conn.h"

/*
 * Negotiation as a pure function: offers and policy in, a choice or the reason
 * of each refusal out. RFC 2408 section 4.2, RFC 2407 section 4.5, RFC 2409 section 5.
 */

/* proposal_parse's and match's protocol. */
enum proposal_protocol { PROPOSAL_IKE, PROPOSAL_ESP, PROPOSAL_AH };

/*
 * proposals_parse - swanctl's "aes256-sha256-modp2048,aes128gcm16-...", "default".
 * Appends to @out (proposals_free() frees). False with a sentence in @why
 * (@why_size octets): which word is wrong and what is allowed.
 */
bool proposals_parse(struct proposals *out, enum proposal_protocol protocol, struct span text, char *why, size_t why_size);
/* The secure defaults of RFC 8221 and RFC 8247; nothing weak. False when out of memory. */
bool proposals_default(struct proposals *out, enum proposal_protocol protocol);
bool proposals_copy(struct proposals *out, const struct proposals *from);
void proposals_free(struct proposals *p);
/* strongSwan's form: "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048". Returns @out. */
const char *proposal_format(char *out, size_t n, const struct proposal *p);

/*
 * IKEv1 Authentication Method: RFC 2409 Appendix A, RFC 4754 section 6,
 * draft-beaulieu-ike-xauth-02 section 7.2, draft-ietf-ipsec-isakmp-hybrid-auth-05
 * section 3.2.1. "Init" and "Resp": which end of Phase 1 then logs in with XAUTH.
 */
enum auth_offer {
	AUTH_OFFER_PSK = 1,
	AUTH_OFFER_DSS = 2,
	AUTH_OFFER_RSA_SIG = 3,
	AUTH_OFFER_RSA_ENC = 4,
	AUTH_OFFER_RSA_REVISED = 5,
	AUTH_OFFER_ECDSA_256 = 9,
	AUTH_OFFER_ECDSA_384 = 10,
	AUTH_OFFER_ECDSA_521 = 11,
	AUTH_OFFER_HYBRID_INIT_RSA = 64221,
	AUTH_OFFER_HYBRID_RESP_RSA = 64222,
	AUTH_OFFER_HYBRID_INIT_DSS = 64223,
	AUTH_OFFER_HYBRID_RESP_DSS = 64224,
	AUTH_OFFER_XAUTH_INIT_PSK = 65001,
	AUTH_OFFER_XAUTH_RESP_PSK = 65002,
	AUTH_OFFER_XAUTH_INIT_DSS = 65003,
	AUTH_OFFER_XAUTH_RESP_DSS = 65004,
	AUTH_OFFER_XAUTH_INIT_RSA = 65005,
	AUTH_OFFER_XAUTH_RESP_RSA = 65006,
	AUTH_OFFER_XAUTH_INIT_RSA_ENC = 65007,
	AUTH_OFFER_XAUTH_RESP_RSA_ENC = 65008,
	AUTH_OFFER_XAUTH_INIT_RSA_REVISED = 65009,
	AUTH_OFFER_XAUTH_RESP_RSA_REVISED = 65010,
};

/* What is wrong with an offer that cannot be chosen, as far as RFC 2408 sections 5.5 and 5.6 tell such things apart. */
enum suite_fault {
	SUITE_FAULT_NONE = 0,
	SUITE_FAULT_UNKNOWN,   /* an algorithm that we do not know: others may be chosen */
	SUITE_FAULT_PROTOCOL,  /* one that this phase does not negotiate */
	SUITE_FAULT_SPI,       /* of a false length, or a reserved value */
	SUITE_FAULT_TRANSFORM, /* a reserved Transform-Id */
	SUITE_FAULT_ATTRIBUTE, /* an attribute, or a value of one, that we do not support, or two that conflict: RFC 2407 sections 4.5.2, 4.5.3 */
	SUITE_FAULT_SYNTAX,    /* it contradicts itself, or something must be there that is not */
};

/* One concrete combination: an IKEv1 transform (or AND of one ESP transform), as offered or as chosen. */
struct suite {
	uint8_t protocol; /* PROTO_* */
	struct transform encr;
	uint16_t prf_id;   /* IKE */
	uint16_t integ_id; /* ESP; IKEv1 phase 1 has none */
	uint16_t dh_id;    /* DH_NONE: no PFS */
	bool esn;
	uint16_t auth;          /* IKEv1 phase 1: enum auth_offer or any number the peer sent */
	uint16_t encapsulation; /* IKEv1 phase 2: Encapsulation Mode attribute; 0 absent */
	bool life_seconds_given, life_kilobytes_given;
	uint64_t life_seconds, life_kilobytes;
	uint8_t proposal_number, transform_number;
	uint16_t proposal_index, transform_index; /* where it is in the SA payload: numbers may repeat, indices do not */
	uint32_t spi;                             /* ESP, AH: the offerer's SPI; IPComp: its CPI */
	uint8_t spi_octets;                       /* as it was sent: a CPI has 2 or 4 */
	uint8_t ipcomp_id;                        /* IPComp: IPCOMP_DEFLATE */
	bool unknown;                             /* holds an attribute or algorithm that we do not know: never chosen */
	uint8_t fault;                            /* enum suite_fault, where it is unknown */
	const char *unknown_what;                 /* "hash algorithm 77"; in the decoder's arena */
};

enum { IPCOMP_DEFLATE = 2 }; /* RFC 2407 section 4.4.5 */

enum { SUITES_MAX = 1024 }; /* of one SA payload; later ones are passed over */

struct suites {
	struct suite *s;
	size_t n;
};

/* What is wrong with all of them; UNKNOWN where that is not one thing, NONE where one could be chosen. */
enum suite_fault suites_fault(const struct suites *all);

/* The first thing in which an offered suite differs from a configured proposal. */
enum mismatch {
	MISMATCH_NONE = 0,
	MISMATCH_ENCR,
	MISMATCH_KEY_LENGTH,
	MISMATCH_PRF,
	MISMATCH_INTEG,
	MISMATCH_DH,
	MISMATCH_PFS,
	MISMATCH_ESN,
	MISMATCH_AUTH,
	MISMATCH_ENCAPSULATION,
	MISMATCH_PROTOCOL,
	MISMATCH_LIFETIME,
	MISMATCH_UNKNOWN,
	MISMATCH_WEAK,
};

struct refusal {
	size_t offered, configured; /* indices */
	enum mismatch first;
};

enum { MATCH_REFUSALS_MAX = 256 };

/* The value that log, command, vici and tests all explain from. */
struct match {
	bool chosen;
	size_t offered, configured; /* the pair that matched */
	struct refusal refusal[MATCH_REFUSALS_MAX];
	size_t n_refusals;
};

/* IKEv1 Encapsulation Mode: RFC 2407 section 4.5, RFC 3947 section 5.1 and the numbers of its drafts. */
enum {
	ENCAPSULATION_NONE = 0,
	ENCAPSULATION_TUNNEL = 1,
	ENCAPSULATION_TRANSPORT = 2,
	ENCAPSULATION_UDP_TUNNEL = 3,
	ENCAPSULATION_UDP_TRANSPORT = 4,
	ENCAPSULATION_UDP_TUNNEL_DRAFT = 61443,
	ENCAPSULATION_UDP_TRANSPORT_DRAFT = 61444,
};

/* The RFC's number for a draft's. */
static inline uint16_t
encapsulation_canonical(uint16_t mode)
{
	return mode == ENCAPSULATION_UDP_TUNNEL_DRAFT      ? ENCAPSULATION_UDP_TUNNEL
	       : mode == ENCAPSULATION_UDP_TRANSPORT_DRAFT ? ENCAPSULATION_UDP_TRANSPORT
	                                                   : mode;
}

/* What besides algorithms must agree; 0 / false where it does not apply. */
struct match_terms {
	enum proposal_protocol protocol;
	uint16_t auth;          /* phase 1 */
	uint16_t encapsulation; /* phase 2: what NAT and configuration call for */
	bool pfs;               /* phase 2: no SA without it, whatever the proposals say (Phase 1 was an Aggressive Mode) */
};

/*
 * match_suites - the responder's choice: the first configured proposal, in our
 * order of preference, that some offered suite satisfies.
 */
void match_suites(struct match *out, const struct suites *offered, const struct proposals *ours, const struct match_terms *terms);

/*
 * suite_mismatch - the first thing in which @s differs from @p under @terms;
 * MISMATCH_NONE where it is allowed. A suite without encapsulation mode leaves
 * the mode to us ("host-dependent", RFC 2407 section 4.5). Lifetimes never
 * differ: the shorter one counts (RFC 2407 section 4.5.4).
 */
enum mismatch suite_mismatch(const struct suite *s, const struct proposal *p, const struct match_terms *terms);

/* The same algorithms, key length, group, ESN, authentication and encapsulation; lifetimes, SPI and numbers aside. */
bool suite_same(const struct suite *a, const struct suite *b);

#endif
