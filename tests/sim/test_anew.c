/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "isakmp.h"
#include "sim_test.h"

/*
 * A Quick Mode under way whose IKE_SA ends: the CHILD_SA is wanted all the same, so it begins anew, under the IKE_SA that
 * carries on or a new one, and `up` waits for that (docs/adr/0004).
 */

#define ALICE "ike1 main psk=swordfish dpd=15s child=a:10.1.0.0/24,10.2.0.0/24 child=b:10.1.1.0/24,10.2.1.0/24"
#define BOB "ike1 main psk=swordfish dpd=15s child=a:10.2.0.0/24,10.1.0.0/24 child=b:10.2.1.0/24,10.1.1.0/24"

enum { EXCHANGE_AT = 18, MESSAGE_ID_AT = 20 };

struct pair {
	struct sim net;
	struct sim_peer *alice, *bob;
	uint64_t up; /* the command that waits */
	uint8_t old[8];
	uint64_t last; /* initiator cookie of a Main Mode of alice's */
	unsigned main_modes;
	uint32_t quick_of_bob; /* message ID of his Quick Mode, the only one that passes */
	bool only_old; /* lose(): the Quick Modes of the first IKE_SA, else all Quick and Main Modes */
};

static void
pair_open(struct pair *p, uint64_t seed, const char *alice, const char *bob)
{
	*p = (struct pair) { .net = sim_open((struct sim_opts) { .seed = seed }) };
	p->alice = sim_peer(&p->net, alice);
	p->bob = sim_peer(&p->net, bob);
	sim_initiate_child(p->alice, "a");
	sim_run(&p->net, SECONDS(5));
	memcpy(p->old, sim_ike(p->alice).spi_i, 8);
	sim_mark(&p->net);
}

static void
delete_ike(void *arg)
{
	sim_terminate(arg, "net", NULL);
}

static void
expect_b_up(struct pair *p, uint64_t which)
{
	const struct sim_done *d = sim_result(p->alice, p->up);

	EXPECT(d && d->result == RESULT_OK, which);
	EXPECT(sim_same_keys(p->alice, p->bob), which);
	EXPECT(sim_ike_sas(p->alice) == 1 && sim_ike_sas(p->bob) == 1, which);
	EXPECT(memcmp(sim_ike(p->alice).spi_i, sim_ike(p->bob).spi_i, 8) == 0, which);
	EXPECT(memcmp(sim_ike(p->alice).spi_i, p->old, 8) != 0, which);
	EXPECT(sim_children_in(p->alice, CHILD_STATE_INSTALLED) == 1 && sim_children_in(p->bob, CHILD_STATE_INSTALLED) == 1,
	       which);
	EXPECT_SOUND(&p->net, which);
}

/* ---- The peer deletes the IKE_SA, and there is no other */

/* The Delete and message 1 cross. */
static uint64_t
cross(struct pair *p, uint64_t seed)
{
	pair_open(p, seed, ALICE, BOB);
	p->up = sim_initiate_child(p->alice, "b");
	sim_terminate(p->bob, "net", NULL);
	return p->net.w->datagrams;
}

TEST(a_quick_mode_that_meets_the_delete_of_its_ike_sa_begins_anew)
{
	struct pair p;
	uint64_t messages;

	cross(&p, 1);
	sim_run(&p.net, SECONDS(30));
	expect_b_up(&p, 0);
	messages = p.net.w->datagrams;
	assert_true(messages >= 11);
	sim_close(&p.net);
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= messages; nth++) {
			cross(&p, nth * 10 + f);
			sim_fault_nth(&p.net, f, nth);
			sim_run(&p.net, SECONDS(60));
			expect_b_up(&p, nth * 10 + f);
			sim_close(&p.net);
		}
}

