/* SPDX-License-Identifier: Apache-2.0 */
/* swanctl.conf's keys: values, defaults, and what is refused with which words. */
#include "conf_support.h"
#include "conf_value.h"

#define SITE(body) "connections { site { version = 1\n remote_addrs = 192.0.2.2\n" body "\n} }"
#define CHILD(body) SITE("children { net {\n" body "\n} }")

static struct config
load(const char *text)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };

	if (!config_from(&c, text, &errs))
		fail_msg("%s\nrefused: %s", text, conf_errors_first(&errs));
	conf_errors_free(&errs);
	return c;
}

/* The first error begins with the line and holds the words; nothing is loaded. */
static void
refuse(const char *text, int line, const char *words)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };
	char where[64];

	snprintf(where, sizeof where, "/swanctl.conf:%d: ", line);
	if (config_from(&c, text, &errs))
		fail_msg("%s\naccepted", text);
	if (!strstr(conf_errors_first(&errs), where) || !strstr(conf_errors_first(&errs), words))
		fail_msg("%s\nsays: %s\nnot: %s... %s", text, conf_errors_first(&errs), where, words);
	assert_int_equal(c.n, 0);
	assert_null(c.conn);
	conf_errors_free(&errs);
}

static void
shortest_file(void **state)
{
	struct config c = load("connections {\n site {\n version = 1\n remote_addrs = 192.0.2.2\n children { net { remote_ts = "
	                       "10.2.0.0/16 } }\n }\n}\n"
	                       "secrets { ike { secret = swordfish } }\n");
	const struct conn *s = c.conn[0];

	(void)state;
	assert_int_equal(c.n, 1);
	assert_string_equal(s->name, "site");
	assert_int_equal(s->version, IKE_V1);
	assert_int_equal(s->local_addrs.n, 0);
	assert_int_equal(s->remote_addrs.n, 1);
	assert_int_equal(s->local.method, AUTH_PSK);
	assert_int_equal(s->remote.method, AUTH_PSK);
	assert_false(s->local.id_given);
	assert_true(s->ike.n > 0);
	assert_int_equal(s->local_port, 500);
	assert_int_equal(s->remote_port, 500);
	assert_int_equal(s->keyingtries, 1);
	assert_int_equal(s->n_children, 1);
	assert_true(s->children[0].esp.n > 0);
	assert_int_equal(s->children[0].replay_window, 1024);
	assert_int_equal(s->children[0].start_action, ACTION_NONE);
	assert_int_equal(s->children[0].dpd_action, ACTION_CLEAR);
	assert_int_equal(c.secrets.n, 1);
	config_free(&c);
}

/* swanctl.conf(5): rekey_time 4h, over_time 10 % of rekey_time/reauth_time, rand_time like over_time. */
static void
connection_times(void **state)
{
	static const struct {
		const char *text;
		int64_t rekey, reauth, over, rand; /* seconds */
	} cases[] = {
		{ "", 14400, 0, 1440, 1440 },
		{ "rekey_time = 1h", 3600, 0, 360, 360 },
		{ "reauth_time = 2h", 0, 7200, 720, 720 },
		{ "reauth_time = 2h\nrekey_time = 30m", 1800, 7200, 720, 720 },
		{ "rekey_time = 0", 0, 0, 0, 0 },
		{ "rekey_time = 100s\nover_time = 7\nrand_time = 0", 100, 0, 7, 0 },
		{ "over_time = 1d", 14400, 0, 86400, 86400 },
		{ "rekey_time = 2H\nover_time = 1 M", 7200, 0, 60, 60 },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config c;

		snprintf(text, sizeof text, "connections { a { version = 1\n%s\n} }", cases[i].text);
		c = load(text);
		assert_int_equal(c.conn[0]->rekey_ns, SECONDS(cases[i].rekey));
		assert_int_equal(c.conn[0]->reauth_ns, SECONDS(cases[i].reauth));
		assert_int_equal(c.conn[0]->over_ns, SECONDS(cases[i].over));
		assert_int_equal(c.conn[0]->rand_ns, SECONDS(cases[i].rand));
		config_free(&c);
	}
}

