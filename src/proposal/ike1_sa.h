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
 * suites_from_ike1_sa, suites_from_ike1_esp_sa - what an SA payload of Phase 1,
 * or of Phase 2, offers: a suite a transform, in the payload's order, at most
 * SUITES_MAX. What we do not know makes a suite `unknown`, with what it was; so
 * does a Phase 2 proposal that is not ESP alone. False when out of memory.
 */
bool suites_from_ike1_sa(struct suites *out, const struct sa_payload *sa, struct arena *a);
bool suites_from_ike1_esp_sa(struct suites *out, const struct sa_payload *sa, struct arena *a);

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

/* What all transforms of a Quick Mode have in common. */
struct ike1_esp_terms {
	uint32_t spi;                          /* ours, host order */
	uint16_t dh_id;                        /* the group of our KE payload; DH_NONE: no PFS */
	uint16_t encapsulation;                /* ENCAPSULATION_* */
	uint64_t life_seconds, life_kilobytes; /* 0: not offered */
};

/* The group that a Quick Mode of ours is to use: the first of the first proposal; DH_NONE: no PFS. */
uint16_t ike1_esp_group(const struct proposals *ours);
/* The same where PFS is a must: the first that is named at all; DH_NONE: none is. */
uint16_t ike1_pfs_group(const struct proposals *ours);

/*
 * ike1_sa_from_esp_proposals - our Phase 2 offer: the combinations of those
 * proposals that allow the group, since a Quick Mode has one (RFC 2409 section
 * 5.5). NULL, or a sentence.
 */
const char *ike1_sa_from_esp_proposals(struct sa_payload *out, const struct proposals *ours, const struct ike1_esp_terms *terms,
                                       struct arena *a);

/*
 * ike1_sa_answer - the responder's SA payload: the chosen proposal with its one
 * transform, numbers and attributes exactly as received. @spi: ours, for ESP;
 * 0 in Phase 1, which has none. False when out of memory.
 */
bool ike1_sa_answer(struct sa_payload *out, const struct sa_payload *offered, const struct suite *chosen, uint32_t spi,
                    struct arena *a);

/*
 * ike1_sa_accept - the initiator's check of the answer: exactly one transform,
 * one of those in @offer. @chosen is the answer's, with its lifetimes, its SPI
 * and the transform_index that it has in @offer. NULL, or a sentence.
 */
const char *ike1_sa_accept(struct suite *chosen, const struct sa_payload *answer, const struct sa_payload *offer,
                           enum proposal_protocol protocol, struct arena *a);

/* Names of the numbers of RFC 2409 Appendix A and RFC 2407 that are not in our registry; NULL for others. */
const char *ike1_value_name(uint16_t attribute, uint64_t value);
const char *ike1_auth_name(uint16_t auth);
const char *esp1_transform_name(uint8_t id);
const char *esp1_auth_name(uint64_t value);
const char *encapsulation_name(uint16_t mode);

#endif
