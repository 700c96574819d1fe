/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <strings.h>

#include "config_credentials.h"
#include "vici_internal.h"

/* list-certs, list-authorities: an event for each. */

/* What the filters of the request ask for; by the index of the next credential the list goes on. */
static const char *
type_name(enum credential_kind k)
{
	switch (k) {
	case CREDENTIAL_CERTIFICATE:
	case CREDENTIAL_CA:
	case CREDENTIAL_AUTHORITY:
	case CREDENTIAL_RESPONDER:
		return "X509";
	case CREDENTIAL_CRL:
		return "X509_CRL";
	case CREDENTIAL_RESPONSE:
		return "OCSP_RESPONSE";
	case CREDENTIAL_PUBLIC:
		return "PUBKEY";
	case CREDENTIAL_PRIVATE:
		return NULL;
	}
	return NULL;
}

static const char *
flag_name(enum credential_kind k)
{
	return k == CREDENTIAL_CA || k == CREDENTIAL_AUTHORITY ? "CA" : k == CREDENTIAL_RESPONDER ? "OCSP" : "NONE";
}

static const struct certificate *
certificate_of(const struct credential *c)
{
	return c->kind == CREDENTIAL_AUTHORITY ? c->authority.ca : c->certificate;
}

static const struct public_key *
key_of(const struct credential *c)
{
	if (c->kind == CREDENTIAL_PUBLIC)
		return c->public_key;
	return !strcmp(type_name(c->kind), "X509") ? certificate_key(certificate_of(c)) : NULL;
}

static struct span
octets_of(const struct credential *c)
{
	switch (c->kind) {
	case CREDENTIAL_CRL:
		return crl_der(c->crl);
	case CREDENTIAL_RESPONSE:
		return span_of(c->response.octets, c->response.n);
	case CREDENTIAL_PUBLIC:
		return public_key_der(c->public_key);
	default:
		return certificate_der(certificate_of(c));
	}
}

static bool
is_wanted(const struct vici_stream *f, const struct credential *c)
{
	const char *type = type_name(c->kind);
	char subject[IDENTITY_TEXT_MAX];

	if (!type || (f->type && *f->type && strcasecmp(f->type, "ANY") && strcasecmp(f->type, type)))
		return false;
	if (f->flag && *f->flag && strcasecmp(f->flag, "ANY") && !strcmp(type, "X509") && strcasecmp(f->flag, flag_name(c->kind)))
		return false;
	if (!f->subject || !*f->subject)
		return true;
	return !strcmp(type, "X509") &&
	       !strcmp(f->subject, dn_format(subject, sizeof subject, certificate_subject(certificate_of(c))));
}

static void
send_cert(struct vici_client *c, const struct credential *held)
{
	const struct credentials *st = c->server->backend->credentials;
	const struct public_key *key = key_of(held);
	struct vici_writer w;

	vici_begin_event(&w, VICI_LIST_CERT);
	vici_key(&w, "type", type_name(held->kind));
	if (!strcmp(type_name(held->kind), "X509"))
		vici_key(&w, "flag", flag_name(held->kind));
	if (key && credentials_private_of(st, key))
		vici_key(&w, "has_privkey", "yes");
	vici_key_octets(&w, "data", octets_of(held));
	vici_send(c, &w);
}

/* A list that is larger than an event can carry is left out. */
static bool
next_cert(struct vici_client *c)
{
	const struct credentials *st = c->server->backend->credentials;

	while (c->stream.position < st->n) {
		const struct credential *held = st->c[c->stream.position++];

		if (held->kind == CREDENTIAL_AUTHORITY && !credentials_ca(st, held))
			continue;
		if (!is_wanted(&c->stream, held) || octets_of(held).n > UINT16_MAX)
			continue;
		send_cert(c, held);
		return true;
	}
	return false;
}

static void
put_uris(struct vici_writer *w, const char *name, char *const *uri)
{
	if (!*uri)
		return;
	vici_list(w, name);
	for (; *uri; uri++)
		vici_item(w, *uri);
	vici_list_end(w);
}

static bool
next_authority(struct vici_client *c)
{
	const struct credentials *st = c->server->backend->credentials;
	const char *wanted = c->stream.name;
	char subject[IDENTITY_TEXT_MAX];
	const struct credential *a;
	struct vici_writer w;

	do {
		a = credentials_next(st, CREDENTIAL_AUTHORITY, &c->stream.position);
		if (!a)
			return false;
	} while (wanted && *wanted && strcmp(wanted, a->name));
	vici_begin_event(&w, VICI_LIST_AUTHORITY);
	vici_section(&w, a->name);
	vici_key(&w, "cacert", dn_format(subject, sizeof subject, certificate_subject(a->authority.ca)));
	put_uris(&w, "crl_uris", a->authority.crl_uri);
	put_uris(&w, "ocsp_uris", a->authority.ocsp_uri);
	if (a->authority.cert_uri_base)
		vici_key(&w, "cert_uri_base", a->authority.cert_uri_base);
	vici_section_end(&w);
	vici_send(c, &w);
	return true;
}

/* ---- what connections ask of certificates */

static void
put_subjects(struct vici_writer *w, const char *name, const struct octets_list *l)
{
	char subject[IDENTITY_TEXT_MAX];

	vici_list(w, name);
	for (size_t i = 0; i < l->n; i++) {
		struct certificate *c = certificate_read(l->o[i]);

		if (c)
			vici_item(w, dn_format(subject, sizeof subject, certificate_subject(c)));
		certificate_unref(c);
	}
	vici_list_end(w);
}

static void
put_texts(struct vici_writer *w, const char *name, const struct octets_list *l)
{
	vici_list(w, name);
	for (size_t i = 0; i < l->n; i++)
		vici_item(w, (const char *)l->o[i].p);
	vici_list_end(w);
}

void
vici_put_round_lists(struct vici_writer *w, const struct auth_round *r)
{
	put_texts(w, "groups", &r->groups);
	put_texts(w, "cert_policy", &r->cert_policies);
	put_subjects(w, "certs", &r->certs);
	put_subjects(w, "cacerts", &r->cacerts);
}

/* ---- requests */

static void
list_certs(struct vici_request *r)
{
	vici_stream_start(r, next_cert);
}

static void
list_authorities(struct vici_request *r)
{
	vici_stream_start(r, next_authority);
}

const struct vici_command vici_certs_commands[] = {
	{ "list-certs", list_certs, false },
	{ "list-authorities", list_authorities, false },
	{ NULL, NULL, false },
};
