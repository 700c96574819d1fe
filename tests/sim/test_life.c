/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

/* Lifetimes and rekeying, dead peers, traps, reload, uniqueness, shutdown. */

#define KEYED "ike1 main psk=swordfish "

struct pair {
	struct sim net;
	struct sim_peer *alice, *bob;
};

static struct pair
pair_open(const char *a, const char *b, instant_t traffic)
{
	struct pair p = { .net = sim_open((struct sim_opts) { .seed = 3, .traffic_ns = traffic }) };

	p.alice = sim_peer(&p.net, a);
	p.bob = sim_peer(&p.net, b);
	return p;
}

static void
pair_close(struct pair *p)
{
	sim_close(&p->net);
}

static void
expect_up(struct pair *p)
{
	EXPECT(sim_established(p->alice) && sim_established(p->bob), 0);
	EXPECT(sim_same_keys(p->alice, p->bob), 0);
	EXPECT_SOUND(&p->net, 0);
}

static void
expect_no_packet_lost(struct pair *p)
{
	EXPECT(p->alice->esp_sent > 0 && p->bob->esp_sent > 0, 0);
	EXPECT(p->alice->esp_lost == 0 && p->bob->esp_lost == 0, 0);
	EXPECT(p->alice->esp_held == 0 && p->bob->esp_held == 0, 0);
	EXPECT_NO_LOSS(&p->net, 0);
}

/* ---- idleness */

TEST(an_idle_child_is_closed_and_one_in_use_stays)
{
	autoclose(pair) p = pair_open(KEYED "inactivity=30s", KEYED, MILLISECONDS(50));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(120));
	expect_up(&p);
	expect_no_packet_lost(&p);
	EXPECT(p.alice->n_installed == 2, 0);
	p.net.w->opts.traffic_ns = SECONDS(100000); /* the last packet is due now */
	sim_run(&p.net, SECONDS(29));
	EXPECT(sim_children(p.alice) == 1, 0);
	sim_run(&p.net, SECONDS(5));
	EXPECT(sim_children(p.alice) == 0 && sim_children(p.bob) == 0, 0);
	/* Phase 1 stays, for the next Phase 2. */
	EXPECT(sim_ike_sas_in(p.alice, IKE_STATE_ESTABLISHED) == 1 && sim_ike_sas(p.bob) == 1, 0);
	EXPECT(p.alice->updown_down == 1 && p.bob->updown_down == 1, 0);
}

TEST(sending_alone_is_use)
{
	autoclose(pair) p = pair_open(KEYED "inactivity=10s", KEYED, MILLISECONDS(200));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(3));
	p.alice->deaf = true;
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_children(p.alice) == 1, 0);
}

/* Else a tunnel that is renewed more often than its inactivity would never be closed. */
TEST(a_renewed_child_has_been_idle_as_long_as_the_one_before)
{
	for (unsigned who = 0; who < 2; who++) {
		autoclose(pair) p = pair_open(who ? KEYED "inactivity=5m" : KEYED "inactivity=5m rekey=1m life=2m rand=1s",
		                              who ? KEYED "rekey=1m life=2m rand=1s" : KEYED, 0);

		sim_initiate(p.alice, p.bob);
		sim_run(&p.net, SECONDS(290));
		EXPECT(sim_children_in(p.alice, CHILD_STATE_INSTALLED) == 1 && p.alice->n_installed >= 8, who);
		sim_run(&p.net, SECONDS(60));
		EXPECT(sim_children(p.alice) == 0 && sim_children(p.bob) == 0, who);
	}
}

TEST(the_ike_sa_goes_with_its_last_idle_child_where_that_is_wanted)
{
	autoclose(pair) p = pair_open(KEYED "inactivity=30s close-idle-ike", KEYED, 0);

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_ike_sas(p.alice) == 0 && sim_ike_sas(p.bob) == 0, 0);
	EXPECT(p.alice->n_in == 0 && p.bob->n_in == 0, 0);
}

TEST(what_start_or_a_trap_claims_stays_claimed_while_idle)
{
	autoclose(pair) p = pair_open(KEYED "inactivity=30s start=trap", KEYED, 0);

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_children(p.alice) == 0 && p.alice->n_claims == 1, 0);
	sim_acquire(p.alice);
	sim_run(&p.net, SECONDS(5));
	expect_up(&p);
}

