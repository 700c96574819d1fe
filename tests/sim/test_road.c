/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Road warriors: after Phase 1 the login (XAUTH), then the configuration
 * (Mode Config), then Quick Mode under the address that was lent.
 */

#define BASE "ike1 main psk=swordfish "
#define CLIENT BASE "vip=0.0.0.0 child=dynamic,10.2.0.0/16 "
#define GATEWAY BASE "to=any pool=10.9.0.1 child=10.2.0.0/16,dynamic "
#define LOGIN "login=carol:4iChxLT3 "
#define USER "user=carol:4iChxLT3 "

static struct ip
address(const char *text)
{
	struct ip a;

	assert_true(ip_parse(&a, text));
	return a;
}

static void
expect_up(struct sim *net, struct sim_peer *client, struct sim_peer *gateway, const char *vip, uint64_t which)
{
	struct ip want = address(vip);
	struct ike_info c = sim_ike(client), g = sim_ike(gateway);

	EXPECT(sim_established(client) && sim_established(gateway), which);
	EXPECT(sim_same_keys(client, gateway), which);
	EXPECT(c.n_local_vips == 1 && ip_equal(&c.local_vips[0], &want), which);
	EXPECT(g.n_remote_vips == 1 && ip_equal(&g.remote_vips[0], &want), which);
	EXPECT(client->flows && ip_equal(&client->flows->ts.local.lo, &want) && ip_equal(&client->flows->ts.local.hi, &want),
	       which);
	EXPECT(client->road.n_installed == 1 && ip_equal(&client->road.vip, &want), which);
	EXPECT_SOUND(net, which);
}

static void
expect_gone(struct sim_peer *client, struct sim_peer *gateway, uint64_t which)
{
	EXPECT(sim_ike_sas(client) == 0 && sim_ike_sas(gateway) == 0, which);
	EXPECT(client->road.n_installed == 0, which);
	EXPECT(gateway->road.released == gateway->road.leases, which);
}

static struct sim_peer *
two(struct sim *net, struct sim_peer **gateway, const char *client_text, const char *gateway_text)
{
	struct sim_peer *client = sim_peer(net, client_text);

	*gateway = sim_peer(net, gateway_text);
	return client;
}

/* The two of them in a network of their own. */
struct ends {
	struct sim net;
	struct sim_peer *client, *gateway;
	uint64_t up; /* the client's command */
};

/* The client initiates, and @wait passes. */
static struct ends
ends_initiate(uint64_t seed, const char *client_text, const char *gateway_text, instant_t wait)
{
	struct ends e = { .net = sim_open((struct sim_opts) { .seed = seed }) };

	e.client = two(&e.net, &e.gateway, client_text, gateway_text);
	e.up = sim_initiate(e.client, e.gateway);
	sim_run(&e.net, wait);
	return e;
}

static void
ends_close(struct ends *e)
{
	sim_close(&e->net);
}

TEST(a_client_pulls_its_address)
{
	autoclose(ends) e = ends_initiate(1, CLIENT, GATEWAY, SECONDS(5));

	expect_up(&e.net, e.client, e.gateway, "10.9.0.1", 1);
	EXPECT(sim_result(e.client, e.up) && sim_result(e.client, e.up)->result == RESULT_OK, 1);
	EXPECT(e.client->road.n_dns == 1, 1);
	sim_terminate(e.client, "net", NULL);
	sim_run(&e.net, SECONDS(30));
	expect_gone(e.client, e.gateway, 1);
}

TEST(a_gateway_pushes_it)
{
	autoclose(ends) e = ends_initiate(2, CLIENT "push", GATEWAY "push", SECONDS(5));

	expect_up(&e.net, e.client, e.gateway, "10.9.0.1", 2);
}

TEST(login_then_configuration_then_quick_mode)
{
	for (int push = 0; push < 2; push++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 3, .answer_ns = MILLISECONDS(200) });
		struct sim_peer *gateway, *client = two(&net, &gateway, push ? CLIENT LOGIN "push" : CLIENT LOGIN,
		                                        push ? GATEWAY USER "push" : GATEWAY USER);

		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(10));
		expect_up(&net, client, gateway, "10.9.0.1", 3);
		EXPECT(sim_ike(gateway).remote_xauth_id.n == 5, 3);
	}
}

TEST(a_login_without_virtual_addresses)
{
	autoclose(ends) e = ends_initiate(4, BASE LOGIN, BASE USER, SECONDS(5));

	EXPECT(sim_established(e.client) && sim_same_keys(e.client, e.gateway), 4);
}

