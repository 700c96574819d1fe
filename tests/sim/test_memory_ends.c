/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "core.h"
#include "failing_memory.h"
#include "sim_test.h"

/*
 * A whole conversation of each method of Phase 1, while memory ends at one
 * allocation inside the two engines: nothing crashes or leaks, what was begun is
 * given back, and the next attempt succeeds.
 *
 *   sim_memory_ends METHOD [STRIDE]      every STRIDE-th allocation (1: each)
 */

static const struct sim_method *method;
static unsigned long stride = 1;

/* ---- Memory ends inside the engine alone; what the simulator needs, it has. */

enum ike_error __real_ike_receive(struct ike *ike, instant_t now, const struct datagram *in, struct effects *out);
enum ike_error __real_ike_answer(struct ike *ike, instant_t now, const struct answer *a, struct effects *out);
enum ike_error __real_ike_tick(struct ike *ike, instant_t now, struct effects *out);
enum ike_error __real_ike_command(struct ike *ike, instant_t now, const struct command *c, struct effects *out);
enum ike_error __wrap_ike_receive(struct ike *ike, instant_t now, const struct datagram *in, struct effects *out);
enum ike_error __wrap_ike_answer(struct ike *ike, instant_t now, const struct answer *a, struct effects *out);
enum ike_error __wrap_ike_tick(struct ike *ike, instant_t now, struct effects *out);
enum ike_error __wrap_ike_command(struct ike *ike, instant_t now, const struct command *c, struct effects *out);

/* The daemon too says so in its log, carries out what there is, and goes on. */
static enum ike_error
survived(enum ike_error e, struct effects *out)
{
	failing_memory.armed = false;
	out->nomem = false;
	return e == IKE_ERR_NOMEM ? IKE_OK : e;
}

enum ike_error
__wrap_ike_receive(struct ike *ike, instant_t now, const struct datagram *in, struct effects *out)
{
	failing_memory.armed = true;
	return survived(__real_ike_receive(ike, now, in, out), out);
}

enum ike_error
__wrap_ike_answer(struct ike *ike, instant_t now, const struct answer *a, struct effects *out)
{
	failing_memory.armed = true;
	return survived(__real_ike_answer(ike, now, a, out), out);
}

enum ike_error
__wrap_ike_tick(struct ike *ike, instant_t now, struct effects *out)
{
	failing_memory.armed = true;
	return survived(__real_ike_tick(ike, now, out), out);
}

enum ike_error
__wrap_ike_command(struct ike *ike, instant_t now, const struct command *c, struct effects *out)
{
	failing_memory.armed = true;
	return survived(__real_ike_command(ike, now, c, out), out);
}

/* ---- The conversation */

struct pair {
	struct sim net;
	struct sim_peer *alice, *bob;
};

static void
open_pair(struct pair *p)
{
	static const char common[] = "proposals=aes128-sha256-x25519 esp=aes128gcm16-x25519 dpd=20s dpd-timeout=60s";
	char text[512];

	p->net = sim_open((struct sim_opts) { .seed = 1 });
	snprintf(text, sizeof text, "%s child=%s %s", method->alice,
	         method->road ? "dynamic,10.2.0.0/16" : "10.1.0.0/16,10.2.0.0/16", common);
	p->alice = sim_peer(&p->net, text);
	snprintf(text, sizeof text, "%s %s child=%s %s", method->bob, method->road ? "to=any" : "",
	         method->road ? "10.2.0.0/16,dynamic" : "10.2.0.0/16,10.1.0.0/16", common);
	p->bob = sim_peer(&p->net, text);
}

/* What is up can send as well as receive. */
static void
run(struct pair *p, instant_t time, unsigned long which)
{
	sim_run(&p->net, time);
	EXPECT(p->alice->n_out >= sim_children_in(p->alice, CHILD_STATE_INSTALLED), which);
	EXPECT(p->bob->n_out >= sim_children_in(p->bob, CHILD_STATE_INSTALLED), which);
}

static void
live(struct pair *p, unsigned long which)
{
	sim_initiate(p->alice, NULL);
	run(p, SECONDS(100), which);
	sim_rekey(p->alice, NULL, "net");
	run(p, SECONDS(60), which);
	sim_rekey(p->alice, "net", NULL);
	run(p, SECONDS(60), which);
	sim_terminate(p->bob, NULL, "net");
	sim_run(&p->net, SECONDS(60));
	sim_terminate(p->bob, "net", NULL);
	sim_run(&p->net, SECONDS(60));
}

/* Policies that nobody has a use for: they would stay for ever. */
static size_t
forgotten_policies(const struct sim_peer *p)
{
	const struct table *t = &p->ike->policy_by_reqid;
	size_t n = 0;

	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct table_link *l = t->bucket[i]; l; l = l->next)
			n += !table_entry(l, struct policy, by_reqid)->users && !table_entry(l, struct policy, by_reqid)->traps;
	return n;
}

static void
everything_is_given_back(struct pair *p, unsigned long which)
{
	struct sim_peer *ends[] = { p->alice, p->bob };

	sim_shutdown(p->alice);
	sim_run(&p->net, SECONDS(60));
	sim_shutdown(p->bob);
	sim_run(&p->net, SECONDS(200));
	for (unsigned i = 0; i < 2; i++) {
		EXPECT(sim_ike_sas(ends[i]) == 0, which);
		EXPECT(ends[i]->n_in == 0 && ends[i]->n_out == 0 && ends[i]->n_claims == 0, which);
		EXPECT(ends[i]->updown_up == ends[i]->updown_down, which);
		EXPECT(ends[i]->road.leases == ends[i]->road.released, which);
	}
}

static void
without_the(unsigned long nth)
{
	struct pair p;

	open_pair(&p);
	failing_memory.count = 0;
	failing_memory.fails_at = nth;
	live(&p, nth);
	failing_memory.fails_at = 0;
	EXPECT(forgotten_policies(p.alice) == 0 && forgotten_policies(p.bob) == 0, nth);
	sim_terminate(p.alice, "net", NULL);
	sim_terminate(p.bob, "net", NULL);
	sim_run(&p.net, SECONDS(300));
	sim_initiate(p.alice, NULL);
	sim_run(&p.net, SECONDS(60));
	EXPECT(sim_established(p.alice) && sim_established(p.bob) && sim_same_keys(p.alice, p.bob), nth);
	EXPECT(p.alice->n_claims == 1 && p.bob->n_claims == 1, nth);
	everything_is_given_back(&p, nth);
	EXPECT_SOUND(&p.net, nth);
	sim_close(&p.net);
}

TEST(memory_may_end_anywhere)
{
	unsigned long n;

	without_the(0);
	n = failing_memory.count;
	assert_true(n > 100);
	for (unsigned long i = 1; i <= n; i += stride)
		without_the(i);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(memory_may_end_anywhere) };

	method = sim_method(argc > 1 ? argv[1] : "psk");
	stride = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	if (!method || !stride)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
