/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "config_credentials.h"
#include "vici_internal.h"

/* Certificates, private keys and authorities that come over vici. */

static struct credentials *
store_of(struct vici_request *r)
{
	return r->client->server->backend->credentials;
}

static void
reply(struct vici_request *r, bool ok)
{
	if (ok)
		vici_reply_ok(r->client);
	else
		vici_reply_error(r->client, "out of memory, or more than %d certificates and keys", CREDENTIALS_MAX);
}

static struct span
data_of(struct vici_request *r)
{
	const struct conf_key *k = conf_key_find(r->args, "data");

	return k && k->value ? span_of(k->value, k->n_value) : (struct span) { 0 };
}

/* ---- certificates */

static void
load_x509(struct vici_request *r, const char *flag)
{
	struct certificate *c = certificate_read(data_of(r));
	enum credential_kind kind = CREDENTIAL_CERTIFICATE;

	if (flag && !strcasecmp(flag, "CA"))
		kind = CREDENTIAL_CA;
	else if (flag && !strcasecmp(flag, "OCSP"))
		kind = CREDENTIAL_RESPONDER;
	if (!c)
		vici_reply_error(r->client, "parsing X509 certificate failed: it is none in PEM or DER");
	else if (kind == CREDENTIAL_CA && !certificate_is_ca(c))
		vici_reply_error(r->client, "CA certificate lacks CA basic constraint: it belongs in x509, not x509ca");
	else {
		reply(r, credentials_add_certificate(store_of(r), kind, CREDENTIAL_FROM_VICI, c));
		return;
	}
	certificate_unref(c);
}

static void
load_crl(struct vici_request *r)
{
	struct crl *c = crl_read(data_of(r));

	if (c)
		reply(r, credentials_add_crl(store_of(r), CREDENTIAL_FROM_VICI, c, NULL));
	else
		vici_reply_error(r->client, "parsing X509_CRL certificate failed: it is no revocation list in PEM or DER");
}

static void
load_public(struct vici_request *r)
{
	struct public_key *k = public_key_read(data_of(r));

	if (k)
		reply(r, credentials_add_public(store_of(r), CREDENTIAL_FROM_VICI, k));
	else
		vici_reply_error(r->client, "parsing PUBKEY certificate failed: it is no public key in PEM or DER");
}

static void
load_cert(struct vici_request *r)
{
	const char *type = vici_arg(r, "type"), *flag = vici_arg(r, "flag");

	if (!type)
		vici_reply_error(r->client, "certificate type missing");
	else if (!data_of(r).n)
		vici_reply_error(r->client, "certificate data missing");
	else if (!strcasecmp(type, "X509_CRL"))
		load_crl(r);
	else if (!strcasecmp(type, "PUBKEY"))
		load_public(r);
	else if (!strcasecmp(type, "X509") && flag && !strcasecmp(flag, "AA"))
		vici_reply_error(r->client, "attribute certificates and who issues them are not supported");
	else if (!strcasecmp(type, "X509") || !strcasecmp(type, "X509CA"))
		load_x509(r, strcasecmp(type, "X509") ? "CA" : flag);
	else
		vici_reply_error(r->client, "certificate type '%s' is not supported: there are X509, X509_CRL and PUBKEY", type);
}

static void
flush_certs(struct vici_request *r)
{
	const char *type = vici_arg(r, "type");
	bool all = !type || !strcasecmp(type, "ANY");

	if (all || !strcasecmp(type, "X509_CRL"))
		credentials_flush(store_of(r), CREDENTIAL_CRL);
	if (all || !strcasecmp(type, "OCSP_RESPONSE"))
		credentials_flush(store_of(r), CREDENTIAL_RESPONSE);
	vici_reply_ok(r->client);
}

/* ---- private keys: known by the SHA-1 of their public half */

static void
put_key_id(char out[2 * KEY_ID_OCTETS + 1], const struct private_key *k)
{
	for (size_t i = 0; i < KEY_ID_OCTETS; i++)
		snprintf(out + 2 * i, 3, "%02x", (unsigned)private_key_facts(k)->id[i]);
}

static bool
type_fits(const char *type, const struct key_facts *f)
{
	return !type || !strcasecmp(type, "any") || (!strcasecmp(type, "rsa") && f->type == KEY_RSA) ||
	       (!strcasecmp(type, "ecdsa") && f->type == KEY_ECDSA);
}

