/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "vici_internal.h"

/* initiate, terminate, rekey, install, uninstall: a command of the core, its log streamed, its result answered. */

static const struct ike *
core_of(const struct vici_client *c)
{
	return c->server->backend->core(c->server->backend->context);
}

static void
control_clear(struct vici_client *c)
{
	free(c->control.conn);
	free(c->control.what);
	c->control = (struct vici_control) { 0 };
}

void
vici_control_close(struct vici_client *c)
{
	const struct vici_backend *b = c->server->backend;

	if (c->control.command)
		b->forget(b->context, c->control.command);
	control_clear(c);
}

/* Lines of the connection that the command is about, up to the level that the client asked for. */
void
vici_control_log(struct vici_client *c, const struct effect_log *l)
{
	const struct vici_control *ctl = &c->control;
	struct vici_writer w;

	if (!c->busy || !ctl->answer || l->level > ctl->log_level || !vici_listens(c, VICI_CONTROL_LOG))
		return;
	if (ctl->conn && l->conn && strcmp(ctl->conn, l->conn))
		return;
	vici_begin_event(&w, VICI_CONTROL_LOG);
	vici_key(&w, "group", log_group_name(l->group));
	vici_keyf(&w, "level", "%d", l->level);
	if (l->conn) {
		vici_key(&w, "ikesa-name", l->conn);
		vici_keyf(&w, "ikesa-uniqueid", "%u", l->ike_id);
	}
	vici_key(&w, "msg", l->text);
	vici_send(c, &w);
}

static void
on_done(void *context, const struct effect_done *d)
{
	struct vici_client *c = context;

	c->control.command = 0;
	c->control.answer(c, d);
}

static void
answered(struct vici_client *c)
{
	control_clear(c);
	vici_done(c);
}

static void
submit(struct vici_client *c, struct command *cmd, void (*answer)(struct vici_client *, const struct effect_done *))
{
	const struct vici_backend *b = c->server->backend;
	bool wait = c->control.timeout_ms >= 0;
	uint64_t id;

	cmd->timeout_ns = c->control.timeout_ms > 0 ? MILLISECONDS(c->control.timeout_ms) : 0;
	c->control.answer = answer;
	id = b->command(b->context, cmd, wait ? on_done : NULL, c);
	/* Answered, or cut, before it returned. */
	if (c->closing || c->control.answer != answer)
		return;
	if (!id || !wait) {
		bool ok = id;

		control_clear(c);
		if (ok)
			vici_reply_ok(c);
		else
			vici_reply_error(c, "too many commands are under way: try again later");
		return;
	}
	c->control.command = id;
}

/* The connection called @ike, or the one that has the child; *child is NULL when only the connection is asked for. */
static const struct conn *
find_config(const struct vici_client *c, const char *ike, const char *child_name, const struct child **child)
{
	const struct conn *conn = NULL;

	*child = NULL;
	while ((conn = ike_next_conn(core_of(c), conn))) {
		if (ike && strcmp(ike, conn->name))
			continue;
		*child = child_name ? conn_child(conn, child_name) : NULL;
		if (!child_name || *child)
			return conn;
	}
	return NULL;
}

static char *
text_of(const char *fmt, const char *name)
{
	char buf[CONF_NAME_MAX + 64];

	snprintf(buf, sizeof buf, fmt, name);
	return strdup(buf);
}

/* False after a refusal. Times are milliseconds; below 0: the answer is not waited for. */
static bool
read_common(struct vici_request *r)
{
	struct vici_control *ctl = &r->client->control;
	int64_t level = LOG_CONTROL, timeout = 0;

	if (!vici_arg_number(r, "loglevel", INT32_MIN, INT32_MAX, &level) ||
	    !vici_arg_number(r, "timeout", INT32_MIN, INT32_MAX, &timeout))
		return false;
	ctl->log_level = (int)level;
	ctl->timeout_ms = timeout;
	return true;
}

/* ---- initiate */

static void
answer_initiate(struct vici_client *c, const struct effect_done *d)
{
	const struct vici_control *ctl = &c->control;
	const char *what = ctl->what ? ctl->what : "SA";
	struct vici_writer w;

	vici_begin_reply(&w);
	vici_key(&w, "success", d->result == RESULT_OK ? "yes" : "no");
	if (d->result == RESULT_TIMEOUT)
		vici_keyf(&w, "errmsg", "%s not established after %lldms, the attempt goes on%s%s", what,
		          (long long)ctl->timeout_ms, *d->text ? ": " : "", d->text);
	else if (d->result != RESULT_OK)
		vici_keyf(&w, "errmsg", "establishing %s failed%s%s", what, *d->text ? ": " : "", d->text);
	vici_send(c, &w);
	answered(c);
}

static void
initiate(struct vici_request *r)
{
	struct vici_client *c = r->client;
	const char *ike = vici_arg(r, "ike"), *child_name = vici_arg(r, "child");
	const struct child *child;
	const struct conn *conn;
	struct command cmd = { .kind = COMMAND_INITIATE, .ike = ike, .child = child_name };

	if (!ike && !child_name) {
		vici_reply_error(c, "missing configuration name");
		return;
	}
	conn = find_config(c, ike, child_name, &child);
	if (!conn) {
		vici_reply_error(c, "%s config '%s' not found", child_name ? "CHILD_SA" : "IKE_SA",
		                 child_name ? child_name : ike);
		return;
	}
	if (conn->version == IKE_ANY) {
		vici_reply_error(c, "connection '%s' has version = 0, which only answers: set version = 1 to initiate IKEv1",
		                 conn->name);
		return;
	}
	if (!read_common(r))
		return;
	c->control.conn = strdup(conn->name);
	c->control.what = child ? text_of("CHILD_SA '%s'", child->name) : text_of("IKE_SA '%s'", conn->name);
	cmd.ike = conn->name;
	submit(c, &cmd, answer_initiate);
}

