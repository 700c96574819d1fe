/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sim_test.h"

/*
 * What does not fit is refused with a reason that both ends' people can act on:
 * a stable word in the log, a sentence, and the result of the command.
 */

struct refusal_case {
	const char *alice, *bob;
	const char *reason_a, *reason_b;   /* words; NULL: not looked at */
	const char *says_a[3], *says_b[3]; /* parts of the sentences */
	bool phase_1;                      /* stands all the same */
};

static void
show_reasons(const struct sim_peer *p)
{
	for (unsigned i = 0; i < p->n_reasons; i++)
		print_message("# peer %u <%s> %s\n", p->index, p->reason[i].reason, p->reason[i].text);
}

static bool
said(const struct sim_peer *p, const char *reason, const char *const part[3])
{
	const char *text = sim_reason_text(p, reason);

	for (unsigned i = 0; i < 3 && part[i]; i++)
		if (!strstr(text, part[i]))
			return false;
	return *text != 0;
}

static void
is_refused(const struct refusal_case *t, unsigned which)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which + 1 });
	struct sim_peer *alice = sim_peer(&net, t->alice);
	struct sim_peer *bob = sim_peer(&net, t->bob);
	uint64_t command = sim_initiate(alice, bob);
	const struct sim_done *done;

	sim_run(&net, SECONDS(400));
	done = sim_result(alice, command);
	if ((t->reason_a && !said(alice, t->reason_a, t->says_a)) || (t->reason_b && !said(bob, t->reason_b, t->says_b))) {
		show_reasons(alice);
		show_reasons(bob);
		fail_msg("case %u: the reason is not the one expected", which);
	}
	EXPECT(done && done->result != RESULT_OK, which);
	EXPECT(done && done->text[0], which);
	EXPECT(sim_children(alice) == 0 && sim_children(bob) == 0, which);
	EXPECT(!!sim_ike_sas_in(alice, IKE_STATE_ESTABLISHED) == t->phase_1, which);
	EXPECT(!!sim_ike_sas_in(bob, IKE_STATE_ESTABLISHED) == t->phase_1, which);
	EXPECT(alice->n_in + alice->n_out + bob->n_in + bob->n_out == 0, which);
	EXPECT(alice->n_claims == 0 && bob->n_claims == 0, which);
	EXPECT_SOUND(&net, which);
}

#define KEYED "ike1 main psk=swordfish "

TEST(phase_1_refusals_are_explained_on_both_sides)
{
	static const struct refusal_case t[] = {
		/* RFC 2409 section 5.4: a wrong key shows as message 5 that does not decrypt. */
		{ KEYED, "psk=haddock", "wrong-psk", "wrong-psk", { "pre-shared key" }, { "pre-shared key" }, false },
		{ "psk=haddock", KEYED, "wrong-psk", "wrong-psk", { "pre-shared key" }, { "pre-shared key" }, false },
		{ KEYED, "no-psk", NULL, "no-psk", { NULL }, { "192.0.2.1" }, false },
		{ "no-psk", KEYED, "no-psk", NULL, { "192.0.2.2" }, { NULL }, false },
		{ KEYED "proposals=aes256-sha256-ecp256",
		  KEYED "proposals=aes128-sha256-ecp256",
		  "no-proposal-chosen",
		  "no-proposal-chosen",
		  { NULL },
		  { "256", "128" },
		  false },
		{ KEYED "proposals=aes128-sha256-ecp256",
		  KEYED "proposals=aes128-sha256-ecp384",
		  "no-proposal-chosen",
		  "no-proposal-chosen",
		  { NULL },
		  { "Diffie-Hellman", "ECP_256", "ECP_384" },
		  false },
		{ KEYED "proposals=aes128-sha256-ecp256",
		  KEYED "proposals=aes128-sha512-ecp256",
		  NULL,
		  "no-proposal-chosen",
		  { NULL },
		  { "SHA2_256", "SHA2_512" },
		  false },
		{ KEYED "id=@alice", KEYED "rid=@carol", NULL, "id-mismatch", { NULL }, { "alice", "carol" }, false },
		{ KEYED "rid=@carol", KEYED "id=@bob", "id-mismatch", NULL, { "bob", "carol" }, { NULL }, false },
		{ KEYED, KEYED "to=192.0.2.77", NULL, "no-connection", { NULL }, { "192.0.2.1" }, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof *t; i++)
		is_refused(&t[i], i);
}

TEST(phase_2_refusals_are_explained_on_both_sides_and_leave_phase_1)
{
	static const struct refusal_case t[] = {
		{ KEYED "child=10.1.0.0/16,10.9.0.0/16",
		  KEYED "child=10.2.0.0/16,10.1.0.0/16",
		  "ts-mismatch",
		  "ts-mismatch",
		  { NULL },
		  { "10.9.0.0/16", "10.2.0.0/16" },
		  true },
		{ KEYED "esp=aes128gcm16",
		  KEYED "esp=aes256gcm16",
		  "no-proposal-chosen",
		  "no-proposal-chosen",
		  { NULL },
		  { "128", "256" },
		  true },
		{ KEYED "esp=aes128gcm16",
		  KEYED "esp=aes128gcm16-ecp256",
		  "no-proposal-chosen",
		  "no-proposal-chosen",
		  { NULL },
		  { "PFS" },
		  true },
		{ KEYED "esp=aes128gcm16-ecp256",
		  KEYED "esp=aes128gcm16",
		  "no-proposal-chosen",
		  "no-proposal-chosen",
		  { NULL },
		  { "PFS" },
		  true },
		{ KEYED "esp=aes128gcm16-ecp256",
		  KEYED "esp=aes128gcm16-ecp384",
		  NULL,
		  "no-proposal-chosen",
		  { NULL },
		  { "ECP_256", "ECP_384" },
		  true },
		{ KEYED "esp=aes128-sha256",
		  KEYED "esp=aes128-sha512",
		  NULL,
		  "no-proposal-chosen",
		  { NULL },
		  { "SHA2_256", "SHA2_512" },
		  true },
		{ KEYED "child=dynamic,dynamic transport",
		  KEYED "child=dynamic,dynamic",
		  NULL,
		  "no-proposal-chosen",
		  { NULL },
		  { "mode" },
		  true },
	};

	for (unsigned i = 0; i < sizeof t / sizeof *t; i++)
		is_refused(&t[i], i);
}

TEST(a_silent_peer_is_given_up_after_the_configured_tries)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "keyingtries=1");
	struct sim_peer *bob = sim_peer(&net, KEYED);
	uint64_t command;

	bob->deaf = true;
	command = sim_initiate(alice, bob);
	/* 4 s * (1 + 1.8 + 1.8^2 + ... 1.8^5) = 165 s: strongSwan's arithmetic. */
	sim_run(&net, SECONDS(160));
	EXPECT(!sim_result(alice, command), 0);
	assert_int_equal(alice->sends, 6);
	sim_run(&net, SECONDS(10));
	EXPECT(sim_result(alice, command) && sim_result(alice, command)->result != RESULT_OK, 0);
	EXPECT(strstr(sim_result(alice, command)->text, "192.0.2.2"), 0);
	EXPECT(sim_ike_sas(alice) == 0 && alice->n_claims == 0, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(keyingtries_says_how_often_a_silent_peer_is_tried)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "keyingtries=3 tries=2 timeout=1s");
	struct sim_peer *bob = sim_peer(&net, KEYED);

	bob->deaf = true;
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(600));
	assert_int_equal(alice->sends, 9);
	EXPECT(sim_ike_sas(alice) == 0, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(a_peer_that_wakes_up_late_is_still_met)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "keyingtries=0 tries=2 timeout=1s");
	struct sim_peer *bob = sim_peer(&net, KEYED);

	bob->deaf = true;
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(1000));
	bob->deaf = false;
	sim_run(&net, SECONDS(60));
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT_SOUND(&net, 0);
}

