/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "pki.h"

static struct crl *
wrap(X509_CRL *x)
{
	struct crl *c = x ? calloc(1, sizeof *c) : NULL;
	const unsigned char *der;
	size_t n_issuer;
	int64_t made, until;
	int n;

	if (!c) {
		X509_CRL_free(x);
		return NULL;
	}
	c->refs = 1;
	c->x = x;
	n = i2d_X509_CRL(x, &c->owned_der);
	c->der = span_of(c->owned_der, n > 0 ? (size_t)n : 0);
	made = pki_time(X509_CRL_get0_lastUpdate(x));
	until = X509_CRL_get0_nextUpdate(x) ? pki_time(X509_CRL_get0_nextUpdate(x)) : INT64_MAX;
	if (n > 0 && made != INT64_MIN && until != INT64_MIN && X509_NAME_get0_der(X509_CRL_get_issuer(x), &der, &n_issuer)) {
		c->issuer = span_of(der, n_issuer);
		return c;
	}
	crl_unref(c);
	return NULL;
}

struct crl *
crl_read(struct span file)
{
	const unsigned char *p = file.p;
	X509_CRL *x;
	BIO *bio;

	if (file.n == 0 || file.n > CRL_OCTETS_MAX)
		return NULL;
	x = d2i_X509_CRL(NULL, &p, (long)file.n);
	if (!x) {
		bio = BIO_new_mem_buf(file.p, (int)file.n);
		x = bio ? PEM_read_bio_X509_CRL(bio, NULL, pki_passphrase, &(struct span) { 0 }) : NULL;
		BIO_free(bio);
	}
	ERR_clear_error();
	return wrap(x);
}

struct crl *
crl_ref(struct crl *c)
{
	c->refs++;
	return c;
}

void
crl_unref(struct crl *c)
{
	if (!c || --c->refs)
		return;
	OPENSSL_free(c->owned_der);
	X509_CRL_free(c->x);
	free(c);
}

bool
crl_signed_by(const struct crl *c, const struct certificate *ca)
{
	bool is = span_equal(c->issuer, ca->subject) && X509_CRL_verify(c->x, X509_get0_pubkey(ca->x)) == 1;

	ERR_clear_error();
	return is;
}

struct span
crl_der(const struct crl *c)
{
	return c->der;
}

struct span
crl_issuer(const struct crl *c)
{
	return c->issuer;
}