/* ---- terminate, rekey */

static void
answer_counts(struct vici_client *c, const struct effect_done *d, const char *verb, bool terminate)
{
	struct vici_writer w;
	bool none = d->result == RESULT_NOT_FOUND;

	vici_begin_reply(&w);
	vici_key(&w, "success", d->result == RESULT_OK ? "yes" : "no");
	vici_keyf(&w, "matches", "%u", d->matches);
	if (terminate)
		vici_keyf(&w, "terminated", "%u", d->terminated);
	if (none)
		vici_keyf(&w, "errmsg", "no matching SAs to %s found", verb);
	else if (d->result == RESULT_TIMEOUT)
		vici_keyf(&w, "errmsg", "SA not gone after %lldms", (long long)c->control.timeout_ms);
	else if (d->result != RESULT_OK)
		vici_keyf(&w, "errmsg", "cannot %s%s%s", verb, *d->text ? ": " : "", d->text);
	vici_send(c, &w);
	answered(c);
}

static void
answer_terminate(struct vici_client *c, const struct effect_done *d)
{
	answer_counts(c, d, "terminate", true);
}

static void
answer_rekey(struct vici_client *c, const struct effect_done *d)
{
	answer_counts(c, d, "rekey", false);
}

/* The name of the connection that an IKE_SA, or the parent of a CHILD_SA, belongs to; NULL when it is not known. */
static const char *
conn_of_sa(const struct vici_client *c, uint32_t ike_id, uint32_t child_id)
{
	uint32_t id = ike_id ? ike_id : ike_child_owner(core_of(c), child_id);
	struct ike_info sa;

	return id && ike_look(core_of(c), id, &sa) && sa.conn ? sa.conn->name : NULL;
}

static void
by_selector(struct vici_request *r, enum command_kind kind, void (*answer)(struct vici_client *, const struct effect_done *))
{
	struct vici_client *c = r->client;
	struct command cmd = {
		.kind = kind,
		.ike = vici_arg(r, "ike"),
		.child = vici_arg(r, "child"),
		.force = vici_arg_yes(r, "force"),
		.reauth = vici_arg_yes(r, "reauth"),
	};
	const struct child *child;
	const struct conn *conn;
	const char *name = cmd.ike;

	if (!vici_arg_id(r, "ike-id", &cmd.ike_id) || !vici_arg_id(r, "child-id", &cmd.child_id))
		return;
	if (!cmd.ike && !cmd.child && !cmd.ike_id && !cmd.child_id) {
		vici_reply_error(c, "missing %s selector", kind == COMMAND_REKEY ? "rekey" : "terminate");
		return;
	}
	if (!read_common(r))
		return;
	if (kind == COMMAND_REKEY)
		c->control.timeout_ms = 0;
	if (!name && cmd.child) {
		conn = find_config(c, NULL, cmd.child, &child);
		name = conn ? conn->name : NULL;
	}
	if (!name)
		name = conn_of_sa(c, cmd.ike_id, cmd.child_id);
	c->control.conn = name ? strdup(name) : NULL;
	submit(c, &cmd, answer);
}

static void
terminate(struct vici_request *r)
{
	by_selector(r, COMMAND_TERMINATE, answer_terminate);
}

static void
rekey(struct vici_request *r)
{
	by_selector(r, COMMAND_REKEY, answer_rekey);
}

/* ---- install, uninstall */

static void
answer_install(struct vici_client *c, const struct effect_done *d)
{
	const char *what = c->control.what ? c->control.what : "policy";
	struct vici_writer w;

	vici_begin_reply(&w);
	vici_key(&w, "success", d->result == RESULT_OK ? "yes" : "no");
	if (d->result == RESULT_NOT_FOUND)
		vici_keyf(&w, "errmsg", "%s not found", what);
	else if (d->result != RESULT_OK)
		vici_keyf(&w, "errmsg", "%s failed%s%s", what, *d->text ? ": " : "", d->text);
	vici_send(c, &w);
	answered(c);
}

static void
claim(struct vici_request *r, enum command_kind kind)
{
	struct vici_client *c = r->client;
	struct command cmd = { .kind = kind, .ike = vici_arg(r, "ike"), .child = vici_arg(r, "child") };
	const struct child *child;
	const struct conn *conn;

	if (!cmd.child) {
		vici_reply_error(c, "missing configuration name");
		return;
	}
	conn = find_config(c, cmd.ike, cmd.child, &child);
	if (!conn) {
		if (kind == COMMAND_INSTALL)
			vici_reply_error(c, "configuration name not found");
		else
			vici_reply_error(c, "policy '%s' not found", cmd.child);
		return;
	}
	c->control.what = text_of(kind == COMMAND_INSTALL ? "installing policy '%s'" : "policy '%s'", child->name);
	c->control.conn = strdup(conn->name);
	cmd.ike = conn->name;
	submit(c, &cmd, answer_install);
}

static void
install(struct vici_request *r)
{
	claim(r, COMMAND_INSTALL);
}

static void
uninstall(struct vici_request *r)
{
	claim(r, COMMAND_UNINSTALL);
}

static void
redirect(struct vici_request *r)
{
	vici_reply_error(r->client, "redirect is part of IKEv2, which is not spoken here yet");
}

const struct vici_command vici_control_commands[] = {
	{ "initiate", initiate, false }, { "terminate", terminate, false }, { "rekey", rekey, false },
	{ "install", install, false },   { "uninstall", uninstall, false }, { "redirect", redirect, false },
	{ NULL, NULL, false },
};
