/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "vici_internal.h"

/* list-sas, list-conns, list-policies: strongSwan's field names, in its order. */

/* ---- lists, an event a step */

static const char *
conn_name(const struct ike_info *s)
{
	return s->conn ? s->conn->name : "(unnamed)";
}

/* A name of ours, for those who ask for what strongSwan does not tell. */
static void
put_path_mtu(struct vici_writer *w, const struct vici_backend *b, const struct ike_info *s)
{
	unsigned mtu = s->state == IKE_STATE_ESTABLISHED && b->path_mtu ? b->path_mtu(b->context, &s->local, &s->remote) : 0;

	if (mtu)
		vici_keyf(w, "path-mtu", "%u", mtu);
}

static void
put_children(struct vici_writer *w, struct vici_client *c, const struct ike_info *s, instant_t now)
{
	const struct vici_backend *b = c->server->backend;
	const struct vici_stream *f = &c->stream;
	struct child_info child;
	uint32_t cursor = 0;
	char name[CONF_NAME_MAX + 16];

	vici_section(w, "child-sas");
	/* An event has a limit: of very many children the first are shown. */
	while (w->n < VICI_PACKET_MAX - 4096 && ike_next_child(b->core(b->context), s->id, &cursor, &child)) {
		/* strongSwan has no CHILD_SA before it is installed, and `swanctl` no words for one. */
		if (!child.installed_at && !f->negotiating)
			continue;
		if ((f->child && strcmp(f->child, child.config->name)) || (f->child_id && f->child_id != child.id))
			continue;
		snprintf(name, sizeof name, "%.240s-%u", child.config->name, child.id);
		vici_section(w, name);
		vici_put_child(w, b, &child, now);
		vici_section_end(w);
	}
	vici_section_end(w);
}

static bool
next_sa(struct vici_client *c)
{
	const struct vici_backend *b = c->server->backend;
	const struct vici_stream *f = &c->stream;
	instant_t now = b->now(b->context);
	struct ike_info s;
	struct vici_writer w;

	do {
		if (!ike_next_sa(b->core(b->context), &c->stream.ike_cursor, &s))
			return false;
	} while ((f->ike && strcmp(f->ike, conn_name(&s))) || (f->ike_id && f->ike_id != s.id));
	vici_begin_event(&w, VICI_LIST_SA);
	vici_section(&w, conn_name(&s));
	vici_put_ike(&w, &s, now);
	if (f->negotiating)
		put_path_mtu(&w, b, &s);
	put_children(&w, c, &s, now);
	vici_section_end(&w);
	vici_send(c, &w);
	return true;
}

static void
put_specs(struct vici_writer *w, const char *name, const struct address_specs *l)
{
	char lo[IP_TEXT_MAX], hi[IP_TEXT_MAX], text[2 * IP_TEXT_MAX];

	vici_list(w, name);
	if (!l->n)
		vici_item(w, "%any");
	for (size_t i = 0; i < l->n; i++) {
		const struct address_spec *a = &l->a[i];
		int bits = a->lo.family ? ip_range_prefix(&a->lo, &a->hi) : -1;

		if (a->name)
			snprintf(text, sizeof text, "%.80s", a->name);
		else if (!a->lo.family)
			snprintf(text, sizeof text, "%s", a->family == IP_V4 ? "%any4" : a->family == IP_V6 ? "%any6" : "%any");
		else if (ip_equal(&a->lo, &a->hi))
			ip_format(text, &a->lo);
		else if (bits >= 0)
			snprintf(text, sizeof text, "%s/%d", ip_format(lo, &a->lo), bits);
		else
			snprintf(text, sizeof text, "%s-%s", ip_format(lo, &a->lo), ip_format(hi, &a->hi));
		vici_item(w, text);
	}
	vici_list_end(w);
}

static void
put_round(struct vici_writer *w, const char *name, const struct auth_round *r)
{
	char id[IDENTITY_TEXT_MAX];

	vici_section(w, name);
	if (r->id_given)
		vici_key(w, "id", identity_format(id, &r->id));
	vici_key(w, "class", r->method == AUTH_PSK ? "pre-shared key" : "public key");
	vici_put_round_lists(w, r);
	vici_section_end(w);
}

