/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_QUICK_H
#define SALLYPORT_IKE1_QUICK_H

#include "bundle.h"
#include "phase1.h"

/* Quick Mode, RFC 2409 section 5.5: what its files share. */

enum { QUICK_NONCE_OCTETS = 32, QUICK_NONCE_MIN = 8, QUICK_NONCE_MAX = 256, KEYMAT_MAX = 64 + 64 };

/* Key material of one direction: one KEYMAT for each protocol and SPI. */
struct quick_keys {
	uint8_t esp[KEYMAT_MAX]; /* of ESP, or of AH where it is alone */
	uint8_t ah[KEYMAT_MAX];  /* of the AH around ESP */
};

struct quick {
	struct dh *dh;
	struct secret ni, nr, gxy;
	struct secret sar_b; /* responder: the body of our SA payload */
	struct secret ids;   /* responder: IDci and IDcr bodies as they came, to be sent back */
	size_t n_idci;
	struct bundle bundle; /* as chosen */
	uint32_t offered_spi; /* of the peer's first proposal: what a refusal names */
	uint8_t offered_protocol;
	struct quick_keys in, out;
	size_t n_encr, n_integ, n_ah;
	uint64_t life_seconds, life_kilobytes; /* the smaller of both; 0: none */
	bool shorten;                          /* responder: say RESPONDER-LIFETIME */
	bool asked, refused_by_peer;
};

static inline struct quick *
quick_of(const struct exchange *ex)
{
	return ex->state;
}

/* ---- quick.c */
/* No Phase 2 without PFS under this SA: our policy for Aggressive Mode (docs/adr/0020). */
bool quick_wants_pfs(const struct ike_sa *sa);
/* What a child allows under this SA. */
struct bundle_terms quick_terms(const struct ike_sa *sa, const struct child *cfg);
/* Why the child cannot be had here whatever the peer says, or NULL. */
const char *quick_impossible(const struct ike_sa *sa, const struct child *cfg);
/* The group of a bundle's suites. */
uint16_t quick_group(const struct bundle *b);
bool quick_own_nonce(struct exchange *ex, struct secret *n);
/* HASH(1), or HASH(2) with @ni_b, and the order of the first payloads. */
enum verdict quick_authentic(struct exchange *ex, const struct message *m, struct span ni_b);
enum verdict quick_take_nonce(const struct message *m, struct secret *n);
bool quick_add_ke(struct exchange *ex, struct builder *b, uint16_t group);
enum verdict quick_take_ke(struct exchange *ex, const struct message *m, uint16_t group);

/* ---- quick_keys.c */
bool quick_derive(struct exchange *ex);
void quick_take_bundle(struct exchange *ex, const struct bundle *b);
struct bundle_spis quick_own_spis(const struct child_sa *c);
/* Our SPIs and CPI for what the child may become; false when out of memory. */
bool quick_new_spis(struct child_sa *c, uint8_t has);
struct sa_keys quick_keys_of(const struct quick *q, enum sa_direction dir);
bool quick_install(struct exchange *ex, enum sa_direction dir, enum parked_for who);
/* Inbound is there before the peer can use it. BUILT once the data plane said so. */
enum built quick_inbound_first(struct exchange *ex);
void quick_our_lifetimes(const struct child *cfg, uint64_t *seconds, uint64_t *kilobytes);
void quick_take_lifetimes(struct exchange *ex, const struct child *cfg);
/* The RESPONDER-LIFETIME in message 2. */
void quick_shorten(struct exchange *ex, const struct message *m);

/* ---- quick_nat.c: NAT-OA, RFC 3947 section 5.2 */
bool quick_add_nat_oa(struct exchange *ex, struct builder *b);
enum verdict quick_take_nat_oa(struct exchange *ex, const struct message *m, struct ip *ours, struct ip *theirs);

/* ---- quick_ids.c: what the client identities of message 1 mean */
enum verdict quick_take_ids(struct exchange *ex, const struct message *m, struct selector_pair *ts);

/* ---- the messages: quick_offer.c, quick_answer.c, quick_end.c */
enum built quick_offer(struct exchange *ex, struct builder *b);
enum verdict quick_consider(struct exchange *ex, const struct message *m);
enum built quick_answer(struct exchange *ex, struct builder *b);
enum verdict quick_accept(struct exchange *ex, const struct message *m);
enum built quick_confirm(struct exchange *ex, struct builder *b);
enum verdict quick_confirmed(struct exchange *ex, const struct message *m);
void quick_finish(struct exchange *ex);
void quick_fail(struct exchange *ex, const char *reason);

#endif
