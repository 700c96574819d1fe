/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ROGUE_H
#define SALLYPORT_ROGUE_H

#include "check.h"
#include "ike1.h"
#include "keymat.h"
#include "seeded_rng.h"

/*
 * A peer that knows the key and the protocol, and breaks its rules on purpose.
 * It has no state machine: a test walks it to a message, edits that message,
 * sends it, and looks at what the engine makes of it.
 *
 *   autorogue r = rogue_open(ROGUE_INITIATES);
 *   rogue_reach(&r, 5);              message 5 stands ready in r.out
 *   rogue_find(&r, PAYLOAD_HASH)->data = junk;
 *   rogue_send(&r);
 *   rogue_was_refused(&r, "bad-hash");
 *   rogue_completes(&r);             the right message is still accepted
 *
 * Messages are numbered through: 1 to 6 Main Mode, or 1 to 3 Aggressive Mode;
 * 7 to 9 Quick Mode, 10 for what comes behind it.
 */
enum rogue_role { ROGUE_INITIATES, ROGUE_RESPONDS };

enum { ROGUE_PAYLOADS_MAX = 140, ROGUE_OCTETS_MAX = 65536, ROGUE_LAST = 9, ROGUE_ASKED_MAX = 1024 };

struct rogue_message {
	struct isakmp_header h;
	struct payload payload[ROGUE_PAYLOADS_MAX]; /* where `whole` is set: a body as it is */
	size_t n;
	bool sealed;     /* encrypted */
	bool keep_hash;  /* the HASH payload goes as it is, right or wrong */
	bool no_padding; /* ciphertext that is not whole blocks */
	bool reply;      /* the second message of the engine's Transaction exchange: its IV goes on */
	struct {
		size_t at;
		uint8_t value;
	} patch[ROGUE_PAYLOADS_MAX]; /* octets changed after encoding, before protection */
	unsigned n_patches;
};

struct rogue {
	struct ike *ike;
	struct seeded_rng own;
	struct effects fx;
	struct arena arena;
	instant_t now;
	enum rogue_role role;
	bool aggressive,
	        login; /* login: the engine is a gateway that has its clients log in (XAUTH), or, as initiator, a client */
	bool signs;    /* by a signature in place of a key, and a wrong one at that */
	unsigned step; /* of the message in out, or the next to come */
	struct rogue_message out;
	uint8_t wire[ROGUE_OCTETS_MAX];
	size_t n_wire; /* what was sent last */
	uint8_t in[ROGUE_OCTETS_MAX];
	uint8_t later[ROGUE_OCTETS_MAX];
	size_t n_later;                 /* message 7, which came with message 3 of Aggressive Mode */
	size_t n_in;                    /* the engine's last message of an exchange; 0: it sent none */
	unsigned informational;         /* Informational messages from the engine */
	uint8_t asked[ROGUE_ASKED_MAX]; /* the engine's last Transaction message, and how many there were */
	size_t n_asked;
	unsigned transactions, users, begun; /* users: that the engine asked about; begun: Transactions of our own */
	unsigned verifications;              /* of signatures and certificates that the engine asked for */
	unsigned sent;                       /* all that the engine sent, and so many octets */
	size_t octets;
	uint16_t told; /* the type of the last notification of the engine that could be read; whether it was encrypted */
	bool told_sealed;
	char heard[1024]; /* the last line of the engine's log about what the peer says */
	char done[512];   /* the outcome of a command, in words */
	/* Phase 1 */
	uint8_t cookie_i[8], cookie_r[8];
	struct dh *dh;
	struct secret own_nonce, ni, nr, gxi, gxr, gxy, sai_b;
	uint8_t skeyid[PRF_OCTETS_MAX], d[PRF_OCTETS_MAX], a[PRF_OCTETS_MAX], e[PRF_OCTETS_MAX], ka[32], iv[16];
	struct id_payload name; /* what it calls itself; empty: its address */
	struct span life;       /* the duration that it offers in both phases; empty: a usual one */
	bool keyed;
	bool commits, commits_first; /* it sets the Commit bit in Quick Mode; in Phase 1 */
	/* Phase 2 */
	uint32_t message_id, spi, spi_other;
	uint8_t quick_iv[16];
	struct secret quick_ni, quick_nr, quick_own;
	/* the engine's data plane */
	unsigned installed_in, installed_out, removed;
	unsigned leases, released, virtual; /* virtual: addresses that stand at the engine */
	struct selector_pair installed_ts;  /* of the last one */
	uint64_t verdicts[128];
	struct {
		struct proposal_payload p;
		struct transform_payload t;
		struct attribute a[8];
		uint8_t spi[4];
	} offer;
	uint8_t id_body[4], idci[8], idcr[8], hash_room[PRF_OCTETS_MAX], next_iv[16];
};

struct rogue rogue_open(enum rogue_role role);
struct rogue rogue_open_aggressive(enum rogue_role role);
/* A client whose gateway wants a login after Phase 1: carol's, with the password "4iChxLT3". */
struct rogue rogue_open_login(void);
/* A gateway whose client, the engine, logs in and asks for a virtual address. */
struct rogue rogue_open_gateway(void);
/* An initiator that signs: as far as message 5, whose signature the engine asks about. */
struct rogue rogue_open_signing(void);
/* An initiator begins again, at message 1 with a cookie of its own; what stands with the engine stays. */
void rogue_again(struct rogue *r);
void rogue_close(struct rogue *r);
#define autorogue __attribute__((cleanup(rogue_close))) struct rogue

/* Goes on correctly until message @step of its own stands ready in r->out. */
void rogue_reach(struct rogue *r, unsigned step);
/* Makes the right message of the current step anew. */
void rogue_prepare(struct rogue *r);
/* Encodes, protects and delivers r->out; takes what the engine answers. Remembers the verdict counts of before. */
void rogue_send(struct rogue *r);
/* Delivers octets as they are. */
void rogue_deliver(struct rogue *r, const void *octets, size_t n);
/* The same from any address. */
void rogue_deliver_from(struct rogue *r, struct ip from, const void *octets, size_t n);
/* The first payload of a type in r->out; fails the test where there is none. */
struct payload *rogue_find(struct rogue *r, uint8_t type);
void rogue_patch(struct rogue *r, size_t at, uint8_t value);
void rogue_remove(struct rogue *r, uint8_t type);
void rogue_append(struct rogue *r, struct payload p);
/* Makes r->out the first message of a Transaction exchange, in place of message 7. */
void rogue_transaction(struct rogue *r, uint8_t type, struct attribute *attr, size_t n);
/* Makes r->out the answer to the engine's last Transaction message; @type CONFIG_REPLY or CONFIG_ACK. */
void rogue_reply(struct rogue *r, uint8_t type, struct attribute *attr, size_t n);

/* Of the engine's own operator. */
void rogue_command(struct rogue *r, struct command c);

/* The last delivery raised the count of this verdict, no SA was installed for it, and the verdict has a sentence. */
void rogue_was_refused(struct rogue *r, const char *verdict);
/* The right messages from here on still end in a tunnel: nothing was changed. */
void rogue_completes(struct rogue *r);
/* Both phases stand. */
bool rogue_is_up(struct rogue *r);
void rogue_wait(struct rogue *r, instant_t ns);
/* How often the last delivery raised one verdict, or any. */
uint64_t rogue_verdict(struct rogue *r, const char *name);
uint64_t rogue_verdicts(struct rogue *r);

#endif
