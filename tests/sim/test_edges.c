/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sim_test.h"

/* Where two things meet that each work alone: reload with live SAs, refusals with losses, limits with many SAs. */

#define KEYED "ike1 main psk=swordfish "

/* RFC 2407 section 4.6.2 has one port, not a range: the child cannot be asked for, however many pairs it has. */
TEST(what_ikev1_cannot_say_is_refused_and_not_sent)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice =
		sim_peer(&net, KEYED "child=10.1.0.0/16[tcp/1-100];10.3.0.0/16[tcp/1-100];10.4.0.0/16[tcp/1-100],10.2.0.0/16");
	struct sim_peer *bob = sim_peer(&net, KEYED);
	uint64_t command = sim_initiate(alice, bob);

	sim_run(&net, SECONDS(60));
	EXPECT(sim_result(alice, command) && sim_result(alice, command)->result != RESULT_OK, 0);
	EXPECT(sim_children(alice) == 0 && sim_children(bob) == 0 && alice->n_claims == 0, 0);
	EXPECT_SOUND(&net, 0);
}

/* docs/adr/0016: the kernel refuses a claim. */
TEST(what_cannot_be_diverted_does_not_come_up)
{
	for (unsigned i = 0; i < 3; i++) {
		autoclose(sim) net = sim_open((struct sim_opts){ .seed = i });
		struct sim_peer *alice = sim_peer(&net, i ? KEYED "start=trap unloaded" : KEYED), *bob = sim_peer(&net, KEYED);
		const struct sim_done *d;
		uint64_t command;

		(i == 2 ? bob : alice)->refuse_claim = true;
		sim_load(alice, alice->conn);
		command = sim_initiate(alice, bob);
		sim_run(&net, SECONDS(60));
		EXPECT(sim_children(alice) == 0 && sim_children(bob) == 0, i);
		EXPECT(sim_verdicts(i == 2 ? bob : alice, "not-claimed") == 1, i);
		d = sim_result(alice, command);
		EXPECT(d && d->result == RESULT_FAILED, i);
		EXPECT(i == 2 || strstr(d->text, "cannot be diverted: too many overlap"), i);
		/* A trap holds; without one there is nothing to hold. */
		EXPECT(alice->n_claims == (i ? 1u : 0u) && bob->n_claims == 0, i);
		EXPECT_SOUND(&net, i);

		/* The obstacle is gone. */
		alice->refuse_claim = bob->refuse_claim = false;
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		EXPECT(sim_established(alice) && sim_established(bob), i);
		EXPECT_SOUND(&net, i);
	}
}

/* It is asked for again with a rekeyed SA under way, and an SA that stood ends as well. */
TEST(an_sa_whose_claim_is_refused_ends)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED), *bob = sim_peer(&net, KEYED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(alice), 0);
	sim_command(alice, (struct command){ .kind = COMMAND_CLAIM_REFUSED, .reqid = alice->claims->reqid, .reason = "lost" });
	sim_run(&net, SECONDS(5));
	EXPECT(sim_children(alice) == 0 && sim_children(bob) == 0 && alice->n_claims == 0, 0);
	EXPECT(strstr(sim_reason_text(alice, "not-claimed"), "lost"), 0);
	sim_command(alice, (struct command){ .kind = COMMAND_CLAIM_REFUSED, .reqid = 999 });
	EXPECT(sim_verdicts(alice, "not-claimed") == 1, 0);
	EXPECT_SOUND(&net, 0);
}

/* Its own at once; another's once answers about that one cannot be under way any more. */
TEST(a_tunnel_that_comes_again_has_the_same_reqid)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "child=a:10.1.0.0/24,10.2.0.0/24 child=b:10.1.1.0/24,10.2.1.0/24 child=c:10.1.2.0/24,10.2.2.0/24");
	struct sim_peer *bob = sim_peer(&net, KEYED "child=a:10.2.0.0/24,10.1.0.0/24 child=b:10.2.1.0/24,10.1.1.0/24 child=c:10.2.2.0/24,10.1.2.0/24");
	static const char *const brought_up[] = { "a", "a", "b", "b" };
	static const instant_t waited[] = { SECONDS(1), SECONDS(1), SECONDS(1), SECONDS(3) };
	uint32_t reqid[4];

	for (unsigned i = 0; i < 4; i++) {
		sim_initiate_child(alice, brought_up[i]);
		sim_run(&net, SECONDS(1));
		EXPECT(sim_established(alice) && alice->n_claims == 1, i);
		reqid[i] = alice->claims->reqid;
		sim_terminate(alice, "net", NULL);
		sim_run(&net, waited[i]);
		EXPECT(alice->n_claims == 0, i);
	}
	EXPECT(reqid[1] == reqid[0] && reqid[2] != reqid[0] && reqid[3] == reqid[2], 0);
	sim_initiate_child(alice, "c");
	sim_run(&net, SECONDS(1));
	EXPECT(sim_established(bob) && alice->claims->reqid == reqid[0], 0);
	EXPECT_SOUND(&net, 0);
}

