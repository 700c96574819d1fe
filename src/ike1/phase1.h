/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_PHASE1_H
#define SALLYPORT_PHASE1_H

#include "informational.h"
#include "method.h"
#include "protect.h"
#include "vendor_id.h"

enum {
	PHASE1_CERTS_MAX = 16,      /* of one message, ours and the peer's */
	PHASE1_AUTHORITIES_MAX = 32 /* certificate requests of one message */
};

/* What an exchange of Phase 1 asked for last. */
enum asked { ASKED_NOTHING, ASKED_CREDENTIAL, ASKED_PSK, ASKED_PSK_AGAIN, ASKED_SIGNATURE, ASKED_VERIFIED };

/* The answer to ASK_CREDENTIAL. */
struct credential {
	struct conn *conn; /* it is for; its own reference */
	bool ok;
	enum signature_scheme scheme;
	uint64_t key;
	struct identity id; /* what the certificate says */
	struct secret *cert;
	uint8_t encoding[PHASE1_CERTS_MAX];
	size_t n_cert;
	struct secret *authority; /* DER names of CAs that we trust for the peer */
	size_t n_authority;
	char *why; /* where it is not ok */
};

/* What the key exchange is made of. A responder of Main Mode has none before message 3: RFC 2408 section 2.5.3. */
struct keying {
	struct dh *dh;
	struct secret ni, nr;   /* nonce bodies */
	struct secret gxi, gxr; /* public values, as in the KE payloads */
	struct secret gxy;
	struct secret psk;
	uint8_t skeyid[PRF_OCTETS_MAX];
	bool have_skeyid;
};

/*
 * What Phase 1 needs until it is done, whichever exchange carries it. Freed then. Who only sent a first message has such a
 * record kept: what comes later is in records of its own.
 */
struct phase1 {
	const struct method *method; /* NULL: not agreed yet */
	struct keying *keying;
	struct secret sai_b;           /* the initiator's SA payload body: RFC 2409 hashes it as it was sent */
	struct secret sar_b;           /* our answer to it, as responder, until it is sent */
	struct secret id_b;            /* Aggressive Mode, message 1: the initiator's ID payload body */
	struct queued *early;          /* what overtook the peer's last message: see early.c */
	struct credential *credential; /* NULL: not asked yet */
	bool credential_again;         /* asked once more, for the CAs that the peer named */
	struct secret signature;
	struct conn **judged; /* the connections that ASK_VERIFY named, referenced */
	size_t n_judged;
	struct secret *wanted; /* DER names of CAs that the peer asked for */
	size_t n_wanted;
	bool cert_wanted;        /* it asked for a certificate, of whatever CA */
	struct id_box *their_id; /* Aggressive Mode: what the peer says it is, proven only at the end; NULL: it has not said */
	enum asked asked;
	size_t skip;         /* candidates whose credential did not fit */
	uint8_t cookie_r[8]; /* of the message under way, for a notification about it */
	bool asked_again, confirmed, initial_contact;
	uint32_t announced;    /* a bit per enum vendor_id that the peer sent */
	bool fragment_flags;   /* flags stood behind its FRAGMENTATION */
	bool shorten;          /* ours is shorter than what the initiator offered: it is told */
	uint64_t life_seconds; /* the smaller of what both said; 0: none */
	uint64_t our_life_seconds;
};

bool phase1_open(struct exchange *ex);
void phase1_free(struct exchange *ex);

static inline struct phase1 *
phase1_of(const struct exchange *ex)
{
	return ex->state;
}

static inline bool
phase1_aggressive(const struct exchange *ex)
{
	return ex->kind->type == EXCHANGE_AGGRESSIVE;
}

static inline uint8_t
phase1_other(const struct exchange *ex)
{
	return ex->role == INITIATOR ? RESPONDER : INITIATOR;
}

/* ---- phase1.c: what all exchanges share */
/* How long an ISAKMP SA may live under this connection, in seconds; 0: no end. */
uint64_t phase1_life_seconds(const struct conn *c);
void phase1_add_vendor_ids(struct exchange *ex, struct builder *b);
void phase1_take_vendor_ids(struct exchange *ex, const struct message *m);
/*
 * Whether a vendor ID goes to the peer. The responder says only what it was told: else a short first message, from whoever
 * can forge an address, would draw a longer answer (docs/adr/0030). An ability that one end lacks is of no use to the other.
 */
