/* SPDX-License-Identifier: Apache-2.0 */
#include "isakmp.h"
#include "reassembly.h"
#include "sim_test.h"

/* IKE messages in fragments: here every one that is larger than a few hundred octets. */

#define KEYED "ike1 main psk=swordfish proposals=aes256-sha256-modp2048 "
#define SMALL KEYED "fragment-size=256 "

struct seen {
	unsigned fragments, largest;
	uint8_t exchange; /* what fragments are made to say; 0: as they are */
	bool backwards;
};

static bool
is_fragment(const struct sim_packet *p)
{
	return !p->esp && p->n > ISAKMP_HEADER_OCTETS && p->data[16] == PAYLOAD_FRAGMENT;
}

static void
watch(void *arg, struct sim *net, struct sim_packet *p)
{
	struct seen *s = arg;

	(void)net;
	if (p->n > s->largest)
		s->largest = (unsigned)p->n;
	if (!is_fragment(p))
		return;
	s->fragments++;
	if (s->exchange)
		p->data[18] = s->exchange;
	/* The first ones arrive last. */
	if (s->backwards)
		p->extra_ns = MILLISECONDS(200 / p->data[34]);
}

TEST(large_messages_go_in_fragments)
{
	/* Both flavours of exchange type, in order and backwards. */
	static const struct seen how[] = { { 0 }, { .exchange = EXCHANGE_QUICK }, { .backwards = true } };

	for (unsigned i = 0; i < 3; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = i });
		struct sim_peer *alice = sim_peer(&net, SMALL), *bob = sim_peer(&net, SMALL);
		struct seen s = how[i];
		struct ike_counters c;

		sim_set_tap(&net, watch, &s);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		EXPECT(sim_established(alice) && sim_established(bob) && sim_same_keys(alice, bob), i);
		EXPECT(s.fragments >= 4, s.fragments);
		/* 256 without the IP and UDP headers. */
		EXPECT(s.largest <= 228, s.largest);
		ike_counters(alice->ike, &c);
		EXPECT(c.fragments_sent > 0 && c.fragments_received > 0, i);
		EXPECT_SOUND(&net, i);
	}
}

static void
count_types(void *arg, struct sim *net, struct sim_packet *p)
{
	unsigned *by_type = arg;

	(void)net;
	if (is_fragment(p))
		by_type[p->data[18]]++;
}

/* Charon ignores fragments of another exchange until Phase 1 is done. */
TEST(fragments_are_of_the_exchange_that_phase_1_is)
{
	static const struct {
		const char *config;
		uint8_t type;
	} rows[] = {
		{ SMALL, EXCHANGE_MAIN },
		{ "ike1 aggressive aggressive-psk psk=swordfish proposals=aes256-sha256-modp2048 esp=aes128gcm16-ecp256 "
		  "fragment-size=256 ",
		  EXCHANGE_AGGRESSIVE },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
		struct sim_peer *alice = sim_peer(&net, rows[i].config), *bob = sim_peer(&net, rows[i].config);
		unsigned by_type[256] = { 0 }, all = 0;

		sim_set_tap(&net, count_types, by_type);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		EXPECT(sim_established(alice) && sim_established(bob), i);
		for (unsigned type = 0; type < 256; type++)
			all += by_type[type];
		EXPECT(all >= 4 && by_type[rows[i].type] == all, i);
	}
}

/* no, accept, yes, force: what is announced, taken and sent. */
TEST(the_setting_says_who_sends_and_takes)
{
	static const struct {
		const char *alice, *bob;
		bool from_alice, from_bob;
	} rows[] = {
		{ "fragmentation=0", "fragmentation=2", false, false }, { "fragmentation=1", "fragmentation=2", false, true },
		{ "fragmentation=1", "fragmentation=1", false, false }, { "fragmentation=2", "fragmentation=2", true, true },
		{ "fragmentation=3", "fragmentation=1", true, false },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
		char text[256];
		struct sim_peer *alice = sim_peer(&net, strcat(strcpy(text, SMALL), rows[i].alice));
		struct sim_peer *bob = sim_peer(&net, strcat(strcpy(text, SMALL), rows[i].bob));
		struct ike_counters a, b;

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		EXPECT(sim_established(alice) && sim_established(bob), i);
		ike_counters(alice->ike, &a);
		ike_counters(bob->ike, &b);
		EXPECT((a.fragments_sent > 0) == rows[i].from_alice, i);
		EXPECT((b.fragments_sent > 0) == rows[i].from_bob, i);
		EXPECT(b.fragments_received == a.fragments_sent && a.fragments_received == b.fragments_sent, i);
		EXPECT_SOUND(&net, i);
	}
}

