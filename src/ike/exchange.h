/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_EXCHANGE_H
#define SALLYPORT_EXCHANGE_H

#include "core.h"

/*
 * Exchanges are tables: one row per message. The runner is the same for all.
 */
enum built {
	BUILT,
	BUILD_PARKED, /* it asked for something: it is called again when the answer is there */
	BUILD_FAILED, /* ex->verdict, ex->why */
};

/* HDR*: whether a message is encrypted. Sent encrypted and accepted both ways: the last of Aggressive Mode (RFC 2409 section 5).
 */
enum protection { CLEAR = false, SEALED = true, EITHER = 2 };

struct step {
	uint8_t sender;     /* INITIATOR or RESPONDER */
	uint32_t must, may; /* P() bits */
	uint8_t sealed;     /* enum protection */
	enum built (*build)(struct exchange *ex, struct builder *b);
	/*
	 * Anything but VERDICT_OK means that the message changed nothing, unless
	 * ex->fatal is set: the message was authentic, and the exchange is over.
	 * VERDICT_OK with ex->ticket set: it has changed nothing yet, and is called
	 * with the same message again when the answer is there.
	 */
	enum verdict (*process)(struct exchange *ex, const struct message *m);
};

struct exchange_kind {
	const char *name; /* "Main Mode" */
	uint8_t type;     /* enum exchange_type */
	const struct step *steps;
	uint8_t n_steps;
	bool responder_repeats;              /* the responder, too, repeats while it waits (a last message has no answer) */
	void (*finish)(struct exchange *ex); /* after the last message */
	void (*fail)(struct exchange *ex, const char *reason); /* ended without: ex is freed afterwards */
	void (*refused)(struct exchange *ex, enum verdict v);  /* a message was not accepted: tell the peer, hint */
	void (*free_state)(struct exchange *ex);
	/* Whether the peer vouches for a message that cannot be taken as it is; then the exchange is over. NULL: never known. */
	bool (*authentic)(struct exchange *ex, const struct message *m);
};

struct queued {
	struct queued *next;
	struct endpoint local, remote;
	bool marker;
	size_t n;
	uint8_t data[];
};

/* A copy, freed with free(); NULL when out of memory. */
struct queued *queued_new(const struct datagram *in);
/* It points into @q. */
struct datagram queued_datagram(const struct queued *q);

enum { EXCHANGE_QUEUE_MAX = 4 };

struct exchange {
	struct table_link by_id; /* SA and message id */
	uint64_t key;
	struct exchange *next, **link; /* of its SA */
	const struct exchange_kind *kind;
	struct ike_sa *sa;
	struct child_sa *child;
	void *state;   /* the kind's own; gone when the exchange is over */
	uint8_t *sent; /* the last message that we sent */
	struct queued *queue;
	struct queued *held; /* a message whose processing waits for an answer */
	struct timer timer;  /* the next repetition; then the end of remembering */
	uint64_t in_hash;    /* of the last datagram that was accepted */
	uint64_t ticket;     /* not 0: parked until this is answered */
	uint32_t message_id;
	uint32_t child_id; /* when over: what it made */
	uint32_t n_sent;
	instant_t started_at;
	uint8_t iv[16], next_iv[16];
	uint8_t role, at, tries;
	bool peer_commit; /* it set the Commit bit in a message that was accepted, RFC 2408 section 3.1 */
	bool over; /* only remembers its last message now */
	bool fatal;
	uint8_t unreadable; /* of a malformed message: the type of the payload (struct message, failed) */
	uint16_t notify; /* error notification that fits the verdict, or 0 */
	enum verdict verdict;
	const char *why;               /* detail, in the scratch arena: valid during the call */
	const struct answer *answer;   /* during exchange_resume: what it was parked on */
	struct endpoint local, remote; /* of the message being processed */
	size_t in_octets;              /* likewise: an answer in clear is no larger */
};

struct ike_protocol {
	uint8_t major;
	/* A datagram of this version; the header is decoded and its length fits. */
	void (*receive)(struct ike *core, const struct datagram *in, const struct isakmp_header *h);
	/* Phase 1, first message: addresses are known. False: local failure. */
	bool (*initiate)(struct ike_sa *sa);
	/* Phase 2 for a child that waits under an established SA. */
	bool (*negotiate)(struct child_sa *c);
	void (*tell_child_deleted)(struct child_sa *c);
	/* An IPsec SA that we no longer have: the peer goes on using it, so our Delete was lost. */
	void (*tell_spi_deleted)(struct ike_sa *sa, uint32_t spi);
	void (*tell_ike_deleted)(struct ike_sa *sa);
	/* A liveness probe with the SA's current sequence number. */
	void (*probe)(struct ike_sa *sa);
	/* An answer that neither an exchange nor the addresses of the SA waited for: PARKED_ROAD. */
	void (*road_answered)(struct ike_sa *sa, const struct answer *a);
	/* Sends the message in fragments; false where it goes as it is. */
	bool (*send_fragments)(struct ike_sa *sa, struct span message);
	/* Message protection, used by the runner. */
	enum verdict (*open)(struct exchange *ex, const struct isakmp_header *h, struct span datagram, struct span *body);
	/* A header that is no message of any version here, and why; may be NULL. */
	void (*tell_header)(struct ike *core, const struct datagram *in, const struct isakmp_header *h, enum verdict v);
	/* Encrypts b's message in place (room for padding is there); its new length, 0 on failure. */
	size_t (*seal)(struct exchange *ex, uint8_t *message, size_t n, size_t cap);
};

/* ---- exchange.c */
struct exchange *exchange_new(struct ike_sa *sa, const struct exchange_kind *kind, uint8_t role, uint32_t message_id);
struct exchange *exchange_find(const struct ike_sa *sa, uint32_t message_id);
/* Removes it in silence. */
void exchange_free(struct exchange *ex);
/* Builds and sends what is ours to send. False when the exchange (and perhaps its SA) is gone. */
bool exchange_advance(struct exchange *ex);
/* Our last message once more. */
void exchange_send_last(struct exchange *ex);
/* The one who waits for an answer repeats. */
void exchange_arm(struct exchange *ex);
void exchange_due(struct exchange *ex);
/* Our last message once more, as the gate allows: something came that says the peer has not had it. */
void exchange_repeat(struct exchange *ex);
/*
 * A last message has no answer. When what follows is not answered either, and the peer was never heard since, that of
 * Phase 1 may be what is missing: once more.
 */
void exchange_repeat_phase1(struct ike_sa *sa);
/* Ends it with a reason: kind->fail, then free. */
void exchange_end(struct exchange *ex, const char *reason);
/* "Main Mode message 3 sent". In the scratch arena. */
const char *exchange_words(const struct exchange *ex);
/* Wait after the @tries-th sending (0: the first): strongSwan's timeout * base^tries, limit and jitter. */
instant_t retransmit_wait(struct ike *core, unsigned tries);
instant_t retransmit_total(const struct ike *core);

/* ---- exchange_receive.c */
/* A datagram for this exchange. */
void exchange_receive(struct exchange *ex, const struct datagram *in, const struct isakmp_header *h);
/* The answer that it was parked on is there; @ok as the answer says. */
void exchange_resume(struct exchange *ex, const struct answer *a);
/* The peer uses what only its last message allows it to use: as good as that message. */
void exchange_confirm(struct exchange *ex);

#endif
