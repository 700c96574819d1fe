/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

/*
 * An attacker who sees every datagram and may add, but not decrypt: whatever he
 * sends at any point, the conversation completes, and what stands is untouched.
 */

#define KEYED "ike1 main psk=swordfish "

/* Makes up to a few forgeries of each datagram, delivered in front of it and behind it. */
typedef unsigned forge(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r);

struct attacker {
	forge *how;
	unsigned variants;
	uint64_t at;    /* only the datagram of this number; 0: all */
	bool reflect;   /* back to the sender instead of on to the receiver */
	bool elsewhere; /* from another address */
	uint64_t forged;
};

static void
attack(void *arg, struct sim *net, struct sim_packet *p)
{
	struct attacker *a = arg;
	struct endpoint src = a->reflect ? p->dst : p->src, dst = a->reflect ? p->src : p->dst;
	uint8_t out[65536];

	if (p->keepalive || (a->at && p->number != a->at))
		return;
	if (a->elsewhere)
		src = (struct endpoint) { ip_from_v4(0xcb007142), 4500 };
	for (unsigned v = 0; v < a->variants; v++) {
		size_t n = 0;

		if (!a->how(p, v, out, &n, &net->w->rng.rng))
			continue;
		a->forged++;
		/* An authentic message that overtakes itself on another path is a peer that moved: RFC 3947 section 4. */
		if (!a->elsewhere || a->reflect)
			sim_inject(net, &src, &dst, p->marker, span_of(out, n), 0);
		sim_inject(net, &src, &dst, p->marker, span_of(out, n), MILLISECONDS(40));
	}
}

static void
conversation_under(struct attacker *a, const char *description, uint64_t which)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which + 1, .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, description);
	struct sim_peer *bob = sim_peer(&net, description);

	sim_set_tap(&net, attack, a);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(30));
	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT(sim_children(alice) == 1 && sim_children(bob) == 1, which);
	EXPECT(sim_ike_sas_in(alice, IKE_STATE_ESTABLISHED) == 1 && sim_ike_sas_in(bob, IKE_STATE_ESTABLISHED) == 1, which);
	sim_rekey(alice, NULL, "net");
	sim_run(&net, SECONDS(30));
	sim_rekey(bob, "net", NULL);
	sim_run(&net, SECONDS(60));
	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT(alice->n_installed == 4 && bob->n_installed == 4, which);
	EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0, which);
	EXPECT(alice->events[EVENT_PEER_MOVED] + bob->events[EVENT_PEER_MOVED] == 0, which);
	/* What is half open because of forgeries goes by itself. */
	sim_set_tap(&net, NULL, NULL);
	sim_run(&net, SECONDS(120));
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, which);
	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT_SOUND(&net, which);
	EXPECT(a->forged, which);
	/* Nothing that anybody can send makes the two answer each other for ever. */
	EXPECT(net.w->total < 2000, net.w->total);
}

static unsigned
repeat(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r)
{
	(void)variant;
	(void)r;
	memcpy(out, p->data, p->n);
	*n = p->n;
	return 1;
}

TEST(replays_change_nothing)
{
	conversation_under(&(struct attacker) { .how = repeat, .variants = 1 }, KEYED, 0);
	conversation_under(&(struct attacker) { .how = repeat, .variants = 1, .elsewhere = true }, KEYED, 1);
}

TEST(reflections_change_nothing)
{
	conversation_under(&(struct attacker) { .how = repeat, .variants = 1, .reflect = true }, KEYED, 0);
	conversation_under(&(struct attacker) { .how = repeat, .variants = 1, .reflect = true, .elsewhere = true }, KEYED, 1);
}

static unsigned
truncate(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r)
{
	*n = (size_t)rng_below(r, p->n);
	memcpy(out, p->data, *n);
	/* Half of them with a header that agrees. */
	if (variant % 2 && *n >= 28)
		put_be32(out + 24, (uint32_t)*n);
	return 1;
}

TEST(truncations_change_nothing)
{
	for (uint64_t i = 0; i < 5; i++)
		conversation_under(&(struct attacker) { .how = truncate, .variants = 6 }, KEYED, i);
}

/* Not the cookies and not Main Mode's first four messages: those are not authenticated until message 5. */
static bool
is_protected(const struct sim_packet *p)
{
	return p->n >= 28 && (p->data[19] & 1);
}

