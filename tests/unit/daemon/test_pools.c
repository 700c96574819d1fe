/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: what a section says, who gets which address, what a reload keeps. */
#include "conf_support.h"

#include "config_attribute.h"

static struct pools
load(const char *text)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };
	struct pools p;

	if (!config_from(&c, text, &errs))
		fail_msg("%s\nrefused: %s", text, conf_errors_first(&errs));
	conf_errors_free(&errs);
	p = c.pools;
	c.pools = (struct pools) { 0 };
	config_free(&c);
	return p;
}

static void
refuse(const char *text, const char *words)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };

	if (config_from(&c, text, &errs))
		fail_msg("%s\naccepted", text);
	if (!strstr(conf_errors_first(&errs), words) || !strstr(conf_errors_first(&errs), "/swanctl.conf:"))
		fail_msg("%s\nsays: %s\nnot: %s", text, conf_errors_first(&errs), words);
	conf_errors_free(&errs);
}

static struct identity
user(const char *name)
{
	struct identity id;
	const char *why;

	assert_true(identity_parse(&id, span_str(name), &why));
	return id;
}

/* What @name gets who asks for @want; "" for nothing. Valid until the next call. */
static const char *
lends(struct pool *p, const char *name, const char *want)
{
	static char text[IP_TEXT_MAX];
	struct identity id = user(name);
	struct ip wanted, got;

	assert_true(ip_parse(&wanted, want));
	return pool_acquire(p, &got, &id, &wanted, NULL, 0) ? ip_format(text, &got) : "";
}

static bool
gives_back(struct pool *p, const char *name, const char *address)
{
	struct identity id = user(name);
	struct ip ip;

	assert_true(ip_parse(&ip, address));
	return pool_release(p, &ip, &id);
}

static void
ranges(void **state)
{
	static const struct {
		const char *addrs, *first, *last;
		uint64_t size;
	} cases[] = {
		{ "10.9.0.0/28", "10.9.0.1", "10.9.0.14", 14 },
		{ "10.9.0.64/28", "10.9.0.65", "10.9.0.78", 14 },
		{ "10.9.0.5/28", "10.9.0.5", "10.9.0.14", 10 },
		{ "10.9.0.7/32", "10.9.0.7", "10.9.0.7", 1 },
		{ "10.9.0.6/31", "10.9.0.6", "10.9.0.7", 2 },
		{ "10.9.0.250-10.9.1.5", "10.9.0.250", "10.9.1.5", 12 },
		{ "fd09::/120", "fd09::1", "fd09::fe", 254 },
		{ "fd09::/64", "fd09::1", "fd09::ffff:ffff:ffff:fffe", UINT64_MAX - 1 },
	};
	char text[128], shown[IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "pools { p { addrs = %s\n } }", cases[i].addrs);

		struct pools l = load(text);

		assert_string_equal(ip_format(shown, &l.p[0]->lo), cases[i].first);
		assert_string_equal(ip_format(shown, &l.p[0]->hi), cases[i].last);
		if (cases[i].size < UINT32_MAX)
			assert_int_equal(l.p[0]->size, cases[i].size);
		else
			assert_true(l.p[0]->size > UINT32_MAX);
		pools_free(&l);
	}
}

static void
what_is_refused(void **state)
{
	(void)state;
	refuse("pools { p { dns = 10.0.0.1\n } }", "pool 'p' has no addrs");
	refuse("pools { p { addrs = ten\n } }", "addrs = ten is not allowed");
	refuse("pools { p { addrs = dynamic\n } }", "is not allowed");
	refuse("pools { p { addrs = 10.9.0.255/24\n } }", "leaves no address to assign");
	refuse("pools { p { addrs = fd01::ffff/112\n } }", "leaves no address to assign");
	refuse("pools { p { addrs = 10.9.0.0/24\n dns = example.org\n } }", "dns: 'example.org' is not an address");
	refuse("pools { p { addrs = 10.9.0.0/24\n subnet = 10.1.0.0-10.2.0.7\n } }", "is not a network");
	refuse("pools { p { addrs = 10.9.0.0/24\n split_include = fd01::/64\n } }", "is not an IPv4 network");
	refuse("pools { p { addrs = 10.9.0.0/24\n split+include = 10.1.0.0/16\n } }", "unknown attribute 'split+include'");
	refuse("pools { p { addrs = 10.9.0.0/24\n dsn = 10.0.0.1\n } }", "unknown attribute 'dsn'");
	refuse("pools { p { addrs = 10.9.0.0/24\n 40000 = x\n } }", "unknown attribute '40000'");
	refuse("pools { p { addrs = 10.9.0.0/24\n s { } } }", "there are only keys");
	refuse("pools { x = 1\n }", "key 'x' in pools");
}

