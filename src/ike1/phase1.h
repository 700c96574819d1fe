/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_PHASE1_H
#define SALLYPORT_IKE1_PHASE1_H

#include "protect.h"

/* What Phase 1 needs until it is done, whichever exchange carries it. Freed then. */
struct phase1 {
	struct dh *dh;
	struct secret ni, nr;   /* nonce bodies */
	struct secret gxi, gxr; /* public values, as in the KE payloads */
	struct secret gxy;
	struct secret sai_b; /* the initiator's SA payload body: RFC 2409 hashes it as it was sent */
	struct secret sar_b; /* our answer to it, as responder */
	struct secret psk;
	uint8_t skeyid[PRF_OCTETS_MAX];
	bool have_skeyid, asked_again, confirmed, initial_contact;
	bool shorten;          /* ours is shorter than what the initiator offered: it is told */
	uint64_t life_seconds; /* the smaller of what both said; 0: none */
	uint64_t our_life_seconds;
};

struct phase1 *phase1_new(void);
void phase1_free(struct exchange *ex);

static inline struct phase1 *
phase1_of(const struct exchange *ex)
{
	return ex->state;
}

/* ---- phase1.c */
/* How long an ISAKMP SA may live under this connection, in seconds; 0: no end. */
uint64_t phase1_life_seconds(const struct conn *c);
void phase1_add_vendor_ids(struct builder *b);
void phase1_take_vendor_ids(struct exchange *ex, const struct message *m);
bool phase1_take_suite(struct exchange *ex, const struct suite *s);
enum verdict phase1_take_ke_nonce(struct exchange *ex, const struct message *m);
bool phase1_own_ke_nonce(struct exchange *ex, struct builder *b);
/* SKEYID to Ka and the first IV, once both public values, nonces and SKEYID are there. */
bool phase1_derive(struct exchange *ex);
bool phase1_hash_of(struct exchange *ex, uint8_t *hash, uint8_t whose, struct span id_b);
struct identity phase1_local_id(const struct ike_sa *sa, const struct conn *c);
/* The ISAKMP SA is there: lifetime, event, queue. The exchange may be gone afterwards. */
void phase1_done(struct exchange *ex);

/* ---- nat.c: RFC 3947 */
void nat_add_hashes(struct exchange *ex, struct builder *b);
void nat_take_hashes(struct exchange *ex, const struct message *m);
void nat_float(struct ike_sa *sa);

/* ---- auth_psk.c */
/*
 * Asks for the pre-shared key: true when it is there (or was refused: see
 * ex->verdict), false when the exchange is parked for it.
 */
enum built psk_need(struct exchange *ex);
/* The same question again with the identity that the peer has shown: it must be the same key. */
enum built psk_confirm(struct exchange *ex);

/* ---- informational.c */
/* A notification under the SA's protection, or in clear while there is none (RFC 2409 section 5.7). */
void info_notify(struct ike_sa *sa, uint8_t protocol, uint16_t type, struct span spi, struct span data);
/* In clear, for a message whose SA is only half there, or not at all. */
void info_notify_clear(struct ike *core, const struct endpoint *local, const struct endpoint *remote, const uint8_t cookie_i[8],
                       const uint8_t cookie_r[8], uint16_t type);
void info_receive(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h);
void info_child_deleted(struct child_sa *c);
void info_spi_deleted(struct ike_sa *sa, uint32_t spi);
void info_ike_deleted(struct ike_sa *sa);
void info_probe(struct ike_sa *sa);
/* Our lifetime is shorter than what the peer offered: RFC 2407 section 4.6.3.1. */
void info_add_responder_lifetime(struct builder *b, struct arena *a, uint8_t protocol, struct span spi, uint64_t seconds,
                                 uint64_t kilobytes);
/* The lifetime in a RESPONDER-LIFETIME notification; 0 where it says none. */
uint64_t info_responder_lifetime(const struct message *m, uint8_t protocol);
void info_initial_contact(struct ike_sa *sa);

/* ---- main.c, quick.c */
extern const struct exchange_kind main_mode_psk;
extern const struct exchange_kind quick_mode;
bool main_mode_initiate(struct ike_sa *sa);
bool quick_mode_initiate(struct child_sa *c);
/* State and first IV for a Quick Mode whose message id is set. */
bool quick_mode_open(struct exchange *ex);
void quick_mode_queue(struct ike_sa *sa);
/* Random, not 0, not used under this SA. */
uint32_t ike1_message_id(struct ike_sa *sa);
/* The peer refused one of our Quick Modes: by SPI, or the only one there is. */
void quick_mode_refused(struct ike_sa *sa, struct span spi, const char *why);
/* A message 1 was looked at: should it have been refused, this is how a repetition of it is known. */
void quick_mode_received(struct ike_sa *sa, uint32_t message_id, uint64_t digest);
/* True when this very message was refused before: that was said again. */
bool quick_mode_refused_before(struct ike_sa *sa, uint32_t message_id, uint64_t digest);

#endif
