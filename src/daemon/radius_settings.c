/* SPDX-License-Identifier: Apache-2.0 */
#include "radius_settings.h"

#include <stdlib.h>

enum { AUTH_PORT = 1812, ACCT_PORT = 1813 };

/* What is being read. */
struct reader {
	struct radius_settings *s;
	struct radius_server *server;
	struct conf_errors *errs;
};

struct setting {
	const char *name;
	void (*set)(struct reader *r, const struct conf_key *k);
};

/* ---- values */

static void
read_text(struct reader *r, const struct conf_key *k, char **out)
{
	const char *text = conf_text(k, r->errs);

	if (!text)
		return;
	if (!*text || strlen(text) > RADIUS_NAS_IDENTIFIER_MAX) {
		conf_error(r->errs, k->where, "%s has from 1 to %d characters", k->name, RADIUS_NAS_IDENTIFIER_MAX);
		return;
	}
	free(*out);
	*out = conf_copy(text, k, r->errs);
}

static void
read_port(struct reader *r, const struct conf_key *k, uint16_t *out)
{
	uint64_t v;

	if (conf_number(&v, k, 1, UINT16_MAX, r->errs))
		*out = (uint16_t)v;
}

static void
read_unsigned(struct reader *r, const struct conf_key *k, unsigned *out, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (conf_number(&v, k, min, max, r->errs))
		*out = (unsigned)v;
}

static void
read_no(struct reader *r, const struct conf_key *k, bool *out)
{
	bool v;

	if (conf_bool(&v, k, r->errs))
		*out = !v;
}

static void
read_address(struct reader *r, const struct conf_key *k, struct ip *out)
{
	const char *text = conf_text(k, r->errs);

	if (text && !ip_parse(out, text))
		conf_error(r->errs, k->where, "%s = %s is not an address: a RADIUS server is given by address, not by name", k->name,
		           text);
}

static void
read_secret(struct reader *r, const struct conf_key *k, struct secret *out)
{
	const char *text = conf_text(k, r->errs);

	if (!text)
		return;
	secret_clear(out);
	/* As it stands: RADIUS secrets have no 0x and 0s. */
	if (!*text || !secret_copy(out, span_str(text)))
		conf_error(r->errs, k->where, "the secret of a RADIUS server has at least one character");
}

#define SETTING(name, statement)                                                                                                 \
	static void set_##name(struct reader *r, const struct conf_key *k)                                                       \
	{                                                                                                                        \
		statement;                                                                                                       \
	}

SETTING(address, read_address(r, k, &r->server->address))
SETTING(auth_port, read_port(r, k, &r->server->auth_port))
SETTING(acct_port, read_port(r, k, &r->server->acct_port))
SETTING(secret, read_secret(r, k, &r->server->secret))
SETTING(nas_identifier, read_text(r, k, &r->server->nas_identifier))
SETTING(preference, read_unsigned(r, k, &r->server->preference, 0, 1000))
SETTING(station_id_with_port, read_no(r, k, &r->server->plain_station))
SETTING(accounting, conf_bool(&r->s->accounting, k, r->errs))
SETTING(close_on_timeout, read_no(r, k, &r->s->keep_on_timeout))
SETTING(requires_vip, conf_bool(&r->s->accounting_needs_vip, k, r->errs))
SETTING(send_class, conf_bool(&r->s->accounting_sends_class, k, r->errs))
SETTING(interval, conf_time(&r->s->interim, k, r->errs))
SETTING(class_group, conf_bool(&r->s->class_group, k, r->errs))
SETTING(filter_id, conf_bool(&r->s->filter_id, k, r->errs))
SETTING(retransmit_timeout, conf_double(&r->s->timeout, k, 0.1, 60, r->errs))
SETTING(retransmit_base, conf_double(&r->s->base, k, 1, 10, r->errs))
SETTING(retransmit_tries, read_unsigned(r, k, &r->s->tries, 1, 20))
SETTING(nothing, (void)r; (void)k)

/* In eap-radius itself they hold for servers that do not say otherwise, and with `server` for one without a section. */
static const struct setting server_settings[] = {
	{ "address", set_address },
	{ "server", set_address },
	{ "auth_port", set_auth_port },
	{ "port", set_auth_port },
	{ "acct_port", set_acct_port },
	{ "secret", set_secret },
	{ "nas_identifier", set_nas_identifier },
	{ "preference", set_preference },
	{ "station_id_with_port", set_station_id_with_port },
	{ "sockets", set_nothing }, /* each request has one */
	{ NULL, NULL },
};

static const struct setting radius_settings[] = {
	{ "load", set_nothing }, /* read before */
	{ "accounting", set_accounting },
	{ "accounting_close_on_timeout", set_close_on_timeout },
	{ "accounting_requires_vip", set_requires_vip },
	{ "accounting_send_class", set_send_class },
	{ "accounting_interval", set_interval },
	{ "class_group", set_class_group },
	{ "filter_id", set_filter_id },
	{ "retransmit_timeout", set_retransmit_timeout },
	{ "retransmit_base", set_retransmit_base },
	{ "retransmit_tries", set_retransmit_tries },
	{ NULL, NULL },
};

