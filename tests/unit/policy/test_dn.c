/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "identity.h"
#include "seeded_rng.h"

static struct identity
id(const char *text)
{
	struct identity i;
	const char *why;

	if (!identity_parse(&i, span_str(text), &why))
		fail_msg("%s: %s", text, why);
	assert_int_equal(i.type, ID_DER_ASN1_DN);
	return i;
}

/* ---- the reader */

static void
elements_are_bounded(void **state)
{
	static const struct {
		size_t n;
		uint8_t b[8];
	} damaged[] = {
		{ 1, { 0x30 } },             /* no length */
		{ 2, { 0x30, 1 } },          /* longer than what is there */
		{ 2, { 0x30, 0x80 } },       /* indefinite */
		{ 4, { 0x30, 0x81, 1, 0 } }, /* not the shortest form */
		{ 5, { 0x30, 0x82, 0, 1, 0 } },
		{ 3, { 0x1f, 1, 0 } }, /* a tag of several octets */
		{ 7, { 0x30, 0x85, 1, 1, 1, 1, 1 } },
		{ 6, { 0x30, 0x84, 0xff, 0xff, 0xff, 0xff } },
	};
	uint8_t tag;

	(void)state;
	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		struct span in = span_of(damaged[i].b, damaged[i].n), content;

		assert_false(der_next(&in, &tag, &content));
		assert_int_equal(in.n, damaged[i].n);
	}
}

static void
headers_are_read_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 255, 256, 65535 };
	static uint8_t buf[65535 + 4];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = der_put_header(buf, DER_SET, sizes[i]);
		struct span in = span_of(buf, n + sizes[i]), content;

		assert_true(der_take(&in, DER_SET, &content));
		assert_int_equal(content.n, sizes[i]);
		assert_int_equal(in.n, 0);
	}
}

/* ---- text */

/* As strongSwan prints it: `swanctl --list-certs` and `pki --print` show the same. */
static void
texts_are_read_and_printed(void **state)
{
	static const struct {
		const char *text, *printed;
	} forms[] = {
		{ "C=CH, O=strongSwan, CN=moon.strongswan.org", "C=CH, O=strongSwan, CN=moon.strongswan.org" },
		{ "C=CH,O=strongSwan,CN=moon", "C=CH, O=strongSwan, CN=moon" },
		{ "  c = CH ,  o=strongSwan Project , cn=moon ", "C=CH, O=strongSwan Project, CN=moon" },
		{ "/C=CH/O=strongSwan, Inc./CN=moon", "C=CH, O=strongSwan, Inc., CN=moon" },
		{ "O=\"strongSwan, Inc.\", CN=moon", "O=strongSwan, Inc., CN=moon" },
		{ "O=strongSwan\\, Inc., CN=moon", "O=strongSwan, Inc., CN=moon" },
		{ "CN=a=b", "CN=a=b" },
		{ "CN=", "CN=" },
		{ "C=CH, ST=ZH, L=Zurich, E=moon@strongswan.org", "C=CH, ST=ZH, L=Zurich, E=moon@strongswan.org" },
		{ "emailAddress=moon@strongswan.org", "E=moon@strongswan.org" },
		{ "DC=org, DC=strongswan, UID=moon", "DC=org, DC=strongswan, UID=moon" },
		{ "serialNumber=77, G=Hans, S=Muster, T=Dr", "SN=77, G=Hans, S=Muster, T=Dr" },
		{ "2.5.4.3=moon", "CN=moon" },
		{ "1.3.6.1.4.1.99999.1=x", "1.3.6.1.4.1.99999.1=x" },
		{ "2.999.3=x", "2.999.3=x" },
		{ "C=CH, O=strongSwan, CN=*", "C=CH, O=strongSwan, CN=*" },
		{ "CN=M\xc3\xbcnchen", "CN=M??nchen" },
		{ "asn1dn:C=CH, CN=moon", "C=CH, CN=moon" },
		{ "asn1dn:#300f310d300b06035504031304 6d6f6f6e", NULL },
		{ "asn1dn:#300f310d300b060355040313046d6f6f6e", "CN=moon" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char out[IDENTITY_TEXT_MAX];
		struct identity got;
		const char *why;

		if (!forms[i].printed) {
			assert_false(identity_parse(&got, span_str(forms[i].text), &why));
			continue;
		}
		got = id(forms[i].text);
		if (strcmp(identity_format(out, &got), forms[i].printed))
			fail_msg("%s is printed as %s", forms[i].text, out);
	}
}

/* openssl asn1parse: "CN=moon" in a PrintableString, an e-mail address in an IA5String, other letters in UTF-8. */
static void
text_becomes_the_der_of_certificates(void **state)
{
	static const uint8_t moon[] = { 0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 6, 3, 0x55, 4, 3, 0x13, 4, 'm', 'o', 'o', 'n' };
	struct identity i = id("CN=moon");
	struct dn_attribute a[2];
	size_t n;

	(void)state;
	assert_true(span_equal(identity_span(&i), span_of(moon, sizeof moon)));
	i = id("E=a@b, CN=\xc3\xa4");
	assert_true(dn_read(a, &n, 2, identity_span(&i)));
	assert_int_equal(n, 2);
	assert_int_equal(a[0].tag, DER_IA5_STRING);
	assert_int_equal(a[1].tag, DER_UTF8_STRING);
}

static void
other_texts_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} refused[] = {
		{ "C=CH, moon", "type=value" },      { "C=CH, XX=moon", "unknown type" }, { "3.1=x", "unknown type" },
		{ "1.40=x", "unknown type" },        { "1.2.=x", "unknown type" },        { "=x", "unknown type" },
		{ "C=CH, , CN=moon", "type=value" }, { "asn1dn:#30", "in DER" },          { "asn1dn:#3003310102", "in DER" },
		{ "asn1gn:#00", "general name" },
	};
	char longer[2048] = "CN=";
	struct identity i;
	const char *why;

	(void)state;
	for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
		assert_false(identity_parse(&i, span_str(refused[k].text), &why));
		if (!strstr(why, refused[k].why))
			fail_msg("%s: %s", refused[k].text, why);
	}
	memset(longer + 3, 'x', sizeof longer - 4);
	assert_false(identity_parse(&i, span_str(longer), &why));
	assert_non_null(strstr(why, "too long"));
}

