/* SPDX-License-Identifier: Apache-2.0 */
#include "config_credentials.h"
#include "config_road.h"

#include <stdlib.h>

#include "match.h"

enum { ADDRESSES_MAX = 256, CHILDREN_MAX = 100000 };

#define DEFINE_TIME(key, field)                                                                                                  \
	static void set_##key(struct config_reader *r, const struct conf_key *k)                                                 \
	{                                                                                                                        \
		conf_time(&r->conn->field, k, r->errs);                                                                          \
	}
#define DEFINE_BOOL(key)                                                                                                         \
	static void set_##key(struct config_reader *r, const struct conf_key *k)                                                 \
	{                                                                                                                        \
		conf_bool(&r->conn->key, k, r->errs);                                                                            \
	}

DEFINE_TIME(dpd_delay, dpd_delay_ns)
DEFINE_TIME(dpd_timeout, dpd_timeout_ns)
DEFINE_TIME(rekey_time, rekey_ns)
DEFINE_TIME(reauth_time, reauth_ns)
DEFINE_TIME(over_time, over_ns)
DEFINE_TIME(rand_time, rand_ns)
DEFINE_BOOL(encap)
DEFINE_BOOL(mobike)

static void
set_version(struct config_reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "0", IKE_ANY, NULL },
		{ "1", IKE_V1, NULL },
		{ "2", 0, "only IKEv1 is spoken here so far: use version = 1, or 0 to answer IKEv1" },
		{ NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->conn->version = (enum ike_version)v;
}

static void
add_addresses(struct config_reader *r, const struct conf_key *k, struct address_specs *l)
{
	struct span item;
	size_t at = 0;
	const char *why;

	while (conf_next_item(&item, k, &at)) {
		struct address_spec *more = l->n < ADDRESSES_MAX ? realloc(l->a, (l->n + 1) * sizeof *more) : NULL;

		if (!more) {
			conf_error(r->errs, k->where, "%s: more than %d addresses, or out of memory", k->name, ADDRESSES_MAX);
			return;
		}
		l->a = more;
		if (config_address_spec(&l->a[l->n], item, &why))
			l->n++;
		else
			conf_error(r->errs, k->where, "%s: '%.*s' is not allowed: %s", k->name, (int)item.n, (const char *)item.p,
			           why);
	}
}

static void
set_local_addrs(struct config_reader *r, const struct conf_key *k)
{
	add_addresses(r, k, &r->conn->local_addrs);
}

static void
set_remote_addrs(struct config_reader *r, const struct conf_key *k)
{
	add_addresses(r, k, &r->conn->remote_addrs);
}

static void
set_port(struct config_reader *r, const struct conf_key *k, uint16_t *out)
{
	uint64_t v;

	if (conf_number(&v, k, 0, UINT16_MAX, r->errs))
		*out = (uint16_t)v;
}

static void
set_local_port(struct config_reader *r, const struct conf_key *k)
{
	set_port(r, k, &r->conn->local_port);
}

static void
set_remote_port(struct config_reader *r, const struct conf_key *k)
{
	set_port(r, k, &r->conn->remote_port);
}

static void
set_proposals(struct config_reader *r, const struct conf_key *k)
{
	struct span item;
	size_t at = 0;
	char why[1024];

	while (conf_next_item(&item, k, &at))
		if (!proposals_parse(&r->conn->ike, PROPOSAL_IKE, item, why, sizeof why))
			conf_error(r->errs, k->where, "proposals: %s", why);
}

static void
set_keyingtries(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs);
	uint64_t v = 0;

	if (text && (!strcmp(text, "%forever") || conf_number(&v, k, 0, 1000000, r->errs)))
		r->conn->keyingtries = (unsigned)v;
}

static void
set_fragmentation(struct config_reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "yes", FRAGMENTATION_YES, NULL },    { "true", FRAGMENTATION_YES, NULL },       { "1", FRAGMENTATION_YES, NULL },
		{ "no", FRAGMENTATION_NO, NULL },      { "false", FRAGMENTATION_NO, NULL },       { "0", FRAGMENTATION_NO, NULL },
		{ "force", FRAGMENTATION_FORCE, NULL }, { "accept", FRAGMENTATION_ACCEPT, NULL }, { NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->conn->fragmentation = (enum fragmentation)v;
}

static void
set_unique(struct config_reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "no", UNIQUE_NO, NULL },           { "never", UNIQUE_NEVER, NULL }, { "keep", UNIQUE_KEEP, NULL },
		{ "replace", UNIQUE_REPLACE, NULL }, { "false", UNIQUE_NO, NULL },    { NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->conn->unique = (enum unique_policy)v;
}

