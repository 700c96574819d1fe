/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_support.h"
#include "config_check.h"
#include "failing_memory.h"
#include "settings.h"
#include "vici_msg.h"

/*
 * What an operator configures, while memory ends at each allocation in turn: it is
 * taken whole or refused with a reason, nothing is lost, and never does less come
 * out than was written.
 */

static const char gateway[] =
        "connections {\n"
        "  rw : base {\n    version = 1\n    local_addrs = 192.0.2.1, 2001:db8::1\n    remote_addrs = vpn.example.org, "
        "10.0.0.0/8\n"
        "    proposals = aes256-sha256-modp2048, aes128-sha512-x25519\n    pools = office\n    dpd_delay = 30s\n"
        "    vips = 0.0.0.0, ::\n    unique = replace\n    rekey_time = 4h\n"
        "    local { auth = psk\n id = vpn.example.org\n }\n"
        "    remote { auth = psk\n id = \"C=CH, O=Sallyport, CN=laptops\"\n }\n"
        "    remote-login { auth = xauth\n round = 2\n groups = office, staff\n }\n"
        "    children {\n"
        "      net { local_ts = 10.2.0.0/16[tcp/80], 10.3.0.0/16\n remote_ts = dynamic\n"
        "        esp_proposals = aes128gcm16-modp2048, aes256-sha256\n start_action = trap\n updown = /bin/true\n }\n"
        "      ah { ah_proposals = sha256\n mode = transport\n local_ts = 192.0.2.1\n remote_ts = 10.0.0.1\n }\n"
        "      out { mode = pass\n local_ts = 10.2.0.0/16\n remote_ts = 10.2.0.0/16\n start_action = trap\n }\n"
        "    }\n"
        "  }\n"
        "  client { local { auth = psk\n }\n local-x { auth = xauth\n xauth_id = carol\n }\n remote { auth = psk\n }\n"
        "    remote_addrs = 192.0.2.9\n vips = 0.0.0.0\n children { all { remote_ts = 0.0.0.0/0\n } }\n }\n"
        "  sig { remote_addrs = 192.0.2.10\n local { auth = pubkey\n }\n remote { auth = rsa-2048-sha256\n id = bob\n }\n"
        "    children { n { remote_ts = 10.5.0.0/16\n } }\n }\n"
        "}\n"
        "base { mobike = no\n version = 1\n }\n"
        "pools { office { addrs = 10.9.0.0/24\n dns = 10.2.0.53, 10.2.0.54\n split_include = 10.2.0.0/16, 10.3.0.0/16\n 28672 = "
        "hello\n } }\n"
        "secrets { ike-1 { secret = \"choose a long one\"\n id-1 = vpn.example.org\n id-2 = 192.0.2.7\n }\n"
        "  xauth { id = carol\n secret = 0sQmFzZTY0\n }\n eap-2 { id = dave\n secret = 0x616263\n }\n }\n";

static bool
read_gateway(struct config *c, struct conf_errors *errs)
{
	char text[sizeof gateway + 2];

	memcpy(text, gateway, sizeof gateway);
	return config_load_text(c, "gateway", text, sizeof gateway - 1, errs);
}

static bool
same_pools(const struct pools *a, const struct pools *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = !strcmp(a->p[i]->name, b->p[i]->name) && a->p[i]->size == b->p[i]->size &&
		       a->p[i]->attributes.n == b->p[i]->attributes.n;
	return same;
}

static bool
same(const struct config *a, const struct config *b)
{
	bool same =
	        a->n == b->n && a->secrets.n == b->secrets.n && a->logins.n == b->logins.n && same_pools(&a->pools, &b->pools);

	for (size_t i = 0; same && i < a->n; i++)
		same = conn_equal(a->conn[i], b->conn[i]);
	for (size_t i = 0; same && i < a->secrets.n; i++)
		same = a->secrets.s[i]->n_owners == b->secrets.s[i]->n_owners;
	return same;
}

static void
a_configuration(void **state)
{
	struct config whole = { 0 };
	struct conf_errors errs = { 0 };
	unsigned long n;

	(void)state;
	failing_memory_begin(0);
	if (!read_gateway(&whole, &errs))
		fail_msg("%s", errs.first ? errs.first->text : "no reason");
	n = failing_memory_end();
	conf_errors_free(&errs);
	assert_true(n > 50);
	assert_int_equal(whole.n, 3);
	assert_int_equal(whole.pools.n, 1);
	for (unsigned long i = 1; i <= n; i++) {
		struct config c = { 0 };
		bool ok;

		errs = (struct conf_errors) { 0 };
		failing_memory_begin(i);
		ok = read_gateway(&c, &errs);
		failing_memory_end();
		if (ok && !same(&c, &whole))
			fail_msg("without allocation %lu of %lu less was read, and nothing said", i, n);
		if (!ok && (!errs.n_errors || c.n || c.secrets.n || c.logins.n || c.pools.n))
			fail_msg("without allocation %lu of %lu it was refused, and half of it kept", i, n);
		config_free(&c);
		conf_errors_free(&errs);
	}
	config_free(&whole);
}

