/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "vici_internal.h"

/* list-sas, list-conns, list-policies: strongSwan's field names, in its order. */

/* ---- one SA */

static int64_t
seconds(instant_t ns)
{
	return ns / SECONDS(1);
}

static const char *
name_of(enum transform_kind kind, uint16_t id)
{
	const struct algorithm *a = algorithm_by_id(kind, id, 0);

	return a ? a->name : "?";
}

static void
put_encr(struct vici_writer *w, const struct transform *t)
{
	vici_key(w, "encr-alg", name_of(TRANSFORM_ENCR, t->id));
	if (t->key_bits)
		vici_keyf(w, "encr-keysize", "%u", t->key_bits);
}

/* IKEv1 negotiates one hash for both; strongSwan names the integrity algorithm that goes with it. */
static uint16_t
integ_of_prf(uint16_t prf_id)
{
	switch (prf_id) {
	case PRF_HMAC_MD5:
		return INTEG_HMAC_MD5_96;
	case PRF_HMAC_SHA1:
		return INTEG_HMAC_SHA1_96;
	case PRF_HMAC_SHA2_256:
		return INTEG_HMAC_SHA2_256_128;
	case PRF_HMAC_SHA2_384:
		return INTEG_HMAC_SHA2_384_192;
	case PRF_HMAC_SHA2_512:
		return INTEG_HMAC_SHA2_512_256;
	}
	return INTEG_NONE;
}

static void
put_ike_algorithms(struct vici_writer *w, const struct ike_info *s)
{
	uint16_t integ = s->integ_id ? s->integ_id : s->version == IKE_V1 ? integ_of_prf(s->prf_id) : INTEG_NONE;

	put_encr(w, &s->encr);
	if (integ)
		vici_key(w, "integ-alg", name_of(TRANSFORM_INTEG, integ));
	vici_key(w, "prf-alg", name_of(TRANSFORM_PRF, s->prf_id));
	if (s->dh_id)
		vici_key(w, "dh-group", name_of(TRANSFORM_DH, s->dh_id));
}

static void
put_end(struct vici_writer *w, const char *side, const struct endpoint *e, const struct identity *id)
{
	char name[32], text[IP_TEXT_MAX], id_text[IDENTITY_TEXT_MAX];

	snprintf(name, sizeof name, "%s-host", side);
	vici_key(w, name, ip_format(text, &e->ip));
	snprintf(name, sizeof name, "%s-port", side);
	vici_keyf(w, name, "%u", e->port);
	snprintf(name, sizeof name, "%s-id", side);
	vici_key(w, name, identity_format(id_text, id));
}

static void
put_spi(struct vici_writer *w, const char *name, const uint8_t spi[8])
{
	vici_keyf(w, name, "%08x%08x", get_be32(spi), get_be32(spi + 4));
}

static void
put_nat(struct vici_writer *w, const struct ike_info *s)
{
	if (s->nat_local)
		vici_key(w, "nat-local", "yes");
	if (s->nat_remote)
		vici_key(w, "nat-remote", "yes");
	if (s->nat_fake)
		vici_key(w, "nat-fake", "yes");
	if (s->nat_local || s->nat_remote || s->nat_fake)
		vici_key(w, "nat-any", "yes");
}

static void
put_left(struct vici_writer *w, const char *name, instant_t at, instant_t now)
{
	if (at != INSTANT_NEVER && at)
		vici_keyf(w, name, "%lld", (long long)(at > now ? seconds(at - now) : 0));
}

/* strongSwan names its tasks; ours are exchanges. */
static void
put_tasks(struct vici_writer *w, const struct ike_info *s)
{
	static const struct {
		const char *words, *task;
	} tasks[] = {
		{ "Main Mode", "MAIN_MODE" },
		{ "Quick Mode", "QUICK_MODE" },
		{ "Informational", "INFORMATIONAL" },
	};

	for (size_t i = 0; s->exchange && i < sizeof tasks / sizeof tasks[0]; i++)
		if (!strncmp(s->exchange, tasks[i].words, strlen(tasks[i].words))) {
			vici_list(w, "tasks-active");
			vici_item(w, tasks[i].task);
			vici_list_end(w);
		}
}

void
vici_put_ike(struct vici_writer *w, const struct ike_info *s, instant_t now)
{
	vici_keyf(w, "uniqueid", "%u", s->id);
	vici_keyf(w, "version", "%d", (int)s->version);
	vici_key(w, "state", ike_state_name(s->state));
	put_end(w, "local", &s->local, &s->local_id);
	put_end(w, "remote", &s->remote, &s->remote_id);
	if (s->initiator)
		vici_key(w, "initiator", "yes");
	put_spi(w, "initiator-spi", s->spi_i);
	put_spi(w, "responder-spi", s->spi_r);
	put_nat(w, s);
	if (s->encr.id)
		put_ike_algorithms(w, s);
	if (s->state == IKE_STATE_ESTABLISHED) {
		vici_keyf(w, "established", "%lld", (long long)seconds(now - s->established_at));
		put_left(w, "rekey-time", s->rekey_at, now);
		put_left(w, "reauth-time", s->reauth_at, now);
	}
	put_tasks(w, s);
}