/* Who does not want them drops them, counted and explained. */
TEST(fragments_that_are_not_wanted_are_refused)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, SMALL "fragmentation=3"), *bob = sim_peer(&net, SMALL "fragmentation=0");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(20));
	EXPECT(!sim_established(alice), 0);
	EXPECT(sim_verdicts(bob, "bad-fragment") > 0, 0);
	EXPECT(strstr(sim_reason_text(bob, "bad-fragment"), "fragmentation = no"), 0);
}

TEST(any_one_fragment_may_be_lost_or_doubled)
{
	for (unsigned nth = 1; nth <= 24; nth++) {
		for (unsigned how = 0; how < 3; how++) {
			autoclose(sim) net = sim_open((struct sim_opts) { .seed = nth });
			struct sim_peer *alice = sim_peer(&net, SMALL), *bob = sim_peer(&net, SMALL);

			if (how == 0)
				sim_drop_nth(&net, nth);
			else if (how == 1)
				sim_duplicate_nth(&net, nth);
			else
				sim_delay_nth(&net, nth, SECONDS(5));
			sim_initiate(alice, bob);
			sim_run(&net, SECONDS(40));
			EXPECT(sim_established(alice) && sim_established(bob), nth * 10 + how);
			EXPECT(sim_same_keys(alice, bob), nth * 10 + how);
			EXPECT_SOUND(&net, nth * 10 + how);
		}
	}
}

/* Fragments of several messages at once, rekeyings, bad links. */
TEST(fragments_survive_bad_links)
{
	for (unsigned seed = 1; seed <= 40; seed++) {
		autoclose(sim) net = sim_open(
		        (struct sim_opts) { .seed = seed, .loss_permille = 50, .dup_permille = 50, .reorder_permille = 200 });
		struct sim_peer *alice = sim_peer(&net, SMALL "child=10.1.0.0/16;10.3.0.0/16;10.4.0.0/16,10.2.0.0/16");
		struct sim_peer *bob = sim_peer(&net, SMALL "child=10.2.0.0/16,10.1.0.0/16;10.3.0.0/16;10.4.0.0/16");

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(200));
		EXPECT(sim_children_in(alice, CHILD_STATE_INSTALLED) == 3, seed);
		sim_rekey(bob, "net", NULL);
		sim_run(&net, SECONDS(200));
		EXPECT(sim_same_keys(alice, bob), seed);
		EXPECT_SOUND(&net, seed);
	}
}

/*
 * Whoever sees the cookies can send fragments: bounded, counted, and in nobody's way while they are of fewer messages than are
 * kept. With more of them he wins a race now and then, as with any forged datagram from someone on the way.
 */
static void
forge(void *arg, struct sim *net, struct sim_packet *p)
{
	uint8_t f[36 + 64] = { 0 };
	unsigned *n = arg;

	if (p->n < ISAKMP_HEADER_OCTETS || p->esp || *n > 2000)
		return;
	memcpy(f, p->data, 16);
	f[16] = PAYLOAD_FRAGMENT;
	f[17] = 0x10;
	f[18] = EXCHANGE_MAIN;
	put_be32(f + 24, sizeof f);
	put_be16(f + 30, sizeof f - 28);
	for (unsigned i = 0; i < 20; i++, ++*n) {
		put_be16(f + 32, (uint16_t)(1000 + i % (REASSEMBLY_MESSAGES - 1)));
		f[34] = (uint8_t)(i * 5);
		f[35] = i % 11 == 0;
		sim_inject(net, &p->src, &p->dst, p->marker, span_of(f, sizeof f), MILLISECONDS(i));
	}
}

TEST(forged_fragments_stop_nothing)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 3 });
	struct sim_peer *alice = sim_peer(&net, SMALL), *bob = sim_peer(&net, SMALL);
	unsigned n = 0;

	sim_set_tap(&net, forge, &n);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(120));
	EXPECT(n > 100, n);
	EXPECT(sim_established(alice) && sim_established(bob), n);
	EXPECT(sim_verdicts(bob, "bad-fragment") > 0, n);
	EXPECT_SOUND(&net, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_messages_go_in_fragments),
		cmocka_unit_test(fragments_are_of_the_exchange_that_phase_1_is),
		cmocka_unit_test(the_setting_says_who_sends_and_takes),
		cmocka_unit_test(fragments_that_are_not_wanted_are_refused),
		cmocka_unit_test(any_one_fragment_may_be_lost_or_doubled),
		cmocka_unit_test(fragments_survive_bad_links),
		cmocka_unit_test(forged_fragments_stop_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
