/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "conn.h"

#include <stdio.h>
#include <stdlib.h>

static struct ip
ip(const char *text)
{
	struct ip a;

	assert_true(ip_parse(&a, text));
	return a;
}

/* swanctl.conf(5), except for the replay window (32 there). */
static void
defaults_are_swanctls(void **state)
{
	struct conn *c = conn_new("net");
	struct child *ch = conn_add_child(c, "web");

	(void)state;
	assert_string_equal(c->name, "net");
	assert_int_equal(c->version, IKE_ANY);
	assert_int_equal(c->local_addrs.n + c->remote_addrs.n, 0);
	assert_int_equal(c->local_port, 500);
	assert_int_equal(c->remote_port, 500);
	assert_true(c->mobike);
	assert_false(c->encap || c->aggressive);
	assert_int_equal(c->dpd_delay_ns | c->dpd_timeout_ns | c->reauth_ns, 0);
	assert_int_equal(c->rekey_ns, SECONDS(4 * 3600));
	assert_int_equal(c->over_ns, c->rekey_ns / 10);
	assert_int_equal(c->rand_ns, c->over_ns);
	assert_int_equal(c->keyingtries, 1);
	assert_int_equal(c->unique, UNIQUE_NO);
	assert_string_equal(ch->name, "web");
	assert_int_equal(ch->mode, MODE_TUNNEL);
	assert_int_equal(ch->lifetime.rekey_ns, SECONDS(3600));
	assert_int_equal(ch->lifetime.life_ns, SECONDS(3960));
	assert_int_equal(ch->lifetime.rand_ns, ch->lifetime.life_ns - ch->lifetime.rekey_ns);
	assert_int_equal(ch->lifetime.life_octets | ch->lifetime.life_packets, 0);
	assert_int_equal(ch->start_action, ACTION_NONE);
	assert_int_equal(ch->close_action, ACTION_NONE);
	assert_int_equal(ch->dpd_action, ACTION_CLEAR);
	assert_int_equal(ch->replay_window, 1024);
	assert_true(ch->copy_df && ch->copy_ecn);
	assert_int_equal(ch->copy_dscp, 1);
	assert_false(ch->hostaccess);
	conn_unref(c);
}

static void
children_are_found_by_name(void **state)
{
	struct conn *c = conn_new("net");
	char name[16];

	(void)state;
	assert_null(conn_child(c, "child0"));
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "child%u", i);
		assert_non_null(conn_add_child(c, name));
	}
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "child%u", i);
		assert_ptr_equal(conn_child(c, name), &c->children[i]);
	}
	assert_null(conn_child(c, "child"));
	assert_null(conn_child(c, "child40"));
	conn_unref(c);
}

static void
references_are_counted(void **state)
{
	struct conn *c = conn_new("net"), *same = conn_ref(c);

	(void)state;
	assert_ptr_equal(c, same);
	conn_unref(c);
	assert_string_equal(same->name, "net");
	conn_unref(same);
	conn_unref(NULL);
}

/* ---- equality */

static struct selector *
some_ts(const char *address)
{
	struct ip a = ip(address);
	struct selector *s = malloc(sizeof *s);

	*s = selector_host(&a);
	return s;
}

static void
some_specs(struct address_specs *l, const char *name)
{
	l->a = calloc(1, sizeof *l->a);
	l->a[0].lo = l->a[0].hi = ip("192.0.2.1");
	l->a[0].name = strdup(name);
	l->n = 1;
}

static void
some_proposals(struct proposals *p)
{
	p->p = calloc(1, sizeof *p->p);
	p->p[0].kind[TRANSFORM_ENCR].t[0] = (struct transform) { ENCR_AES_CBC, 256 };
	p->p[0].kind[TRANSFORM_ENCR].n = 1;
	p->n = 1;
}

/* A connection with something in every part. */
static struct conn *
full_conn(void)
{
	struct conn *c = conn_new("net");
	struct child *ch = conn_add_child(c, "web");
	const char *why;

	some_specs(&c->local_addrs, "moon.example");
	some_specs(&c->remote_addrs, "sun.example");
	some_proposals(&c->ike);
	assert_true(identity_parse(&c->local.id, span_str("moon"), &why));
	assert_true(identity_parse(&c->remote.id, span_str("sun"), &why));
	some_proposals(&ch->esp);
	ch->local_ts = some_ts("10.1.0.1");
	ch->remote_ts = some_ts("10.2.0.1");
	ch->n_local_ts = ch->n_remote_ts = 1;
	ch->updown = strdup("/usr/libexec/updown");
	return c;
}

