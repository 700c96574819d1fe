/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include <stdio.h>

/* Aggressive Mode, RFC 2409 section 5: half the messages, refused with a pre-shared key unless it is permitted. */

#define PERMITTED "ike1 aggressive aggressive-psk psk=swordfish esp=aes128gcm16-ecp256"

enum { MESSAGES = 6 }; /* of Aggressive and Quick Mode */

static void
expect_one_tunnel(struct sim *net, struct sim_peer *alice, struct sim_peer *bob, uint64_t which)
{
	EXPECT(sim_established(alice) && sim_established(bob), which);
	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, which);
	EXPECT(sim_children(alice) == 1 && sim_children(bob) == 1, which);
	EXPECT(sim_ike(alice).aggressive && sim_ike(bob).aggressive, which);
	EXPECT_SOUND(net, which);
}

static void
with_fault(enum sim_fault f, uint64_t nth, instant_t answer_ns)
{
	uint64_t which = nth * 10 + f;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which, .answer_ns = answer_ns });
	struct sim_peer *alice = sim_peer(&net, PERMITTED), *bob = sim_peer(&net, PERMITTED);
	uint64_t command;

	sim_fault_nth(&net, f, nth);
	command = sim_initiate(alice, bob);
	sim_run(&net, SECONDS(30));
	expect_one_tunnel(&net, alice, bob, which);
	EXPECT(sim_result(alice, command) && sim_result(alice, command)->result == RESULT_OK, which);
	EXPECT_NO_LOSS(&net, which);
}

TEST(aggressive_mode_survives_any_single_fault)
{
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= MESSAGES; nth++) {
			with_fault(f, nth, 0);
			with_fault(f, nth, MILLISECONDS(40));
		}
}

TEST(aggressive_mode_survives_a_bad_link)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = seed,
		                                                  .loss_permille = 100,
		                                                  .dup_permille = 100,
		                                                  .reorder_permille = 100,
		                                                  .answer_ns = seed % 3 });
		struct sim_peer *alice = sim_peer(&net, PERMITTED " tries=20 base=1.2"), *bob = sim_peer(&net, PERMITTED);

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(120));
		EXPECT(sim_same_keys(alice, bob), seed);
		EXPECT_SOUND(&net, seed);
	}
}

static void
expect_nothing(struct sim_peer *p)
{
	assert_int_equal(sim_ike_sas_in(p, IKE_STATE_ESTABLISHED), 0);
	assert_int_equal(p->n_installed, 0);
}

TEST(a_responder_without_permission_refuses_and_says_which_setting)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, PERMITTED);
	struct sim_peer *bob = sim_peer(&net, "ike1 aggressive psk=swordfish");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(200));
	expect_nothing(alice);
	expect_nothing(bob);
	assert_non_null(
	        strstr(sim_reason_text(bob, "exchange-refused"), "i_dont_care_about_security_and_use_aggressive_mode_psk"));
	assert_non_null(strstr(sim_reason_text(alice, "failed"), "UNSUPPORTED-EXCHANGE-TYPE"));
}

/* strongSwan asks its responder alone for the permission: an initiator's `aggressive = yes` is enough, with a warning. */
TEST(an_initiator_without_permission_is_warned)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 2 });
	struct sim_peer *alice = sim_peer(&net, "ike1 aggressive psk=swordfish esp=aes128gcm16-ecp256");
	struct sim_peer *bob = sim_peer(&net, PERMITTED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	assert_true(sim_established(alice) && sim_established(bob));
	assert_non_null(strstr(sim_reason_text(alice, "aggressive-psk"), "guess the key offline"));
	assert_string_equal(sim_reason_text(bob, "aggressive-psk"), "");
}

TEST(main_and_aggressive_mode_do_not_meet)
{
	for (int which = 0; which < 2; which++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 3 });
		struct sim_peer *alice = sim_peer(&net, which ? PERMITTED : "ike1 main psk=swordfish");
		struct sim_peer *bob = sim_peer(&net, which ? "ike1 main psk=swordfish" : PERMITTED);

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(200));
		expect_nothing(bob);
		EXPECT(strstr(sim_reason_text(bob, "exchange-refused"), which ? "aggressive = no" : "aggressive = yes"), which);
	}
}

TEST(different_keys_are_named_at_both_ends)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 4 });
	struct sim_peer *alice = sim_peer(&net, PERMITTED);
	struct sim_peer *bob = sim_peer(&net, "ike1 aggressive aggressive-psk psk=haddock esp=aes128gcm16-ecp256");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(200));
	expect_nothing(alice);
	expect_nothing(bob);
	assert_non_null(strstr(sim_reason_text(alice, "wrong-psk"), "pre-shared keys"));
	assert_non_null(strstr(sim_reason_text(alice, "failed"), "probably differ"));
	assert_true(sim_reason(bob, "wrong-psk"));
}

