/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy.h"

#include <openssl/provider.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *blowfish, *cast, *des;
static EVP_MD *md4;

/* Never unloaded: the ciphers live as long as the process. */
static void
load(void)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

	if (!context || !OSSL_PROVIDER_load(context, "legacy"))
		return;
	blowfish = EVP_CIPHER_fetch(context, "BF-CBC", NULL);
	cast = EVP_CIPHER_fetch(context, "CAST5-CBC", NULL);
	des = EVP_CIPHER_fetch(context, "DES-ECB", NULL);
	md4 = EVP_MD_fetch(context, "MD4", NULL);
}

const EVP_CIPHER *
legacy_cbc(uint16_t encr_id)
{
	if (encr_id != ENCR_BLOWFISH && encr_id != ENCR_CAST)
		return NULL;
	pthread_once(&once, load);
	return encr_id == ENCR_BLOWFISH ? blowfish : cast;
}

const EVP_CIPHER *
legacy_des(void)
{
	pthread_once(&once, load);
	return des;
}

const EVP_MD *
legacy_md4(void)
{
	pthread_once(&once, load);
	return md4;
}
