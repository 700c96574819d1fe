/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 2409 section 5.4: which secret serves which pair of ends. */
#include "conf_support.h"
#include "secret_store.h"

static struct identity
id(const char *text)
{
	struct identity i;
	const char *why;

	assert_true(identity_parse(&i, span_str(text), &why));
	return i;
}

/* Owners are words with a space between; the secret is its own name. */
static void
add(struct secret_store *st, const char *name, const char *owners)
{
	struct identity owner[8];
	char copy[256];
	size_t n = 0;

	snprintf(copy, sizeof copy, "%s", owners);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		owner[n++] = id(w);
	assert_true(secret_store_add(st, SECRET_FROM_FILE, name, span_str(name), owner, n));
}

static void
expect(const struct secret_store *st, const char *local, const char *remote, const char *name)
{
	struct identity l = id(local), r = id(remote);
	struct psk_query q = { &l, &r, 1 };
	const struct secret *s = secret_store_find(st, &q);

	if (!name) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	if (!span_equal(secret_span(s), span_str(name)))
		fail_msg("%s, %s: got %.*s, not %s", local, remote, (int)s->n, (const char *)s->p, name);
}

static void
best_match_first(void **state)
{
	struct secret_store st = { 0 };

	(void)state;
	expect(&st, "moon", "sun", NULL);
	add(&st, "everyone", "");
	add(&st, "any", "%any");
	add(&st, "pattern", "*.example.org");
	add(&st, "sun-only", "sun.example.org");
	add(&st, "both", "moon.example.org sun.example.org");
	add(&st, "subnet", "10.0.0.0/8");
	add(&st, "range", "10.1.0.1-10.1.0.99");
	add(&st, "address", "10.1.0.5");
	/* Both ends by name. */
	expect(&st, "moon.example.org", "sun.example.org", "both");
	/* Only the peer. */
	expect(&st, "mars", "sun.example.org", "sun-only");
	/* A pattern, then %any. */
	expect(&st, "mars", "venus.example.org", "pattern");
	expect(&st, "mars", "venus", "any");
	/* Exactly, then by range or subnet. */
	expect(&st, "192.0.2.1", "10.1.0.5", "address");
	assert_true(secret_store_remove(&st, SECRET_FROM_FILE, "any"));
	expect(&st, "mars", "venus", "everyone");
	assert_true(secret_store_remove(&st, SECRET_FROM_FILE, "everyone"));
	expect(&st, "mars", "venus", NULL);
	expect(&st, "192.0.2.1", "10.200.0.1", "subnet");
	assert_true(secret_store_remove(&st, SECRET_FROM_FILE, "subnet"));
	expect(&st, "192.0.2.1", "10.1.0.6", "range");
	expect(&st, "192.0.2.1", "10.200.0.1", NULL);
	secret_store_free(&st);
}

/* A secret that names a third party serves neither end. */
static void
others_secrets_serve_nobody_else(void **state)
{
	struct secret_store st = { 0 };

	(void)state;
	add(&st, "theirs", "venus mars");
	expect(&st, "moon", "sun", NULL);
	expect(&st, "moon", "venus", "theirs");
	secret_store_free(&st);
}

/* One for everybody goes before one that names our own end and a stranger, as with strongSwan. */
static void
everybodys_before_a_strangers(void **state)
{
	struct secret_store st = { 0 };

	(void)state;
	add(&st, "strangers", "moon carol");
	expect(&st, "moon", "sun", "strangers");
	add(&st, "everybodys", "");
	expect(&st, "moon", "sun", "everybodys");
	expect(&st, "moon", "carol", "strangers");
	secret_store_free(&st);
}

/* The pairs of a query are tried in order: the ids of connections before the addresses. */
static void
pairs_in_order(void **state)
{
	struct identity local[] = { id("moon"), id("192.0.2.1") }, remote[] = { id("sun"), id("192.0.2.2") };
	struct psk_query q = { local, remote, 2 };
	struct secret_store st = { 0 };

	(void)state;
	add(&st, "by-address", "192.0.2.2");
	assert_true(span_equal(secret_span(secret_store_find(&st, &q)), span_str("by-address")));
	add(&st, "by-name", "sun");
	assert_true(span_equal(secret_span(secret_store_find(&st, &q)), span_str("by-name")));
	secret_store_free(&st);
}

/* Those for one peer each are found by it, those with patterns are gone through: the same answer as a look at all. */
static void
many_secrets(void **state)
{
	struct secret_store st = { 0 };
	char name[32], owners[64];

	(void)state;
	add(&st, "pattern", "*.example.org");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "s%u", i);
		snprintf(owners, sizeof owners, "gw.example.net p%u.example.org", i);
		add(&st, name, owners);
	}
	expect(&st, "gw.example.net", "p7.example.org", "s7");
	expect(&st, "gw.example.net", "P700.Example.ORG", "s700");
	expect(&st, "other.example.net", "p7.example.org", "s7");
	expect(&st, "gw.example.net", "q.example.org", "pattern");
	/* Nobody is named but us: the first that was loaded. */
	expect(&st, "gw.example.net", "q.example.com", "s0");
	assert_true(secret_store_remove(&st, SECRET_FROM_FILE, "s7"));
	expect(&st, "gw.example.net", "p7.example.org", "pattern");
	assert_true(secret_store_remove(&st, SECRET_FROM_FILE, "pattern"));
	expect(&st, "other.example.net", "p7.example.org", NULL);
	secret_store_free(&st);
}

