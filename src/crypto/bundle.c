/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>

#include "pki.h"

/* Containers of several certificates: PKCS #7 (RFC 2315) and PKCS #12 (RFC 7292). */

static size_t
take_certificates(struct certificate **out, size_t max, const STACK_OF(X509) * from)
{
	size_t n = 0;

	for (int i = 0; i < sk_X509_num(from) && n < max; i++) {
		X509 *x = sk_X509_value(from, i);

		out[n] = X509_up_ref(x) ? certificate_wrap(x) : NULL;
		n += out[n] != NULL;
	}
	return n;
}

size_t
certificates_of_pkcs7(struct certificate **out, size_t max, struct span file)
{
	const unsigned char *p = file.p;
	const STACK_OF(X509) *certs = NULL;
	PKCS7 *bundle;
	size_t n;
	BIO *bio;

	if (file.n == 0 || file.n > BUNDLE_CERTIFICATES_MAX * CERTIFICATE_OCTETS_MAX)
		return 0;
	bundle = d2i_PKCS7(NULL, &p, (long)file.n);
	if (!bundle) {
		bio = BIO_new_mem_buf(file.p, (int)file.n);
		bundle = bio ? PEM_read_bio_PKCS7(bio, NULL, pki_passphrase, &(struct span) { 0 }) : NULL;
		BIO_free(bio);
	}
	/* Certificates are the same within signed data and without any signature (degenerate: RFC 2315 section 9.1). */
	if (bundle && PKCS7_type_is_signed(bundle) && bundle->d.sign)
		certs = bundle->d.sign->cert;
	n = certs ? take_certificates(out, max, certs) : 0;
	PKCS7_free(bundle);
	ERR_clear_error();
	return n;
}

enum key_error
certificates_of_pkcs12(struct private_key **key, struct certificate **out, size_t *n, size_t max, struct span file,
                       struct span passphrase)
{
	const unsigned char *p = file.p;
	char text[PEM_BUFSIZE + 1];
	EVP_PKEY *pkey = NULL;
	X509 *own = NULL;
	STACK_OF(X509) *more = NULL;
	PKCS12 *container;
	bool ok;

	*n = 0;
	*key = NULL;
	if (file.n == 0 || file.n > BUNDLE_CERTIFICATES_MAX * CERTIFICATE_OCTETS_MAX || passphrase.n > PEM_BUFSIZE)
		return KEY_ERR_FORMAT;
	container = d2i_PKCS12(NULL, &p, (long)file.n);
	if (!container) {
		ERR_clear_error();
		return KEY_ERR_FORMAT;
	}
	if (passphrase.n)
		memcpy(text, passphrase.p, passphrase.n);
	text[passphrase.n] = 0;
	ok = PKCS12_parse(container, text, &pkey, &own, &more) == 1;
	secret_wipe(text, sizeof text);
	PKCS12_free(container);
	if (ok && pkey)
		*key = private_key_wrap(pkey);
	if (ok && own && max && (out[0] = certificate_wrap(own)))
		*n = 1;
	if (ok && more)
		*n += take_certificates(out + *n, max - *n, more);
	sk_X509_pop_free(more, X509_free);
	ERR_clear_error();
	return ok ? KEY_OK : passphrase.p ? KEY_ERR_PASSPHRASE : KEY_ERR_ENCRYPTED;
}
