/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

/*
 * RFC 2408 section 5.1: retransmission must carry every exchange over the loss,
 * the repetition and the delay of any one message. Each case runs one
 * conversation in which exactly one datagram meets exactly one fault.
 */

enum { MESSAGES = 9 }; /* of Main and Quick Mode, with nothing lost */

#define PLAIN "ike1 main psk=swordfish"
#define PFS "ike1 main psk=swordfish esp=aes128gcm16-ecp256"

static void
start_with_fault(const char *description, enum sim_fault f, uint64_t nth)
{
	uint64_t which = nth * 10 + f;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which });
	struct sim_peer *alice = sim_peer(&net, description);
	struct sim_peer *bob = sim_peer(&net, description);
	uint64_t command;

	sim_fault_nth(&net, f, nth);
	command = sim_initiate(alice, bob);
	sim_run(&net, SECONDS(30));

	EXPECT(sim_established(alice), which);
	EXPECT(sim_established(bob), which);
	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT(sim_result(alice, command) && sim_result(alice, command)->result == RESULT_OK, which);
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, which);
	EXPECT(sim_children(alice) == 1 && sim_children(bob) == 1, which);
	EXPECT(alice->n_in == 1 && alice->n_out == 1 && bob->n_in == 1 && bob->n_out == 1, which);
	EXPECT_NO_LOSS(&net, which);
	EXPECT_SOUND(&net, which);
}

TEST(main_and_quick_mode_survive_any_single_fault)
{
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= MESSAGES; nth++)
			start_with_fault(PLAIN, f, nth);
}

TEST(quick_mode_with_pfs_survives_any_single_fault)
{
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 7; nth <= MESSAGES; nth++)
			start_with_fault(PFS, f, nth);
}

/* Each protection suite of Phase 2: RFC 2408 section 4.2. */
TEST(each_protection_suite_survives_any_single_fault)
{
	static const char *const suites[] = {
		PLAIN " ah=sha256",  PLAIN " ah=sha256 esp=aes128-sha256",
		PLAIN " compressed", PLAIN " ah=sha512-ecp256 esp=aes128gcm16-ecp256 compressed",
		PLAIN " transport",  PLAIN " ah=aesxcbc transport",
	};

	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
			for (uint64_t nth = 7; nth <= MESSAGES; nth++)
				start_with_fault(suites[i], f, nth);
}

TEST(main_mode_survives_the_loss_of_any_two_messages)
{
	for (uint64_t a = 1; a <= MESSAGES; a++)
		for (uint64_t b = a + 1; b <= MESSAGES + 2; b++) {
			autoclose(sim) net = sim_open((struct sim_opts) { .seed = a * 100 + b });
			struct sim_peer *alice = sim_peer(&net, PLAIN);
			struct sim_peer *bob = sim_peer(&net, PLAIN);

			sim_drop_nth(&net, a);
			sim_drop_nth(&net, b);
			sim_initiate(alice, bob);
			sim_run(&net, SECONDS(60));
			EXPECT(sim_same_keys(alice, bob), a * 100 + b);
			EXPECT(sim_children(alice) == 1 && sim_children(bob) == 1, a * 100 + b);
			EXPECT_SOUND(&net, a * 100 + b);
		}
}

/* ---- what happens later under an established pair */

typedef void later(struct sim *net, struct sim_peer *alice, struct sim_peer *bob);

static void
later_with_fault(const char *description, later *what, later *expected, enum sim_fault f, uint64_t nth)
{
	uint64_t which = nth * 10 + f;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, description);
	struct sim_peer *bob = sim_peer(&net, description);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_same_keys(alice, bob), which);
	sim_mark(&net);
	sim_fault_nth(&net, f, nth);
	what(&net, alice, bob);
	sim_run(&net, SECONDS(60));
	expected(&net, alice, bob);
	EXPECT_SOUND(&net, which);
}

static void
all_faults(const char *description, later *what, later *expected, uint64_t messages)
{
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= messages; nth++)
			later_with_fault(description, what, expected, f, nth);
}

static void
rekey_child(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	(void)net;
	(void)bob;
	sim_rekey(alice, NULL, "net");
}

static void
rekey_child_from_responder(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	(void)net;
	(void)alice;
	sim_rekey(bob, NULL, "net");
}

static void
rekey_ike(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	(void)net;
	(void)bob;
	sim_rekey(alice, "net", NULL);
}

static void
rekey_ike_from_responder(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	(void)net;
	(void)alice;
	sim_rekey(bob, "net", NULL);
}

static void
expect_one_of_each(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	uint64_t which = net->w->opts.seed;

	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, which);
	EXPECT(sim_children(alice) == 1 && sim_children(bob) == 1, which);
	EXPECT(alice->n_in == 1 && alice->n_out == 1 && bob->n_in == 1 && bob->n_out == 1, which);
	EXPECT(alice->esp_sent > 5000 && bob->esp_sent > 5000, which);
	EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0, which);
	EXPECT(alice->esp_held == 0 && bob->esp_held == 0, which);
	EXPECT_NO_LOSS(net, which);
}