static unsigned
flip_protected(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r)
{
	size_t bit;

	if (!is_protected(p))
		return 0;
	memcpy(out, p->data, p->n);
	*n = p->n;
	bit = variant < 8 * 28 ? variant : 8 * 28 + (size_t)rng_below(r, 8 * (p->n - 28));
	out[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return 1;
}

TEST(flipped_bits_in_protected_messages_change_nothing)
{
	conversation_under(&(struct attacker) { .how = flip_protected, .variants = 8 * 28 + 64 }, KEYED, 0);
}

/*
 * Before there are keys a forger who sees the cookies can get in first (RFC 2409
 * section 9.1 knows it); behind the true message he can do nothing any more.
 */
static unsigned
flip_clear(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r)
{
	size_t bit = 8 * 28 + (size_t)rng_below(r, 8 * (p->n - 28));

	(void)variant;
	if (is_protected(p))
		return 0;
	memcpy(out, p->data, p->n);
	*n = p->n;
	out[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return 1;
}

static void
attack_behind(void *arg, struct sim *net, struct sim_packet *p)
{
	struct attacker *a = arg;
	uint8_t out[65536];
	size_t n;

	for (unsigned v = 0; v < a->variants; v++)
		if (a->how(p, v, out, &n, &net->w->rng.rng)) {
			a->forged++;
			sim_inject(net, &p->src, &p->dst, p->marker, span_of(out, n), MILLISECONDS(16));
		}
}

TEST(flipped_bits_behind_messages_in_clear_change_nothing)
{
	for (uint64_t i = 0; i < 10; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = i + 1 });
		struct sim_peer *alice = sim_peer(&net, KEYED);
		struct sim_peer *bob = sim_peer(&net, KEYED);
		struct attacker a = { .how = flip_clear, .variants = 16 };

		sim_set_tap(&net, attack_behind, &a);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(60));
		EXPECT(sim_same_keys(alice, bob), i);
		EXPECT(a.forged, i);
		EXPECT_SOUND(&net, i);
	}
}

static unsigned
noise(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r)
{
	/* Right cookies, exchange and length; the rest is random. */
	memcpy(out, p->data, 28);
	*n = 28 + (size_t)rng_below(r, 300);
	rng_fill(r, out + 28, *n - 28);
	put_be32(out + 24, (uint32_t)*n);
	if (!is_protected(p))
		return 0;
	if (variant % 3 == 1)
		put_be32(out + 20, rng_u32(r)); /* another message id */
	if (variant % 3 == 2) {
		out[18] = 5; /* an Informational exchange, in clear */
		out[19] = 0;
		out[16] = variant % 2 ? 11 : 12;
	}
	return 1;
}

TEST(noise_with_the_right_cookies_changes_nothing)
{
	for (uint64_t i = 0; i < 4; i++)
		conversation_under(&(struct attacker) { .how = noise, .variants = 30 }, KEYED, i);
}

/* ---- what is in clear is never obeyed */

static size_t
clear_informational(uint8_t *out, const struct sim_packet *p, const uint8_t *payload, size_t n, uint8_t type)
{
	memcpy(out, p->data, 16);
	out[16] = type;
	out[17] = 0x10;
	out[18] = 5;
	out[19] = 0;
	put_be32(out + 20, 0x12345678);
	put_be32(out + 24, (uint32_t)(28 + n));
	memcpy(out + 28, payload, n);
	return 28 + n;
}

static unsigned
clear_error(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r)
{
	static const uint8_t types[] = { 14, 16, 18, 23, 24, 4, 29 };
	/* RFC 2408 section 3.14: DOI 1, protocol ISAKMP, no SPI. */
	uint8_t notify[] = { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0, types[variant % sizeof types] };

	(void)r;
	*n = clear_informational(out, p, notify, sizeof notify, 11);
	return 1;
}

TEST(notifications_in_clear_never_end_an_exchange)
{
	conversation_under(&(struct attacker) { .how = clear_error, .variants = 7 }, KEYED, 0);
	conversation_under(&(struct attacker) { .how = clear_error, .variants = 7, .reflect = true }, KEYED, 1);
}

static unsigned
clear_delete(struct sim_packet *p, unsigned variant, uint8_t *out, size_t *n, struct rng *r)
{
	uint8_t ike[28] = { 0, 0, 0, 28, 0, 0, 0, 1, 1, 16, 0, 1 }, esp[16] = { 0, 0, 0, 16, 0, 0, 0, 1, 3, 4, 0, 1 };

	(void)r;
	memcpy(ike + 12, p->data, 16);
	*n = variant ? clear_informational(out, p, ike, sizeof ike, 12) : clear_informational(out, p, esp, sizeof esp, 12);
	return 1;
}