/* swanctl.conf(5): rekey 1h or life - 10 %, life = rekey + 10 %, rand = life - rekey; bytes and packets likewise, from 0. */
static void
child_lifetimes(void **state)
{
	static const struct {
		const char *text;
		uint64_t rekey, life, rand; /* seconds, octets or packets */
	} times[] = {
		{ "", 3600, 3960, 360 },
		{ "rekey_time = 50m", 3000, 3300, 300 },
		{ "life_time = 100m", 5400, 6000, 600 },
		{ "rekey_time = 10m\nlife_time = 1h", 600, 3600, 3000 },
		{ "rekey_time = 0", 0, 0, 0 },
		{ "rekey_time = 60\nlife_time = 50", 60, 50, 0 },
		{ "rekey_time = 60\nrand_time = 5", 60, 66, 5 },
	}, octets[] = {
		{ "", 0, 0, 0 },
		{ "rekey_bytes = 1000", 1000, 1100, 100 },
		{ "rekey_bytes = 500m", 524288000, 576716800, 52428800 },
		{ "life_bytes = 1k", 922, 1024, 102 },
		{ "rekey_bytes = 1g\nlife_bytes = 2g\nrand_bytes = 0", 1 << 30, 2147483648, 0 },
	}, packets[] = {
		{ "", 0, 0, 0 },
		{ "rekey_packets = 100", 100, 110, 10 },
		{ "life_packets = 1000\nrand_packets = 1", 900, 1000, 1 },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		struct config c;

		snprintf(text, sizeof text, CHILD("%s"), times[i].text);
		c = load(text);
		assert_int_equal(c.conn[0]->children[0].lifetime.rekey_ns, SECONDS(times[i].rekey));
		assert_int_equal(c.conn[0]->children[0].lifetime.life_ns, SECONDS(times[i].life));
		assert_int_equal(c.conn[0]->children[0].lifetime.rand_ns, SECONDS(times[i].rand));
		config_free(&c);
	}
	for (size_t i = 0; i < sizeof octets / sizeof octets[0]; i++) {
		struct config c;

		snprintf(text, sizeof text, CHILD("%s"), octets[i].text);
		c = load(text);
		assert_int_equal(c.conn[0]->children[0].lifetime.rekey_octets, octets[i].rekey);
		assert_int_equal(c.conn[0]->children[0].lifetime.life_octets, octets[i].life);
		assert_int_equal(c.conn[0]->children[0].lifetime.rand_octets, octets[i].rand);
		config_free(&c);
	}
	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		struct config c;

		snprintf(text, sizeof text, CHILD("%s"), packets[i].text);
		c = load(text);
		assert_int_equal(c.conn[0]->children[0].lifetime.rekey_packets, packets[i].rekey);
		assert_int_equal(c.conn[0]->children[0].lifetime.life_packets, packets[i].life);
		assert_int_equal(c.conn[0]->children[0].lifetime.rand_packets, packets[i].rand);
		config_free(&c);
	}
}

static void
connection_keys(void **state)
{
	struct config c = load(
	        "connections { a { version = 1\n local_addrs = 192.0.2.1, 2001:db8::1\n remote_addrs = %any\n"
	        "local_port = 4500\nremote_port = 1234\nproposals = aes128-sha256-modp2048, aes256-sha512-ecp384\nencap = yes\n"
	        "mobike = no\ndpd_delay = 30\ndpd_timeout = 2m\nkeyingtries = %forever\nunique = replace\n"
	        "local { auth = psk\n id = moon.example\n }\nremote { auth = psk\n id = \"carol@example.org\" } } }");
	const struct conn *a = c.conn[0];
	char id[IDENTITY_TEXT_MAX];

	(void)state;
	assert_int_equal(a->local_addrs.n, 2);
	assert_int_equal(a->remote_addrs.n, 1);
	assert_int_equal(a->remote_addrs.a[0].lo.family, IP_NONE);
	assert_int_equal(a->local_port, 4500);
	assert_int_equal(a->remote_port, 1234);
	assert_int_equal(a->ike.n, 2);
	assert_true(a->encap);
	assert_false(a->mobike);
	assert_int_equal(a->dpd_delay_ns, SECONDS(30));
	assert_int_equal(a->dpd_timeout_ns, SECONDS(120));
	assert_int_equal(a->keyingtries, 0);
	assert_int_equal(a->unique, UNIQUE_REPLACE);
	assert_true(a->local.id_given && a->remote.id_given);
	assert_string_equal(identity_format(id, &a->local.id), "moon.example");
	assert_int_equal(a->remote.id.type, ID_USER_FQDN);
	config_free(&c);
}

