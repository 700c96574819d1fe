/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "sim_test.h"

/*
 * Random conversations: each seed draws a configuration, a network and a course
 * of events, and must end where a conversation must end. Seeds FIRST to LAST and
 * the METHOD of Phase 1 come from the command line; SIM_SEED=n in the environment
 * runs just that one.
 */

static unsigned long first = 1, last = 500;

static const struct sim_method *method = &sim_methods[0];

struct draw {
	struct rng *r;
};

static const char *
one_of(struct draw *d, const char *const *list, unsigned n)
{
	return list[rng_below(d->r, n)];
}

/* Cheap groups mostly: what varies here is the order of things, not the arithmetic. */
static const char *const ike_proposals[] = {
	"aes128-sha256-ecp256", "aes256-sha384-x25519", "aes192-sha512-x25519", "aes128-sha256-x25519", "aes256-sha256-ecp256",
};
static const char *const esp_proposals[] = {
	"aes128gcm16",        "aes256gcm16",        "aes128-sha256",   "aes256-sha512",
	"aes128gcm16-x25519", "aes128gcm16-ecp256", "aes192gcm16-esn", "aes128-sha384-noesn-x25519",
};
static const char *const children[] = {
	"10.1.0.0/16,10.2.0.0/16", "10.1.0.0/16;10.3.0.0/24,10.2.0.0/16", "10.1.0.5,10.2.0.0/16[tcp/80]",
	"dynamic,dynamic",         "10.1.0.0-10.1.0.99,10.2.0.0/24",
};

/* Many tries: a loss of 15 % each way must never be what ends a conversation. */
#define PATIENT "ike1 main tries=20 timeout=1s base=1.1 dpd=15s dpd-timeout=120s "

struct conversation {
	struct sim net;
	struct sim_peer *alice, *bob;
	bool crossed, nat, lossy;
	bool one_sided; /* only alice can begin */
	bool rekeys_child, rekeys_ike;
};

/* The other end's description: local and remote selectors change places. */
static void
mirror(char *out, size_t n, const char *child)
{
	size_t local = child ? strcspn(child, ",") : 0;

	if (local)
		snprintf(out, n, "%s,%.*s", child + local + 1, (int)local, child);
}

static void
open_conversation(struct conversation *c, struct draw *d, unsigned long seed)
{
	struct sim_opts o = { .seed = seed };
	const char *ike = one_of(d, ike_proposals, 5), *esp = one_of(d, esp_proposals, 8), *child = one_of(d, children, 5);
	char text[512], other[128];

	if (method->road)
		child = "dynamic,10.2.0.0/16";

	c->lossy = rng_below(d->r, 4) != 0;
	if (c->lossy) {
		o.loss_permille = (unsigned)rng_below(d->r, 150);
		o.dup_permille = (unsigned)rng_below(d->r, 150);
		o.reorder_permille = (unsigned)rng_below(d->r, 150);
	}
	o.delay_min_ns = MILLISECONDS(1 + rng_below(d->r, 50));
	o.delay_max_ns = o.delay_min_ns + MILLISECONDS(rng_below(d->r, 200));
	o.install_ns = MILLISECONDS(rng_below(d->r, 3) * 20);
	o.answer_ns = MILLISECONDS(rng_below(d->r, 3) * 10);
	o.traffic_ns = SECONDS(3);
	c->net = sim_open(o);
	mirror(other, sizeof other, child);
	c->nat = rng_below(d->r, 4) == 0 && (method->road || strncmp(child, "dynamic", 7));
	c->one_sided = c->nat || method->road;
	snprintf(text, sizeof text, PATIENT "%s proposals=%s child=%s esp=%s", method->alice, ike, child, esp);
	c->alice = sim_peer(&c->net, text);
	snprintf(text, sizeof text, PATIENT "%s %s proposals=%s child=%s esp=%s", method->bob, c->one_sided ? "to=any" : "", ike,
	         other, esp);
	c->bob = sim_peer(&c->net, text);
	if (c->nat)
		sim_behind(c->alice, sim_nat(&c->net, 0));
}

