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
	return i;
}

/* strongSwan's identification_create_from_string(), form by form. */
static void
texts_have_strongswans_types(void **state)
{
	static const struct {
		const char *text;
		uint8_t type;
		const char *printed;
	} forms[] = {
		{ "", ID_ANY, "%any" },
		{ "%any", ID_ANY, "%any" },
		{ "%any6", ID_ANY, "%any" },
		{ "*", ID_ANY, "%any" },
		{ "0.0.0.0", ID_ANY, "%any" },
		{ "::", ID_ANY, "%any" },
		{ "192.0.2.1", ID_IPV4_ADDR, "192.0.2.1" },
		{ "2001:db8::1", ID_IPV6_ADDR, "2001:db8::1" },
		{ "moon.strongswan.org", ID_FQDN, "moon.strongswan.org" },
		{ "moon", ID_FQDN, "moon" },
		{ "192.0.2", ID_FQDN, "192.0.2" },
		{ "a-b.example", ID_FQDN, "a-b.example" },
		{ "@moon.strongswan.org", ID_FQDN, "moon.strongswan.org" },
		{ "@192.0.2.1", ID_FQDN, "192.0.2.1" },
		{ "carol@strongswan.org", ID_USER_FQDN, "carol@strongswan.org" },
		{ "@@carol@strongswan.org", ID_USER_FQDN, "carol@strongswan.org" },
		{ "@#0a1b2c", ID_KEY_ID, "0a:1b:2c" },
		{ "@#0A:1B:2C", ID_KEY_ID, "0a:1b:2c" },
		{ "@#61626", ID_KEY_ID, "06:16:26" },
		{ "@#616263", ID_KEY_ID, "abc" },
		{ "keyid:group one", ID_KEY_ID, "group one" },
		{ "keyid:#0001", ID_KEY_ID, "00:01" },
		{ "some:thing", ID_KEY_ID, "some:thing" },
		{ "fqdn:moon", ID_FQDN, "moon" },
		{ "dns:moon", ID_FQDN, "moon" },
		{ "fqdn:192.0.2.1", ID_FQDN, "192.0.2.1" },
		{ "email:carol", ID_USER_FQDN, "carol" },
		{ "userfqdn:carol", ID_USER_FQDN, "carol" },
		{ "rfc822:carol@moon", ID_USER_FQDN, "carol@moon" },
		{ "ipv4:192.0.2.1", ID_IPV4_ADDR, "192.0.2.1" },
		{ "ipv6:2001:db8::1", ID_IPV6_ADDR, "2001:db8::1" },
		{ "10.1.0.0/16", ID_IPV4_ADDR_SUBNET, "10.1.0.0/16" },
		{ "10.1.2.3/16", ID_IPV4_ADDR_SUBNET, "10.1.0.0/16" },
		{ "ipv4net:10.1.0.0/16", ID_IPV4_ADDR_SUBNET, "10.1.0.0/16" },
		{ "2001:db8::/32", ID_IPV6_ADDR_SUBNET, "2001:db8::/32" },
		{ "10.1.0.1-10.1.0.9", ID_IPV4_ADDR_RANGE, "10.1.0.1-10.1.0.9" },
		{ "2001:db8::1-2001:db8::9", ID_IPV6_ADDR_RANGE, "2001:db8::1-2001:db8::9" },
		{ "*.strongswan.org", ID_FQDN, "*.strongswan.org" },
		{ "*@strongswan.org", ID_USER_FQDN, "*@strongswan.org" },
		{ "10.1.0.0/33", ID_FQDN, "10.1.0.0/33" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct identity got = id(forms[i].text);
		char out[IDENTITY_TEXT_MAX];

		if (got.type != forms[i].type || strcmp(identity_format(out, &got), forms[i].printed) != 0)
			fail_msg("%s: type %u, %s", forms[i].text, got.type, identity_format(out, &got));
	}
}

static void
refused(struct span text, const char *hint)
{
	struct identity i;
	const char *why = NULL;

	assert_false(identity_parse(&i, text, &why));
	assert_non_null(why);
	if (!strstr(why, hint))
		fail_msg("%s", why);
}

static void
other_texts_are_refused_with_a_reason(void **state)
{
	char longest[IDENTITY_OCTETS_MAX + 2];

	(void)state;
	refused(span_str("XX=moon, O=strongSwan"), "distinguished name");
	refused(span_str("asn1dn:#30"), "distinguished name");
	refused(span_str("@"), "empty");
	refused(span_str("keyid:"), "empty");
	refused(span_str("@#"), "hexadecimal");
	refused(span_str("@#0g"), "hexadecimal");
	refused(span_str("ipv4:2001:db8::1"), "address");
	refused(span_str("ipv6:192.0.2.1"), "address");
	refused(span_str("ipv4net:192.0.2.1"), "address");
	memset(longest, 'a', sizeof longest);
	refused(span_of(longest, IDENTITY_OCTETS_MAX + 1), "256");
}

static void
long_key_ids_in_hex_are_refused(void **state)
{
	char text[2 * IDENTITY_OCTETS_MAX + 4] = "@#";

	(void)state;
	memset(text + 2, 'f', sizeof text - 3);
	refused(span_str(text), "256");
	text[2 * IDENTITY_OCTETS_MAX + 2] = 0;
	assert_int_equal(id(text).n, IDENTITY_OCTETS_MAX);
}

/* RFC 2407 section 4.6.2: what the wire may hold. */
static void
wire_lengths_fit_their_type(void **state)
{
	static const struct {
		uint8_t type;
		size_t n;
	} fixed[] = { { ID_IPV4_ADDR, 4 },         { ID_IPV6_ADDR, 16 },      { ID_IPV4_ADDR_SUBNET, 8 },
		      { ID_IPV6_ADDR_SUBNET, 32 }, { ID_IPV4_ADDR_RANGE, 8 }, { ID_IPV6_ADDR_RANGE, 32 } };
	uint8_t octets[IDENTITY_OCTETS_MAX + 1] = { 0 };
	struct identity i;

	(void)state;
	for (size_t k = 0; k < sizeof fixed / sizeof *fixed; k++)
		for (size_t n = 0; n < 40; n++)
			assert_true(identity_from_wire(&i, fixed[k].type, span_of(octets, n)) == (n == fixed[k].n));
	for (uint8_t type = ID_FQDN; type <= ID_USER_FQDN; type++) {
		assert_false(identity_from_wire(&i, type, span_of(octets, 0)));
		assert_true(identity_from_wire(&i, type, span_of(octets, IDENTITY_OCTETS_MAX)));
		assert_false(identity_from_wire(&i, type, span_of(octets, IDENTITY_OCTETS_MAX + 1)));
	}
	assert_false(identity_from_wire(&i, ID_ANY, span_of(octets, 4)));
	assert_false(identity_from_wire(&i, 12, span_of(octets, 4)));
	assert_false(identity_from_wire(&i, 255, span_of(octets, 4)));
}

/* Never more than the buffer, never a control character: it goes to logs. */
static void
any_wire_identity_prints_harmlessly(void **state)
{
	struct seeded_rng r;

	(void)state;
	seeded_rng_open(&r, 9);
	for (unsigned k = 0; k < 20000; k++) {
		uint8_t octets[IDENTITY_OCTETS_MAX];
		char out[IDENTITY_TEXT_MAX + 1];
		struct identity i;
		size_t n = rng_below(&r.rng, 3) ? (size_t[]) { 4, 8, 16, 32 }[rng_below(&r.rng, 4)] : rng_below(&r.rng, 257);

		rng_fill(&r.rng, octets, n);
		if (!identity_from_wire(&i, (uint8_t)rng_below(&r.rng, 12), span_of(octets, n)))
			continue;
		out[IDENTITY_TEXT_MAX] = 'x';
		identity_format(out, &i);
		assert_int_equal(out[IDENTITY_TEXT_MAX], 'x');
		assert_true(strlen(out) > 0);
		for (const char *p = out; *p; p++)
			assert_true(*p >= 0x20 && *p <= 0x7e);
	}
}

static void
masks_with_holes_are_printed_as_they_came(void **state)
{
	static const uint8_t octets[8] = { 10, 0, 0, 1, 255, 0, 0, 255 };
	char out[IDENTITY_TEXT_MAX];
	struct identity i;

	(void)state;
	assert_true(identity_from_wire(&i, ID_IPV4_ADDR_SUBNET, span_of(octets, 8)));
	assert_string_equal(identity_format(out, &i), "10.0.0.1/255.0.0.255");
}

static void
names_are_equal_whatever_their_case(void **state)
{
	struct identity a = id("Moon.Example"), b = id("moon.example"), c = id("carol@moon"), d = id("CAROL@MOON"),
	                k = id("keyid:abc"), l = id("keyid:ABC"), m = id("keyid:moon.example");

	(void)state;
	assert_true(identity_equal(&a, &b));
	assert_true(identity_equal(&c, &d));
	assert_false(identity_equal(&k, &l));
	assert_false(identity_equal(&b, &m));
	assert_false(identity_equal(&a, &c));
}

static int
match(const char *pattern, const char *text)
{
	struct identity p = id(pattern), i = id(text);

	return identity_match(&p, &i);
}

static void
patterns_match_what_they_say(void **state)
{
	static const char *const no[][2] = {
		{ "moon", "sun" },
		{ "moon", "keyid:moon" },
		{ "*.example", "example" },
		{ "*.example", ".example" },
		{ "*.example", "moon.example.org" },
		{ "*.example", "carol@moon.example" },
		{ "*@example", "@example" },
		{ "*@example", "carol@sub.example" },
		{ "moon.*", "moon.example" },
		{ "*.b.c", "*a.c" },
		{ "192.0.2.1", "192.0.2.2" },
		{ "192.0.2.0/24", "192.0.3.1" },
		{ "192.0.2.0/24", "2001:db8::1" },
		{ "2001:db8::/32", "192.0.2.1" },
		{ "192.0.2.1-192.0.2.9", "192.0.2.10" },
		{ "192.0.2.1-192.0.2.9", "192.0.2.0" },
		{ "192.0.2.0/24", "@192.0.2.1" },
		{ "keyid:*", "keyid:abc" },
	};
	static const char *const yes[][2] = {
		{ "%any", "moon" },
		{ "%any", "192.0.2.1" },
		{ "%any", "keyid:abc" },
		{ "moon", "MOON" },
		{ "*.example", "moon.example" },
		{ "*.example", "a.moon.EXAMPLE" },
		{ "*@example", "carol@example" },
		{ "192.0.2.0/24", "192.0.2.200" },
		{ "2001:db8::/32", "2001:db8:1::1" },
		{ "192.0.2.1-192.0.2.9", "192.0.2.9" },
		{ "192.0.2.1-192.0.2.9", "192.0.2.1" },
		{ "2001:db8::1-2001:db8::9", "2001:db8::5" },
		{ "10.0.0.0/0", "192.0.2.1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (match(no[i][0], no[i][1]))
			fail_msg("%s matched %s", no[i][0], no[i][1]);
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!match(yes[i][0], yes[i][1]))
			fail_msg("%s did not match %s", yes[i][0], yes[i][1]);
}

static void
better_matches_rank_higher(void **state)
{
	(void)state;
	assert_true(match("%any", "a.moon.example") < match("*.example", "a.moon.example"));
	assert_true(match("*.example", "a.moon.example") < match("*.moon.example", "a.moon.example"));
	assert_true(match("*.moon.example", "a.moon.example") < match("a.moon.example", "a.moon.example"));
	assert_true(match("%any", "192.0.2.1") < match("0.0.0.0/0", "192.0.2.1"));
	assert_true(match("192.0.0.0/16", "192.0.2.1") < match("192.0.2.0/24", "192.0.2.1"));
	assert_true(match("192.0.2.0/24", "192.0.2.1") < match("192.0.2.1-192.0.2.3", "192.0.2.1"));
	assert_true(match("192.0.2.0/31", "192.0.2.1") < match("192.0.2.1", "192.0.2.1"));
}

/* A certificate trick of old: "evil.org\0.example". */
static void
a_nul_in_a_name_matches_no_pattern(void **state)
{
	struct identity pattern = id("*.example"), forged;

	(void)state;
	assert_true(identity_from_wire(&forged, ID_FQDN, span_of("evil.org\0.example", 17)));
	assert_int_equal(identity_match(&pattern, &forged), 0);
}

static void
addresses_become_identities(void **state)
{
	struct ip v4, v6, none = { 0 };
	struct identity a, b, want4 = id("192.0.2.1"), want6 = id("2001:db8::1");

	(void)state;
	assert_true(ip_parse(&v4, "192.0.2.1") && ip_parse(&v6, "2001:db8::1"));
	a = identity_from_ip(&v4);
	b = identity_from_ip(&v6);
	assert_true(identity_equal(&a, &want4));
	assert_true(identity_equal(&b, &want6));
	assert_int_equal(identity_from_ip(&none).type, ID_ANY);
}

/* Unless a type prefix says so, a text that was printed means the identity that it was printed from. */
static void
what_is_printed_is_read_back(void **state)
{
	static const char *const texts[] = { "moon.example",      "carol@moon",    "192.0.2.1", "2001:db8::1", "10.0.0.0/8",
		                             "10.0.0.1-10.0.0.9", "2001:db8::/33", "*.example", "%any" };

	(void)state;
	for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
		struct identity i = id(texts[k]), back;
		char out[IDENTITY_TEXT_MAX];

		back = id(identity_format(out, &i));
		assert_true(identity_equal(&i, &back));
	}
}

/* Equal identities have equal keys, others of the same table have other ones; patterns and names of X.500 have none. */
static void
keys_are_equal_where_identities_are(void **state)
{
	static const char *const texts[] = {
		"moon.example", "MOON.example", "carol@moon",  "carol@MOON", "@#6d6f6f6e2e6578616d706c65",
		"192.0.2.1",    "2001:db8::1",  "sun.example", "@192.0.2.1"
	};
	uint8_t ra[IDENTITY_OCTETS_MAX + 1], rb[IDENTITY_OCTETS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
			struct identity a = id(texts[i]), b = id(texts[k]);
			struct span x = identity_key(ra, &a), y = identity_key(rb, &b);

			assert_true(x.n && y.n);
			assert_int_equal(span_equal(x, y), identity_equal(&a, &b));
		}
}

static void
what_is_matched_has_no_key(void **state)
{
	static const char *const texts[] = {
		"%any", "*.example", "*@example", "10.0.0.0/8", "10.0.0.1-10.0.0.9", "C=CH, CN=moon"
	};
	uint8_t room[IDENTITY_OCTETS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct identity a = id(texts[i]);

		assert_int_equal(identity_key(room, &a).n, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_have_strongswans_types),
		cmocka_unit_test(other_texts_are_refused_with_a_reason),
		cmocka_unit_test(long_key_ids_in_hex_are_refused),
		cmocka_unit_test(wire_lengths_fit_their_type),
		cmocka_unit_test(any_wire_identity_prints_harmlessly),
		cmocka_unit_test(masks_with_holes_are_printed_as_they_came),
		cmocka_unit_test(names_are_equal_whatever_their_case),
		cmocka_unit_test(patterns_match_what_they_say),
		cmocka_unit_test(better_matches_rank_higher),
		cmocka_unit_test(a_nul_in_a_name_matches_no_pattern),
		cmocka_unit_test(addresses_become_identities),
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(keys_are_equal_where_identities_are),
		cmocka_unit_test(what_is_matched_has_no_key),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
