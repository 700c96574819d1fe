/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "pki.h"

enum { URIS_MAX = 16, URI_OCTETS_MAX = 1024 };

int64_t
pki_time(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : INT64_MIN;
}

/* ---- names */

/* A NUL inside a name is a forgery: what one program reads to its end, another reads to the NUL. */
static bool
take_alt_name(struct alt_name *out, const GENERAL_NAME *g)
{
	int type;
	const void *value = GENERAL_NAME_get0_value(g, &type);
	const unsigned char *der;
	size_t n;

	if (type == GEN_DIRNAME) {
		*out = (struct alt_name) { .type = ALT_NAME_DN };
		if (!X509_NAME_get0_der(value, &der, &n))
			return false;
		out->name = span_of(der, n);
		return true;
	}
	if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_IPADD)
		return false;
	out->type = type == GEN_DNS ? ALT_NAME_DNS : type == GEN_EMAIL ? ALT_NAME_EMAIL : ALT_NAME_IP;
	out->name = span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	if (type == GEN_IPADD)
		return out->name.n == 4 || out->name.n == 16;
	return out->name.n && !memchr(out->name.p, 0, out->name.n);
}

static bool
read_alt_names(struct certificate *c)
{
	int critical, n;

	c->general_names = X509_get_ext_d2i(c->x, NID_subject_alt_name, &critical, NULL);
	if (!c->general_names)
		return critical == -1; /* not there; else damaged, or there twice */
	n = sk_GENERAL_NAME_num(c->general_names);
	c->alt_name = n > 0 && n <= ALT_NAMES_MAX ? calloc((size_t)n, sizeof *c->alt_name) : NULL;
	for (int i = 0; c->alt_name && i < n; i++)
		c->n_alt_names += take_alt_name(&c->alt_name[c->n_alt_names], sk_GENERAL_NAME_value(c->general_names, i));
	return n == 0 || c->alt_name;
}

static bool
read_name(struct span *out, const X509_NAME *name)
{
	const unsigned char *der;
	size_t n;

	if (!X509_NAME_get0_der(name, &der, &n))
		return false;
	*out = span_of(der, n);
	return true;
}

/* ---- where revocation is told */

/* False when out of memory; what is no usable URI is passed over. */
static bool
add_uri(char ***list, const GENERAL_NAME *g)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(g, &type);
	size_t n = 0;
	char **more;

	if (type != GEN_URI || ASN1_STRING_length(value) > URI_OCTETS_MAX ||
	    memchr(ASN1_STRING_get0_data(value), 0, (size_t)ASN1_STRING_length(value)))
		return true;
	while (*list && (*list)[n])
		n++;
	if (n == URIS_MAX)
		return true;
	more = realloc(*list, (n + 2) * sizeof *more);
	if (!more)
		return false;
	*list = more;
	more[n] = strndup((const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	more[n + 1] = NULL;
	return more[n];
}

static bool
read_crl_uris(struct certificate *c)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(c->x, NID_crl_distribution_points, NULL, NULL);
	bool ok = true;

	for (int i = 0; i < sk_DIST_POINT_num(points) && ok; i++) {
		const DIST_POINT *p = sk_DIST_POINT_value(points, i);
		const GENERAL_NAMES *names = p->distpoint && p->distpoint->type == 0 ? p->distpoint->name.fullname : NULL;

		for (int j = 0; j < sk_GENERAL_NAME_num(names) && ok; j++)
			ok = add_uri(&c->crl_uri, sk_GENERAL_NAME_value(names, j));
	}
	CRL_DIST_POINTS_free(points);
	return ok;
}

static bool
read_ocsp_uris(struct certificate *c)
{
	AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(c->x, NID_info_access, NULL, NULL);
	bool ok = true;

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access) && ok; i++) {
		const ACCESS_DESCRIPTION *a = sk_ACCESS_DESCRIPTION_value(access, i);

		if (OBJ_obj2nid(a->method) == NID_ad_OCSP)
			ok = add_uri(&c->ocsp_uri, a->location);
	}
	AUTHORITY_INFO_ACCESS_free(access);
	return ok;
}

/* ---- the certificate */

