/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BUNDLE_H
#define SALLYPORT_BUNDLE_H

#include "arena.h"
#include "isakmp.h"
#include "match.h"

/*
 * A protection suite of Phase 2: RFC 2408 section 4.2. Proposals of one number are
 * AND: all of these protocols or none; numbers are OR, and so are the transforms of
 * each protocol. What is negotiated here is ESP, AH, or AH around ESP, each with or
 * without IPComp inside.
 */
enum { BUNDLE_ESP = 1, BUNDLE_AH = 2, BUNDLE_IPCOMP = 4 };

struct bundle {
	uint8_t has; /* BUNDLE_*: which of these are there */
	struct suite esp, ah, ipcomp;
};

/* What a child allows. A protocol whose list is empty is not wanted. */
struct bundle_terms {
	const struct proposals *esp, *ah;
	bool ipcomp;            /* allowed, and preferred; an offer without it is taken too */
	uint16_t encapsulation; /* ENCAPSULATION_* */
	bool pfs;               /* none without a group */
};

/* Which protocols a child wants, apart from IPComp. */
uint8_t bundle_wanted(const struct bundle_terms *terms);

/*
 * match_bundles - the responder's choice among what suites_from_ike1_ipsec_sa() read:
 * our first proposal that some offered bundle satisfies, with IPComp where both have it.
 * The work is bounded by the offer's size times ours, however the offer is nested.
 * @out->offered and the refusals index @offered; configured ones are in the list of the
 * refused suite's protocol.
 */
void match_bundles(struct bundle *chosen, struct match *out, const struct suites *offered, const struct bundle_terms *terms);

/* Our SPIs and CPI, host order; 0 where there is none. */
struct bundle_spis {
	uint32_t esp, ah;
	uint16_t cpi;
};

/* What all transforms of our offer have in common. */
struct bundle_offer {
	struct bundle_terms terms;
	struct bundle_spis spis;
	uint16_t dh_id;                        /* the group of our KE payload; DH_NONE: no PFS */
	uint64_t life_seconds, life_kilobytes; /* 0: not offered */
};

/*
 * The group that a Quick Mode of ours is to use: the first of the first proposal, or where
 * PFS is a must the first that is named at all; DH_NONE: no PFS.
 */
uint16_t bundle_group(const struct bundle_terms *terms);

/*
 * ike1_sa_from_bundle - our Phase 2 offer: the combinations that allow the group, since a
 * Quick Mode has one (RFC 2409 section 5.5). With IPComp first, then without: a peer
 * may have none. NULL, or a sentence.
 */
const char *ike1_sa_from_bundle(struct sa_payload *out, const struct bundle_offer *offer, struct arena *a);

/* The responder's SA payload: the chosen proposals, each with its one transform, as they came. False when out of memory. */
bool ike1_sa_answer_bundle(struct sa_payload *out, const struct sa_payload *offered, const struct bundle *chosen,
                           const struct bundle_spis *spis, struct arena *a);

/* The initiator's check: one proposal number, one transform a protocol, all of them from one of ours. NULL, or a sentence. */
const char *ike1_sa_accept_bundle(struct bundle *chosen, const struct sa_payload *answer, const struct sa_payload *offer,
                                  struct arena *a);

/* "AH and ESP with IPComp". */
const char *bundle_name(uint8_t has);

/* The bit of PROTO_*; 0 for others. */
static inline uint8_t
bundle_bit(uint8_t protocol)
{
	return protocol == PROTO_IPSEC_ESP  ? BUNDLE_ESP
	       : protocol == PROTO_IPSEC_AH ? BUNDLE_AH
	       : protocol == PROTO_IPCOMP   ? BUNDLE_IPCOMP
	                                    : 0;
}

#endif