static void
child_keys(void **state)
{
	struct config c = load(CHILD(
	        "local_ts = 10.1.0.0/16[tcp/80], 10.9.0.1-10.9.0.9, dynamic\nremote_ts = fd00::/64\n"
	        "esp_proposals = aes128gcm16, aes256-sha256-modp2048\nmode = tunnel\nstart_action = trap\n"
	        "close_action = trap|start\ndpd_action = restart\nreplay_window = 65536\nhostaccess = true\nupdown = /bin/true -x\n"
	        "reqid = 7\npriority = 3\ncopy_df = no\ncopy_ecn = no\ncopy_dscp = yes\n"
	        "inactivity = 5m\nsha256_96 = yes"));
	const struct child *n = &c.conn[0]->children[0];

	(void)state;
	assert_int_equal(n->n_local_ts, 3);
	assert_int_equal(n->local_ts[0].proto, 6);
	assert_true(selector_is_dynamic(&n->local_ts[2]));
	assert_int_equal(n->n_remote_ts, 1);
	assert_int_equal(n->esp.n, 2);
	assert_int_equal(n->start_action, ACTION_TRAP);
	assert_int_equal(n->close_action, ACTION_START);
	assert_int_equal(n->dpd_action, ACTION_START);
	assert_int_equal(n->replay_window, 65536);
	assert_true(n->hostaccess);
	assert_string_equal(n->updown, "/bin/true -x");
	assert_int_equal(n->reqid, 7);
	assert_int_equal(n->priority, 3);
	assert_false(n->copy_df || n->copy_ecn);
	assert_int_equal(n->copy_dscp, 3);
	assert_int_equal(n->inactivity_ns, SECONDS(300));
	assert_true(n->sha256_96);
	config_free(&c);
}

/* A road warrior's file names what it wants to reach, not itself. */
static void
selectors_default_to_dynamic(void **state)
{
	struct config c = load(CHILD("remote_ts = 10.1.0.0/16"));
	const struct child *n = &c.conn[0]->children[0];

	(void)state;
	assert_int_equal(n->n_local_ts, 1);
	assert_true(selector_is_dynamic(&n->local_ts[0]));
	assert_int_equal(n->n_remote_ts, 1);
	assert_false(selector_is_dynamic(&n->remote_ts[0]));
	config_free(&c);
}

static void
addresses(void **state)
{
	static const struct {
		const char *text;
		uint8_t family; /* of lo; IP_NONE: a name or any */
		const char *name;
	} good[] = {
		{ "10.0.0.1", IP_V4, NULL },
		{ "10.0.0.0/8", IP_V4, NULL },
		{ "10.0.0.1-10.0.0.9", IP_V4, NULL },
		{ "2001:db8::/32", IP_V6, NULL },
		{ "%any", IP_NONE, NULL },
		{ "%any6", IP_NONE, NULL },
		{ "0.0.0.0", IP_NONE, NULL },
		{ "::", IP_NONE, NULL },
		{ "vpn.example.org", IP_NONE, "vpn.example.org" },
		{ "host-1", IP_NONE, "host-1" },
		{ "1-2.example", IP_NONE, "1-2.example" },
	};
	static const char *const bad[] = { "10.0.0.999", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "a b",
		                           "%none",      "-x",          "10.0.0.0/",         "1.2.3",        "a/b" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct config c;
		const struct address_spec *a;

		snprintf(text, sizeof text, "connections { a { version = 1\nremote_addrs = %s\n} }", good[i].text);
		c = load(text);
		a = &c.conn[0]->remote_addrs.a[0];
		assert_int_equal(a->lo.family, good[i].family);
		if (good[i].name)
			assert_string_equal(a->name, good[i].name);
		else
			assert_null(a->name);
		config_free(&c);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, "connections { a { version = 1\nremote_addrs = %s\n} }", bad[i]);
		refuse(text, 2, "it is an address, a subnet");
	}
}

