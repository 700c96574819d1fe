/* SPDX-License-Identifier: Apache-2.0 */
/* strongswan.conf: what is used, what is passed over, what is refused. */
#include "conf_support.h"
#include "settings.h"

static bool
load(struct settings *s, const char *text, struct conf_errors *errs)
{
	struct folder f = folder_make();
	bool ok = settings_load(s, folder_write(&f, "strongswan.conf", text), errs);

	folder_remove(&f);
	return ok;
}

static void
defaults(void **state)
{
	struct settings s;
	struct conf_errors errs = { 0 };

	(void)state;
	assert_true(load(&s, "", &errs));
	assert_int_equal(errs.n_notices, 0);
	assert_int_equal(s.ike.retransmit_timeout_ns, SECONDS(4));
	assert_int_equal(s.ike.retransmit_tries, 5);
	assert_int_equal(s.ike.port, 500);
	assert_int_equal(s.ike.port_nat_t, 4500);
	assert_int_equal(s.n_logs, 0);
	assert_null(s.vici_socket);
	assert_true(s.native_esp);
	assert_false(s.ike.aggressive_psk || s.ike.aggressive_without_pfs);
	assert_int_equal(s.route_table, 0);
	settings_free(&s);
	conf_errors_free(&errs);
}

static void
what_is_used(void **state)
{
	struct settings s;
	struct conf_errors errs = { 0 };

	(void)state;
	assert_true(load(&s,
	                 "charon { retransmit_timeout = 1.5\n retransmit_base = 1\n retransmit_tries = 3\n retransmit_jitter = "
	                 "10\n keep_alive = 1m\n"
	                 "half_open_timeout = 10s\n init_limit_half_open = 100\n block_threshold = 0\n port = 1500\n port_nat_t "
	                 "= 14500\n"
	                 "i_dont_care_about_security_and_use_aggressive_mode_psk = yes\n"
	                 "replay_window = 64\n routing_table = 77\n"
	                 "filelog { /var/log/x { default = 0\n ike = 2\n CHD = -1\n append = no\n flush_line = yes\n time_format "
	                 "= %b\n }\n stderr { default = 1\n } }\n"
	                 "plugins { vici { socket = unix:///tmp/v.sock\n } }\n"
	                 "sallyport { tun_name = sp0\n mtu = 1300\n workers = 2\n hold_time = 5s\n native_esp = no\n nat_aliases = 100.64.8.0/22\n "
	                 "aggressive_mode_without_pfs = yes\n divert_mark "
	                 "= 0x10\n bypass_mark = 0x20\n"
	                 "mark_mask = 0x30\n } }",
	                 &errs));
	assert_int_equal(s.ike.retransmit_timeout_ns, MILLISECONDS(1500));
	assert_int_equal(s.ike.retransmit_tries, 3);
	assert_int_equal(s.ike.retransmit_jitter_percent, 10);
	assert_int_equal(s.ike.keepalive_ns, SECONDS(60));
	assert_int_equal(s.ike.half_open_timeout_ns, SECONDS(10));
	assert_int_equal(s.ike.half_open_max, 100);
	assert_int_equal(s.ike.half_open_per_address, 0);
	assert_int_equal(s.ike.port, 1500);
	assert_int_equal(s.ike.port_nat_t, 14500);
	assert_int_equal(s.replay_window, 64);
	assert_int_equal(s.route_table, 77);
	assert_int_equal(s.n_logs, 2);
	assert_string_equal(s.log[0].path, "/var/log/x");
	assert_int_equal(s.log[0].level[LOG_DMN], 0);
	assert_int_equal(s.log[0].level[LOG_IKE], 2);
	assert_int_equal(s.log[0].level[LOG_CHD], LOG_SILENT);
	assert_true(!s.log[0].append && s.log[0].flush && s.log[0].times);
	assert_null(s.log[1].path);
	assert_string_equal(s.vici_socket, "/tmp/v.sock");
	assert_string_equal(s.tun_name, "sp0");
	assert_int_equal(s.mtu, 1300);
	assert_int_equal(s.workers, 2);
	assert_int_equal(s.hold_ms, 5000);
	assert_false(s.native_esp);
	assert_true(s.ike.aggressive_psk && s.ike.aggressive_without_pfs);
	assert_int_equal(s.ike.nat_alias_bits, 10);
	assert_int_equal(s.ike.nat_aliases.b[2], 8);
	assert_int_equal(s.divert_mark, 0x10);
	assert_int_equal(errs.n_notices, 0);
	settings_free(&s);
	conf_errors_free(&errs);
}

