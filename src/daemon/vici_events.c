/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "vici_internal.h"

/* The ears of the server: log lines and changes of state, to whoever registered for them. */

/* ---- failures, for `sallyport status` */

static struct vici_failure **
failure_of(struct vici_server *v, const char *conn)
{
	struct vici_failure **at = &v->failures;

	while (*at && strcmp((*at)->conn, conn))
		at = &(*at)->next;
	return at;
}

static void
failure_free(struct vici_failure *f)
{
	free(f->conn);
	free(f->reason);
	free(f->text);
	free(f);
}

static void
forget_failure(struct vici_server *v, const char *conn)
{
	struct vici_failure **at = failure_of(v, conn), *f = *at;

	if (!f)
		return;
	*at = f->next;
	v->n_failures--;
	failure_free(f);
}

/* Words that tell of a course of events, not of a failure. */
static bool
is_failure(const char *reason)
{
	static const char *const others[] = { "lifetime", "retry", "restarted", "ok", "duplicate", "absorbed" };

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (!strcmp(reason, others[i]))
			return false;
	return true;
}

/* "failed" sums up: the line just before it named the cause, whose word is kept. */
static bool
sums_up(const struct vici_server *v, const struct vici_failure *before, const char *reason)
{
	return before && !strcmp(reason, "failed") && v->backend->now(v->backend->context) - before->at < SECONDS(2);
}

static void
remember_failure(struct vici_server *v, const struct effect_log *l)
{
	struct vici_failure *f = *failure_of(v, l->conn);
	char *text;

	if (sums_up(v, f, l->reason)) {
		text = strdup(l->text);
		if (text) {
			free(f->text);
			f->text = text;
		}
		return;
	}
	forget_failure(v, l->conn);
	f = v->n_failures < VICI_FAILURES_MAX ? calloc(1, sizeof *f) : NULL;
	if (!f)
		return;
	*f = (struct vici_failure) {
		.next = v->failures,
		.conn = strdup(l->conn),
		.reason = strdup(l->reason),
		.text = strdup(l->text),
		.at = v->backend->now(v->backend->context),
	};
	if (!f->conn || !f->reason || !f->text) {
		failure_free(f);
		return;
	}
	v->failures = f;
	v->n_failures++;
}

/* ---- log */

static void
broadcast_line(struct vici_server *v, enum vici_event_kind k, const struct effect_log *l)
{
	struct vici_writer w;

	if (!(v->events & 1u << k))
		return;
	vici_begin_event(&w, k);
	vici_key(&w, "group", log_group_name(l->group));
	vici_keyf(&w, "level", "%d", l->level);
	vici_key(&w, "thread", "1");
	if (l->conn) {
		vici_key(&w, "ikesa-name", l->conn);
		vici_keyf(&w, "ikesa-uniqueid", "%u", l->ike_id);
	}
	vici_key(&w, "msg", l->text);
	vici_broadcast(v, k, &w);
}

void
vici_server_log(void *server, const struct effect_log *l)
{
	struct vici_server *v = server;

	if (!v || v->closing)
		return;
	if (l->reason && l->conn && l->level <= LOG_CONTROL && is_failure(l->reason))
		remember_failure(v, l);
	if (v->events & 1u << VICI_CONTROL_LOG)
		for (struct vici_client *c = v->clients, *next; c; c = next) {
			next = c->next;
			vici_control_log(c, l);
		}
	if (l->level <= LOG_CONTROL)
		broadcast_line(v, VICI_LOG, l);
	broadcast_line(v, VICI_LOG_ALL, l);
}

/* ---- changes of state */

static bool
find_ike(const struct vici_server *v, uint32_t id, struct ike_info *out)
{
	uint32_t cursor = id - 1;

	return id && ike_next_sa(v->backend->core(v->backend->context), &cursor, out) && out->id == id;
}

static bool
find_child(const struct vici_server *v, uint32_t ike_id, uint32_t id, struct child_info *out)
{
	uint32_t cursor = id - 1;

	return id && ike_next_child(v->backend->core(v->backend->context), ike_id, &cursor, out) && out->id == id;
}

static const char *
name_of(const struct ike_info *s)
{
	return s->conn ? s->conn->name : "(unnamed)";
}

static void
put_child(struct vici_writer *w, const struct vici_server *v, const char *name, const struct child_info *c)
{
	vici_section(w, name);
	vici_put_child(w, v->backend, c, v->backend->now(v->backend->context));
	vici_section_end(w);
}

static void
begin_sa(struct vici_writer *w, const struct vici_server *v, const struct ike_info *s)
{
	vici_section(w, name_of(s));
	vici_put_ike(w, s, v->backend->now(v->backend->context));
}