static const char settings_text[] =
        "charon { retransmit_timeout = 1.5\n retransmit_tries = 3\n routing_table = 77\n"
        "  filelog { /var/log/x { default = 0\n ike = 2\n time_format = %b\n }\n stderr { default = 1\n } }\n"
        "  plugins { vici { socket = unix:///tmp/v.sock\n }\n"
        "    eap-radius { accounting = yes\n servers { one { address = 192.0.2.3\n secret = s1\n }\n two { address = 192.0.2.4\n"
        "      secret = s2\n nas_identifier = gate\n } } } }\n"
        "  sallyport { tun_name = sp0\n mtu = 1300\n workers = 2\n } }\n";

static void
the_settings(void **state)
{
	struct folder f = folder_make();
	char path[256];
	struct settings s;
	struct conf_errors errs = { 0 };
	unsigned long n;

	(void)state;
	snprintf(path, sizeof path, "%s", folder_write(&f, "strongswan.conf", settings_text));
	failing_memory_begin(0);
	if (!settings_load(&s, path, &errs))
		fail_msg("%s", errs.first ? errs.first->text : "no reason");
	n = failing_memory_end();
	settings_free(&s);
	conf_errors_free(&errs);
	for (unsigned long i = 1; i <= n; i++) {
		bool ok;

		errs = (struct conf_errors) { 0 };
		failing_memory_begin(i);
		ok = settings_load(&s, path, &errs);
		failing_memory_end();
		if (ok && (!s.vici_socket || !s.tun_name || strcmp(s.tun_name, "sp0") || s.n_logs != 1 || !s.log[0].path))
			fail_msg("without allocation %lu of %lu less was read, and nothing said", i, n);
		assert_true(ok == !errs.n_errors);
		settings_free(&s);
		conf_errors_free(&errs);
	}
	folder_remove(&f);
}

/* A message as a client sends it: false, or octets. */
static bool
write_message(struct vici_writer *w)
{
	vici_begin(w, VICI_CMD_RESPONSE, NULL);
	vici_section(w, "site");
	vici_key(w, "version", "1");
	vici_key_octets(w, "data", span_str("some octets"));
	vici_keyf(w, "number", "%d", 7);
	vici_list(w, "local_addrs");
	for (int i = 0; i < 300; i++)
		vici_item(w, "192.0.2.1");
	vici_list_end(w);
	vici_section(w, "children");
	vici_section(w, "net");
	vici_section_end(w);
	vici_section_end(w);
	vici_section_end(w);
	return vici_finish(w);
}

static void
a_message(void **state)
{
	struct vici_writer whole;
	struct conf_tree t;
	const char *why = "";
	unsigned long n;

	(void)state;
	failing_memory_begin(0);
	assert_true(write_message(&whole));
	assert_true(conf_tree_open(&t, "") && vici_message_read(&t, span_of(whole.p + 5, whole.n - 5), true, &why));
	n = failing_memory_end();
	conf_tree_close(&t);
	for (unsigned long i = 1; i <= n; i++) {
		struct vici_writer w;

		failing_memory_begin(i);
		if (write_message(&w)) {
			why = "";
			assert_int_equal(w.n, whole.n);
			assert_memory_equal(w.p, whole.p, w.n);
			if (conf_tree_open(&t, "")) {
				if (vici_message_read(&t, span_of(w.p + 5, w.n - 5), true, &why))
					assert_int_equal(conf_key_find(conf_section_find(t.root, "site"), "local_addrs")->n_items,
					                 300);
				else
					assert_true(*why);
				conf_tree_close(&t);
			}
			vici_writer_free(&w);
		}
		failing_memory_end();
	}
	vici_writer_free(&whole);
}

/* An address that could not be lent for want of memory is there for the next one who asks. */
static void
a_lease(void **state)
{
	char one[100] = "pools { one { addrs = 10.9.0.1-10.9.0.1\n } }";
	struct identity id;
	struct ip wanted = { .family = IP_V4 }, got;
	unsigned long n = 1;
	const char *why;

	(void)state;
	assert_true(identity_parse(&id, span_str("carol"), &why));
	for (unsigned long i = 0; i <= n; i++) {
		struct conf_errors errs = { 0 };
		struct config c = { 0 };
		bool lent;

		assert_true(config_load_text(&c, "test", one, strlen(one), &errs));
		failing_memory_begin(i);
		lent = pool_acquire(pools_find(&c.pools, "one"), &got, &id, &wanted, NULL, 0);
		if (!i)
			n = failing_memory_end();
		failing_memory_end();
		assert_int_equal(lent, i == 0);
		assert_true(lent || pool_acquire(pools_find(&c.pools, "one"), &got, &id, &wanted, NULL, 0));
		config_free(&c);
		conf_errors_free(&errs);
	}
	assert_true(n > 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration),
		cmocka_unit_test(the_settings),
		cmocka_unit_test(a_message),
		cmocka_unit_test(a_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