/* ---- matching */

static void
patterns_match_what_they_say(void **state)
{
	static const char name[] = "C=CH, O=strongSwan, OU=Research, CN=carol";
	static const struct {
		const char *pattern;
		int strict, reordered, relaxed; /* parts left open; -1: no match */
	} cases[] = {
		{ "C=CH, O=strongSwan, OU=Research, CN=carol", 0, 0, 0 },
		{ "C=ch, O=STRONGSWAN, OU=research, CN=Carol", 0, 0, 0 },
		{ "C=CH, O=strongSwan, OU=Research, CN=*", 1, 1, 1 },
		{ "C=*, O=*, OU=*, CN=*", 4, 4, 4 },
		{ "C=CH, O=strongSwan, OU=Sales, CN=*", -1, -1, -1 },
		{ "C=CH, O=strongSwan, CN=*", -1, -1, 2 },
		{ "CN=carol, OU=Research, O=strongSwan, C=CH", -1, 0, 0 },
		{ "CN=*, OU=Research, O=strongSwan, C=CH", -1, 1, 1 },
		{ "CN=carol", -1, -1, 3 },
		{ "CN=dave", -1, -1, -1 },
		{ "C=CH, O=strongSwan, OU=Research, CN=carol, L=x", -1, -1, -1 },
		{ "C=CH, O=strongSwan, OU=Research, O=carol", -1, -1, -1 },
	};
	struct identity n = id(name);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct identity p = id(cases[i].pattern);
		const int want[] = { cases[i].strict, cases[i].reordered, cases[i].relaxed };

		for (int how = RDN_STRICT; how <= RDN_RELAXED; how++) {
			int got = dn_match(identity_span(&p), identity_span(&n), (enum rdn_matching)how);

			if (got != want[how])
				fail_msg("%s, %d: %d", cases[i].pattern, how, got);
			p.rdn_matching = (uint8_t)how;
			assert_int_equal(identity_match(&p, &n) > 0, want[how] >= 0);
		}
	}
}