static void
expect_attribute(const struct pool *p, size_t i, uint16_t type, const char *octets, size_t n)
{
	assert_true(i < p->attributes.n);
	assert_int_equal(p->attributes.a[i].type, type);
	assert_int_equal(p->attributes.a[i].value.n, n);
	assert_memory_equal(p->attributes.a[i].value.p, octets, n);
}

static void
attributes(void **state)
{
	struct pools l = load("pools { p { addrs = 10.9.0.0/24\n dns = 10.0.0.1, fd00::1\n subnet = 10.1.0.0/16\n"
	                      "split_include = 10.1.0.0/16\n split-include = 10.2.0.0/15\n 28672 = welcome home\n 13 = 10.7.0.0/24\n } }");
	const struct pool *p = l.p[0];

	(void)state;
	assert_int_equal(p->attributes.n, 6);
	expect_attribute(p, 0, INTERNAL_IP4_DNS, "\x0a\x00\x00\x01", 4);
	expect_attribute(p, 1, INTERNAL_IP6_DNS, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	expect_attribute(p, 2, INTERNAL_IP4_SUBNET, "\x0a\x01\0\0\xff\xff\0\0", 8);
	/* Both networks in one attribute, each with six octets for protocol and ports. */
	expect_attribute(p, 3, UNITY_SPLIT_INCLUDE, "\x0a\x01\0\0\xff\xff\0\0\0\0\0\0\0\0\x0a\x02\0\0\xff\xfe\0\0\0\0\0\0\0\0", 28);
	expect_attribute(p, 4, UNITY_BANNER, "welcome home", 12);
	expect_attribute(p, 5, INTERNAL_IP4_SUBNET, "\x0a\x07\0\0\xff\xff\xff\0", 8);
	pools_free(&l);
}

static void
who_gets_what(void **state)
{
	struct pools l = load("pools { p { addrs = 10.9.0.1-10.9.0.3\n } }");
	struct pool *p = l.p[0];

	(void)state;
	assert_string_equal(lends(p, "carol", "0.0.0.0"), "10.9.0.1");
	assert_string_equal(lends(p, "dave", "0.0.0.0"), "10.9.0.2");
	/* A second device of carol's has an address of its own while the first is there. */
	assert_string_equal(lends(p, "carol", "0.0.0.0"), "10.9.0.3");
	assert_string_equal(lends(p, "erin", "0.0.0.0"), "");
	assert_string_equal(lends(p, "erin", "::"), "");
	assert_int_equal(p->n_online, 3);
	assert_true(gives_back(p, "dave", "10.9.0.2"));
	assert_true(gives_back(p, "carol", "10.9.0.1"));
	assert_false(gives_back(p, "carol", "10.9.0.1"));
	assert_false(gives_back(p, "mallory", "10.9.0.3"));
	assert_int_equal(p->n_online, 1);
	assert_int_equal(p->n_leases, 3);
	/* Each gets back what it had, in whatever order they come. */
	assert_string_equal(lends(p, "carol", "0.0.0.0"), "10.9.0.1");
	assert_string_equal(lends(p, "dave", "0.0.0.0"), "10.9.0.2");
	/* Who was away for longest gives up its address when there is no other. */
	assert_true(gives_back(p, "dave", "10.9.0.2"));
	assert_true(gives_back(p, "carol", "10.9.0.1"));
	assert_string_equal(lends(p, "erin", "0.0.0.0"), "10.9.0.2");
	assert_string_equal(lends(p, "dave", "0.0.0.0"), "10.9.0.1");
	pools_free(&l);
}

static void
asking_for_an_address(void **state)
{
	struct pools l = load("pools { p { addrs = 10.9.0.0/29\n } }");
	struct pool *p = l.p[0];

	(void)state;
	assert_string_equal(lends(p, "carol", "10.9.0.4"), "10.9.0.4");
	/* Taken, and not even free when offline: it is carol's. */
	assert_string_equal(lends(p, "dave", "10.9.0.4"), "10.9.0.1");
	assert_true(gives_back(p, "carol", "10.9.0.4"));
	assert_string_equal(lends(p, "erin", "10.9.0.4"), "10.9.0.2");
	assert_string_equal(lends(p, "frank", "10.8.0.1"), "10.9.0.3");
	/* The one that was taken out of turn is passed over. */
	assert_string_equal(lends(p, "grace", "0.0.0.0"), "10.9.0.5");
	pools_free(&l);
}

/* An IKE_SA that replaces another holds the same address as that one, for as long as both are there. */
static void
held_twice(void **state)
{
	struct pools l = load("pools { p { addrs = 10.9.0.0/29\n } }");
	struct pool *p = l.p[0];
	struct identity carol = user("carol"), mallory = user("mallory");
	struct ip any = { .family = IP_V4 }, first, again;

	(void)state;
	assert_true(pool_acquire(p, &first, &carol, &any, NULL, 0));
	assert_true(pool_acquire(p, &again, &carol, &any, &first, 1));
	assert_true(ip_equal(&first, &again));
	assert_true(pool_acquire(p, &again, &mallory, &any, &first, 1));
	assert_false(ip_equal(&first, &again));
	assert_true(pool_release(p, &first, &carol));
	assert_int_equal(p->n_online, 2);
	assert_true(pool_release(p, &first, &carol));
	assert_int_equal(p->n_online, 1);
	pools_free(&l);
}

static void
a_reload_keeps_leases(void **state)
{
	struct pools l = load("pools { p { addrs = 10.9.0.0/24\n } gone { addrs = 10.8.0.0/24\n } used { addrs = 10.7.0.0/24\n } }");
	struct pools next = load("pools { p { addrs = 10.9.0.0/25\n dns = 10.0.0.1\n } }");

	(void)state;
	assert_string_equal(lends(pools_find(&l, "p"), "carol", "0.0.0.0"), "10.9.0.1");
	assert_string_equal(lends(pools_find(&l, "p"), "dave", "10.9.0.200"), "10.9.0.200");
	assert_string_equal(lends(pools_find(&l, "p"), "erin", "0.0.0.0"), "10.9.0.2");
	assert_true(gives_back(pools_find(&l, "p"), "erin", "10.9.0.2"));
	assert_string_equal(lends(pools_find(&l, "used"), "carol", "0.0.0.0"), "10.7.0.1");
	pools_replace_file(&l, &next);
	assert_null(pools_find(&l, "gone"));
	/* Somebody has an address of it: it goes when he does. */
	assert_non_null(pools_find(&l, "used"));
	assert_false(pools_remove(&l, "used"));
	assert_int_equal(pools_find(&l, "p")->n_leases, 2);
	assert_int_equal(pools_find(&l, "p")->n_online, 1);
	assert_int_equal(pools_find(&l, "p")->attributes.n, 1);
	assert_string_equal(lends(pools_find(&l, "p"), "erin", "0.0.0.0"), "10.9.0.2");
	assert_string_equal(lends(pools_find(&l, "p"), "frank", "0.0.0.0"), "10.9.0.3");
	assert_true(gives_back(pools_find(&l, "used"), "carol", "10.7.0.1"));
	assert_true(pools_remove(&l, "used"));
	assert_false(pools_remove(&l, "used"));
	pools_free(&l);
}

/* ---- the connection's part */

static void
rounds_by_number(void **state)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };
	const struct conn *k;

	(void)state;
	assert_true(config_from(&c,
	                        "connections { a { version = 1\n vips = 0.0.0.0, ::\n pools = p, radius\n pull = no\n"
	                        "local-x { auth = xauth-generic\n xauth_id = carol\n round = 2\n }\n"
	                        "local { auth = psk\n id = c@example.org\n round = 1\n }\n"
	                        "remote { auth = psk\n }\n remote-b { auth = xauth-radius\n xauth_id = dave\n } } }",
	                        &errs));
	k = c.conn[0];
	assert_int_equal(k->local.method, AUTH_PSK);
	assert_int_equal(k->n_local_more, 1);
	assert_int_equal(k->local_more[0].method, AUTH_XAUTH);
	assert_string_equal(k->local_more[0].backend, "generic");
	assert_int_equal(k->local_more[0].xauth_id.n, 5);
	assert_int_equal(k->n_remote_more, 1);
	assert_string_equal(k->remote_more[0].backend, "radius");
	assert_memory_equal(k->remote_more[0].xauth_id.b, "dave", 4);
	assert_int_equal(k->n_vips, 2);
	assert_int_equal(k->vips[1].family, IP_V6);
	assert_int_equal(k->pools.n, 2);
	assert_false(k->pull);
	config_free(&c);
}

#define A(body) "connections { a { version = 1\n" body "\n} }"

static void
what_a_connection_refuses(void **state)
{
	(void)state;
	refuse(A("local-1 { auth = psk\n }\nlocal-2 { auth = psk\n }"), "after the first round IKEv1 knows XAUTH only");
	refuse(A("local { auth = xauth-pam\n }"), "auth = xauth-pam is not allowed");
	refuse(A("local { auth = xauthor\n }"), "auth = xauthor is not allowed");
	refuse(A("vips = here"), "vips: 'here' is no address");
	refuse(A("pools = dhcp"), "dhcp is not available");
	refuse(A("pull = perhaps"), "pull");
	refuse("secrets { xauth { secret = x\n } }", "secret 'xauth' has no id");
	refuse("secrets { eap-carol { id = carol\n } }", "secret of 'eap-carol': it is missing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(attributes),
		cmocka_unit_test(who_gets_what),
		cmocka_unit_test(asking_for_an_address),
		cmocka_unit_test(held_twice),
		cmocka_unit_test(a_reload_keeps_leases),
		cmocka_unit_test(rounds_by_number),
		cmocka_unit_test(what_a_connection_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
