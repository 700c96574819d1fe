/* SPDX-License-Identifier: Apache-2.0 */
#include "config_road.h"

#include <stdlib.h>

/* Road warriors in a connection: logins, rounds, virtual addresses, pools. */

bool
config_auth_xauth(struct config_reader *r, const struct conf_key *k, const char *text)
{
	static const char *const backends[] = { "generic", "radius", "eap", "noauth", NULL };
	const char *backend = text + 5;
	size_t i = 0;

	if (strncmp(text, "xauth", 5) || (*backend && *backend != '-'))
		return false;
	r->round->method = AUTH_XAUTH;
	if (!*backend)
		return true;
	while (backends[i] && strcmp(backends[i], backend + 1))
		i++;
	if (!backends[i]) {
		conf_error(r->errs, k->where, "auth = %s is not allowed: of XAUTH there are xauth, xauth-generic, xauth-radius, xauth-eap and xauth-noauth",
		           text);
		return true;
	}
	free(r->round->backend);
	r->round->backend = conf_copy(backend + 1, k, r->errs);
	return true;
}

void
config_xauth_id(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs), *why;

	if (text && !identity_parse(&r->round->xauth_id, span_str(text), &why))
		conf_error(r->errs, k->where, "xauth_id = %s is not an identity: %s", text, why);
}

void
config_round(struct config_reader *r, const struct conf_key *k)
{
	uint64_t v;

	if (conf_number(&v, k, 0, UINT16_MAX, r->errs))
		r->round_number = (unsigned)v;
}

void
config_vips(struct config_reader *r, const struct conf_key *k)
{
	struct conn *c = r->conn;
	struct span item;
	size_t at = 0;
	char text[IP_TEXT_MAX];

	while (conf_next_item(&item, k, &at)) {
		struct ip *more = c->n_vips < VIRTUAL_IPS_MAX ? realloc(c->vips, (c->n_vips + 1) * sizeof *more) : NULL;

		if (!more) {
			conf_error(r->errs, k->where, "vips: more than %d addresses, or out of memory", VIRTUAL_IPS_MAX);
			return;
		}
		c->vips = more;
		snprintf(text, sizeof text, "%.*s", (int)item.n, (const char *)item.p);
		if (item.n < sizeof text && ip_parse(&c->vips[c->n_vips], text))
			c->n_vips++;
		else
			conf_error(r->errs, k->where, "vips: '%.*s' is no address: 0.0.0.0 and :: ask for any", (int)item.n,
			           (const char *)item.p);
	}
}

void
config_pool_names(struct config_reader *r, const struct conf_key *k)
{
	struct span item;
	size_t at = 0;

	while (conf_next_item(&item, k, &at)) {
		if (span_equal(item, span_str("dhcp")))
			conf_error(r->errs, k->where, "pools: dhcp is not available: name sections of pools, or radius");
		else if (!octets_list_add(&r->conn->pools, item))
			conf_error(r->errs, k->where, "out of memory");
	}
}

void
config_pull(struct config_reader *r, const struct conf_key *k)
{
	conf_bool(&r->conn->pull, k, r->errs);
}

/* ---- rounds */

enum { ROUNDS_MAX = 8 };

struct rounds {
	const struct conf_section *s[ROUNDS_MAX];
	unsigned number[ROUNDS_MAX];
	size_t n;
};

static void
collect(struct config_reader *r, const struct conf_section *conn, const char *prefix, struct rounds *out)
{
	for (const struct conf_section *s = conn->sections; s; s = s->next) {
		const struct conf_key *k = conf_key_find(s, "round");
		uint64_t v = 0;

		if (strncmp(s->name, prefix, strlen(prefix)))
			continue;
		if (out->n == ROUNDS_MAX) {
			conf_error(r->errs, s->where, "section '%s': a connection has at most %d rounds at each end", s->name, ROUNDS_MAX);
			return;
		}
		if (k && k->value)
			v = strtoull(k->value, NULL, 10);
		out->s[out->n] = s;
		out->number[out->n++] = (unsigned)v;
	}
}

/* By number, and those without one, or with the same, in their order in the file. */
static void
sort(struct rounds *l)
{
	for (size_t i = 1; i < l->n; i++)
		for (size_t k = i; k && l->number[k - 1] > l->number[k]; k--) {
			const struct conf_section *s = l->s[k];
			unsigned n = l->number[k];

			l->s[k] = l->s[k - 1];
			l->number[k] = l->number[k - 1];
			l->s[k - 1] = s;
			l->number[k - 1] = n;
		}
}

bool
config_rounds(struct config_reader *r, const struct conf_section *conn, bool local,
              void (*read)(struct config_reader *r, const struct conf_section *s))
{
	struct rounds l = { 0 };

	collect(r, conn, local ? "local" : "remote", &l);
	sort(&l);
	r->is_local = local;
	for (size_t i = 0; i < l.n; i++) {
		r->round = i ? conn_add_round(r->conn, local) : local ? &r->conn->local : &r->conn->remote;
		if (!r->round) {
			conf_error(r->errs, l.s[i]->where, "out of memory");
			return true;
		}
		read(r, l.s[i]);
		if (i && r->round->method != AUTH_XAUTH)
			conf_error(r->errs, l.s[i]->where,
			           "section '%s': after the first round IKEv1 knows XAUTH only: auth = xauth (`round` orders the sections)",
			           l.s[i]->name);
	}
	return l.n > 0;
}
