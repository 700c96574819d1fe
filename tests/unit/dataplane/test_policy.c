/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "policy.h"
#include "seeded_rng.h"

struct fixture {
	struct policies all;
};

static int
open_policies(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct seeded_rng rng;

	seeded_rng_open(&rng, 1);
	*state = f;
	return policies_open(&f->all, &rng.rng) ? 0 : -1;
}

static int
close_policies(void **state)
{
	struct fixture *f = *state;

	policies_close(&f->all);
	free(f);
	return 0;
}

static struct selector_pair
pair(const char *local, const char *remote)
{
	struct selector_pair p;
	const char *why;

	assert_true(selector_parse(&p.local, span_str(local), &why));
	assert_true(selector_parse(&p.remote, span_str(remote), &why));
	return p;
}

static struct flow
flow(const char *src, const char *dst)
{
	struct flow f = { .proto = 17, .ports_known = true, .sport = 1000, .dport = 53 };

	assert_true(ip_parse(&f.src, src));
	assert_true(ip_parse(&f.dst, dst));
	return f;
}

static void
claim(struct policies *all, size_t slot, const char *local, const char *remote)
{
	struct selector_pair ts = pair(local, remote);
	struct claim c = { .reqid = (uint32_t)slot + 100, .ts = &ts, .n_ts = 1, .trap = true };

	assert_true(policies_reserve(all, slot, c.reqid, 0));
	assert_true(policies_claim(all, slot, &c));
}

static void
a_flow_finds_its_policy(void **state)
{
	struct fixture *f = *state;
	struct flow in = flow("10.1.0.1", "10.2.0.1"), out = flow("10.1.0.1", "10.9.0.1");

	assert_null(policies_lookup(&f->all, &in));
	claim(&f->all, 3, "10.1.0.0/16", "10.2.0.0/16");
	assert_int_equal(policies_lookup(&f->all, &in)->reqid, 103);
	assert_null(policies_lookup(&f->all, &out));
	claim(&f->all, 40, "10.1.0.0/16", "10.9.0.0/16");
	assert_int_equal(policies_lookup(&f->all, &out)->reqid, 140);
	policies_unclaim(&f->all, 3);
	assert_null(policies_lookup(&f->all, &in));
}

/* The newest SA whose selectors admit the packet carries it; a stopped one carries nothing. */
static void
the_newest_living_sa_is_picked(void **state)
{
	struct fixture *f = *state;
	struct esp_sa old = { 0 }, new = { 0 }, narrow = { 0 };
	struct flow in = flow("10.1.0.1", "10.2.0.1"), other = flow("10.1.0.1", "10.2.9.1");
	struct sa_ref wide = { &old, 0, pair("10.1.0.0/16", "10.2.0.0/16") }, newer = { &new, 1, wide.ts };
	struct sa_ref part = { &narrow, 0, pair("10.1.0.0/16", "10.2.0.0/24") };
	struct policy *p;

	claim(&f->all, 0, "10.1.0.0/16", "10.2.0.0/16");
	p = &f->all.slot[0];
	assert_null(policy_pick(p, &in));
	assert_true(policy_add_sa(&f->all, p, &wide));
	assert_ptr_equal(policy_pick(p, &in)->sa, &old);
	assert_true(policy_add_sa(&f->all, p, &newer));
	assert_ptr_equal(policy_pick(p, &in)->sa, &new);
	assert_int_equal(policy_pick(p, &in)->owner, 1);
	assert_true(policy_add_sa(&f->all, p, &part));
	assert_ptr_equal(policy_pick(p, &in)->sa, &narrow);
	assert_ptr_equal(policy_pick(p, &other)->sa, &new);
	new.flags |= SA_HARD_REPORTED;
	assert_ptr_equal(policy_pick(p, &other)->sa, &old);
	policy_remove_sa(p, &old);
	assert_null(policy_pick(p, &other));
	policy_remove_sa(p, &old);
	policy_remove_sa(p, &new);
	policy_remove_sa(p, &narrow);
	assert_null(policy_pick(p, &in));
}

static bool
hold(struct fixture *f, size_t slot, uint8_t what, instant_t until)
{
	return policy_hold(&f->all, &f->all.slot[slot], NULL, span_of(&what, 1), 4, until);
}

static void
held_packets_keep_their_order_and_number(void **state)
{
	struct fixture *f = *state;
	struct held *h, *next;
	uint8_t want = 0;

	claim(&f->all, 0, "10.1.0.0/16", "10.2.0.0/16");
	for (uint8_t i = 0; i < 4; i++)
		assert_true(hold(f, 0, i, 100));
	assert_false(hold(f, 0, 4, 100));
	/* The array of slots moves; what is held stays. */
	claim(&f->all, 500, "10.3.0.0/16", "10.4.0.0/16");
	claim(&f->all, 0, "10.1.0.0/16", "10.2.0.0/16");
	assert_int_equal(f->all.n_held, 4);
	for (h = policy_take_held(&f->all, &f->all.slot[0]); h; h = next) {
		assert_int_equal(h->packet[0], want++);
		next = h->next;
		free(h);
	}
	assert_int_equal(want, 4);
	assert_int_equal(f->all.n_held, 0);
	assert_int_equal(f->all.held_octets, 0);
	assert_true(hold(f, 0, 9, 100));
	assert_int_equal(policies_unclaim(&f->all, 0), 1);
}

