/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "auth_constraint.h"
#include "certificate.h"
#include "config_credentials.h"
#include "credential_files.h"

/* Certificates in local and remote sections. Files were replaced by what is in them (config_read_files). */

enum { ROUND_CERTIFICATES_MAX = 64 };

static void
add(struct config_reader *r, const struct conf_key *k, struct octets_list *l, struct span o)
{
	if (l->n == ROUND_CERTIFICATES_MAX || !octets_list_add(l, o))
		conf_error(r->errs, k->where, "%s: more than %d, or out of memory", k->name, ROUND_CERTIFICATES_MAX);
}

static void
add_certificate(struct config_reader *r, const struct conf_key *k, struct octets_list *l, struct span file)
{
	struct certificate *c = certificate_read(file);

	if (!c)
		conf_error(r->errs, k->where, "%s: this is not a certificate in PEM or DER", k->name);
	else if (l == &r->round->cacerts && !certificate_is_ca(c))
		conf_error(r->errs, k->where, "%s: the basicConstraints of this certificate do not make it a CA", k->name);
	else
		add(r, k, l, certificate_der(c));
	certificate_unref(c);
}

void
config_certs(struct config_reader *r, const struct conf_key *k)
{
	struct span item;
	size_t at = 0;

	while (conf_next_item(&item, k, &at))
		add_certificate(r, k, &r->round->certs, item);
}

void
config_cacerts(struct config_reader *r, const struct conf_key *k)
{
	struct span item;
	size_t at = 0;

	while (conf_next_item(&item, k, &at))
		add_certificate(r, k, &r->round->cacerts, item);
}

void
config_pubkeys(struct config_reader *r, const struct conf_key *k)
{
	struct public_key *key;
	struct span item;
	size_t at = 0;

	while (conf_next_item(&item, k, &at)) {
		key = public_key_read(item);
		if (key)
			add(r, k, &r->round->pubkeys, public_key_der(key));
		else
			conf_error(r->errs, k->where, "%s: this is not a public key in PEM or DER", k->name);
		public_key_free(key);
	}
}

/* A certificate that a section names: file = PATH, read by us. */
static void
read_named_file(struct config_reader *r, const struct conf_key *k, struct octets_list *l)
{
	const char *path = conf_text(k, r->errs), *why;
	autosecret content = { 0 };

	if (!path)
		return;
	if (path[0] != '/')
		conf_error(r->errs, k->where, "file = %s: over vici the path must begin with '/'", path);
	else if (!credential_file_read(&content, path, 2 * CERTIFICATE_OCTETS_MAX, &why))
		conf_error(r->errs, k->where, "cannot read '%s': %s", path, why);
	else
		add_certificate(r, k, l, secret_span(&content));
}

void
config_round_section(struct config_reader *r, const struct conf_section *s)
{
	bool ca = !strncmp(s->name, "cacert", 6);
	struct octets_list *l = ca ? &r->round->cacerts : &r->round->certs;

	if ((ca && r->is_local) || (!ca && strncmp(s->name, "cert", 4))) {
		config_unknown_section(r->errs, s, r->is_local ? "a local section" : "a remote section",
		                       r->is_local ? (const char *const[]) { "cert", NULL }
		                                   : (const char *const[]) { "cert", "cacert", NULL });
		return;
	}
	for (const struct conf_key *k = s->keys; k; k = k->next) {
		if (!strcmp(k->name, "file"))
			read_named_file(r, k, l);
		else
			conf_error(r->errs, k->where, "%s: certificates on tokens are not supported here: name a file", k->name);
	}
}

/* ---- constraints */

static bool
begins_with(const char *text, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(text, word, n) && (!text[n] || text[n] == '-' || text[n] == '/');
}

bool
config_auth_pubkey(struct config_reader *r, const struct conf_key *k, const char *text)
{
	struct auth_constraint c;
	char why[200];

	if (!begins_with(text, "pubkey") && !begins_with(text, "rsa") && !begins_with(text, "ecdsa") && strncmp(text, "ike:", 4))
		return false;
	r->round->method = AUTH_PUBKEY;
	if (!auth_constraint_parse(&c, text, why, sizeof why)) {
		conf_error(r->errs, k->where, "auth = %s is not allowed: %s", text, why);
		return true;
	}
	free(r->round->constraint);
	r->round->constraint = strcmp(text, "pubkey") ? conf_copy(text, k, r->errs) : NULL;
	return true;
}

void
config_ca_id(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs), *why;

	if (text && !identity_parse(&r->round->ca_id, span_str(text), &why))
		conf_error(r->errs, k->where, "ca_id = %s is not an identity: %s", text, why);
}

void
config_cert_policy(struct config_reader *r, const struct conf_key *k)
{
	struct span item;
	size_t at = 0;

	while (conf_next_item(&item, k, &at)) {
		bool digits = item.n && item.n < 128;

		for (size_t i = 0; i < item.n; i++)
			digits &= (item.p[i] >= '0' && item.p[i] <= '9') || item.p[i] == '.';
		if (digits && r->round->cert_policies.n < TRUST_POLICIES_MAX)
			add(r, k, &r->round->cert_policies, item);
		else
			conf_error(
			        r->errs, k->where,
			        "cert_policy = %.*s is not allowed: it has up to %d OIDs in dots, as in 1.3.6.1.4.1.36906.1.1.1",
			        (int)(item.n < 128 ? item.n : 128), (const char *)item.p, TRUST_POLICIES_MAX);
	}
}

void
config_revocation(struct config_reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "relaxed", REVOCATION_RELAXED, NULL },
		{ "ifuri", REVOCATION_IFURI, NULL },
		{ "strict", REVOCATION_STRICT, NULL },
		{ NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->round->revocation = (enum revocation_policy)v;
}

void
config_groups(struct config_reader *r, const struct conf_key *k)
{
	struct span item;
	size_t at = 0;

	while (conf_next_item(&item, k, &at))
		add(r, k, &r->round->groups, item);
}

void
config_rdn_matching(struct conn *c, enum rdn_matching how)
{
	c->remote.id.rdn_matching = c->remote.ca_id.rdn_matching = (uint8_t)how;
	for (size_t i = 0; i < c->n_remote_more; i++)
		c->remote_more[i].id.rdn_matching = (uint8_t)how;
}

void
config_send_cert(struct config_reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "ifasked", SEND_CERT_IFASKED, NULL },
		{ "always", SEND_CERT_ALWAYS, NULL },
		{ "never", SEND_CERT_NEVER, NULL },
		{ "yes", SEND_CERT_ALWAYS, NULL },
		{ "no", SEND_CERT_NEVER, NULL },
		{ NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->conn->send_cert = (enum send_cert)v;
}

void
config_send_certreq(struct config_reader *r, const struct conf_key *k)
{
	conf_bool(&r->conn->send_certreq, k, r->errs);
}