TEST(a_server_may_ask_for_more_than_one_password)
{
	autoclose(ends) e = ends_initiate(5, CLIENT LOGIN, GATEWAY USER "challenge=2", SECONDS(5));

	expect_up(&e.net, e.client, e.gateway, "10.9.0.1", 5);
	EXPECT(e.gateway->road.asked == 3, 5);
	EXPECT(e.client->road.messages == 2 && sim_reason(e.client, "xauth-message"), 5);
}

TEST(two_rounds_of_login)
{
	autoclose(ends) e = ends_initiate(6, CLIENT LOGIN LOGIN, GATEWAY USER USER, SECONDS(5));

	expect_up(&e.net, e.client, e.gateway, "10.9.0.1", 6);
	EXPECT(e.gateway->road.asked == 2, 6);
}

TEST(a_wrong_password_ends_phase_1_at_both_ends)
{
	autoclose(ends) e = ends_initiate(7, CLIENT "login=carol:guess keyingtries=5", GATEWAY USER, SECONDS(30));

	EXPECT(sim_ike_sas(e.client) == 0 && sim_ike_sas(e.gateway) == 0, 7);
	EXPECT(sim_result(e.client, e.up) && sim_result(e.client, e.up)->result == RESULT_FAILED, 7);
	EXPECT(strstr(sim_result(e.client, e.up)->text, "refused our login"), 7);
	EXPECT(sim_reason(e.gateway, "login-failed") && strstr(sim_reason_text(e.gateway, "login-failed"), "wrong password"), 7);
	EXPECT(e.gateway->road.asked == 1 && e.gateway->road.leases == 0, 7);
	EXPECT_SOUND(&e.net, 7);
}

/* Its child waits for the address to come; whoever waits for the child learns of the silence all the same. */
TEST(a_client_that_gives_up_early_is_told_the_probable_cause)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 7 });
	struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER);
	struct command c = { .kind = COMMAND_INITIATE, .ike = "net", .child = "net", .timeout_ns = SECONDS(5) };
	uint64_t up;

	gateway->deaf = true;
	up = sim_command(client, c);
	sim_run(&net, SECONDS(6));
	EXPECT(sim_result(client, up) && sim_result(client, up)->result == RESULT_TIMEOUT, 7);
	EXPECT(strstr(sim_result(client, up)->text, "no answer from the peer yet"), 7);
}

TEST(a_client_without_a_password_says_so)
{
	autoclose(ends) e = ends_initiate(8, CLIENT "login=:", GATEWAY USER, SECONDS(30));

	EXPECT(sim_ike_sas(e.client) == 0 && sim_ike_sas(e.gateway) == 0, 8);
	EXPECT(sim_reason(e.client, "login-failed") && sim_reason(e.gateway, "login-failed"), 8);
	EXPECT(e.gateway->road.asked == 0, 8);
}

/* The method of Phase 1 says who logs in: ends that differ about it do not get as far as that. */
TEST(a_login_that_one_end_does_not_know_of_is_a_refused_proposal)
{
	for (int which = 0; which < 2; which++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 9 });
		struct sim_peer *gateway,
		        *client = two(&net, &gateway, which ? CLIENT LOGIN : CLIENT, which ? GATEWAY : GATEWAY USER);

		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(30));
		EXPECT(sim_verdicts(gateway, "no-proposal-chosen") > 0, which);
		EXPECT(sim_ike_sas(gateway) == 0 && gateway->road.asked == 0 && gateway->road.leases == 0, which);
	}
}

static void
drop_transactions(void *arg, struct sim *net, struct sim_packet *p)
{
	(void)arg;
	(void)net;
	if (!p->esp && p->n > 18 && p->data[18] == EXCHANGE_TRANSACTION)
		p->copies = 0;
}

TEST(a_gateway_that_never_asks_is_given_up)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 10 });
	struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER);
	uint64_t up = sim_initiate(client, gateway);

	sim_set_tap(&net, drop_transactions, NULL);
	sim_run(&net, SECONDS(400));
	EXPECT(sim_result(client, up) && strstr(sim_result(client, up)->text, "did not ask for the login"), 10);
	EXPECT(sim_ike_sas(client) == 0 && sim_ike_sas(gateway) == 0, 10);
}