static void
put_selectors(struct vici_writer *w, const char *name, const struct selector *s, size_t n)
{
	char text[SELECTOR_TEXT_MAX];

	vici_list(w, name);
	if (!n)
		vici_item(w, "dynamic");
	for (size_t i = 0; i < n; i++)
		vici_item(w, vici_selector(text, &s[i]));
	vici_list_end(w);
}

static const char *
action_name(enum child_action a)
{
	return a == ACTION_TRAP ? "trap" : a == ACTION_START ? "start" : "none";
}

static void
put_child_config(struct vici_writer *w, const struct ike *core, const struct conn *conn, const struct child *c)
{
	vici_section(w, c->name);
	vici_key(w, "mode", vici_mode_name(c->mode));
	vici_keyf(w, "rekey_time", "%lld", (long long)(c->lifetime.rekey_ns / SECONDS(1)));
	vici_keyf(w, "rekey_bytes", "%llu", (unsigned long long)c->lifetime.rekey_octets);
	vici_keyf(w, "rekey_packets", "%llu", (unsigned long long)c->lifetime.rekey_packets);
	vici_key(w, "dpd_action", action_name(c->dpd_action));
	vici_key(w, "close_action", action_name(c->close_action));
	put_selectors(w, "local-ts", c->local_ts, c->n_local_ts);
	put_selectors(w, "remote-ts", c->remote_ts, c->n_remote_ts);
	/* A name of ours, for those who ask for it. */
	if (core && ike_is_trapped(core, conn, c))
		vici_key(w, "trapped", "yes");
	vici_section_end(w);
}

/* @core  where claims are to be shown, too; or NULL */
static void
put_conn(struct vici_writer *w, const struct ike *core, const struct conn *c)
{
	static const char *const versions[] = { "IKEv1/2", "IKEv1", "IKEv2" };
	static const char *const unique[] = { "UNIQUE_NO", "UNIQUE_NEVER", "UNIQUE_KEEP", "UNIQUE_REPLACE" };

	put_specs(w, "local_addrs", &c->local_addrs);
	put_specs(w, "remote_addrs", &c->remote_addrs);
	vici_key(w, "version", versions[c->version]);
	vici_keyf(w, "reauth_time", "%lld", (long long)(c->reauth_ns / SECONDS(1)));
	vici_keyf(w, "rekey_time", "%lld", (long long)(c->rekey_ns / SECONDS(1)));
	vici_key(w, "unique", unique[c->unique]);
	if (c->dpd_delay_ns)
		vici_keyf(w, "dpd_delay", "%lld", (long long)(c->dpd_delay_ns / SECONDS(1)));
	if (c->dpd_timeout_ns)
		vici_keyf(w, "dpd_timeout", "%lld", (long long)(c->dpd_timeout_ns / SECONDS(1)));
	put_round(w, "local-1", &c->local);
	put_round(w, "remote-1", &c->remote);
	vici_section(w, "children");
	for (size_t i = 0; i < c->n_children && w->n < VICI_PACKET_MAX - 32768; i++)
		put_child_config(w, core, c, &c->children[i]);
	vici_section_end(w);
}

/* The next connection; the stream holds a reference, so that it stays a place to go on from. */
static const struct conn *
advance(struct vici_client *c)
{
	const struct vici_backend *b = c->server->backend;
	const struct conn *next = ike_next_conn(b->core(b->context), c->stream.conn_cursor);

	conn_unref((struct conn *)c->stream.conn_cursor);
	c->stream.conn_cursor = next ? conn_ref((struct conn *)next) : NULL;
	return next;
}

static bool
next_conn(struct vici_client *c)
{
	const struct conn *conn;
	struct vici_writer w;

	do {
		conn = advance(c);
		if (!conn)
			return false;
	} while (c->stream.ike && strcmp(c->stream.ike, conn->name));
	vici_begin_event(&w, VICI_LIST_CONN);
	vici_section(&w, conn->name);
	put_conn(&w, c->stream.trap ? c->server->backend->core(c->server->backend->context) : NULL, conn);
	vici_section_end(&w);
	vici_send(c, &w);
	return true;
}

