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

/* ---- Half-open SAs: RFC 2408 section 2.5.3 */

struct first {
	uint8_t data[1024];
	size_t n;
	struct endpoint dst;
	uint64_t forged;
};

static void
keep_first(void *arg, struct sim *net, struct sim_packet *p)
{
	struct first *f = arg;

	(void)net;
	if (f->n || p->n > sizeof f->data)
		return;
	memcpy(f->data, p->data, p->n);
	f->n = p->n;
	f->dst = p->dst;
}

/* A first message with a new cookie, from a place of its own or from @from. */
static void
forge_first(struct sim *net, struct first *f, const struct ip *from, instant_t after)
{
	struct endpoint src = { from ? *from : ip_from_v4(0x0a000000 + (uint32_t)f->forged), 500 };

	put_be64(f->data, 0x1000000000 + f->forged++);
	sim_inject(net, &src, &f->dst, false, span_of(f->data, f->n), after);
}

/* Whoever answers within a round trip gets through a flood from everywhere, and through one with his own address. */
TEST(legitimate_set_ups_survive_a_flood_of_first_messages)
{
	for (unsigned own = 0; own < 2; own++) {
		autoclose(sim) net = sim_open((struct sim_opts){ .seed = 1 });
		struct sim_peer *bob = sim_peer(&net, KEYED "addr=192.0.2.2 to=any half-open=500");
		struct sim_peer *alice = sim_peer(&net, KEYED "addr=192.0.2.1 to=192.0.2.2 child=10.2.0.0/16,10.1.0.0/16");
		struct first f = { 0 };
		struct ike_counters c;

		sim_set_tap(&net, keep_first, &f);
		sim_initiate_child(alice, "net");
		sim_run(&net, SECONDS(2));
		sim_terminate(alice, NULL, NULL);
		sim_run(&net, SECONDS(15));
		sim_set_tap(&net, NULL, NULL);
		/* 2,000 a second from everywhere; 3 a second in her name. */
		for (unsigned i = 0; i < (own ? 30 : 20000); i++)
			forge_first(&net, &f, own ? &alice->local.ip : NULL, own ? MILLISECONDS(333) * i : MICROSECONDS(500) * i);
		sim_run(&net, SECONDS(3));
		sim_initiate_child(alice, "net");
		sim_run(&net, SECONDS(6));
		EXPECT(sim_established(alice) && sim_established(bob), own);
		ike_counters(bob->ike, &c);
		EXPECT(c.half_open <= (own ? 5 : 500), c.half_open);
		EXPECT(sim_verdicts(bob, "half-open-evicted") > 0, own);
		sim_run(&net, SECONDS(60));
		ike_counters(bob->ike, &c);
		EXPECT(c.half_open == 0 && sim_ike_sas(bob) == 1, c.half_open);
		EXPECT(sim_verdicts(bob, "half-open-expired") > 0, own);
		EXPECT_SOUND(&net, own);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_under_one_ike_sa_are_limited_at_the_initiator),
		cmocka_unit_test(children_under_one_ike_sa_are_limited_at_the_responder),
		cmocka_unit_test(legitimate_set_ups_survive_a_flood_of_first_messages),
		cmocka_unit_test(starting_hundreds_of_pairs_again_costs_no_more_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