/* ---- lifetimes */

TEST(phase_2_is_rekeyed_before_it_expires_for_hours_without_losing_a_packet)
{
	autoclose(pair) p = pair_open(KEYED "rekey=5m life=6m", KEYED "rekey=5m life=6m", MILLISECONDS(50));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(2 * 3600));
	expect_up(&p);
	expect_no_packet_lost(&p);
	EXPECT(p.alice->n_installed >= 2 * 22 && p.alice->n_installed <= 2 * 50, 0);
	EXPECT(sim_ike_sas(p.alice) == 1 && sim_ike_sas(p.bob) == 1, 0);
	EXPECT(sim_children(p.alice) <= 2 && sim_children(p.bob) <= 2, 0);
}

TEST(phase_1_is_rekeyed_before_it_expires_without_losing_a_packet)
{
	autoclose(pair) p = pair_open(KEYED "ike-rekey=10m ike-over=1m", KEYED "ike-rekey=10m ike-over=1m", MILLISECONDS(50));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(3000));
	expect_up(&p);
	expect_no_packet_lost(&p);
	EXPECT(p.alice->events[EVENT_IKE_REKEYED] >= 4, 0);
	EXPECT(sim_ike_sas(p.alice) <= 2 && sim_ike_sas(p.bob) <= 2, 0);
	/* Phase 2 outlives the Phase 1 that made it: RFC 2409 section 9 calls them independent. */
	EXPECT(p.alice->updown_down == 0 && p.bob->updown_down == 0, 0);
}

TEST(both_phases_are_rekeyed_at_their_own_pace)
{
	autoclose(pair) p = pair_open(KEYED "rekey=3m life=4m rand=20s ike-rekey=7m ike-over=1m ike-rand=30s",
	                              KEYED "rekey=3m life=4m rand=20s ike-rekey=7m ike-over=1m ike-rand=30s", MILLISECONDS(50));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(2 * 3600));
	expect_up(&p);
	expect_no_packet_lost(&p);
}

/* RFC 2407 section 4.5.4: the responder may have a shorter life; RESPONDER-LIFETIME tells. */
TEST(different_lifetimes_agree_on_the_shorter)
{
	for (unsigned who = 0; who < 2; who++) {
		autoclose(pair) p = pair_open(who ? KEYED "rekey=50m life=1h" : KEYED "rekey=8m life=10m",
		                              who ? KEYED "rekey=8m life=10m" : KEYED "rekey=50m life=1h", MILLISECONDS(50));
		struct child_info c;
		struct ike_info i;
		uint32_t cursor = 0, under = 0;

		sim_initiate(p.alice, p.bob);
		sim_run(&p.net, SECONDS(10));
		expect_up(&p);
		EXPECT(ike_next_sa(p.alice->ike, &cursor, &i) && ike_next_child(p.alice->ike, i.id, &under, &c), who);
		/* Neither end may count on the SA longer than the other keeps it. */
		EXPECT(c.expires_at <= p.net.w->now + SECONDS(600) && c.rekey_at < c.expires_at, who);
		sim_run(&p.net, SECONDS(3600));
		expect_up(&p);
		expect_no_packet_lost(&p);
	}
}

/* RFC 2407 section 4.5: "If unspecified, the default value shall be assumed to be 28800 seconds (8 hours)." */
TEST(a_peer_that_says_no_lifetime_has_the_default_one)
{
	autoclose(pair) p = pair_open(KEYED "rekey=0 life=0", KEYED "rekey=10h life=11h", MILLISECONDS(50));
	struct sim_peer *ends[] = { p.alice, p.bob };

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(10));
	expect_up(&p);
	for (unsigned who = 0; who < 2; who++) {
		struct child_info c;
		struct ike_info i;
		uint32_t cursor = 0, under = 0;

		EXPECT(ike_next_sa(ends[who]->ike, &cursor, &i) && ike_next_child(ends[who]->ike, i.id, &under, &c), who);
		EXPECT(c.expires_at <= p.net.w->now + SECONDS(28800) && c.rekey_at < c.expires_at, who);
	}
}