TEST(an_empty_pool_fails_with_its_reason)
{
	autoclose(ends) e = ends_initiate(11, CLIENT, BASE "to=any pool=fd09::1 child=10.2.0.0/16,dynamic", SECONDS(30));

	EXPECT(sim_result(e.client, e.up) && strstr(sim_result(e.client, e.up)->text, "no virtual address"), 11);
	EXPECT(sim_reason(e.gateway, "no-lease") && sim_ike_sas(e.gateway) == 0, 11);
}

TEST(a_gateway_without_pools_says_so)
{
	autoclose(ends) e = ends_initiate(11, CLIENT, BASE "to=any child=10.2.0.0/16,dynamic", SECONDS(30));

	EXPECT(sim_result(e.client, e.up) && strstr(sim_result(e.client, e.up)->text, "no virtual address"), 11);
	EXPECT(sim_reason(e.gateway, "no-lease") && strstr(sim_reason_text(e.gateway, "no-lease"), "has no pools"), 11);
}

TEST(an_address_that_cannot_be_installed_ends_it)
{
	autoclose(ends) e = ends_initiate(12, CLIENT "no-install", GATEWAY, SECONDS(30));

	EXPECT(sim_result(e.client, e.up) && strstr(sim_result(e.client, e.up)->text, "cannot be installed"), 12);
	expect_gone(e.client, e.gateway, 12);
}

TEST(both_families_give_both_selectors)
{
	autoclose(ends) e =
	        ends_initiate(13, BASE "vip=0.0.0.0 vip=:: child=dynamic,10.2.0.0/16;fd02::/64",
	                      BASE "to=any pool=10.9.0.1 pool=fd09::1 child=10.2.0.0/16;fd02::/64,dynamic", SECONDS(5));

	EXPECT(sim_ike(e.client).n_local_vips == 2 && sim_children(e.client) == 2 && sim_children(e.gateway) == 2, 13);
	EXPECT(sim_same_keys(e.client, e.gateway), 13);
}

TEST(networks_of_a_split_tunnel_become_the_selectors)
{
	autoclose(ends) e = ends_initiate(14, BASE "unity vip=0.0.0.0 child=dynamic,0.0.0.0/0",
	                                  BASE "unity to=any pool=10.9.0.1 child=10.2.0.0/16;10.3.0.0/16,dynamic", SECONDS(5));

	EXPECT(sim_children(e.client) == 2 && sim_children(e.gateway) == 2, 14);
	EXPECT(sim_same_keys(e.client, e.gateway), 14);
}

/* What lies there passes by the tunnel while the IKE_SA stands, over its renewal, and no longer; "everything" is not taken. */
TEST(networks_that_the_gateway_leaves_out_pass_by_the_tunnel)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 15 });
	struct sim_peer *gateway, *client = two(&net, &gateway, BASE "unity vip=0.0.0.0 child=dynamic,0.0.0.0/0",
	                                        BASE "unity excludes to=any pool=10.9.0.1 child=0.0.0.0/0,dynamic");

	sim_initiate(client, gateway);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_children(client) == 1 && sim_children(gateway) == 1, 15);
	EXPECT(sim_claimed(client, MODE_PASS) == 1 && sim_claimed(gateway, MODE_PASS) == 0, 15);
	sim_command(client, (struct command) { .kind = COMMAND_REKEY, .ike = "net" });
	sim_run(&net, SECONDS(60));
	EXPECT(sim_ike_sas(client) == 1 && sim_claimed(client, MODE_PASS) == 1, 15);
	sim_command(client, (struct command) { .kind = COMMAND_TERMINATE, .ike = "net" });
	sim_run(&net, SECONDS(60));
	EXPECT(sim_ike_sas(client) == 0 && sim_claimed(client, MODE_PASS) == 0, 15);
}

/* Main Mode 6, login 4, configuration 2, Quick Mode 3. */
static void
with_fault(const char *client_text, const char *gateway_text, enum sim_fault f, uint64_t nth, unsigned messages)
{
	uint64_t which = nth * 10 + f;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which });
	struct sim_peer *gateway, *client = two(&net, &gateway, client_text, gateway_text);
	uint64_t up;

	sim_fault_nth(&net, f, nth);
	up = sim_initiate(client, gateway);
	sim_run(&net, SECONDS(40));
	EXPECT(net.w->datagrams >= messages, which);
	expect_up(&net, client, gateway, "10.9.0.1", which);
	EXPECT(sim_result(client, up) && sim_result(client, up)->result == RESULT_OK, which);
	EXPECT(sim_ike_sas(client) == 1 && sim_ike_sas(gateway) == 1, which);
	EXPECT(sim_children(client) == 1 && sim_children(gateway) == 1, which);
	EXPECT(gateway->road.leases == 1 && gateway->road.released == 0, which);
}

