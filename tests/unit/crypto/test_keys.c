/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "certificate.h"
#include "test_pki.h"

#include <stdio.h>

static const struct span no_passphrase;

static struct private_key *
key(const char *name, const char *passphrase)
{
	struct private_key *k;
	enum key_error e = private_key_read(&k, test_pki_file(name), passphrase ? span_str(passphrase) : no_passphrase);

	if (e)
		fail_msg("%s: %s", name, key_error_text(e));
	return k;
}

/* PKCS #1, SEC 1 and PKCS #8, PEM and DER, plain and encrypted, are one and the same key. */
static void
every_form_gives_the_same_key(void **state)
{
	(void)state;
	static const struct {
		const char *name, *passphrase;
	} files[] = {
		{ "pkcs8.pem", NULL },
		{ "pkcs8.der", NULL },
		{ "traditional.pem", NULL },
		{ "traditional.der", NULL },
		{ "encrypted.pem", "swordfish" },
		{ "encrypted.der", "swordfish" },
		{ "encrypted-traditional.pem", "swordfish" },
		{ "pkcs8.pem", "not needed" },
	};
	static const char *const kinds[] = { "rsa", "ec384" };
	char name[64];

	for (size_t k = 0; k < 2; k++) {
		struct private_key *first = NULL;

		for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
			struct private_key *one;

			snprintf(name, sizeof name, "%s-%s", kinds[k], files[i].name);
			one = key(name, files[i].passphrase);
			assert_int_equal(private_key_facts(one)->type, k == 0 ? KEY_RSA : KEY_ECDSA);
			assert_int_equal(private_key_facts(one)->bits, k == 0 ? 2048 : 384);
			if (!first)
				first = private_key_ref(one);
			assert_memory_equal(private_key_facts(one)->id, private_key_facts(first)->id, KEY_ID_OCTETS);
			private_key_unref(one);
		}
		private_key_unref(first);
	}
}

static void
a_locked_key_says_so(void **state)
{
	(void)state;
	static const char *const files[] = { "rsa-encrypted.pem", "rsa-encrypted.der", "ec384-encrypted.pem",
		                             "ec384-encrypted-traditional.pem" };
	struct private_key *k;

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct span file = test_pki_file(files[i]);

		assert_int_equal(private_key_read(&k, file, no_passphrase), KEY_ERR_ENCRYPTED);
		assert_null(k);
		assert_int_equal(private_key_read(&k, file, span_str("guess")), KEY_ERR_PASSPHRASE);
		assert_null(k);
	}
	assert_int_equal(private_key_read(&k, span_str("nothing of the kind"), no_passphrase), KEY_ERR_FORMAT);
	assert_int_equal(private_key_read(&k, test_pki_file("rsa.pub"), no_passphrase), KEY_ERR_FORMAT);
	assert_int_equal(private_key_read(&k, test_pki_file("moon.crt"), no_passphrase), KEY_ERR_FORMAT);
}

static struct public_key *
public_of(const char *name)
{
	struct public_key *k = public_key_read(test_pki_file(name));

	assert_non_null(k);
	return k;
}

/* The certificate of a key has the key's ids: the way in which strongSwan's swanctl recognises them. */
static void
key_ids_are_those_of_the_certificate(void **state)
{
	(void)state;
	struct certificate *c = certificate_read(test_pki_file("rsa.crt"));
	struct private_key *k = key("rsa-pkcs8.pem", NULL);
	struct public_key *p = public_of("rsa.pub");

	assert_memory_equal(public_key_facts(certificate_key(c))->id, private_key_facts(k)->id, KEY_ID_OCTETS);
	assert_memory_equal(public_key_facts(certificate_key(c))->info_id, private_key_facts(k)->info_id, KEY_ID_OCTETS);
	assert_memory_equal(public_key_facts(p)->id, private_key_facts(k)->id, KEY_ID_OCTETS);
	/* RFC 5280 section 4.2.1.2 (1): the subjectKeyIdentifier that the CA wrote is the same SHA-1. */
	assert_int_equal(certificate_key_identifier(c).n, KEY_ID_OCTETS);
	assert_memory_equal(certificate_key_identifier(c).p, private_key_facts(k)->id, KEY_ID_OCTETS);
	public_key_free(p);
	private_key_unref(k);
	certificate_unref(c);
}

