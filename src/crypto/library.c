/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <openssl/provider.h>
#include <pthread.h>

enum { N_MDS = PRF_HMAC_SHA2_512 + 1, N_CBCS = 11 };

static const char *const md_names[N_MDS] = {
	[PRF_HMAC_MD5] = "MD5",           [PRF_HMAC_SHA1] = "SHA1",         [PRF_HMAC_SHA2_256] = "SHA2-256",
	[PRF_HMAC_SHA2_384] = "SHA2-384", [PRF_HMAC_SHA2_512] = "SHA2-512",
};

/* legacy: libcrypto keeps them in a provider of their own. Blowfish comes in one row; its key is cut to length when set. */
static const struct {
	uint16_t encr_id;
	size_t key_octets;
	const char *name;
	bool legacy;
} cbc_names[N_CBCS] = {
	{ ENCR_AES_CBC, 16, "AES-128-CBC", false },
	{ ENCR_AES_CBC, 24, "AES-192-CBC", false },
	{ ENCR_AES_CBC, 32, "AES-256-CBC", false },
	{ ENCR_3DES, 24, "DES-EDE3-CBC", false },
	{ ENCR_CAMELLIA_CBC, 16, "CAMELLIA-128-CBC", false },
	{ ENCR_CAMELLIA_CBC, 24, "CAMELLIA-192-CBC", false },
	{ ENCR_CAMELLIA_CBC, 32, "CAMELLIA-256-CBC", false },
	{ ENCR_BLOWFISH, 16, "BF-CBC", true },
	{ ENCR_BLOWFISH, 24, "BF-CBC", true },
	{ ENCR_BLOWFISH, 32, "BF-CBC", true },
	{ ENCR_CAST, 16, "CAST5-CBC", true },
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t md_ctx_key;
static EVP_MD *mds[N_MDS];
static EVP_CIPHER *cbcs[N_CBCS];
static _Thread_local EVP_MD_CTX *md_ctx;

static void
free_md_ctx(void *ctx)
{
	EVP_MD_CTX_free(ctx);
	md_ctx = NULL;
}

/*
 * A context apart: a provider that is loaded by name into the default one would keep
 * libcrypto from loading the others there by itself. NULL (where nothing is found
 * that is only here) when the provider is not installed.
 */
static OSSL_LIB_CTX *
legacy_context(void)
{
	static OSSL_LIB_CTX *ctx;

	if (ctx)
		return ctx;
	ctx = OSSL_LIB_CTX_new();
	if (ctx && !OSSL_PROVIDER_load(ctx, "legacy")) {
		OSSL_LIB_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

/* What libcrypto's providers lack (MD5 under FIPS) stays NULL and is refused as unsupported. */
static void
fetch_all(void)
{
	pthread_key_create(&md_ctx_key, free_md_ctx);
	for (size_t i = 0; i < N_MDS; i++)
		mds[i] = md_names[i] ? EVP_MD_fetch(NULL, md_names[i], NULL) : NULL;
	for (size_t i = 0; i < N_CBCS; i++)
		cbcs[i] = EVP_CIPHER_fetch(cbc_names[i].legacy ? legacy_context() : NULL, cbc_names[i].name, NULL);
}

const EVP_MD *
library_md(uint16_t prf_id)
{
	pthread_once(&once, fetch_all);
	return prf_id < N_MDS ? mds[prf_id] : NULL;
}

const EVP_CIPHER *
library_cbc(uint16_t encr_id, size_t key_octets)
{
	pthread_once(&once, fetch_all);
	for (size_t i = 0; i < N_CBCS; i++)
		if (cbc_names[i].encr_id == encr_id && cbc_names[i].key_octets == key_octets)
			return cbcs[i];
	return NULL;
}

EVP_MD_CTX *
library_md_ctx(void)
{
	if (md_ctx)
		return md_ctx;
	pthread_once(&once, fetch_all);
	md_ctx = EVP_MD_CTX_new();
	/* The key's value is there only so that the thread's end frees it. */
	if (md_ctx && pthread_setspecific(md_ctx_key, md_ctx) != 0)
		free_md_ctx(md_ctx);
	return md_ctx;
}
