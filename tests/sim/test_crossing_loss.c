/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "isakmp.h"
#include "sim_test.h"

/*
 * Both ends replace one Phase 1 SA at once, and the network loses any set of the messages that decide which SA carries on
 * (docs/adr/0004): each message of both exchanges, each end's Deletes, and what each says of dead peer detection. Whatever was
 * lost, once nothing is lost any more both ends hold one SA, the same one, and the tunnel has never stopped.
 *
 * usage: sim_crossing_loss MODE MOST DRAWN: main or aggressive; every set of at most MOST kinds of message; and so many drawn
 * at random, each kind for a time of its own. SIM_CASE=n in the environment runs one of these.
 */

/* What may be lost of an SA. */
enum kind {
	MESSAGE_1,
	MESSAGE_2,
	MESSAGE_3,
	MESSAGE_4,
	MESSAGE_5,
	MESSAGE_6,
	DELETE_BY_INITIATOR,
	DELETE_BY_RESPONDER,
	DPD_OF_INITIATOR, /* R-U-THERE, and the answer to one */
	DPD_OF_RESPONDER,
	KINDS
};

/* The two new SAs, by their initiator, and the one that both replace. */
enum { OLD_SA = 2, SAS };

/* How much of a kind is lost: its first messages, until then. */
struct losses {
	unsigned copies;
	instant_t until;
};

static const struct losses alike[] = { { 1, INSTANT_NEVER }, { ~0u, SECONDS(6) }, { ~0u, SECONDS(22) }, { ~0u, SECONDS(45) } };

static const instant_t apart[] = { 0, MILLISECONDS(12), MILLISECONDS(1500) };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct mode {
	const char *name, *description;
	uint8_t messages;
} modes[] = {
	{ "main", "ike1 main psk=swordfish dpd=15s", 6 },
	{ "aggressive", "ike1 aggressive aggressive-psk without-pfs psk=swordfish dpd=15s", 3 },
};

static const struct mode *mode = &modes[0];
static unsigned most = 2;
static unsigned long drawn = 200;

struct network {
	struct losses of[SAS * KINDS];
	instant_t start;
	uint8_t cookie[SAS][8];
	bool known[SAS];
	unsigned dup_permille, reorder_permille;
};

static enum kind
kind_of(const struct sim_packet *k, bool initiator)
{
	enum { DELETE_OCTETS_MAX = 92 };

	if (k->data[18] == EXCHANGE_INFORMATIONAL) {
		enum kind of_initiator = k->n <= DELETE_OCTETS_MAX ? DELETE_BY_INITIATOR : DPD_OF_INITIATOR;

		return (enum kind)(of_initiator + !initiator);
	}
	switch (k->data[16]) {
	case PAYLOAD_SA:
		return initiator ? MESSAGE_1 : MESSAGE_2;
	case PAYLOAD_ID:
		return initiator ? MESSAGE_5 : MESSAGE_6;
	default:
		return initiator ? MESSAGE_3 : MESSAGE_4;
	}
}

static void
remember(struct network *w, unsigned sa, const uint8_t cookie[8])
{
	memcpy(w->cookie[sa], cookie, 8);
	w->known[sa] = true;
}

/* The SA that a datagram is about; SAS: one that came later. */
static unsigned
sa_of(struct network *w, const struct sim_packet *k)
{
	static const uint8_t none[8];
	unsigned from = k->from->index;

	if (!w->known[from] && memcmp(k->data + 8, none, 8) == 0)
		remember(w, from, k->data);
	for (unsigned i = 0; i < SAS; i++)
		if (w->known[i] && memcmp(k->data, w->cookie[i], 8) == 0)
			return i;
	return SAS;
}

static void
lose(void *arg, struct sim *net, struct sim_packet *k)
{
	struct network *w = arg;
	unsigned sa = k->esp ? SAS : sa_of(w, k);
	struct losses *l;

	if (sa == SAS)
		return;
	/* Alice was the initiator of the old one. */
	l = &w->of[sa * KINDS + kind_of(k, k->from->index == sa % OLD_SA)];
	if (!l->copies || net->w->now - w->start >= l->until)
		return;
	l->copies--;
	k->copies = 0;
}

