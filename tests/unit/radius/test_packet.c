/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crypto.h"
#include "radius.h"

/* RADIUS packets: the examples of RFC 2865 section 7, and each way in which an answer can be none. */

#define SECRET span_str("xyzzy5461")

/* RFC 2865 section 7.1. */
static const uint8_t rfc_request[] = {
	0x01, 0x00, 0x00, 0x38, 0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57, 0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22,
	0x7a, 0x01, 0x06, 0x6e, 0x65, 0x6d, 0x6f, 0x02, 0x12, 0x0d, 0xbe, 0x70, 0x8d, 0x93, 0xd4, 0x13, 0xce, 0x31, 0x96,
	0xe4, 0x3f, 0x78, 0x2a, 0x0a, 0xee, 0x04, 0x06, 0xc0, 0xa8, 0x01, 0x10, 0x05, 0x06, 0x00, 0x00, 0x00, 0x03,
};

static const uint8_t rfc_accept[] = {
	0x02, 0x00, 0x00, 0x26, 0x86, 0xfe, 0x22, 0x0e, 0x76, 0x24, 0xba, 0x2a, 0x10, 0x05, 0xf6, 0xbf, 0x9b, 0x55, 0xe0,
	0xb2, 0x06, 0x06, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x06, 0x00, 0x00, 0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8, 0x01, 0x03,
};

static struct span
value(const struct radius_packet *p, uint8_t type)
{
	const struct radius_attribute *a = radius_find(p, type, NULL);

	assert_non_null(a);
	return a->value;
}

#define assert_octets(s, octets, count)                                                                                          \
	do {                                                                                                                     \
		struct span is = s;                                                                                              \
		assert_int_equal(is.n, count);                                                                                   \
		assert_memory_equal(is.p, octets, count);                                                                        \
	} while (0)

static void
the_example_request(void **state)
{
	autoarena arena = { 0 };
	struct wire w = wire_decoder(span_of(rfc_request, sizeof rfc_request), &arena);
	struct radius_packet p = { 0 };
	struct radius_builder b;
	uint8_t out[RADIUS_PACKET_MAX];
	uint32_t port;

	(void)state;
	radius_packet_wire(&w, &p);
	assert_true(wire_ok(&w));
	assert_int_equal(p.code, RADIUS_ACCESS_REQUEST);
	assert_octets(value(&p, RADIUS_USER_NAME), "nemo", 4);
	assert_true(radius_number(radius_find(&p, RADIUS_NAS_PORT, NULL), &port) && port == 3);
	assert_false(radius_number(radius_find(&p, RADIUS_USER_PASSWORD, NULL), &port));

	/* The same from us: the password hidden as there, the rest behind a Message-Authenticator. */
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 0, rfc_request + 4);
	radius_add(&b, RADIUS_USER_NAME, span_str("nemo"));
	radius_add_password(&b, span_str("arctangent"), SECRET);
	radius_add_ip(&b, RADIUS_NAS_IP_ADDRESS, RADIUS_NAS_IPV6_ADDRESS, &(struct ip) { IP_V4, { 192, 168, 1, 16 } });
	radius_add_number(&b, RADIUS_NAS_PORT, 3);
	assert_int_equal(radius_seal(out, &b, SECRET), sizeof rfc_request + 18);
	assert_memory_equal(out + 20 + 18, rfc_request + 20, sizeof rfc_request - 20);
	assert_int_equal(out[20], RADIUS_MESSAGE_AUTHENTICATOR);
}

/* RFC 3579 section 3.2, as another implementation of HMAC-MD5 (Python's) has it. */
static void
the_message_authenticator(void **state)
{
	static const uint8_t mac[] = {
		0xa2, 0x87, 0xe7, 0x2e, 0xf5, 0x3f, 0x2a, 0x9d, 0x24, 0x2f, 0xaf, 0x8a, 0x14, 0x9d, 0xf3, 0xed,
	};
	autoarena arena = { 0 };
	struct radius_builder b;
	uint8_t out[RADIUS_PACKET_MAX];

	(void)state;
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 0, rfc_request + 4);
	radius_add(&b, RADIUS_USER_NAME, span_str("nemo"));
	assert_int_equal(radius_seal(out, &b, SECRET), 20 + 18 + 6);
	assert_memory_equal(out + 22, mac, sizeof mac);
}