bool phase1_announces(const struct exchange *ex, enum vendor_id id);
bool phase1_take_suite(struct exchange *ex, const struct suite *s);
enum verdict phase1_take_ke_nonce(struct exchange *ex, const struct message *m);
bool phase1_own_ke_nonce(struct exchange *ex, struct builder *b);
/* SKEYID is there, or it is asked for what it needs. */
enum built phase1_need_skeyid(struct exchange *ex);
/* SKEYID to Ka and the first IV, once both public values, nonces and SKEYID are there. */
bool phase1_derive(struct exchange *ex);
/* Both. */
enum built phase1_need_keys(struct exchange *ex);
/* HASH_I or HASH_R, as @whose method wants it: its length, 0 on failure. */
size_t phase1_hash_of(struct exchange *ex, uint8_t *hash, uint8_t whose, struct span id_b);
/* An error that a process or build function ends with. */
enum verdict phase1_refuse(struct exchange *ex, enum verdict v, uint16_t notify, const char *why);
/* What a build function returned, as the verdict of a process function: parked is well so far. */
enum verdict phase1_verdict(struct exchange *ex, enum built r);
/* A build function's failure is counted, and said, like a refused message. */
enum built phase1_counted(struct exchange *ex, enum built r);

/* ---- phase1_end.c: how it ends */
/*
 * The last message is there: both ends are authenticated as far as the method
 * goes. Keeps what Phase 1 found out in the SA, and goes on with phase1_next().
 * The exchange may be gone afterwards.
 */
void phase1_done(struct exchange *ex);
/*
 * What comes between Phase 1 and the first Quick Mode: XAUTH where the method
 * has one end log in (sa->log_in), Mode Config where the connection wants it. The
 * SA stays IKE_STATE_CONNECTING until then, with sa->authenticated set. Called
 * again after each; with nothing left, the SA is established.
 */
void phase1_next(struct ike_sa *sa);
void phase1_fail(struct exchange *ex, const char *reason);
void phase1_refused(struct exchange *ex, enum verdict v);
bool phase1_initiate(struct ike_sa *sa);
/*
 * Something came under keys that are not proven yet: for the peer Phase 1 is over, and message 3 of Aggressive Mode was lost,
 * or is late. Message 2 again makes it repeat that.
 */
void phase1_ask_last(struct ike_sa *sa);

/* ---- early.c: what overtakes the end of Phase 1 */
/* Whether the first message of another exchange waits for it. */
bool early_hold(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h);
/* It is looked at, if there is one, and freed; the SA may be gone afterwards. */
void early_release(struct ike *core, const struct ike_protocol *protocol, struct queued *early);

/* ---- phase1_sa.c: the SA payload, RFC 2408 section 4.2 */
enum built phase1_offer_sa(struct exchange *ex, struct builder *b);
/* @id: what the initiator says it is, where it has said so; else NULL. */
enum verdict phase1_choose_sa(struct exchange *ex, const struct message *m, const struct identity *id);
void phase1_answer_sa(struct exchange *ex, struct builder *b);
enum verdict phase1_accept_sa(struct exchange *ex, const struct message *m);

/* ---- phase1_id.c: identities */
struct identity phase1_local_id(const struct ike_sa *sa, const struct conn *c);
/* Appends our ID payload: its body, empty on failure. */
struct span phase1_add_id(struct exchange *ex, struct builder *b);
/* Reads the peer's identity; RFC 2407 section 4.6.2. */
enum verdict phase1_read_id(struct exchange *ex, struct identity *out, const struct payload *p);
/* The connections that may mean this identity with the method and suite that were agreed, best first. */
size_t phase1_conns_for(struct exchange *ex, const struct identity *id, struct conn ***out);
enum verdict phase1_wrong_identity(struct exchange *ex, const struct identity *id);
/* The peer has proven that it is @id, and @c allows it. */
enum verdict phase1_take_id(struct exchange *ex, struct conn *c, const struct identity *id);
/* What a message that is proven says besides: INITIAL-CONTACT, a shorter lifetime; and uniqueness. */
enum verdict phase1_take_rest(struct exchange *ex, const struct message *m, bool sealed);
/* unique = keep: a second SA of an identity that is elsewhere already is not made. From here on it is found by its identity. */
bool phase1_kept_out(struct ike_sa *sa);
void phase1_add_rest(struct exchange *ex, struct builder *b);

