/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "certificate.h"
#include "test_pki.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static struct certificate *
certificate(const char *name)
{
	struct certificate *c = certificate_read(test_pki_file(name));

	if (!c)
		fail_msg("%s is not read", name);
	return c;
}

static void
facts_are_read(void **state)
{
	(void)state;
	struct certificate *c = certificate("moon.crt"), *root = certificate("root.crt"), *pem = certificate("moon.pem");
	size_t cursor = 0;

	assert_true(span_equal(certificate_issuer(c), certificate_subject(root)));
	assert_false(certificate_is_ca(c));
	assert_true(certificate_is_ca(root));
	assert_true(certificate_is_self_issued(root));
	assert_false(certificate_is_self_issued(c));
	assert_string_equal(certificate_next_crl_uri(c, &cursor), "http://127.0.0.1/root.crl");
	assert_null(certificate_next_crl_uri(c, &cursor));
	cursor = 0;
	assert_string_equal(certificate_next_ocsp_uri(c, &cursor), "http://127.0.0.1:8888/");
	assert_true(certificate_equal(c, pem));
	assert_false(certificate_equal(c, root));
	certificate_unref(pem);
	certificate_unref(root);
	certificate_unref(c);
}

static void
alt_names_are_walked(void **state)
{
	(void)state;
	static const enum alt_name_type types[] = { ALT_NAME_DNS, ALT_NAME_EMAIL, ALT_NAME_IP, ALT_NAME_IP };
	struct certificate *c = certificate("moon.crt");
	enum alt_name_type type;
	struct span name;
	size_t cursor = 0, n = 0;

	while (certificate_next_alt_name(c, &cursor, &type, &name)) {
		assert_int_equal(type, types[n]);
		assert_int_equal(name.n, n == 0 ? 16 : n == 1 ? 16 : n == 2 ? 4 : 16);
		n++;
	}
	assert_int_equal(n, 4);
	certificate_unref(c);
}

static void
damage_is_refused_or_harmless(void **state)
{
	(void)state;
	struct span file = test_pki_file("moon.crt");
	uint8_t *copy = malloc(file.n);
	size_t refused = 0;

	assert_non_null(copy);
	for (size_t n = 0; n < file.n; n++) {
		struct certificate *c = certificate_read(span_of(file.p, n));

		assert_null(c);
	}
	for (size_t i = 0; i < file.n; i++) {
		struct certificate *c;

		memcpy(copy, file.p, file.n);
		copy[i] ^= 0x81;
		c = certificate_read(span_of(copy, file.n));
		refused += c == NULL;
		certificate_unref(c);
	}
	assert_true(refused > 50);
	free(copy);
}

static void
lists_are_read(void **state)
{
	(void)state;
	struct crl *crl = crl_read(test_pki_file("root.crl")), *pem = crl_read(test_pki_file("root.crl.pem"));
	struct certificate *root = certificate("root.crt");

	assert_non_null(crl);
	assert_non_null(pem);
	assert_true(span_equal(crl_issuer(crl), certificate_subject(root)));
	assert_true(span_equal(crl_issuer(pem), crl_issuer(crl)));
	assert_null(crl_read(test_pki_file("moon.crt")));
	certificate_unref(root);
	crl_unref(pem);
	crl_unref(crl);
}

/* RFC 2408 section 3.9, encoding 1; RFC 4945 section 3.3.4. */
static void
bundles_are_opened(void **state)
{
	(void)state;
	struct certificate *c[BUNDLE_CERTIFICATES_MAX], *moon = certificate("moon.crt");
	size_t n = certificates_of_pkcs7(c, BUNDLE_CERTIFICATES_MAX, test_pki_file("bundle.p7"));
	bool found = false;

	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		found |= certificate_equal(c[i], moon);
		certificate_unref(c[i]);
	}
	assert_true(found);
	assert_int_equal(certificates_of_pkcs7(c, 1, test_pki_file("bundle.p7")), 1);
	certificate_unref(c[0]);
	assert_int_equal(certificates_of_pkcs7(c, BUNDLE_CERTIFICATES_MAX, test_pki_file("moon.crt")), 0);
	certificate_unref(moon);
}

/* strongSwan's fuzzing corpora, read from where they are: odd and hostile files neither crash nor leak. */
static size_t
read_corpus(const char *name, bool (*read)(struct span))
{
	const char *shared = getenv("SALLYPORT_SHARED_DATA");
	char path[1024];
	uint8_t *buf = malloc(1 << 20);
	size_t seen = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "%s/fuzz/strongswan/%s", shared ? shared : "", name);
	d = shared ? opendir(path) : NULL;
	while (d && buf && (e = readdir(d))) {
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/fuzz/strongswan/%s/%.255s", shared, name, e->d_name);
		f = fopen(path, "rb");
		assert_non_null(f);
		read(span_of(buf, fread(buf, 1, 1 << 20, f)));
		fclose(f);
		seen++;
	}
	if (d)
		closedir(d);
	free(buf);
	return seen;
}

static bool
read_certificate(struct span file)
{
	struct certificate *c = certificate_read(file);

	certificate_unref(c);
	return c;
}

static bool
read_crl(struct span file)
{
	struct crl *c = crl_read(file);

	crl_unref(c);
	return c;
}

static void
corpora_are_survived(void **state)
{
	(void)state;
	size_t n = read_corpus("certs", read_certificate) + read_corpus("certs-crash", read_certificate) +
	           read_corpus("crls", read_crl);

	if (!n)
		skip();
	assert_true(n > 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_read),
		cmocka_unit_test(alt_names_are_walked),
		cmocka_unit_test(damage_is_refused_or_harmless),
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(bundles_are_opened),
		cmocka_unit_test(corpora_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
