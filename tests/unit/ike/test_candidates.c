/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "exchange.h"
#include "ike1.h"
#include "seeded_rng.h"

/* Which connections a first message may mean: both addresses match, most specific first (RFC 2409 section 5.4). */

static struct ike *core;
static struct effects fx;
static struct seeded_rng rng;

static int
setup(void **state)
{
	static const struct ike_protocol *const protocols[] = { &ike1_protocol, NULL };
	struct ike_settings s;

	(void)state;
	seeded_rng_open(&rng, 1);
	ike_settings_default(&s);
	core = ike_new(&s, &rng.rng, protocols);
	return core ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	ike_free(core);
	effects_free(&fx);
	return 0;
}

static void
command(struct command c)
{
	assert_int_equal(ike_command(core, SECONDS(1), &c, &fx), IKE_OK);
	effects_clear(&fx);
}

static void
set(struct address_specs *l, const char *lo, const char *hi)
{
	l->a = realloc(l->a, (l->n + 1) * sizeof *l->a);
	assert_non_null(l->a);
	l->a[l->n] = (struct address_spec) { 0 };
	assert_true(ip_parse(&l->a[l->n].lo, lo) && ip_parse(&l->a[l->n].hi, hi));
	l->n++;
}

static void
load(const char *name, enum ike_version version, const char *local, const char *lo, const char *hi)
{
	struct conn *c = conn_new(name);

	assert_non_null(c);
	c->version = version;
	if (local)
		set(&c->local_addrs, local, local);
	if (lo)
		set(&c->remote_addrs, lo, hi);
	command((struct command) { .kind = COMMAND_LOAD, .conn = c });
	conn_unref(c);
}

/* The names, most specific first, joined by spaces. */
static const char *
found(const char *local, const char *remote)
{
	static char text[512];
	struct ip l, r;
	struct conn **c;
	size_t n;

	assert_true(ip_parse(&l, local) && ip_parse(&r, remote));
	text[0] = 0;
	core->fx = &fx;
	n = conn_candidates(core, IKE_V1, &l, &r, &c);
	for (size_t i = 0; i < n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, c[i]->name);
	}
	arena_clear(&core->scratch);
	return text;
}

static void
the_most_specific_comes_first(void **state)
{
	(void)state;
	load("anyone", IKE_V1, NULL, NULL, NULL);
	load("net", IKE_V1, NULL, "192.0.2.0", "192.0.2.255");
	load("range", IKE_V1, NULL, "192.0.2.10", "192.0.2.20");
	load("host", IKE_V1, NULL, "192.0.2.15", "192.0.2.15");
	assert_string_equal(found("198.51.100.1", "192.0.2.15"), "host range net anyone");
	assert_string_equal(found("198.51.100.1", "192.0.2.30"), "net anyone");
	assert_string_equal(found("198.51.100.1", "203.0.113.1"), "anyone");
}

static void
both_addresses_and_the_version_must_fit(void **state)
{
	(void)state;
	load("here", IKE_V1, "198.51.100.1", "192.0.2.1", "192.0.2.1");
	load("there", IKE_V1, "198.51.100.2", "192.0.2.1", "192.0.2.1");
	load("two", IKE_V2, NULL, "192.0.2.1", "192.0.2.1");
	load("either", IKE_ANY, NULL, "192.0.2.1", "192.0.2.1");
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "here either");
	assert_string_equal(found("198.51.100.2", "192.0.2.1"), "there either");
	assert_string_equal(found("198.51.100.3", "192.0.2.2"), "");
}

static void
equals_come_in_order_of_name(void **state)
{
	(void)state;
	load("c", IKE_V1, NULL, "192.0.2.1", "192.0.2.1");
	load("a", IKE_V1, NULL, "192.0.2.1", "192.0.2.1");
	load("b", IKE_V1, NULL, "192.0.2.1", "192.0.2.1");
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "a b c");
}

static void
what_is_unloaded_or_changed_is_not_found_any_more(void **state)
{
	(void)state;
	load("a", IKE_V1, NULL, "192.0.2.1", "192.0.2.1");
	load("b", IKE_V1, NULL, "192.0.2.1", "192.0.2.1");
	command((struct command) { .kind = COMMAND_UNLOAD, .ike = "a" });
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "b");
	load("b", IKE_V1, NULL, "192.0.2.9", "192.0.2.9");
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "");
	assert_string_equal(found("198.51.100.1", "192.0.2.9"), "b");
}

static void
an_address_that_is_named_twice_counts_once(void **state)
{
	struct conn *c = conn_new("twice");

	(void)state;
	set(&c->remote_addrs, "192.0.2.1", "192.0.2.1");
	set(&c->remote_addrs, "192.0.2.1", "192.0.2.1");
	set(&c->remote_addrs, "2001:db8::1", "2001:db8::1");
	c->version = IKE_V1;
	command((struct command) { .kind = COMMAND_LOAD, .conn = c });
	conn_unref(c);
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "twice");
	assert_string_equal(found("2001:db8::2", "2001:db8::1"), "twice");
}

static void
connections_are_walked_in_order_of_name(void **state)
{
	static const char *const want[] = { "a", "b", "c" };
	const struct conn *c = NULL;
	unsigned n = 0;

	(void)state;
	load("b", IKE_V1, NULL, NULL, NULL);
	load("c", IKE_V1, NULL, NULL, NULL);
	load("a", IKE_V1, NULL, NULL, NULL);
	load("b", IKE_V1, NULL, NULL, NULL);
	while ((c = ike_next_conn(core, c)))
		assert_string_equal(c->name, want[n++]);
	assert_int_equal(n, 3);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_most_specific_comes_first),
		T(both_addresses_and_the_version_must_fit),
		T(equals_come_in_order_of_name),
		T(what_is_unloaded_or_changed_is_not_found_any_more),
		T(an_address_that_is_named_twice_counts_once),
		T(connections_are_walked_in_order_of_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
