/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "log_sink.h"
#include "updown.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct child child = { .name = "net", .hostaccess = true };

static struct effect_updown
example(void)
{
	struct effect_updown u = { .up = true, .ike_id = 7, .child_id = 9, .reqid = 3, .child = &child, .udp_encap = true };
	const char *why;

	assert_true(ip_parse(&u.local.ip, "192.0.2.1") && ip_parse(&u.remote.ip, "192.0.2.2"));
	u.local.port = u.remote.port = 4500;
	assert_true(identity_parse(&u.local_id, span_str("moon.example.org"), &why));
	assert_true(identity_parse(&u.remote_id, span_str("192.0.2.2"), &why));
	assert_true(selector_parse(&u.ts.local, span_str("10.1.0.0/16"), &why));
	assert_true(selector_parse(&u.ts.remote, span_str("10.2.0.0/16[tcp/80]"), &why));
	return u;
}

static const char *
value(char **env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static void
the_environment_is_strongswans(void **state)
{
	struct effect_updown u = example();
	autoarena a = { 0 };
	char **env = updown_environment(&a, &u, "sallyport0");

	(void)state;
	assert_non_null(env);
	assert_string_equal(value(env, "PLUTO_VERB"), "up-client");
	assert_string_equal(value(env, "PLUTO_CONNECTION"), "net");
	assert_string_equal(value(env, "PLUTO_INTERFACE"), "sallyport0");
	assert_string_equal(value(env, "PLUTO_REQID"), "3");
	assert_string_equal(value(env, "PLUTO_UNIQUEID"), "7");
	assert_string_equal(value(env, "PLUTO_ME"), "192.0.2.1");
	assert_string_equal(value(env, "PLUTO_MY_ID"), "moon.example.org");
	assert_string_equal(value(env, "PLUTO_MY_CLIENT"), "10.1.0.0/16");
	assert_string_equal(value(env, "PLUTO_MY_PORT"), "0");
	assert_string_equal(value(env, "PLUTO_PEER"), "192.0.2.2");
	assert_string_equal(value(env, "PLUTO_PEER_CLIENT"), "10.2.0.0/16");
	assert_string_equal(value(env, "PLUTO_PEER_PORT"), "80");
	assert_string_equal(value(env, "PLUTO_PEER_PROTOCOL"), "6");
	assert_string_equal(value(env, "PLUTO_UDP_ENC"), "4500");
	assert_string_equal(value(env, "PLUTO_HOST_ACCESS"), "1");
	assert_non_null(value(env, "PATH"));
}

/* Scripts that translate a client's packets to the virtual address, or let a user in, need to know them. */
static void
virtual_addresses_and_users_are_told(void **state)
{
	struct ip vip[3], dns;
	struct effect_updown u = example();
	autoarena a = { 0 };
	const char *why;
	char **env;

	(void)state;
	assert_null(value(updown_environment(&a, &u, "x"), "PLUTO_MY_SOURCEIP"));
	assert_null(value(updown_environment(&a, &u, "x"), "PLUTO_XAUTH_ID"));
	assert_true(ip_parse(&vip[0], "10.3.0.1") && ip_parse(&vip[1], "fec3::1") && ip_parse(&vip[2], "10.3.0.9"));
	assert_true(ip_parse(&dns, "10.1.0.20"));
	u.vip = vip;
	u.n_vip = 3;
	u.dns = &dns;
	u.n_dns = 1;
	env = updown_environment(&a, &u, "x");
	assert_string_equal(value(env, "PLUTO_MY_SOURCEIP"), "10.3.0.1");
	assert_string_equal(value(env, "PLUTO_MY_SOURCEIP4_1"), "10.3.0.1");
	assert_string_equal(value(env, "PLUTO_MY_SOURCEIP4_2"), "10.3.0.9");
	assert_string_equal(value(env, "PLUTO_MY_SOURCEIP6_1"), "fec3::1");
	assert_string_equal(value(env, "PLUTO_DNS4_1"), "10.1.0.20");
	assert_null(value(env, "PLUTO_PEER_SOURCEIP"));
	u.lent = true;
	assert_true(identity_parse(&u.user, span_str("carol"), &why));
	env = updown_environment(&a, &u, "x");
	assert_string_equal(value(env, "PLUTO_PEER_SOURCEIP"), "10.3.0.1");
	assert_string_equal(value(env, "PLUTO_XAUTH_ID"), "carol");
	assert_null(value(env, "PLUTO_MY_SOURCEIP"));
}

static void
the_protocols_are_told(void **state)
{
	struct effect_updown u = example();
	autoarena a = { 0 };

	(void)state;
	assert_string_equal(value(updown_environment(&a, &u, "x"), "PLUTO_PROTO"), "esp");
	assert_null(value(updown_environment(&a, &u, "x"), "PLUTO_IPCOMP"));
	u.protocol = PROTO_IPSEC_AH;
	u.ipcomp = true;
	assert_string_equal(value(updown_environment(&a, &u, "x"), "PLUTO_PROTO"), "ah");
	assert_string_equal(value(updown_environment(&a, &u, "x"), "PLUTO_IPCOMP"), "1");
}

static void
hosts_and_families_have_verbs_of_their_own(void **state)
{
	struct effect_updown u = example();
	autoarena a = { 0 };

	(void)state;
	u.ts.local = selector_host(&u.local.ip);
	u.up = false;
	assert_string_equal(value(updown_environment(&a, &u, "x"), "PLUTO_VERB"), "down-host");
	assert_true(ip_parse(&u.local.ip, "2001:db8::1"));
	u.up = true;
	assert_string_equal(value(updown_environment(&a, &u, "x"), "PLUTO_VERB"), "up-client-v6");
}

/* iptables and ip(8) take no range. */
static void
a_range_becomes_the_next_larger_subnet(void **state)
{
	static const struct {
		const char *range, *subnet;
	} c[] = {
		{ "10.1.0.17-10.1.0.20", "10.1.0.16/29" },
		{ "10.1.0.1-10.1.0.1", "10.1.0.1/32" },
		{ "10.1.0.0-10.1.255.255", "10.1.0.0/16" },
		{ "127.255.255.255-128.0.0.0", "0.0.0.0/0" },
		{ "2001:db8::3-2001:db8::4", "2001:db8::/125" },
	};
	struct effect_updown u = example();
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
		autoarena a = { 0 };

		assert_true(selector_parse(&u.ts.local, span_str(c[i].range), &why));
		assert_string_equal(value(updown_environment(&a, &u, "x"), "PLUTO_MY_CLIENT"), c[i].subnet);
	}
}