TEST(login_and_configuration_survive_any_single_fault)
{
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		for (uint64_t nth = 1; nth <= 15; nth++) {
			with_fault(CLIENT LOGIN, GATEWAY USER, f, nth, 15);
			with_fault(CLIENT LOGIN "push", GATEWAY USER "push", f, nth, 15);
		}
}

TEST(the_refusal_survives_any_single_loss)
{
	for (uint64_t nth = 7; nth <= 11; nth++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = nth });
		struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT "login=carol:guess", GATEWAY USER);
		uint64_t up;

		sim_drop_nth(&net, nth);
		up = sim_initiate(client, gateway);
		sim_run(&net, SECONDS(400));
		EXPECT(sim_result(client, up) && sim_result(client, up)->result == RESULT_FAILED, nth);
		EXPECT(sim_ike_sas(client) == 0 && sim_ike_sas(gateway) == 0, nth);
		EXPECT_SOUND(&net, nth);
	}
}

/* A new Phase 1 logs in again, and gets the same address: no packet of the CHILD_SA is lost. */
TEST(a_renewed_ike_sa_keeps_the_address_and_the_children)
{
	for (int reauth = 0; reauth < 2; reauth++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 20, .traffic_ns = MILLISECONDS(10) });
		struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER);

		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(5));
		sim_command(client, (struct command) { .kind = COMMAND_REKEY, .ike = "net", .reauth = reauth });
		sim_run(&net, SECONDS(60));
		expect_up(&net, client, gateway, "10.9.0.1", 20);
		EXPECT(sim_ike_sas(client) == 1 && sim_ike_sas(gateway) == 1, 20);
		EXPECT(client->n_installed == 2 && gateway->n_installed == 2, 20);
		EXPECT(gateway->road.leases == 2 && gateway->road.released == 1 && gateway->road.asked == 2, 20);
		EXPECT(client->esp_lost == 0 && gateway->esp_lost == 0, 20);
	}
}

/* The command that waits for a child is done when the new IKE_SA takes over one that is up: here after a reload. */
TEST(up_is_done_by_a_child_that_is_taken_over)
{
	autoclose(ends) e = ends_initiate(27, CLIENT, GATEWAY, SECONDS(5));
	struct conn *changed = sim_conn(e.client, CLIENT "dpd=30s");

	sim_load(e.client, changed);
	conn_unref(changed);
	e.up = sim_initiate(e.client, e.gateway);
	sim_run(&e.net, SECONDS(30));
	EXPECT(sim_result(e.client, e.up) && sim_result(e.client, e.up)->result == RESULT_OK, 27);
	expect_up(&e.net, e.client, e.gateway, "10.9.0.1", 27);
}

/* The first SA goes while the third has no address yet: the second one still holds the lease. */
TEST(two_renewals_in_a_row_keep_the_address_and_the_children)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 21, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER);

	sim_initiate(client, gateway);
	sim_run(&net, SECONDS(5));
	sim_rekey(client, "net", NULL);
	sim_run(&net, SECONDS(9));
	sim_mark(&net);
	sim_drop_nth(&net, 11); /* the request for the address, after Main Mode and the login */
	sim_rekey(client, "net", NULL);
	sim_run(&net, SECONDS(60));
	expect_up(&net, client, gateway, "10.9.0.1", 21);
	EXPECT(client->n_installed == 2 && gateway->n_installed == 2, 21);
	EXPECT(gateway->road.leases == 3 && gateway->road.released == 2, 21);
	EXPECT(client->esp_lost == 0 && gateway->esp_lost == 0, 21);
}

static void
expect_no_child_with(struct sim_peer *p, const char *vip, uint64_t which)
{
	struct ip old = address(vip);
	struct ike_info sa;
	struct child_info c;

	for (uint32_t i = 0; ike_next_sa(p->ike, &i, &sa);)
		for (uint32_t k = 0; ike_next_child(p->ike, sa.id, &k, &c);)
			EXPECT(!ip_equal(&c.ts.local.lo, &old) && !ip_equal(&c.ts.remote.lo, &old), which);
}