static void
unknown_names(void **state)
{
	(void)state;
	refuse("connections { a {\n versoin = 1\n} }", 2, "unknown key 'versoin' in a connection; did you mean 'version'?");
	refuse(CHILD("start_acton = trap"), 4, "unknown key 'start_acton' in a child; did you mean 'start_action'?");
	refuse(SITE("local { auth = psk\n idd = x\n }"), 4, "unknown key 'idd' in a local section; did you mean 'id'?");
	/* Habits of ipsec.conf, and keys one section too high or too low. */
	refuse(SITE("keyexchange = ikev1"), 3, "in swanctl.conf this is version (1 for ikev1)");
	refuse(SITE("leftsubnet = 10.0.0.0/8"), 3, "in swanctl.conf this is children.<child>.local_ts");
	refuse(SITE("esp_proposals = aes128-sha256"), 3, "in swanctl.conf this is a key of children.<child>");
	refuse(CHILD("proposals = aes128-sha256-modp2048"), 4, "in swanctl.conf this is a key of connections.<conn>");
	refuse(SITE("auth = psk"), 3, "in swanctl.conf this is a key of local and remote");
	refuse(SITE("xyzzyplugh = 1"), 3, "unknown key 'xyzzyplugh'");
	refuse(SITE("childrn { }"), 3, "unknown section 'childrn' in a connection; did you mean 'children'?");
	refuse("conections { }", 1, "unknown section 'conections'");
	refuse("version = 1\n", 1, "outside of any section");
	refuse("connections {\n x = 1\n}", 2, "key 'x' in connections");
	refuse("connections { a { children { x = 1\n } } }", 1, "key 'x' in children");
	refuse(CHILD("s { }"), 4, "unknown section 's' in a child");
}

static void
certificates_are_checked(void **state)
{
	(void)state;
	refuse(SITE("local { auth = pubkey-md5\n }"), 3, "there are pubkey, rsa, ecdsa");
	refuse(SITE("local { auth = rsa-512\n }"), 3, "from 1024 to 16384 bits");
	refuse(SITE("local { auth = ed25519\n }"), 3, "use auth = psk, pubkey or xauth");
	refuse(SITE("local { certs = none.pem\n }"), 3, "x509/none.pem': No such file");
	refuse(SITE("remote { cacerts = none.pem\n }"), 3, "x509ca/none.pem': No such file");
	refuse(SITE("remote { cert-1 { slot = 1\n } }"), 3, "tokens are not supported");
	refuse(SITE("local { cacert-1 { file = x\n } }"), 3, "unknown section 'cacert-1' in a local section");
	refuse(SITE("remote { revocation = maybe\n }"), 3, "revocation = maybe");
	refuse(SITE("remote { cert_policy = x.y\n }"), 3, "OIDs in dots");
	refuse(SITE("remote { ca_id = XX=y\n }"), 3, "unknown type");
	refuse("authorities { p { } }", 1, "names no CA");
	refuse("authorities { p { crl_uris = gopher://x\n} }", 1, "'gopher://x' is not allowed");
	refuse("authorities { p { cacerts = x\n} }", 1, "unknown key 'cacerts' in an authority");
	refuse("secrets {\n private-1 { file = none.key\n secret = x\n } }", 2, "there is no file 'none.key'");
	refuse("secrets {\n rsa { file = x\n } }", 2, "and secret, its passphrase");
}

