/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "check.h"
#include "login.h"
#include "mschap.h"
#include "seeded_rng.h"

/* Logins: what goes out, and what the server's answers make of it. */

static struct radius_attribute attr[8];

static struct radius_packet
packet(uint8_t code)
{
	return (struct radius_packet) { .code = code, .attr = attr };
}

static void
with(struct radius_packet *p, uint8_t type, struct span value)
{
	attr[p->n_attr++] = (struct radius_attribute) { type, value };
}

static void
begin(struct radius_login *l, enum radius_method m)
{
	static struct seeded_rng rng;

	seeded_rng_open(&rng, 1);
	radius_login_begin(l, m, span_str("carol"), span_str("4iChxLT3"), &rng.rng);
}

static void
by_password(void **state)
{
	autoarena arena = { 0 };
	static const uint8_t ra[16];
	struct radius_login l;
	struct radius_builder b;
	struct radius_packet p = packet(RADIUS_ACCESS_ACCEPT);
	char why[RADIUS_REASON_MAX] = "";

	(void)state;
	begin(&l, RADIUS_PAP);
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 1, ra);
	radius_login_add(&l, &b, span_str("s"));
	assert_int_equal(b.packet.n_attr, 3);
	assert_int_equal(b.attr[1].type, RADIUS_USER_NAME);
	assert_int_equal(b.attr[2].type, RADIUS_USER_PASSWORD);
	assert_int_equal(radius_login_take(&l, &p, why), RADIUS_ACCEPTED);

	p = packet(RADIUS_ACCESS_REJECT);
	with(&p, RADIUS_REPLY_MESSAGE, span_str("come\nback"));
	assert_int_equal(radius_login_take(&l, &p, why), RADIUS_REFUSED);
	assert_non_null(strstr(why, "come?back"));
	radius_login_clear(&l);
}

static void
a_token_is_asked_for(void **state)
{
	autoarena arena = { 0 };
	static const uint8_t ra[16];
	struct radius_login l;
	struct radius_builder b;
	struct radius_packet p = packet(RADIUS_ACCESS_CHALLENGE);
	char why[RADIUS_REASON_MAX] = "";

	(void)state;
	begin(&l, RADIUS_PAP);
	with(&p, RADIUS_STATE, span_str("abc"));
	assert_int_equal(radius_login_take(&l, &p, why), RADIUS_ASK_USER);
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 2, ra);
	radius_login_add(&l, &b, span_str("s"));
	assert_int_equal(b.attr[3].type, RADIUS_STATE);
	assert_memory_equal(b.attr[3].value.p, "abc", 3);
	/* The next challenge has no State: neither has what follows. */
	p = packet(RADIUS_ACCESS_CHALLENGE);
	assert_int_equal(radius_login_take(&l, &p, why), RADIUS_ASK_USER);
	radius_begin(&b, &arena, RADIUS_ACCESS_REQUEST, 3, ra);
	radius_login_add(&l, &b, span_str("s"));
	assert_int_equal(b.packet.n_attr, 3);
}

static enum radius_outcome
eap_request(struct radius_login *l, const uint8_t *octets, size_t n, char why[RADIUS_REASON_MAX])
{
	struct radius_packet p = packet(RADIUS_ACCESS_CHALLENGE);

	with(&p, RADIUS_EAP_MESSAGE, span_of(octets, n));
	with(&p, RADIUS_STATE, span_str("xyz"));
	return radius_login_take(l, &p, why);
}

static void
eap_begins_with_the_identity(void **state)
{
	static const uint8_t identity[] = { EAP_RESPONSE, 0, 0, 10, EAP_IDENTITY, 'c', 'a', 'r', 'o', 'l' };
	struct radius_login l;

	(void)state;
	begin(&l, RADIUS_EAP);
	assert_int_equal(l.n_message, sizeof identity);
	assert_memory_equal(l.message, identity, sizeof identity);
}