TEST(a_volume_limit_rekeys_and_then_ends_an_sa)
{
	autoclose(pair) p = pair_open(KEYED, KEYED, MILLISECONDS(10));
	struct sim_sa *s;

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	expect_up(&p);
	for (s = p.alice->sas; s->p.direction != SA_OUTBOUND; s = s->next)
		;
	sim_command(p.alice, (struct command) {
	                             .kind = COMMAND_EXPIRE, .spi = s->p.spi, .child_id = s->p.child_id, .direction = SA_OUTBOUND });
	sim_run(&p.net, SECONDS(60));
	expect_up(&p);
	expect_no_packet_lost(&p);
	assert_int_equal(p.alice->events[EVENT_CHILD_REKEYED], 1);
	assert_int_equal(sim_children(p.alice), 1);
	sim_command(p.alice, (struct command) { .kind = COMMAND_EXPIRE,
	                                        .spi = p.alice->flows->current->p.spi,
	                                        .child_id = p.alice->flows->current->p.child_id,
	                                        .direction = SA_OUTBOUND,
	                                        .hard = true });
	sim_run(&p.net, SECONDS(60));
	EXPECT_SOUND(&p.net, 0);
	/* The exhausted SA must not carry on. */
	EXPECT(p.alice->n_out == 0 || p.alice->n_installed > 4, 0);
}

TEST(an_sa_that_nobody_rekeys_expires)
{
	autoclose(pair) p = pair_open(KEYED "rekey=0 life=10m", KEYED "rekey=0 life=10m", 0);

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(500));
	expect_up(&p);
	sim_run(&p.net, SECONDS(200));
	EXPECT(sim_children(p.alice) == 0 && sim_children(p.bob) == 0, 0);
	EXPECT(p.alice->n_in + p.alice->n_out + p.bob->n_in + p.bob->n_out == 0, 0);
	EXPECT_SOUND(&p.net, 0);
}

TEST(reauthentication_renews_phase_1)
{
	autoclose(pair) p = pair_open(KEYED "ike-reauth=10m ike-over=1m", KEYED "ike-reauth=10m ike-over=1m", MILLISECONDS(50));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(1500));
	expect_up(&p);
	EXPECT(p.alice->esp_lost == 0 && p.bob->esp_lost == 0, 0);
}

/* ---- dead peers: RFC 3706 */

#define WATCHFUL KEYED "dpd=10s dpd-timeout=40s "

static struct pair
bob_dies(const char *a, instant_t traffic)
{
	struct pair p = pair_open(a, WATCHFUL, traffic);

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	expect_up(&p);
	sim_kill(p.bob);
	return p;
}

TEST(a_dead_peer_is_noticed_and_its_sas_are_cleared)
{
	autoclose(pair) p = bob_dies(WATCHFUL "dpd-action=clear", 0);

	sim_run(&p.net, SECONDS(20));
	EXPECT(sim_established(p.alice), 0);
	sim_run(&p.net, SECONDS(200));
	EXPECT(sim_ike_sas(p.alice) == 0 && sim_children(p.alice) == 0, 0);
	EXPECT(p.alice->n_in + p.alice->n_out + p.alice->n_claims == 0, 0);
	EXPECT_SOUND(&p.net, 0);
}

TEST(a_dead_peer_leaves_a_trap_where_one_is_wanted)
{
	autoclose(pair) p = bob_dies(WATCHFUL "dpd-action=trap", 0);

	sim_run(&p.net, SECONDS(200));
	EXPECT(sim_children(p.alice) == 0 && p.alice->n_in + p.alice->n_out == 0, 0);
	EXPECT(p.alice->n_claims == 1 && p.alice->claims->trap, 0);
	sim_restart(p.bob);
	sim_acquire(p.alice);
	sim_run(&p.net, SECONDS(30));
	expect_up(&p);
}

TEST(a_dead_peer_is_called_again_where_restart_is_wanted)
{
	autoclose(pair) p = bob_dies(WATCHFUL "dpd-action=start keyingtries=0", 0);

	sim_run(&p.net, SECONDS(300));
	EXPECT(p.alice->n_claims == 1, 0);
	sim_restart(p.bob);
	sim_run(&p.net, SECONDS(300));
	expect_up(&p);
}

