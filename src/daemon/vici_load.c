/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <strings.h>

#include "config_credentials.h"
#include "vici_internal.h"

/* Connections and secrets that come over vici: the same path as a file's from the tree on. */

/* ---- connections */

struct outcome {
	bool ok;
	char text[640];
};

static void
answer_load(void *context, const struct effect_done *d)
{
	struct outcome *out = context;

	out->ok = d->result == RESULT_OK;
	/* The text lives in the batch of effects. */
	snprintf(out->text, sizeof out->text, "%s", d->text);
}

/* Loading needs no peer, so that the core answers at once. */
static struct outcome
command_now(struct vici_client *c, struct command *cmd)
{
	const struct vici_backend *b = c->server->backend;
	struct outcome o = { .text = "too many commands are under way" };
	uint64_t id = b->command(b->context, cmd, answer_load, &o);

	b->forget(b->context, id);
	return o;
}

static void
load_now(struct vici_client *c, struct conn *conn)
{
	struct command cmd = { .kind = COMMAND_LOAD, .conn = conn };
	struct outcome o = command_now(c, &cmd);

	/* What was loaded in part is there to be unloaded, too. */
	if (!vici_names_add(&c->server->loaded, conn->name))
		vici_reply_error(c, "cannot load '%s': out of memory", conn->name);
	else if (!o.ok)
		vici_reply_error(c, "'%s' is not loaded as it should be: %s", conn->name, o.text);
	else
		vici_reply_ok(c);
}

static void
load_conn(struct vici_request *r)
{
	const struct conf_section *s = r->args->sections;
	struct conf_errors errs = { 0 };
	struct conn *conn = s ? config_conn(s, r->client->server->backend->replay_window, &errs) : NULL;

	if (!s || s->next || r->args->keys)
		vici_reply_error(r->client, "load-conn takes one section, named like the connection");
	else if (!conn)
		vici_reply_error(r->client, "%s%s", conf_errors_first(&errs),
		                 errs.n_errors > 1 ? " (and more: `sallyportd --check-config` lists all)" : "");
	else {
		config_rdn_matching(conn, r->client->server->backend->rdn_matching);
		load_now(r->client, conn);
	}
	conn_unref(conn);
	conf_errors_free(&errs);
}

static bool
is_loaded(const struct vici_client *c, const char *name)
{
	const struct vici_backend *b = c->server->backend;
	const struct conn *conn = NULL;

	while ((conn = ike_next_conn(b->core(b->context), conn)))
		if (!strcmp(conn->name, name))
			return true;
	return false;
}

static void
unload_conn(struct vici_request *r)
{
	const char *name = vici_arg(r, "name");
	struct command cmd = { .kind = COMMAND_UNLOAD, .ike = name };

	if (!name) {
		vici_reply_error(r->client, "unload: missing connection name");
		return;
	}
	if (!is_loaded(r->client, name) || !command_now(r->client, &cmd).ok) {
		vici_reply_error(r->client, "unload: connection '%s' not found", name);
		return;
	}
	vici_names_remove(&r->client->server->loaded, name);
	vici_reply_ok(r->client);
}

static void
get_conns(struct vici_request *r)
{
	const struct vici_names *l = &r->client->server->loaded;
	struct vici_writer w;

	vici_begin_reply(&w);
	vici_list(&w, "conns");
	for (size_t i = 0; i < l->n; i++)
		vici_item(&w, l->name[i]);
	vici_list_end(&w);
	vici_send(r->client, &w);
	vici_done(r->client);
}

/* ---- shared secrets */

/* False with a sentence in *why. */
static bool
read_owners(struct identity *owner, size_t *n, const struct vici_request *r, const char **why)
{
	const struct conf_key *k = conf_key_find(r->args, "owners");
	struct span item;
	size_t at = 0;

	*n = 0;
	while (k && conf_next_item(&item, k, &at)) {
		*why = "too many owners";
		if (*n == SECRET_OWNERS_MAX || !identity_parse(&owner[*n], item, why))
			return false;
		++*n;
	}
	return true;
}