static unsigned
pairs(const struct sim_peer *p)
{
	const struct child *c = &p->conn->children[0];

	return (unsigned)(c->n_local_ts * c->n_remote_ts);
}

static void
expect_up(struct conversation *c, unsigned long seed)
{
	EXPECT(sim_established(c->alice) && sim_established(c->bob), seed);
	EXPECT(sim_same_keys(c->alice, c->bob), seed);
	EXPECT_SOUND(&c->net, seed);
}

/* Between seconds of quiet: rekeyings, deletions and new beginnings from either end. */
static void
something_happens(struct conversation *c, struct draw *d)
{
	struct sim_peer *p = rng_below(d->r, 2) && !c->one_sided ? c->bob : c->alice;

	switch (rng_below(d->r, 6)) {
	case 0:
	case 1:
		sim_rekey(p, NULL, "net");
		break;
	case 2:
		sim_rekey(p, "net", NULL);
		break;
	case 3:
		sim_rekey(c->alice, NULL, "net");
		sim_rekey(c->one_sided ? c->alice : c->bob, NULL, "net");
		break;
	case 4:
		sim_rekey(c->alice, "net", NULL);
		if (!c->one_sided)
			sim_rekey(c->bob, "net", NULL);
		break;
	case 5:
		sim_initiate_child(p, "net");
		break;
	}
}

static void
expect_gone(struct conversation *c, unsigned long seed)
{
	struct sim_peer *ends[] = { c->alice, c->bob };

	for (unsigned i = 0; i < 2; i++) {
		EXPECT(sim_ike_sas(ends[i]) == 0, seed);
		EXPECT(ends[i]->updown_up == ends[i]->updown_down, seed);
		EXPECT(ends[i]->n_in == 0 && ends[i]->n_out == 0 && ends[i]->n_claims == 0, seed);
		EXPECT(ends[i]->road.leases == ends[i]->road.released, seed);
	}
	EXPECT_SOUND(&c->net, seed);
}

static void
conversation(unsigned long seed)
{
	struct seeded_rng r;
	struct draw d = { &r.rng };
	struct conversation c;
	unsigned rounds;

	seeded_rng_open(&r, seed);
	open_conversation(&c, &d, seed);
	c.crossed = rng_below(d.r, 4) == 0 && !c.one_sided;
	sim_initiate(c.alice, NULL);
	if (c.crossed)
		sim_initiate(c.bob, NULL);
	sim_run(&c.net, SECONDS(120));
	expect_up(&c, seed);
	EXPECT(c.alice->n_in >= pairs(c.alice) && c.bob->n_in >= pairs(c.alice), seed);
	rounds = (unsigned)rng_below(d.r, 4);
	for (unsigned i = 0; i < rounds; i++) {
		something_happens(&c, &d);
		sim_run(&c.net, MILLISECONDS(rng_below(d.r, 90000)));
	}
	sim_run(&c.net, SECONDS(120));
	expect_up(&c, seed);
	/* Without loss on the way both ends go together; with it, each when it is told or ends by itself. */
	c.net.w->opts.loss_permille = c.net.w->opts.reorder_permille = 0;
	sim_shutdown(rng_below(d.r, 2) ? c.alice : c.bob);
	sim_run(&c.net, SECONDS(60));
	expect_gone(&c, seed);
	sim_close(&c.net);
}

TEST(random_conversations_end_as_they_must)
{
	const char *one = getenv("SIM_SEED");

	if (one) {
		conversation(strtoul(one, NULL, 10));
		return;
	}
	for (unsigned long seed = first; seed <= last; seed++)
		conversation(seed);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_conversations_end_as_they_must),
	};

	if (argc >= 3) {
		first = strtoul(argv[1], NULL, 10);
		last = strtoul(argv[2], NULL, 10);
	}
	if (argc >= 4)
		method = sim_method(argv[3]);
	if (!method)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