TEST(a_quiet_live_peer_is_asked_and_stays)
{
	autoclose(pair) p = pair_open(WATCHFUL, WATCHFUL, 0);

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(1000));
	expect_up(&p);
	EXPECT(p.alice->n_installed == 2, 0);
	EXPECT(p.alice->sends > 40, 0);
}

/* RFC 3706 section 5.5: traffic is proof of liveliness, and no probe is needed while it comes. */
TEST(a_peer_that_sends_traffic_is_not_asked)
{
	autoclose(pair) p = pair_open(WATCHFUL, WATCHFUL, MILLISECONDS(500));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(1000));
	expect_up(&p);
	EXPECT(p.alice->sends < 10 && p.bob->sends < 10, 0);
}

TEST(a_peer_that_lost_its_sas_is_found_out_by_a_probe)
{
	autoclose(pair) p = pair_open(WATCHFUL "dpd-action=start", WATCHFUL, SECONDS(1));

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	sim_restart(p.bob);
	sim_run(&p.net, SECONDS(300));
	expect_up(&p);
	EXPECT(p.alice->n_installed >= 4, 0);
}

/* ---- INITIAL-CONTACT (RFC 2407 section 4.6.3.3) and uniqueness */

TEST(initial_contact_clears_what_a_restarted_peer_forgot)
{
	autoclose(pair) p = pair_open(KEYED, KEYED, 0);

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	sim_restart(p.alice);
	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(60));
	expect_up(&p);
	EXPECT(sim_ike_sas(p.bob) == 1 && sim_children(p.bob) == 1, 0);
	EXPECT(p.bob->n_in == 1 && p.bob->n_out == 1, 0);
}

static unsigned
sas_after_second_start(const char *policy)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 3 });
	char text[256];
	struct sim_peer *bob, *one, *two;
	unsigned n;

	strcpy(text, KEYED "to=any child=10.1.0.0/16,dynamic ");
	strcat(text, policy);
	bob = sim_peer(&net, text);
	one = sim_peer(&net, KEYED "id=@alice child=dynamic,10.1.0.0/16");
	two = sim_peer(&net, KEYED "id=@alice child=dynamic,10.1.0.0/16");
	sim_initiate(one, bob);
	sim_run(&net, SECONDS(10));
	EXPECT(sim_established(one), 0);
	sim_initiate(two, bob);
	sim_run(&net, SECONDS(60));
	n = sim_ike_sas(bob) + 10 * !!sim_established(one) + 100 * !!sim_established(two);
	EXPECT_SOUND(&net, 0);
	return n;
}

TEST(the_unique_policy_decides_about_a_second_sa_of_the_same_identity)
{
	assert_int_equal(sas_after_second_start("unique=never"), 112);
	assert_int_equal(sas_after_second_start("unique=replace"), 101);
	assert_int_equal(sas_after_second_start("unique=keep"), 11);
}

/* ---- traps, start, reload, shutdown */

TEST(a_trap_claims_its_traffic_and_negotiates_on_the_first_packet)
{
	autoclose(pair) p = pair_open(KEYED "start=trap", KEYED, 0);

	sim_run(&p.net, SECONDS(5));
	EXPECT(p.alice->n_claims == 1 && p.alice->claims->trap && p.alice->sends == 0, 0);
	EXPECT(p.bob->n_claims == 0, 0);
	sim_acquire(p.alice);
	sim_acquire(p.alice); /* while it is under way: nothing new */
	sim_run(&p.net, SECONDS(10));
	expect_up(&p);
	EXPECT(sim_children(p.alice) == 1 && sim_ike_sas(p.alice) == 1, 0);
	sim_terminate(p.alice, "net", NULL);
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_ike_sas(p.alice) == 0 && sim_ike_sas(p.bob) == 0, 0);
	EXPECT(p.bob->n_claims == 0, 0);
	EXPECT_SOUND(&p.net, 0);
}

TEST(start_brings_a_child_up_on_load_and_claims_from_then_on)
{
	autoclose(pair) p = pair_open(KEYED "start=start keyingtries=0 timeout=1s tries=2", KEYED "unloaded", 0);

	EXPECT(p.alice->n_claims == 1, 0);
	sim_run(&p.net, SECONDS(100));
	EXPECT(p.alice->n_claims == 1, 0);
	sim_load(p.bob, p.bob->conn);
	sim_run(&p.net, SECONDS(100));
	expect_up(&p);
}