/* The pool has moved meanwhile: what bears the old address ends with it, and the client's child comes up under the new one. */
TEST(a_renewed_ike_sa_with_another_address_keeps_no_child_of_the_old_one)
{
	for (int which = 0; which < 4; which++) {
		const char *how = which & 1 ? "push" : "";
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 23 + which });
		char c[256], g[256];
		struct sim_peer *gateway, *client;

		snprintf(c, sizeof c, CLIENT "%s%s", which & 2 ? LOGIN : "", how);
		snprintf(g, sizeof g, GATEWAY "%s%s", which & 2 ? USER : "", how);
		client = two(&net, &gateway, c, g);
		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(5));
		gateway->road.pool4 = address("10.9.0.66");
		sim_command(client, (struct command) { .kind = COMMAND_REKEY, .ike = "net", .reauth = true });
		sim_run(&net, SECONDS(90));
		expect_up(&net, client, gateway, "10.9.0.66", which);
		EXPECT(sim_ike_sas(client) == 1 && sim_ike_sas(gateway) == 1, which);
		expect_no_child_with(client, "10.9.0.1", which);
		expect_no_child_with(gateway, "10.9.0.1", which);
		EXPECT(sim_children(client) == 1 && sim_children(gateway) == 1, which);
		EXPECT(sim_reason(gateway, "other-address") || sim_reason(client, "other-address"), which);
	}
}

/* Message 6 is late by less than a retransmission: the login that came before it does not wait for one. */
TEST(a_request_that_overtakes_phase_1_waits_for_it)
{
	for (int push = 0; push < 2; push++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 30 });
		struct sim_peer *gateway,
		        *client = two(&net, &gateway, push ? CLIENT "push" : CLIENT LOGIN, push ? GATEWAY "push" : GATEWAY USER);

		sim_delay_nth(&net, 6, MILLISECONDS(300));
		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(2));
		expect_up(&net, client, gateway, "10.9.0.1", push);
		EXPECT(sim_verdicts(client, "no-keys") == 0, push);
	}
}

static void
forge_requests(void *arg, struct sim *net, struct sim_packet *p)
{
	uint8_t forged[3000] = { 0 };

	if (!p->from || p->esp || p->n < 28 || p->data[18] != EXCHANGE_MAIN || !(p->data[19] & FLAG_ENCRYPTION))
		return;
	++*(unsigned *)arg;
	memcpy(forged, p->data, 16);
	forged[16] = PAYLOAD_HASH;
	forged[17] = 0x10;
	forged[18] = EXCHANGE_TRANSACTION;
	forged[19] = FLAG_ENCRYPTION;
	for (uint32_t i = 1; i < 40; i++) {
		size_t n = i & 1 ? 92 : sizeof forged - 4;

		put_be32(forged + 20, i);
		put_be32(forged + 24, (uint32_t)n);
		sim_inject(net, &p->src, &p->dst, p->marker, span_of(forged, n), MILLISECONDS(10));
	}
}

/* They are not authenticated, and cost one buffer; the real one is asked for again as ever. */
TEST(a_flood_of_requests_before_phase_1_is_done)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 31 });
	struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER);
	unsigned forged = 0;

	sim_delay_nth(&net, 6, MILLISECONDS(300));
	sim_set_tap(&net, forge_requests, &forged);
	sim_initiate(client, gateway);
	sim_run(&net, SECONDS(10));
	EXPECT(forged >= 2 && sim_verdicts(client, "no-keys") > 0, 31);
	expect_up(&net, client, gateway, "10.9.0.1", 31);
}

TEST(only_the_client_renews)
{
	autoclose(ends) e = ends_initiate(21, CLIENT LOGIN, GATEWAY USER "ike-rekey=60s ike-over=30s", SECONDS(5));

	EXPECT(sim_ike(e.gateway).rekey_at == INSTANT_NEVER && sim_ike(e.gateway).expires_at != INSTANT_NEVER, 21);
	sim_rekey(e.gateway, "net", NULL);
	sim_run(&e.net, SECONDS(5));
	EXPECT(sim_ike_sas(e.gateway) == 1 && sim_reason(e.gateway, "refused"), 21);
}

