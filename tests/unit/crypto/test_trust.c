/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "test_pki.h"

#include <stdio.h>
#include "trust.h"

#include <time.h>

static struct certificate *
certificate(const char *name)
{
	char file[64];
	struct certificate *c;

	snprintf(file, sizeof file, "%s.crt", name);
	c = certificate_read(test_pki_file(file));
	assert_non_null(c);
	return c;
}

static struct certificate *root, *sub, *deeper, *named, *moon;

static int
open_all(void **state)
{
	(void)state;
	root = certificate("root");
	sub = certificate("sub");
	deeper = certificate("deeper");
	named = certificate("named");
	moon = certificate("moon");
	return 0;
}

static int
close_all(void **state)
{
	(void)state;
	struct certificate *all[] = { root, sub, deeper, named, moon };

	for (size_t i = 0; i < 5; i++)
		certificate_unref(all[i]);
	return 0;
}

static enum trust_verdict
judge_at(struct trust_path *path, const char *name, int64_t now, const char *policy)
{
	struct certificate *anchors[] = { root }, *others[] = { sub, deeper, named, moon }, *subject = certificate(name);
	char why[TRUST_WHY_MAX];
	enum trust_verdict v = trust_path_find(path,
	                                       &(struct trust_input) { .subject = subject,
	                                                               .anchors = anchors,
	                                                               .n_anchors = 1,
	                                                               .others = others,
	                                                               .n_others = 4,
	                                                               .policies = &policy,
	                                                               .n_policies = policy != NULL,
	                                                               .now = now },
	                                       why);

	/* Who is refused learns which certificate it was, and why. */
	assert_true(v == TRUST_OK || strstr(why, "certificate /C=CH/O=Sallyport"));
	certificate_unref(subject);
	return v;
}

static enum trust_verdict
judge(const char *name)
{
	struct trust_path path;
	enum trust_verdict v = judge_at(&path, name, time(NULL), NULL);

	trust_path_clear(&path);
	return v;
}

static void
verdicts_name_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum trust_verdict verdict;
	} cases[] = {
		{ "moon", TRUST_OK },
		{ "rsa", TRUST_OK },
		{ "ec521", TRUST_OK },
		{ "sub-moon", TRUST_OK },
		{ "for-ike", TRUST_OK },
		{ "named-inside", TRUST_OK },
		{ "named-outside", TRUST_NAME_CONSTRAINTS },
		{ "deep-moon", TRUST_PATH_LENGTH },
		{ "expired", TRUST_EXPIRED },
		{ "future", TRUST_NOT_YET_VALID },
		{ "no-sign", TRUST_KEY_USAGE },
		{ "for-code", TRUST_KEY_USAGE },
		{ "by-leaf", TRUST_NOT_A_CA },
		{ "critical", TRUST_CRITICAL_EXTENSION },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum trust_verdict v = judge(cases[i].name);

		if (v != cases[i].verdict)
			fail_msg("%s: %s, not %s", cases[i].name, trust_verdict_name(v), trust_verdict_name(cases[i].verdict));
	}
}

/* The same names as our CA, and another key. */
static void
a_stranger_with_our_names_is_refused(void **state)
{
	(void)state;
	enum trust_verdict v = judge("stranger");

	assert_true(v == TRUST_NO_ISSUER || v == TRUST_BAD_SIGNATURE);
}

static void
time_is_what_we_say(void **state)
{
	(void)state;
	struct trust_path path;
	int64_t now = time(NULL), year = 366 * 86400;

	/* moon's is good for a year. */
	assert_int_equal(judge_at(&path, "moon", now + year, NULL), TRUST_EXPIRED);
	assert_int_equal(judge_at(&path, "moon", now - year, NULL), TRUST_NOT_YET_VALID);
}

static void
a_time_out_of_range_is_dated(void **state)
{
	char why[TRUST_WHY_MAX] = "";

	(void)state;
	assert_true(trust_is_in_time(moon, time(NULL), why));
	assert_string_equal(why, "");
	assert_false(trust_is_in_time(moon, INT64_C(1) << 40, why));
	assert_non_null(strstr(why, "CN=moon: it has expired: it ended at 20"));
	assert_false(trust_is_in_time(moon, 0, why));
	assert_non_null(strstr(why, "CN=moon: it is not valid yet: it begins at 20"));
}