static void
ike_updown(struct vici_server *v, const struct ike_info *s, bool up)
{
	struct vici_writer w;

	vici_begin_event(&w, VICI_IKE_UPDOWN);
	if (up)
		vici_key(&w, "up", "yes");
	begin_sa(&w, v, s);
	vici_section_end(&w);
	vici_broadcast(v, VICI_IKE_UPDOWN, &w);
}

static void
child_updown(struct vici_server *v, const struct ike_info *s, const struct child_info *c, bool up)
{
	char name[CONF_NAME_MAX + 16];
	struct vici_writer w;

	snprintf(name, sizeof name, "%.240s-%u", c->config->name, c->id);
	vici_begin_event(&w, VICI_CHILD_UPDOWN);
	if (up)
		vici_key(&w, "up", "yes");
	begin_sa(&w, v, s);
	vici_section(&w, "child-sas");
	put_child(&w, v, name, c);
	vici_section_end(&w);
	vici_section_end(&w);
	vici_broadcast(v, VICI_CHILD_UPDOWN, &w);
}

static void
child_rekeyed(struct vici_server *v, const struct ike_info *s, const struct child_info *c, const struct child_info *old)
{
	struct vici_writer w;

	vici_begin_event(&w, VICI_CHILD_REKEY);
	begin_sa(&w, v, s);
	vici_section(&w, "child-sas");
	vici_section(&w, c->config->name);
	if (old)
		put_child(&w, v, "old", old);
	put_child(&w, v, "new", c);
	vici_section_end(&w);
	vici_section_end(&w);
	vici_section_end(&w);
	vici_broadcast(v, VICI_CHILD_REKEY, &w);
}

static void
peer_moved(struct vici_server *v, const struct ike_info *s)
{
	char text[IP_TEXT_MAX];
	struct vici_writer w;

	vici_begin_event(&w, VICI_IKE_UPDATE);
	vici_key(&w, "local-host", ip_format(text, &s->local.ip));
	vici_keyf(&w, "local-port", "%u", s->local.port);
	vici_key(&w, "remote-host", ip_format(text, &s->remote.ip));
	vici_keyf(&w, "remote-port", "%u", s->remote.port);
	begin_sa(&w, v, s);
	vici_section_end(&w);
	vici_broadcast(v, VICI_IKE_UPDATE, &w);
}

static void
count(struct vici_server *v, const struct effect_event *e, const struct ike_info *s)
{
	if (e->kind == EVENT_IKE_REKEYED)
		v->ike_rekeys++;
	if (e->kind == EVENT_CHILD_REKEYED)
		v->child_rekeys++;
	/* What works now has no failure to tell of. */
	if (s->conn && (e->kind == EVENT_CHILD_UP || e->kind == EVENT_CHILD_REKEYED))
		forget_failure(v, s->conn->name);
}

void
vici_server_event(void *server, const struct effect_event *e)
{
	struct vici_server *v = server;
	struct ike_info s = { 0 };
	struct child_info c = { 0 }, old = { 0 };
	bool have_child;

	if (!v || v->closing)
		return;
	/* The copy of when it happened first: by now it may have gone. */
	if (e->ike)
		s = *e->ike;
	else if (!find_ike(v, e->ike_id, &s))
		return;
	if (e->child)
		c = *e->child;
	have_child = e->child || find_child(v, e->ike_id, e->child_id, &c);
	count(v, e, &s);
	switch (e->kind) {
	case EVENT_IKE_UP:
	case EVENT_IKE_REKEYED: /* IKEv1 renews by a new Phase 1: strongSwan tells that as one that came up */
	case EVENT_IKE_DOWN:
		if (v->events & 1u << VICI_IKE_UPDOWN)
			ike_updown(v, &s, e->kind != EVENT_IKE_DOWN);
		break;
	case EVENT_CHILD_UP:
	case EVENT_CHILD_DOWN:
		if (have_child && v->events & 1u << VICI_CHILD_UPDOWN)
			child_updown(v, &s, &c, e->kind == EVENT_CHILD_UP);
		break;
	case EVENT_CHILD_REKEYED:
		if (have_child && v->events & 1u << VICI_CHILD_REKEY)
			child_rekeyed(v, &s, &c, find_child(v, e->ike_id, e->old_child_id, &old) ? &old : NULL);
		break;
	case EVENT_PEER_MOVED:
		if (v->events & 1u << VICI_IKE_UPDATE)
			peer_moved(v, &s);
		break;
	case EVENT_IKE_STATE:
	case EVENT_CHILD_STATE:
		break;
	}
}