/* One pre-shared key and one identity for all, as groups have: the user tells them apart. */
TEST(two_users_of_a_group_do_not_replace_each_other)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 22 });
	struct sim_peer *carol = sim_peer(&net, BASE "id=@group to=192.0.2.3 vip=0.0.0.0 child=dynamic,10.2.0.0/16 " LOGIN);
	struct sim_peer *dave = sim_peer(&net, BASE "id=@group to=192.0.2.3 vip=0.0.0.0 child=dynamic,10.2.0.0/16 " LOGIN);
	struct sim_peer *gateway = sim_peer(&net, GATEWAY USER "rid=@group unique=replace");

	sim_initiate(carol, gateway);
	sim_run(&net, SECONDS(5));
	snprintf(dave->road.user, sizeof dave->road.user, "dave");
	snprintf(gateway->road.user, sizeof gateway->road.user, "dave");
	sim_initiate(dave, gateway);
	sim_run(&net, SECONDS(20));
	EXPECT(sim_ike_sas(gateway) == 2 && sim_ike_sas(carol) == 1 && sim_ike_sas(dave) == 1, 22);
	EXPECT(!ip_equal(&carol->road.vip, &dave->road.vip), 22);
}

/* Both connections serve the peer alike until its user is known: then the groups decide, or nobody wants him. */
TEST(the_groups_of_a_user_choose_the_connection)
{
	static const char *const member[] = { "research", "accounting", "nobody" };

	for (unsigned i = 0; i < 3; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 25 });
		struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER "groups=accounting");
		struct conn *other = sim_conn(gateway, GATEWAY USER "groups=research");

		free(other->name);
		other->name = strdup("other");
		sim_load(gateway, other);
		conn_unref(other);
		snprintf(gateway->road.group, sizeof gateway->road.group, "%s", member[i]);
		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(10));
		EXPECT(sim_established(client) == (i < 2), i);
		EXPECT(i == 2 || !strcmp(sim_ike(gateway).conn->name, i ? "net" : "other"), i);
		EXPECT(i < 2 || sim_reason(gateway, "login-failed"), i);
	}
}

/* A connection that wants more of the peer, or something else, is none that he has proved anything to. */
TEST(groups_choose_no_connection_that_wants_another_proof)
{
	static const char *const others[] = { GATEWAY USER "groups=research aggressive", GATEWAY USER "groups=research id=@other",
		                              GATEWAY USER USER "groups=research",
		                              GATEWAY USER "groups=research proposals=aes256-sha512-modp4096" };

	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 26 });
		struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER "groups=accounting");
		struct conn *other = sim_conn(gateway, others[i]);

		free(other->name);
		other->name = strdup("other");
		sim_load(gateway, other);
		conn_unref(other);
		snprintf(gateway->road.group, sizeof gateway->road.group, "research");
		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(10));
		EXPECT(!sim_established(client) && sim_reason(gateway, "login-failed"), i);
	}
}

/* unique = keep goes by the user as well, and by nobody whose name is not proven: a second one of the group is let in. */
TEST(who_is_kept_out_is_known_after_the_login)
{
	static const char client[] = BASE "id=@group to=192.0.2.4 vip=0.0.0.0 child=dynamic,10.2.0.0/16 " LOGIN;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 23 });
	struct sim_peer *carol = sim_peer(&net, client), *dave = sim_peer(&net, client), *other = sim_peer(&net, client);
	struct sim_peer *gateway = sim_peer(&net, GATEWAY USER "rid=@group unique=keep");

	sim_initiate(carol, gateway);
	sim_run(&net, SECONDS(5));
	sim_initiate(other, gateway);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(carol) && !sim_established(other), 23);
	EXPECT(sim_ike_sas(gateway) == 1 && sim_reason(gateway, "not-unique"), 23);
	snprintf(dave->road.user, sizeof dave->road.user, "dave");
	snprintf(gateway->road.user, sizeof gateway->road.user, "dave");
	sim_initiate(dave, gateway);
	sim_run(&net, SECONDS(20));
	EXPECT(sim_ike_sas(gateway) == 2 && sim_established(carol) && sim_established(dave), 23);
	EXPECT_SOUND(&net, 23);
}

/* The SET with the STATUS does not arrive; instead, something that looks like the client's Quick Mode does. */
static void
forge_quick_mode(void *arg, struct sim *net, struct sim_packet *p)
{
	uint64_t *set = arg;
	uint8_t forged[28 + 64] = { 0 };

	if (p->number < *set || p->n < 20 || p->data[18] != EXCHANGE_TRANSACTION)
		return;
	memcpy(forged, p->data, 16);
	forged[16] = PAYLOAD_HASH;
	forged[17] = 0x10;
	forged[18] = EXCHANGE_QUICK;
	forged[19] = FLAG_ENCRYPTION;
	put_be32(forged + 20, 77);
	put_be32(forged + 24, sizeof forged);
	sim_inject(net, &p->dst, &p->src, p->marker, span_of(forged, sizeof forged), 0);
	p->copies = 0;
}

