/* SPDX-License-Identifier: Apache-2.0 */
#include "config_check.h"

#include "conf_support.h"

/* How many connections of the text no secret can serve. */
static size_t
without(const char *conn, const char *secrets)
{
	struct conf_errors errs = { 0 };
	struct config config = { 0 };
	const struct conn *out[4] = { 0 };
	char text[1024];
	size_t n;

	snprintf(text, sizeof text, "connections { a { version = 1\n%s\nchildren { c { } } } }\nsecrets { %s }\n", conn, secrets);
	assert_true(config_load_text(&config, "test", text, strlen(text), &errs));
	n = config_without_secret(&config, out, 4);
	assert_true(n == 0 || !strcmp(out[0]->name, "a"));
	config_free(&config);
	conf_errors_free(&errs);
	return n;
}

#define PSK "local { auth = psk\n id = @moon }\n remote { auth = psk\n id = @sun }\n"
#define BRANCHES                                                                                                                 \
	"local { auth = psk\n id = @moon }\n remote { auth = psk\n id = *.example.org }\nremote_addrs = 192.0.2.1\nlocal_addrs " \
	"= 192.0.2.2"
#define ANONYMOUS "local { auth = psk }\n remote { auth = psk }\n"

static void
test_secrets_that_serve(void **state)
{
	static const char *const rows[][2] = {
		{ PSK, "ike { secret = \"x\" }" },
		{ PSK, "ike { id = @sun\nsecret = \"x\" }" },
		{ PSK, "ike { id = @moon\nsecret = \"x\" }" },
		{ PSK "remote_addrs = 192.0.2.1", "ike { id = 192.0.2.1\nsecret = \"x\" }" },
		{ PSK "remote_addrs = 192.0.2.1", "ike { id = 192.0.2.0/24\nsecret = \"x\" }" },
		{ ANONYMOUS "remote_addrs = 192.0.2.1", "ike { id = 192.0.2.1\nsecret = \"x\" }" },
		{ ANONYMOUS "remote_addrs = sun.example", "ike { id = 192.0.2.1\nsecret = \"x\" }" },
		{ ANONYMOUS, "ike { id = 192.0.2.0/24\nsecret = \"x\" }" },
		{ BRANCHES, "ike { id = oslo.example.org\nsecret = \"x\" }" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (without(rows[i][0], rows[i][1]) != 0)
			fail_msg("row %zu: the secret does serve", i);
}

static void
test_secrets_that_do_not(void **state)
{
	static const char *const rows[][2] = {
		{ PSK, "" },
		{ PSK, "ike { id = @earth\nsecret = \"x\" }" },
		{ ANONYMOUS, "" },
		{ ANONYMOUS "remote_addrs = 192.0.2.1\nlocal_addrs = 192.0.2.2", "ike { id = 192.0.2.3\nsecret = \"x\" }" },
		{ ANONYMOUS, "ike { id = @earth\nsecret = \"x\" }" },
		{ BRANCHES, "ike { id = oslo.example.com\nsecret = \"x\" }" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (without(rows[i][0], rows[i][1]) != 1)
			fail_msg("row %zu: nothing serves it", i);
}

static bool
cannot_sign(const char *conn, const char *expected)
{
	struct conf_errors errs = { 0 };
	struct config config = { 0 };
	char text[1024], why[CHOICE_TEXT_MAX] = "";
	bool cannot;

	snprintf(text, sizeof text, "connections { a { version = 1\n%s\nchildren { c { } } } }\n", conn);
	assert_true(config_load_text(&config, "test", text, strlen(text), &errs));
	cannot = config_cannot_sign(&config, config.conn[0], why);
	assert_non_null(strstr(why, expected));
	config_free(&config);
	conf_errors_free(&errs);
	return cannot;
}

/* The case with a key is tests/interop/test_certificates.py's, which has certificates. */
static void
test_keys_that_are_not_there(void **state)
{
	(void)state;
	assert_true(cannot_sign("local { auth = pubkey\n id = moon.example.org }\n remote { auth = psk }",
	                        "there is no certificate of ours with the identity 'moon.example.org'"));
	assert_true(cannot_sign("local { auth = pubkey }\n remote { auth = pubkey }", "no certificate of ours is loaded"));
	assert_false(cannot_sign(PSK, ""));
}

static void
test_what_can_hardly_be_meant(void **state)
{
	static const struct {
		const char *child, *words; /* "": no doubt */
	} rows[] = {
		{ "local_ts = 10.1.0.0/16\n remote_ts = fd02::/64", "no address family in common" },
		{ "local_ts = 10.1.0.0/16, fd01::/64\n remote_ts = fd02::/64", "" },
		{ "local_ts = dynamic\n remote_ts = fd02::/64", "" },
		{ "mode = pass\n local_ts = 10.1.0.0/16\n remote_ts = fd02::/64", "" },
		{ "mode = transport\n local_ts = 10.1.0.0/16", "for networks use mode = tunnel" },
		{ "mode = transport\n remote_ts = 10.2.0.1-10.2.0.9", "for networks use mode = tunnel" },
		{ "mode = transport\n remote_ts = 192.0.2.2[tcp/80]", "" },
		{ "mode = transport", "" },
		{ "esp_proposals = chacha20poly1305", "has no number in IKEv1" },
		{ "esp_proposals = aes128gcm16,aes256gcm16-chacha20poly1305", "has no number in IKEv1" },
		{ "esp_proposals = default", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct conf_errors errs = { 0 };
		struct config config = { 0 };
		const char *doubt, *next;
		size_t at = 0;
		char text[512];

		snprintf(text, sizeof text, "connections { x { version = 1\n" ANONYMOUS "children { a {\n %s\n } } } }\n",
		         rows[i].child);
		assert_true(config_load_text(&config, "test", text, strlen(text), &errs));
		doubt = config_child_doubt(&config.conn[0]->children[0], &at);
		next = config_child_doubt(&config.conn[0]->children[0], &at);
		if (!*rows[i].words ? doubt != NULL : !doubt || !strstr(doubt, rows[i].words) || next)
			fail_msg("%s: %s", rows[i].child, doubt ? doubt : "no doubt");
		config_free(&config);
		conf_errors_free(&errs);
	}
}

static void
test_pools_that_are_not_there(void **state)
{
	static const char text[] = "connections { x { version = 1\n" ANONYMOUS "pools = here, radius, gone, away\n } }\n"
	                           "pools { here { addrs = 10.9.0.0/24 } }\n";
	struct conf_errors errs = { 0 };
	struct config config = { 0 };
	char copy[sizeof text + 2], name[CHOICE_TEXT_MAX];
	size_t at = 0;

	(void)state;
	memcpy(copy, text, sizeof text);
	assert_true(config_load_text(&config, "test", copy, sizeof text - 1, &errs));
	assert_string_equal(config_pool_missing(&config, config.conn[0], &at, name), "gone");
	assert_string_equal(config_pool_missing(&config, config.conn[0], &at, name), "away");
	assert_null(config_pool_missing(&config, config.conn[0], &at, name));
	config_free(&config);
	conf_errors_free(&errs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_that_serve),       cmocka_unit_test(test_secrets_that_do_not),
		cmocka_unit_test(test_keys_that_are_not_there),  cmocka_unit_test(test_what_can_hardly_be_meant),
		cmocka_unit_test(test_pools_that_are_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
