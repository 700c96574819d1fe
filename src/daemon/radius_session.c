/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "radius_internal.h"

/* What RADIUS has to do with an IKE_SA, from the first login under it to its end. */

enum { INTERIM_SECONDS_MIN = 60 };

struct radius_session *
radius_session_find(const struct radius *r, uint32_t ike_id)
{
	struct table_link *l = table_find(&r->sessions, span_of(&ike_id, sizeof ike_id));

	for (; l; l = table_find_next(l))
		if (table_entry(l, struct radius_session, by_ike_id)->ike_id == ike_id)
			return table_entry(l, struct radius_session, by_ike_id);
	return NULL;
}

struct radius_session *
radius_session_at(struct radius *r, uint32_t ike_id)
{
	struct radius_session *s = radius_session_find(r, ike_id);

	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->radius = r;
	s->ike_id = ike_id;
	if (table_insert(&r->sessions, &s->by_ike_id, span_of(&s->ike_id, sizeof s->ike_id)))
		return s;
	free(s);
	return NULL;
}

static void
free_timer(uv_handle_t *h)
{
	free(h);
}

void
radius_session_free(struct radius_session *s)
{
	radius_accounted_hand_over(s);
	table_remove(&s->radius->sessions, &s->by_ike_id);
	if (s->timer) {
		s->timer->data = NULL;
		uv_close((uv_handle_t *)s->timer, free_timer);
	}
	radius_grant_free(&s->grant);
	free(s);
}

const struct radius_grant *
radius_granted(const struct radius *r, uint32_t ike_id)
{
	const struct radius_session *s = radius_session_find(r, ike_id);

	return s ? &s->grant : NULL;
}

/* ---- the IKE_SA stands */

static uint64_t
elapsed_ms(const struct radius_session *s)
{
	return uv_now(s->radius->loop) - s->began;
}

/* What the server wants goes before what we are configured for; "MUST NOT be smaller than 60" (RFC 2869 section 5.16). */
static uint64_t
interim_ms(const struct radius_session *s)
{
	uint32_t wanted = s->grant.interim;

	if (!wanted)
		return (uint64_t)(s->radius->settings->interim / MILLISECONDS(1));
	return (wanted < INTERIM_SECONDS_MIN ? INTERIM_SECONDS_MIN : wanted) * UINT64_C(1000);
}

static void on_session_timer(uv_timer_t *t);

/* To what comes first: the next interim record, or the end. */
static void
arm(struct radius_session *s)
{
	uint64_t interim = s->accounted ? interim_ms(s) : 0, end = s->grant.session_timeout * UINT64_C(1000), now = elapsed_ms(s);
	uint64_t at = interim ? s->told + interim : UINT64_MAX;

	if (end && end < at)
		at = end;
	if (at == UINT64_MAX)
		return;
	if (!s->timer) {
		s->timer = calloc(1, sizeof *s->timer);
		if (!s->timer)
			return;
		uv_timer_init(s->radius->loop, s->timer);
	}
	s->timer->data = s;
	uv_timer_start(s->timer, on_session_timer, at > now ? at - now : 0, 0);
}

static void
on_session_timer(uv_timer_t *t)
{
	struct radius_session *s = t->data;
	struct radius *r = s ? s->radius : NULL;

	if (!s)
		return;
	if (s->grant.session_timeout && elapsed_ms(s) >= s->grant.session_timeout * UINT64_C(1000)) {
		radius_say(r, LOG_CONTROL, "the session of '%s' ends: the RADIUS server gave it %u seconds (Session-Timeout)",
		           s->user, s->grant.session_timeout);
		s->cause = RADIUS_SESSION_TIMED_OUT;
		r->hooks->end(r->hooks->context, s->ike_id);
		return;
	}
	s->told = elapsed_ms(s);
	radius_account(s, RADIUS_INTERIM);
	arm(s);
}

/* Who logged in, or got an address, is accounted: a user. */
static bool
is_accounted(const struct radius *r, const struct ike_info *i)
{
	if (!r->settings->accounting || !r->settings->n || (r->settings->accounting_needs_vip && !i->n_remote_vips))
		return false;
	return i->remote_xauth_id.type != ID_ANY || i->n_remote_vips;
}

static void
describe(struct radius_session *s, const struct ike_info *i)
{
	char text[IDENTITY_TEXT_MAX];

	s->about = (struct radius_about) { .ike_id = i->id, .local = i->local, .remote = i->remote };
	snprintf(s->about.conn, sizeof s->about.conn, "%s", i->conn->name);
	snprintf(s->user, sizeof s->user, "%s",
	         identity_format(text, i->remote_xauth_id.type == ID_ANY ? &i->remote_id : &i->remote_xauth_id));
	snprintf(s->id, sizeof s->id, "%s-%u", s->radius->start, i->id);
	for (s->n_vip = 0; s->n_vip < i->n_remote_vips && s->n_vip < VIRTUAL_IPS_MAX; s->n_vip++)
		s->vip[s->n_vip] = i->remote_vips[s->n_vip];
}

/* A client that pulls its address has it only after the IKE_SA is established: its first child shows that it is done. */
static void
begin(struct radius_session *s, const struct ike_info *i, bool child)
{
	describe(s, i);
	if (s->accounted || !is_accounted(s->radius, i) || (!child && i->conn->pools.n && !i->n_remote_vips))
		return;
	s->accounted = true;
	s->told = elapsed_ms(s);
	radius_account(s, RADIUS_START);
}

static void
established(struct radius *r, uint32_t ike_id)
{
	struct ike_info i;
	struct radius_session *s;

	if (!r->hooks->look(r->hooks->context, ike_id, &i) || !i.conn)
		return;
	s = r->settings->accounting ? radius_session_at(r, ike_id) : radius_session_find(r, ike_id);
	if (!s)
		return;
	s->began = uv_now(r->loop);
	begin(s, &i, false);
	arm(s);
}

static void
child_up(struct radius *r, uint32_t ike_id)
{
	struct radius_session *s = radius_session_find(r, ike_id);
	struct ike_info i;

	if (!s || s->accounted || !r->hooks->look(r->hooks->context, ike_id, &i) || !i.conn)
		return;
	begin(s, &i, true);
	arm(s);
}

static void
gone(struct radius *r, uint32_t ike_id)
{
	struct radius_session *s = radius_session_find(r, ike_id);

	if (!s)
		return;
	if (s->accounted)
		radius_account(s, RADIUS_STOP);
	radius_session_free(s);
}

void
radius_event(struct radius *r, const struct effect_event *e)
{
	switch (e->kind) {
	case EVENT_IKE_UP:
	case EVENT_IKE_REKEYED:
		established(r, e->ike_id);
		break;
	case EVENT_CHILD_UP:
		child_up(r, e->ike_id);
		break;
	case EVENT_IKE_DOWN:
		gone(r, e->ike_id);
		break;
	default:
		break;
	}
}

void
radius_sessions_close(struct radius *r)
{
	for (size_t i = 0; i < r->sessions.n_buckets; i++)
		while (r->sessions.bucket[i])
			radius_session_free(table_entry(r->sessions.bucket[i], struct radius_session, by_ike_id));
	table_close(&r->sessions);
}