static void
not_yet_supported(void **state)
{
	(void)state;
	refuse("connections { a {\n version = 2\n} }", 2, "version = 2 is not yet supported");
	refuse(SITE("aggressive = sometimes"), 3, "it is one of yes, no");
	refuse(CHILD("mode = transport_proxy"), 4, "mode = transport_proxy is not yet supported");
	refuse(CHILD("mode = beet"), 4, "mode = beet is not yet supported");
	refuse(CHILD("ah_proposals = aes256-sha256"), 4, "ah_proposals: \"aes256\" encrypts, and AH does not");
	refuse(CHILD("hw_offload = packet"), 4, "hw_offload");
	refuse(CHILD("mark_in = 42"), 4, "mark_in is known but not yet supported");
	refuse("secrets { foo { secret = x\n } }", 1, "of an unknown type");
}

static void
ah_bundles_and_compression(void **state)
{
	struct config c = load(CHILD("ah_proposals = sha256-ecp256, sha512"));
	const struct child *k = &c.conn[0]->children[0];

	(void)state;
	assert_int_equal(c.n, 1);
	assert_int_equal(k->ah.n, 2);
	/* AH alone: no default of ESP joins it. */
	assert_int_equal(k->esp.n, 0);
	assert_false(k->ipcomp);
	config_free(&c);
	c = load(CHILD("ah_proposals = sha256\n esp_proposals = aes128gcm16\n ipcomp = yes\n mode = transport"));
	k = &c.conn[0]->children[0];
	assert_int_equal(k->ah.n, 1);
	assert_int_equal(k->esp.n, 1);
	assert_true(k->ipcomp);
	assert_int_equal(k->mode, MODE_TRANSPORT);
	config_free(&c);
	c = load(CHILD("ipcomp = yes"));
	k = &c.conn[0]->children[0];
	assert_true(k->esp.n > 0 && k->ah.n == 0);
	config_free(&c);
}

/* Known keys with the value that they have anyway are harmless. */
static void
defaults_written_out(void **state)
{
	struct config c = load(
	        "connections { a { version = 1\naggressive = no\npull = yes\nfragmentation = yes\nchildless = "
	        "allow\nsend_certreq = no\n"
	        "send_cert = never\nif_id_in = 0\nmediation = no\ndscp = 000000\nppk_required = no\nlocal { auth = psk\n round = "
	        "0\n }\n"
	        "remote { auth = psk\n revocation = relaxed\n }\nchildren { c { policies = yes\n ipcomp = no\n inactivity = 0s\n"
	        "mark_in = 0/0x00000000\n hw_offload = no\n tfc_padding = 0\n label_mode = system\n sha256_96 = no\n } } } "
	        "}\npools { }\nauthorities { }");

	(void)state;
	assert_int_equal(c.n, 1);
	config_free(&c);
}

/* RFC 2474 section 3; 101110 is EF, RFC 3246. */
static void
codepoint_of_ike_packets(void **state)
{
	struct config c = load("connections { a { version = 1\ndscp = 101110\n}\nb { version = 1\n} }");

	(void)state;
	assert_int_equal(c.conn[0]->dscp, 46);
	assert_int_equal(c.conn[1]->dscp, 0);
	config_free(&c);
}