/* RFC 5280 section 6.1.1 (c): the policies that the user wants. The root, as any anchor, is not asked. */
static void
policies_are_asked_for(void **state)
{
	(void)state;
	struct trust_path path;

	assert_int_equal(judge_at(&path, "moon", time(NULL), "1.3.6.1.4.1.99999.1"), TRUST_OK);
	assert_int_equal(path.n, 2);
	trust_path_clear(&path);
	assert_int_equal(judge_at(&path, "moon", time(NULL), "1.3.6.1.4.1.99999.7"), TRUST_POLICY);
	assert_int_equal(judge_at(&path, "rsa", time(NULL), "1.3.6.1.4.1.99999.1"), TRUST_POLICY);
}

/* RFC 5280 section 6.1.1 (d): an anchor need not be a root; even the subject can be one. */
static void
an_intermediate_can_be_the_anchor(void **state)
{
	(void)state;
	struct certificate *leaf = certificate("sub-moon");
	struct certificate *const *anchors[] = { &sub, &leaf };
	struct trust_path path;
	char why[TRUST_WHY_MAX];

	for (size_t i = 0; i < 2; i++) {
		struct trust_input in = { .subject = leaf, .anchors = anchors[i], .n_anchors = 1, .now = time(NULL) };

		assert_int_equal(trust_path_find(&path, &in, why), TRUST_OK);
		assert_int_equal(path.n, 2 - i);
		trust_path_clear(&path);
	}
	assert_int_equal(trust_path_find(&path, &(struct trust_input) { .subject = leaf, .now = time(NULL) }, why),
	                 TRUST_NO_ISSUER);
	certificate_unref(leaf);
}

static void
signature_hashes_are_known(void **state)
{
	(void)state;
	struct certificate *c = certificate("sha1");

	assert_int_equal(certificate_signature_hash(c), 2);    /* PRF_HMAC_SHA1 */
	assert_int_equal(certificate_signature_hash(moon), 5); /* PRF_HMAC_SHA2_256 */
	certificate_unref(c);
}

/* ---- revocation lists */

static enum revocation_state
listed(const char *name, const char *const *files, size_t n, int64_t now)
{
	enum revocation_state s[TRUST_PATH_MAX] = { 0 };
	struct crl *crl[4];
	struct trust_path path;

	assert_int_equal(judge_at(&path, name, time(NULL), NULL), TRUST_OK);
	for (size_t i = 0; i < n; i++)
		crl[i] = crl_read(test_pki_file(files[i]));
	trust_crls(s, &path, crl, n, now);
	for (size_t i = 0; i < n; i++)
		crl_unref(crl[i]);
	trust_path_clear(&path);
	return s[0];
}

static void
lists_say_who_is_revoked(void **state)
{
	(void)state;
	static const char *const good[] = { "root.crl" }, *const old[] = { "old.crl" },
	                         *const both[] = { "forged.crl", "root.crl" };
	int64_t now = time(NULL);

	assert_int_equal(listed("moon", good, 1, now), REVOCATION_GOOD);
	assert_int_equal(listed("gone", good, 1, now), REVOCATION_REVOKED);
	assert_int_equal(listed("moon", NULL, 0, now), REVOCATION_UNKNOWN);
	assert_int_equal(listed("moon", old, 1, now), REVOCATION_STALE);
	/* What is out of date still knows who was revoked. */
	assert_int_equal(listed("gone", old, 1, now), REVOCATION_REVOKED);
	assert_int_equal(listed("moon", good, 1, now + 30 * 86400), REVOCATION_STALE);
	/* A forged list of the same name and a higher number neither revokes, nor hides the real one. */
	assert_int_equal(listed("moon", both, 1, now), REVOCATION_UNKNOWN);
	assert_int_equal(listed("moon", both, 2, now), REVOCATION_GOOD);
	assert_int_equal(listed("gone", both, 2, now), REVOCATION_REVOKED);
	/* The root's list says nothing of what a CA below has issued. */
	assert_int_equal(listed("sub-moon", good, 1, now), REVOCATION_UNKNOWN);
}