static void
what_one_signs_the_other_verifies(void **state)
{
	(void)state;
	static const struct {
		const char *private, *certificate;
		size_t octets;
	} pairs[] = {
		{ "rsa-pkcs8.pem", "rsa.crt", 256 },
		{ "moon.key", "moon.crt", 64 },
		{ "ec384-pkcs8.pem", "ec384.crt", 96 },
		{ "ec521-pkcs8.pem", "ec521.crt", 132 }, /* RFC 4754 section 7: 1056 bits */
	};
	uint8_t hash[32] = { 1, 2, 3 }, signature[SIGNATURE_OCTETS_MAX];

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct private_key *k = key(pairs[i].private, NULL);
		struct certificate *c = certificate_read(test_pki_file(pairs[i].certificate));
		size_t n = private_key_sign(signature, k, span_of(hash, sizeof hash));

		assert_int_equal(n, pairs[i].octets);
		assert_true(public_key_verify(certificate_key(c), span_of(hash, sizeof hash), span_of(signature, n)));
		assert_false(public_key_verify(certificate_key(c), span_of(hash, 20), span_of(signature, n)));
		assert_false(public_key_verify(certificate_key(c), span_of(hash, sizeof hash), span_of(signature, n - 1)));
		assert_false(public_key_verify(certificate_key(c), span_of(hash, sizeof hash), span_of(signature, 0)));
		for (size_t at = 0; at < n; at += 7) {
			signature[at] ^= 1;
			assert_false(public_key_verify(certificate_key(c), span_of(hash, sizeof hash), span_of(signature, n)));
			signature[at] ^= 1;
		}
		certificate_unref(c);
		private_key_unref(k);
	}
}

/* RFC 2409 section 5.1: the bare hash, "without the DigestInfo"; so the block that the public key opens ends in it. */
static void
rsa_signs_without_digest_info(void **state)
{
	(void)state;
	uint8_t hash[20] = { 0x5a }, signature[SIGNATURE_OCTETS_MAX];
	struct private_key *k = key("rsa-pkcs8.pem", NULL);
	size_t n = private_key_sign(signature, k, span_of(hash, sizeof hash));
	char command[512], path[128];
	uint8_t opened[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/signature", test_pki());
	f = fopen(path, "wb");
	assert_int_equal(fwrite(signature, 1, n, f), n);
	fclose(f);
	snprintf(command, sizeof command, "openssl pkeyutl -verifyrecover -pubin -inkey %s/rsa.pub -in %s", test_pki(), path);
	f = popen(command, "r");
	assert_int_equal(fread(opened, 1, sizeof opened, f), sizeof hash);
	assert_int_equal(pclose(f), 0);
	assert_memory_equal(opened, hash, sizeof hash);
	private_key_unref(k);
}

static void
a_pkcs12_container_opens(void **state)
{
	(void)state;
	struct certificate *c[BUNDLE_CERTIFICATES_MAX];
	struct private_key *k;
	size_t n;

	assert_int_equal(certificates_of_pkcs12(&k, c, &n, 4, test_pki_file("moon.p12"), span_str("swordfish")), KEY_OK);
	assert_non_null(k);
	assert_int_equal(n, 2);
	assert_memory_equal(private_key_facts(k)->id, public_key_facts(certificate_key(c[0]))->id, KEY_ID_OCTETS);
	assert_true(certificate_is_ca(c[1]));
	private_key_unref(k);
	certificate_unref(c[0]);
	certificate_unref(c[1]);
	assert_int_equal(certificates_of_pkcs12(&k, c, &n, 4, test_pki_file("moon.p12"), span_str("guess")), KEY_ERR_PASSPHRASE);
	assert_int_equal(certificates_of_pkcs12(&k, c, &n, 4, test_pki_file("moon.p12"), no_passphrase), KEY_ERR_ENCRYPTED);
	assert_int_equal(certificates_of_pkcs12(&k, c, &n, 4, test_pki_file("moon.crt"), no_passphrase), KEY_ERR_FORMAT);
	assert_int_equal(n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_gives_the_same_key),        cmocka_unit_test(a_locked_key_says_so),
		cmocka_unit_test(key_ids_are_those_of_the_certificate), cmocka_unit_test(what_one_signs_the_other_verifies),
		cmocka_unit_test(rsa_signs_without_digest_info),        cmocka_unit_test(a_pkcs12_container_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