/* ---- phase1_proof.c: ID and HASH or SIG, whichever the method wants of an end */
/* Message 5 or 6 of Main Mode, and what Aggressive Mode has of it. */
enum built phase1_add_proof(struct exchange *ex, struct builder *b, struct span id_b);
enum verdict phase1_check_proof(struct exchange *ex, const struct message *m, struct span id_b, const struct identity *id);

/* ---- ask.c: questions to the keeper of secrets */
/* Parks the exchange on a new effect of @kind; NULL when out of memory. */
struct effect *phase1_ask(struct exchange *ex, enum effect_kind kind, enum asked what);
/* The answer to @what, once; NULL: there is none. */
const struct answer *phase1_answer(struct exchange *ex, enum asked what);
/* BUILT: phase1_credential() is the one of @c; ok or not. @schemes: as in struct credential_query. */
enum built phase1_need_credential(struct exchange *ex, struct conn *c, unsigned schemes);
/* As long as none was asked for: one of nobody. */
const struct credential *phase1_credential(const struct exchange *ex);
void credential_free(struct credential *k);

/* ---- nat.c: RFC 3947 */
void nat_add_vendor_ids(const struct exchange *ex, struct builder *b);
void nat_take_vendor_ids(struct ike_sa *sa, const struct message *m);
void nat_add_hashes(struct exchange *ex, struct builder *b);
void nat_take_hashes(struct exchange *ex, const struct message *m);
void nat_float(struct ike_sa *sa);

/* ---- auth_psk.c: RFC 2409 section 5.4 */
/* SKEYID from the pre-shared key, which is asked for. */
enum built psk_need(struct exchange *ex);
/* The same question again with the identity that the peer has shown: it must be the same key. */
enum built psk_confirm(struct exchange *ex);

/* ---- auth_sig.c: RFC 2409 section 5.1 */
/* The credential that we sign with, after the peer's requests are known; before the ID payload, which may be its subject. */
enum built sig_need_credential(struct exchange *ex);
/* Our certificates, and the signature of @hash, which is asked for. */
enum built sig_add(struct exchange *ex, struct builder *b, struct span hash);
/* VERDICT_OK with ex->ticket: asked. Then *conn is the first connection that accepts the peer. */
enum verdict sig_check(struct exchange *ex, const struct message *m, struct span hash, const struct identity *id,
                       struct conn **conn);
/* Certificate requests: ours, for the CAs that we trust for the peer; the peer's. */
void sig_add_requests(struct exchange *ex, struct builder *b);
void sig_take_requests(struct exchange *ex, const struct message *m);

/* ---- main.c, aggressive.c: the tables, by form */
extern const struct exchange_kind main_mode[AUTH_FORMS];
extern const struct exchange_kind aggressive_mode[AUTH_FORMS];
/* NULL for an exchange that is not one of Phase 1. The form of the first message is the same in all. */
const struct exchange_kind *phase1_kind(uint8_t exchange_type, enum auth_form form);

/* ---- quick.c */
extern const struct exchange_kind quick_mode;
bool quick_mode_initiate(struct child_sa *c);
/* State and first IV for a Quick Mode whose message id is set. */
bool quick_mode_open(struct exchange *ex);
/* Whether a first message is the peer's; nothing is changed by asking. */
bool quick_mode_is_authentic(const struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h);
/* Random, not 0, not used under this SA. */
uint32_t ike1_message_id(struct ike_sa *sa);
/* The peer refused one of our Quick Modes: by SPI, or the only one there is. */
void quick_mode_refused(struct ike_sa *sa, struct span spi, const char *why);
/* A message 1 was looked at: should it have been refused, this is how a repetition of it is known. */
void quick_mode_received(struct ike_sa *sa, uint32_t message_id, uint64_t digest);
/* Whether an Informational under this message id may be the CONNECTED of a Phase 2. */
bool quick_mode_awaits_connected(const struct ike_sa *sa, uint32_t message_id);
void quick_mode_connected(struct ike_sa *sa, uint32_t message_id, struct span spi);
/* Message 4, which only who waits for CONNECTED takes; false: it is none. */
bool quick_mode_fourth(struct exchange *ex, const struct datagram *in, const struct isakmp_header *h);
/* True when this very message was refused before: that was said again. */
bool quick_mode_refused_before(struct ike_sa *sa, uint32_t message_id, uint64_t digest);

#endif
