/* SPDX-License-Identifier: Apache-2.0 */
#include "transaction.h"

#include <stdlib.h>

#include "keymat.h"

/*
 * The Transaction exchange, draft-dukes-ike-mode-cfg-02 section 3.1.1: two messages
 * under Phase 1's protection. "HASH = prf( SKEYID_a, M-ID | ATTR )"; the message id
 * "is unique to this transaction exchange", and gives the IV as in Quick Mode
 * (RFC 2409 Appendix B).
 */

void
transaction_free(struct exchange *ex)
{
	free(ex->state);
	ex->state = NULL;
}

static bool
open_state(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;

	ex->started_at = sa->core->now;
	ex->state = calloc(1, sizeof(struct transaction));
	return ex->state && phase2_iv(ex->iv, ike1_block(sa), sa->prf_id, span_of(sa->iv, ike1_block(sa)), ex->message_id);
}

bool
transaction_start(struct ike_sa *sa, const struct exchange_kind *kind)
{
	struct exchange *ex = exchange_new(sa, kind, INITIATOR, ike1_message_id(sa));

	if (!ex)
		return false;
	if (!open_state(ex)) {
		sa->core->nomem = true;
		exchange_free(ex);
		return false;
	}
	transaction_of(ex)->identifier = sa->road ? sa->road->identifier : 0;
	exchange_advance(ex);
	return true;
}

void
transaction_fail(struct exchange *ex, const char *reason)
{
	struct ike_sa *sa = ex->sa;

	if (sa->established_at) {
		say(sa->core, LOG_IKE, LOG_CONTROL, sa, "failed", "%s of IKE_SA %s failed: %s", ex->kind->name, sa_name(sa),
		    reason);
		exchange_free(ex);
		return;
	}
	road_failed(sa, reason);
}

