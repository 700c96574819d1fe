/* SPDX-License-Identifier: Apache-2.0 */
#include "credential_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct span no_passphrase;

bool
credential_path(char out[CREDENTIAL_PATH_MAX], const char *dir, const char *folder, const char *file)
{
	int n = file[0] == '/' ? snprintf(out, CREDENTIAL_PATH_MAX, "%s", file)
	                       : snprintf(out, CREDENTIAL_PATH_MAX, "%s/%s/%s", dir, folder, file);

	return n < CREDENTIAL_PATH_MAX;
}

static bool
read_whole(struct secret *out, int fd, size_t n)
{
	size_t at = 0;

	if (!secret_alloc(out, n))
		return false;
	while (at < n) {
		ssize_t got = read(fd, out->p + at, n - at);

		if (got <= 0)
			break;
		at += (size_t)got;
	}
	return at == n;
}

bool
credential_file_read(struct secret *out, const char *path, size_t max, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	*out = (struct secret) { 0 };
	*why = NULL;
	if (fd < 0 || fstat(fd, &st))
		*why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		*why = "it is not a regular file";
	else if (st.st_size == 0 || (size_t)st.st_size > max)
		*why = st.st_size ? "it is too large" : "it is empty";
	else if (!read_whole(out, fd, (size_t)st.st_size))
		*why = "it cannot be read whole";
	if (fd >= 0)
		close(fd);
	if (*why)
		secret_clear(out);
	return !*why;
}

/* ---- one file of each folder */

/* What is being loaded. */
struct loading {
	struct credentials *out;
	struct passphrase *secrets;
	struct conf_errors *errs;
	const char *folder, *name, *path;
	struct span file;
};

static void
unusable(struct loading *l, const char *why)
{
	conf_notice(l->errs, l->path, "not used: %s", why);
}

static void
take(struct loading *l, bool added)
{
	if (!added)
		conf_error(l->errs, l->path, "out of memory, or more than %d certificates and keys", CREDENTIALS_MAX);
}

static void
load_certificate(struct loading *l, enum credential_kind kind)
{
	struct certificate *c = certificate_read(l->file);

	if (c && kind == CREDENTIAL_CA && !certificate_is_ca(c)) {
		unusable(l, "its basicConstraints do not make it a CA: certificates of hosts and users belong into x509");
		certificate_unref(c);
	} else if (c) {
		take(l, credentials_add_certificate(l->out, kind, CREDENTIAL_FROM_FILE, c));
	} else {
		unusable(l, "it is no certificate in PEM or DER");
	}
}

static void
load_host(struct loading *l)
{
	load_certificate(l, CREDENTIAL_CERTIFICATE);
}

static void
load_ca(struct loading *l)
{
	load_certificate(l, CREDENTIAL_CA);
}

static void
load_responder(struct loading *l)
{
	load_certificate(l, CREDENTIAL_RESPONDER);
}

static void
load_crl(struct loading *l)
{
	struct crl *c = crl_read(l->file);

	if (c)
		take(l, credentials_add_crl(l->out, CREDENTIAL_FROM_FILE, c, NULL));
	else
		unusable(l, "it is no revocation list in PEM or DER");
}

static void
load_public(struct loading *l)
{
	struct public_key *k = public_key_read(l->file);

	if (k)
		take(l, credentials_add_public(l->out, CREDENTIAL_FROM_FILE, k));
	else
		unusable(l, "it is no public key in PEM or DER");
}

static struct passphrase *
passphrase_for(const struct loading *l)
{
	struct passphrase *p = l->secrets;

	while (p && (strcmp(p->kind, l->folder) || strcmp(p->file, l->name)))
		p = p->next;
	if (p)
		p->used = true;
	return p;
}

static bool
is_exposed(const struct loading *l)
{
	struct stat st;

	if (stat(l->path, &st) || !conf_readable_by_all(l->path, &st, l->errs->strict))
		return false;
	conf_error(l->errs, l->path, "everybody on this machine can read this private key: chmod 600 it (and make a new key)");
	return true;
}

/* With a passphrase named for it, a file that does not open is a mistake of the configuration. */
static void
cannot_open(struct loading *l, const struct passphrase *p, enum key_error e)
{
	if (p)
		conf_error(l->errs, p->where, "'%s': %s", l->path, key_error_text(e));
	else
		unusable(l, key_error_text(e));
}

static void
load_private(struct loading *l)
{
	const struct passphrase *p = passphrase_for(l);
	struct private_key *k;
	enum key_error e;

	if (is_exposed(l))
		return;
	e = private_key_read(&k, l->file, p ? p->secret : no_passphrase);
	if (e)
		cannot_open(l, p, e);
	else
		take(l, credentials_add_private(l->out, CREDENTIAL_FROM_FILE, k));
}