static void
put_selector(struct vici_writer *w, const char *name, const struct selector *s)
{
	char text[SELECTOR_TEXT_MAX];

	vici_list(w, name);
	vici_item(w, selector_format(text, s));
	vici_list_end(w);
}

static void
put_usage(struct vici_writer *w, const struct vici_backend *b, enum sa_direction d, uint32_t spi, const struct endpoint *remote,
          instant_t now)
{
	struct sa_usage u = { 0 };
	const char *side = d == SA_INBOUND ? "in" : "out";
	char name[16];

	b->usage(b->context, d, spi, remote, &u);
	snprintf(name, sizeof name, "bytes-%s", side);
	vici_keyf(w, name, "%llu", (unsigned long long)u.octets);
	snprintf(name, sizeof name, "packets-%s", side);
	vici_keyf(w, name, "%llu", (unsigned long long)u.packets);
	snprintf(name, sizeof name, "use-%s", side);
	if (u.last_use_ns)
		vici_keyf(w, name, "%lld",
		          (long long)(now > (instant_t)u.last_use_ns ? seconds(now - (instant_t)u.last_use_ns) : 0));
}

static const char *
mode_name(enum child_mode m)
{
	static const char *const names[] = { "TUNNEL", "TRANSPORT", "BEET", "PASS", "DROP" };

	return (unsigned)m < sizeof names / sizeof names[0] ? names[m] : "?";
}

void
vici_put_child(struct vici_writer *w, const struct vici_backend *b, const struct ike_info *ike, const struct child_info *c,
               instant_t now)
{
	vici_key(w, "name", c->config->name);
	vici_keyf(w, "uniqueid", "%u", c->id);
	vici_keyf(w, "reqid", "%u", c->reqid);
	vici_key(w, "state", child_state_name(c->state));
	vici_key(w, "mode", mode_name(c->mode));
	vici_key(w, "protocol", "ESP");
	if (c->udp_encap)
		vici_key(w, "encap", "yes");
	vici_keyf(w, "spi-in", "%08x", c->spi_in);
	vici_keyf(w, "spi-out", "%08x", c->spi_out);
	if (c->encr.id)
		put_encr(w, &c->encr);
	if (c->integ_id)
		vici_key(w, "integ-alg", name_of(TRANSFORM_INTEG, c->integ_id));
	if (c->dh_id)
		vici_key(w, "dh-group", name_of(TRANSFORM_DH, c->dh_id));
	if (c->esn)
		vici_key(w, "esn", "1");
	put_usage(w, b, SA_INBOUND, c->spi_in, &ike->remote, now);
	put_usage(w, b, SA_OUTBOUND, c->spi_out, &ike->remote, now);
	put_left(w, "rekey-time", c->rekey_at, now);
	put_left(w, "life-time", c->expires_at, now);
	if (c->installed_at)
		vici_keyf(w, "install-time", "%lld", (long long)seconds(now - c->installed_at));
	put_selector(w, "local-ts", &c->ts.local);
	put_selector(w, "remote-ts", &c->ts.remote);
}

/* ---- lists, an event a step */

static const char *
conn_name(const struct ike_info *s)
{
	return s->conn ? s->conn->name : "(unnamed)";
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
		if ((f->child && strcmp(f->child, child.config->name)) || (f->child_id && f->child_id != child.id))
			continue;
		snprintf(name, sizeof name, "%.240s-%u", child.config->name, child.id);
		vici_section(w, name);
		vici_put_child(w, b, s, &child, now);
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
	static const char *const lists[] = { "groups", "cert_policy", "certs", "cacerts" };
	char id[IDENTITY_TEXT_MAX];

	vici_section(w, name);
	if (r->id_given)
		vici_key(w, "id", identity_format(id, &r->id));
	vici_key(w, "class", r->method == AUTH_PSK ? "pre-shared key" : "public key");
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		vici_list(w, lists[i]);
		vici_list_end(w);
	}
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
		vici_item(w, selector_format(text, &s[i]));
	vici_list_end(w);
}

static const char *
action_name(enum child_action a)
{
	return a == ACTION_TRAP ? "trap" : a == ACTION_START ? "start" : "none";
}

