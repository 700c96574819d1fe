/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sim_test.h"

/* Who a peer is decides what is its own; what ends gives back all that it had. */

#define KEYED "ike1 main psk=swordfish "

/* The same address, the same group key, another name: it proves to be itself, not to be the one before. */
TEST(another_identity_takes_over_no_child)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "id=@gw dpd=600s");
	struct sim_peer *bob = sim_peer(&net, KEYED "id=@alice");
	struct conn *d = sim_conn(bob, KEYED "id=@mallory");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(alice), 0);
	sim_restart(bob);
	sim_load(bob, d);
	sim_command(alice, (struct command){ .kind = COMMAND_REKEY, .ike = "net" });
	sim_run(&net, SECONDS(60));
	EXPECT(sim_reason(alice, "other-identity"), 0);
	/* The child stays where it was made: the new Phase 1 has none. */
	for (uint32_t cursor = 0;;) {
		struct ike_info i;
		struct child_info k;
		uint32_t child = 0;

		if (!ike_next_sa(alice->ike, &cursor, &i))
			break;
		if (span_equal(identity_span(&i.remote_id), span_str("mallory")))
			EXPECT(!ike_next_child(alice->ike, i.id, &child, &k), i.id);
	}
	conn_unref(d);
	EXPECT_SOUND(&net, 0);
}

/* What `down` gave back is not claimed by an answer that was on its way. */
TEST(a_trap_given_up_before_its_addresses_are_known_is_not_claimed)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1, .answer_ns = SECONDS(1) });
	struct sim_peer *alice = sim_peer(&net, KEYED "unloaded child=dynamic,10.2.0.0/16");

	sim_load(alice, alice->conn);
	sim_command(alice, (struct command){ .kind = COMMAND_INSTALL, .ike = "net", .child = "net" });
	sim_run(&net, SECONDS(5));
	EXPECT(alice->n_claims == 1 && alice->claims->trap, 0);
	sim_command(alice, (struct command){ .kind = COMMAND_UNINSTALL, .ike = "net", .child = "net" });
	sim_run(&net, SECONDS(5));
	EXPECT(alice->n_claims == 0, 0);
	EXPECT_SOUND(&net, 0);
}

/* An outbound SPI is the peer's choice: another peer may choose the same, and ends nothing with it. */
TEST(an_expiry_ends_the_child_that_it_names)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED), *bob = sim_peer(&net, KEYED);
	struct command c = { .kind = COMMAND_EXPIRE, .direction = SA_OUTBOUND, .hard = true };

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(alice), 0);
	for (struct sim_sa *s = alice->sas; s; s = s->next)
		if (s->p.direction == SA_OUTBOUND)
			c.spi = s->p.spi;
	c.child_id = 4711;
	sim_command(alice, c);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(alice), 0);
	EXPECT_SOUND(&net, 0);
}

/* An attempt that nobody wants any more is the last one, also with keyingtries = 0. */
TEST(an_unloaded_connection_is_not_tried_again)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "keyingtries=0"), *bob = sim_peer(&net, KEYED);

	sim_cut(&net, true);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	sim_command(alice, (struct command){ .kind = COMMAND_UNLOAD, .ike = "net" });
	sim_run(&net, SECONDS(400));
	EXPECT(sim_ike_sas(alice) == 0 && alice->n_claims == 0, 0);
	EXPECT_SOUND(&net, 0);
}

static uint32_t
outbound_spi(const struct sim_peer *p)
{
	for (const struct sim_sa *s = p->sas; s; s = s->next)
		if (s->p.direction == SA_OUTBOUND)
			return s->p.spi;
	return 0;
}

/* strongSwan's way to say that its kernel refused what it had agreed to. */
TEST(a_delete_may_name_the_spi_that_we_chose)
{
	autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED), *bob = sim_peer(&net, KEYED);
	struct command c = { .kind = COMMAND_INVALID_SPI, .remote = alice->local };

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	c.spi = outbound_spi(bob);
	EXPECT(c.spi, 0);
	/* While bob has the SA, ESP that anybody sent to him makes him say nothing of it. */
	sim_command(bob, c);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(alice) && sim_same_keys(alice, bob), 0);
	/* Once he has none, the Delete names alice's SPI. */
	sim_cut(&net, true);
	sim_terminate(bob, NULL, "net");
	sim_run(&net, SECONDS(5));
	sim_cut(&net, false);
	EXPECT(sim_children(bob) == 0 && sim_children(alice) == 1, 0);
	sim_command(bob, c);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_children(alice) == 0 && alice->n_in + alice->n_out == 0, 0);
	EXPECT_SOUND(&net, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_identity_takes_over_no_child),
		cmocka_unit_test(a_delete_may_name_the_spi_that_we_chose),
		cmocka_unit_test(an_expiry_ends_the_child_that_it_names),
		cmocka_unit_test(an_unloaded_connection_is_not_tried_again),
		cmocka_unit_test(a_trap_given_up_before_its_addresses_are_known_is_not_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