/*
 * The losses; then an SA that only one end has is asked for until it is dead (165 s), and what was replaced carries on. That
 * may happen to both new ones, one after the other.
 */
#define TIME_TO_HEAL SECONDS(400)

static void
both_rekey(struct network *w, struct sim_opts o, instant_t later, uint64_t which)
{
	autoclose(sim) net = sim_open(o);
	struct sim_peer *alice = sim_peer(&net, mode->description), *bob = sim_peer(&net, mode->description);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	w->start = net.w->now;
	remember(w, OLD_SA, sim_ike(alice).spi_i);
	sim_set_tap(&net, lose, w);
	net.w->opts.dup_permille = w->dup_permille;
	net.w->opts.reorder_permille = w->reorder_permille;
	sim_rekey(alice, "net", NULL);
	sim_run(&net, later);
	sim_rekey(bob, "net", NULL);
	sim_run(&net, TIME_TO_HEAL);
	EXPECT_ONE_TUNNEL(&net, alice, bob, which);
}

static bool
is_sent(unsigned bit)
{
	return bit % KINDS >= DELETE_BY_INITIATOR || (bit < OLD_SA * KINDS && bit % KINDS < mode->messages);
}

static void
lose_all_of(uint64_t set)
{
	for (unsigned d = 0; d < COUNT(alike); d++)
		for (unsigned later = 0; later < COUNT(apart); later++)
			for (unsigned seed = 1; seed <= 2; seed++) {
				struct network w = { 0 };

				for (unsigned bit = 0; bit < SAS * KINDS; bit++)
					if (set >> bit & 1)
						w.of[bit] = alike[d];
				both_rekey(&w, (struct sim_opts) { .seed = seed, .traffic_ns = SECONDS(1) }, apart[later],
				           set * 1000 + d * 100 + later * 10 + seed);
			}
}

/* Every set of at most @left more kinds, from @bit on, lost in each way; from either end first, and with either cookie higher. */
static void
each_set(uint64_t set, unsigned bit, unsigned left)
{
	lose_all_of(set);
	for (; left && bit < SAS * KINDS; bit++)
		if (is_sent(bit))
			each_set(set | (uint64_t)1 << bit, bit + 1, left - 1);
}

TEST(crossing_rekeyings_leave_one_sa_whichever_kinds_of_message_are_lost)
{
	each_set(0, 0, most);
}

/* Each kind for a time of its own, on a network that repeats and reorders besides. */
static void
draw(uint64_t seed)
{
	struct network w = { 0 };
	struct seeded_rng r;
	struct sim_opts o = { .seed = seed, .traffic_ns = SECONDS(1) };

	seeded_rng_open(&r, seed);
	for (unsigned bit = 0; bit < SAS * KINDS; bit++)
		if (rng_below(&r.rng, 3) == 0)
			w.of[bit] = (struct losses) { rng_below(&r.rng, 2) ? 1 + (unsigned)rng_below(&r.rng, 3) : ~0u,
				                      MILLISECONDS(rng_below(&r.rng, 45000)) };
	if (rng_below(&r.rng, 2)) {
		w.dup_permille = (unsigned)rng_below(&r.rng, 150);
		w.reorder_permille = (unsigned)rng_below(&r.rng, 150);
	}
	both_rekey(&w, o, MILLISECONDS(rng_below(&r.rng, rng_below(&r.rng, 2) ? 60 : 30000)), seed);
}

TEST(crossing_rekeyings_leave_one_sa_however_long_each_kind_is_lost)
{
	const char *one = getenv("SIM_CASE");

	if (one) {
		draw(strtoul(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= drawn; seed++)
		draw(seed);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crossing_rekeyings_leave_one_sa_whichever_kinds_of_message_are_lost),
		cmocka_unit_test(crossing_rekeyings_leave_one_sa_however_long_each_kind_is_lost),
	};

	for (size_t i = 0; argc == 4 && i < COUNT(modes); i++)
		if (!strcmp(modes[i].name, argv[1]))
			mode = &modes[i];
	if (argc == 4) {
		most = (unsigned)strtoul(argv[2], NULL, 10);
		drawn = strtoul(argv[3], NULL, 10);
	}
	if (argc == 4 && strcmp(mode->name, argv[1]) != 0) {
		fprintf(stderr, "no mode of that name: %s\n", argv[1]);
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
