/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "exchange.h"
#include "seeded_rng.h"

/*
 * The exchange runner with a toy exchange of four messages, whose protection is
 * an XOR: what is tested is the runner alone. Message n carries a NONCE payload
 * of one octet, n; the third is built only when an answer has come.
 */

struct toy {
	unsigned taken, finished, failed, refused, freed, parked, builds;
	enum verdict verdict_next; /* what process says next */
	bool fatal_next, answer_ok;
	char reason[128];
};

static struct toy toy;

static enum built
build_plain(struct exchange *ex, struct builder *b)
{
	uint8_t n = (uint8_t)(ex->at + 1);

	toy.builds++;
	builder_add_data(b, PAYLOAD_NONCE, span_of((uint8_t[]) { n, n, n, n, n, n, n, n }, 8));
	return BUILT;
}

static enum built
build_parked(struct exchange *ex, struct builder *b)
{
	if (!ex->answer) {
		toy.parked++;
		ex->ticket = park(ex->sa->core, PARKED_EXCHANGE, ex->sa->id, ex->message_id, NULL);
		return BUILD_PARKED;
	}
	toy.answer_ok = ex->answer->ok;
	if (!ex->answer->ok) {
		ex->why = "refused by this machine";
		return BUILD_FAILED;
	}
	return build_plain(ex, b);
}

static enum verdict
process(struct exchange *ex, const struct message *m)
{
	enum verdict v = toy.verdict_next;

	assert_int_equal(message_find(m, PAYLOAD_NONCE, NULL)->data.p[0], ex->at + 1);
	ex->fatal = toy.fatal_next;
	toy.verdict_next = VERDICT_OK;
	toy.fatal_next = false;
	if (!v)
		toy.taken++;
	return v;
}

static void
toy_finish(struct exchange *ex)
{
	(void)ex;
	toy.finished++;
}

static void
toy_fail(struct exchange *ex, const char *reason)
{
	toy.failed++;
	snprintf(toy.reason, sizeof toy.reason, "%s", reason);
	exchange_free(ex);
}

static void
toy_refused(struct exchange *ex, enum verdict v)
{
	(void)ex;
	(void)v;
	toy.refused++;
}

static void
toy_free(struct exchange *ex)
{
	(void)ex;
	toy.freed++;
}

/* clang-format off */
static const struct step toy_steps[] = {
	{ INITIATOR, P(NONCE), 0, false, build_plain, process },
	{ RESPONDER, P(NONCE), P(KE), false, build_plain, process },
	{ INITIATOR, P(NONCE), 0, true, build_parked, process },
	{ RESPONDER, P(NONCE), 0, true, build_plain, process },
};
/* clang-format on */

static const struct exchange_kind toy_kind = {
	.name = "Toy",
	.type = EXCHANGE_BASE,
	.steps = toy_steps,
	.n_steps = 4,
	.finish = toy_finish,
	.fail = toy_fail,
	.refused = toy_refused,
	.free_state = toy_free,
};

static enum verdict
toy_open(struct exchange *ex, const struct isakmp_header *h, struct span d, struct span *body)
{
	size_t n = h->length - ISAKMP_HEADER_OCTETS;
	struct span copy = arena_dup(&ex->sa->core->scratch, span_of(d.p + ISAKMP_HEADER_OCTETS, n));

	for (size_t i = 0; i < n; i++)
		((uint8_t *)(uintptr_t)copy.p)[i] ^= 0x55;
	memset(ex->next_iv, 0xaa, sizeof ex->next_iv);
	*body = copy;
	return VERDICT_OK;
}

static size_t
toy_seal(struct exchange *ex, uint8_t *m, size_t n, size_t cap)
{
	(void)ex;
	(void)cap;
	for (size_t i = ISAKMP_HEADER_OCTETS; i < n; i++)
		m[i] ^= 0x55;
	return n;
}

/* Every datagram goes to the only exchange there is; one with cookie 0 begins one as responder. */
static void
toy_receive(struct ike *core, const struct datagram *in, const struct isakmp_header *h)
{
	struct ike_sa *sa = id_index_after(&core->sas, 0);
	struct exchange *ex = sa ? exchange_find(sa, h->message_id) : NULL;

	if (ex)
		exchange_receive(ex, in, h);
}

static const struct ike_protocol toy_protocol = { .major = 1, .receive = toy_receive, .open = toy_open, .seal = toy_seal };
static const struct ike_protocol *const protocols[] = { &toy_protocol, NULL };