TEST(a_forged_quick_mode_is_no_ack_of_the_login)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 24 });
	struct sim_peer *gateway, *client = two(&net, &gateway, CLIENT LOGIN, GATEWAY USER);
	uint64_t set = 9;

	sim_set_tap(&net, forge_quick_mode, &set);
	sim_initiate(client, gateway);
	sim_run(&net, SECONDS(3));
	EXPECT(sim_verdicts(gateway, "login-required") == 1, 24);
	EXPECT(sim_ike_sas_in(gateway, IKE_STATE_CONNECTING) == 1, 24);
	/* Said again, it arrives. */
	sim_set_tap(&net, NULL, NULL);
	sim_run(&net, SECONDS(30));
	expect_up(&net, client, gateway, "10.9.0.1", 24);
}

TEST(a_thousand_bad_links)
{
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		autoclose(sim) net = sim_open(
		        (struct sim_opts) { .seed = seed, .loss_permille = 80, .dup_permille = 80, .reorder_permille = 80 });
		struct sim_peer *gateway, *client = two(&net, &gateway, seed & 1 ? CLIENT LOGIN : CLIENT LOGIN "push",
		                                        seed & 1 ? GATEWAY USER : GATEWAY USER "push");
		uint64_t up = sim_initiate(client, gateway);

		sim_run(&net, SECONDS(300));
		EXPECT(sim_result(client, up), seed);
		if (sim_result(client, up)->result == RESULT_OK)
			EXPECT(sim_established(client) && sim_same_keys(client, gateway), seed);
		EXPECT_SOUND(&net, seed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_pulls_its_address),
		cmocka_unit_test(a_gateway_pushes_it),
		cmocka_unit_test(login_then_configuration_then_quick_mode),
		cmocka_unit_test(a_login_without_virtual_addresses),
		cmocka_unit_test(a_server_may_ask_for_more_than_one_password),
		cmocka_unit_test(two_rounds_of_login),
		cmocka_unit_test(a_wrong_password_ends_phase_1_at_both_ends),
		cmocka_unit_test(a_client_that_gives_up_early_is_told_the_probable_cause),
		cmocka_unit_test(a_client_without_a_password_says_so),
		cmocka_unit_test(a_login_that_one_end_does_not_know_of_is_a_refused_proposal),
		cmocka_unit_test(a_gateway_that_never_asks_is_given_up),
		cmocka_unit_test(an_empty_pool_fails_with_its_reason),
		cmocka_unit_test(a_gateway_without_pools_says_so),
		cmocka_unit_test(an_address_that_cannot_be_installed_ends_it),
		cmocka_unit_test(both_families_give_both_selectors),
		cmocka_unit_test(networks_of_a_split_tunnel_become_the_selectors),
		cmocka_unit_test(networks_that_the_gateway_leaves_out_pass_by_the_tunnel),
		cmocka_unit_test(login_and_configuration_survive_any_single_fault),
		cmocka_unit_test(the_refusal_survives_any_single_loss),
		cmocka_unit_test(a_renewed_ike_sa_keeps_the_address_and_the_children),
		cmocka_unit_test(up_is_done_by_a_child_that_is_taken_over),
		cmocka_unit_test(two_renewals_in_a_row_keep_the_address_and_the_children),
		cmocka_unit_test(a_renewed_ike_sa_with_another_address_keeps_no_child_of_the_old_one),
		cmocka_unit_test(a_request_that_overtakes_phase_1_waits_for_it),
		cmocka_unit_test(a_flood_of_requests_before_phase_1_is_done),
		cmocka_unit_test(only_the_client_renews),
		cmocka_unit_test(two_users_of_a_group_do_not_replace_each_other),
		cmocka_unit_test(the_groups_of_a_user_choose_the_connection),
		cmocka_unit_test(groups_choose_no_connection_that_wants_another_proof),
		cmocka_unit_test(who_is_kept_out_is_known_after_the_login),
		cmocka_unit_test(a_forged_quick_mode_is_no_ack_of_the_login),
		cmocka_unit_test(a_thousand_bad_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
