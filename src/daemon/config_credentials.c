/* SPDX-License-Identifier: Apache-2.0 */
#include "config_credentials.h"

#include <stdlib.h>

#include "credential_files.h"

/* ---- files become their content */

/* What is being read. */
struct reading {
	struct conf_tree *tree;
	const char *dir;
	struct conf_errors *errs;
};

static bool
read_one(struct reading *r, const struct conf_key *k, const char *folder, const char *file, struct secret *out)
{
	char path[CREDENTIAL_PATH_MAX];
	const char *why = "its path is too long";

	if (credential_path(path, r->dir, folder, file) && credential_file_read(out, path, 2 * CERTIFICATE_OCTETS_MAX, &why))
		return true;
	conf_error(r->errs, k->where, "%s: cannot read '%s': %s", k->name, path, why);
	return false;
}

/* certs = a.pem, b.pem */
static void
read_list(struct reading *r, struct conf_section *s, const char *key, const char *folder)
{
	struct conf_key *k = conf_key_find(s, key), *list;
	struct conf_key names;
	struct span item;
	size_t at = 0;
	char file[CREDENTIAL_PATH_MAX];

	if (!k || !k->value)
		return;
	names = *k;
	list = conf_key_set_list(r->tree, s, key, k->where);
	while (list && conf_next_item(&item, &names, &at)) {
		autosecret content = { 0 };

		snprintf(file, sizeof file, "%.*s", (int)item.n, (const char *)item.p);
		if (read_one(r, &names, folder, file, &content))
			conf_key_add_item(r->tree, list, secret_span(&content));
	}
}

/* cert1 { file = a.pem }: the path is made whole. */
static void
read_section(struct reading *r, struct conf_section *s)
{
	struct conf_key *k = conf_key_find(s, "file");
	char path[CREDENTIAL_PATH_MAX];

	if (!k || !k->value || k->value[0] == '/' ||
	    !credential_path(path, r->dir, strncmp(s->name, "cacert", 6) ? "x509" : "x509ca", k->value))
		return;
	conf_key_set(r->tree, s, "file", path, k->where);
}

static void
read_round(struct reading *r, struct conf_section *s)
{
	read_list(r, s, "certs", "x509");
	read_list(r, s, "cacerts", "x509ca");
	read_list(r, s, "pubkeys", "pubkey");
	for (struct conf_section *sub = s->sections; sub; sub = sub->next)
		read_section(r, sub);
}

/* authorities.<name>.cacert is a file in x509ca, .file one anywhere: both end as the content of cacert. */
static void
read_authority(struct reading *r, struct conf_section *s)
{
	struct conf_key *k = conf_key_find(s, "cacert"), *file = conf_key_find(s, "file");
	autosecret content = { 0 };

	if (!k || !k->value)
		k = file;
	if (!k || !k->value)
		return;
	if (read_one(r, k, "x509ca", k->value, &content))
		conf_key_set_octets(r->tree, s, "cacert", secret_span(&content), k->where);
	else
		conf_key_set(r->tree, s, "cacert", NULL, k->where); /* told already */
}

void
config_read_files(struct conf_tree *t, const char *dir, struct conf_errors *errs)
{
	struct reading r = { t, dir, errs };
	struct conf_section *s = conf_section_find(t->root, "connections");

	for (s = s ? s->sections : NULL; s; s = s->next)
		for (struct conf_section *sub = s->sections; sub; sub = sub->next)
			if (!strncmp(sub->name, "local", 5) || !strncmp(sub->name, "remote", 6))
				read_round(&r, sub);
	s = conf_section_find(t->root, "authorities");
	for (s = s ? s->sections : NULL; s; s = s->next)
		read_authority(&r, s);
}

/* ---- passphrases */

static const char *const key_kinds[] = { "private", "rsa", "ecdsa", "pkcs8", "pkcs12" };

static const char *
key_kind(const char *name)
{
	for (size_t i = 0; i < sizeof key_kinds / sizeof key_kinds[0]; i++)
		if (!strncmp(name, key_kinds[i], strlen(key_kinds[i])))
			return key_kinds[i];
	return NULL;
}

bool
config_is_key_secret(const char *name)
{
	return key_kind(name) != NULL;
}

static void
unknown_key(const struct conf_section *s, const struct conf_key *k, struct conf_errors *errs)
{
	conf_error(errs, k->where, "unknown key '%s' in secret '%s': there are file and secret", k->name, s->name);
}

/* @room: where the secret is decoded into, wiped by the caller. */
static bool
read_passphrase(struct passphrase *out, struct secret *room, const struct conf_section *s, struct conf_errors *errs)
{
	size_t before = errs->n_errors;
	const char *why = NULL;

	*out = (struct passphrase) { .kind = key_kind(s->name), .where = s->where };
	for (const struct conf_key *k = s->keys; k; k = k->next) {
		if (!strcmp(k->name, "file"))
			out->file = k->value;
		else if (strcmp(k->name, "secret"))
			unknown_key(s, k, errs);
		else if (k->exposed)
			conf_error(errs, k->where,
			           "secret of '%s': the file may be read by everybody on this machine: chmod 600 it (and change "
			           "the secret)",
			           s->name);
		else if (!conf_secret(room, k->value, &why))
			conf_error(errs, k->where, "secret of '%s': %s", s->name, why);
	}
	if (!out->file || !conf_key_find(s, "secret"))
		conf_error(errs, s->where, "secret '%s' needs file, the name of a file in %s/, and secret, its passphrase",
		           s->name, out->kind);
	out->secret = secret_span(room);
	return errs->n_errors == before;
}

