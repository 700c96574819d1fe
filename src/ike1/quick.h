/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_QUICK_H
#define SALLYPORT_IKE1_QUICK_H

#include "phase1.h"

/* Quick Mode, RFC 2409 section 5.5: what its files share. */

enum { QUICK_NONCE_OCTETS = 32, QUICK_NONCE_MIN = 8, QUICK_NONCE_MAX = 256, ESP_KEYS_MAX = 64 + 64 };

struct quick {
	struct dh *dh;
	struct secret ni, nr, gxy;
	struct secret sar_b; /* responder: the body of our SA payload */
	struct secret ids;   /* responder: IDci and IDcr bodies as they came, to be sent back */
	size_t n_idci;
	struct suite suite;
	uint8_t in[ESP_KEYS_MAX], out[ESP_KEYS_MAX];
	size_t n_encr, n_integ;
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
uint16_t quick_encapsulation(const struct ike_sa *sa, enum child_mode mode);
/* No Phase 2 without PFS under this SA: our policy for Aggressive Mode (docs/adr/0020). */
bool quick_wants_pfs(const struct ike_sa *sa);
bool quick_own_nonce(struct exchange *ex, struct secret *n);
/* HASH(1), or HASH(2) with @ni_b, and the order of the first payloads. */
enum verdict quick_authentic(struct exchange *ex, const struct message *m, struct span ni_b);
enum verdict quick_take_nonce(const struct message *m, struct secret *n);
bool quick_add_ke(struct exchange *ex, struct builder *b, uint16_t group);
enum verdict quick_take_ke(struct exchange *ex, const struct message *m, uint16_t group);

/* ---- quick_keys.c */
bool quick_derive(struct exchange *ex);
void quick_take_suite(struct exchange *ex, const struct suite *s);
bool quick_install(struct exchange *ex, enum sa_direction dir, enum parked_for who);
/* Inbound is there before the peer can use it. BUILT once the data plane said so. */
enum built quick_inbound_first(struct exchange *ex);
void quick_our_lifetimes(const struct child *cfg, uint64_t *seconds, uint64_t *kilobytes);
void quick_take_lifetimes(struct exchange *ex, const struct suite *s, const struct child *cfg);

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