/* Whichever message is on its way, and whatever waits for the data plane: it begins anew, or it was up and is deleted itself. */
TEST(the_delete_may_come_at_any_moment_of_quick_mode)
{
	unsigned anew = 0;

	for (instant_t after = 0; after < MILLISECONDS(60); after += MILLISECONDS(2)) {
		struct pair p;

		pair_open(&p, (uint64_t)after, ALICE, BOB);
		p.net.w->opts.install_ns = MILLISECONDS(10);
		p.up = sim_initiate_child(p.alice, "b");
		sim_at(&p.net, after, delete_ike, p.bob);
		sim_run(&p.net, SECONDS(60));
		if (sim_children(p.alice)) {
			expect_b_up(&p, (uint64_t)after);
			anew++;
		} else {
			EXPECT(sim_result(p.alice, p.up)->result == RESULT_FAILED, after);
			EXPECT(p.alice->events[EVENT_CHILD_UP] == 2 && sim_ike_sas(p.alice) == 0, after);
		}
		EXPECT(p.alice->n_in == p.alice->n_out && p.bob->n_in == p.bob->n_out, after);
		EXPECT_SOUND(&p.net, after);
		sim_close(&p.net);
	}
	assert_in_range(anew, 10, 29);
}

static void
acquire_b(struct sim_peer *p)
{
	struct command c = { .kind = COMMAND_ACQUIRE, .flow = { .src = ip_from_v4(0x0a010101), .dst = ip_from_v4(0x0a020101) } };

	for (const struct sim_claim *k = p->claims; k; k = k->next)
		if (k->trap)
			c.reqid = k->reqid;
	assert_int_not_equal(c.reqid, 0);
	sim_command(p, c);
}

TEST(what_a_packet_asked_for_begins_anew_as_well)
{
	struct pair p;

	pair_open(&p, 7, ALICE " start=trap", BOB);
	acquire_b(p.alice);
	sim_terminate(p.bob, "net", NULL);
	sim_run(&p.net, SECONDS(30));
	EXPECT(sim_same_keys(p.alice, p.bob), 0);
	EXPECT(sim_children(p.alice) == 1 && sim_children(p.bob) == 1, 0);
	EXPECT_SOUND(&p.net, 0);
	sim_close(&p.net);
}

TEST(each_method_makes_a_new_phase_1_for_it)
{
	for (const struct sim_method *m = sim_methods; m->name; m++) {
		uint64_t which = (uint64_t)(m - sim_methods);
		char alice[512], bob[512];
		struct pair p;

		snprintf(alice, sizeof alice, "ike1 main dpd=15s %s child=a:%s,10.2.0.0/24 child=b:%s,10.2.1.0/24", m->alice,
		         m->road ? "dynamic" : "10.1.0.0/24", m->road ? "dynamic" : "10.1.0.0/24");
		snprintf(bob, sizeof bob, "ike1 main dpd=15s %s child=a:10.2.0.0/24,%s child=b:10.2.1.0/24,%s %s", m->bob,
		         m->road ? "dynamic" : "10.1.0.0/24", m->road ? "dynamic" : "10.1.0.0/24", m->road ? "to=any" : "");
		pair_open(&p, which, alice, bob);
		p.up = sim_initiate_child(p.alice, "b");
		sim_terminate(p.bob, "net", NULL);
		sim_run(&p.net, SECONDS(30));
		expect_b_up(&p, which);
		sim_close(&p.net);
	}
}

/* ---- Another one stands, or is under way */

static void
lose(void *arg, struct sim *net, struct sim_packet *k)
{
	struct pair *p = arg;
	bool quick = !k->esp && !k->keepalive && k->data[EXCHANGE_AT] == EXCHANGE_QUICK;
	bool main = !k->esp && !k->keepalive && k->data[EXCHANGE_AT] == EXCHANGE_MAIN;

	(void)net;
	if (main && k->from == p->alice && get_be64(k->data + 8) == 0 && get_be64(k->data) != p->last) {
		p->last = get_be64(k->data);
		p->main_modes++;
	}
	if (p->only_old ? quick && memcmp(k->data, p->old, 8) == 0 : quick || main)
		k->copies = 0;
}

static void
replace_under_way(uint64_t which, bool by_bob, enum sim_fault f, uint64_t nth)
{
	struct pair p;

	pair_open(&p, which, ALICE, BOB);
	p.only_old = true;
	sim_set_tap(&p.net, lose, &p);
	p.up = sim_initiate_child(p.alice, "b");
	sim_run(&p.net, MILLISECONDS(1));
	sim_rekey(by_bob ? p.bob : p.alice, "net", NULL);
	if (nth)
		sim_fault_nth(&p.net, f, nth);
	sim_run(&p.net, SECONDS(90));
	EXPECT(sim_result(p.alice, p.up) && sim_result(p.alice, p.up)->result == RESULT_OK, which);
	EXPECT(sim_same_keys(p.alice, p.bob), which);
	EXPECT(sim_ike_sas(p.alice) == 1 && sim_ike_sas(p.bob) == 1, which);
	EXPECT(sim_children(p.alice) == 2 && sim_children(p.bob) == 2, which);
	EXPECT(p.alice->n_installed == 4 && p.bob->n_installed == 4 && p.alice->updown_down == 0, which);
	EXPECT_NO_LOSS(&p.net, which);
	EXPECT_SOUND(&p.net, which);
	sim_close(&p.net);
}