struct end {
	struct ike *core;
	struct ike_sa *sa;
	struct effects fx;
	instant_t now;
	struct seeded_rng rng;
	uint8_t last[512];
	size_t n_last;
	unsigned sent;
};

static struct exchange *
running(struct end *e)
{
	return exchange_find(e->sa, 5);
}

static void
collect(struct end *e)
{
	for (size_t i = 0; i < e->fx.n; i++) {
		if (e->fx.e[i].kind != EFFECT_SEND)
			continue;
		e->sent++;
		e->n_last = e->fx.e[i].send.data.n;
		assert_true(e->n_last <= sizeof e->last);
		memcpy(e->last, e->fx.e[i].send.data.p, e->n_last);
	}
	effects_clear(&e->fx);
}

static void
end_open(struct end *e, uint8_t role)
{
	static const uint8_t cookie[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct ike_settings s;

	*e = (struct end) { .now = SECONDS(100) };
	seeded_rng_open(&e->rng, role + 1);
	ike_settings_default(&s);
	e->core = ike_new(&s, &e->rng.rng, protocols);
	assert_non_null(e->core);
	e->core->now = e->now;
	e->core->fx = &e->fx;
	e->sa = ike_sa_new(e->core, &toy_protocol, role, cookie);
	assert_non_null(e->sa);
	assert_non_null(exchange_new(e->sa, &toy_kind, role, 5));
	assert_true(exchange_advance(running(e)));
	collect(e);
}

static void
end_close(struct end *e)
{
	ike_free(e->core);
	effects_free(&e->fx);
}

static void
deliver(struct end *to, const struct end *from)
{
	struct datagram d = { .data = { from->last, from->n_last } };

	assert_int_equal(ike_receive(to->core, to->now, &d, &to->fx), IKE_OK);
	collect(to);
}

static void
tick(struct end *e, instant_t at)
{
	e->now = at;
	ike_tick(e->core, at, &e->fx);
	collect(e);
}

static void
answer(struct end *e, uint64_t ticket, bool ok)
{
	struct answer a = { .kind = ANSWER_INSTALLED, .ticket = ticket, .ok = ok };

	ike_answer(e->core, e->now, &a, &e->fx);
	collect(e);
}

static int
setup(void **state)
{
	(void)state;
	toy = (struct toy) { 0 };
	return 0;
}

static void
four_messages_make_an_exchange(void **state)
{
	struct end a, b;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	assert_int_equal(a.sent, 1);
	deliver(&b, &a);
	assert_int_equal(b.sent, 1);
	deliver(&a, &b);
	assert_int_equal(toy.parked, 1);
	assert_int_equal(a.sent, 1);
	answer(&a, running(&a)->ticket, true);
	assert_int_equal(a.sent, 2);
	deliver(&b, &a);
	assert_int_equal(b.sent, 2);
	assert_int_equal(toy.finished, 1);
	/* It answers repetitions still; the initiator forgets at once. */
	assert_non_null(running(&b));
	deliver(&a, &b);
	assert_int_equal(toy.finished, 2);
	assert_null(running(&a));
	assert_int_equal(toy.freed, 2);
	deliver(&b, &a);
	assert_int_equal(b.sent, 3);
	assert_int_equal(toy.taken, 4);
	end_close(&a);
	end_close(&b);
}

/* charon's arithmetic: 4 s * 1.8^n, five repetitions, the end 165 s after the first sending. */
static void
repetitions_back_off_as_strongswan_does(void **state)
{
	static const double wait[] = { 4, 7.2, 12.96, 23.328, 41.9904, 75.58272 };
	struct end a;
	double at = 100;

	(void)state;
	end_open(&a, INITIATOR);
	for (unsigned i = 0; i < 6; i++) {
		double due = (double)(ike_deadline(a.core)) / 1e9;

		at += wait[i];
		assert_true(due > at - 0.001 && due < at + 0.001);
		tick(&a, ike_deadline(a.core) - 1);
		assert_int_equal(a.sent, i + 1);
		tick(&a, ike_deadline(a.core));
		assert_int_equal(a.sent, i < 5 ? i + 2 : 6);
	}
	assert_int_equal(toy.failed, 1);
	assert_non_null(strstr(toy.reason, "does not answer"));
	assert_null(running(&a));
	end_close(&a);
}

static void
a_repeated_message_gets_the_repeated_answer_and_nothing_more(void **state)
{
	struct end a, b;
	uint8_t first[512];
	size_t n;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	deliver(&b, &a);
	n = b.n_last;
	memcpy(first, b.last, n);
	deliver(&b, &a);
	deliver(&b, &a);
	assert_int_equal(b.sent, 3);
	assert_int_equal(toy.taken, 1);
	assert_int_equal(b.n_last, n);
	assert_memory_equal(b.last, first, n);
	end_close(&a);
	end_close(&b);
}

static void
while_parked_repetitions_are_absorbed_and_others_wait(void **state)
{
	struct end a, b;
	struct ike_counters before, after;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	deliver(&b, &a);
	deliver(&a, &b);
	assert_int_equal(toy.parked, 1);
	ike_counters(a.core, &before);
	deliver(&a, &b);
	deliver(&a, &b);
	ike_counters(a.core, &after);
	assert_int_equal(after.sent, before.sent);
	/* Others queue up to the limit, the rest is dropped and counted. */
	for (unsigned i = 0; i < EXCHANGE_QUEUE_MAX + 3; i++) {
		b.last[b.n_last - 1] = (uint8_t)(100 + i);
		deliver(&a, &b);
	}
	assert_int_equal(a.core->verdicts[VERDICT_OVERFLOW], 3);
	assert_int_equal(toy.taken, 2);
	answer(&a, running(&a)->ticket, true);
	assert_int_equal(a.sent, 2);
	end_close(&a);
	end_close(&b);
}

static void
stale_answers_are_dropped(void **state)
{
	struct end a, b;
	uint64_t ticket;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	deliver(&b, &a);
	deliver(&a, &b);
	ticket = running(&a)->ticket;
	answer(&a, ticket + 1, true);
	assert_int_equal(a.sent, 1);
	answer(&a, ticket, true);
	assert_int_equal(a.sent, 2);
	answer(&a, ticket, true);
	assert_int_equal(a.sent, 2);
	end_close(&a);
	end_close(&b);
}

static void
a_refused_answer_ends_the_exchange_with_its_reason(void **state)
{
	struct end a, b;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	deliver(&b, &a);
	deliver(&a, &b);
	answer(&a, running(&a)->ticket, false);
	assert_int_equal(toy.failed, 1);
	assert_string_equal(toy.reason, "refused by this machine");
	assert_null(running(&a));
	end_close(&a);
	end_close(&b);
}

static void
an_answer_that_never_comes_ends_it_too(void **state)
{
	struct end a, b;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	deliver(&b, &a);
	deliver(&a, &b);
	assert_true(ike_deadline(a.core) != INSTANT_NEVER);
	tick(&a, ike_deadline(a.core));
	assert_int_equal(toy.failed, 1);
	assert_null(running(&a));
	end_close(&a);
	end_close(&b);
}

static void
a_message_that_is_refused_changes_nothing(void **state)
{
	struct end a, b;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	toy.verdict_next = VERDICT_BAD_NONCE;
	deliver(&b, &a);
	assert_int_equal(toy.refused, 1);
	assert_int_equal(b.sent, 0);
	assert_int_equal(running(&b)->at, 0);
	assert_int_equal(b.core->verdicts[VERDICT_BAD_NONCE], 1);
	/* The same octets, now accepted. */
	deliver(&b, &a);
	assert_int_equal(b.sent, 1);
	end_close(&a);
	end_close(&b);
}

static void
an_authentic_message_may_end_it(void **state)
{
	struct end a, b;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	toy.verdict_next = VERDICT_NO_PROPOSAL;
	toy.fatal_next = true;
	deliver(&b, &a);
	assert_int_equal(toy.failed, 1);
	assert_null(running(&b));
	end_close(&a);
	end_close(&b);
}

static void
the_chain_of_ivs_moves_only_with_accepted_messages(void **state)
{
	struct end a, b;
	uint8_t zero[16] = { 0 }, moved[16];

	(void)state;
	memset(moved, 0xaa, sizeof moved);
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	deliver(&b, &a);
	deliver(&a, &b);
	answer(&a, running(&a)->ticket, true);
	toy.verdict_next = VERDICT_BAD_HASH;
	deliver(&b, &a);
	assert_memory_equal(running(&b)->iv, zero, 16);
	deliver(&b, &a);
	assert_memory_equal(running(&b)->iv, moved, 16);
	end_close(&a);
	end_close(&b);
}

/* One message in the place of number two, from parts. */
static void
forge(struct end *e, uint8_t flags, uint32_t types)
{
	struct isakmp_header h = { .version = 0x10, .exchange = EXCHANGE_BASE, .flags = flags, .message_id = 5 };
	struct builder b;
	uint8_t room[256];
	struct span m;

	memcpy(h.cookie_i, e->sa->cookie_i, 8);
	builder_start(&b, room, sizeof room, &h);
	for (uint8_t t = 1; t < 32; t++)
		if (types & (uint32_t)1 << t)
			builder_add_data(&b, t, span_of((uint8_t[]) { 2, 2, 2, 2, 2, 2, 2, 2 }, 8));
	m = builder_finish(&b);

	struct datagram d = { .data = m };

	ike_receive(e->core, e->now, &d, &e->fx);
	collect(e);
}

static void
the_table_says_which_payloads_and_what_protection(void **state)
{
	struct end a;

	(void)state;
	end_open(&a, INITIATOR);
	forge(&a, 0, P(KE));
	assert_int_equal(a.core->verdicts[VERDICT_MISSING_PAYLOAD], 1);
	forge(&a, 0, P(NONCE) | P(HASH));
	assert_int_equal(a.core->verdicts[VERDICT_EXTRA_PAYLOAD], 1);
	forge(&a, FLAG_ENCRYPTION, P(NONCE));
	assert_int_equal(a.core->verdicts[VERDICT_NO_KEYS], 1);
	assert_int_equal(toy.taken, 0);
	assert_int_equal(running(&a)->at, 1);
	/* Vendor ids may stand anywhere; KE is allowed here. */
	forge(&a, 0, P(NONCE) | P(KE) | P(VID));
	assert_int_equal(toy.taken, 1);
	end_close(&a);
}

static void
what_must_be_sealed_is_not_taken_in_clear(void **state)
{
	struct end a, b;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	deliver(&b, &a);
	forge(&b, 0, P(NONCE));
	assert_int_equal(b.core->verdicts[VERDICT_NOT_ENCRYPTED], 1);
	assert_int_equal(toy.taken, 1);
	end_close(&a);
	end_close(&b);
}

static void
truncated_datagrams_are_counted(void **state)
{
	struct end a, b;

	(void)state;
	end_open(&a, INITIATOR);
	end_open(&b, RESPONDER);
	for (size_t n = 0; n < a.n_last; n++) {
		struct datagram d = { .data = { a.last, n } };

		assert_int_equal(ike_receive(b.core, b.now, &d, &b.fx), IKE_OK);
		collect(&b);
	}
	assert_int_equal(b.core->verdicts[VERDICT_RUNT], a.n_last);
	assert_int_equal(b.sent, 0);
	deliver(&b, &a);
	assert_int_equal(b.sent, 1);
	end_close(&a);
	end_close(&b);
}

static void
a_flood_of_refusals_is_not_a_flood_of_lines(void **state)
{
	struct end a;
	size_t lines = 0;
	struct datagram d = { .data = { (const uint8_t *)"x", 1 } };

	(void)state;
	end_open(&a, INITIATOR);
	for (unsigned i = 0; i < 1000; i++)
		ike_receive(a.core, a.now, &d, &a.fx);
	for (size_t i = 0; i < a.fx.n; i++)
		lines += a.fx.e[i].kind == EFFECT_LOG;
	assert_in_range(lines, 1, 30);
	assert_int_equal(a.core->verdicts[VERDICT_RUNT], 1000);
	end_close(&a);
}

static void
message_ids_are_good_for_one_exchange(void **state)
{
	struct end a;

	(void)state;
	end_open(&a, INITIATOR);
	for (uint32_t id = 1; id <= 20000; id++)
		assert_true(ike_sa_fresh_id(a.sa, id * 7919));
	assert_false(ike_sa_fresh_id(a.sa, 20000u * 7919));
	assert_true(ike_sa_seen_id(a.sa, 15000u * 7919));
	assert_false(ike_sa_seen_id(a.sa, 1));
	end_close(&a);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(four_messages_make_an_exchange),
		T(repetitions_back_off_as_strongswan_does),
		T(a_repeated_message_gets_the_repeated_answer_and_nothing_more),
		T(while_parked_repetitions_are_absorbed_and_others_wait),
		T(stale_answers_are_dropped),
		T(a_refused_answer_ends_the_exchange_with_its_reason),
		T(an_answer_that_never_comes_ends_it_too),
		T(a_message_that_is_refused_changes_nothing),
		T(an_authentic_message_may_end_it),
		T(the_chain_of_ivs_moves_only_with_accepted_messages),
		T(the_table_says_which_payloads_and_what_protection),
		T(what_must_be_sealed_is_not_taken_in_clear),
		T(truncated_datagrams_are_counted),
		T(a_flood_of_refusals_is_not_a_flood_of_lines),
		T(message_ids_are_good_for_one_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