/* Of a list of plugins only "resolve" says something here: name servers are written. */
static void
resolve_is_loaded(void **state)
{
	static const struct {
		const char *text, *file;
	} cases[] = {
		{ "charon { load = aes resolve updown\n }", "/etc/resolv.conf" },
		{ "charon { load = aes resolver\n }", NULL },
		{ "charon { load = resolve\n plugins { resolve { file = /tmp/r\n } } }", "/tmp/r" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings s;
		struct conf_errors errs = { 0 };

		assert_true(load(&s, cases[i].text, &errs));
		if (cases[i].file)
			assert_string_equal(s.road.resolv_conf, cases[i].file);
		else
			assert_null(s.road.resolv_conf);
		settings_free(&s);
		conf_errors_free(&errs);
	}
}

/* The file is shared with other programs: what means nothing here is said once. */
static void
what_is_passed_over(void **state)
{
	struct settings s;
	struct conf_errors errs = { 0 };

	(void)state;
	assert_true(load(&s,
	                 "charon { load = aes sha1\n install_routes = no\n threads = 4\n plugins { attr { dns = 1.1.1.1\n } vici "
	                 "{ load = yes\n } } "
	                 "syslog { daemon { } } }\n"
	                 "swanctl { load = pem\n }\nlibtls { }",
	                 &errs));
	assert_int_equal(errs.n_notices, 1);
	assert_int_equal(errs.n_errors, 0);
	assert_true(errors_hold(&errs, "5 settings ignored"));
	assert_true(errors_hold(&errs,
	                        "charon.load, charon.install_routes, charon.threads, charon.plugins.vici.load, charon.syslog"));
	settings_free(&s);
	conf_errors_free(&errs);
}

/* Files are written for charon-systemd, too, whose section comes before charon's. */
static void
charon_systemd_is_read_over_charon(void **state)
{
	struct settings s;
	struct conf_errors errs = { 0 };

	(void)state;
	assert_true(load(&s,
	                 "charon-systemd { initiator_only = yes\n retransmit_tries = 2\n }\ncharon { retransmit_tries = 7\n "
	                 "keep_alive = 3\n inactivity_close_ike = yes\n }",
	                 &errs));
	assert_true(s.ike.initiator_only && s.ike.inactivity_close_ike);
	assert_int_equal(s.ike.retransmit_tries, 2);
	assert_int_equal(s.ike.keepalive_ns, SECONDS(3));
	settings_free(&s);
	conf_errors_free(&errs);
}

static void
what_is_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "charon {\n retransmit_timeout = never\n }", ":2: retransmit_timeout = never is not allowed" },
		{ "charon {\n retransmit_tries = 1000\n }", "from 0 to 100" },
		{ "charon {\n retransmit_base = nan\n }", "from 1 to 10" },
		{ "charon {\n port = 0\n }", "from 1 to 65535" },
		{ "charon {\n port = 4500\n }", "charon.port and charon.port_nat_t are the same" },
		{ "charon {\n filelog { x { ike = 9\n } } }", "from 0 to 4" },
		{ "charon { plugins { vici {\n socket = tcp://1.2.3.4:1\n } } }", "it is unix:// and a path" },
		{ "charon { sallyport {\n wrkers = 2\n } }",
		  "unknown key 'wrkers' in charon.sallyport; did you mean 'workers'?" },
		{ "charon { sallyport {\n nat_aliases = 10.0.0.0/15\n } }", ":2: nat_aliases = 10.0.0.0/15 is not allowed" },
		{ "charon { sallyport { nat_aliases = 10.0.0.0/31\n } }", "of 4 to 65,536 addresses" },
		{ "charon { sallyport { nat_aliases = 10.0.0.4-10.0.0.9\n } }", "a network" },
		{ "charon { sallyport { nat_aliases = yes\n } }", "or no" },
		{ "charon { sallyport { divert_mark = 1\n bypass_mark = 1\n } }", "must differ" },
		{ "charon { sallyport { divert_mark = 0x10000000\n } }", "lie within mark_mask" },
		{ "charon {", "a '}' is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct settings s;
		struct conf_errors errs = { 0 };

		assert_false(load(&s, cases[i].text, &errs));
		if (!errors_hold(&errs, cases[i].words))
			fail_msg("%s\nsays: %s", cases[i].text, conf_errors_first(&errs));
		/* Back to the defaults. */
		assert_int_equal(s.ike.port, 500);
		assert_int_equal(s.n_logs, 0);
		settings_free(&s);
		conf_errors_free(&errs);
	}
}

