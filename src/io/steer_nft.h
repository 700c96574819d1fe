/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_STEER_NFT_H
#define SALLYPORT_STEER_NFT_H

#include "steer.h"
#include "steer_levels.h"
#include "text.h"

#include <net/if.h>

struct nft_ctx;

enum { NFT_TABLE_TEXT_MAX = 40, GENERATIONS = 8 };

/* A set of ours, or rather two: one for each direction. */
struct nft_set {
	bool exists;
	unsigned n;     /* elements in it */
	bool looked_up; /* there is a rule */
};

/*
 * What a claim that could not be made would have covered: dropped, whoever else claims it, until the claim succeeds or
 * is released. Plain rules, so that neither levels nor sets are needed.
 */
struct closed {
	struct closed *next;
	uint32_t reqid;
	bool trap;
	size_t n;
	struct box box[];
};

/* Devices whose outgoing packets can be turned round into the TUN device: see steer_turn.c. */
enum { TURN_DEVICES_MAX = 128 };

struct turn {
	bool on;
	size_t n;
	struct turn_device {
		unsigned index;
		char name[IF_NAMESIZE];
	} device[TURN_DEVICES_MAX];
};

/* Our nftables table, and what it holds. */
struct steer_nft {
	struct nft_ctx *ctx;
	struct steer_options options; /* no field is 0; tun_name is owned by struct steer */
	unsigned generation, half;    /* a table that is made anew gets the other half's name */
	bool stale;                   /* the kernel may not have what the elements say: make the table anew */
	char table[NFT_TABLE_TEXT_MAX];
	struct text text;                                                   /* the transaction in the making */
	struct closed *closed;                                              /* owned by struct steer */
	struct turn turn;
	struct nft_set set[2][BOX_KINDS][BOX_VERDICTS][LEVELS_MAX][STORES]; /* the first by family, 0: IPv4 */
	bool defragments;                                                   /* the rule that puts fragments together is there */
};

/* "sallyport_4301_0a": a table of a generation. */
void steer_nft_table_name(char out[NFT_TABLE_TEXT_MAX], uint32_t route_table, unsigned generation, unsigned half);

bool steer_nft_open(struct steer_nft *t, const struct steer_options *o, unsigned generation, char *why, size_t why_size);
void steer_nft_close(struct steer_nft *t);

/*
 * Carries out what l->touched says. What is to come is there before what is to go
 * leaves: the kernel changes the sets of one transaction one after the other, so
 * moving an element within one would show a packet neither of its places. False, with
 * a sentence in @why: take back what was asked, and call steer_nft_rebuild().
 */
bool steer_nft_apply(struct steer_nft *t, struct levels *l, char *why, size_t why_size);
/* The whole table anew, from l->all, beside the old one, which then goes. */
bool steer_nft_rebuild(struct steer_nft *t, struct levels *l, char *why, size_t why_size);
/* The rules of t->closed, as they are now. */
bool steer_nft_close_off(struct steer_nft *t, char *why, size_t why_size);
/* What inbound checks dropped for @e. */
uint64_t steer_nft_dropped(struct steer_nft *t, const struct element *e);

/* Which generations' tables there are: bit i = generation i. False when nftables does not answer. */
bool steer_nft_generations(struct nft_ctx *ctx, uint32_t route_table, unsigned *bits, char *why, size_t why_size);
bool steer_nft_delete(struct nft_ctx *ctx, uint32_t route_table, unsigned generation, char *why, size_t why_size);
/* NULL with a sentence in @why. */
struct nft_ctx *steer_nft_context(char *why, size_t why_size);

/* Internal to steer_nft*.c: appends the commands that make the table without any element. */
void steer_nft_table_text(struct steer_nft *t);
void steer_nft_closed_text(struct steer_nft *t);
void steer_turn_text(struct steer_nft *t);
bool steer_nft_run(struct nft_ctx *ctx, const struct text *t, char *why, size_t why_size);

#endif
