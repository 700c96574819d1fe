/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crypto.h"
#include "isakmp.h"
#include "notifications.h"
#include "vendor_id.h"

/* Names, sentences, identities in ID payloads, vendor ids. */

static void
numbers_have_their_rfc_names(void **state)
{
	(void)state;
	assert_string_equal(payload_name(PAYLOAD_KE), "Key Exchange");
	assert_string_equal(payload_name(PAYLOAD_NAT_D_DRAFT), "NAT-D");
	assert_null(payload_name(99));
	assert_string_equal(exchange_name(EXCHANGE_MAIN), "Main Mode");
	assert_string_equal(exchange_name(EXCHANGE_QUICK), "Quick Mode");
	assert_null(exchange_name(34));
	assert_string_equal(notify_name(NOTIFY_NO_PROPOSAL_CHOSEN), "NO-PROPOSAL-CHOSEN");
	assert_string_equal(notify_name(24578), "INITIAL-CONTACT");
	assert_string_equal(notify_name(36136), "R-U-THERE");
	assert_null(notify_name(31));
	assert_null(notify_sentence(31));
}

/* RFC 2408 section 3.14.1: 1 to 30 are all there; each error says what to look at. */
static void
every_notification_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	for (uint16_t type = 1; type <= 30; type++) {
		assert_non_null(notify_name(type));
		assert_true(strlen(notify_sentence(type)) > 20);
	}
	for (size_t i = 0; notification_at(i); i++) {
		const struct notification *n = notification_at(i);

		assert_ptr_equal(notification_find(n->type), n);
		assert_true(n->section && n->when && n->understood);
		assert_int_equal(n->sent == WAY_NEVER, !strncmp(n->when, "never: ", 7));
		assert_true(!i || notification_at(i - 1)->type < n->type);
	}
	for (uint16_t type = NOTIFY_RESPONDER_LIFETIME; type <= NOTIFY_INITIAL_CONTACT; type++)
		assert_true(notify_name(type) && notify_sentence(type));
	assert_non_null(notify_name(NOTIFY_CONNECTED));
}