TEST(a_command_may_give_up_earlier_than_the_exchange)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED);
	uint64_t command;

	bob->deaf = true;
	command = sim_command(
	        alice, (struct command) { .kind = COMMAND_INITIATE, .ike = "net", .child = "net", .timeout_ns = SECONDS(5) });
	sim_run(&net, SECONDS(6));
	EXPECT(sim_result(alice, command) && sim_result(alice, command)->result == RESULT_TIMEOUT, 0);
	bob->deaf = false;
	sim_run(&net, SECONDS(60));
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT_SOUND(&net, 0);
}

TEST(commands_say_what_they_do_not_find)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	uint64_t a = sim_initiate_child(alice, "nosuch"), b = sim_terminate(alice, "nosuch", NULL),
	         c = sim_rekey(alice, NULL, "nosuch");

	sim_run(&net, SECONDS(1));
	EXPECT(sim_result(alice, a) && sim_result(alice, a)->result == RESULT_NOT_FOUND, 0);
	EXPECT(strstr(sim_result(alice, a)->text, "nosuch"), 0);
	EXPECT(sim_result(alice, b) && sim_result(alice, b)->result == RESULT_NOT_FOUND, 0);
	EXPECT(sim_result(alice, c) && sim_result(alice, c)->result == RESULT_NOT_FOUND, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(what_the_data_plane_refuses_is_not_an_sa)
{
	for (unsigned who = 0; who < 2; who++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
		struct sim_peer *alice = sim_peer(&net, KEYED);
		struct sim_peer *bob = sim_peer(&net, KEYED);
		uint64_t command;

		(who ? bob : alice)->refuse_install = true;
		command = sim_initiate(alice, bob);
		sim_run(&net, SECONDS(300));
		EXPECT(sim_result(alice, command) && sim_result(alice, command)->result == RESULT_FAILED, who);
		EXPECT(sim_reason(who ? bob : alice, "not-installed"), who);
		EXPECT(sim_children(alice) + sim_children(bob) == 0, who);
		EXPECT(alice->n_in + alice->n_out + bob->n_in + bob->n_out == 0, who);
		EXPECT_SOUND(&net, who);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase_1_refusals_are_explained_on_both_sides),
		cmocka_unit_test(phase_2_refusals_are_explained_on_both_sides_and_leave_phase_1),
		cmocka_unit_test(a_silent_peer_is_given_up_after_the_configured_tries),
		cmocka_unit_test(keyingtries_says_how_often_a_silent_peer_is_tried),
		cmocka_unit_test(a_peer_that_wakes_up_late_is_still_met),
		cmocka_unit_test(a_command_may_give_up_earlier_than_the_exchange),
		cmocka_unit_test(commands_say_what_they_do_not_find),
		cmocka_unit_test(what_the_data_plane_refuses_is_not_an_sa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