static const char *
refused_type(const char *type)
{
	static const char *const later[] = { "ntlm", "ppk" };

	for (size_t i = 0; type && i < sizeof later / sizeof later[0]; i++)
		if (!strcasecmp(type, later[i]))
			return "is not yet supported: there are ike, eap and xauth";
	return "is unknown: there are ike, eap and xauth";
}

/* Keys of gateways and passwords of users are kept apart; NULL for other types. */
static struct secret_store *
store_for(const struct vici_request *r, const char *type)
{
	const struct vici_backend *b = r->client->server->backend;

	return !strcasecmp(type, "ike") ? b->secrets : !strcasecmp(type, "eap") || !strcasecmp(type, "xauth") ? b->logins : NULL;
}

static void
load_shared(struct vici_request *r)
{
	struct vici_client *c = r->client;
	const struct conf_key *data = conf_key_find(r->args, "data");
	const char *type = vici_arg(r, "type"), *why = "";
	struct identity owner[SECRET_OWNERS_MAX];
	size_t n;

	if (!type)
		vici_reply_error(c, "shared key type missing");
	else if (!store_for(r, type))
		vici_reply_error(c, "shared key type '%s' %s", type, refused_type(type));
	else if (!data || !data->value)
		vici_reply_error(c, "shared key data missing");
	else if (!read_owners(owner, &n, r, &why))
		vici_reply_error(c, "owners: %s", why);
	else if (!n && store_for(r, type) == c->server->backend->logins)
		vici_reply_error(c, "a password needs an owner: the user whose password it is");
	else if (!secret_store_add(store_for(r, type), SECRET_FROM_VICI, vici_arg(r, "id"),
	                           span_of(data->value, data->n_value), owner, n))
		vici_reply_error(c, "the secret is longer than %d octets, there are more than %d, or memory is out",
		                 SECRET_OCTETS_MAX, SECRETS_MAX);
	else
		vici_reply_ok(c);
}

static void
unload_shared(struct vici_request *r)
{
	const char *id = vici_arg(r, "id");

	if (!id) {
		vici_reply_error(r->client, "unique identifier missing");
		return;
	}
	secret_store_remove(r->client->server->backend->secrets, SECRET_FROM_VICI, id);
	secret_store_remove(r->client->server->backend->logins, SECRET_FROM_VICI, id);
	vici_reply_ok(r->client);
}

static void
put_names(struct vici_writer *w, const struct secret_store *st)
{
	for (size_t i = 0; i < st->n; i++)
		if (st->s[i]->origin == SECRET_FROM_VICI && st->s[i]->name)
			vici_item(w, st->s[i]->name);
}

static void
get_shared(struct vici_request *r)
{
	const struct vici_backend *b = r->client->server->backend;
	struct vici_writer w;

	vici_begin_reply(&w);
	vici_list(&w, "keys");
	put_names(&w, b->secrets);
	put_names(&w, b->logins);
	vici_list_end(&w);
	vici_send(r->client, &w);
	vici_done(r->client);
}

static void
clear_creds(struct vici_request *r)
{
	secret_store_clear(r->client->server->backend->secrets, SECRET_FROM_VICI);
	credentials_clear(r->client->server->backend->credentials, CREDENTIAL_FROM_VICI, true);
	secret_store_clear(r->client->server->backend->logins, SECRET_FROM_VICI);
	vici_reply_ok(r->client);
}

const struct vici_command vici_load_commands[] = {
	{ "load-conn", load_conn, true },
	{ "unload-conn", unload_conn, false },
	{ "get-conns", get_conns, false },
	{ "load-shared", load_shared, true },
	{ "unload-shared", unload_shared, false },
	{ "get-shared", get_shared, false },
	{ "clear-creds", clear_creds, false },
	{ "get-pools", vici_get_pools, false },
	{ "load-pool", vici_load_pool, false },
	{ "unload-pool", vici_unload_pool, false },
	{ NULL, NULL, false },
};