/* What is to be compared is in other places of the configuration in each phase. */
static void
a_sentence_speaks_of_the_phase_that_is_meant(void **state)
{
	static const struct {
		uint16_t type;
		unsigned phase;
		const char *says, *not;
	} c[] = {
		{ NOTIFY_NO_PROPOSAL_CHOSEN, 1, "connections.<c>.proposals", "esp_proposals" },
		{ NOTIFY_NO_PROPOSAL_CHOSEN, 2, "esp_proposals", "connections.<c>.proposals" },
		{ NOTIFY_INVALID_ID_INFORMATION, 1, "remote.id", "remote_ts" },
		{ NOTIFY_INVALID_ID_INFORMATION, 2, "remote_ts", "remote.id" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		assert_non_null(strstr(notify_sentence_in(c[i].type, c[i].phase), c[i].says));
		assert_null(strstr(notify_sentence_in(c[i].type, c[i].phase), c[i].not));
	}
	assert_ptr_equal(notify_sentence_in(NOTIFY_DOI_NOT_SUPPORTED, 2), notify_sentence(NOTIFY_DOI_NOT_SUPPORTED));
	assert_null(notify_sentence_in(31, 1));
}

/* RFC 2408 section 5.14, RFC 2407 section 4.6.3. */
static void
notifications_have_a_doi_a_protocol_and_an_spi(void **state)
{
	static const uint8_t octets[20];
	static const struct {
		uint32_t doi;
		uint8_t protocol, spi;
		bool right;
	} c[] = {
		{ 1, PROTO_ISAKMP, 16, true },   { 1, PROTO_ISAKMP, 0, true },     { 0, PROTO_ISAKMP, 8, true },
		{ 1, PROTO_ISAKMP, 17, false },  { 1, PROTO_IPSEC_ESP, 4, true },  { 1, PROTO_IPSEC_AH, 4, true },
		{ 1, PROTO_IPSEC_ESP, 0, true }, { 1, PROTO_IPSEC_ESP, 3, false }, { 1, PROTO_IPCOMP, 2, true },
		{ 1, PROTO_IPCOMP, 8, false },   { 1, 0, 16, true },               { 1, 5, 4, false },
		{ 2, PROTO_ISAKMP, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct notify_payload n = { .doi = c[i].doi, .protocol = c[i].protocol, .spi = { octets, c[i].spi } };

		assert_int_equal(notification_wrong(&n) == NULL, c[i].right);
	}
	assert_true(notification_is_error(NOTIFY_NO_PROPOSAL_CHOSEN) && notification_is_error(31));
	assert_false(notification_is_error(NOTIFY_SA_LIFETIME) || notification_is_error(NOTIFY_CONNECTED));
}

static struct id_payload
id(uint8_t type, const void *octets, size_t n)
{
	return (struct id_payload) { .type = type, .data = span_of(octets, n) };
}

static void
identities(void **state)
{
	struct id_payload fqdn = id(ID_FQDN, "moon.example", 12), address = id(ID_IPV4_ADDR, "\xc0\0\2\1", 4);
	struct id_payload wrong = id(ID_IPV4_ADDR, "\xc0\0\2", 3);
	char text[IDENTITY_TEXT_MAX];
	struct identity out;

	(void)state;
	assert_true(id_payload_identity(&out, &fqdn));
	assert_string_equal(identity_format(text, &out), "moon.example");
	assert_true(id_payload_identity(&out, &address));
	assert_string_equal(identity_format(text, &out), "192.0.2.1");
	assert_false(id_payload_identity(&out, &wrong));
}

/* What a Quick Mode ID says, in strongSwan's form. */
static void
assert_selector(const struct id_payload *p, const char *text)
{
	char out[SELECTOR_TEXT_MAX];
	struct selector s;

	assert_true(id_payload_selector(&s, p));
	assert_string_equal(selector_format(out, &s), text);
}

static void
client_identities_become_selectors(void **state)
{
	static const uint8_t v6[32] = { 0x20, 1, 0xd, 0xb8, [16] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct id_payload p;

	(void)state;
	p = id(ID_IPV4_ADDR, "\x0a\1\2\3", 4);
	assert_selector(&p, "10.1.2.3/32");
	p = id(ID_IPV4_ADDR_SUBNET, "\x0a\1\2\3\xff\xff\xff\0", 8);
	assert_selector(&p, "10.1.2.0/24");
	p = id(ID_IPV4_ADDR_SUBNET, "\0\0\0\0\0\0\0\0", 8);
	assert_selector(&p, "0.0.0.0/0");
	p = id(ID_IPV4_ADDR_RANGE, "\x0a\0\0\1\x0a\0\0\x09", 8);
	assert_selector(&p, "10.0.0.1..10.0.0.9");
	p = id(ID_IPV6_ADDR_SUBNET, v6, 32);
	assert_selector(&p, "2001:db8::/64");
	p = id(ID_IPV4_ADDR, "\x0a\1\2\3", 4);
	p.proto = 6;
	p.port = 443;
	struct selector s;

	assert_true(id_payload_selector(&s, &p));
	assert_int_equal(s.proto, 6);
	assert_int_equal(s.port_lo, 443);
	assert_int_equal(s.port_hi, 443);
}

static void
what_is_no_selector(void **state)
{
	struct id_payload wrong[] = {
		id(ID_IPV4_ADDR, "\x0a\1\2", 3),
		id(ID_IPV4_ADDR_SUBNET, "\x0a\1\2\3\xff\0\xff\0", 8), /* a mask with a hole */
		id(ID_IPV4_ADDR_SUBNET, "\x0a\1\2\3\xff\0\0", 7),
		id(ID_IPV4_ADDR_RANGE, "\x0a\0\0\x09\x0a\0\0\1", 8), /* from high to low */
		id(ID_IPV6_ADDR, "\x0a\0\0\x09", 4),
		id(ID_FQDN, "moon", 4),
		id(0, NULL, 0),
	};
	struct selector s;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(id_payload_selector(&s, &wrong[i]));
}

/* The shortest type that says it exactly, and back. */
static void
assert_said(const char *text, uint8_t type, size_t octets)
{
	struct selector s, back;
	struct id_payload p;
	uint8_t room[32];
	const char *why;

	assert_true(selector_parse(&s, span_str(text), &why));
	assert_true(id_payload_from_selector(&p, room, &s));
	assert_int_equal(p.type, type);
	assert_int_equal(p.data.n, octets);
	assert_true(id_payload_selector(&back, &p));
	assert_true(selector_equal(&s, &back));
}

static void
selectors_become_client_identities(void **state)
{
	static const char *const unsayable[] = { "10.0.0.0/8[tcp/1000-2000]", "dynamic" };
	struct id_payload p;
	struct selector s;
	uint8_t room[32];
	const char *why;

	(void)state;
	assert_said("10.1.2.3", ID_IPV4_ADDR, 4);
	assert_said("10.1.2.0/24", ID_IPV4_ADDR_SUBNET, 8);
	assert_said("0.0.0.0/0", ID_IPV4_ADDR_SUBNET, 8);
	assert_said("10.0.0.1-10.0.0.9", ID_IPV4_ADDR_RANGE, 8);
	assert_said("2001:db8::1", ID_IPV6_ADDR, 16);
	assert_said("2001:db8::/32", ID_IPV6_ADDR_SUBNET, 32);
	assert_said("2001:db8::1-2001:db8::5", ID_IPV6_ADDR_RANGE, 32);
	assert_said("10.1.2.0/24[tcp/80]", ID_IPV4_ADDR_SUBNET, 8);
	assert_said("10.1.2.0/24[udp]", ID_IPV4_ADDR_SUBNET, 8);
	for (size_t i = 0; i < 2; i++) {
		assert_true(selector_parse(&s, span_str(unsayable[i]), &why));
		assert_false(id_payload_from_selector(&p, room, &s));
	}
}

/* Most vendor ids are MD5 hashes of a text that is public: compute them again. */
static void
vendor_ids_are_the_hashes_of_their_texts(void **state)
{
	static const struct {
		enum vendor_id id;
		const char *text;
		size_t n;
	} rows[] = {
		{ VENDOR_NAT_T_RFC3947, "RFC 3947", 16 },
		{ VENDOR_NAT_T_DRAFT_03, "draft-ietf-ipsec-nat-t-ike-03", 16 },
		{ VENDOR_NAT_T_DRAFT_02_NEWLINE, "draft-ietf-ipsec-nat-t-ike-02\n", 16 },
		{ VENDOR_NAT_T_DRAFT_02, "draft-ietf-ipsec-nat-t-ike-02", 16 },
		{ VENDOR_NAT_T_DRAFT_00, "draft-ietf-ipsec-nat-t-ike-00", 16 },
		{ VENDOR_XAUTH, "draft-ietf-ipsra-isakmp-xauth-06.txt", 8 },
		{ VENDOR_UNITY, "CISCO-UNITY", 14 },
		{ VENDOR_FRAGMENTATION, "FRAGMENTATION", 16 },
		{ VENDOR_INITIAL_CONTACT, "Vid-Initial-Contact", 16 },
		{ VENDOR_STRONGSWAN, "strongSwan", 16 },
		{ VENDOR_RACOON, "KAME/racoon", 16 },
		{ VENDOR_MICROSOFT, "MS NT5 ISAKMPOAKLEY", 16 },
	};
	uint8_t hash[PRF_OCTETS_MAX];
	struct span text;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		text = span_str(rows[i].text);
		assert_int_equal(prf_hash(hash, PRF_HMAC_MD5, &text, 1), CRYPTO_OK);
		assert_true(vendor_id_octets(rows[i].id).n >= rows[i].n);
		assert_memory_equal(vendor_id_octets(rows[i].id).p, hash, rows[i].n);
	}
	text = span_str("Sallyport");
	assert_int_equal(prf_hash(hash, PRF_HMAC_SHA2_256, &text, 1), CRYPTO_OK);
	assert_memory_equal(vendor_id_octets(VENDOR_SALLYPORT).p, hash, 16);
}

static void
vendor_ids_are_recognised(void **state)
{
	uint8_t longer[20];

	(void)state;
	for (int v = VENDOR_UNKNOWN + 1; v < VENDOR_IDS; v++) {
		struct span octets = vendor_id_octets(v);

		assert_int_equal(vendor_id_recognise(octets), v);
		assert_int_not_equal(vendor_id_recognise(span_of(octets.p, octets.n - 1)), v);
		assert_true(strlen(vendor_id_name(v)) > 2);
	}
	memcpy(longer, vendor_id_octets(VENDOR_FRAGMENTATION).p, 16);
	memcpy(longer + 16, "\x80\0\0\0", 4);
	assert_int_equal(vendor_id_recognise(span_of(longer, 20)), VENDOR_FRAGMENTATION);
	memcpy(longer, vendor_id_octets(VENDOR_NAT_T_RFC3947).p, 16);
	assert_int_equal(vendor_id_recognise(span_of(longer, 20)), VENDOR_UNKNOWN);
	/* RFC 3706 section 5.1: the version may differ */
	memcpy(longer, vendor_id_octets(VENDOR_DPD).p, 16);
	longer[14] = 2;
	assert_int_equal(vendor_id_recognise(span_of(longer, 16)), VENDOR_DPD);
	assert_int_equal(vendor_id_recognise(span_str("OE-Libreswan-4.10")), VENDOR_LIBRESWAN);
	assert_int_equal(vendor_id_recognise((struct span) { 0 }), VENDOR_UNKNOWN);
	assert_true(vendor_id_is_implementation(VENDOR_STRONGSWAN));
	assert_false(vendor_id_is_implementation(VENDOR_DPD));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_their_rfc_names),
		cmocka_unit_test(every_notification_has_a_name_and_a_sentence),
		cmocka_unit_test(a_sentence_speaks_of_the_phase_that_is_meant),
		cmocka_unit_test(notifications_have_a_doi_a_protocol_and_an_spi),
		cmocka_unit_test(identities),
		cmocka_unit_test(client_identities_become_selectors),
		cmocka_unit_test(what_is_no_selector),
		cmocka_unit_test(selectors_become_client_identities),
		cmocka_unit_test(vendor_ids_are_the_hashes_of_their_texts),
		cmocka_unit_test(vendor_ids_are_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
