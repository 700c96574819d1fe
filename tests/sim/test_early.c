/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

/* What follows Phase 1 comes while its last message is still being judged: it waits, and need not be repeated. */

#define CLIENT "aggressive key=alice-ec256 trust=bob-ec256 esp=aes128gcm16-ecp256 "
#define GATEWAY "aggressive key=bob-ec256 trust=alice-ec256 to=any esp=aes128gcm16-ecp256 "

struct opening {
	const char *client, *gateway;
};

static const struct opening openings[] = {
	{ CLIENT, GATEWAY },
	{ CLIENT "vip=0.0.0.0 child=dynamic,10.2.0.0/16", GATEWAY "pool=10.9.0.1 child=10.2.0.0/16,dynamic" },
};

enum { OPENINGS = sizeof openings / sizeof *openings };

TEST(the_first_quick_mode_or_request_waits_for_the_judgement)
{
	for (uint64_t which = 0; which < OPENINGS; which++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 40 + which, .answer_ns = MILLISECONDS(200) });
		struct sim_peer *client = sim_peer(&net, openings[which].client), *gateway = sim_peer(&net, openings[which].gateway);

		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(3));
		EXPECT(sim_established(client) && sim_established(gateway), which);
		EXPECT(sim_children(client) == 1 && sim_children(gateway) == 1, which);
		EXPECT(sim_verdicts(gateway, "no-keys") == 0, which);
		EXPECT_SOUND(&net, which);
	}
}

/* The proof is late: what came before it was kept. */
TEST(what_overtakes_the_proof_waits_for_it)
{
	for (uint64_t which = 0; which < OPENINGS; which++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 50 + which });
		struct sim_peer *client = sim_peer(&net, openings[which].client), *gateway = sim_peer(&net, openings[which].gateway);

		sim_delay_nth(&net, 3, MILLISECONDS(300));
		sim_initiate(client, gateway);
		sim_run(&net, SECONDS(2));
		EXPECT(sim_established(client) && sim_established(gateway), which);
		EXPECT(sim_children(client) == 1 && sim_children(gateway) == 1, which);
		EXPECT(sim_verdicts(gateway, "no-keys") == 0, which);
	}
}

/* One whose certificate is refused gets nothing of what it sent early. */
TEST(what_is_early_goes_with_who_is_refused)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 60, .answer_ns = MILLISECONDS(200) });
	struct sim_peer *client = sim_peer(&net, CLIENT);
	struct sim_peer *gateway = sim_peer(&net, "aggressive key=bob-ec256 trust=alice-ec384 to=any esp=aes128gcm16-ecp256");

	sim_initiate(client, gateway);
	sim_run(&net, SECONDS(3));
	EXPECT(sim_ike_sas(gateway) == 0 && sim_children(gateway) == 0, 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_quick_mode_or_request_waits_for_the_judgement),
		cmocka_unit_test(what_overtakes_the_proof_waits_for_it),
		cmocka_unit_test(what_is_early_goes_with_who_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