/* Section 5.2: more than one block, where the next one is hidden under the one before. */
static void
a_long_password(void **state)
{
	autoarena arena = { 0 };
	struct radius_builder b;
	struct span ra = span_of(rfc_request + 4, 16), hidden;
	char password[] = "correct horse battery staple";
	uint8_t pad[16], clear[48];

	(void)state;
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 0, ra.p);
	radius_add_password(&b, span_str(password), SECRET);
	assert_false(b.failed);
	hidden = b.attr[1].value;
	assert_int_equal(hidden.n, 32);
	for (size_t at = 0; at < 32; at += 16) {
		assert_int_equal(prf_hash(pad, PRF_HMAC_MD5, (struct span[]) { SECRET, at ? span_of(hidden.p, 16) : ra }, 2),
		                 CRYPTO_OK);
		for (size_t i = 0; i < 16; i++)
			clear[at + i] = hidden.p[at + i] ^ pad[i];
	}
	assert_memory_equal(clear, "correct horse battery staple\0\0\0\0", 32);

	radius_add_password(&b, span_of(rfc_request, 129), SECRET);
	assert_true(b.failed);
}

/* ---- answers */

struct answer {
	struct arena arena;
	struct radius_builder b;
	uint8_t request[RADIUS_PACKET_MAX], response[RADIUS_PACKET_MAX];
	size_t n_request, n_response;
};

static void
ask(struct answer *a, enum radius_code code)
{
	*a = (struct answer) { 0 };
	radius_begin(&a->b, &a->arena, code, 7, rfc_request + 4);
	radius_add(&a->b, RADIUS_USER_NAME, span_str("nemo"));
	a->n_request = radius_seal(a->request, &a->b, SECRET);
	assert_true(a->n_request > 0);
}

/* As a server makes it; @sign: with a Message-Authenticator first. */
static void
reply(struct answer *a, uint8_t code, uint8_t id, bool sign, const char *text)
{
	uint8_t *r = a->response;
	size_t n = 20;

	r[0] = code;
	r[1] = id;
	memcpy(r + 4, a->request + 4, 16);
	if (sign) {
		r[n] = RADIUS_MESSAGE_AUTHENTICATOR;
		r[n + 1] = 18;
		memset(r + n + 2, 0, 16);
		n += 18;
	}
	r[n] = RADIUS_REPLY_MESSAGE;
	r[n + 1] = (uint8_t)(2 + strlen(text));
	memcpy(r + n + 2, text, strlen(text));
	n += 2 + strlen(text);
	put_be16(r + 2, (uint16_t)n);
	if (sign)
		assert_int_equal(prf(r + 22, PRF_HMAC_MD5, SECRET, (struct span[]) { { r, n } }, 1), CRYPTO_OK);
	assert_int_equal(prf_hash(r + 4, PRF_HMAC_MD5, (struct span[]) { { r, n }, SECRET }, 2), CRYPTO_OK);
	a->n_response = n;
}

static bool unsigned_ok;

static enum radius_verdict
judge(struct answer *a, struct radius_packet *p)
{
	return radius_open(p, &a->arena, span_of(a->response, a->n_response), span_of(a->request, a->n_request), SECRET,
	                   unsigned_ok);
}

static void
a_good_answer(void **state)
{
	struct answer a;
	struct radius_packet p;

	(void)state;
	ask(&a, RADIUS_ACCESS_REQUEST);
	reply(&a, RADIUS_ACCESS_ACCEPT, 7, true, "hello");
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_OK);
	assert_octets(value(&p, RADIUS_REPLY_MESSAGE), "hello", 5);
	/* "Octets outside the range of the Length field MUST be treated as padding and ignored on reception." */
	a.n_response += 9;
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_OK);
	arena_clear(&a.arena);
}

