/* SPDX-License-Identifier: Apache-2.0 */
#include "informational.h"
#include "quick.h"

/*
 * The Commit bit, RFC 2408 section 3.1: who set it says CONNECTED when it is ready.
 * That comes in an Informational exchange, or, from Windows and racoon, as a fourth
 * message of the Quick Mode: HDR*, HASH(4), N(CONNECTED), under the IV that message 3
 * left behind, with HASH(4) = prf(SKEYID_a, M-ID | N).
 */

/* The child of a finished Quick Mode that waits for CONNECTED; NULL: none such. */
static struct child_sa *
awaiting(const struct ike_sa *sa, uint32_t message_id)
{
	const struct exchange *ex = exchange_find(sa, message_id);
	struct child_sa *c = ex && ex->kind == &quick_mode && ex->over ? child_by_id(sa->core, ex->child_id) : NULL;

	return c && c->await_connected ? c : NULL;
}

bool
quick_mode_awaits_connected(const struct ike_sa *sa, uint32_t message_id)
{
	return awaiting(sa, message_id) != NULL;
}

/* By the message id, as RFC 2408 section 3.1 has it; else by the SPI that the peer chose. */
void
quick_mode_connected(struct ike_sa *sa, uint32_t message_id, struct span spi)
{
	struct child_sa *c = awaiting(sa, message_id);

	for (struct child_sa *o = sa->children; !c && o; o = o->next)
		if (o->await_connected && spi.n == 4 && (get_be32(spi.p) == o->spi_out || get_be32(spi.p) == o->spi_in))
			c = o;
	if (!c)
		return;
	c->await_connected = false;
	child_move_outbound(c);
	child_schedule(c);
}

static enum verdict
open_fourth(struct exchange *ex, struct message *m, const struct datagram *in)
{
	struct span body;
	enum verdict v;

	if (!(m->h.flags & FLAG_ENCRYPTION))
		return VERDICT_NOT_ENCRYPTED;
	v = ike1_open(ex, &m->h, in->data, &body);
	if (v)
		return v;
	ex->why = isakmp_decode_payloads(m, m->h.next_payload, body, true, &ex->sa->core->scratch);
	if (ex->why)
		return VERDICT_UNDECRYPTABLE;
	return ike1_hash_verify(ex->sa, m, (struct span) { 0 }) ? VERDICT_OK : VERDICT_BAD_HASH;
}

bool
quick_mode_fourth(struct exchange *ex, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	struct message m = { .h = *h };
	const struct payload *n;
	enum verdict v;

	/* Message 2 again is the runner's. */
	if (ex->in_hash == core_digest(core, in->data) || !awaiting(sa, ex->message_id))
		return false;
	ex->why = NULL; /* of an earlier message */
	v = open_fourth(ex, &m, in);
	n = v ? NULL : message_find(&m, PAYLOAD_N, NULL);
	if (!v && (!n || n->n.type != NOTIFY_CONNECTED))
		v = VERDICT_UNEXPECTED;
	if (v) {
		refuse(core, sa, v, ex->why);
		return true;
	}
	core->verdicts[VERDICT_OK]++;
	ike_sa_heard(sa, &in->local, &in->remote);
	quick_mode_connected(sa, ex->message_id, n->n.spi);
	return true;
}
