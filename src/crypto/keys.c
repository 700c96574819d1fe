/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <limits.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "pki.h"

const char *
key_error_text(enum key_error e)
{
	switch (e) {
	case KEY_OK:
		return "";
	case KEY_ERR_FORMAT:
		return "it holds no private key: there are PEM and DER of PKCS #1, SEC 1, PKCS #8 and PKCS #12";
	case KEY_ERR_ENCRYPTED:
		return "it is encrypted: name the file and its passphrase in a section secrets.private<suffix> { file, secret }";
	case KEY_ERR_PASSPHRASE:
		return "the passphrase does not open it, or its cipher is not available in libcrypto: correct the secret, or "
		       "encrypt "
		       "the file again with `openssl pkcs8 -topk8 -v2 aes256` (`openssl pkcs12 -export`)";
	}
	return "";
}

/* ---- what a key is */

static unsigned
curve_bits(EVP_PKEY *pkey)
{
	char name[64];

	if (!EVP_PKEY_get_group_name(pkey, name, sizeof name, NULL))
		return 0;
	if (!strcmp(name, SN_X9_62_prime256v1))
		return 256;
	if (!strcmp(name, SN_secp384r1))
		return 384;
	return !strcmp(name, SN_secp521r1) ? 521 : 0;
}

static bool
sha1(uint8_t out[KEY_ID_OCTETS], struct span in)
{
	return EVP_Digest(in.p, in.n, out, NULL, EVP_sha1(), NULL) == 1;
}

/* The two key ids are taken over the encoding that the key itself has when it is written again. */
static bool
fill_facts(struct key_facts *out, EVP_PKEY *pkey, uint8_t **spki, size_t *n_spki)
{
	X509_PUBKEY *info = NULL;
	const unsigned char *bits;
	int n_bits, n = -1;
	bool ok;

	*out = (struct key_facts) { .type = KEY_OTHER, .bits = (unsigned)EVP_PKEY_get_bits(pkey) };
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		out->type = KEY_RSA;
	} else if (EVP_PKEY_is_a(pkey, "EC") && curve_bits(pkey)) {
		out->type = KEY_ECDSA;
		out->bits = curve_bits(pkey);
	}
	ok = X509_PUBKEY_set(&info, pkey) && X509_PUBKEY_get0_param(NULL, &bits, &n_bits, NULL, info) &&
	     (n = i2d_X509_PUBKEY(info, spki)) > 0 && sha1(out->id, span_of(bits, (size_t)n_bits)) &&
	     sha1(out->info_id, span_of(*spki, (size_t)n));
	*n_spki = n > 0 ? (size_t)n : 0;
	X509_PUBKEY_free(info);
	return ok;
}

struct public_key *
public_key_wrap(EVP_PKEY *pkey)
{
	struct public_key *k = pkey ? calloc(1, sizeof *k) : NULL;

	if (!k) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	k->pkey = pkey;
	if (fill_facts(&k->facts, pkey, &k->spki, &k->n_spki))
		return k;
	public_key_free(k);
	return NULL;
}

struct private_key *
private_key_wrap(EVP_PKEY *pkey)
{
	struct private_key *k = pkey ? calloc(1, sizeof *k) : NULL;
	uint8_t *spki = NULL;
	size_t n;
	bool ok;

	if (!k) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	k->refs = 1;
	k->pkey = pkey;
	ok = fill_facts(&k->facts, pkey, &spki, &n);
	OPENSSL_free(spki);
	if (ok)
		return k;
	private_key_unref(k);
	return NULL;
}

void
public_key_free(struct public_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	OPENSSL_free(k->spki);
	free(k);
}

struct private_key *
private_key_ref(struct private_key *k)
{
	k->refs++;
	return k;
}

void
private_key_unref(struct private_key *k)
{
	if (!k || --k->refs)
		return;
	EVP_PKEY_free(k->pkey); /* OpenSSL clears private values */
	free(k);
}

const struct key_facts *
private_key_facts(const struct private_key *k)
{
	return &k->facts;
}

const struct key_facts *
public_key_facts(const struct public_key *k)
{
	return &k->facts;
}

struct span
public_key_der(const struct public_key *k)
{
	return span_of(k->spki, k->n_spki);
}

/* ---- reading */

int
pki_passphrase(char *buf, int size, int for_writing, void *context)
{
	const struct span *passphrase = context;

	(void)for_writing;
	if (!passphrase->p || passphrase->n > (size_t)size)
		return -1;
	memcpy(buf, passphrase->p, passphrase->n);
	return (int)passphrase->n;
}

static bool
holds(struct span file, const char *text)
{
	return memmem(file.p, file.n, text, strlen(text)) != NULL;
}