#define CHANGES(X)                                                                                                               \
	X(c->name[0] = 'N')                                                                                                      \
	X(c->version = IKE_V1)                                                                                                   \
	X(c->local_addrs.a[0].lo.b[3]--)                                                                                         \
	X(c->local_addrs.a[0].hi.b[3]++)                                                                                         \
	X(c->local_addrs.a[0].name[0] = 'M')                                                                                     \
	X(c->remote_addrs.a[0].family = IP_V4)                                                                                   \
	X(c->remote_addrs.n = 0; free(c->remote_addrs.a[0].name))                                                                \
	X(c->local_port++)                                                                                                       \
	X(c->remote_port++)                                                                                                      \
	X(c->ike.p[0].kind[TRANSFORM_ENCR].t[0].id++)                                                                            \
	X(c->ike.p[0].kind[TRANSFORM_ENCR].t[0].key_bits = 128)                                                                  \
	X(c->ike.p[0].kind[TRANSFORM_DH].n++)                                                                                    \
	X(c->ike.n = 0)                                                                                                          \
	X(c->encap = true)                                                                                                       \
	X(c->dscp++)                                                                                                             \
	X(c->mobike = false)                                                                                                     \
	X(c->aggressive = true)                                                                                                  \
	X(c->dpd_delay_ns++)                                                                                                     \
	X(c->dpd_timeout_ns++)                                                                                                   \
	X(c->rekey_ns++)                                                                                                         \
	X(c->reauth_ns++)                                                                                                        \
	X(c->over_ns++)                                                                                                          \
	X(c->rand_ns++)                                                                                                          \
	X(c->keyingtries++)                                                                                                      \
	X(c->unique = UNIQUE_REPLACE)                                                                                            \
	X(c->local.method = AUTH_PSK)                                                                                            \
	X(c->remote.method = AUTH_PSK)                                                                                           \
	X(c->local.id_given = true)                                                                                              \
	X(c->local.id.type = ID_KEY_ID)                                                                                          \
	X(c->remote.id.b[0] = 'S')                                                                                               \
	X(conn_add_child(c, "other"))                                                                                            \
	X(c->children[0].name[0] = 'W')                                                                                          \
	X(c->children[0].esp.p[0].kind[TRANSFORM_ENCR].t[0].key_bits = 192)                                                      \
	X(c->children[0].local_ts[0].proto = 6)                                                                                  \
	X(c->children[0].remote_ts[0].port_lo++)                                                                                 \
	X(c->children[0].n_local_ts = 0)                                                                                         \
	X(c->children[0].mode = MODE_TRANSPORT)                                                                                  \
	X(c->children[0].start_action = ACTION_TRAP)                                                                             \
	X(c->children[0].close_action = ACTION_TRAP)                                                                             \
	X(c->children[0].dpd_action = ACTION_TRAP)                                                                               \
	X(c->children[0].lifetime.rekey_ns++)                                                                                    \
	X(c->children[0].lifetime.life_ns++)                                                                                     \
	X(c->children[0].lifetime.rand_ns++)                                                                                     \
	X(c->children[0].lifetime.rekey_octets++)                                                                                \
	X(c->children[0].lifetime.life_octets++)                                                                                 \
	X(c->children[0].lifetime.rand_octets++)                                                                                 \
	X(c->children[0].lifetime.rekey_packets++)                                                                               \
	X(c->children[0].lifetime.life_packets++)                                                                                \
	X(c->children[0].lifetime.rand_packets++)                                                                                \
	X(c->children[0].replay_window++)                                                                                        \
	X(c->children[0].reqid++)                                                                                                \
	X(c->children[0].priority++)                                                                                             \
	X(c->children[0].hostaccess = true)                                                                                      \
	X(c->children[0].copy_df = false)                                                                                        \
	X(c->children[0].copy_ecn = false)                                                                                       \
	X(c->children[0].copy_dscp = 3)                                                                                          \
	X(c->children[0].updown[0] = '.')                                                                                        \
	X(free(c->children[0].updown); c->children[0].updown = NULL)

static void
every_change_is_seen(void **state)
{
	struct conn *unchanged = full_conn(), *c = full_conn();

	(void)state;
	assert_true(conn_equal(unchanged, c));
	conn_unref(c);
#define X(change)                                                                                                                \
	c = full_conn();                                                                                                         \
	change;                                                                                                                  \
	if (conn_equal(unchanged, c) || conn_equal(c, unchanged))                                                                \
		fail_msg("%s", #change);                                                                                         \
	conn_unref(c);
	CHANGES(X)
#undef X
	conn_unref(unchanged);
}

/* ---- addresses */

static unsigned
score(const struct address_specs *l, const char *address)
{
	struct ip a = ip(address);
	unsigned s = 77;

	return address_specs_match(l, &a, &s) ? s : UINT32_MAX;
}

static void
addresses_match_most_specific_first(void **state)
{
	struct address_spec a[] = {
		{ .family = IP_V6 }, /* %any6 */
		{ .lo = ip("192.0.2.0"), .hi = ip("192.0.2.255") },
		{ .lo = ip("192.0.2.7"), .hi = ip("192.0.2.7") },
		{ .lo = ip("198.51.100.1"), .hi = ip("198.51.100.9") },
		{ .name = (char[]) { "unresolved.example" } },
	};
	struct address_specs all = { a, 5 }, none = { 0 }, named = { a + 4, 1 };

	(void)state;
	assert_int_equal(score(&none, "192.0.2.1"), 0);
	assert_int_equal(score(&none, "2001:db8::1"), 0);
	assert_int_equal(score(&all, "2001:db8::1"), 0);
	assert_int_equal(score(&all, "192.0.3.1"), UINT32_MAX);
	assert_int_equal(score(&all, "198.51.100.10"), UINT32_MAX);
	assert_int_equal(score(&named, "192.0.2.1"), UINT32_MAX);
	assert_true(score(&all, "192.0.2.1") > 0);
	assert_true(score(&all, "192.0.2.7") > score(&all, "192.0.2.1"));
	assert_true(score(&all, "198.51.100.5") > score(&all, "192.0.2.1"));
	assert_true(score(&all, "198.51.100.5") < score(&all, "192.0.2.7"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_swanctls),
		cmocka_unit_test(children_are_found_by_name),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(every_change_is_seen),
		cmocka_unit_test(addresses_match_most_specific_first),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
