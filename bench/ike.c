/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"
#include "report.h"
#include "sim.h"

#include <malloc.h>
#include <stdlib.h>

/*
 * Key management in one process through the simulator, on one core: exchanges a
 * second beside the bare cryptography of the same exchange, memory, and what
 * the split into two phases saves. Only the time inside an engine counts.
 */

enum { ROUNDS = 2000, CHILDREN = 1000, CHILDREN_ROUNDS = 10 };

#define WITH_PSK "psk=swordfish "
#define IKE_SUITE "proposals=aes256-sha256-ecp256 unique=no ike-rekey=0 rekey=0 life=0 esp=aes256gcm16"
#define PFS_SUITE "proposals=aes256-sha256-ecp256 unique=no ike-rekey=0 rekey=0 life=0 esp=aes256gcm16-ecp256"
#define LIGHT "psk=swordfish proposals=aes128-sha256-x25519 unique=no ike-rekey=0 "

struct cost {
	double initiator_ns, responder_ns;
};

static struct sim
quiet_net(void)
{
	return sim_open((struct sim_opts) { .seed = 1, .delay_min_ns = -1, .delay_max_ns = -1, .bare = true, .measure = true });
}

static void
reset(struct sim_peer *a, struct sim_peer *b)
{
	a->cpu_ns = b->cpu_ns = 0;
}

static double
bare(double (*one)(const struct bare_suite *, unsigned), const struct bare_suite *s, unsigned rounds)
{
	double v[15];

	for (unsigned i = 0; i < 15; i++)
		v[i] = one(s, rounds / 15);
	return median(v, 15);
}

static void
forget(struct sim *net, struct sim_peer *p)
{
	sim_command(p, (struct command) { .kind = COMMAND_TERMINATE, .ike = "net", .force = true });
	sim_run(net, SECONDS(60));
}

/* Main Mode and one Quick Mode, again and again between the same two. */
static struct cost
whole_tunnels(const char *suite)
{
	autoclose(sim) net = quiet_net();
	struct sim_peer *alice = sim_peer(&net, suite), *bob = sim_peer(&net, suite);
	static double initiator[ROUNDS], responder[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		reset(alice, bob);
		sim_initiate(alice, NULL);
		sim_run(&net, SECONDS(1));
		must(sim_established(alice) && sim_established(bob), "a tunnel did not come up");
		initiator[i] = (double)alice->cpu_ns;
		responder[i] = (double)bob->cpu_ns;
		forget(&net, alice);
	}
	return (struct cost) { median(initiator, ROUNDS), median(responder, ROUNDS) };
}

static void
set_hosts(struct selector **list, size_t *n, unsigned net, unsigned count)
{
	struct selector *s = calloc(count, sizeof *s);

	must(s != NULL, "out of memory");
	for (unsigned i = 0; i < count; i++)
		s[i] = selector_host(&(struct ip) { IP_V4, { 10, (uint8_t)net, (uint8_t)(i >> 8), (uint8_t)i } });
	free(*list);
	*list = s;
	*n = count;
}

static void
load_hosts(struct sim_peer *p, const char *suite, unsigned n, bool local)
{
	struct conn *c = sim_conn(p, suite);

	if (local)
		set_hosts(&c->children[0].local_ts, &c->children[0].n_local_ts, 1, n);
	else
		set_hosts(&c->children[0].remote_ts, &c->children[0].n_remote_ts, 1, n);
	sim_load(p, c);
	conn_unref(c);
}