/* Two parts of one type: each needs a place of its own, whichever is named first. */
static void
parts_of_the_same_type_are_told_apart(void **state)
{
	struct identity n = id("O=x, OU=a, OU=b"), p1 = id("OU=*, OU=a, O=x"), p2 = id("OU=a, OU=a, O=x");

	(void)state;
	assert_int_equal(dn_match(identity_span(&p1), identity_span(&n), RDN_REORDERED), 1);
	assert_int_equal(dn_match(identity_span(&p2), identity_span(&n), RDN_REORDERED), -1);
	assert_int_equal(dn_match(identity_span(&p1), identity_span(&n), RDN_STRICT), -1);
}

static void
the_better_match_ranks_higher(void **state)
{
	struct identity n = id("C=CH, O=x, CN=carol"), exact = id("C=CH, O=x, CN=carol"), one = id("C=CH, O=x, CN=*"),
	                two = id("C=CH, O=*, CN=*");
	struct identity any = { 0 };

	(void)state;
	assert_true(identity_match(&exact, &n) > identity_match(&one, &n));
	assert_true(identity_match(&one, &n) > identity_match(&two, &n));
	assert_true(identity_match(&two, &n) > identity_match(&any, &n));
}

/* What the peer calls itself is no pattern. */
static void
a_star_in_the_peers_name_opens_nothing(void **state)
{
	struct identity forged = id("C=CH, O=x, CN=*"), wanted = id("C=CH, O=x, CN=moon");

	(void)state;
	assert_int_equal(identity_match(&wanted, &forged), 0);
	assert_false(identity_equal(&wanted, &forged));
}

/* Names of certificates are UTF8Strings as often as PrintableStrings. */
static void
types_of_strings_do_not_matter(void **state)
{
	static const uint8_t utf8[] = { 0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 6, 3, 0x55, 4, 3, 0x0c, 4, 'm', 'O', 'o', 'n' };
	static const uint8_t bits[] = { 0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 6, 3, 0x55, 4, 3, 0x03, 4, 'm', 'o', 'o', 'n' };
	struct identity i = id("CN=moon"), other;

	(void)state;
	assert_true(identity_from_wire(&other, ID_DER_ASN1_DN, span_of(utf8, sizeof utf8)));
	assert_true(identity_equal(&i, &other));
	assert_true(identity_from_wire(&other, ID_DER_ASN1_DN, span_of(bits, sizeof bits)));
	assert_false(identity_equal(&i, &other));
}

/* A peer's ID payload may hold anything. */
static void
any_octets_print_and_compare_harmlessly(void **state)
{
	struct seeded_rng rng;
	struct identity whole = id("C=CH, O=strongSwan, CN=moon"), got, any = id("CN=*");
	char out[IDENTITY_TEXT_MAX];

	(void)state;
	seeded_rng_open(&rng, 7);
	for (int round = 0; round < 20000; round++) {
		uint8_t b[64];
		size_t n = identity_span(&whole).n;

		memcpy(b, whole.b, n);
		for (int k = 0; k < 3; k++) {
			uint8_t r[2];

			rng_fill(&rng.rng, r, 2);
			b[r[0] % n] = r[1];
		}
		assert_true(identity_from_wire(&got, ID_DER_ASN1_DN, span_of(b, n)));
		assert_true(strlen(identity_format(out, &got)) < IDENTITY_TEXT_MAX);
		for (const char *c = out; *c; c++)
			assert_true(*c >= 0x20 && *c <= 0x7e);
		identity_match(&any, &got);
		identity_equal(&whole, &got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_bounded),
		cmocka_unit_test(headers_are_read_back),
		cmocka_unit_test(texts_are_read_and_printed),
		cmocka_unit_test(text_becomes_the_der_of_certificates),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(patterns_match_what_they_say),
		cmocka_unit_test(parts_of_the_same_type_are_told_apart),
		cmocka_unit_test(the_better_match_ranks_higher),
		cmocka_unit_test(a_star_in_the_peers_name_opens_nothing),
		cmocka_unit_test(types_of_strings_do_not_matter),
		cmocka_unit_test(any_octets_print_and_compare_harmlessly),
	};

	return cmocka_run_group_tests_name("dn", tests, NULL, NULL);
}
