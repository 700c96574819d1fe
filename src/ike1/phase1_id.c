/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "notifications.h"
#include "phase1.h"
#include "road_sa.h"

/* Identities of Phase 1, RFC 2407 section 4.6.2, and the connections that they select. */

struct identity
phase1_local_id(const struct ike_sa *sa, const struct conn *c)
{
	return c->local.id.type == ID_ANY ? identity_from_ip(&sa->local.ip) : c->local.id;
}

/*
 * As configured; else what our certificate says, or our address. The client of
 * hybrid authentication hides: "The ID payload sent by the Client SHOULD be left
 * empty" (draft-ietf-ipsec-isakmp-hybrid-auth-05 section 4.2).
 */
static struct identity
own_id(const struct exchange *ex)
{
	const struct phase1 *p = phase1_of(ex);
	const struct conn *c = ex->sa->conn;

	if (c->local.id.type != ID_ANY)
		return c->local.id;
	if (!method_proves(p->method, ex->role))
		return (struct identity) { .type = ID_ANY };
	if (method_signs(p->method, ex->role) && phase1_credential(ex)->id.type != ID_ANY)
		return phase1_credential(ex)->id;
	return identity_from_ip(&ex->sa->local.ip);
}

struct span
phase1_add_id(struct exchange *ex, struct builder *b)
{
	struct ike_sa *sa = ex->sa;
	struct identity id = own_id(ex);
	struct payload p = { .type = PAYLOAD_ID, .id = { .type = id.type, .data = identity_span(&id) } };

	free(sa->local_id);
	sa->local_id = id_box_new(&id);
	return sa->local_id ? builder_add(b, &p) : (struct span) { 0 };
}

/*
 * RFC 2407 section 4.6.2: "the ID port and protocol fields MUST be set to zero or to UDP port 500. If an implementation
 * receives any other values, this MUST be treated as an error". UDP without a port is what some send behind a NAT.
 */
static bool
id_port_fits(const struct id_payload *id)
{
	return id->proto == 17 ? id->port == 0 || id->port == 500 : id->proto == 0 && id->port == 0;
}

enum verdict
phase1_read_id(struct exchange *ex, struct identity *out, const struct payload *p)
{
	*out = (struct identity) { .type = ID_ANY };
	if (!id_port_fits(&p->id))
		return phase1_refuse(ex, VERDICT_ID_MISMATCH, NOTIFY_INVALID_ID_INFORMATION,
		                     "the identity has a protocol and port that are neither zero nor UDP 500");
	/* Only who logs in later may leave it empty: before a method is agreed, that is not known. */
	if (p->id.type == ID_ANY && p->id.data.n == 0 &&
	    (!phase1_of(ex)->method || !method_proves(phase1_of(ex)->method, phase1_other(ex))))
		return VERDICT_OK;
	return id_payload_identity(out, &p->id) ? VERDICT_OK : phase1_wrong_identity(ex, out);
}

static bool
suite_allowed(const struct exchange *ex, const struct conn *c)
{
	const struct ike_sa *sa = ex->sa;
	const struct method *m = phase1_of(ex)->method;
	struct suite s = { .encr = sa->encr, .prf_id = sa->prf_id, .dh_id = sa->dh_id };
	struct match_terms t = { .protocol = PROPOSAL_IKE };

	if (!m)
		return true;
	if (method_for(c, ex->role, (enum signature_scheme)m->scheme) != m)
		return false;
	for (size_t i = 0; i < c->ike.n; i++)
		if (suite_mismatch(&s, &c->ike.p[i], &t) == MISMATCH_NONE)
			return true;
	return false;
}

struct scored {
	struct conn *conn;
	int score;
	size_t at;
};