/* The example's Response Authenticator is right, and is not enough. */
static void
the_example_accept_is_unsigned(void **state)
{
	autoarena arena = { 0 };
	struct radius_packet p;
	uint8_t forged[sizeof rfc_accept];
	struct span request = span_of(rfc_request, sizeof rfc_request);

	(void)state;
	assert_int_equal(radius_open(&p, &arena, span_of(rfc_accept, sizeof rfc_accept), request, SECRET, false),
	                 RADIUS_VERDICT_UNSIGNED);
	assert_int_equal(radius_open(&p, &arena, span_of(rfc_accept, sizeof rfc_accept), request, span_str("xyzzy5462"), false),
	                 RADIUS_VERDICT_BAD_AUTHENTICATOR);
	memcpy(forged, rfc_accept, sizeof forged);
	forged[25] ^= 1;
	assert_int_equal(radius_open(&p, &arena, span_of(forged, sizeof forged), request, SECRET, false),
	                 RADIUS_VERDICT_BAD_AUTHENTICATOR);
}

/* As one that collides with MD5 has it: right, whatever was changed. */
static void
fix_authenticator(struct answer *a)
{
	memcpy(a->response + 4, a->request + 4, 16);
	assert_int_equal(prf_hash(a->response + 4, PRF_HMAC_MD5, (struct span[]) { { a->response, a->n_response }, SECRET }, 2),
	                 CRYPTO_OK);
}

/* By an operator's word, and never with EAP. */
static void
an_old_server(void **state)
{
	struct answer a;
	struct radius_packet p;

	(void)state;
	unsigned_ok = true;
	ask(&a, RADIUS_ACCESS_REQUEST);
	reply(&a, RADIUS_ACCESS_ACCEPT, 7, false, "hello");
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_OK);
	a.response[20] = RADIUS_EAP_MESSAGE;
	fix_authenticator(&a);
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_UNSIGNED);
	reply(&a, RADIUS_ACCESS_ACCEPT, 7, true, "hello");
	a.response[25] ^= 1;
	fix_authenticator(&a);
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_BAD_SIGNATURE);
	unsigned_ok = false;
	arena_clear(&a.arena);
}

static void
a_wrong_signature(void **state)
{
	struct answer a;
	struct radius_packet p;

	(void)state;
	ask(&a, RADIUS_ACCESS_REQUEST);
	reply(&a, RADIUS_ACCESS_ACCEPT, 7, true, "hello");
	a.response[25] ^= 1;
	fix_authenticator(&a);
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_BAD_SIGNATURE);
	arena_clear(&a.arena);
}

static void
what_is_no_answer(void **state)
{
	struct answer a;
	struct radius_packet p;

	(void)state;
	ask(&a, RADIUS_ACCESS_REQUEST);
	reply(&a, RADIUS_ACCESS_ACCEPT, 8, true, "hello");
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_UNASKED);
	reply(&a, RADIUS_ACCOUNTING_RESPONSE, 7, true, "hello");
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_UNASKED);
	arena_clear(&a.arena);
	ask(&a, RADIUS_ACCOUNTING_REQUEST);
	reply(&a, RADIUS_ACCOUNTING_RESPONSE, 7, false, "x");
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_OK);
	reply(&a, RADIUS_ACCESS_ACCEPT, 7, true, "x");
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_UNASKED);
	arena_clear(&a.arena);
}

static void
what_cannot_be_read(void **state)
{
	struct answer a;
	struct radius_packet p;

	(void)state;
	ask(&a, RADIUS_ACCESS_REQUEST);
	reply(&a, RADIUS_ACCESS_ACCEPT, 7, true, "hello");
	for (size_t n = 0; n < a.n_response; n++) {
		size_t whole = a.n_response;

		a.n_response = n;
		assert_int_equal(judge(&a, &p), RADIUS_VERDICT_MALFORMED);
		a.n_response = whole;
	}
	a.response[21] = 1; /* an attribute shorter than its header */
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_MALFORMED);
	a.response[21] = 200; /* beyond the end */
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_MALFORMED);
	reply(&a, RADIUS_ACCESS_ACCEPT, 7, true, "hello");
	put_be16(a.response + 2, 19);
	assert_int_equal(judge(&a, &p), RADIUS_VERDICT_MALFORMED);
	arena_clear(&a.arena);
}