TEST(deletes_in_clear_are_not_obeyed)
{
	conversation_under(&(struct attacker) { .how = clear_delete, .variants = 2 }, KEYED, 0);
	conversation_under(&(struct attacker) { .how = clear_delete, .variants = 2, .reflect = true }, KEYED, 1);
}

static void
refuse_first(void *arg, struct sim *net, struct sim_packet *p)
{
	struct sim_peer *alice = arg;
	uint8_t out[64];
	size_t n;

	if (p->from != alice || p->number > 3)
		return;
	clear_error(p, 0, out, &n, &net->w->rng.rng);
	p->copies = 0;
	sim_inject(net, &p->dst, &p->src, false, span_of(out, n), MILLISECONDS(1));
}

TEST(a_notification_in_clear_is_shown_as_the_probable_cause)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED "keyingtries=1");
	struct sim_peer *bob = sim_peer(&net, KEYED);
	uint64_t command;

	sim_set_tap(&net, refuse_first, alice);
	sim_cut(&net, false);
	command = sim_initiate(alice, bob);
	sim_run(&net, SECONDS(2));
	EXPECT(sim_ike_sas_in(alice, IKE_STATE_CONNECTING) == 1, 0);
	EXPECT(strstr(sim_ike(alice).last_notice, "NO-PROPOSAL-CHOSEN") || strstr(sim_ike(alice).last_notice, "proposal"), 0);
	EXPECT(!sim_result(alice, command), 0);
	/* And then the true peer answers a retransmission. */
	sim_set_tap(&net, NULL, NULL);
	sim_run(&net, SECONDS(30));
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT_SOUND(&net, 0);
}

/* ---- floods */

static struct span
first_message(struct sim_packet *keep)
{
	return span_of(keep->data, keep->n);
}

static void
capture(void *arg, struct sim *net, struct sim_packet *p)
{
	struct sim_packet *keep = arg;
	static uint8_t room[4096];

	(void)net;
	if (keep->n || p->n > sizeof room)
		return;
	memcpy(room, p->data, p->n);
	*keep = *p;
	keep->data = room;
}

static void
flood(struct sim *net, struct sim_packet *keep, unsigned count, bool spread)
{
	for (unsigned i = 0; i < count; i++) {
		struct endpoint src = { ip_from_v4(spread ? 0x0a000000 + i : 0x0a000001), 500 };

		put_be64(keep->data, 0x1000000000 + i);
		sim_inject(net, &src, &keep->dst, false, first_message(keep), MICROSECONDS(i));
	}
}

TEST(half_open_floods_are_bounded_and_pass)
{
	for (unsigned spread = 0; spread < 2; spread++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
		struct sim_peer *alice = sim_peer(&net, KEYED);
		struct sim_peer *bob = sim_peer(&net, KEYED "to=any half-open=100 half-open-per-address=5");
		struct sim_packet keep = { 0 };
		struct ike_counters c;

		sim_set_tap(&net, capture, &keep);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(10));
		sim_set_tap(&net, NULL, NULL);
		EXPECT(sim_same_keys(alice, bob), spread);
		flood(&net, &keep, 5000, spread);
		sim_run(&net, SECONDS(5));
		ike_counters(bob->ike, &c);
		EXPECT(c.half_open <= (spread ? 100 : 5), c.half_open);
		EXPECT(c.half_open > 0, spread);
		EXPECT(sim_ike_sas(bob) <= 101, spread);
		/* Newcomers of one address wait their turn; in all the oldest give way. */
		EXPECT(sim_verdicts(bob, spread ? "half-open-evicted" : "half-open-limit") >= 4800, spread);
		EXPECT(sim_same_keys(alice, bob), spread);
		/* half_open_timeout: 30 s later the room is free again. */
		sim_run(&net, SECONDS(60));
		ike_counters(bob->ike, &c);
		EXPECT(c.half_open == 0 && sim_ike_sas(bob) == 1, spread);
		EXPECT_SOUND(&net, spread);
	}
}