TEST(a_reload_that_changes_the_mode_is_claimed_anew)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "pass start=trap");
	struct conn *c = sim_conn(alice, KEYED "start=trap");

	EXPECT(alice->n_claims == 1 && alice->claims->mode == MODE_PASS, 0);
	sim_load(alice, c);
	conn_unref(c);
	sim_run(&net, SECONDS(1));
	EXPECT(alice->n_claims == 1, 0);
	EXPECT(alice->claims->mode == MODE_TUNNEL && alice->claims->trap, 0);
	EXPECT_SOUND(&net, 0);
}

/* From the claim of the SAs to that of the trap nothing may leave in clear. */
TEST(an_action_after_the_end_never_lets_the_claim_go)
{
	static const char *const children[] = { "", "child=dynamic,10.2.0.0/16" };
	static const char *const others[] = { "", "child=10.2.0.0/16,dynamic" };

	for (unsigned i = 0; i < 2; i++) {
		autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
		char text[256];
		struct sim_peer *alice, *bob;

		strcat(strcpy(text, KEYED "dpd=10s dpd-timeout=40s "), children[i]);
		alice = sim_peer(&net, strcat(text, " dpd-action=trap"));
		bob = sim_peer(&net, strcat(strcpy(text, KEYED), others[i]));
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		EXPECT(sim_established(alice), i);
		sim_kill(bob);
		sim_run(&net, SECONDS(200));
		EXPECT(sim_children(alice) == 0, i);
		EXPECT(alice->n_claims == 1 && alice->claims->trap, i);
		EXPECT(alice->releases == 0, i);
		EXPECT_SOUND(&net, i);
	}
}

TEST(a_reload_towards_another_peer_does_not_use_the_old_one)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED);
	struct sim_peer *carol = sim_peer(&net, KEYED "id=@carol to=192.0.2.1 child=10.2.0.0/16,10.1.0.0/16");
	struct conn *c = sim_conn(alice, KEYED "to=192.0.2.3 rid=@carol");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(bob), 0);
	alice->remote.ip = carol->local.ip;
	sim_load(alice, c);
	conn_unref(c);
	sim_initiate_child(alice, "net");
	sim_run(&net, SECONDS(60));
	EXPECT(sim_established(carol), 0);
	EXPECT(bob->n_installed == 2, 0);
	EXPECT_SOUND(&net, 0);
}

static void
many_hosts(struct selector **list, size_t *n, uint8_t net, unsigned count)
{
	free(*list);
	*list = calloc(count, sizeof **list);
	assert_non_null(*list);
	for (unsigned i = 0; i < count; i++)
		(*list)[i] = selector_host(&(struct ip){ IP_V4, { 10, net, (uint8_t)(i >> 8), (uint8_t)i } });
	*n = count;
}