/* RFC 2866 section 3. */
static void
an_accounting_request(void **state)
{
	struct answer a;
	uint8_t md5[16], zeroed[RADIUS_PACKET_MAX];

	(void)state;
	ask(&a, RADIUS_ACCOUNTING_REQUEST);
	memcpy(zeroed, a.request, a.n_request);
	memset(zeroed + 4, 0, 16);
	assert_int_equal(prf_hash(md5, PRF_HMAC_MD5, (struct span[]) { { zeroed, a.n_request }, SECRET }, 2), CRYPTO_OK);
	assert_memory_equal(a.request + 4, md5, 16);
	assert_int_equal(a.n_request, 26);
	arena_clear(&a.arena);
}

/* ---- values */

static void
vendor_values(void **state)
{
	static const uint8_t dns[] = { 0, 0, 1, 55, MS_PRIMARY_DNS_SERVER, 6, 10, 2, 0, 10 };
	struct radius_attribute a = { RADIUS_VENDOR_SPECIFIC, { dns, sizeof dns } };

	(void)state;
	assert_octets(radius_vendor_value(&a, RADIUS_VENDOR_MICROSOFT, MS_PRIMARY_DNS_SERVER), dns + 6, 4);
	assert_int_equal(radius_vendor_value(&a, RADIUS_VENDOR_MICROSOFT, MS_SECONDARY_DNS_SERVER).n, 0);
	assert_int_equal(radius_vendor_value(&a, 9, MS_PRIMARY_DNS_SERVER).n, 0);
	for (size_t n = 0; n < sizeof dns; n++) {
		a.value.n = n;
		assert_int_equal(radius_vendor_value(&a, RADIUS_VENDOR_MICROSOFT, MS_PRIMARY_DNS_SERVER).n, 0);
	}
}

static void
eap_in_pieces(void **state)
{
	autoarena arena = { 0 };
	uint8_t eap[600], out[RADIUS_PACKET_MAX];
	struct radius_builder b;
	struct radius_packet p = { 0 };
	struct wire w;

	(void)state;
	for (size_t i = 0; i < sizeof eap; i++)
		eap[i] = (uint8_t)i;
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 0, rfc_request + 4);
	radius_add_eap(&b, span_of(eap, sizeof eap));
	assert_int_equal(b.packet.n_attr, 4);
	w = wire_decoder(span_of(out, radius_seal(out, &b, SECRET)), &arena);
	radius_packet_wire(&w, &p);
	assert_octets(radius_eap_message(&p, &arena), eap, sizeof eap);
}

static void
what_does_not_fit(void **state)
{
	autoarena arena = { 0 };
	uint8_t out[RADIUS_PACKET_MAX], much[254] = { 0 };
	struct radius_builder b;

	(void)state;
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 0, rfc_request + 4);
	radius_add(&b, RADIUS_USER_NAME, span_of(much, 254));
	assert_int_equal(radius_seal(out, &b, SECRET), 0);
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 0, rfc_request + 4);
	for (int i = 0; i < 17; i++)
		radius_add(&b, RADIUS_CLASS, span_of(much, 253));
	assert_int_equal(radius_seal(out, &b, SECRET), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_request),
		cmocka_unit_test(the_message_authenticator),
		cmocka_unit_test(a_long_password),
		cmocka_unit_test(a_good_answer),
		cmocka_unit_test(the_example_accept_is_unsigned),
		cmocka_unit_test(an_old_server),
		cmocka_unit_test(a_wrong_signature),
		cmocka_unit_test(what_is_no_answer),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(an_accounting_request),
		cmocka_unit_test(vendor_values),
		cmocka_unit_test(eap_in_pieces),
		cmocka_unit_test(what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
