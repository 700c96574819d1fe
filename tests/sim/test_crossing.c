/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "match.h"
#include "sim_test.h"

/* Both ends act at once, and many things under one Phase 1. */

#define PLAIN "ike1 main psk=swordfish"
#define AGGRESSIVE "ike1 aggressive aggressive-psk without-pfs psk=swordfish"

#define A_AND_B "child=a:10.1.0.0/24,10.2.0.0/24 child=b:10.1.1.0/24,10.2.1.0/24"
#define B_AND_A "child=a:10.2.0.0/24,10.1.0.0/24 child=b:10.2.1.0/24,10.1.1.0/24"

static void
both_start(unsigned apart_ms)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = apart_ms + 1, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, PLAIN);
	struct sim_peer *bob = sim_peer(&net, PLAIN);
	uint64_t a, b;

	a = sim_initiate(alice, bob);
	sim_run(&net, MILLISECONDS(apart_ms));
	b = sim_initiate(bob, alice);
	sim_run(&net, SECONDS(60));
	EXPECT(sim_result(alice, a) && sim_result(alice, a)->result == RESULT_OK, apart_ms);
	EXPECT(sim_result(bob, b) && sim_result(bob, b)->result == RESULT_OK, apart_ms);
	EXPECT(sim_same_keys(alice, bob), apart_ms);
	EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0, apart_ms);
	EXPECT_NO_LOSS(&net, apart_ms);
	EXPECT_SOUND(&net, apart_ms);
}

TEST(both_ends_may_initiate_at_once)
{
	for (unsigned ms = 0; ms <= 60; ms += 3)
		both_start(ms);
}

enum { INFORMATIONAL = 5 };

/* The first end's message 1 is late by more than what the other end allows for, and all that says which one goes is lost. */
static void
lose_messages(void *arg, struct sim *net, struct sim_packet *k)
{
	static const uint8_t none[8] = { 0 };
	instant_t *start = arg, since = net->w->now - *start;

	if (k->esp || k->n < 20)
		return;
	if (k->from->index == 0 && since < SECONDS(3) && !memcmp(k->data + 8, none, 8))
		k->copies = 0;
	if (k->data[18] == INFORMATIONAL && since > SECONDS(12) && since < SECONDS(18))
		k->copies = 0;
}

/* The ends then hold different opinions about which SA should stay (docs/adr/0004). */
TEST(two_opinions_and_lost_deletions_leave_one_sa)
{
	static const char *const kind[] = { PLAIN " dpd=30s", AGGRESSIVE " dpd=30s" };

	for (uint64_t seed = 1; seed <= 16; seed++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = seed, .traffic_ns = MILLISECONDS(10) });
		struct sim_peer *alice = sim_peer(&net, kind[seed % 2]), *bob = sim_peer(&net, kind[seed % 2]);
		instant_t start = net.w->now;

		sim_set_tap(&net, lose_messages, &start);
		sim_initiate(alice, bob);
		sim_initiate(bob, alice);
		sim_run(&net, SECONDS(120));
		EXPECT(sim_established(alice) && sim_established(bob), seed);
		EXPECT(sim_same_keys(alice, bob), seed);
		EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, seed);
		EXPECT_SOUND(&net, seed);
	}
}

/* There the initiator is done after two messages, and the other end's INITIAL-CONTACT was written before it knew. */
TEST(both_ends_may_initiate_aggressive_mode_at_once)
{
	for (unsigned ms = 0; ms <= 60; ms += 3) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = ms + 1 });
		struct sim_peer *alice = sim_peer(&net, AGGRESSIVE), *bob = sim_peer(&net, AGGRESSIVE);

		sim_initiate(alice, bob);
		sim_run(&net, MILLISECONDS(ms));
		sim_initiate(bob, alice);
		sim_run(&net, SECONDS(60));
		EXPECT(sim_established(alice) && sim_established(bob), ms);
		EXPECT(sim_same_keys(alice, bob), ms);
	}
}

/* Each end wants another child, and only one of the two IKE_SAs remains: both come up, and both commands learn of it. */
static void
each_wants_its_own(const char *a_and_b, const char *b_and_a, unsigned apart_ms, unsigned lost)
{
	uint64_t which = apart_ms * 1000 + lost;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which + 1 });
	struct sim_peer *alice = sim_peer(&net, a_and_b);
	struct sim_peer *bob = sim_peer(&net, b_and_a);
	uint64_t a, b;

	if (lost)
		sim_drop_nth(&net, lost);
	a = sim_initiate_child(alice, "a");
	sim_run(&net, MILLISECONDS(apart_ms));
	b = sim_initiate_child(bob, "b");
	sim_run(&net, SECONDS(90));
	EXPECT(sim_result(alice, a) && sim_result(alice, a)->result == RESULT_OK, which);
	EXPECT(sim_result(bob, b) && sim_result(bob, b)->result == RESULT_OK, which);
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, which);
	EXPECT(sim_children_in(alice, CHILD_STATE_INSTALLED) == 2 && sim_children_in(bob, CHILD_STATE_INSTALLED) == 2, which);
	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT_SOUND(&net, which);
}

TEST(each_end_may_want_another_child_at_once)
{
	for (unsigned ms = 0; ms <= 60; ms += 6)
		for (unsigned lost = 0; lost <= 20; lost++) {
			each_wants_its_own(PLAIN " dpd=15s " A_AND_B, PLAIN " dpd=15s " B_AND_A, ms, lost);
			each_wants_its_own(AGGRESSIVE " dpd=15s " A_AND_B, AGGRESSIVE " dpd=15s " B_AND_A, ms, lost);
		}
}