/* More effects than one call may give: what does not fit comes later, and nothing is forgotten. */
TEST(hundreds_of_pairs_end_without_a_trace)
{
	static const struct {
		enum command_kind kind;
		const char *ike, *child;
	} end[] = { { COMMAND_TERMINATE, NULL, "net" }, { COMMAND_TERMINATE, "net", NULL }, { COMMAND_SHUTDOWN, NULL, NULL } };

	for (unsigned i = 0; i < 3; i++) {
		autoclose(sim) net = sim_open((struct sim_opts){ .seed = i });
		struct sim_peer *alice = sim_peer(&net, KEYED "unloaded"), *bob = sim_peer(&net, KEYED "unloaded");
		uint64_t command;

		many_hosts(&alice->conn->children[0].local_ts, &alice->conn->children[0].n_local_ts, 1, 800);
		many_hosts(&bob->conn->children[0].remote_ts, &bob->conn->children[0].n_remote_ts, 1, 800);
		sim_load(alice, alice->conn);
		sim_load(bob, bob->conn);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(60));
		EXPECT(sim_children(alice) == 800 && sim_children(bob) == 800, i);
		command = sim_command(alice, (struct command){ .kind = end[i].kind, .ike = end[i].ike, .child = end[i].child });
		sim_run(&net, SECONDS(60));
		EXPECT(sim_result(alice, command), i);
		EXPECT(alice->n_in + alice->n_out + alice->n_claims == 0, i);
		EXPECT(bob->n_in + bob->n_out + bob->n_claims == 0, i);
		EXPECT_SOUND(&net, i);
	}
}

/* RFC 2407 section 4.6.3.3: "the first SA being established with the remote system", whatever the connection is called. */
TEST(a_second_connection_to_the_same_peer_is_no_initial_contact)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED "child=10.2.0.0/16,10.1.0.0/16 child=two:10.2.0.0/16,10.7.0.0/16");
	struct conn *c = sim_conn(alice, KEYED "child=two:10.7.0.0/16,10.2.0.0/16");

	free(c->name);
	c->name = strdup("second");
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_load(alice, c);
	conn_unref(c);
	sim_command(alice, (struct command){ .kind = COMMAND_INITIATE, .ike = "second", .child = "two" });
	sim_run(&net, SECONDS(60));
	EXPECT(sim_children_in(alice, CHILD_STATE_INSTALLED) == 2, 0);
	EXPECT(sim_children_in(bob, CHILD_STATE_INSTALLED) == 2, 0);
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT_SOUND(&net, 0);
}

static void
rebind_before_5(void *arg, struct sim *net, struct sim_packet *p)
{
	(void)net;
	if (p->number == 5)
		sim_nat_rebind(arg);
}

TEST(a_mapping_that_changes_in_message_5_leaves_nothing_half_open)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED "to=any");
	struct sim_nat *a = sim_nat(&net, 0), *b = sim_nat(&net, 0);
	struct ike_counters c;

	sim_behind(alice, a);
	sim_set_tap(&net, rebind_before_5, a);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(30));
	EXPECT(sim_established(bob), 0);
	/* And to another address altogether, with the next Phase 1. */
	sim_set_tap(&net, NULL, NULL);
	sim_behind(alice, b);
	sim_rekey(alice, "net", NULL);
	sim_run(&net, SECONDS(60));
	ike_counters(bob->ike, &c);
	EXPECT(c.half_open == 0, c.half_open);
	EXPECT_SOUND(&net, 0);
}

static void
move_before_5(void *arg, struct sim *net, struct sim_packet *p)
{
	struct sim_peer *alice = arg;

	if (p->number == 4)
		sim_behind(alice, net->w->nats);
}

TEST(an_address_that_changes_in_message_5_leaves_nothing_half_open)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED "to=any");
	struct sim_nat *a = sim_nat(&net, 0);
	struct ike_counters c;

	sim_nat(&net, 0);
	sim_behind(alice, a);
	sim_set_tap(&net, move_before_5, alice);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(60));
	ike_counters(bob->ike, &c);
	EXPECT(c.half_open == 0, c.half_open);
	EXPECT_SOUND(&net, 0);
}

TEST(a_name_without_an_address_is_not_asked_for_in_a_circle)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1, .answer_ns = MILLISECONDS(1) });
	struct sim_peer *alice = sim_peer(&net, KEYED "to=any keyingtries=0");

	alice->no_address = true;
	sim_initiate(alice, NULL);
	sim_run(&net, SECONDS(600));
	EXPECT(alice->addresses_asked < 600, alice->addresses_asked);
	EXPECT_SOUND(&net, 0);
}

TEST(close_action_start_survives_the_end_of_phase_1_too)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "close=start keyingtries=0");
	struct sim_peer *bob = sim_peer(&net, KEYED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_terminate(bob, "net", NULL);
	sim_run(&net, SECONDS(120));
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT(alice->n_installed == 4, 0);
	EXPECT_SOUND(&net, 0);
}