/* Main Mode, the question and its answer, the Delete, Quick Mode, and some that Quick Mode repeats under the old one. */
TEST(a_quick_mode_whose_ike_sa_is_replaced_begins_anew_under_the_successor)
{
	for (int by_bob = 0; by_bob < 2; by_bob++) {
		replace_under_way((uint64_t)by_bob, by_bob, SIM_LOST, 0);
		for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
			for (uint64_t nth = 2; nth <= 17; nth++)
				replace_under_way(nth * 100 + (uint64_t)by_bob * 10 + f, by_bob, f, nth);
	}
}

TEST(a_quick_mode_to_a_peer_that_restarts_begins_anew_under_the_ike_sa_that_it_makes)
{
	struct pair p;

	pair_open(&p, 3, ALICE, BOB);
	sim_kill(p.bob);
	p.up = sim_initiate_child(p.alice, "b");
	sim_run(&p.net, SECONDS(2));
	sim_restart(p.bob);
	sim_initiate_child(p.bob, "a");
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_result(p.alice, p.up) && sim_result(p.alice, p.up)->result == RESULT_OK, 0);
	EXPECT(sim_same_keys(p.alice, p.bob), 0);
	EXPECT(sim_ike_sas(p.alice) == 1 && sim_ike_sas(p.bob) == 1, 0);
	EXPECT(sim_children(p.alice) == 2 && sim_children(p.bob) == 2, 0);
	EXPECT_SOUND(&p.net, 0);
	sim_close(&p.net);
}

/* The renewal of the IKE_SA finds no answer until after its end. */
TEST(a_quick_mode_whose_ike_sa_expires_waits_for_its_renewal)
{
	struct pair p;

	pair_open(&p, 4, ALICE " ike-rekey=40s ike-over=10s", BOB " ike-rekey=1h");
	sim_set_tap(&p.net, lose, &p);
	sim_run(&p.net, SECONDS(30));
	p.up = sim_initiate_child(p.alice, "b");
	sim_run(&p.net, SECONDS(20));
	assert_int_equal(sim_ike_sas_in(p.alice, IKE_STATE_ESTABLISHED), 0);
	assert_int_equal(p.main_modes, 1);
	assert_null(sim_result(p.alice, p.up));
	sim_set_tap(&p.net, NULL, NULL);
	/* Both ends' attempts come up and one is left; the next renewal is not due yet. */
	sim_run(&p.net, SECONDS(30));
	assert_int_equal(p.main_modes, 1);
	expect_b_up(&p, 0);
	sim_close(&p.net);
}

/* ---- Limits, and what is not wanted any more */

/* It deletes the IKE_SA whenever a Quick Mode comes. */
static void
delete_instead(void *arg, struct sim *net, struct sim_packet *k)
{
	struct pair *p = arg;

	if (k->esp || k->from != p->alice)
		return;
	if (k->data[EXCHANGE_AT] == EXCHANGE_MAIN && get_be64(k->data + 8) == 0)
		p->main_modes++;
	if (k->data[EXCHANGE_AT] != EXCHANGE_QUICK)
		return;
	k->copies = 0;
	sim_at(net, 0, delete_ike, p->bob);
}

TEST(a_peer_that_deletes_the_ike_sa_at_each_quick_mode_is_believed_in_the_end)
{
	struct pair p;

	pair_open(&p, 5, ALICE, BOB);
	sim_set_tap(&p.net, delete_instead, &p);
	p.up = sim_initiate_child(p.alice, "b");
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_result(p.alice, p.up) && sim_result(p.alice, p.up)->result == RESULT_FAILED, 0);
	assert_int_equal(p.main_modes, 3);
	assert_int_equal(sim_ike_sas(p.alice), 0);
	assert_int_equal(p.alice->n_claims, 0);
	/* The next wish has its own chances. */
	p.up = sim_initiate_child(p.alice, "b");
	sim_set_tap(&p.net, NULL, NULL);
	sim_run(&p.net, SECONDS(30));
	expect_b_up(&p, 1);
	sim_close(&p.net);
}