TEST(the_identity_selects_the_key_and_the_connection)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 5 });
	struct sim_peer *alice = sim_peer(&net, "ike1 aggressive aggressive-psk id=@alice rid=@bob psk=@bob:mackerel "
	                                        "esp=aes128gcm16-ecp256");
	struct sim_peer *bob = sim_peer(&net, "ike1 aggressive aggressive-psk id=@bob rid=@alice to=any psk=@carol:cod "
	                                      "psk=@alice:mackerel esp=aes128gcm16-ecp256");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	expect_one_tunnel(&net, alice, bob, 0);
	assert_true(sim_reason(alice, "identities-exposed") && sim_reason(bob, "identities-exposed"));
	assert_false(sim_ike(bob).group_key);
}

TEST(an_unknown_identity_is_refused_at_once)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 6 });
	struct sim_peer *alice = sim_peer(&net, PERMITTED " id=@mallory");
	struct sim_peer *bob = sim_peer(&net, PERMITTED " rid=@alice to=any");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(2));
	assert_int_equal(sim_ike_sas(bob), 0);
	assert_non_null(strstr(sim_reason_text(bob, "id-mismatch"), "mallory"));
	assert_true(sim_reason(alice, "id-mismatch"));
}

TEST(a_responder_with_another_name_is_not_accepted)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 7 });
	struct sim_peer *alice = sim_peer(&net, PERMITTED " rid=@bob");
	struct sim_peer *bob = sim_peer(&net, PERMITTED " id=@mallory");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(200));
	expect_nothing(alice);
	assert_non_null(strstr(sim_reason_text(alice, "failed"), "mallory"));
}

TEST(without_a_key_for_the_identity_nothing_is_answered)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 8 });
	struct sim_peer *alice = sim_peer(&net, PERMITTED);
	struct sim_peer *bob = sim_peer(&net, "ike1 aggressive aggressive-psk no-psk");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(2));
	assert_int_equal(sim_ike_sas(bob), 0);
	assert_true(sim_reason(bob, "no-psk"));
}

/* RFC 3947 section 3.2 and 4: NAT-D in messages 2 and 3, and message 3 goes to port 4500. */
TEST(aggressive_mode_finds_a_nat_and_floats)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 9, .traffic_ns = MILLISECONDS(50) });
	struct sim_peer *alice = sim_peer(&net, PERMITTED), *bob = sim_peer(&net, PERMITTED " to=any rid=192.0.2.1");

	sim_behind(alice, sim_nat(&net, 0));
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	expect_one_tunnel(&net, alice, bob, 0);
	assert_true(sim_ike(alice).nat_local && sim_ike(bob).nat_remote);
	assert_int_equal(sim_ike(alice).remote.port, 4500);
	assert_int_equal(sim_ike(bob).local.port, 4500);
	assert_true(alice->esp_opened > 50 && bob->esp_opened > 50 && alice->esp_lost == 0);
}

/* By our policy: what is not protected in Phase 1 is made up for in Phase 2. */
TEST(phase_2_needs_pfs_unless_that_is_relaxed)
{
	static const char *const without = "ike1 aggressive aggressive-psk psk=swordfish";
	static const char *const relaxed = "ike1 aggressive aggressive-psk psk=swordfish without-pfs";

	for (int which = 0; which < 4; which++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 10 });
		struct sim_peer *alice = sim_peer(&net, which & 1 ? relaxed : without);
		struct sim_peer *bob = sim_peer(&net, which & 2 ? relaxed : without);
		uint64_t command = sim_initiate(alice, bob);
		const char *text;

		sim_run(&net, SECONDS(60));
		EXPECT(sim_established(alice) == (which == 3), which);
		EXPECT(sim_established(bob) == (which == 3), which);
		text = sim_result(alice, command) ? sim_result(alice, command)->text : "";
		EXPECT(which & 1 || strstr(text, "aggressive_mode_without_pfs"), which);
		EXPECT(which != 1 || strstr(sim_reason_text(bob, "no-proposal-chosen"), "aggressive_mode_without_pfs"), which);
	}
}

/* A group that is only a second choice is taken where PFS is a must. */
TEST(pfs_takes_the_first_group_that_is_named)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 11 });
	struct sim_peer *alice = sim_peer(&net, PERMITTED " esp=aes128gcm16-modpnone-x25519");
	struct sim_peer *bob = sim_peer(&net, PERMITTED " esp=aes128gcm16-modpnone-ecp256-x25519");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	expect_one_tunnel(&net, alice, bob, 0);
}

TEST(aggressive_mode_rekeys_as_main_mode_does)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 12, .traffic_ns = MILLISECONDS(50) });
	struct sim_peer *alice = sim_peer(&net, PERMITTED), *bob = sim_peer(&net, PERMITTED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_rekey(bob, "net", NULL);
	sim_run(&net, SECONDS(60));
	expect_one_tunnel(&net, alice, bob, 0);
	assert_int_equal(alice->n_installed, 2);
	assert_true(alice->esp_lost == 0 && bob->esp_lost == 0);
}