static size_t
count_key_secrets(const struct conf_section *s)
{
	size_t n = 0;

	for (s = s ? s->sections : NULL; s; s = s->next)
		n += config_is_key_secret(s->name);
	return n;
}

void
config_folders(struct credentials *out, const struct conf_tree *t, const char *dir, struct conf_errors *errs)
{
	const struct conf_section *s = conf_section_find(t->root, "secrets");
	size_t max = count_key_secrets(s), n = 0;
	struct passphrase *p = calloc(max + 1, sizeof *p);
	struct secret *room = calloc(max + 1, sizeof *room);

	for (s = s ? s->sections : NULL; p && room && s; s = s->next) {
		if (!config_is_key_secret(s->name) || !read_passphrase(&p[n], &room[n], s, errs))
			continue;
		if (n)
			p[n - 1].next = &p[n];
		n++;
	}
	if (p && room)
		credentials_load_folders(out, dir, n ? p : NULL, errs);
	else
		conf_error(errs, dir, "out of memory");
	for (size_t i = 0; room && i <= max; i++)
		secret_clear(&room[i]);
	free(room);
	free(p);
}

/* ---- authorities */

static bool
is_uri(struct span s, const char *const *schemes)
{
	for (; *schemes; schemes++)
		if (s.n > strlen(*schemes) && !memcmp(s.p, *schemes, strlen(*schemes)))
			return true;
	return false;
}

/* The name in an LDAP URI has commas of its own, at which swanctl and the list of items are cut. */
static bool
is_rest_of_ldap(const char *before, struct span item)
{
	return before && !strncmp(before, "ldap", 4) && !memmem(item.p, item.n, "://", 3);
}

static bool
put_together(char **uri, struct span rest)
{
	char *whole = NULL;

	if (asprintf(&whole, "%s,%.*s", *uri, (int)rest.n, (const char *)rest.p) < 0)
		return false;
	free(*uri);
	*uri = whole;
	return true;
}

static void
read_uris(char *out[AUTHORITY_URIS_MAX + 1], const struct conf_key *k, const char *const *schemes, struct conf_errors *errs)
{
	struct span item;
	size_t at = 0, n = 0;

	while (conf_next_item(&item, k, &at)) {
		if (n && is_rest_of_ldap(out[n - 1], item) && put_together(&out[n - 1], item))
			continue;
		if (n == AUTHORITY_URIS_MAX || !is_uri(item, schemes)) {
			conf_error(errs, k->where, "%s: '%.*s' is not allowed: up to %d URIs that begin with %s and the like",
			           k->name, (int)item.n, (const char *)item.p, AUTHORITY_URIS_MAX, schemes[0]);
			return;
		}
		out[n++] = strndup((const char *)item.p, item.n);
	}
}

static void
read_authority_key(struct authority *a, const struct conf_key *k, struct conf_errors *errs)
{
	static const char *const crl[] = { "http://", "https://", "ldap://", "ldaps://", "file://", NULL };
	static const char *const ocsp[] = { "http://", "https://", NULL };

	if (!strcmp(k->name, "crl_uris")) {
		read_uris(a->crl_uri, k, crl, errs);
	} else if (!strcmp(k->name, "ocsp_uris")) {
		read_uris(a->ocsp_uri, k, ocsp, errs);
	} else if (!strcmp(k->name, "cert_uri_base")) {
		free(a->cert_uri_base);
		a->cert_uri_base = k->value ? conf_copy(k->value, k, errs) : NULL;
	} else if (!strcmp(k->name, "cacert")) {
		certificate_unref(a->ca);
		a->ca = k->value ? certificate_read(span_of(k->value, k->n_value)) : NULL;
		if (k->value && !a->ca)
			conf_error(errs, k->where, "cacert: this is not a certificate in PEM or DER");
	} else if (strcmp(k->name, "file")) {
		conf_error(errs, k->where,
		           "unknown key '%s' in an authority: there are cacert, file, crl_uris, ocsp_uris and cert_uri_base",
		           k->name);
	}
}

bool
config_authority(struct credentials *out, enum credential_origin o, const struct conf_section *s, struct conf_errors *errs)
{
	struct authority a = { 0 };
	size_t before = errs->n_errors;

	for (const struct conf_key *k = s->keys; k; k = k->next)
		read_authority_key(&a, k, errs);
	for (const struct conf_section *sub = s->sections; sub; sub = sub->next)
		config_unknown_section(errs, sub, "an authority", (const char *const[]) { NULL });
	if (errs->n_errors == before && !a.ca && !conf_key_find(s, "cacert"))
		conf_error(errs, s->where, "authority '%s' names no CA: write cacert = FILE (in x509ca), or file = PATH",
		           s->name);
	if (errs->n_errors != before || !a.ca) {
		authority_clear(&a);
		return false;
	}
	/* A CA that is named here is trusted, as long as its authority is there: credentials_next_ca(). */
	if (credentials_add_authority(out, o, s->name, &a))
		return true;
	conf_error(errs, s->where, "out of memory");
	return false;
}

void
config_authorities(struct credentials *out, const struct conf_section *s, struct conf_errors *errs)
{
	for (const struct conf_key *k = s->keys; k; k = k->next)
		conf_error(errs, k->where, "key '%s' in authorities: only sections, one a CA, belong there", k->name);
	for (s = s->sections; s; s = s->next)
		config_authority(out, CREDENTIAL_FROM_FILE, s, errs);
}
