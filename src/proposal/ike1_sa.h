/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_SA_H
#define SALLYPORT_IKE1_SA_H

#include "arena.h"
#include "isakmp.h"
#include "match.h"

/*
 * Between the SA payloads of IKEv1 and suites: RFC 2408 sections 3.4 to 3.6 and
 * 4.2, RFC 2409 Appendix A (Phase 1), RFC 2407 sections 4.4 and 4.5 (Phase 2).
 * Everything that is returned borrows from the SA payload or lives in the arena.
 */

enum { KEY_IKE = 1 };       /* Transform-Id of PROTO_ISAKMP, RFC 2407 section 4.4.2 */
enum { ESP_SPI_MIN = 256 }; /* RFC 4303 section 2.1: 1 to 255 are reserved */

/*
 * suites_from_ike1_sa, suites_from_ike1_ipsec_sa - what an SA payload of Phase 1,
 * or of Phase 2, offers: a suite a transform, in the payload's order, at most
 * SUITES_MAX. What we do not know makes a suite `unknown`, with what it was. Which
 * suites of Phase 2 go together is in bundle.h. False when out of memory.
 */
bool suites_from_ike1_sa(struct suites *out, const struct sa_payload *sa, struct arena *a);
bool suites_from_ike1_ipsec_sa(struct suites *out, const struct sa_payload *sa, struct arena *a);

/*
 * ike1_sa_from_proposals - our Phase 1 offer: one proposal, a transform for each
 * combination in order of preference. More than fit a packet are thinned out so
 * that each cipher still comes with each group. NULL, or a sentence: nothing
 * that IKEv1 can say, or no memory.
 */
struct ike1_offer_terms {
	uint16_t auth;         /* enum auth_offer */
	uint16_t dh_id;        /* the only group: Aggressive Mode sends its public value along; DH_NONE: all */
	uint64_t life_seconds; /* 0: none is offered */
};

const char *ike1_sa_from_proposals(struct sa_payload *out, const struct proposals *ours, const struct ike1_offer_terms *terms,
                                   struct arena *a);

/*
 * The group that an Aggressive Mode of ours is to use, where "the group in which
 * the Diffie-Hellman exchange is performed cannot be negotiated" (RFC 2409
 * section 5): the first that IKEv1 can say; DH_NONE: there is none.
 */
uint16_t ike1_first_group(const struct proposals *ours);

/*
 * ike1_sa_answer - the responder's SA payload of Phase 1: the chosen proposal with its one
 * transform, numbers and attributes exactly as received. False when out of memory.
 */
bool ike1_sa_answer(struct sa_payload *out, const struct sa_payload *offered, const struct suite *chosen, struct arena *a);

/*
 * ike1_sa_accept - the initiator's check of the answer in Phase 1: exactly one transform,
 * one of those in @offer. @chosen is the answer's, with its lifetimes
 * and the transform_index that it has in @offer. NULL, or a sentence.
 */
const char *ike1_sa_accept(struct suite *chosen, const struct sa_payload *answer, const struct sa_payload *offer,
                           struct arena *a);

/* Names of the numbers of RFC 2409 Appendix A and RFC 2407 that are not in our registry; NULL for others. */
const char *ike1_value_name(uint16_t attribute, uint64_t value);
const char *ike1_auth_name(uint16_t auth);
const char *esp1_transform_name(uint8_t id);
const char *esp1_auth_name(uint64_t value);
const char *encapsulation_name(uint16_t mode);

#endif