/* Every "up" of the script has its "down", whatever crossed on the way. */
TEST(updown_stays_balanced_when_a_delete_crosses_a_rekey)
{
	for (unsigned ms = 0; ms < 60; ms += 2) {
		autoclose(sim) net = sim_open((struct sim_opts){ .seed = ms + 1 });
		struct sim_peer *alice = sim_peer(&net, KEYED);
		struct sim_peer *bob = sim_peer(&net, KEYED);
		struct sim_peer *ends[2] = { alice, bob };

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		sim_rekey(alice, NULL, "net");
		sim_run(&net, MILLISECONDS(ms));
		sim_terminate(bob, NULL, "net");
		sim_run(&net, SECONDS(90));
		for (unsigned i = 0; i < 2; i++)
			EXPECT(ends[i]->updown_up - ends[i]->updown_down == sim_children_in(ends[i], CHILD_STATE_INSTALLED), ms * 10 + i);
		EXPECT_SOUND(&net, ms);
	}
}

/* The refusal of one child is lost, once or always: the others stay. */
TEST(a_refusal_that_is_lost_costs_no_other_child)
{
	for (unsigned lost = 1; lost <= 8; lost += 7) {
		autoclose(sim) net = sim_open((struct sim_opts){ .seed = lost });
		struct sim_peer *alice = sim_peer(&net, KEYED "child=10.1.0.0/16,10.2.0.0/16 child=bad:10.8.0.0/16,10.9.0.0/16");
		struct sim_peer *bob = sim_peer(&net, KEYED);
		uint64_t command;

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		sim_mark(&net);
		for (unsigned i = 1; i <= lost; i++)
			sim_drop_nth(&net, 2 * i);
		command = sim_initiate_child(alice, "bad");
		sim_run(&net, SECONDS(400));
		EXPECT(sim_result(alice, command) && sim_result(alice, command)->result != RESULT_OK, lost);
		EXPECT(sim_established(alice) && sim_same_keys(alice, bob), lost);
		EXPECT(alice->n_installed == 2 && bob->n_installed == 2, lost);
		EXPECT_SOUND(&net, lost);
	}
}

/* A Delete has no answer: ESP on an SA that is gone has it said again. */
TEST(a_child_whose_deletes_were_all_lost_is_deleted_when_its_traffic_comes)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1, .traffic_ns = MILLISECONDS(500) });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_cut(&net, true);
	sim_command(alice, (struct command){ .kind = COMMAND_TERMINATE, .child = "net", .force = true });
	sim_run(&net, SECONDS(10));
	EXPECT(alice->n_in == 0 && bob->n_out == 1, 0);
	sim_cut(&net, false);
	sim_run(&net, SECONDS(10));
	EXPECT(bob->n_in == 0 && bob->n_out == 0 && sim_ike_sas(bob) == 1, 0);
	EXPECT_SOUND(&net, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ikev1_cannot_say_is_refused_and_not_sent),
		cmocka_unit_test(what_cannot_be_diverted_does_not_come_up),
		cmocka_unit_test(an_sa_whose_claim_is_refused_ends),
		cmocka_unit_test(a_tunnel_that_comes_again_has_the_same_reqid),
		cmocka_unit_test(a_reload_that_changes_the_mode_is_claimed_anew),
		cmocka_unit_test(an_action_after_the_end_never_lets_the_claim_go),
		cmocka_unit_test(a_reload_towards_another_peer_does_not_use_the_old_one),
		cmocka_unit_test(hundreds_of_pairs_end_without_a_trace),
		cmocka_unit_test(a_second_connection_to_the_same_peer_is_no_initial_contact),
		cmocka_unit_test(a_mapping_that_changes_in_message_5_leaves_nothing_half_open),
		cmocka_unit_test(an_address_that_changes_in_message_5_leaves_nothing_half_open),
		cmocka_unit_test(a_name_without_an_address_is_not_asked_for_in_a_circle),
		cmocka_unit_test(close_action_start_survives_the_end_of_phase_1_too),
		cmocka_unit_test(updown_stays_balanced_when_a_delete_crosses_a_rekey),
		cmocka_unit_test(a_refusal_that_is_lost_costs_no_other_child),
		cmocka_unit_test(a_child_whose_deletes_were_all_lost_is_deleted_when_its_traffic_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