static bool
read_key(struct reader *r, const struct setting *table, const struct conf_key *k)
{
	while (table->name && strcmp(table->name, k->name))
		table++;
	if (table->name)
		table->set(r, k);
	return table->name != NULL;
}

/* ---- servers */

static void
free_server(struct radius_server *s)
{
	free(s->name);
	free(s->nas_identifier);
	secret_clear(&s->secret);
	*s = (struct radius_server) { 0 };
}

static bool
copy_server(struct radius_server *out, const struct radius_server *from, const char *name)
{
	*out = *from;
	out->secret = (struct secret) { 0 };
	out->name = strdup(name);
	out->nas_identifier = from->nas_identifier ? strdup(from->nas_identifier) : NULL;
	return out->name && (out->nas_identifier || !from->nas_identifier) &&
	       secret_copy(&out->secret, secret_span(&from->secret));
}

/* charon-systemd says again what charon said. */
static void
forget_server(struct radius_settings *s, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->server[i].name, name))
			s->server[kept++] = s->server[i];
		else
			free_server(&s->server[i]);
	s->n = kept;
}

/* In order of preference, and of the file where it is the same. */
static void
add_server(struct radius_settings *s, struct radius_server *server, const char *where, struct conf_errors *errs)
{
	size_t at;

	forget_server(s, server->name);
	at = s->n;

	if (server->address.family == IP_NONE || !server->secret.n)
		conf_error(errs, where, "the RADIUS server '%s' needs an address and a secret", server->name);
	else if (s->n == RADIUS_SERVERS_MAX)
		conf_error(errs, where, "more than %d RADIUS servers", RADIUS_SERVERS_MAX);
	else {
		for (; at && s->server[at - 1].preference < server->preference; at--)
			s->server[at] = s->server[at - 1];
		s->server[at] = *server;
		s->n++;
		return;
	}
	free_server(server);
}

static void
read_server(struct radius_settings *s, const struct conf_section *section, const struct radius_server *defaults,
            struct conf_errors *errs)
{
	struct radius_server server;
	struct reader r = { s, &server, errs };

	if (!copy_server(&server, defaults, section->name)) {
		conf_error(errs, section->where, "out of memory");
		free_server(&server);
		return;
	}
	server.address = (struct ip) { 0 };
	for (const struct conf_key *k = section->keys; k; k = k->next)
		if (!read_key(&r, server_settings, k))
			conf_notice(errs, k->where, "%s of the RADIUS server '%s' is ignored: it has no meaning here",
			            k->name, section->name);
	add_server(s, &server, section->where, errs);
}

/* ---- the sections */

static void
read_radius(struct radius_settings *s, const struct conf_section *p, struct conf_errors *errs)
{
	struct radius_server common = { .auth_port = AUTH_PORT, .acct_port = ACCT_PORT };
	const struct conf_section *servers = conf_section_find(p, "servers");
	struct reader r = { s, &common, errs };
	struct radius_server alone;

	if (!s->tries) {
		s->timeout = 2.0;
		s->base = 1.4;
		s->tries = 4;
	}
	for (const struct conf_key *k = p->keys; k; k = k->next)
		if (!read_key(&r, server_settings, k) && !read_key(&r, radius_settings, k))
			conf_notice(errs, k->where, "charon.plugins.eap-radius.%s is passed over: it has no meaning here",
			            k->name);
	for (const struct conf_section *x = p->sections; x; x = x->next)
		if (x != servers)
			conf_notice(errs, x->where, "charon.plugins.eap-radius.%s is passed over: it is not available", x->name);
	for (const struct conf_section *x = servers ? servers->sections : NULL; x; x = x->next)
		read_server(s, x, &common, errs);
	if (conf_key_find(p, "server")) {
		if (copy_server(&alone, &common, "server")) {
			add_server(s, &alone, p->where, errs);
		} else {
			conf_error(errs, p->where, "out of memory");
			free_server(&alone);
		}
	}
	free_server(&common);
}

bool
radius_settings_plugin(struct radius_settings *s, const struct conf_section *p, struct conf_errors *errs)
{
	const struct conf_key *backend = conf_key_find(p, "backend");

	if (!strcmp(p->name, "eap-radius"))
		read_radius(s, p, errs);
	else if (strcmp(p->name, "xauth-eap"))
		return false;
	else if (backend)
		read_text(&(struct reader) { s, NULL, errs }, backend, &s->xauth_eap);
	return true;
}

void
radius_settings_free(struct radius_settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_server(&s->server[i]);
	free(s->xauth_eap);
	*s = (struct radius_settings) { 0 };
}