static void
set_aggressive(struct config_reader *r, const struct conf_key *k)
{
	conf_bool(&r->conn->aggressive, k, r->errs);
}

/* swanctl.conf(5): the codepoint of RFC 2474 in binary, as in 101110 (EF). */
static void
set_dscp(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs);

	if (!text)
		return;
	if (strlen(text) == 6 && strspn(text, "01") == 6)
		r->conn->dscp = (uint8_t)strtoul(text, NULL, 2);
	else
		conf_error(r->errs, k->where, "dscp = %s is not allowed: it is six binary digits, as in 101110", text);
}

const struct key_row config_conn_rows[] = {
	{ "version", set_version, NULL, false },
	{ "local_addrs", set_local_addrs, NULL, false },
	{ "remote_addrs", set_remote_addrs, NULL, false },
	{ "local_port", set_local_port, NULL, false },
	{ "remote_port", set_remote_port, NULL, false },
	{ "proposals", set_proposals, NULL, false },
	{ "encap", set_encap, NULL, false },
	{ "mobike", set_mobike, NULL, false },
	{ "dpd_delay", set_dpd_delay, NULL, false },
	{ "dpd_timeout", set_dpd_timeout, NULL, false },
	{ "reauth_time", set_reauth_time, NULL, false },
	{ "rekey_time", set_rekey_time, NULL, false },
	{ "over_time", set_over_time, NULL, false },
	{ "rand_time", set_rand_time, NULL, false },
	{ "keyingtries", set_keyingtries, NULL, false },
	{ "unique", set_unique, NULL, false },
	{ "vips", config_vips, NULL, false },
	{ "aggressive", set_aggressive, NULL, false },
	{ "pull", config_pull, NULL, false },
	{ "dscp", set_dscp, NULL, false },
	{ "fragmentation", set_fragmentation, NULL, false },
	{ "childless", NULL, "allow|prefer|force|never", false },
	{ "send_certreq", config_send_certreq, NULL, false },
	{ "send_cert", config_send_cert, NULL, false },
	{ "ocsp", NULL, "reply|request|both|never", false },
	{ "ppk_id", NULL, "", false },
	{ "ppk_required", NULL, "no|false|0|disabled", false },
	{ "pools", config_pool_names, NULL, false },
	{ "if_id_in", NULL, "0", false },
	{ "if_id_out", NULL, "0", false },
	{ "mediation", NULL, "no|false|0|disabled", false },
	{ "mediated_by", NULL, "", false },
	{ "mediation_peer", NULL, "", false },
	{ NULL, NULL, NULL, false },
};

/* ---- local and remote */

static void
set_auth(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs);

	if (!text)
		return;
	if (!strcmp(text, "psk"))
		r->round->method = AUTH_PSK;
	else if (config_auth_pubkey(r, k, text) || config_auth_xauth(r, k, text))
		return;
	else if (!strncmp(text, "eap", 3))
		conf_error(r->errs, k->where, "auth = %s is not yet supported: use auth = psk, pubkey or xauth", text);
	else
		conf_error(r->errs, k->where, "auth = %s is not allowed: use auth = psk, pubkey or xauth", text);
}

static void
set_id(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs), *why;

	if (!text)
		return;
	if (!identity_parse(&r->round->id, span_str(text), &why)) {
		conf_error(r->errs, k->where, "id = %s is not an identity: %s", text, why);
		return;
	}
	r->round->id_given = r->round->id.type != ID_ANY;
}

const struct key_row config_local_rows[] = {
	{ "auth", set_auth, NULL, false },
	{ "id", set_id, NULL, false },
	{ "round", config_round, NULL, false },
	{ "certs", config_certs, NULL, false },
	{ "pubkeys", config_pubkeys, NULL, false },
	{ "eap_id", NULL, NULL, false },
	{ "aaa_id", NULL, NULL, false },
	{ "xauth_id", config_xauth_id, NULL, false },
	{ NULL, NULL, NULL, false },
};

const struct key_row config_remote_rows[] = {
	{ "auth", set_auth, NULL, false },
	{ "id", set_id, NULL, false },
	{ "round", config_round, NULL, false },
	{ "eap_id", NULL, NULL, false },
	{ "groups", config_groups, NULL, false },
	{ "cert_policy", config_cert_policy, NULL, false },
	{ "certs", config_certs, NULL, false },
	{ "cacerts", config_cacerts, NULL, false },
	{ "ca_id", config_ca_id, NULL, false },
	{ "pubkeys", config_pubkeys, NULL, false },
	{ "revocation", config_revocation, NULL, false },
	{ "xauth_id", config_xauth_id, NULL, false },
	{ NULL, NULL, NULL, false },
};