static int
by_score(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

size_t
phase1_conns_for(struct exchange *ex, const struct identity *id, struct conn ***out)
{
	struct ike *core = ex->sa->core;
	struct candidates all = conn_candidates(core, IKE_V1, &ex->local.ip, &ex->remote.ip);
	struct conn **c;
	size_t n = candidates_for(core, &all, id, &c), found = 0;
	struct scored *s = arena_alloc(&core->scratch, (n + 1) * sizeof *s);

	for (size_t i = 0; s && i < n; i++) {
		/* Who says nothing yet may be anybody. */
		int score = id->type == ID_ANY ? 1 : identity_match(&c[i]->remote.id, id);

		if (score > 0 && suite_allowed(ex, c[i]) && (!phase1_of(ex)->method || c[i]->aggressive == phase1_aggressive(ex)))
			s[found++] = (struct scored) { c[i], score, i };
	}
	if (s)
		qsort(s, found, sizeof *s, by_score);
	*out = c;
	for (size_t i = 0; i < found; i++)
		c[i] = s[i].conn;
	return found;
}

enum verdict
phase1_wrong_identity(struct exchange *ex, const struct identity *id)
{
	struct ike *core = ex->sa->core;
	const struct conn *c = ex->sa->conn;
	uint16_t notify = ex->role == RESPONDER ? NOTIFY_INVALID_ID_INFORMATION : NOTIFY_AUTHENTICATION_FAILED;
	const char *why;

	if (c)
		why = arena_printf(&core->scratch, "the peer says it is '%s', connection %s wants remote id '%s'",
		                   id_text(core, id), c->name, id_text(core, &c->remote.id));
	else
		why = arena_printf(&core->scratch, "the peer says it is '%s', no connection for its address wants that remote id",
		                   id_text(core, id));
	return phase1_refuse(ex, VERDICT_ID_MISMATCH, notify, why);
}

enum verdict
phase1_take_id(struct exchange *ex, struct conn *c, const struct identity *id)
{
	struct ike_sa *sa = ex->sa;

	if (c != sa->conn) {
		say(sa->core, LOG_CFG, LOG_CONTROL, sa, NULL, "the identity %s selects connection %s", id_text(sa->core, id),
		    c->name);
		ike_sa_set_conn(sa, c);
	}
	free(sa->remote_id);
	sa->remote_id = id_box_new(id);
	return sa->remote_id ? VERDICT_OK : VERDICT_INTERNAL;
}

bool
phase1_kept_out(struct ike_sa *sa)
{
	struct ike_sa *o;

	if (sa->conn->unique != UNIQUE_KEEP)
		return false;
	ike_sa_index_peer(sa);
	for (o = ike_sa_same_peer(sa, NULL); o; o = ike_sa_same_peer(sa, o))
		if (!o->zombie && !o->successor && o->established_at && !ip_equal(&o->remote.ip, &sa->remote.ip))
			return true;
	return false;
}

static bool
has_notify(const struct message *m, uint16_t type)
{
	for (const struct payload *p = message_find(m, PAYLOAD_N, NULL); p; p = message_find(m, PAYLOAD_N, p))
		if (p->n.type == type && !notification_wrong(&p->n))
			return true;
	return false;
}

/* The hash covers neither notification: they count where the message was encrypted. */
enum verdict
phase1_take_rest(struct exchange *ex, const struct message *m, bool sealed)
{
	struct phase1 *p = phase1_of(ex);
	uint64_t life =
	        sealed && ex->role == INITIATOR ? info_responder_lifetime(m, PROTO_ISAKMP, &ex->sa->core->scratch).seconds : 0;

	if (sealed)
		info_said_inside(ex->sa, m);
	if (ex->role == RESPONDER) {
		p->initial_contact = sealed && has_notify(m, NOTIFY_INITIAL_CONTACT);
		/* Who logs in later has shown no more than a group's key, if that: his name is known then. */
		if (!road_peer_logs_in(ex->sa) && phase1_kept_out(ex->sa))
			return phase1_refuse(ex, VERDICT_NOT_UNIQUE, NOTIFY_AUTHENTICATION_FAILED,
			                     "unique = keep, and this identity has an IKE_SA from another address");
	}
	if (life && (!p->life_seconds || life < p->life_seconds)) {
		say(ex->sa->core, LOG_IKE, LOG_CONTROL, ex->sa, "lifetime",
		    "the responder shortens the IKE_SA's lifetime to %llu s", (unsigned long long)life);
		p->life_seconds = life;
	}
	return VERDICT_OK;
}

static void
add_initial_contact(struct exchange *ex, struct builder *b)
{
	struct ike_sa *sa = ex->sa, *o;
	uint8_t spi[16];

	if (sa->rekeys || sa->conn->unique == UNIQUE_NEVER)
		return;
	/* RFC 2407 section 4.6.3.3: "the first SA being established with the remote system", whatever its connection. */
	for (size_t i = 0; i < sa->core->sas.n; i++) {
		o = sa->core->sas.e[i].p;
		if (o && o != sa && o->established_at && !o->zombie && ip_equal(&o->remote.ip, &sa->remote.ip))
			return;
	}
	builder_add(b, &(struct payload) { .type = PAYLOAD_N,
	                                   .n = { .doi = DOI_IPSEC,
	                                          .protocol = PROTO_ISAKMP,
	                                          .type = NOTIFY_INITIAL_CONTACT,
	                                          .spi = info_cookies(sa, spi) } });
}

void
phase1_add_rest(struct exchange *ex, struct builder *b)
{
	struct phase1 *p = phase1_of(ex);
	uint8_t spi[16];

	if (ex->role == INITIATOR) {
		add_initial_contact(ex, b);
	} else if (p->shorten) {
		info_add_responder_lifetime(b, &ex->sa->core->scratch, PROTO_ISAKMP, info_cookies(ex->sa, spi), p->life_seconds, 0);
	}
}