static void
both_rekey(unsigned apart_ms, const char *ike, const char *child)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = apart_ms + 1, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, PLAIN);
	struct sim_peer *bob = sim_peer(&net, PLAIN);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_rekey(alice, ike, child);
	sim_run(&net, MILLISECONDS(apart_ms));
	sim_rekey(bob, ike, child);
	sim_run(&net, SECONDS(90));
	EXPECT(sim_same_keys(alice, bob), apart_ms);
	EXPECT(sim_established(alice) && sim_established(bob), apart_ms);
	EXPECT(sim_ike_sas(alice) == sim_ike_sas(bob), apart_ms);
	EXPECT(sim_children(alice) == sim_children(bob), apart_ms);
	EXPECT(alice->n_out == bob->n_out && alice->n_in == bob->n_in, apart_ms);
	EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0, apart_ms);
	EXPECT(alice->esp_held == 0 && bob->esp_held == 0, apart_ms);
	EXPECT_NO_LOSS(&net, apart_ms);
	EXPECT_SOUND(&net, apart_ms);
}

TEST(both_ends_may_rekey_phase_2_at_once_without_losing_a_packet)
{
	for (unsigned ms = 0; ms <= 60; ms += 3)
		both_rekey(ms, NULL, "net");
}

TEST(both_ends_may_rekey_phase_1_at_once_without_losing_a_packet)
{
	for (unsigned ms = 0; ms <= 60; ms += 3)
		both_rekey(ms, "net", NULL);
}

/* Crossing rekeyings must not breed: after any number of them one pair of SAs remains at work. */
TEST(repeated_crossing_rekeyings_do_not_pile_up_sas)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 7, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, PLAIN);
	struct sim_peer *bob = sim_peer(&net, PLAIN);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	for (unsigned round = 0; round < 10; round++) {
		sim_rekey(alice, NULL, "net");
		sim_rekey(bob, NULL, "net");
		sim_run(&net, SECONDS(60));
	}
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT(sim_children(alice) <= 2 && sim_children(bob) <= 2, 0);
	EXPECT(alice->esp_lost + bob->esp_lost == 0, 0);
	EXPECT_SOUND(&net, 0);
}

enum { MANY = 1000 };

static struct conn *
conn_with_many(struct sim_peer *p, unsigned mine, unsigned theirs)
{
	struct conn *c = sim_conn(p, "child=c0:10.1.0.0/32,10.2.0.0/32");

	for (unsigned i = 0; i < MANY; i++) {
		char name[16];
		struct child *k;

		snprintf(name, sizeof name, "n%u", i);
		k = conn_add_child(c, name);
		assert_non_null(k);
		assert_true(proposals_copy(&k->esp, &c->children[0].esp));
		free(k->local_ts);
		free(k->remote_ts);
		k->local_ts = calloc(1, sizeof *k->local_ts);
		k->remote_ts = calloc(1, sizeof *k->remote_ts);
		assert_true(k->local_ts && k->remote_ts);
		k->n_local_ts = k->n_remote_ts = 1;
		*k->local_ts = selector_host(&(struct ip) { IP_V4, { 10, (uint8_t)mine, (uint8_t)(i >> 8), (uint8_t)i } });
		*k->remote_ts = selector_host(&(struct ip) { IP_V4, { 10, (uint8_t)theirs, (uint8_t)(i >> 8), (uint8_t)i } });
	}
	return c;
}

TEST(a_thousand_phase_2_fit_under_one_phase_1)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1000 });
	struct sim_peer *alice = sim_peer(&net, PLAIN);
	struct sim_peer *bob = sim_peer(&net, PLAIN);
	struct conn *a = conn_with_many(alice, 11, 12), *b = conn_with_many(bob, 12, 11);

	sim_load(alice, a);
	sim_load(bob, b);
	conn_unref(a);
	conn_unref(b);
	for (unsigned i = 0; i < MANY; i++) {
		char name[16];

		snprintf(name, sizeof name, "n%u", i);
		sim_initiate_child(alice, name);
	}
	sim_run(&net, SECONDS(60));
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, 0);
	assert_int_equal(sim_children_in(alice, CHILD_STATE_INSTALLED), MANY);
	assert_int_equal(sim_children_in(bob, CHILD_STATE_INSTALLED), MANY);
	EXPECT(sim_same_keys(alice, bob), 0);
	sim_terminate(alice, "net", NULL);
	sim_run(&net, SECONDS(60));
	EXPECT(sim_children(alice) == 0 && sim_children(bob) == 0, 0);
	EXPECT(alice->n_in + alice->n_out + bob->n_in + bob->n_out == 0, 0);
	EXPECT_SOUND(&net, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_may_initiate_at_once),
		cmocka_unit_test(two_opinions_and_lost_deletions_leave_one_sa),
		cmocka_unit_test(both_ends_may_initiate_aggressive_mode_at_once),
		cmocka_unit_test(each_end_may_want_another_child_at_once),
		cmocka_unit_test(both_ends_may_rekey_phase_2_at_once_without_losing_a_packet),
		cmocka_unit_test(both_ends_may_rekey_phase_1_at_once_without_losing_a_packet),
		cmocka_unit_test(repeated_crossing_rekeyings_do_not_pile_up_sas),
		cmocka_unit_test(a_thousand_phase_2_fit_under_one_phase_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