/* Scripts run one after the other, in the order in which they were asked for, whatever each takes. */
static void
scripts_run_in_order(void **state)
{
	char path[] = "/tmp/sp-updown-XXXXXX", script[128], text[64] = "";
	struct effect_updown u = example();
	struct log_sink log;
	struct updown run;
	uv_loop_t loop;

	(void)state;
	close(mkstemp(path));
	snprintf(script, sizeof script, "test $PLUTO_VERB = up-client && sleep 0.2; echo $PLUTO_VERB >> %s", path);
	child.updown = script;
	log_sink_open(&log);
	uv_loop_init(&loop);
	updown_open(&run, &loop, &log, "sallyport0");
	updown_run(&run, &u);
	u.up = false;
	updown_run(&run, &u);
	assert_false(updown_idle(&run));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(updown_idle(&run));
	updown_close(&run);
	assert_int_equal(uv_loop_close(&loop), 0);
	child.updown = NULL;

	FILE *f = fopen(path, "r");

	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	fclose(f);
	unlink(path);
	assert_string_equal(text, "up-client\ndown-client\n");
}

/* What finds no room is said, for the firewall stands as it was. */
static void
a_full_queue_is_told(void **state)
{
	char path[] = "/tmp/sp-updown-XXXXXX", text[512] = "", script[] = "true";
	struct effect_updown u = example();
	struct log_sink log;
	struct updown run;
	uv_loop_t loop;

	(void)state;
	close(mkstemp(path));
	child.updown = script;
	log_sink_open(&log);
	assert_true(log_sink_add(&log, path, true, true, false, (int[LOG_GROUPS]) { 0 }));
	uv_loop_init(&loop);
	updown_open(&run, &loop, &log, "sallyport0");
	for (unsigned i = 0; i < 1 + UPDOWN_QUEUE_MAX; i++)
		updown_run(&run, &u);
	u.up = false;
	updown_run(&run, &u);
	updown_close(&run);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	log_sink_close(&log);
	child.updown = NULL;

	FILE *f = fopen(path, "r");

	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	fclose(f);
	unlink(path);
	assert_non_null(strstr(text, "the updown script of net is not run (down-client): too many wait"));
	assert_null(strstr(text, "up-client"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_is_strongswans),
		cmocka_unit_test(virtual_addresses_and_users_are_told),
		cmocka_unit_test(the_protocols_are_told),
		cmocka_unit_test(hosts_and_families_have_verbs_of_their_own),
		cmocka_unit_test(a_range_becomes_the_next_larger_subnet),
		cmocka_unit_test(scripts_run_in_order),
		cmocka_unit_test(a_full_queue_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