static bool
read_facts(struct certificate *c)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(c->x);
	uint32_t flags = X509_get_extension_flags(c->x);

	c->is_ca = (flags & EXFLAG_CA) != 0;
	c->is_self_issued = (flags & EXFLAG_SI) != 0;
	if (ski)
		c->key_identifier = span_of(ASN1_STRING_get0_data(ski), (size_t)ASN1_STRING_length(ski));
	/* RFC 5280 4.1.2.5: both times are there; 4.2: an extension is there once, and can be read. */
	return pki_time(X509_get0_notBefore(c->x)) != INT64_MIN && pki_time(X509_get0_notAfter(c->x)) != INT64_MIN &&
	       !(flags & EXFLAG_INVALID);
}

struct certificate *
certificate_wrap(X509 *x)
{
	struct certificate *c = x ? calloc(1, sizeof *c) : NULL;
	int n;

	if (!c) {
		X509_free(x);
		return NULL;
	}
	c->refs = 1;
	c->x = x;
	n = i2d_X509(x, &c->owned_der);
	c->der = span_of(c->owned_der, n > 0 ? (size_t)n : 0);
	/* Makes OpenSSL look at the extensions now: later several threads read them. */
	X509_check_purpose(x, -1, 0);
	if (n > 0 && n <= CERTIFICATE_OCTETS_MAX && read_name(&c->subject, X509_get_subject_name(x)) &&
	    read_name(&c->issuer, X509_get_issuer_name(x)) && read_alt_names(c) && read_crl_uris(c) && read_ocsp_uris(c) &&
	    read_facts(c))
		c->key = public_key_wrap(X509_get_pubkey(x));
	ERR_clear_error();
	if (c->key)
		return c;
	certificate_unref(c);
	return NULL;
}

static bool
is_pem(struct span file)
{
	return memmem(file.p, file.n, "-----BEGIN", 10) != NULL;
}

struct certificate *
certificate_read(struct span file)
{
	const unsigned char *p = file.p;
	BIO *bio;
	X509 *x;

	if (file.n == 0 || file.n > 2 * CERTIFICATE_OCTETS_MAX)
		return NULL;
	/* DER first: a DER certificate may have "-----BEGIN" in one of its names. */
	x = d2i_X509(NULL, &p, (long)file.n);
	if (!x && is_pem(file)) {
		bio = BIO_new_mem_buf(file.p, (int)file.n);
		x = bio ? PEM_read_bio_X509(bio, NULL, pki_passphrase, &(struct span) { 0 }) : NULL;
		BIO_free(bio);
	}
	ERR_clear_error();
	return certificate_wrap(x);
}

struct certificate *
certificate_ref(struct certificate *c)
{
	c->refs++;
	return c;
}

static void
free_uris(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void
certificate_unref(struct certificate *c)
{
	if (!c || --c->refs)
		return;
	free_uris(c->crl_uri);
	free_uris(c->ocsp_uri);
	free(c->alt_name);
	GENERAL_NAMES_free(c->general_names);
	public_key_free(c->key);
	OPENSSL_free(c->owned_der);
	X509_free(c->x);
	free(c);
}

/* ---- looking at it */

struct span
certificate_der(const struct certificate *c)
{
	return c->der;
}

struct span
certificate_subject(const struct certificate *c)
{
	return c->subject;
}

struct span
certificate_issuer(const struct certificate *c)
{
	return c->issuer;
}

const struct public_key *
certificate_key(const struct certificate *c)
{
	return c->key;
}

struct span
certificate_key_identifier(const struct certificate *c)
{
	return c->key_identifier;
}

bool
certificate_is_ca(const struct certificate *c)
{
	return c->is_ca;
}

bool
certificate_is_self_issued(const struct certificate *c)
{
	return c->is_self_issued;
}

bool
certificate_equal(const struct certificate *a, const struct certificate *b)
{
	return span_equal(a->der, b->der);
}

bool
certificate_next_alt_name(const struct certificate *c, size_t *cursor, enum alt_name_type *type, struct span *name)
{
	if (*cursor >= c->n_alt_names)
		return false;
	*type = c->alt_name[*cursor].type;
	*name = c->alt_name[(*cursor)++].name;
	return true;
}

static const char *
next_uri(char *const *list, size_t *cursor)
{
	return list && list[*cursor] ? list[(*cursor)++] : NULL;
}

const char *
certificate_next_crl_uri(const struct certificate *c, size_t *cursor)
{
	return next_uri(c->crl_uri, cursor);
}

const char *
certificate_next_ocsp_uri(const struct certificate *c, size_t *cursor)
{
	return next_uri(c->ocsp_uri, cursor);
}