static void
bad_values(void **state)
{
	static const struct {
		const char *text, *words;
	} conn[] = {
		{ "encap = maybe", "it is one of yes, no" }, { "dpd_delay = 5x", "is not a time" }, { "dpd_delay = -1", "is not a time" },
		{ "rekey_time = 99999999999d", "too long" }, { "rekey_time = 40000d", "too long" }, { "local_port = 65536", "from 0 to 65535" },
		{ "remote_port = http", "it is a number" }, { "keyingtries = many", "it is a number" }, { "unique = yes", "no, never, keep, replace" },
		{ "proposals = aes128-sha257", "sha257" }, { "rekey_time = 4h30m", "is not a time" }, { "version = 1.0", "it is one of 0, 1" },
		{ "dscp = 46", "six binary digits" }, { "dscp = 101112", "six binary digits" }, { "dscp = 0101110", "six binary digits" },
	}, child[] = {
		{ "local_ts = 10.1.0.0/33", "local_ts: '10.1.0.0/33'" }, { "mode = tunel", "it is one of tunnel, pass, drop" },
		{ "start_action = trap|drop", "none, trap, start" }, { "replay_window = 65537", "from 0 to 65536" }, { "life_bytes = 5t", "is not a size" },
		{ "rekey_packets = 1k", "it is a number" }, { "copy_dscp = maybe", "out, in, yes, no" }, { "esp_proposals = aes128gcm17", "aes128gcm17" },
		{ "life_bytes = 99999999999999999999", "is not a size" }, { "life_bytes = 20000000000g", "is not a size" },
		{ "tfc_padding = mtu", "IKEv1 cannot negotiate" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof conn / sizeof conn[0]; i++) {
		snprintf(text, sizeof text, "connections { a {\n%s\n} }", conn[i].text);
		refuse(text, 2, conn[i].words);
	}
	for (size_t i = 0; i < sizeof child / sizeof child[0]; i++) {
		snprintf(text, sizeof text, CHILD("%s"), child[i].text);
		refuse(text, 4, child[i].words);
	}
}

/* No silent downgrade: who initiates says which version. */
static void
version_0_only_answers(void **state)
{
	struct config c;

	(void)state;
	refuse("connections { a { children { c {\n start_action = start\n } } } }", 2, "needs an explicit 'version = 1'");
	refuse("connections { a { version = 0\n children { c {\n start_action = trap\n } } } }", 3,
	       "needs an explicit 'version = 1'");
	refuse("connections { a { children { c {\n dpd_action = restart\n } } } }", 2, "dpd_action = start initiates");
	refuse("connections { a { children { c {\n close_action = trap\n } } } }", 2, "close_action = trap initiates");
	c = load("connections { a { children { c { dpd_action = clear\n } p { mode = pass\n start_action = trap\n } } } }");
	assert_int_equal(c.conn[0]->version, IKE_ANY);
	config_free(&c);
}

/* All mistakes are told, each with its line. */
static void
every_mistake_is_told(void **state)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };

	(void)state;
	assert_false(config_from(&c, "connections { a {\n version = 3\n foo = 1\n} }\nsecrets { ike {\n } }", &errs));
	assert_int_equal(errs.n_errors, 3);
	assert_true(errors_hold(&errs, "swanctl.conf:2: version = 3"));
	assert_true(errors_hold(&errs, "swanctl.conf:3: unknown key 'foo'"));
	assert_true(errors_hold(&errs, "swanctl.conf:5: secret of 'ike': it is missing"));
	conf_errors_free(&errs);
}

static void
templates(void **state)
{
	struct config c = load("base { version = 1\n remote { auth = psk\n }\n local { auth = psk\n id = moon\n } }\n"
	                       "connections { a : base { remote_addrs = 10.0.0.2\n } b : connections.a { remote_addrs = "
	                       "10.0.0.3\n local { id = sun\n } } }");

	(void)state;
	assert_int_equal(c.n, 2);
	assert_int_equal(c.conn[1]->version, IKE_V1);
	assert_int_equal(c.conn[1]->local.id.n, 3);
	assert_memory_equal(c.conn[1]->local.id.b, "sun", 3);
	config_free(&c);
	refuse("base { }\nconnections { }", 1, "unknown section 'base'");
}