TEST(unknown_message_ids_and_cookies_are_counted_and_leave_nothing)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED);
	uint8_t m[92] = { 0 };
	uint64_t before;

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	before = sim_verdicts_all(bob);
	for (uint32_t i = 0; i < 2000; i++) {
		struct ike_info b = sim_ike(bob);

		rng_fill(&net.w->rng.rng, m, sizeof m);
		if (i % 2) {
			memcpy(m, b.spi_i, 8);
			memcpy(m + 8, b.spi_r, 8);
		}
		m[16] = 8;
		m[17] = 0x10;
		m[18] = i % 4 < 2 ? 32 : 5;
		m[19] = 1;
		put_be32(m + 24, sizeof m);
		sim_inject(&net, &alice->local, &bob->local, false, span_of(m, sizeof m), MICROSECONDS(i));
	}
	sim_run(&net, SECONDS(10));
	EXPECT(sim_verdicts_all(bob) >= before + 2000, sim_verdicts_all(bob) - before);
	EXPECT(sim_ike_sas(bob) == 1 && sim_children(bob) == 1, 0);
	/* The noise used up no message id and no room. */
	sim_rekey(alice, NULL, "net");
	sim_run(&net, SECONDS(30));
	EXPECT(sim_same_keys(alice, bob) && alice->n_installed == 4, 0);
	EXPECT_SOUND(&net, 0);
}

/* ---- answers */

TEST(stale_and_invented_answers_are_ignored)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED);
	struct effects fx = { 0 };

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	for (uint64_t ticket = 0; ticket < 100; ticket++)
		for (enum answer_kind k = ANSWER_INSTALLED; k <= ANSWER_ADDRESS; k++) {
			struct answer a = {
				.kind = k, .ticket = ticket, .ok = ticket % 2, .psk = span_str("x"), .local = bob->local
			};

			EXPECT(ike_answer(bob->ike, net.w->now, &a, &fx) == IKE_OK, ticket);
			EXPECT(fx.n == 0, ticket);
		}
	effects_free(&fx);
	sim_run(&net, SECONDS(10));
	EXPECT(sim_same_keys(alice, bob) && alice->n_installed == 2 && bob->n_installed == 2, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(parked_exchanges_absorb_retransmissions_and_wait)
{
	autoclose(sim) net = sim_open((struct sim_opts) {
	        .seed = 1, .install_ns = SECONDS(9), .answer_ns = SECONDS(9), .traffic_ns = MILLISECONDS(10) });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(200));
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, 0);
	EXPECT(alice->n_installed == 2 && bob->n_installed == 2, 0);
	sim_rekey(alice, NULL, "net");
	sim_run(&net, SECONDS(200));
	EXPECT(sim_same_keys(alice, bob) && alice->n_installed == 4, 0);
	EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0, 0);
	EXPECT_NO_LOSS(&net, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(what_is_parked_can_be_terminated)
{
	for (unsigned ms = 0; ms < 2000; ms += 50) {
		autoclose(sim) net = sim_open(
		        (struct sim_opts) { .seed = ms + 1, .install_ns = MILLISECONDS(300), .answer_ns = MILLISECONDS(300) });
		struct sim_peer *alice = sim_peer(&net, KEYED);
		struct sim_peer *bob = sim_peer(&net, KEYED);

		sim_initiate(alice, bob);
		sim_run(&net, MILLISECONDS(ms));
		sim_command(alice, (struct command) { .kind = COMMAND_TERMINATE, .ike = "net", .force = true });
		sim_run(&net, SECONDS(300));
		EXPECT(sim_ike_sas(alice) == 0 && alice->n_in + alice->n_out + alice->n_claims == 0, ms);
		EXPECT_SOUND(&net, ms);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replays_change_nothing),
		cmocka_unit_test(reflections_change_nothing),
		cmocka_unit_test(truncations_change_nothing),
		cmocka_unit_test(flipped_bits_in_protected_messages_change_nothing),
		cmocka_unit_test(flipped_bits_behind_messages_in_clear_change_nothing),
		cmocka_unit_test(noise_with_the_right_cookies_changes_nothing),
		cmocka_unit_test(notifications_in_clear_never_end_an_exchange),
		cmocka_unit_test(deletes_in_clear_are_not_obeyed),
		cmocka_unit_test(a_notification_in_clear_is_shown_as_the_probable_cause),
		cmocka_unit_test(half_open_floods_are_bounded_and_pass),
		cmocka_unit_test(unknown_message_ids_and_cookies_are_counted_and_leave_nothing),
		cmocka_unit_test(stale_and_invented_answers_are_ignored),
		cmocka_unit_test(parked_exchanges_absorb_retransmissions_and_wait),
		cmocka_unit_test(what_is_parked_can_be_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