static void
bring_up_a(void *arg)
{
	sim_initiate_child(arg, "a");
}

/* The same, but first the peer brings up a CHILD_SA that it wants. */
static void
delete_after_its_own(void *arg, struct sim *net, struct sim_packet *k)
{
	struct pair *p = arg;

	if (k->esp)
		return;
	if (k->from == p->alice && k->data[EXCHANGE_AT] == EXCHANGE_MAIN && get_be64(k->data + 8) == 0)
		p->main_modes++;
	if (k->data[EXCHANGE_AT] != EXCHANGE_QUICK)
		return;
	if (k->from == p->bob)
		p->quick_of_bob = get_be32(k->data + MESSAGE_ID_AT);
	if (get_be32(k->data + MESSAGE_ID_AT) == p->quick_of_bob)
		return;
	k->copies = 0;
	sim_at(net, 0, bring_up_a, p->bob);
	sim_at(net, MILLISECONDS(500), delete_ike, p->bob);
}

TEST(a_peer_gains_no_attempts_by_what_it_brings_up_itself)
{
	struct pair p;

	pair_open(&p, 6, ALICE, BOB);
	sim_set_tap(&p.net, delete_after_its_own, &p);
	p.up = sim_initiate_child(p.alice, "b");
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_result(p.alice, p.up) && sim_result(p.alice, p.up)->result == RESULT_FAILED, 0);
	assert_int_equal(p.main_modes, 3);
	sim_close(&p.net);
}

TEST(what_was_unloaded_in_the_meantime_does_not_begin_anew)
{
	struct pair p;

	pair_open(&p, 6, ALICE, BOB);
	p.up = sim_initiate_child(p.alice, "b");
	sim_command(p.alice, (struct command) { .kind = COMMAND_UNLOAD, .ike = "net" });
	sim_terminate(p.bob, "net", NULL);
	sim_run(&p.net, SECONDS(30));
	EXPECT(sim_result(p.alice, p.up) && sim_result(p.alice, p.up)->result == RESULT_FAILED, 0);
	assert_non_null(strstr(sim_result(p.alice, p.up)->text, "unloaded"));
	assert_int_equal(sim_ike_sas(p.alice), 0);
	EXPECT_SOUND(&p.net, 0);
	sim_close(&p.net);
}

TEST(our_own_down_ends_it_for_good)
{
	struct pair p;

	pair_open(&p, 8, ALICE, BOB);
	p.up = sim_initiate_child(p.alice, "b");
	sim_terminate(p.alice, "net", NULL);
	sim_run(&p.net, SECONDS(30));
	EXPECT(sim_result(p.alice, p.up) && sim_result(p.alice, p.up)->result == RESULT_FAILED, 0);
	assert_int_equal(sim_ike_sas(p.alice), 0);
	sim_close(&p.net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quick_mode_that_meets_the_delete_of_its_ike_sa_begins_anew),
		cmocka_unit_test(the_delete_may_come_at_any_moment_of_quick_mode),
		cmocka_unit_test(what_a_packet_asked_for_begins_anew_as_well),
		cmocka_unit_test(each_method_makes_a_new_phase_1_for_it),
		cmocka_unit_test(a_quick_mode_whose_ike_sa_is_replaced_begins_anew_under_the_successor),
		cmocka_unit_test(a_quick_mode_to_a_peer_that_restarts_begins_anew_under_the_ike_sa_that_it_makes),
		cmocka_unit_test(a_quick_mode_whose_ike_sa_expires_waits_for_its_renewal),
		cmocka_unit_test(a_peer_that_deletes_the_ike_sa_at_each_quick_mode_is_believed_in_the_end),
		cmocka_unit_test(a_peer_gains_no_attempts_by_what_it_brings_up_itself),
		cmocka_unit_test(what_was_unloaded_in_the_meantime_does_not_begin_anew),
		cmocka_unit_test(our_own_down_ends_it_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
