/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "core_case.h"

/* Which connections a first message may mean: both addresses match, most specific first (RFC 2409 section 5.4). */

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
	struct candidates c;
	struct conn *one;

	assert_true(ip_parse(&l, local) && ip_parse(&r, remote));
	text[0] = 0;
	core->fx = &fx;
	c = conn_candidates(core, IKE_V1, &l, &r);
	for (size_t i = 0; (one = candidate(&c, i)); i++) {
		strcat(text, i ? " " : "");
		strcat(text, one->name);
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

/* The ticket of the question about names in the last effects; 0: none. */
static uint64_t
asked(void)
{
	uint64_t ticket = 0;

	for (size_t i = 0; i < fx.n; i++)
		if (fx.e[i].kind == EFFECT_ASK_NAMES)
			ticket = fx.e[i].ticket;
	effects_clear(&fx);
	return ticket;
}

static void
name_means(instant_t now, uint64_t ticket, const char *address)
{
	struct ip ip;
	struct answer a = {
		.kind = ANSWER_NAMES, .ticket = ticket, .ok = address != NULL, .named = &ip, .n_named = address != NULL
	};

	if (address)
		assert_true(ip_parse(&ip, address));
	assert_int_equal(ike_answer(core, now, &a, &fx), IKE_OK);
	effects_clear(&fx);
}

/* A first message from there; the ticket of the question about names that it causes. */
static uint64_t
somebody_comes(instant_t now, const char *from)
{
	uint8_t octets[32] = { 1, 2, 3, 4, 5, 6, 7, 8, [16] = 0, 0x10, 2, 0, [27] = 32 };
	struct datagram in = { .local = { .port = 500 }, .remote = { .port = 500 }, .data = { octets, sizeof octets } };

	assert_true(ip_parse(&in.local.ip, "198.51.100.1") && ip_parse(&in.remote.ip, from));
	assert_int_equal(ike_receive(core, now, &in, &fx), IKE_OK);
	return asked();
}

/* A connection with one name, at the peer's end or at ours. */
static void
load_named(const char *name, bool local)
{
	struct conn *c = conn_new(name);
	struct address_specs *l;

	assert_non_null(c);
	c->version = IKE_V1;
	l = local ? &c->local_addrs : &c->remote_addrs;
	l->a = calloc(1, sizeof *l->a);
	assert_non_null(l->a);
	l->a[0].name = strdup("peer.example.org");
	l->n = 1;
	assert_int_equal(ike_command(core, SECONDS(1), &(struct command) { .kind = COMMAND_LOAD, .conn = c }, &fx), IKE_OK);
	conn_unref(c);
}

static void
names_are_asked_again_when_somebody_unknown_comes(void **state)
{
	uint64_t ticket;

	(void)state;
	load_named("named", false);
	ticket = asked();
	assert_int_not_equal(ticket, 0);
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "");
	name_means(SECONDS(1), ticket, "192.0.2.1");
	load("anyone", IKE_V1, NULL, NULL, NULL);
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "named anyone");
	/* Who is explained causes no question; who is not causes one, for a while. */
	assert_int_equal(somebody_comes(SECONDS(10), "192.0.2.1"), 0);
	ticket = somebody_comes(SECONDS(10), "192.0.2.2");
	assert_int_not_equal(ticket, 0);
	name_means(SECONDS(11), ticket, "192.0.2.2");
	assert_int_equal(somebody_comes(SECONDS(12), "192.0.2.3"), 0);
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "anyone");
	assert_string_equal(found("198.51.100.1", "192.0.2.2"), "named anyone");
	/* A question that is under way is not asked again; an answer that fails takes nothing away. */
	ticket = somebody_comes(SECONDS(20), "192.0.2.3");
	assert_int_not_equal(ticket, 0);
	assert_int_equal(somebody_comes(SECONDS(30), "192.0.2.3"), 0);
	name_means(SECONDS(31), ticket, NULL);
	assert_string_equal(found("198.51.100.1", "192.0.2.2"), "named anyone");
}