static void
rekey_with_fault(bool both, enum sim_fault f, uint64_t nth)
{
	uint64_t which = both * 1000 + nth * 10 + f;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, PERMITTED " dpd=15s"), *bob = sim_peer(&net, PERMITTED " dpd=15s");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_mark(&net);
	sim_fault_nth(&net, f, nth);
	sim_rekey(alice, "net", NULL);
	if (both)
		sim_rekey(bob, "net", NULL);
	sim_run(&net, SECONDS(90));
	expect_one_tunnel(&net, alice, bob, which);
	EXPECT(alice->n_installed == 2 && bob->n_installed == 2, which);
	EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0, which);
	EXPECT_NO_LOSS(&net, which);
}

/*
 * Nothing answers message 3, and no Quick Mode follows: the initiator must not give up the old SA for one that the peer may
 * not have. Three messages, a probe and its answer, the Delete of the old one; from both ends at once, twice that.
 */
TEST(rekeying_aggressive_mode_survives_any_single_fault)
{
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= 12; nth++) {
			if (nth <= 6)
				rekey_with_fault(false, f, nth);
			rekey_with_fault(true, f, nth);
		}
}

/* One that never gets its message 3 through ends alone, and the old one tries again. */
TEST(an_sa_that_the_peer_never_got_replaces_nothing)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 13, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, PERMITTED " tries=2"), *bob = sim_peer(&net, PERMITTED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_mark(&net);
	for (uint64_t nth = 3; nth < 3 + SIM_SCRIPT_MAX; nth++)
		sim_drop_nth(&net, nth);
	sim_rekey(alice, "net", NULL);
	sim_run(&net, SECONDS(20));
	EXPECT(sim_ike_sas(alice) == 2 && sim_ike_sas_in(alice, IKE_STATE_REKEYING) == 1, 0);
	EXPECT(sim_children(alice) == 1 && alice->esp_lost == 0, 0);
	sim_run(&net, SECONDS(180));
	assert_true(sim_reason(alice, "peer-dead"));
	expect_one_tunnel(&net, alice, bob, 0);
	EXPECT(alice->n_installed == 2 && alice->esp_lost == 0 && bob->esp_lost == 0, 0);
}

/* The client waits for the gateway to ask, the gateway for message 3: who sent it last says it again. */
TEST(a_lost_message_3_does_not_keep_a_login_waiting)
{
	static const char *const common = "ike1 aggressive aggressive-psk psk=swordfish esp=aes128gcm16-ecp256 ";

	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= 10; nth++) {
			uint64_t which = nth * 10 + f;
			autoclose(sim) net = sim_open((struct sim_opts) { .seed = which });
			char client[256], gateway[256];
			struct sim_peer *carol, *moon;

			snprintf(client, sizeof client, "%slogin=carol:4iChxLT3", common);
			snprintf(gateway, sizeof gateway, "%suser=carol:4iChxLT3", common);
			carol = sim_peer(&net, client);
			moon = sim_peer(&net, gateway);
			sim_fault_nth(&net, f, nth);
			sim_initiate(carol, moon);
			sim_run(&net, SECONDS(60));
			expect_one_tunnel(&net, carol, moon, which);
			EXPECT(sim_ike(moon).auth == 65001 && sim_ike(moon).group_key, which);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aggressive_mode_survives_any_single_fault),
		cmocka_unit_test(aggressive_mode_survives_a_bad_link),
		cmocka_unit_test(a_responder_without_permission_refuses_and_says_which_setting),
		cmocka_unit_test(an_initiator_without_permission_is_warned),
		cmocka_unit_test(main_and_aggressive_mode_do_not_meet),
		cmocka_unit_test(different_keys_are_named_at_both_ends),
		cmocka_unit_test(the_identity_selects_the_key_and_the_connection),
		cmocka_unit_test(an_unknown_identity_is_refused_at_once),
		cmocka_unit_test(a_responder_with_another_name_is_not_accepted),
		cmocka_unit_test(without_a_key_for_the_identity_nothing_is_answered),
		cmocka_unit_test(aggressive_mode_finds_a_nat_and_floats),
		cmocka_unit_test(phase_2_needs_pfs_unless_that_is_relaxed),
		cmocka_unit_test(pfs_takes_the_first_group_that_is_named),
		cmocka_unit_test(aggressive_mode_rekeys_as_main_mode_does),
		cmocka_unit_test(rekeying_aggressive_mode_survives_any_single_fault),
		cmocka_unit_test(an_sa_that_the_peer_never_got_replaces_nothing),
		cmocka_unit_test(a_lost_message_3_does_not_keep_a_login_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
