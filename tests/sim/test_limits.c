/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "sim_test.h"

/* A limit on everything: reached, it is counted, explained, and ends nothing that stands. */

#define KEYED "ike1 main psk=swordfish "
#define THREE "child=10.1.0.0/24;10.1.1.0/24;10.1.2.0/24,10.2.0.0/16"
#define THREE_BACK "child=10.2.0.0/16,10.1.0.0/24;10.1.1.0/24;10.1.2.0/24"

TEST(children_under_one_ike_sa_are_limited_at_the_initiator)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "children=2 " THREE), *bob = sim_peer(&net, KEYED THREE_BACK);
	const struct sim_done *d;
	uint64_t command = sim_initiate(alice, bob);

	sim_run(&net, SECONDS(5));
	d = sim_result(alice, command);
	EXPECT(d && d->result != RESULT_OK, 0);
	EXPECT(strstr(d->text, "children_per_sa"), 0);
	EXPECT(sim_children(alice) == 2 && sim_children(bob) == 2, sim_children(alice));
	EXPECT(sim_verdicts(alice, "child-limit") == 1, 0);
	EXPECT_SOUND(&net, 0);
}

/* The one that is too many is refused with a notification; rekeying goes on at the limit. */
TEST(children_under_one_ike_sa_are_limited_at_the_responder)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED THREE), *bob = sim_peer(&net, KEYED "children=2 " THREE_BACK);
	const struct sim_done *d;
	uint64_t command = sim_initiate(alice, bob);

	sim_run(&net, SECONDS(5));
	d = sim_result(alice, command);
	EXPECT(d && d->result == RESULT_FAILED && strstr(d->text, "NO-PROPOSAL-CHOSEN"), 0);
	EXPECT(sim_children(alice) == 2 && sim_children(bob) == 2, sim_children(bob));
	EXPECT(sim_verdicts(bob, "child-limit") == 1, 0);
	EXPECT(strstr(sim_reason_text(bob, "child-limit"), "children_per_sa"), 0);
	sim_rekey(bob, NULL, "net");
	sim_run(&net, SECONDS(60));
	EXPECT(sim_children(alice) == 2 && sim_children(bob) == 2, 0);
	EXPECT_NO_LOSS(&net, 0);
	EXPECT_SOUND(&net, 0);
}

static void
networks(char *out, unsigned net, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		out += sprintf(out, "%s10.%u.%u.0/24", i ? ";" : "", net, i);
}

/* CPU time at the end that starts @n * 20 pairs again after the peer's death. */
static double
cost_of_starting_again(unsigned n)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1, .measure = true });
	char left[1024], right[1024], text[4096];
	struct sim_peer *alice, *bob;
	int64_t before;

	networks(left, 1, n);
	networks(right, 2, 20);
	snprintf(text, sizeof text, KEYED "dpd=10s dpd-timeout=30s keyingtries=0 child=%s,%s dpd-action=start", left, right);
	alice = sim_peer(&net, text);
	snprintf(text, sizeof text, KEYED "child=%s,%s", right, left);
	bob = sim_peer(&net, text);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(30));
	EXPECT(sim_children(alice) == 20 * n, n);
	sim_kill(bob);
	before = alice->cpu_ns;
	sim_run(&net, SECONDS(60));
	EXPECT(sim_reason(alice, "peer-dead"), n);
	sim_restart(bob);
	sim_run(&net, SECONDS(300));
	EXPECT(sim_children_in(alice, CHILD_STATE_INSTALLED) == 20 * n, n);
	EXPECT_SOUND(&net, n);
	return (double)(alice->cpu_ns - before) / 1e9;
}

/* Eight times the pairs cost about eight times as much, not sixty-four times. */
TEST(starting_hundreds_of_pairs_again_costs_no_more_for_each)
{
	double few = cost_of_starting_again(5), many = cost_of_starting_again(40);

	if (many > 24 * few)
		fail_msg("800 pairs cost %.3f s, 100 pairs %.3f s", many, few);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_under_one_ike_sa_are_limited_at_the_initiator),
		cmocka_unit_test(children_under_one_ike_sa_are_limited_at_the_responder),
		cmocka_unit_test(starting_hundreds_of_pairs_again_costs_no_more_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