static void
put_child_config(struct vici_writer *w, const struct child *c)
{
	vici_section(w, c->name);
	vici_key(w, "mode", mode_name(c->mode));
	vici_keyf(w, "rekey_time", "%lld", (long long)seconds(c->lifetime.rekey_ns));
	vici_keyf(w, "rekey_bytes", "%llu", (unsigned long long)c->lifetime.rekey_octets);
	vici_keyf(w, "rekey_packets", "%llu", (unsigned long long)c->lifetime.rekey_packets);
	vici_key(w, "dpd_action", action_name(c->dpd_action));
	vici_key(w, "close_action", action_name(c->close_action));
	put_selectors(w, "local-ts", c->local_ts, c->n_local_ts);
	put_selectors(w, "remote-ts", c->remote_ts, c->n_remote_ts);
	vici_section_end(w);
}

static void
put_conn(struct vici_writer *w, const struct conn *c)
{
	static const char *const versions[] = { "IKEv1/2", "IKEv1", "IKEv2" };
	static const char *const unique[] = { "UNIQUE_NO", "UNIQUE_NEVER", "UNIQUE_KEEP", "UNIQUE_REPLACE" };

	put_specs(w, "local_addrs", &c->local_addrs);
	put_specs(w, "remote_addrs", &c->remote_addrs);
	vici_key(w, "version", versions[c->version]);
	vici_keyf(w, "reauth_time", "%lld", (long long)seconds(c->reauth_ns));
	vici_keyf(w, "rekey_time", "%lld", (long long)seconds(c->rekey_ns));
	vici_key(w, "unique", unique[c->unique]);
	if (c->dpd_delay_ns)
		vici_keyf(w, "dpd_delay", "%lld", (long long)seconds(c->dpd_delay_ns));
	if (c->dpd_timeout_ns)
		vici_keyf(w, "dpd_timeout", "%lld", (long long)seconds(c->dpd_timeout_ns));
	put_round(w, "local-1", &c->local);
	put_round(w, "remote-1", &c->remote);
	vici_section(w, "children");
	for (size_t i = 0; i < c->n_children && w->n < VICI_PACKET_MAX - 32768; i++)
		put_child_config(w, &c->children[i]);
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
	put_conn(&w, conn);
	vici_section_end(&w);
	vici_send(c, &w);
	return true;
}

/* Claimed from load on, or by `install`. */
static bool
is_installed(const struct vici_client *c, const struct conn *conn, const struct child *child)
{
	char name[2 * CONF_NAME_MAX + 2];

	snprintf(name, sizeof name, "%s/%s", conn->name, child->name);
	return child->start_action == ACTION_TRAP || child->start_action == ACTION_START ||
	       vici_names_have(&c->server->installed, name);
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
	vici_key(&w, "mode", mode_name(child->mode));
	put_selectors(&w, "local-ts", child->local_ts, child->n_local_ts);
	put_selectors(&w, "remote-ts", child->remote_ts, child->n_remote_ts);
	vici_section_end(&w);
	vici_send(c, &w);
}

/* One connection a step. */
static bool
next_policy(struct vici_client *c)
{
	const struct vici_stream *f = &c->stream;
	const struct conn *conn = advance(c);

	for (size_t i = 0; conn && !c->closing && i < conn->n_children; i++) {
		const struct child *child = &conn->children[i];
		bool wanted = child->mode == MODE_PASS ? f->pass : child->mode == MODE_DROP ? f->drop : f->trap;

		if (wanted && (!f->ike || !strcmp(f->ike, conn->name)) && (!f->child || !strcmp(f->child, child->name)) &&
		    is_installed(c, conn, child))
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

static void
start(struct vici_request *r, bool (*next)(struct vici_client *))
{
	r->client->stream = (struct vici_stream) {
		.next = next,
		.ike = copy_arg(r, "ike"),
		.child = copy_arg(r, "child"),
		.ike_id = (uint32_t)vici_arg_number(r, "ike-id", 0),
		.child_id = (uint32_t)vici_arg_number(r, "child-id", 0),
		.drop = vici_arg_yes(r, "drop"),
		.pass = vici_arg_yes(r, "pass"),
		.trap = vici_arg_yes(r, "trap"),
	};
	vici_stream_run(r->client);
}

static void
list_sas(struct vici_request *r)
{
	start(r, next_sa);
}

static void
list_conns(struct vici_request *r)
{
	start(r, next_conn);
}

static void
list_policies(struct vici_request *r)
{
	start(r, next_policy);
}

static bool
nothing(struct vici_client *c)
{
	(void)c;
	return false;
}

/* There are no certificates and no authorities yet: the lists are empty, not unknown. */
static void
list_nothing(struct vici_request *r)
{
	start(r, nothing);
}

const struct vici_command vici_list_commands[] = {
	{ "list-sas", list_sas, false },
	{ "list-conns", list_conns, false },
	{ "list-policies", list_policies, false },
	{ "list-certs", list_nothing, false },
	{ "list-authorities", list_nothing, false },
	{ NULL, NULL, false },
};