static void
secrets(void **state)
{
	struct config c = load("secrets { ike-a { secret = \"two words\"\n id-1 = moon\n id-2 = 10.0.0.0/8\n } ike2 { secret = "
	                       "0x00ff1\n } ike { secret = 0sAQID\n } }");

	(void)state;
	assert_int_equal(c.secrets.n, 3);
	assert_int_equal(c.secrets.s[0]->n_owners, 2);
	assert_memory_equal(c.secrets.s[0]->data.p, "two words", 9);
	assert_int_equal(c.secrets.s[1]->data.n, 3);
	assert_memory_equal(c.secrets.s[1]->data.p, "\x00\x0f\xf1", 3);
	assert_memory_equal(c.secrets.s[2]->data.p, "\x01\x02\x03", 3);
	config_free(&c);
	refuse("secrets { ike { secret = 0xzz\n } }", 1, "hexadecimal digits only");
	refuse("secrets { ike { secret = 0x\n } }", 1, "hexadecimal digits only");
	refuse("secrets { ike { secret = 0s!!!!\n } }", 1, "base64 only");
	refuse("secrets { ike { secret = \"\"\n } }", 1, "it is empty");
	refuse("secrets { ike { secret = x\n file = y\n } }", 2, "unknown key 'file'");
}

/* A secret is never part of a message. */
static void
secrets_are_not_told(void **state)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };

	(void)state;
	assert_false(config_from(&c, "secrets { ike { secret = 0xsw0rdf1sh\n secrt = swordfish\n } }", &errs));
	assert_false(errors_hold(&errs, "sw0rdf1sh"));
	assert_false(errors_hold(&errs, "swordfish"));
	conf_errors_free(&errs);
}

static void
exposed_secrets_are_refused(void **state)
{
	struct folder f = folder_make();
	struct config c = { 0 };
	struct conf_errors errs = { 0 };
	char path[256];

	(void)state;
	snprintf(path, sizeof path, "%s", folder_write(&f, "s.conf", "secrets { ike { secret = x\n } }"));
	assert_int_equal(chmod(f.path, 0755), 0);
	chmod(f.path, 0755);
	chmod(path, 0640);
	assert_true(config_load_file(&c, path, &errs));
	config_free(&c);
	/* A folder that nobody may enter protects what is in it; a strict check does not count on that. */
	chmod(path, 0604);
	chmod(f.path, 0700);
	assert_true(config_load_file(&c, path, &errs));
	config_free(&c);
	errs.strict = true;
	assert_false(config_load_file(&c, path, &errs));
	conf_errors_free(&errs);
	chmod(f.path, 0755);
	assert_false(config_load_file(&c, path, &errs));
	assert_true(errors_hold(&errs, "may be read by everybody"));
	assert_true(errors_hold(&errs, "chmod 600"));
	/* It is the file that the secret is in that counts. */
	conf_errors_free(&errs);
	assert_false(config_load_file(&c, folder_write(&f, "main.conf", "include s.conf\n"), &errs));
	/* Without a secret in it a file may be read by all. */
	conf_errors_free(&errs);
	folder_write(&f, "s.conf", "connections { a { version = 1\n } }");
	chmod(path, 0644);
	assert_true(config_load_file(&c, path, &errs));
	config_free(&c);
	conf_errors_free(&errs);
	folder_remove(&f);
}

static void
missing_file(void **state)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };

	(void)state;
	assert_false(config_load_file(&c, "/nonexistent/swanctl.conf", &errs));
	assert_string_equal(conf_errors_first(&errs), "cannot read '/nonexistent/swanctl.conf': No such file or directory");
	conf_errors_free(&errs);
}

static void
notices_change_nothing(void **state)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };

	(void)state;
	assert_true(config_from(&c, CHILD("rekey_time = 60\nlife_time = 60"), &errs));
	assert_int_equal(c.n, 1);
	assert_int_equal(errs.n_errors, 0);
	assert_int_equal(errs.n_notices, 1);
	assert_true(errors_hold(&errs, "swanctl.conf:3: child 'net' ends (life_time) before it would be renewed"));
	assert_string_equal(conf_errors_first(&errs), "");
	config_free(&c);
	conf_errors_free(&errs);
}