static void
load_pkcs12(struct loading *l)
{
	const struct passphrase *p = passphrase_for(l);
	struct certificate *c[BUNDLE_CERTIFICATES_MAX];
	struct private_key *k;
	enum key_error e;
	size_t n;

	if (is_exposed(l))
		return;
	e = certificates_of_pkcs12(&k, c, &n, BUNDLE_CERTIFICATES_MAX, l->file, p ? p->secret : no_passphrase);
	if (e)
		cannot_open(l, p, e);
	if (k)
		take(l, credentials_add_private(l->out, CREDENTIAL_FROM_FILE, k));
	for (size_t i = 0; i < n; i++)
		take(l, credentials_add_certificate(l->out, certificate_is_ca(c[i]) ? CREDENTIAL_CA : CREDENTIAL_CERTIFICATE,
		                                    CREDENTIAL_FROM_FILE, c[i]));
}

/* ---- folders */

static const struct folder {
	const char *name;
	void (*load)(struct loading *l);
	size_t max;
} folders[] = {
	{ "x509", load_host, 2 * CERTIFICATE_OCTETS_MAX },
	{ "x509ca", load_ca, 2 * CERTIFICATE_OCTETS_MAX },
	{ "x509ocsp", load_responder, 2 * CERTIFICATE_OCTETS_MAX },
	{ "x509crl", load_crl, CRL_OCTETS_MAX },
	{ "pubkey", load_public, KEY_FILE_OCTETS_MAX },
	{ "private", load_private, KEY_FILE_OCTETS_MAX },
	{ "rsa", load_private, KEY_FILE_OCTETS_MAX },
	{ "ecdsa", load_private, KEY_FILE_OCTETS_MAX },
	{ "pkcs8", load_private, KEY_FILE_OCTETS_MAX },
	{ "pkcs12", load_pkcs12, 2 * CERTIFICATE_OCTETS_MAX },
};

static void
load_file(struct loading *l, const struct folder *f, const char *path)
{
	autosecret content = { 0 };
	const char *why;

	l->folder = f->name;
	l->path = path;
	if (!credential_file_read(&content, path, f->max, &why)) {
		unusable(l, why);
		return;
	}
	l->file = secret_span(&content);
	f->load(l);
}

static int
not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* In the order of the names, so that two starts read the same. */
static void
load_folder(struct loading *l, const struct folder *f, const char *dir)
{
	char path[CREDENTIAL_PATH_MAX];
	struct dirent **e = NULL;
	struct stat st;
	int n = credential_path(path, dir, f->name, "") ? scandir(path, &e, not_hidden, alphasort) : -1;

	for (int i = 0; i < n; i++) {
		l->name = e[i]->d_name;
		if (credential_path(path, dir, f->name, l->name) && !stat(path, &st) && !S_ISDIR(st.st_mode))
			load_file(l, f, path);
		free(e[i]);
	}
	free(e);
}

/* What a passphrase names by a path of its own. */
static void
load_named(struct loading *l, struct passphrase *p)
{
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		if (strcmp(folders[i].name, p->kind) || p->file[0] != '/')
			continue;
		l->name = p->file;
		load_file(l, &folders[i], p->file);
	}
}

void
credentials_load_folders(struct credentials *out, const char *dir, struct passphrase *secrets, struct conf_errors *errs)
{
	struct loading l = { .out = out, .secrets = secrets, .errs = errs };

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		load_folder(&l, &folders[i], dir);
	for (struct passphrase *p = secrets; p; p = p->next) {
		load_named(&l, p);
		if (!p->used)
			conf_error(errs, p->where, "there is no file '%s' in %s/%s", p->file, dir, p->kind);
	}
}

/* ---- charon.cache_crls */

/* Named after the issuer: FNV-1a is enough to tell a few CAs apart. */
static uint64_t
name_of(struct span issuer)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < issuer.n; i++)
		h = (h ^ issuer.p[i]) * 0x100000001b3;
	return h;
}

bool
credential_file_keep_crl(char path[CREDENTIAL_PATH_MAX], const char *dir, const struct crl *crl, const char **why)
{
	char next[CREDENTIAL_PATH_MAX + 8], name[64];
	struct span der = crl_der(crl);
	FILE *f;
	bool ok;

	snprintf(name, sizeof name, "fetched-%016llx.crl", (unsigned long long)name_of(crl_issuer(crl)));
	*why = "its path is too long";
	if (!credential_path(path, dir, "x509crl", name))
		return false;
	/* Whole or not at all: a reader never finds half a list. */
	snprintf(next, sizeof next, "%s.new", path);
	f = fopen(next, "we");
	ok = f && fwrite(der.p, 1, der.n, f) == der.n;
	ok = f && fclose(f) == 0 && ok && rename(next, path) == 0;
	*why = strerror(errno);
	if (f && !ok)
		unlink(next);
	return ok;
}