/* ---- OCSP */

static enum revocation_state
answered(const char *file, const struct certificate *subject, int64_t now)
{
	char why[TRUST_WHY_MAX];
	int64_t until;
	enum revocation_state s = ocsp_check(test_pki_file(file), subject, root, NULL, 0,
	                                     span_of("0123456789abcdef", OCSP_NONCE_OCTETS), now, &until, why);

	assert_non_null(strstr(why, "OCSP response"));
	return s;
}

static void
responses_are_judged(void **state)
{
	(void)state;
	struct certificate *gone = certificate("gone");
	int64_t now = time(NULL);

	assert_int_equal(answered("moon.ocsp", moon, now), REVOCATION_GOOD);
	assert_int_equal(answered("moon-delegated.ocsp", moon, now), REVOCATION_GOOD);
	assert_int_equal(answered("gone.ocsp", gone, now), REVOCATION_REVOKED);
	/* Signed by the holder of a certificate of the CA who is no responder; by a stranger. */
	assert_int_equal(answered("moon-by-a-leaf.ocsp", moon, now), REVOCATION_UNKNOWN);
	assert_int_equal(answered("moon-forged.ocsp", moon, now), REVOCATION_UNKNOWN);
	/* Of another certificate; too old; no response at all. */
	assert_int_equal(answered("moon.ocsp", gone, now), REVOCATION_UNKNOWN);
	assert_int_equal(answered("moon-old.ocsp", moon, now), REVOCATION_STALE);
	assert_int_equal(answered("moon.ocsp", moon, now + 30 * 86400), REVOCATION_STALE);
	assert_int_equal(answered("moon.crt", moon, now), REVOCATION_UNKNOWN);
	certificate_unref(gone);
}

static void
a_responder_can_be_trusted_by_itself(void **state)
{
	(void)state;
	struct certificate *leaf = certificate("gone"), *responders[] = { leaf };
	char why[TRUST_WHY_MAX];
	int64_t until;

	assert_int_equal(ocsp_check(test_pki_file("moon-by-a-leaf.ocsp"), moon, root, responders, 1, (struct span) { 0 },
	                            time(NULL), &until, why),
	                 REVOCATION_GOOD);
	assert_true(until > time(NULL));
	certificate_unref(leaf);
}

/* `openssl ocsp` reads our request: it names the certificate by issuer and serial number, and has the nonce. */
static void
requests_are_understood(void **state)
{
	(void)state;
	uint8_t request[OCSP_REQUEST_OCTETS_MAX];
	size_t n = ocsp_request(request, moon, root, span_of("0123456789abcdef", OCSP_NONCE_OCTETS));
	char path[128], command[256], text[4096] = "";
	FILE *f;

	assert_true(n > 60);
	snprintf(path, sizeof path, "%s/request", test_pki());
	f = fopen(path, "wb");
	assert_int_equal(fwrite(request, 1, n, f), n);
	fclose(f);
	snprintf(command, sizeof command, "openssl ocsp -reqin %s -req_text", path);
	f = popen(command, "r");
	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	pclose(f);
	assert_non_null(strstr(text, "OCSP Nonce"));
	assert_non_null(strstr(text, "30313233343536373839616263646566") ? text
	                                                                 : strstr(text, "0410303132333435363738396162636465"));
	assert_non_null(strstr(text, "Serial Number"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_name_what_is_wrong),
		cmocka_unit_test(a_stranger_with_our_names_is_refused),
		cmocka_unit_test(time_is_what_we_say),
		cmocka_unit_test(a_time_out_of_range_is_dated),
		cmocka_unit_test(policies_are_asked_for),
		cmocka_unit_test(an_intermediate_can_be_the_anchor),
		cmocka_unit_test(signature_hashes_are_known),
		cmocka_unit_test(lists_say_who_is_revoked),
		cmocka_unit_test(responses_are_judged),
		cmocka_unit_test(a_responder_can_be_trusted_by_itself),
		cmocka_unit_test(requests_are_understood),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