/* As swanctl splits a list; tests/interop/test_swanctl_syntax.py asks it. */
static void
lists(void **state)
{
	static const struct {
		const char *value, *items; /* with a '|' behind each */
	} cases[] = {
		{ "", "" },
		{ " , ,", "" },
		{ "a", "a|" },
		{ "a,b", "a|b|" },
		{ "  a b ,  c ,", "a b|c|" },
		{ "'a,b', \"c\"", "a,b|c|" },
		{ "' x '", " x |" },
		{ "'c' d", "c|d|" },
		{ "e 'f,g'", "e 'f|g'|" },
		{ "'h", "'h|" },
		{ "''", "|" },
		{ "\ta\t", "\ta\t|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct conf_key k = { .name = "k", .where = "w", .value = cases[i].value };
		struct span item;
		char got[128] = "";
		size_t at = 0;

		while (conf_next_item(&item, &k, &at))
			snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s|", (int)item.n, (const char *)item.p);
		assert_string_equal(got, cases[i].items);
	}
}

static void
closest_names(void **state)
{
	static const char *const names[] = { "version", "local_addrs", "remote_addrs", "encap", NULL };

	(void)state;
	assert_string_equal(conf_closest("versoin", names), "version");
	assert_string_equal(conf_closest("local_adrs", names), "local_addrs");
	assert_string_equal(conf_closest("enacp", names), "encap");
	assert_null(conf_closest("x", names));
	assert_null(conf_closest("something_else", names));
	assert_null(conf_closest("", names));
}

/* charon.replay_window, for children that say nothing themselves. */
static void
default_replay_window(void **state)
{
	struct config c = { .replay_window = 64 };
	struct conf_errors errs = { 0 };

	(void)state;
	assert_true(config_from(&c, SITE("children { a { } b { replay_window = 128\n } }"), &errs));
	assert_int_equal(c.conn[0]->children[0].replay_window, 64);
	assert_int_equal(c.conn[0]->children[1].replay_window, 128);
	config_free(&c);
	/* It is a setting of whoever loads, and stays. */
	assert_int_equal(c.replay_window, 64);
	conf_errors_free(&errs);
}

/* What users are given to start from. */
static void
examples_load(void **state)
{
	static const char *const names[] = { "site-to-site.conf", "gateway.conf", "many.conf", "l2tp.conf", "road-warrior-gateway.conf" };
	/* certificates.conf needs its files: tests/interop/test_certificates.py */
	const char *data = getenv("SALLYPORT_TEST_DATA");
	char path[512], text[8192];

	(void)state;
	if (!data)
		skip();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct config c;
		FILE *f;

		snprintf(path, sizeof path, "%s/../../examples/%s", data, names[i]);
		f = fopen(path, "r");
		assert_non_null(f);
		text[fread(text, 1, sizeof text - 1, f)] = 0;
		fclose(f);
		c = load(text);
		assert_true(c.n > 0);
		config_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shortest_file),
		cmocka_unit_test(connection_times),
		cmocka_unit_test(child_lifetimes),
		cmocka_unit_test(connection_keys),
		cmocka_unit_test(child_keys),
		cmocka_unit_test(selectors_default_to_dynamic),
		cmocka_unit_test(addresses),
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(certificates_are_checked),
		cmocka_unit_test(not_yet_supported),
		cmocka_unit_test(ah_bundles_and_compression),
		cmocka_unit_test(defaults_written_out),
		cmocka_unit_test(codepoint_of_ike_packets),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(version_0_only_answers),
		cmocka_unit_test(every_mistake_is_told),
		cmocka_unit_test(templates),
		cmocka_unit_test(secrets),
		cmocka_unit_test(secrets_are_not_told),
		cmocka_unit_test(exposed_secrets_are_refused),
		cmocka_unit_test(missing_file),
		cmocka_unit_test(default_replay_window),
		cmocka_unit_test(lists),
		cmocka_unit_test(notices_change_nothing),
		cmocka_unit_test(closest_names),
		cmocka_unit_test(examples_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
