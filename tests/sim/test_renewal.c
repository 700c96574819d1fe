/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sim_test.h"

/*
 * The renewal of Phase 1, by each method and from each end that may renew: each message of it in turn is lost, repeated, late
 * or overtaken (RFC 2408 section 5.1), or the first of those that an outage swallows. The tunnel must not notice: the same
 * CHILD_SA, the same address of a client, no packet lost.
 *
 * usage: sim_renewal [METHOD]
 */

static const struct sim_method *only;

struct pair {
	struct sim net;
	struct sim_peer *alice, *bob;
};

static struct pair
pair_open(const struct sim_method *m, uint64_t seed)
{
	char text[512];
	struct pair p = { .net = sim_open((struct sim_opts) { .seed = seed, .traffic_ns = MILLISECONDS(50) }) };

	snprintf(text, sizeof text, "ike1 main dpd=15s %s child=%s", m->alice,
	         m->road ? "dynamic,10.2.0.0/16" : "10.1.0.0/16,10.2.0.0/16");
	p.alice = sim_peer(&p.net, text);
	snprintf(text, sizeof text, "ike1 main dpd=15s %s child=%s %s", m->bob,
	         m->road ? "10.2.0.0/16,dynamic" : "10.2.0.0/16,10.1.0.0/16", m->road ? "to=any" : "");
	p.bob = sim_peer(&p.net, text);
	sim_initiate(p.alice, p.bob);
	sim_run(&p.net, SECONDS(5));
	sim_mark(&p.net);
	return p;
}

static void
expect_renewed(struct pair *p, const struct sim_method *m, const uint8_t old[8], uint64_t which)
{
	struct ike_info now = sim_ike(p->alice);

	EXPECT_ONE_TUNNEL(&p->net, p->alice, p->bob, which);
	EXPECT(memcmp(now.spi_i, old, 8) != 0, which);
	EXPECT(p->bob->road.leases - p->bob->road.released == m->road && p->alice->road.n_installed == m->road, which);
	EXPECT_NO_LOSS(&p->net, which);
}

/* Nothing gets through for a while from the message on that has this number. */
struct outage {
	uint64_t from;
	instant_t lasts, until;
};

static void
cut(void *arg, struct sim *net, struct sim_packet *k)
{
	struct outage *o = arg;

	if (k->number == o->from && !o->until)
		o->until = net->w->now + o->lasts;
	if (net->w->now < o->until)
		k->copies = 0;
}

/* By then the last message of the renewal is sent, if nothing is lost; and in the end what was replaced is gone. */
#define RENEWED SECONDS(14)
#define TIDY SECONDS(46)

static uint64_t
which(const struct sim_method *m, bool by_bob, uint64_t nth, uint64_t how)
{
	return (uint64_t)(m - sim_methods) * 100000 + by_bob * 10000 + nth * 100 + how;
}

static uint64_t
count_messages(const struct sim_method *m, bool by_bob)
{
	struct pair p = pair_open(m, 1);
	struct ike_info old = sim_ike(p.alice);
	uint64_t n;

	sim_rekey(by_bob ? p.bob : p.alice, "net", NULL);
	sim_run(&p.net, RENEWED);
	n = p.net.w->datagrams;
	sim_run(&p.net, TIDY);
	expect_renewed(&p, m, old.spi_i, which(m, by_bob, 0, 0));
	sim_close(&p.net);
	return n;
}

static void
renew_with_fault(const struct sim_method *m, bool by_bob, enum sim_fault f, uint64_t nth)
{
	struct pair p = pair_open(m, nth * 10 + f);
	struct ike_info old = sim_ike(p.alice);

	sim_fault_nth(&p.net, f, nth);
	sim_rekey(by_bob ? p.bob : p.alice, "net", NULL);
	sim_run(&p.net, RENEWED + TIDY);
	expect_renewed(&p, m, old.spi_i, which(m, by_bob, nth, f));
	sim_close(&p.net);
}

static void
renew_through_outage(const struct sim_method *m, bool by_bob, instant_t lasts, uint64_t from)
{
	struct pair p = pair_open(m, from);
	struct outage o = { .from = from, .lasts = lasts };
	struct ike_info old = sim_ike(p.alice);

	sim_set_tap(&p.net, cut, &o);
	sim_rekey(by_bob ? p.bob : p.alice, "net", NULL);
	sim_run(&p.net, SECONDS(200));
	expect_renewed(&p, m, old.spi_i, which(m, by_bob, from, (uint64_t)(lasts / SECONDS(1))));
	sim_close(&p.net);
}

typedef void each_message(const struct sim_method *m, bool by_bob, uint64_t nth);

/* By each method, from each end that may renew, at each message. */
static void
at_each_message(each_message *test)
{
	for (const struct sim_method *m = sim_methods; m->name; m++)
		for (int by_bob = 0; by_bob < (m->road ? 1 : 2); by_bob++) {
			uint64_t messages = only && only != m ? 0 : count_messages(m, by_bob);

			for (uint64_t nth = 1; nth <= messages; nth++)
				test(m, by_bob, nth);
		}
}

static void
each_fault(const struct sim_method *m, bool by_bob, uint64_t nth)
{
	for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
		renew_with_fault(m, by_bob, f, nth);
}

TEST(the_renewal_of_phase_1_survives_any_single_fault_by_each_method)
{
	at_each_message(each_fault);
}

/* Less than dead peer detection allows for. */
static void
each_outage(const struct sim_method *m, bool by_bob, uint64_t nth)
{
	static const instant_t lasts[] = { SECONDS(6), SECONDS(50) };

	for (size_t i = 0; i < sizeof lasts / sizeof *lasts; i++)
		renew_through_outage(m, by_bob, lasts[i], nth);
}

TEST(the_renewal_of_phase_1_survives_an_outage_at_any_message_by_each_method)
{
	at_each_message(each_outage);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_renewal_of_phase_1_survives_any_single_fault_by_each_method),
		cmocka_unit_test(the_renewal_of_phase_1_survives_an_outage_at_any_message_by_each_method),
	};

	only = argc > 1 ? sim_method(argv[1]) : NULL;
	if (argc > 1 && !only)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
