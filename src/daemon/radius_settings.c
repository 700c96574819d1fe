/* SPDX-License-Identifier: Apache-2.0 */
#include "radius_settings.h"

#include <stdlib.h>

enum { AUTH_PORT = 1812, ACCT_PORT = 1813 };

/* ---- values */

static void
set_text(char **out, const struct conf_key *k, struct conf_errors *errs)
{
	const char *text = conf_text(k, errs);

	if (!text)
		return;
	if (!*text || strlen(text) > RADIUS_NAS_IDENTIFIER_MAX) {
		conf_error(errs, k->where, "%s has from 1 to %d characters", k->name, RADIUS_NAS_IDENTIFIER_MAX);
		return;
	}
	free(*out);
	*out = strdup(text);
	if (!*out)
		conf_error(errs, k->where, "out of memory");
}

static void
set_port(uint16_t *out, const struct conf_key *k, struct conf_errors *errs)
{
	uint64_t v;

	if (conf_number(&v, k, 1, UINT16_MAX, errs))
		*out = (uint16_t)v;
}

static void
set_unsigned(unsigned *out, const struct conf_key *k, uint64_t max, struct conf_errors *errs)
{
	uint64_t v;

	if (conf_number(&v, k, 0, max, errs))
		*out = (unsigned)v;
}

static void
set_negated(bool *out, const struct conf_key *k, struct conf_errors *errs)
{
	bool v;

	if (conf_bool(&v, k, errs))
		*out = !v;
}

static void
set_address(struct ip *out, const struct conf_key *k, struct conf_errors *errs)
{
	const char *text = conf_text(k, errs);

	if (text && !ip_parse(out, text))
		conf_error(errs, k->where, "%s = %s is no address: a RADIUS server is named by one, not by a name", k->name,
		           text);
}

static void
set_secret(struct secret *out, const struct conf_key *k, struct conf_errors *errs)
{
	const char *text = conf_text(k, errs);

	if (!text)
		return;
	secret_clear(out);
	/* As it stands: RADIUS secrets have no 0x and 0s. */
	if (!*text || !secret_copy(out, span_str(text)))
		conf_error(errs, k->where, "the secret of a RADIUS server has at least one character");
}

/* ---- servers */

/* What is written in eap-radius itself holds for servers that do not say otherwise, and with `server` for one without a section.
 */
static bool
server_key(struct radius_server *s, const struct conf_key *k, struct conf_errors *errs)
{
	if (!strcmp(k->name, "address") || !strcmp(k->name, "server"))
		set_address(&s->address, k, errs);
	else if (!strcmp(k->name, "auth_port") || !strcmp(k->name, "port"))
		set_port(&s->auth_port, k, errs);
	else if (!strcmp(k->name, "acct_port"))
		set_port(&s->acct_port, k, errs);
	else if (!strcmp(k->name, "secret"))
		set_secret(&s->secret, k, errs);
	else if (!strcmp(k->name, "nas_identifier"))
		set_text(&s->nas_identifier, k, errs);
	else if (!strcmp(k->name, "preference"))
		set_unsigned(&s->preference, k, 1000, errs);
	else if (!strcmp(k->name, "station_id_with_port"))
		set_negated(&s->plain_station, k, errs);
	else
		return false;
	return true;
}

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

	if (!copy_server(&server, defaults, section->name)) {
		conf_error(errs, section->where, "out of memory");
		free_server(&server);
		return;
	}
	server.address = (struct ip) { 0 };
	for (const struct conf_key *k = section->keys; k; k = k->next)
		if (!server_key(&server, k, errs) && strcmp(k->name, "sockets"))
			conf_notice(errs, k->where, "%s of the RADIUS server '%s' is passed over: it has no meaning here",
			            k->name, section->name);
	add_server(s, &server, section->where, errs);
}

/* ---- the sections */

static bool
radius_key(struct radius_settings *s, const struct conf_key *k, struct conf_errors *errs)
{
	if (!strcmp(k->name, "accounting"))
		conf_bool(&s->accounting, k, errs);
	else if (!strcmp(k->name, "accounting_close_on_timeout"))
		set_negated(&s->keep_on_timeout, k, errs);
	else if (!strcmp(k->name, "accounting_requires_vip"))
		conf_bool(&s->accounting_needs_vip, k, errs);
	else if (!strcmp(k->name, "accounting_send_class"))
		conf_bool(&s->accounting_sends_class, k, errs);
	else if (!strcmp(k->name, "accounting_interval"))
		conf_time(&s->interim, k, errs);
	else if (!strcmp(k->name, "class_group"))
		conf_bool(&s->class_group, k, errs);
	else if (!strcmp(k->name, "filter_id"))
		conf_bool(&s->filter_id, k, errs);
	else if (!strcmp(k->name, "retransmit_timeout"))
		conf_double(&s->timeout, k, 0.1, 60, errs);
	else if (!strcmp(k->name, "retransmit_base"))
		conf_double(&s->base, k, 1, 10, errs);
	else if (!strcmp(k->name, "retransmit_tries"))
		set_unsigned(&s->tries, k, 20, errs);
	else
		return false;
	return true;
}

static void
read_radius(struct radius_settings *s, const struct conf_section *p, struct conf_errors *errs)
{
	struct radius_server common = { .auth_port = AUTH_PORT, .acct_port = ACCT_PORT };
	const struct conf_section *servers = conf_section_find(p, "servers");
	struct radius_server alone;

	s->timeout = 2.0;
	s->base = 1.4;
	s->tries = 4;
	for (const struct conf_key *k = p->keys; k; k = k->next)
		if (!server_key(&common, k, errs) && !radius_key(s, k, errs) && strcmp(k->name, "load") &&
		    strcmp(k->name, "sockets"))
			conf_notice(errs, k->where, "charon.plugins.eap-radius.%s is passed over: it has no meaning here",
			            k->name);
	for (const struct conf_section *x = p->sections; x; x = x->next)
		if (x != servers)
			conf_notice(errs, x->where, "charon.plugins.eap-radius.%s is passed over: it is not available", x->name);
	for (const struct conf_section *x = servers ? servers->sections : NULL; x; x = x->next)
		read_server(s, x, &common, errs);
	if (conf_key_find(p, "server")) {
		if (copy_server(&alone, &common, "server"))
			add_server(s, &alone, p->where, errs);
		else
			conf_error(errs, p->where, "out of memory");
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
		set_text(&s->xauth_eap, backend, errs);
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