/* PEM says so; in DER it is an EncryptedPrivateKeyInfo, which begins like a signed digest. */
static bool
is_encrypted(struct span file)
{
	const unsigned char *p = file.p;
	X509_SIG *sig;
	bool is;

	if (holds(file, "-----BEGIN"))
		return holds(file, "ENCRYPTED");
	sig = d2i_X509_SIG(NULL, &p, (long)file.n);
	is = sig != NULL;
	X509_SIG_free(sig);
	return is;
}

static EVP_PKEY *
decode(struct span file, int selection, const struct span *passphrase)
{
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, NULL, selection, NULL, NULL);
	const unsigned char *p = file.p;
	size_t n = file.n;

	if (!ctx)
		return NULL;
	/* With a function that refuses, OpenSSL does not go and ask a terminal. */
	OSSL_DECODER_CTX_set_pem_password_cb(ctx, pki_passphrase, (void *)(uintptr_t)passphrase);
	if (!OSSL_DECODER_from_data(ctx, &p, &n)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	OSSL_DECODER_CTX_free(ctx);
	ERR_clear_error();
	return pkey;
}

enum key_error
private_key_read(struct private_key **out, struct span file, struct span passphrase)
{
	bool encrypted;

	*out = NULL;
	if (!file.p || file.n == 0 || file.n > KEY_FILE_OCTETS_MAX)
		return KEY_ERR_FORMAT;
	encrypted = is_encrypted(file);
	ERR_clear_error();
	if (encrypted && !passphrase.p)
		return KEY_ERR_ENCRYPTED;
	*out = private_key_wrap(decode(file, EVP_PKEY_KEYPAIR, &passphrase));
	return *out ? KEY_OK : encrypted ? KEY_ERR_PASSPHRASE : KEY_ERR_FORMAT;
}

struct public_key *
public_key_read(struct span file)
{
	static const struct span none;

	if (!file.p || file.n == 0 || file.n > KEY_FILE_OCTETS_MAX)
		return NULL;
	return public_key_wrap(decode(file, EVP_PKEY_PUBLIC_KEY, &none));
}

/* ---- signing */

static size_t
sign_raw(uint8_t *out, size_t cap, EVP_PKEY *pkey, int padding, struct span hash)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	size_t n = cap;
	bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 && (!padding || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1) &&
	          EVP_PKEY_sign(ctx, out, &n, hash.p, hash.n) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok ? n : 0;
}

static bool
verify_raw(EVP_PKEY *pkey, int padding, struct span hash, struct span signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool ok = ctx && EVP_PKEY_verify_init(ctx) == 1 && (!padding || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1) &&
	          EVP_PKEY_verify(ctx, signature.p, signature.n, hash.p, hash.n) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* RFC 4754 section 7: 32, 48 or 66 octets each. */
static size_t
half_octets(const struct key_facts *f)
{
	return (f->bits + 7) / 8;
}

static size_t
sign_ecdsa(uint8_t *out, const struct private_key *k, struct span hash)
{
	uint8_t der[160];
	const unsigned char *p = der;
	size_t half = half_octets(&k->facts), n = sign_raw(der, sizeof der, k->pkey, 0, hash);
	ECDSA_SIG *sig = n ? d2i_ECDSA_SIG(NULL, &p, (long)n) : NULL;
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)half) > 0 &&
	          BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, (int)half) > 0;

	ECDSA_SIG_free(sig);
	return ok ? 2 * half : 0;
}

static bool
verify_ecdsa(const struct public_key *k, struct span hash, struct span signature)
{
	size_t half = half_octets(&k->facts);
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	unsigned char *der = NULL;
	int n = -1;
	bool ok;

	if (signature.n != 2 * half)
		return false;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn(signature.p, (int)half, NULL);
	s = BN_bin2bn(signature.p + half, (int)half, NULL);
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
		n = i2d_ECDSA_SIG(sig, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ok = n > 0 && verify_raw(k->pkey, 0, hash, span_of(der, (size_t)n));
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return ok;
}

size_t
private_key_sign(uint8_t *out, const struct private_key *k, struct span hash)
{
	switch (k->facts.type) {
	case KEY_RSA:
		return sign_raw(out, SIGNATURE_OCTETS_MAX, k->pkey, RSA_PKCS1_PADDING, hash);
	case KEY_ECDSA:
		return sign_ecdsa(out, k, hash);
	case KEY_OTHER:
		return 0;
	}
	return 0;
}

bool
public_key_verify(const struct public_key *k, struct span hash, struct span signature)
{
	switch (k->facts.type) {
	case KEY_RSA:
		return verify_raw(k->pkey, RSA_PKCS1_PADDING, hash, signature);
	case KEY_ECDSA:
		return verify_ecdsa(k, hash, signature);
	case KEY_OTHER:
		return false;
	}
	return false;
}