/* Many Quick Modes under one Phase 1: a child with many selectors, one Quick Mode each. */
static struct cost
quick_modes(const char *suite)
{
	double initiator[CHILDREN_ROUNDS], responder[CHILDREN_ROUNDS];

	for (unsigned round = 0; round < CHILDREN_ROUNDS; round++) {
		autoclose(sim) net = quiet_net();
		struct sim_peer *alice = sim_peer(&net, WITH_PSK "unloaded"), *bob = sim_peer(&net, WITH_PSK "unloaded");

		load_hosts(alice, suite, CHILDREN, true);
		load_hosts(bob, suite, CHILDREN, false);
		sim_command(alice, (struct command) { .kind = COMMAND_INITIATE, .ike = "net" });
		sim_run(&net, SECONDS(1));
		must(sim_ike_sas_in(bob, IKE_STATE_ESTABLISHED) == 1 && sim_children(bob) == 0, "there is no Phase 1");
		reset(alice, bob);
		sim_initiate(alice, NULL);
		sim_run(&net, SECONDS(1));
		must(sim_children_in(bob, CHILD_STATE_INSTALLED) == CHILDREN, "a Quick Mode did not complete");
		initiator[round] = (double)alice->cpu_ns / CHILDREN;
		responder[round] = (double)bob->cpu_ns / CHILDREN;
	}
	return (struct cost) { median(initiator, CHILDREN_ROUNDS), median(responder, CHILDREN_ROUNDS) };
}

static void
speed_line(struct report *r, const char *key, const char *what, struct cost c, double bare_ns)
{
	fprintf(r->md, "| %s | %.0f | %.1f | %.1f | %.1f | %.2f |\n", what, 1e9 / c.responder_ns, c.initiator_ns / 1e3,
	        c.responder_ns / 1e3, bare_ns / 1e3, c.responder_ns / bare_ns);
	json_object_set_new(r->json, key,
	                    json_pack("{s:f,s:f,s:f,s:f}", "initiator_us", c.initiator_ns / 1e3, "responder_us",
	                              c.responder_ns / 1e3, "bare_us", bare_ns / 1e3, "ratio", c.responder_ns / bare_ns));
}

static void
speed(struct report *r)
{
	struct bare_suite pfs = bare_suite_default;
	double main_ns = bare(bare_main_mode_ns, &bare_suite_default, ROUNDS),
	       quick = bare(bare_quick_mode_ns, &bare_suite_default, 10 * ROUNDS);

	pfs.pfs_id = DH_ECP_256;
	fprintf(r->md, "CPU time inside one engine (the median), without what reading the clock takes; PSK, AES-256, SHA2-256, "
	               "ECP 256, ESP\n"
	               "AES-GCM-16-256. \"Bare\" is the cryptography of the same exchange with nothing around it.\n\n"
	               "| exchange | a second, responder | initiator us | responder us | bare us | ratio "
	               "|\n|---|---|---|---|---|---|\n");
	speed_line(r, "phase1_phase2", "Main Mode + Quick Mode", whole_tunnels(WITH_PSK IKE_SUITE), main_ns + quick);
	speed_line(r, "quick", "Quick Mode", quick_modes(IKE_SUITE), quick);
	speed_line(r, "quick_pfs", "Quick Mode with PFS", quick_modes(PFS_SUITE), bare(bare_quick_mode_ns, &pfs, ROUNDS));
}

/* ---- memory: many initiators, one after the other, at one responder */

