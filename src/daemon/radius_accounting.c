/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "radius_internal.h"

/* RFC 2866: who was connected, from when to when, with how much traffic. */

enum { BY_RADIUS = 1, BY_OURSELVES = 2 }; /* Acct-Authentic, section 5.6 */

/* One direction of an IPsec SA of a session. */
struct accounted {
	struct table_link by_spi;
	struct {
		uint32_t spi, direction;
	} key;
	struct sa_params sa; /* as far as it names it */
	struct radius_session *session;
	struct accounted *next, *prev; /* of the session */
	struct sa_usage before;        /* what an earlier session had of it */
};

/* ---- traffic */

static struct sa_usage
usage_of(const struct radius *r, const struct accounted *a)
{
	struct sa_usage u = { 0 };

	if (!r->hooks->usage(r->hooks->context, &a->sa, &u) || u.octets < a->before.octets || u.packets < a->before.packets)
		return (struct sa_usage) { 0 };
	u.octets -= a->before.octets;
	u.packets -= a->before.packets;
	return u;
}

static void
add_usage(struct radius_session *s, const struct accounted *a)
{
	struct sa_usage u = usage_of(s->radius, a);

	s->octets[a->sa.direction] += u.octets;
	s->packets[a->sa.direction] += u.packets;
}

static struct accounted *
find_accounted(const struct radius *r, const struct sa_params *sa)
{
	struct accounted key = { .key = { sa->spi, sa->direction } };
	struct table_link *l = table_find(&r->accounted, span_of(&key.key, sizeof key.key));

	for (; l; l = table_find_next(l)) {
		struct accounted *a = table_entry(l, struct accounted, by_spi);

		if (a->key.spi == sa->spi && a->key.direction == sa->direction && a->sa.child_id == sa->child_id)
			return a;
	}
	return NULL;
}

static void
link_to(struct radius_session *s, struct accounted *a)
{
	a->session = s;
	a->prev = NULL;
	a->next = s->sas;
	if (a->next)
		a->next->prev = a;
	s->sas = a;
}

static void
unlink_from(struct accounted *a)
{
	*(a->prev ? &a->prev->next : &a->session->sas) = a->next;
	if (a->next)
		a->next->prev = a->prev;
}

static void
forget(struct radius *r, struct accounted *a)
{
	unlink_from(a);
	table_remove(&r->accounted, &a->by_spi);
	free(a);
}

static void
installed(struct radius *r, const struct sa_params *sa)
{
	uint32_t ike_id = r->hooks->owner(r->hooks->context, sa->child_id);
	struct radius_session *s = ike_id ? radius_session_find(r, ike_id) : NULL;
	struct accounted *a = s ? calloc(1, sizeof *a) : NULL;

	if (!a)
		return;
	a->key.spi = sa->spi;
	a->key.direction = sa->direction;
	a->sa = (struct sa_params) { .direction = sa->direction, .spi = sa->spi, .child_id = sa->child_id };
	if (table_insert(&r->accounted, &a->by_spi, span_of(&a->key, sizeof a->key)))
		link_to(s, a);
	else
		free(a);
}

void
radius_sa(struct radius *r, enum effect_kind what, const struct sa_params *sa)
{
	struct accounted *a;

	if (what == EFFECT_INSTALL_SA) {
		if (r->settings && r->settings->accounting)
			installed(r, sa);
		return;
	}
	/* Those that are known end even when a new configuration accounts no more. */
	a = find_accounted(r, sa);
	if (!a)
		return;
	add_usage(a->session, a);
	forget(r, a);
}

void
radius_accounted_hand_over(struct radius_session *s)
{
	struct radius *r = s->radius;

	while (s->sas) {
		struct accounted *a = s->sas;
		uint32_t ike_id = r->closing ? 0 : r->hooks->owner(r->hooks->context, a->sa.child_id);
		struct radius_session *heir = ike_id && ike_id != s->ike_id ? radius_session_find(r, ike_id) : NULL;
		struct sa_usage now = { 0 };

		if (!heir) {
			forget(r, a);
			continue;
		}
		r->hooks->usage(r->hooks->context, &a->sa, &now);
		a->before = now;
		unlink_from(a);
		link_to(heir, a);
	}
}

/* ---- records */

struct record_job {
	struct radius_request request;
	enum radius_record record;
	struct radius_about about;
	char user[RADIUS_VALUE_MAX + 1], id[RADIUS_SESSION_ID_MAX];
	struct ip vip[VIRTUAL_IPS_MAX];
	size_t n_vip;
	struct octets_list classes;
	bool by_radius;
	uint64_t octets[2], packets[2];
	uint32_t seconds, cause;
};

static struct record_job *
job_of(struct radius_request *q)
{
	return table_entry(q, struct record_job, request);
}

static void
free_record(struct radius_request *q)
{
	octets_list_free(&job_of(q)->classes);
	free(job_of(q));
}