/* RFC 3748 section 5.4; the digest is that of Python's hashlib over 0x2a, the password and the challenge. */
static void
eap_md5_challenge(void **state)
{
	static const uint8_t request[] = { EAP_REQUEST, 0x2a, 0, 12, EAP_MD5_CHALLENGE, 4, 1, 2, 3, 4, 'x', 'y' };
	static const uint8_t response[] = { EAP_RESPONSE, 0x2a, 0,    27,   EAP_MD5_CHALLENGE,
		                            16,           0xb6, 0xee, 0x92, 0xe7,
		                            0x0c,         0x4f, 0xfd, 0xb3, 0x37,
		                            0x3f,         0x3a, 0x87, 0x71, 0xcd,
		                            0x5d,         0x32, 'c',  'a',  'r',
		                            'o',          'l' };
	struct radius_login l;
	char why[RADIUS_REASON_MAX] = "";

	(void)state;
	begin(&l, RADIUS_EAP);
	assert_int_equal(eap_request(&l, request, sizeof request, why), RADIUS_GO_ON);
	assert_int_equal(l.n_message, sizeof response);
	assert_memory_equal(l.message, response, sizeof response);
	assert_int_equal(l.n_state, 3);
}

/* RFC 2759 section 9.2. */
static const uint8_t server_challenge[] = { 0x5b, 0x5d, 0x7c, 0x7d, 0x7b, 0x3f, 0x2f, 0x3e,
	                                    0x3c, 0x2c, 0x60, 0x21, 0x32, 0x26, 0x26, 0x28 };
static const uint8_t peer_challenge[] = { 0x21, 0x40, 0x23, 0x24, 0x25, 0x5e, 0x26, 0x2a,
	                                  0x28, 0x29, 0x5f, 0x2b, 0x3a, 0x33, 0x7c, 0x7e };
static const uint8_t nt_response[] = { 0x82, 0x30, 0x9e, 0xcd, 0x8d, 0x70, 0x8b, 0x5e, 0xa0, 0x8f, 0xaa, 0x39,
	                               0x81, 0xcd, 0x83, 0x54, 0x42, 0x33, 0x11, 0x4a, 0x3d, 0x85, 0xd6, 0xdf };
static const uint8_t authenticator[] = { 0x40, 0x7a, 0x55, 0x89, 0x11, 0x5f, 0xd0, 0xd6, 0x20, 0x9f,
	                                 0x51, 0x0f, 0xe9, 0xc0, 0x45, 0x66, 0x93, 0x2c, 0xda, 0x56 };

static void
the_example_of_mschapv2(void **state)
{
	struct mschapv2 m, domain, other;

	(void)state;
	assert_true(mschapv2(&m, span_str("User"), span_str("clientPass"), server_challenge, peer_challenge));
	assert_memory_equal(m.response, nt_response, sizeof nt_response);
	assert_memory_equal(m.authenticator, authenticator, sizeof authenticator);
	assert_true(mschapv2(&domain, span_str("BIGCO\\User"), span_str("clientPass"), server_challenge, peer_challenge));
	assert_memory_equal(domain.response, nt_response, sizeof nt_response);
	/* Outside ASCII a character is two octets, however many UTF-8 needs; what is no UTF-8 is no password. */
	assert_true(mschapv2(&other, span_str("User"), span_str("p\xc3\xa4ss\xe2\x82\xac"), server_challenge, peer_challenge));
	assert_memory_not_equal(other.response, nt_response, sizeof nt_response);
	assert_false(mschapv2(&other, span_str("User"), span_str("p\xc3"), server_challenge, peer_challenge));
	assert_false(mschapv2(&other, span_str("User"), span_str("\xe2\x82x"), server_challenge, peer_challenge));
	assert_false(mschapv2(&other, span_str("User"), span_str("\xf0\x9f\x98\x80"), server_challenge, peer_challenge));
}