static void
load_key(struct vici_request *r)
{
	char id[2 * KEY_ID_OCTETS + 1];
	const char *type = vici_arg(r, "type");
	struct private_key *k;
	struct vici_writer w;
	enum key_error e = private_key_read(&k, data_of(r), (struct span) { 0 });

	if (e) {
		vici_reply_error(r->client, "parsing private key failed: %s", key_error_text(e));
		return;
	}
	if (!type_fits(type, private_key_facts(k))) {
		vici_reply_error(r->client, "the private key is not of type '%s': there are rsa, ecdsa and any", type);
		private_key_unref(k);
		return;
	}
	put_key_id(id, k);
	if (!credentials_add_private(store_of(r), CREDENTIAL_FROM_VICI, k)) {
		reply(r, false);
		return;
	}
	vici_begin_reply(&w);
	vici_key(&w, "success", "yes");
	vici_key(&w, "id", id);
	vici_send(r->client, &w);
	vici_done(r->client);
}

static bool
read_key_id(uint8_t out[KEY_ID_OCTETS], const char *hex)
{
	if (strlen(hex) != 2 * KEY_ID_OCTETS || strspn(hex, "0123456789abcdefABCDEF") != 2 * KEY_ID_OCTETS)
		return false;
	for (size_t i = 0; i < KEY_ID_OCTETS; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
	return true;
}

static void
unload_key(struct vici_request *r)
{
	const char *hex = vici_arg(r, "id");
	uint8_t id[KEY_ID_OCTETS];

	if (!hex)
		vici_reply_error(r->client, "key id missing");
	else if (!read_key_id(id, hex) || !credentials_remove_private(store_of(r), CREDENTIAL_FROM_VICI, id))
		vici_reply_error(r->client, "private key %s not found", hex);
	else
		vici_reply_ok(r->client);
}

static void
get_keys(struct vici_request *r)
{
	char id[2 * KEY_ID_OCTETS + 1];
	const struct credential *c;
	struct vici_writer w;
	size_t cursor = 0;

	vici_begin_reply(&w);
	vici_list(&w, "keys");
	while ((c = credentials_next(store_of(r), CREDENTIAL_PRIVATE, &cursor))) {
		if (c->origin != CREDENTIAL_FROM_VICI)
			continue;
		put_key_id(id, c->private_key);
		vici_item(&w, id);
	}
	vici_list_end(&w);
	vici_send(r->client, &w);
	vici_done(r->client);
}

static void
load_token(struct vici_request *r)
{
	vici_reply_error(r->client, "private keys on tokens are not supported: load the key itself (private/)");
}

/* ---- authorities */

static void
load_authority(struct vici_request *r)
{
	const struct conf_section *s = r->args->sections;
	struct conf_errors errs = { 0 };

	if (!s || s->next || r->args->keys)
		vici_reply_error(r->client, "load-authority takes one section, named like the authority");
	else if (!config_authority(store_of(r), CREDENTIAL_FROM_VICI, s, &errs))
		vici_reply_error(r->client, "%s", conf_errors_first(&errs));
	else
		vici_reply_ok(r->client);
	conf_errors_free(&errs);
}

static void
unload_authority(struct vici_request *r)
{
	const char *name = vici_arg(r, "name");

	if (!name)
		vici_reply_error(r->client, "unload-authority: missing authority name");
	else if (!credentials_remove_authority(store_of(r), CREDENTIAL_FROM_VICI, name))
		vici_reply_error(r->client, "unload-authority: authority '%s' not found", name);
	else
		vici_reply_ok(r->client);
}

static void
get_authorities(struct vici_request *r)
{
	const struct credential *c;
	struct vici_writer w;
	size_t cursor = 0;

	vici_begin_reply(&w);
	vici_list(&w, "authorities");
	while ((c = credentials_next(store_of(r), CREDENTIAL_AUTHORITY, &cursor)))
		if (c->origin == CREDENTIAL_FROM_VICI)
			vici_item(&w, c->name);
	vici_list_end(&w);
	vici_send(r->client, &w);
	vici_done(r->client);
}

const struct vici_command vici_creds_commands[] = {
	{ "load-cert", load_cert, true },
	{ "flush-certs", flush_certs, false },
	{ "load-key", load_key, true },
	{ "unload-key", unload_key, false },
	{ "get-keys", get_keys, false },
	{ "load-token", load_token, true },
	{ "load-authority", load_authority, true },
	{ "unload-authority", unload_authority, false },
	{ "get-authorities", get_authorities, false },
	{ NULL, NULL, false },
};