static void
send_policy(struct vici_client *c, const struct conn *conn, const struct child *child)
{
	char name[CONF_NAME_MAX + 1];
	struct vici_writer w;

	snprintf(name, sizeof name, "%.120s/%.120s", conn->name, child->name);
	vici_begin_event(&w, VICI_LIST_POLICY);
	vici_section(&w, name);
	vici_key(&w, "child", child->name);
	vici_key(&w, "ike", conn->name);
	vici_key(&w, "mode", vici_mode_name(child->mode));
	put_selectors(&w, "local-ts", child->local_ts, child->n_local_ts);
	put_selectors(&w, "remote-ts", child->remote_ts, child->n_remote_ts);
	vici_section_end(&w);
	vici_send(c, &w);
}

/* One connection a step. */
static bool
next_policy(struct vici_client *c)
{
	const struct vici_backend *b = c->server->backend;
	const struct ike *core = b->core(b->context);
	const struct vici_stream *f = &c->stream;
	const struct conn *conn = advance(c);

	for (size_t i = 0; conn && !c->closing && i < conn->n_children; i++) {
		const struct child *child = &conn->children[i];
		bool wanted = child->mode == MODE_PASS ? f->pass : child->mode == MODE_DROP ? f->drop : f->trap;

		if (wanted && (!f->ike || !strcmp(f->ike, conn->name)) && (!f->child || !strcmp(f->child, child->name)) &&
		    ike_is_trapped(core, conn, child))
			send_policy(c, conn, child);
	}
	return conn;
}

void
vici_stream_close(struct vici_client *c)
{
	conn_unref((struct conn *)c->stream.conn_cursor);
	free(c->stream.ike);
	free(c->stream.child);
	free(c->stream.type);
	free(c->stream.flag);
	free(c->stream.subject);
	free(c->stream.name);
	c->stream = (struct vici_stream) { 0 };
}

void
vici_stream_run(struct vici_client *c)
{
	struct vici_writer w;

	while (c->stream.next && uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) < VICI_STREAM_PAUSE) {
		if (c->stream.next(c) || c->closing)
			continue;
		vici_stream_close(c);
		vici_begin_reply(&w);
		vici_send(c, &w);
		vici_done(c);
		return;
	}
}

static char *
copy_arg(const struct vici_request *r, const char *name)
{
	const char *v = vici_arg(r, name);

	return v ? strdup(v) : NULL;
}

void
vici_stream_start(struct vici_request *r, bool (*next)(struct vici_client *))
{
	uint32_t ike_id = 0, child_id = 0;

	if (!vici_arg_id(r, "ike-id", &ike_id) || !vici_arg_id(r, "child-id", &child_id))
		return;
	r->client->stream = (struct vici_stream) {
		.next = next,
		.ike = copy_arg(r, "ike"),
		.child = copy_arg(r, "child"),
		.ike_id = ike_id,
		.child_id = child_id,
		.drop = vici_arg_yes(r, "drop"),
		.pass = vici_arg_yes(r, "pass"),
		.trap = vici_arg_yes(r, "trap"),
		.negotiating = vici_arg_yes(r, "negotiating"),
		.type = copy_arg(r, "type"),
		.flag = copy_arg(r, "flag"),
		.subject = copy_arg(r, "subject"),
		.name = copy_arg(r, "name"),
	};
	vici_stream_run(r->client);
}

static void
list_sas(struct vici_request *r)
{
	vici_stream_start(r, next_sa);
}

static void
list_conns(struct vici_request *r)
{
	vici_stream_start(r, next_conn);
}

static void
list_policies(struct vici_request *r)
{
	vici_stream_start(r, next_policy);
}

const struct vici_command vici_list_commands[] = {
	{ "list-sas", list_sas, false },
	{ "list-conns", list_conns, false },
	{ "list-policies", list_policies, false },
	{ NULL, NULL, false },
};