static void
read_round(struct config_reader *r, const struct conf_section *s)
{
	bool local = r->is_local;

	config_read_keys(r, s, local ? config_local_rows : config_remote_rows, local ? "a local section" : "a remote section");
	for (const struct conf_section *sub = s->sections; sub; sub = sub->next)
		config_round_section(r, sub);
	/* The round was made with strongSwan's default, which is pubkey. */
}

/* ---- the connection */

static void
read_child(struct config_reader *r, const struct conf_section *s, uint32_t default_replay_window)
{
	r->child = r->conn->n_children < CHILDREN_MAX ? conn_add_child(r->conn, s->name) : NULL;
	if (!r->child) {
		conf_error(r->errs, s->where, "more than %d children, or out of memory", CHILDREN_MAX);
		return;
	}
	if (default_replay_window)
		r->child->replay_window = default_replay_window;
	config_child_begin(r->child);
	config_read_keys(r, s, config_child_rows, "a child");
	for (const struct conf_section *sub = s->sections; sub; sub = sub->next)
		config_unknown_section(r->errs, sub, "a child", (const char *const[]) { NULL });
	config_child_check(r, s);
	if (!config_child_end(r->child))
		conf_error(r->errs, s->where, "out of memory");
	if (r->child->lifetime.rekey_ns && r->child->lifetime.life_ns &&
	    r->child->lifetime.life_ns <= r->child->lifetime.rekey_ns)
		conf_notice(r->errs, s->where,
		            "child '%s' ends (life_time) before it would be renewed (rekey_time): traffic pauses then", s->name);
	if (!r->child->esp.n && !r->child->ah.n && !proposals_default(&r->child->esp, PROPOSAL_ESP))
		conf_error(r->errs, s->where, "out of memory");
}

void
config_conn_begin(struct conn *c)
{
	c->rekey_ns = c->reauth_ns = c->over_ns = c->rand_ns = NOT_GIVEN;
}

/* The defaults of swanctl.conf(5): rekey_time 4h unless reauth_time is given, over_time 10 %, rand_time like over_time. */
void
config_conn_end(struct conn *c)
{
	if (c->rekey_ns == NOT_GIVEN)
		c->rekey_ns = c->reauth_ns == NOT_GIVEN ? SECONDS(4 * 3600) : 0;
	if (c->reauth_ns == NOT_GIVEN)
		c->reauth_ns = 0;
	if (c->over_ns == NOT_GIVEN)
		c->over_ns = (c->rekey_ns > c->reauth_ns ? c->rekey_ns : c->reauth_ns) / 10;
	if (c->rand_ns == NOT_GIVEN)
		c->rand_ns = c->over_ns;
}

/* Children come last: what they may do depends on the version. */
static void
read_sections(struct config_reader *r, const struct conf_section *s, uint32_t default_replay_window)
{
	static const char *const known[] = { "children", "local", "remote", NULL };
	bool local, remote;

	for (const struct conf_section *sub = s->sections; sub; sub = sub->next)
		if (strncmp(sub->name, "local", 5) && strncmp(sub->name, "remote", 6) && strcmp(sub->name, "children"))
			config_unknown_section(r->errs, sub, "a connection", known);
	local = config_rounds(r, s, true, read_round);
	remote = config_rounds(r, s, false, read_round);
	/* Shorter defaults: where nothing is said of authentication, it is by pre-shared key; of one end: as the other does. */
	if (!local)
		r->conn->local.method = remote ? r->conn->remote.method : AUTH_PSK;
	if (!remote)
		r->conn->remote.method = local ? r->conn->local.method : AUTH_PSK;
	s = conf_section_find(s, "children");
	for (const struct conf_key *k = s ? s->keys : NULL; k; k = k->next)
		conf_error(r->errs, k->where, "key '%s' in children: only sections, one a child, belong there", k->name);
	for (s = s ? s->sections : NULL; s; s = s->next)
		read_child(r, s, default_replay_window);
}

struct conn *
config_conn(const struct conf_section *s, uint32_t default_replay_window, struct conf_errors *errs)
{
	struct config_reader r = { .errs = errs, .conn = conn_new(s->name) };
	size_t before = errs->n_errors;

	if (!r.conn) {
		conf_error(errs, s->where, "out of memory");
		return NULL;
	}
	config_conn_begin(r.conn);
	config_read_keys(&r, s, config_conn_rows, "a connection");
	read_sections(&r, s, default_replay_window);
	config_conn_end(r.conn);
	if (!r.conn->ike.n && !proposals_default(&r.conn->ike, PROPOSAL_IKE))
		conf_error(errs, s->where, "out of memory");
	if (errs->n_errors == before)
		return r.conn;
	conn_unref(r.conn);
	return NULL;
}
