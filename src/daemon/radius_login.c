/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "config_attribute.h"
#include "radius_internal.h"

/* A user's login by RADIUS, and what an Access-Accept brings with it. */

enum { TUNNEL_TYPE_ESP = 9 }; /* RFC 2868 section 3.1 */

/* ---- what a server gave */

void
radius_grant_free(struct radius_grant *g)
{
	octets_list_free(&g->classes);
	octets_list_free(&g->groups);
	attribute_list_free(&g->attributes);
	*g = (struct radius_grant) { 0 };
}

static void
take_framed(struct radius_grant *g, struct span value)
{
	struct ip a = ip_from_octets(value);

	/* RFC 2865 section 5.8: 255.255.255.255 and 255.255.255.254 leave the choice to the user, or to us. */
	if (a.family == IP_NONE || ip_is_any(&a) || (a.family == IP_V4 && get_be32(a.b) >= UINT32_MAX - 1))
		return;
	if (g->n_framed < RADIUS_FRAMED_MAX)
		g->framed[g->n_framed++] = a;
}

static bool
take_server(struct radius_grant *g, uint16_t type, struct span value, size_t octets)
{
	return value.n != octets || attribute_list_add(&g->attributes, type, value);
}

static bool
take_microsoft(struct radius_grant *g, const struct radius_attribute *a)
{
	static const struct {
		uint8_t vendor_type;
		uint16_t type;
	} servers[] = {
		{ MS_PRIMARY_DNS_SERVER, INTERNAL_IP4_DNS },
		{ MS_SECONDARY_DNS_SERVER, INTERNAL_IP4_DNS },
		{ MS_PRIMARY_NBNS_SERVER, INTERNAL_IP4_NBNS },
		{ MS_SECONDARY_NBNS_SERVER, INTERNAL_IP4_NBNS },
	};

	for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
		if (!take_server(g, servers[i].type, radius_vendor_value(a, RADIUS_VENDOR_MICROSOFT, servers[i].vendor_type), 4))
			return false;
	return true;
}

/* RFC 2868 section 3.1: a tag, then three octets. */
static bool
is_esp(const struct radius_packet *p)
{
	uint32_t v;

	return radius_number(radius_find(p, RADIUS_TUNNEL_TYPE, NULL), &v) && (v & 0xffffff) == TUNNEL_TYPE_ESP;
}

static bool
take_group(struct radius_grant *g, struct span value)
{
	return g->groups.n == RADIUS_GROUPS_MAX || !value.n || octets_list_add(&g->groups, value);
}

static bool
take_class(struct radius_grant *g, const struct radius_settings *s, struct span value)
{
	if (g->classes.n < RADIUS_CLASSES_MAX && !octets_list_add(&g->classes, value))
		return false;
	return !s->class_group || take_group(g, value);
}

bool
radius_grant_read(struct radius_grant *g, const struct radius_packet *p, const struct radius_settings *s)
{
	bool filter_is_group = s->filter_id && is_esp(p), ok = true;

	*g = (struct radius_grant) { 0 };
	radius_number(radius_find(p, RADIUS_SESSION_TIMEOUT, NULL), &g->session_timeout);
	radius_number(radius_find(p, RADIUS_ACCT_INTERIM_INTERVAL, NULL), &g->interim);
	for (size_t i = 0; ok && i < p->n_attr; i++) {
		const struct radius_attribute *a = &p->attr[i];

		if ((a->type == RADIUS_FRAMED_IP_ADDRESS && a->value.n == 4) ||
		    (a->type == RADIUS_FRAMED_IPV6_ADDRESS && a->value.n == 16))
			take_framed(g, a->value);
		else if (a->type == RADIUS_CLASS)
			ok = take_class(g, s, a->value);
		else if (a->type == RADIUS_FILTER_ID && filter_is_group)
			ok = take_group(g, a->value);
		else if (a->type == RADIUS_DNS_SERVER_IPV6_ADDRESS)
			ok = take_server(g, INTERNAL_IP6_DNS, a->value, 16);
		else if (a->type == RADIUS_VENDOR_SPECIFIC)
			ok = take_microsoft(g, a);
	}
	return ok;
}

/* ---- the login */

struct radius_login_job {
	struct radius_request request;
	struct radius_login login;
	enum radius_method method;
	struct secret name, password;
	uint64_t ticket;
	struct conn *conn; /* its own reference */
	struct radius_about about;
	uint8_t state[RADIUS_VALUE_MAX]; /* that this login begins with: it answers a challenge */
	size_t n_state;
	char message[RADIUS_REASON_MAX];
};

static struct radius_login_job *
job_of(struct radius_request *q)
{
	return table_entry(q, struct radius_login_job, request);
}

static void
free_login(struct radius_request *q)
{
	struct radius_login_job *j = job_of(q);

	radius_login_clear(&j->login);
	secret_clear(&j->name);
	secret_clear(&j->password);
	conn_unref(j->conn);
	free(j);
}