static void
expect_rekeyed_child(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	expect_one_of_each(net, alice, bob);
	EXPECT(alice->n_installed == 4 && bob->n_installed == 4, net->w->opts.seed);
	EXPECT(alice->events[EVENT_CHILD_REKEYED] == 1 && bob->events[EVENT_CHILD_REKEYED] == 1, net->w->opts.seed);
	EXPECT(alice->updown_down == 0 && bob->updown_down == 0, net->w->opts.seed);
}

static void
expect_rekeyed_ike(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	expect_one_of_each(net, alice, bob);
	EXPECT(alice->n_installed == 2 && bob->n_installed == 2, net->w->opts.seed);
	EXPECT(alice->events[EVENT_IKE_REKEYED] == 1 && bob->events[EVENT_IKE_REKEYED] == 1, net->w->opts.seed);
}

/* Quick Mode's three messages and the Delete of the old SA. */
TEST(rekeying_phase_2_survives_any_single_fault_without_losing_a_packet)
{
	all_faults(PLAIN, rekey_child, expect_rekeyed_child, 4);
	all_faults(PFS, rekey_child, expect_rekeyed_child, 4);
}

TEST(rekeying_phase_2_from_the_responder_survives_any_single_fault)
{
	all_faults(PLAIN, rekey_child_from_responder, expect_rekeyed_child, 4);
}

/* Main Mode's six messages and the Delete of the old ISAKMP SA. */
TEST(rekeying_phase_1_survives_any_single_fault_and_keeps_phase_2)
{
	all_faults(PLAIN, rekey_ike, expect_rekeyed_ike, 7);
}

TEST(rekeying_phase_1_from_the_responder_survives_any_single_fault)
{
	all_faults(PLAIN, rekey_ike_from_responder, expect_rekeyed_ike, 7);
}

static void
delete_child(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	(void)net;
	(void)bob;
	sim_terminate(alice, NULL, "net");
}

/* A Delete is not answered (RFC 2408 section 3.15): where it is lost, traffic on the dead SA and DPD clean up. */
static void
expect_no_child(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	EXPECT(sim_children(alice) == 0 && alice->n_in == 0 && alice->n_out == 0, net->w->opts.seed);
	EXPECT(sim_children(bob) == 0 && bob->n_in == 0 && bob->n_out == 0, net->w->opts.seed);
}

TEST(deleting_phase_2_survives_repetition_and_delay)
{
	for (enum sim_fault f = SIM_TWICE; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= 2; nth++)
			later_with_fault(PLAIN, delete_child, expect_no_child, f, nth);
}

static void
delete_ike(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	(void)net;
	(void)bob;
	sim_terminate(alice, "net", NULL);
}

static void
expect_nothing(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	expect_no_child(net, alice, bob);
	EXPECT(sim_ike_sas(alice) == 0 && sim_ike_sas(bob) == 0, net->w->opts.seed);
	EXPECT(alice->n_claims == 0 && bob->n_claims == 0, net->w->opts.seed);
}

TEST(deleting_phase_1_survives_repetition_and_delay)
{
	for (enum sim_fault f = SIM_TWICE; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= 2; nth++)
			later_with_fault(PLAIN, delete_ike, expect_nothing, f, nth);
}

#define WATCHFUL "ike1 main psk=swordfish dpd=5s dpd-timeout=20s"

TEST(a_lost_delete_is_recovered_through_dead_peer_detection)
{
	later_with_fault(WATCHFUL, delete_ike, expect_nothing, SIM_LOST, 1);
}

static void
quiet(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	(void)bob;
	/* Without traffic, so that only R-U-THERE tells. */
	net->w->opts.traffic_ns = INSTANT_NEVER / 4;
	(void)alice;
}

static void
expect_still_there(struct sim *net, struct sim_peer *alice, struct sim_peer *bob)
{
	EXPECT(sim_established(alice) && sim_established(bob), net->w->opts.seed);
	EXPECT(sim_same_keys(alice, bob), net->w->opts.seed);
	EXPECT(alice->n_installed == 2 && bob->n_installed == 2, net->w->opts.seed);
}

TEST(dead_peer_detection_survives_any_single_fault)
{
	all_faults(WATCHFUL, quiet, expect_still_there, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_and_quick_mode_survive_any_single_fault),
		cmocka_unit_test(quick_mode_with_pfs_survives_any_single_fault),
		cmocka_unit_test(each_protection_suite_survives_any_single_fault),
		cmocka_unit_test(main_mode_survives_the_loss_of_any_two_messages),
		cmocka_unit_test(rekeying_phase_2_survives_any_single_fault_without_losing_a_packet),
		cmocka_unit_test(rekeying_phase_2_from_the_responder_survives_any_single_fault),
		cmocka_unit_test(rekeying_phase_1_survives_any_single_fault_and_keeps_phase_2),
		cmocka_unit_test(rekeying_phase_1_from_the_responder_survives_any_single_fault),
		cmocka_unit_test(deleting_phase_2_survives_repetition_and_delay),
		cmocka_unit_test(deleting_phase_1_survives_repetition_and_delay),
		cmocka_unit_test(a_lost_delete_is_recovered_through_dead_peer_detection),
		cmocka_unit_test(dead_peer_detection_survives_any_single_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