TEST(both_ends_may_start_on_load)
{
	autoclose(pair) p = pair_open(KEYED "start=start", KEYED "start=start", MILLISECONDS(10));

	sim_run(&p.net, SECONDS(60));
	expect_up(&p);
	EXPECT(p.alice->esp_lost == 0 && p.bob->esp_lost == 0, 0);
}

TEST(close_action_start_brings_a_deleted_child_back)
{
	autoclose(pair) p = pair_open(KEYED "close=start", KEYED, 0);

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	sim_terminate(p.bob, NULL, "net");
	sim_run(&p.net, SECONDS(30));
	expect_up(&p);
	EXPECT(p.alice->n_installed == 4, 0);
}

TEST(loading_the_same_again_changes_nothing)
{
	autoclose(pair) p = pair_open(KEYED, KEYED, 0);
	struct conn *same = sim_conn(p.alice, "ike1 main");
	uint64_t sends;

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	expect_up(&p);
	sends = p.alice->sends;
	sim_load(p.alice, same);
	conn_unref(same);
	sim_run(&p.net, SECONDS(30));
	expect_up(&p);
	EXPECT(p.alice->sends == sends && p.alice->n_installed == 2, 0);
}

TEST(unloading_keeps_sas_and_takes_traps_away)
{
	autoclose(pair) p = pair_open(KEYED "start=trap", KEYED, 0);

	sim_acquire(p.alice);
	sim_run(&p.net, SECONDS(5));
	expect_up(&p);
	sim_command(p.alice, (struct command) { .kind = COMMAND_UNLOAD, .ike = "net" });
	sim_run(&p.net, SECONDS(5));
	expect_up(&p);
	EXPECT(p.alice->n_claims == 1 && !p.alice->claims->trap, 0);
	sim_terminate(p.alice, "net", NULL);
	sim_run(&p.net, SECONDS(30));
	EXPECT(p.alice->n_claims == 0 && sim_ike_sas(p.alice) == 0, 0);
	EXPECT_SOUND(&p.net, 0);
}

TEST(an_unloaded_connection_is_answered_no_more)
{
	autoclose(pair) p = pair_open(KEYED, KEYED, 0);

	sim_command(p.bob, (struct command) { .kind = COMMAND_UNLOAD, .ike = "net" });
	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(30));
	EXPECT(sim_ike_sas(p.bob) == 0 && sim_reason(p.bob, "no-connection"), 0);
	EXPECT_SOUND(&p.net, 0);
}

TEST(shutdown_tells_the_peer_and_leaves_nothing)
{
	for (unsigned who = 0; who < 2; who++) {
		autoclose(pair) p = pair_open(KEYED "start=trap", KEYED, 0);
		uint64_t command;

		sim_acquire(p.alice);
		sim_run(&p.net, SECONDS(5));
		expect_up(&p);
		command = sim_shutdown(who ? p.bob : p.alice);
		sim_run(&p.net, SECONDS(30));
		EXPECT(sim_result(who ? p.bob : p.alice, command), who);
		EXPECT(sim_ike_sas(p.alice) == 0 && sim_ike_sas(p.bob) == 0, who);
		EXPECT(p.alice->n_in + p.alice->n_out + p.bob->n_in + p.bob->n_out == 0, who);
		EXPECT((who ? p.bob : p.alice)->n_claims == 0, who);
		EXPECT_SOUND(&p.net, who);
	}
}

TEST(shutdown_ends_even_while_a_peer_is_silent)
{
	autoclose(pair) p = pair_open(KEYED, KEYED, 0);
	uint64_t command;

	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	sim_cut(&p.net, true);
	sim_rekey(p.alice, NULL, "net");
	sim_run(&p.net, SECONDS(1));
	command = sim_shutdown(p.alice);
	sim_run(&p.net, SECONDS(30));
	EXPECT(sim_result(p.alice, command), 0);
	EXPECT(sim_ike_sas(p.alice) == 0 && p.alice->n_in + p.alice->n_out + p.alice->n_claims == 0, 0);
	EXPECT_SOUND(&p.net, 0);
}

