/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_TRANSACTION_H
#define SALLYPORT_IKE1_TRANSACTION_H

#include "config_attribute.h"
#include "phase1.h"
#include "road_sa.h"

/*
 * The Transaction exchange (draft-dukes-ike-mode-cfg-02 section 3.1.1), and what
 * comes between Phase 1 and the first Quick Mode: XAUTH, then Mode Config.
 */

/* One REQUEST and its REPLY, or one SET and its ACK, as far as the second message hangs on the first. */
struct transaction {
	uint16_t identifier;
	uint16_t type[CONFIG_ATTRIBUTES_KEPT]; /* of the attributes that came */
	uint8_t n_type;
	struct ip wanted[VIRTUAL_IPS_MAX];
	uint8_t n_wanted;
	bool ok;            /* XAUTH: STATUS; REQUEST of XAUTH: one that we can serve */
	bool asked, leased; /* a question is under way; leased: it was about an address */
	bool typed;         /* XAUTH_TYPE was in the REQUEST: it has to be in the REPLY */
};

static inline struct transaction *
transaction_of(const struct exchange *ex)
{
	return ex->state;
}

/* ---- transaction.c */
bool transaction_start(struct ike_sa *sa, const struct exchange_kind *kind);
void transaction_receive(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h);
void transaction_free(struct exchange *ex);
void transaction_fail(struct exchange *ex, const char *reason);
/* HASH, then the one Attribute payload of @type. */
enum built transaction_build(struct exchange *ex, struct builder *b, uint8_t type, struct attribute *attr, size_t n);
/* The Attribute payload of an authentic message of type @type; NULL: *v says what it is not. */
const struct attr_payload *transaction_open(struct exchange *ex, const struct message *m, uint8_t type, enum verdict *v);
bool transaction_has(const struct transaction *t, uint16_t type);
/* The peer goes on as only one can that got our SET: its ACK was lost or overtaken. */
void transaction_confirm(struct ike_sa *sa);
/* Octets of the peer for people: what is not printable becomes a question mark. In the scratch arena. */
const char *transaction_text(struct ike *core, struct span s);

/* One kind of Transaction exchange: two messages each, of which @table has the rows. */
#define TRANSACTION(text, table, done)                                                                                           \
	{                                                                                                                        \
		.name = text, .type = EXCHANGE_TRANSACTION, .steps = table, .n_steps = sizeof table / sizeof *table,             \
		.finish = done, .fail = transaction_fail, .free_state = transaction_free,                                        \
	}

/* ---- xauth.c, mode_config.c */
extern const struct exchange_kind xauth_login, xauth_status, mode_config_pull, mode_config_push;

/* ---- after_phase1.c */
/* A step is done: the next one. */
void road_next(struct ike_sa *sa, enum road_stage stage);
/* The name and the password in sa->road go to who knows them. */
void road_ask_user(struct ike_sa *sa);
/* Whether the round that was just passed wants a user of these groups; another connection may take the SA's place for that. */
bool login_groups_admit(struct ike_sa *sa, const struct octets_list *groups);
void road_answered(struct ike_sa *sa, const struct answer *a);
/* It cannot go on: the peer is told. */
void road_failed(struct ike_sa *sa, const char *reason);

#endif