const char *
transaction_text(struct ike *core, struct span s)
{
	char *out = arena_alloc(&core->scratch, s.n + 1);

	for (size_t i = 0; out && i < s.n; i++)
		out[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? (char)s.p[i] : '?';
	return out ? out : "?";
}

/* ---- Building */

enum built
transaction_build(struct exchange *ex, struct builder *b, uint8_t type, struct attribute *attr, size_t n)
{
	struct span hash = ike1_hash_reserve(ex->sa, b);

	builder_add(b,
	            &(struct payload) {
	                    .type = PAYLOAD_ATTR,
	                    .attr = { .type = type, .identifier = transaction_of(ex)->identifier, .attr = attr, .n_attr = n } });
	return ike1_hash_fill(ex->sa, b, hash, ex->message_id, (struct span) { 0 }) ? BUILT : BUILD_FAILED;
}

/* ---- Receiving */

static void
remember_types(struct transaction *t, const struct attr_payload *a)
{
	t->n_type = 0;
	for (size_t i = 0; i < a->n_attr && t->n_type < CONFIG_ATTRIBUTES_KEPT; i++)
		t->type[t->n_type++] = a->attr[i].type;
}

bool
transaction_has(const struct transaction *t, uint16_t type)
{
	for (size_t i = 0; i < t->n_type; i++)
		if (t->type[i] == type)
			return true;
	return false;
}

/* "Multiple ATTR payloads MAY NOT be present in the Transaction Exchange." */
static bool
one_attribute_payload(const struct message *m)
{
	const struct payload *a = message_find(m, PAYLOAD_ATTR, NULL);

	return m->payload[0].type == PAYLOAD_HASH && a && !message_find(m, PAYLOAD_ATTR, a);
}

const struct attr_payload *
transaction_open(struct exchange *ex, const struct message *m, uint8_t type, enum verdict *v)
{
	struct transaction *t = transaction_of(ex);
	const struct attr_payload *a = &message_find(m, PAYLOAD_ATTR, NULL)->attr;
	const char *name = config_type_name(a->type);

	*v = !one_attribute_payload(m)                           ? VERDICT_PAYLOAD_ORDER
	     : !ike1_hash_verify(ex->sa, m, (struct span) { 0 }) ? VERDICT_BAD_HASH
	                                                         : VERDICT_OK;
	if (*v)
		return NULL;
	if (a->type != type) {
		ex->why = arena_printf(&ex->sa->core->scratch, "%s (%u) where %s is to come", name ? name : "unknown", a->type,
		                       config_type_name(type));
		*v = VERDICT_CONFIG_TYPE;
		return NULL;
	}
	/* draft-beaulieu-ike-xauth-02 section 6: all messages of a transaction "MUST contain the same [...] identifier". */
	if (ex->role == INITIATOR && a->identifier != t->identifier) {
		ex->why = arena_printf(&ex->sa->core->scratch, "%u instead of %u", a->identifier, t->identifier);
		*v = VERDICT_CONFIG_IDENTIFIER;
		return NULL;
	}
	t->identifier = a->identifier;
	remember_types(t, a);
	return a;
}

/* What a first message of the peer is about. */
static const struct exchange_kind *
kind_of(const struct attr_payload *a)
{
	bool xauth = false;

	for (size_t i = 0; i < a->n_attr; i++)
		xauth |= config_attribute_is_xauth(a->attr[i].type);
	switch (a->type) {
	case CONFIG_REQUEST:
		return xauth ? &xauth_login : &mode_config_pull;
	case CONFIG_SET:
		return xauth ? &xauth_status : &mode_config_push;
	default:
		return NULL;
	}
}

/* The first message decides which of the exchanges it is; from then on that one's table holds. */
static enum verdict
classify(struct exchange *ex, const struct message *m)
{
	const struct attr_payload *a = &message_find(m, PAYLOAD_ATTR, NULL)->attr;
	const struct exchange_kind *kind = kind_of(a);

	if (!one_attribute_payload(m))
		return VERDICT_PAYLOAD_ORDER;
	if (!ike1_hash_verify(ex->sa, m, (struct span) { 0 }))
		return VERDICT_BAD_HASH;
	ike_sa_fresh_id(ex->sa, ex->message_id);
	if (!kind) {
		/* Section 3.3: "Messages with unknown types SHOULD be silently discarded." */
		ex->why = arena_printf(&ex->sa->core->scratch, "type %u begins no exchange", a->type);
		return VERDICT_CONFIG_TYPE;
	}
	ex->kind = kind;
	return kind->steps[0].process(ex, m);
}

static const struct step opening_steps[] = {
	{ INITIATOR, P(HASH) | P(ATTR), 0, true, NULL, classify },
	{ RESPONDER, P(HASH) | P(ATTR), 0, true, NULL, NULL },
};

static void
opening_fail(struct exchange *ex, const char *reason)
{
	(void)reason;
	exchange_free(ex);
}

static const struct exchange_kind opening = {
	.name = "Transaction",
	.type = EXCHANGE_TRANSACTION,
	.steps = opening_steps,
	.n_steps = sizeof opening_steps / sizeof opening_steps[0],
	.fail = opening_fail,
	.free_state = transaction_free,
};

static enum verdict
may_begin(const struct ike_sa *sa, uint32_t mid)
{
	const struct ike *core = sa->core;

	return !sa->authenticated || sa->state == IKE_STATE_DELETING ? VERDICT_NO_KEYS
	       : !mid || ike_sa_seen_id(sa, mid)                     ? VERDICT_REPLAYED
	       : sa->running >= 2 * core->settings.exchanges_per_sa  ? VERDICT_EXCHANGE_LIMIT
	       : core->shutting_down                                 ? VERDICT_SHUTTING_DOWN
	                                                             : VERDICT_OK;
}

/* A SET of ours whose ACK has not come yet; NULL: none. */
static struct exchange *
awaits_ack(const struct ike_sa *sa)
{
	for (struct exchange *ex = sa->exchanges; ex; ex = ex->next)
		if (!ex->over && ex->role == INITIATOR && ex->at == 1 &&
		    (ex->kind == &mode_config_push || (ex->kind == &xauth_status && transaction_of(ex)->ok)))
			return ex;
	return NULL;
}

void
transaction_receive(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike *core = sa->core;
	uint32_t id = sa->id, mid = h->message_id;
	struct exchange *ex = exchange_find(sa, mid);
	enum verdict v;

	if (ex && ex->kind->type == EXCHANGE_TRANSACTION) {
		exchange_receive(ex, in, h);
		return;
	}
	v = ex ? VERDICT_UNEXPECTED : may_begin(sa, mid);
	if (v == VERDICT_NO_KEYS && early_hold(sa, in, h))
		return;
	if (v) {
		refuse(core, sa, v, v == VERDICT_NO_KEYS ? "a Transaction exchange before Phase 1 is done" : NULL);
		return;
	}
	/* Before there is an exchange of this message: what follows may end the SA. */
	if (awaits_ack(sa) && quick_mode_is_authentic(sa, in, h)) {
		transaction_confirm(sa);
		sa = ike_sa_by_id(core, id);
		if (!sa)
			return;
	}
	ex = exchange_new(sa, &opening, RESPONDER, mid);
	if (!ex)
		return;
	if (!open_state(ex)) {
		core->nomem = true;
		exchange_free(ex);
		return;
	}
	exchange_receive(ex, in, h);
	/* A message that was not accepted leaves nothing behind. */
	sa = ike_sa_by_id(core, id);
	ex = sa ? exchange_find(sa, mid) : NULL;
	if (ex && ex->at == 0)
		exchange_free(ex);
}

void
transaction_confirm(struct ike_sa *sa)
{
	struct exchange *ex = awaits_ack(sa);

	if (!ex)
		return;
	say(sa->core, LOG_IKE, LOG_DETAIL, sa, NULL, "the peer goes on before the ACK of our SET: it has it");
	timer_stop(&sa->core->timers, &ex->timer);
	ex->at++;
	exchange_advance(ex);
}