static void
a_name_of_our_own_is_any_of_our_addresses(void **state)
{
	(void)state;
	load_named("own", true);
	assert_int_equal(asked(), 0);
	assert_string_equal(found("198.51.100.1", "192.0.2.1"), "own");
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

/* ---- connections whose peer may be anywhere */

static void
load_for(const char *name, const char *local, const char *id, const char *proposals)
{
	struct conn *c = conn_new(name);
	const char *why = NULL;
	char text[256];

	assert_non_null(c);
	c->version = IKE_V1;
	if (local)
		set(&c->local_addrs, local, local);
	assert_true(identity_parse(&c->remote.id, span_str(id), &why));
	assert_true(proposals_parse(&c->ike, PROPOSAL_IKE, span_str(proposals), text, sizeof text));
	command((struct command) { .kind = COMMAND_LOAD, .conn = c });
	conn_unref(c);
}

static const char *
named(const char *local, const char *id_text)
{
	static char text[512];
	struct ip l, r;
	struct identity id;
	struct candidates c;
	struct conn **out;
	const char *why = NULL;
	size_t n;

	assert_true(ip_parse(&l, local) && ip_parse(&r, "192.0.2.15") && identity_parse(&id, span_str(id_text), &why));
	text[0] = 0;
	core->fx = &fx;
	c = conn_candidates(core, IKE_V1, &l, &r);
	n = candidates_for(core, &c, &id, &out);
	for (size_t i = 0; i < n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, out[i]->name);
	}
	arena_clear(&core->scratch);
	return text;
}

static void
who_may_be_anywhere_is_found_by_identity(void **state)
{
	static const char suite[] = "aes256-sha256-ecp256";

	(void)state;
	load_for("b-carol", NULL, "carol@example.org", suite);
	load_for("c-dave", NULL, "dave@example.org", suite);
	load_for("a-any", NULL, "%any", suite);
	load_for("d-pattern", NULL, "*@example.org", suite);
	load_for("e-here", "198.51.100.1", "carol@example.org", suite);
	load("host", IKE_V1, NULL, "192.0.2.15", "192.0.2.15");
	/* The pattern's match is looked at by who asks; those that name another are not even there. */
	assert_string_equal(named("198.51.100.2", "Carol@example.org"), "host a-any b-carol d-pattern");
	assert_string_equal(named("198.51.100.1", "carol@example.org"), "host e-here a-any b-carol d-pattern");
	assert_string_equal(named("198.51.100.2", "nobody"), "host a-any d-pattern");
	assert_string_equal(named("198.51.100.2", "%any"), "host a-any b-carol c-dave d-pattern");
	command((struct command) { .kind = COMMAND_UNLOAD, .ike = "b-carol" });
	assert_string_equal(named("198.51.100.2", "carol@example.org"), "host a-any d-pattern");
}

/* A first message is matched against one of each kind; in the same order as against all. */
static void
connections_that_answer_alike_are_one_kind(void **state)
{
	struct ip l, r;
	struct candidates c;

	(void)state;
	load_for("a", NULL, "a", "aes256-sha256-ecp256");
	load_for("b", NULL, "b", "aes256-sha256-ecp256");
	load_for("c", NULL, "c", "aes128-sha256-ecp256");
	load_for("d", NULL, "d", "aes256-sha256-ecp256");
	assert_true(ip_parse(&l, "198.51.100.1") && ip_parse(&r, "192.0.2.15"));
	core->fx = &fx;
	c = conn_candidates(core, IKE_V1, &l, &r);
	assert_string_equal(candidate_kind(&c, 0)->name, "a");
	assert_string_equal(candidate_kind(&c, 1)->name, "c");
	assert_null(candidate_kind(&c, 2));
	assert_string_equal(candidate(&c, 3)->name, "d");
	assert_null(candidate(&c, 4));
	arena_clear(&core->scratch);
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
		T(names_are_asked_again_when_somebody_unknown_comes),
		T(a_name_of_our_own_is_any_of_our_addresses),
		T(equals_come_in_order_of_name),
		T(what_is_unloaded_or_changed_is_not_found_any_more),
		T(an_address_that_is_named_twice_counts_once),
		T(who_may_be_anywhere_is_found_by_identity),
		T(connections_that_answer_alike_are_one_kind),
		T(connections_are_walked_in_order_of_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
