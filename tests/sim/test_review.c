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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_identity_takes_over_no_child),
		cmocka_unit_test(a_trap_given_up_before_its_addresses_are_known_is_not_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