static void
held_packets_expire(void **state)
{
	struct fixture *f = *state;

	claim(&f->all, 0, "10.1.0.0/16", "10.2.0.0/16");
	claim(&f->all, 1, "10.3.0.0/16", "10.4.0.0/16");
	assert_true(hold(f, 0, 1, 100));
	assert_true(hold(f, 0, 2, 200));
	assert_true(hold(f, 1, 3, 150));
	assert_int_equal(policies_expire_held(&f->all, 99), 0);
	assert_int_equal(policies_expire_held(&f->all, 150), 2);
	assert_true(hold(f, 0, 4, 300));
	assert_int_equal(policies_expire_held(&f->all, 200), 1);
	assert_int_equal(policies_vacate(&f->all, 0), 1);
	assert_int_equal(f->all.n_held, 0);
}

/* Over all policies what is held is bounded in octets. */
static void
held_octets_are_bounded(void **state)
{
	static const uint8_t large[60000];
	struct fixture *f = *state;
	unsigned n = 0;

	for (size_t slot = 0; slot < 64; slot++) {
		claim(&f->all, slot, "10.1.0.0/16", "10.2.0.0/16");
		for (unsigned i = 0; i < 64; i++)
			n += policy_hold(&f->all, &f->all.slot[slot], NULL, span_of(large, sizeof large), 64, 100);
	}
	assert_int_equal(n, HELD_OCTETS_MAX / sizeof large);
}

/* RFC 4303 3.3.4, RFC 4301 7: whose fragments must become whole, and that it is known to the end which policies say so. */
static void
some_want_whole_datagrams(void **state)
{
	struct fixture *f = *state;
	struct esp_sa sa = { 0 };
	struct sa_ref narrow = { &sa, 0, pair("10.1.0.0/16", "10.2.0.0/16[udp/53]") };
	struct selector_pair ts[3] = { pair("10.1.0.0/16", "10.2.0.0/16"), pair("10.1.0.0/16", "10.2.0.0/16[udp/53]"),
		                       pair("10.1.0.0/16", "10.2.0.0/16[udp/opaque]") };
	struct claim c = { .reqid = 1, .ts = ts, .n_ts = 1 };

	for (size_t at = 0; at < 2; at++)
		assert_true(policies_reserve(&f->all, at, 1, 0));
	assert_true(policies_claim(&f->all, 0, &c));
	assert_int_equal(f->all.n_whole, 0);
	c.mode = MODE_TRANSPORT;
	assert_true(policies_claim(&f->all, 0, &c));
	assert_true(policies_claim(&f->all, 0, &c));
	assert_int_equal(f->all.n_whole, 1);
	c.mode = MODE_TUNNEL;
	c.n_ts = 2;
	assert_true(policies_claim(&f->all, 1, &c));
	assert_int_equal(f->all.n_whole, 2);
	/* "OPAQUE" is for later fragments. */
	c.ts = &ts[2];
	c.n_ts = 1;
	assert_true(policies_claim(&f->all, 1, &c));
	assert_int_equal(f->all.n_whole, 1);
	assert_true(policy_add_sa(&f->all, &f->all.slot[1], &narrow));
	assert_true(policies_claim(&f->all, 1, &c));
	assert_int_equal(f->all.n_whole, 2);
	policies_vacate(&f->all, 0);
	policies_vacate(&f->all, 1);
	assert_int_equal(f->all.n_whole, 0);
}

/* As the steering orders them: a drop goes behind all protection unless it has a priority. */
static void
drops_without_priority_leave_protection_alone(void **state)
{
	struct fixture *f = *state;
	struct flow in = flow("10.1.0.1", "10.2.9.1");
	struct selector_pair ts = pair("10.1.0.0/16", "10.2.9.0/24");
	struct claim drop = { .reqid = 9, .ts = &ts, .n_ts = 1, .mode = MODE_DROP };

	claim(&f->all, 0, "10.1.0.0/16", "10.2.0.0/16");
	assert_true(policies_reserve(&f->all, 1, 9, 0));
	assert_true(policies_claim(&f->all, 1, &drop));
	assert_ptr_equal(policies_lookup(&f->all, &in), &f->all.slot[0]);
	drop.priority = 1;
	assert_true(policies_claim(&f->all, 1, &drop));
	assert_ptr_equal(policies_lookup(&f->all, &in), &f->all.slot[1]);
	policies_unclaim(&f->all, 1);
	assert_ptr_equal(policies_lookup(&f->all, &in), &f->all.slot[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_flow_finds_its_policy, open_policies, close_policies),
		cmocka_unit_test_setup_teardown(the_newest_living_sa_is_picked, open_policies, close_policies),
		cmocka_unit_test_setup_teardown(drops_without_priority_leave_protection_alone, open_policies, close_policies),
		cmocka_unit_test_setup_teardown(some_want_whole_datagrams, open_policies, close_policies),
		cmocka_unit_test_setup_teardown(held_packets_keep_their_order_and_number, open_policies, close_policies),
		cmocka_unit_test_setup_teardown(held_packets_expire, open_policies, close_policies),
		cmocka_unit_test_setup_teardown(held_octets_are_bounded, open_policies, close_policies),
	};

	return cmocka_run_group_tests_name("dataplane policy", tests, NULL, NULL);
}