/* The server is played with the same formula; FreeRADIUS judges the rest (interop). */
static void
eap_mschapv2_conversation(void **state)
{
	uint8_t challenge[5 + 5 + 16 + 2] = { EAP_REQUEST, 9, 0, sizeof challenge, EAP_MSCHAPV2, 1, 9, 0, 23, 16 };
	uint8_t success[5 + 4 + 42 + 1] = { EAP_REQUEST, 10, 0, 5 + 4 + 42, EAP_MSCHAPV2, 3, 9, 0, 46, 'S', '=' };
	static const uint8_t acknowledged[] = { EAP_RESPONSE, 10, 0, 6, EAP_MSCHAPV2, 3 };
	struct radius_login l;
	struct mschapv2 m;
	char why[RADIUS_REASON_MAX] = "";

	(void)state;
	memcpy(challenge + 10, server_challenge, 16);
	begin(&l, RADIUS_EAP);
	assert_int_equal(eap_request(&l, success, 5 + 4 + 42, why), RADIUS_REFUSED); /* before there was a challenge */
	assert_int_equal(eap_request(&l, challenge, sizeof challenge, why), RADIUS_GO_ON);
	assert_int_equal(l.n_message, 5 + 5 + 49 + 5);
	assert_int_equal(l.message[5], 2);
	assert_int_equal(l.message[9], 49);
	assert_true(mschapv2(&m, span_str("carol"), span_str("4iChxLT3"), server_challenge, l.message + 10));
	assert_memory_equal(l.message + 10 + 24, m.response, sizeof m.response);
	assert_memory_equal(l.message + 59, "carol", 5);

	for (size_t i = 0; i < sizeof m.authenticator; i++)
		snprintf((char *)success + 11 + 2 * i, 3, "%02X", m.authenticator[i]);
	assert_int_equal(eap_request(&l, success, 5 + 4 + 42, why), RADIUS_GO_ON);
	assert_int_equal(l.n_message, sizeof acknowledged);
	assert_memory_equal(l.message, acknowledged, sizeof acknowledged);
	success[20] ^= 1;
	assert_int_equal(eap_request(&l, success, 5 + 4 + 42, why), RADIUS_REFUSED);
	assert_non_null(strstr(why, "does not prove"));
}

/* Section 5.3.1: we say what we would rather have; 5.2: a notification is answered with nothing. */
static void
other_types(void **state)
{
	static const uint8_t tls[] = { EAP_REQUEST, 3, 0, 6, 13, 0x20 },
	                     note[] = { EAP_REQUEST, 4, 0, 7, EAP_NOTIFICATION, 'h', 'i' };
	static const uint8_t nothing[] = { EAP_RESPONSE, 4, 0, 5, EAP_NOTIFICATION };
	struct radius_login l;
	char why[RADIUS_REASON_MAX] = "";

	(void)state;
	begin(&l, RADIUS_EAP);
	assert_int_equal(eap_request(&l, tls, sizeof tls, why), RADIUS_GO_ON);
	assert_int_equal(l.message[4], EAP_NAK);
	assert_non_null(memchr(l.message + 5, EAP_MD5_CHALLENGE, l.n_message - 5));
	assert_int_equal(eap_request(&l, note, sizeof note, why), RADIUS_GO_ON);
	assert_int_equal(l.n_message, sizeof nothing);
	assert_memory_equal(l.message, nothing, sizeof nothing);
}

static void
eap_that_cannot_be_answered(void **state)
{
	static const uint8_t md5[] = { EAP_REQUEST, 1, 0, 12, EAP_MD5_CHALLENGE, 9, 1, 2, 3, 4, 'x', 'y' };
	static const uint8_t success[] = { EAP_SUCCESS, 1, 0, 4 };
	struct radius_login l;
	char why[RADIUS_REASON_MAX];

	(void)state;
	begin(&l, RADIUS_EAP);
	why[0] = '\0';
	assert_int_equal(eap_request(&l, md5, sizeof md5, why), RADIUS_REFUSED);
	assert_non_null(strstr(why, "cut off"));
	for (size_t n = 0; n < 5; n++)
		assert_int_equal(eap_request(&l, md5, n, why), RADIUS_REFUSED);
	why[0] = '\0';
	assert_int_equal(eap_request(&l, success, sizeof success, why), RADIUS_REFUSED);
	assert_non_null(strstr(why, "without an EAP Request"));
}