/* Sections 5.3, 5.4; RFC 2869 sections 5.1, 5.2 for what goes beyond 32 bits. */
static void
add_traffic(struct radius_builder *b, const struct record_job *j)
{
	static const struct {
		enum radius_type octets, gigawords, packets;
	} types[] = {
		[SA_INBOUND] = { RADIUS_ACCT_INPUT_OCTETS, RADIUS_ACCT_INPUT_GIGAWORDS, RADIUS_ACCT_INPUT_PACKETS },
		[SA_OUTBOUND] = { RADIUS_ACCT_OUTPUT_OCTETS, RADIUS_ACCT_OUTPUT_GIGAWORDS, RADIUS_ACCT_OUTPUT_PACKETS },
	};

	for (size_t d = 0; d < 2; d++) {
		radius_add_number(b, types[d].octets, (uint32_t)j->octets[d]);
		if (j->octets[d] >> 32)
			radius_add_number(b, types[d].gigawords, (uint32_t)(j->octets[d] >> 32));
		radius_add_number(b, types[d].packets, (uint32_t)j->packets[d]);
	}
	radius_add_number(b, RADIUS_ACCT_SESSION_TIME, j->seconds);
}

static void
fill_record(struct radius_request *q, struct radius_builder *b, const struct radius_server *s, bool again)
{
	const struct record_job *j = job_of(q);

	(void)again;
	radius_add_number(b, RADIUS_ACCT_STATUS_TYPE, j->record);
	radius_add(b, RADIUS_ACCT_SESSION_ID, span_str(j->id));
	radius_add(b, RADIUS_USER_NAME, span_str(j->user));
	radius_add_number(b, RADIUS_ACCT_AUTHENTIC, j->by_radius ? BY_RADIUS : BY_OURSELVES);
	/* Section 5.2: how old it is when it comes by way of another server. */
	radius_add_number(b, RADIUS_ACCT_DELAY_TIME, (uint32_t)((uv_now(q->radius->loop) - q->began) / 1000));
	radius_add_about(b, &j->about, s);
	for (size_t i = 0; i < j->n_vip; i++)
		radius_add_ip(b, RADIUS_FRAMED_IP_ADDRESS, RADIUS_FRAMED_IPV6_ADDRESS, &j->vip[i]);
	for (size_t i = 0; i < j->classes.n; i++)
		radius_add(b, RADIUS_CLASS, j->classes.o[i]);
	if (j->record != RADIUS_START)
		add_traffic(b, j);
	if (j->record == RADIUS_STOP)
		radius_add_number(b, RADIUS_ACCT_TERMINATE_CAUSE, j->cause);
}

static void
record_answered(struct radius_request *q, const struct radius_packet *p)
{
	static const char *const names[] = {
		[RADIUS_START] = "Start", [RADIUS_STOP] = "Stop", [RADIUS_INTERIM] = "Interim-Update"
	};
	struct record_job *j = job_of(q);
	struct radius *r = q->radius;

	if (!p) {
		radius_say(r, LOG_AUDIT, "no RADIUS server took the accounting record %s of session %s ('%s'): %s",
		           names[j->record], j->id, j->user, q->trouble);
		if (j->record == RADIUS_INTERIM && !r->settings->keep_on_timeout && !r->closing)
			r->hooks->end(r->hooks->context, j->about.ike_id);
	}
	radius_request_end(q);
}

static void
sum_traffic(struct record_job *j, const struct radius_session *s)
{
	memcpy(j->octets, s->octets, sizeof j->octets);
	memcpy(j->packets, s->packets, sizeof j->packets);
	for (const struct accounted *a = s->sas; a; a = a->next) {
		struct sa_usage u = usage_of(s->radius, a);

		j->octets[a->sa.direction] += u.octets;
		j->packets[a->sa.direction] += u.packets;
	}
}

static struct record_job *
new_record(const struct radius_session *s, enum radius_record record)
{
	struct record_job *j = calloc(1, sizeof *j);
	bool ok = j != NULL;

	if (!j)
		return NULL;
	j->request = (struct radius_request) { .code = RADIUS_ACCOUNTING_REQUEST,
		                               .prefer = RADIUS_SERVERS_MAX,
		                               .fill = fill_record,
		                               .done = record_answered,
		                               .free = free_record };
	j->record = record;
	j->about = s->about;
	memcpy(j->user, s->user, sizeof j->user);
	memcpy(j->id, s->id, sizeof j->id);
	memcpy(j->vip, s->vip, sizeof j->vip);
	j->n_vip = s->n_vip;
	j->by_radius = s->by_radius;
	j->seconds = (uint32_t)((uv_now(s->radius->loop) - s->began) / 1000);
	j->cause = s->cause ? s->cause : RADIUS_USER_REQUEST;
	/* RFC 2865 section 5.25: Class "SHOULD be sent unmodified by the client to the accounting server". */
	for (size_t i = 0; ok && s->radius->settings->accounting_sends_class && i < s->grant.classes.n; i++)
		ok = octets_list_add(&j->classes, s->grant.classes.o[i]);
	sum_traffic(j, s);
	if (ok)
		return j;
	free_record(&j->request);
	return NULL;
}

void
radius_account(struct radius_session *s, enum radius_record record)
{
	struct record_job *j = new_record(s, record);

	if (j && radius_request_start(&j->request, s->radius))
		return;
	radius_say(s->radius, LOG_AUDIT, "an accounting record of session %s ('%s') is lost: %s", s->id, s->user,
	           j ? "too many are under way" : "out of memory");
	if (j)
		free_record(&j->request);
}