/* A name in a list with a pattern is found both ways. */
static void
a_pattern_beside_a_name(void **state)
{
	struct secret_store st = { 0 };

	(void)state;
	add(&st, "mixed", "sun *.example.org");
	add(&st, "star", "*.example.org");
	expect(&st, "moon", "sun", "mixed");
	expect(&st, "moon", "venus.example.org", "mixed");
	assert_true(secret_store_remove(&st, SECRET_FROM_FILE, "mixed"));
	expect(&st, "moon", "sun", NULL);
	expect(&st, "moon", "venus.example.org", "star");
	secret_store_free(&st);
}

/* What vici loads and what the file says are replaced apart. */
static void
origins_are_apart(void **state)
{
	struct secret_store st = { 0 }, next = { 0 };
	struct identity sun = id("sun"), venus = id("venus");

	(void)state;
	add(&st, "ike", "sun");
	assert_true(secret_store_add(&st, SECRET_FROM_VICI, "ike", span_str("over-vici"), &venus, 1));
	assert_int_equal(st.n, 2);
	/* The same name again replaces. */
	assert_true(secret_store_add(&st, SECRET_FROM_VICI, "ike", span_str("again"), &venus, 1));
	assert_int_equal(st.n, 2);
	expect(&st, "moon", "venus", "again");
	/* A reload of the file leaves vici's alone. */
	assert_true(secret_store_add(&next, SECRET_FROM_FILE, "new", span_str("new"), &sun, 1));
	assert_int_equal(secret_store_replace(&st, SECRET_FROM_FILE, &next), 0);
	assert_int_equal(next.n, 0);
	expect(&st, "moon", "sun", "new");
	expect(&st, "moon", "venus", "again");
	secret_store_clear(&st, SECRET_FROM_VICI);
	expect(&st, "moon", "venus", NULL);
	expect(&st, "moon", "sun", "new");
	assert_false(secret_store_remove(&st, SECRET_FROM_VICI, "new"));
	secret_store_free(&st);
}

/* A reload says how many of the file's found no room beside vici's. */
static void
a_full_store_tells_what_it_does_not_take(void **state)
{
	struct secret_store st = { 0 }, next = { 0 };

	(void)state;
	while (secret_store_add(&st, SECRET_FROM_VICI, NULL, span_str("v"), NULL, 0))
		;
	assert_int_equal(st.n, SECRETS_MAX);
	assert_true(secret_store_add(&next, SECRET_FROM_FILE, NULL, span_str("a"), NULL, 0));
	assert_true(secret_store_add(&next, SECRET_FROM_FILE, NULL, span_str("b"), NULL, 0));
	assert_int_equal(secret_store_replace(&st, SECRET_FROM_FILE, &next), 2);
	secret_store_free(&st);
}

static void
limits(void **state)
{
	static uint8_t large[SECRET_OCTETS_MAX + 1];
	struct secret_store st = { 0 };
	struct identity many[SECRET_OWNERS_MAX + 1] = { 0 };

	(void)state;
	assert_false(secret_store_add(&st, SECRET_FROM_VICI, "x", span_of(large, sizeof large), NULL, 0));
	assert_false(secret_store_add(&st, SECRET_FROM_VICI, "x", span_str("y"), many, SECRET_OWNERS_MAX + 1));
	assert_int_equal(st.n, 0);
	/* Without a name nothing is replaced. */
	assert_true(secret_store_add(&st, SECRET_FROM_VICI, NULL, span_str("a"), NULL, 0));
	assert_true(secret_store_add(&st, SECRET_FROM_VICI, NULL, span_str("b"), NULL, 0));
	assert_int_equal(st.n, 2);
	secret_store_free(&st);
}

static void
answers_with_a_copy(void **state)
{
	struct identity l = id("moon"), r = id("sun");
	struct psk_query q = { &l, &r, 1 };
	struct secret_store st = { 0 };
	struct secret s = { 0 };

	(void)state;
	assert_false(secret_store_answer(&st, &s, &q));
	add(&st, "x", "sun");
	assert_true(secret_store_answer(&st, &s, &q));
	secret_store_free(&st);
	assert_true(span_equal(secret_span(&s), span_str("x")));
	secret_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_match_first),
		cmocka_unit_test(others_secrets_serve_nobody_else),
		cmocka_unit_test(everybodys_before_a_strangers),
		cmocka_unit_test(pairs_in_order),
		cmocka_unit_test(many_secrets),
		cmocka_unit_test(a_pattern_beside_a_name),
		cmocka_unit_test(origins_are_apart),
		cmocka_unit_test(a_full_store_tells_what_it_does_not_take),
		cmocka_unit_test(limits),
		cmocka_unit_test(answers_with_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