/* A tunnel comes up, and the command has it made anew. */
static void
expect_made_anew(struct pair *p, struct command c)
{
	uint64_t before;

	sim_initiate(p->alice, p->bob);
	sim_run(&p->net, SECONDS(5));
	expect_up(p);
	before = p->alice->flows->current->key;
	sim_command(p->alice, c);
	sim_run(&p->net, SECONDS(60));
	expect_up(p);
	EXPECT(p->alice->flows->current->key != before, 0);
}

TEST(a_data_plane_that_restarts_gets_new_keys)
{
	autoclose(pair) p = pair_open(KEYED, KEYED, 0);

	expect_made_anew(&p, (struct command) { .kind = COMMAND_RESTARTED });
}

/* IKEv1 has no message for it: who began makes all anew, who answered waits for that. */
TEST(an_address_of_ours_that_is_gone_ends_its_sas_and_who_began_begins_again)
{
	struct command moved = { .kind = COMMAND_MOVED, .ike_id = 1 };
	autoclose(pair) p = pair_open(KEYED, KEYED, 0);

	expect_made_anew(&p, moved);
	sim_command(p.bob, (struct command) { .kind = COMMAND_MOVED, .ike_id = 2 });
	EXPECT(sim_ike_sas(p.bob) == 0, 0);
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_ike_sas(p.bob) == 0, 0);
	sim_command(p.bob, moved);
	EXPECT_SOUND(&p.net, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_child_is_closed_and_one_in_use_stays),
		cmocka_unit_test(sending_alone_is_use),
		cmocka_unit_test(a_renewed_child_has_been_idle_as_long_as_the_one_before),
		cmocka_unit_test(the_ike_sa_goes_with_its_last_idle_child_where_that_is_wanted),
		cmocka_unit_test(what_start_or_a_trap_claims_stays_claimed_while_idle),
		cmocka_unit_test(phase_2_is_rekeyed_before_it_expires_for_hours_without_losing_a_packet),
		cmocka_unit_test(phase_1_is_rekeyed_before_it_expires_without_losing_a_packet),
		cmocka_unit_test(both_phases_are_rekeyed_at_their_own_pace),
		cmocka_unit_test(different_lifetimes_agree_on_the_shorter),
		cmocka_unit_test(a_peer_that_says_no_lifetime_has_the_default_one),
		cmocka_unit_test(a_volume_limit_rekeys_and_then_ends_an_sa),
		cmocka_unit_test(an_sa_that_nobody_rekeys_expires),
		cmocka_unit_test(reauthentication_renews_phase_1),
		cmocka_unit_test(a_dead_peer_is_noticed_and_its_sas_are_cleared),
		cmocka_unit_test(a_dead_peer_leaves_a_trap_where_one_is_wanted),
		cmocka_unit_test(a_dead_peer_is_called_again_where_restart_is_wanted),
		cmocka_unit_test(a_quiet_live_peer_is_asked_and_stays),
		cmocka_unit_test(a_peer_that_sends_traffic_is_not_asked),
		cmocka_unit_test(a_peer_that_lost_its_sas_is_found_out_by_a_probe),
		cmocka_unit_test(initial_contact_clears_what_a_restarted_peer_forgot),
		cmocka_unit_test(the_unique_policy_decides_about_a_second_sa_of_the_same_identity),
		cmocka_unit_test(a_trap_claims_its_traffic_and_negotiates_on_the_first_packet),
		cmocka_unit_test(start_brings_a_child_up_on_load_and_claims_from_then_on),
		cmocka_unit_test(both_ends_may_start_on_load),
		cmocka_unit_test(close_action_start_brings_a_deleted_child_back),
		cmocka_unit_test(loading_the_same_again_changes_nothing),
		cmocka_unit_test(unloading_keeps_sas_and_takes_traps_away),
		cmocka_unit_test(an_unloaded_connection_is_answered_no_more),
		cmocka_unit_test(shutdown_tells_the_peer_and_leaves_nothing),
		cmocka_unit_test(shutdown_ends_even_while_a_peer_is_silent),
		cmocka_unit_test(a_data_plane_that_restarts_gets_new_keys),
		cmocka_unit_test(an_address_of_ours_that_is_gone_ends_its_sas_and_who_began_begins_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