static void
radius_servers(void **state)
{
	struct settings s;
	struct conf_errors errs = { 0 };
	const struct radius_settings *r = &s.road.radius;

	(void)state;
	assert_true(load(&s,
	                 "charon { plugins { eap-radius { secret = common\n accounting = yes\n retransmit_tries = 2\n class_group = yes\n"
	                 "servers { a { address = 192.0.2.1\n }\n b { address = 2001:db8::1\n secret = own\n acct_port = 1646\n "
	                 "preference = 5\n nas_identifier = gw\n } } } } }"
	                 "charon-systemd { plugins { eap-radius { servers { a { address = 192.0.2.9\n secret = z\n } } } xauth-eap { backend = md5\n } } }",
	                 &errs));
	assert_int_equal(r->n, 2);
	assert_string_equal(r->server[0].name, "b");
	assert_int_equal(r->server[0].address.family, IP_V6);
	assert_true(span_equal(secret_span(&r->server[0].secret), span_str("own")));
	assert_int_equal(r->server[0].auth_port, 1812);
	assert_int_equal(r->server[0].acct_port, 1646);
	assert_string_equal(r->server[0].nas_identifier, "gw");
	assert_true(span_equal(secret_span(&r->server[1].secret), span_str("z")));
	assert_true(r->accounting && r->class_group && !r->filter_id && !r->unsigned_ok);
	assert_string_equal(r->xauth_eap, "md5");
	settings_free(&s);
	conf_errors_free(&errs);

	assert_true(load(&s, "charon { plugins { eap-radius { server = 192.0.2.1\n secret = x\n } } sallyport { radius_unsigned = yes\n } }", &errs));
	assert_int_equal(r->n, 1);
	assert_true(span_equal(secret_span(&r->server[0].secret), span_str("x")));
	assert_true(r->unsigned_ok);
	settings_free(&s);
	conf_errors_free(&errs);
}

static void
radius_mistakes(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "servers { a { address = radius.example.org\n secret = x\n } }", "is not an address" },
		{ "servers { a { address = 192.0.2.1\n } }", "'a' needs an address and a secret" },
		{ "secret = x\n servers { a { auth_port = 1\n } }", "'a' needs an address and a secret" },
		{ "server = 192.0.2.1\n secret = x\n retransmit_tries = 100", "retransmit_tries" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct settings s;
		struct conf_errors errs = { 0 };
		char text[512];

		snprintf(text, sizeof text, "charon { plugins { eap-radius { %s\n } } }", wrong[i].text);
		assert_false(load(&s, text, &errs));
		assert_non_null(strstr(conf_errors_first(&errs), wrong[i].says));
		settings_free(&s);
		conf_errors_free(&errs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(radius_servers),
		cmocka_unit_test(radius_mistakes),
		cmocka_unit_test(defaults),
		cmocka_unit_test(what_is_used),
		cmocka_unit_test(resolve_is_loaded),
		cmocka_unit_test(what_is_passed_over),
		cmocka_unit_test(charon_systemd_is_read_over_charon),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