static void
fill_login(struct radius_request *q, struct radius_builder *b, const struct radius_server *s, bool again)
{
	struct radius_login_job *j = job_of(q);

	if (!again) {
		radius_login_begin(&j->login, j->method, secret_span(&j->name), secret_span(&j->password), q->radius->rng);
		/* Another server would not know what it is about. */
		j->login.n_state = q->order[q->at] == q->prefer ? j->n_state : 0;
		memcpy(j->login.state, j->state, j->login.n_state);
	}
	radius_add_about(b, &j->about, s);
	radius_login_add(&j->login, b, secret_span(&s->secret));
}

static void
tell(struct radius_login_job *j, bool ok, bool again, const char *reason, const struct radius_grant *grant)
{
	const struct radius_hooks *h = j->request.radius->hooks;

	h->judged(
	        h->context,
	        &(struct radius_result) {
	                .ticket = j->ticket, .ok = ok, .again = again, .reason = reason, .message = j->message, .grant = grant });
}

/* Kept until the IKE_SA ends, so it must stand: a client may be gone before the server answers. */
static struct radius_session *
session_of(struct radius_login_job *j, const char **why)
{
	struct radius *r = j->request.radius;
	struct radius_session *s = NULL;
	struct ike_info i;

	*why = "the client is gone";
	if (r->hooks->look(r->hooks->context, j->about.ike_id, &i)) {
		s = radius_session_at(r, j->about.ike_id);
		*why = "out of memory";
	}
	return s;
}

static void
accepted(struct radius_login_job *j, const struct radius_packet *p)
{
	const char *why;
	struct radius_session *s = session_of(j, &why);
	struct radius_grant g;

	if (!s || !radius_grant_read(&g, p, j->request.radius->settings)) {
		if (s)
			radius_grant_free(&g);
		tell(j, false, false, why, NULL);
		return;
	}
	radius_grant_free(&s->grant);
	s->grant = g;
	s->by_radius = true;
	s->n_state = 0;
	tell(j, true, false, NULL, &s->grant);
}

/* The next login under this IKE_SA goes to the same server, with the State of the challenge. */
static void
asked_back(struct radius_login_job *j)
{
	const char *why;
	struct radius_session *s = session_of(j, &why);

	if (!s) {
		tell(j, false, false, why, NULL);
		return;
	}
	s->n_state = j->login.n_state;
	memcpy(s->state, j->login.state, s->n_state);
	s->server = j->request.order[j->request.at];
	tell(j, false, true, "the RADIUS server asks for more", NULL);
}

static void
login_answered(struct radius_request *q, const struct radius_packet *p)
{
	struct radius_login_job *j = job_of(q);
	char why[RADIUS_REASON_MAX] = "";

	if (!p) {
		tell(j, false, false, q->trouble, NULL);
		radius_request_end(q);
		return;
	}
	radius_reply_message(j->message, sizeof j->message, p);
	switch (radius_login_take(&j->login, p, why)) {
	case RADIUS_ACCEPTED:
		accepted(j, p);
		break;
	case RADIUS_REFUSED:
		tell(j, false, false, why, NULL);
		break;
	case RADIUS_ASK_USER:
		asked_back(j);
		break;
	case RADIUS_GO_ON:
		radius_request_go_on(q);
		return;
	}
	radius_request_end(q);
}

static struct radius_login_job *
new_job(struct radius *r, uint64_t ticket, const struct user_query *u, enum radius_method m)
{
	struct radius_login_job *j = calloc(1, sizeof *j);
	const struct radius_session *s = radius_session_find(r, u->ike_id);

	if (!j)
		return NULL;
	j->request = (struct radius_request) { .code = RADIUS_ACCESS_REQUEST,
		                               .prefer = RADIUS_SERVERS_MAX,
		                               .fill = fill_login,
		                               .done = login_answered,
		                               .free = free_login };
	j->method = m;
	j->ticket = ticket;
	/* The reference is what is counted; the connection itself stays immutable. */
	j->conn = conn_ref((struct conn *)(uintptr_t)u->conn);
	j->about = (struct radius_about) { .ike_id = u->ike_id, .local = u->local, .remote = u->remote };
	snprintf(j->about.conn, sizeof j->about.conn, "%s", u->conn->name);
	if (s) {
		j->request.prefer = s->server;
		j->n_state = s->n_state;
		memcpy(j->state, s->state, s->n_state);
	}
	if (secret_copy(&j->name, u->name) && secret_copy(&j->password, u->password))
		return j;
	free_login(&j->request);
	return NULL;
}

static void
refuse(struct radius *r, uint64_t ticket, const char *reason)
{
	r->hooks->judged(r->hooks->context, &(struct radius_result) { .ticket = ticket, .reason = reason, .message = "" });
}

void
radius_judge(struct radius *r, uint64_t ticket, const struct user_query *u, enum radius_method m)
{
	struct radius_login_job *j;

	if (!r->settings->n) {
		refuse(r, ticket, "no RADIUS server is configured: see charon.plugins.eap-radius.servers");
		return;
	}
	j = new_job(r, ticket, u, m);
	if (!j) {
		refuse(r, ticket, "out of memory");
		return;
	}
	if (radius_request_start(&j->request, r))
		return;
	free_login(&j->request);
	refuse(r, ticket, "too many users are logging in at once");
}