static size_t
heap_octets(void)
{
	malloc_trim(0);
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* The next initiator: another host, with an empty engine. */
static void
become(struct sim_peer *p, uint32_t number)
{
	sim_kill(p);
	p->local.ip = ip_from_v4(0x64400000 + number); /* 100.64.0.0/10, RFC 6598 */
	sim_restart(p);
}

/* Octets at the responder for @n established peers, each with a Phase 1 and, if asked, a Phase 2. */
static double
octets_each(unsigned n, bool with_child)
{
	autoclose(sim) net = quiet_net();
	struct sim_peer *alice = sim_peer(&net, LIGHT "child=dynamic,10.1.0.0/16");
	struct sim_peer *bob = sim_peer(&net, LIGHT "to=any half-open-per-address=0 child=10.1.0.0/16,dynamic");
	size_t before, after;

	become(alice, 0);
	sim_kill(alice);
	before = heap_octets();
	for (uint32_t i = 0; i < n; i++) {
		become(alice, i + 1);
		sim_command(alice,
		            (struct command) { .kind = COMMAND_INITIATE, .ike = "net", .child = with_child ? "net" : NULL });
		sim_run(&net, MILLISECONDS(1));
		if (i == 0 || i + 1 == n)
			must(with_child ? sim_established(alice) : sim_ike_sas_in(alice, IKE_STATE_ESTABLISHED) == 1,
			     "a peer did not come up");
	}
	/* What an exchange keeps to answer repetitions goes after a while. */
	sim_kill(alice);
	sim_run(&net, SECONDS(120));
	after = heap_octets();
	must(sim_ike_sas_in(bob, IKE_STATE_ESTABLISHED) == n && (!with_child || sim_children(bob) == n),
	     "a tunnel is missing at the responder");
	return (double)(after - before) / n;
}

static void
memory(struct report *r, const unsigned *counts, unsigned n)
{
	json_t *all = json_object();

	fprintf(r->md, "\nMemory at a responder, one Phase 1 and one Phase 2 for each of N peers, in octets:\n\n"
	               "| N | a Phase 1 | a Phase 2 | both |\n|---|---|---|---|\n");
	for (unsigned i = 0; i < n; i++) {
		double one = octets_each(counts[i], false), both = octets_each(counts[i], true);
		char key[16];

		snprintf(key, sizeof key, "%u", counts[i]);
		fprintf(r->md, "| %u | %.0f | %.0f | %.0f |\n", counts[i], one, both - one, both);
		json_object_set_new(all, key, json_pack("{s:f,s:f}", "phase1_octets", one, "phase2_octets", both - one));
	}
	json_object_set_new(r->json, "memory", all);
}

/* ---- amortisation: N tunnels with a Phase 1 each, or under one */

static struct cost
apart(unsigned n)
{
	autoclose(sim) net = quiet_net();
	struct sim_peer *alice = sim_peer(&net, WITH_PSK "child=dynamic,10.1.0.0/16 " IKE_SUITE);
	struct sim_peer *bob = sim_peer(&net, WITH_PSK "to=any half-open-per-address=0 child=10.1.0.0/16,dynamic " IKE_SUITE);

	for (uint32_t i = 0; i < n; i++) {
		become(alice, i + 1);
		if (i == 0)
			reset(alice, bob);
		sim_initiate(alice, NULL);
		sim_run(&net, MILLISECONDS(1));
	}
	sim_run(&net, SECONDS(1));
	must(sim_children(bob) == n, "a tunnel is missing");
	return (struct cost) { (double)alice->cpu_ns, (double)bob->cpu_ns };
}

static struct cost
together(unsigned n)
{
	autoclose(sim) net = quiet_net();
	struct sim_peer *alice = sim_peer(&net, WITH_PSK "unloaded"), *bob = sim_peer(&net, WITH_PSK "unloaded");

	load_hosts(alice, IKE_SUITE, n, true);
	load_hosts(bob, IKE_SUITE, n, false);
	reset(alice, bob);
	sim_initiate(alice, NULL);
	sim_run(&net, SECONDS(1));
	must(sim_children(bob) == n && sim_ike_sas(bob) == 1, "a tunnel is missing");
	return (struct cost) { (double)alice->cpu_ns, (double)bob->cpu_ns };
}

static void
amortisation(struct report *r)
{
	json_t *all = json_object();

	fprintf(r->md, "\nCPU time of N tunnels, both ends, in ms: each with a Phase 1 of its own, or all under one.\n\n"
	               "| N | N x (Phase 1 + Phase 2) | Phase 1 + N x Phase 2 | ratio |\n|---|---|---|---|\n");
	for (unsigned n = 1; n <= 1000; n *= 10) {
		struct cost a = apart(n), t = together(n);
		double own = a.initiator_ns + a.responder_ns, shared = t.initiator_ns + t.responder_ns;
		char key[16];

		snprintf(key, sizeof key, "%u", n);
		fprintf(r->md, "| %u | %.2f | %.2f | %.1f |\n", n, own / 1e6, shared / 1e6, own / shared);
		json_object_set_new(
		        all, key,
		        json_pack("{s:f,s:f,s:f}", "apart_ms", own / 1e6, "together_ms", shared / 1e6, "ratio", own / shared));
	}
	fprintf(r->md, "\n");
	json_object_set_new(r->json, "amortisation", all);
}

int
main(int argc, char **argv)
{
	static const unsigned counts[] = { 1000, 100000 };
	struct report r = report_open(argc, argv, "ike");

	speed(&r);
	memory(&r, counts, argc > 2 ? 1 : 2);
	amortisation(&r);
	return report_close(&r);
}