/* RFC 3748 section 5.1: asked once more, we say once more who we are. */
static void
the_identity_may_be_asked_for(void **state)
{
	static const uint8_t request[] = { EAP_REQUEST, 7, 0, 5, EAP_IDENTITY };
	static const uint8_t response[] = { EAP_RESPONSE, 7, 0, 10, EAP_IDENTITY, 'c', 'a', 'r', 'o', 'l' };
	struct radius_login l;
	char why[RADIUS_REASON_MAX] = "";

	(void)state;
	begin(&l, RADIUS_EAP);
	assert_int_equal(eap_request(&l, request, sizeof request, why), RADIUS_GO_ON);
	assert_int_equal(l.n_message, sizeof response);
	assert_memory_equal(l.message, response, sizeof response);
}

/* Each way in which a challenge can be none, cut at each octet too; a failure is acknowledged: sections 2.4 and 2.6. */
static void
eap_mschapv2_that_cannot_be_answered(void **state)
{
	static const uint8_t failure[] = { EAP_REQUEST, 9, 0, 6, EAP_MSCHAPV2, 4 },
	                     other[] = { EAP_REQUEST, 9, 0, 6, EAP_MSCHAPV2, 7 };
	static const uint8_t acknowledged[] = { EAP_RESPONSE, 9, 0, 6, EAP_MSCHAPV2, 4 };
	uint8_t challenge[5 + 5 + 16] = { EAP_REQUEST, 9, 0, sizeof challenge, EAP_MSCHAPV2, 1, 9, 0, 21, 16 };
	struct seeded_rng rng;
	struct radius_login l;
	char why[RADIUS_REASON_MAX] = "";

	(void)state;
	begin(&l, RADIUS_EAP);
	for (uint8_t n = 6; n < sizeof challenge; n++) {
		challenge[3] = n;
		assert_int_equal(eap_request(&l, challenge, n, why), RADIUS_REFUSED);
		assert_non_null(strstr(why, "cannot be read"));
		l.rounds = 0;
	}
	challenge[3] = sizeof challenge;
	challenge[9] = 15;
	assert_int_equal(eap_request(&l, challenge, sizeof challenge, why), RADIUS_REFUSED);
	assert_non_null(strstr(why, "cannot be read"));
	assert_int_equal(eap_request(&l, other, sizeof other, why), RADIUS_REFUSED);
	assert_non_null(strstr(why, "that is none of it"));
	assert_int_equal(eap_request(&l, failure, sizeof failure, why), RADIUS_GO_ON);
	assert_int_equal(l.n_message, sizeof acknowledged);
	assert_memory_equal(l.message, acknowledged, sizeof acknowledged);
	/* A password that is no text. */
	seeded_rng_open(&rng, 1);
	radius_login_begin(&l, RADIUS_EAP, span_str("carol"), span_str("p\xff"), &rng.rng);
	challenge[9] = 16;
	assert_int_equal(eap_request(&l, challenge, sizeof challenge, why), RADIUS_REFUSED);
	assert_non_null(strstr(why, "not UTF-8"));
}

static void
challenges_have_an_end(void **state)
{
	static const uint8_t note[] = { EAP_REQUEST, 4, 0, 5, EAP_NOTIFICATION };
	struct radius_login l;
	char why[RADIUS_REASON_MAX];
	int n = 0;

	(void)state;
	begin(&l, RADIUS_EAP);
	while (eap_request(&l, note, sizeof note, why) == RADIUS_GO_ON)
		n++;
	assert_int_equal(n, RADIUS_ROUNDS_MAX - 1);
	assert_non_null(strstr(why, "without end"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_password),
		cmocka_unit_test(a_token_is_asked_for),
		cmocka_unit_test(eap_begins_with_the_identity),
		cmocka_unit_test(eap_md5_challenge),
		cmocka_unit_test(the_example_of_mschapv2),
		cmocka_unit_test(eap_mschapv2_conversation),
		cmocka_unit_test(other_types),
		cmocka_unit_test(eap_that_cannot_be_answered),
		cmocka_unit_test(the_identity_may_be_asked_for),
		cmocka_unit_test(eap_mschapv2_that_cannot_be_answered),
		cmocka_unit_test(challenges_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
