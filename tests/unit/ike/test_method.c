/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "method.h"

/* Which Authentication Method a connection's sections come to, in each role. */

static const struct method *
method(enum auth_method local, enum auth_method remote, enum auth_method more_local, enum auth_method more_remote, uint8_t role,
       enum signature_scheme scheme)
{
	struct auth_round a = { .method = more_local }, b = { .method = more_remote };
	struct conn c = { .name = (char *)"c",
		          .local = { .method = local },
		          .remote = { .method = remote },
		          .local_more = &a,
		          .n_local_more = more_local != AUTH_NONE,
		          .remote_more = &b,
		          .n_remote_more = more_remote != AUTH_NONE };

	return method_for(&c, role, scheme);
}

static uint16_t
number(enum auth_method local, enum auth_method remote, enum auth_method more_local, enum auth_method more_remote, uint8_t role,
       enum signature_scheme scheme)
{
	const struct method *m = method(local, remote, more_local, more_remote, role, scheme);

	return m ? m->number : 0;
}

/* draft-beaulieu-ike-xauth-02 section 7.2: "Init" and "Resp" is who logs in, seen from Phase 1. */
static void
who_logs_in_decides_the_number(void **state)
{
	(void)state;
	assert_int_equal(number(AUTH_PSK, AUTH_PSK, AUTH_NONE, AUTH_NONE, INITIATOR, SIGN_NONE), 1);
	assert_int_equal(number(AUTH_PSK, AUTH_PSK, AUTH_XAUTH, AUTH_NONE, INITIATOR, SIGN_NONE), 65001);
	assert_int_equal(number(AUTH_PSK, AUTH_PSK, AUTH_NONE, AUTH_XAUTH, RESPONDER, SIGN_NONE), 65001);
	assert_int_equal(number(AUTH_PSK, AUTH_PSK, AUTH_NONE, AUTH_XAUTH, INITIATOR, SIGN_NONE), 65002);
	assert_int_equal(number(AUTH_PSK, AUTH_PSK, AUTH_XAUTH, AUTH_NONE, RESPONDER, SIGN_NONE), 65002);
	assert_int_equal(number(AUTH_PUBKEY, AUTH_PUBKEY, AUTH_XAUTH, AUTH_NONE, INITIATOR, SIGN_RSA), 65005);
	assert_int_equal(number(AUTH_PUBKEY, AUTH_PUBKEY, AUTH_XAUTH, AUTH_NONE, RESPONDER, SIGN_RSA), 65006);
	/* XAUTH has no number for ECDSA. */
	assert_int_equal(number(AUTH_PUBKEY, AUTH_PUBKEY, AUTH_XAUTH, AUTH_NONE, INITIATOR, SIGN_ECDSA_256), 0);
}

/* draft-ietf-ipsec-isakmp-hybrid-auth-05 section 3.2.1 and 5. */
static void
hybrid_is_xauth_on_one_side_alone(void **state)
{
	(void)state;
	assert_int_equal(number(AUTH_XAUTH, AUTH_PUBKEY, AUTH_NONE, AUTH_NONE, INITIATOR, SIGN_NONE), 64221);
	assert_int_equal(number(AUTH_PUBKEY, AUTH_XAUTH, AUTH_NONE, AUTH_NONE, RESPONDER, SIGN_RSA), 64221);
	assert_int_equal(number(AUTH_PUBKEY, AUTH_XAUTH, AUTH_NONE, AUTH_NONE, INITIATOR, SIGN_RSA), 64222);
	assert_int_equal(number(AUTH_XAUTH, AUTH_PUBKEY, AUTH_NONE, AUTH_NONE, RESPONDER, SIGN_NONE), 64222);
	assert_int_equal(number(AUTH_PUBKEY, AUTH_XAUTH, AUTH_NONE, AUTH_NONE, RESPONDER, SIGN_ECDSA_384), 0);
}

/* RFC 4754 section 4: curve and hash are one choice. */
static void
the_key_decides_the_signature(void **state)
{
	static const struct {
		enum signature_scheme scheme;
		uint16_t number, prf;
	} rows[] = {
		{ SIGN_RSA, 3, PRF_HMAC_SHA1 },
		{ SIGN_ECDSA_256, 9, PRF_HMAC_SHA2_256 },
		{ SIGN_ECDSA_384, 10, PRF_HMAC_SHA2_384 },
		{ SIGN_ECDSA_521, 11, PRF_HMAC_SHA2_512 },
	};
	const struct method *hybrid;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct method *m = method(AUTH_PUBKEY, AUTH_PUBKEY, AUTH_NONE, AUTH_NONE, RESPONDER, rows[i].scheme);

		assert_non_null(m);
		assert_int_equal(m->number, rows[i].number);
		assert_int_equal(method_hash_prf(m, INITIATOR, PRF_HMAC_SHA1), rows[i].prf);
	}
	/* The client of hybrid authentication uses the negotiated one. */
	hybrid = method(AUTH_XAUTH, AUTH_PUBKEY, AUTH_NONE, AUTH_NONE, INITIATOR, SIGN_NONE);
	assert_non_null(hybrid);
	assert_int_equal(method_hash_prf(hybrid, INITIATOR, PRF_HMAC_SHA1), PRF_HMAC_SHA1);
	assert_false(method_proves(hybrid, INITIATOR));
	assert_true(method_signs(hybrid, RESPONDER));
}

static void
what_does_not_go_together_is_said(void **state)
{
	autoarena a = { 0 };
	struct conn c = { .name = (char *)"road", .local = { .method = AUTH_PSK }, .remote = { .method = AUTH_PUBKEY } };

	(void)state;
	assert_null(method_for(&c, INITIATOR, SIGN_RSA));
	assert_non_null(strstr(method_missing(&a, &c), "connection road: IKEv1 has no method"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_logs_in_decides_the_number),
		cmocka_unit_test(hybrid_is_xauth_on_one_side_alone),
		cmocka_unit_test(the_key_decides_the_signature),
		cmocka_unit_test(what_does_not_go_together_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
