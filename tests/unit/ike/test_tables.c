/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "core.h"
#include "seeded_rng.h"

/* The core's own structures, each against a model that cannot be wrong: a plain array. */

enum { TIMERS = 200, STEPS = 20000 };

static instant_t
earliest(const struct timer *t)
{
	instant_t at = INSTANT_NEVER;

	for (unsigned i = 0; i < TIMERS; i++)
		if (t[i].slot && t[i].at < at)
			at = t[i].at;
	return at;
}

static void
the_first_timer_is_the_earliest_one(void **state)
{
	struct timers ts = { 0 };
	struct timer t[TIMERS] = { 0 };
	struct seeded_rng r;

	(void)state;
	seeded_rng_open(&r, 1);
	assert_true(timers_reserve(&ts, TIMERS));
	for (unsigned step = 0; step < STEPS; step++) {
		struct timer *x = &t[rng_below(&r.rng, TIMERS)];
		uint64_t what = rng_below(&r.rng, 10);

		if (what < 6)
			timer_set(&ts, x, (instant_t)rng_below(&r.rng, 1000));
		else if (what < 8)
			timer_stop(&ts, x);
		else
			timer_set(&ts, x, INSTANT_NEVER);
		assert_int_equal(timers_first(&ts) ? timers_first(&ts)->at : INSTANT_NEVER, earliest(t));
	}
	timers_close(&ts);
	assert_null(timers_first(&ts));
}

static void
timers_come_out_in_order(void **state)
{
	struct timers ts = { 0 };
	struct timer t[TIMERS] = { 0 };
	struct seeded_rng r;
	instant_t last = -1;
	unsigned n = 0;

	(void)state;
	seeded_rng_open(&r, 2);
	for (unsigned i = 0; i < TIMERS; i++) {
		assert_true(timers_reserve(&ts, i + 1));
		timer_set(&ts, &t[i], (instant_t)rng_below(&r.rng, 50));
	}
	for (struct timer *x; (x = timers_first(&ts)); n++) {
		assert_true(x->at >= last);
		last = x->at;
		timer_stop(&ts, x);
		assert_int_equal(x->slot, 0);
	}
	assert_int_equal(n, TIMERS);
	timers_close(&ts);
}

static void
ids_are_found_and_walked_in_order(void **state)
{
	enum { IDS = 3000 };
	static int object[IDS + 1];
	static bool there[IDS + 1];
	struct id_index x = { 0 };
	struct seeded_rng r;
	uint32_t next = 1;

	(void)state;
	seeded_rng_open(&r, 3);
	for (unsigned step = 0; step < 3 * IDS && next <= IDS; step++) {
		if (rng_below(&r.rng, 3)) {
			assert_true(id_index_add(&x, next, &object[next]));
			there[next++] = true;
		} else {
			uint32_t id = (uint32_t)rng_below(&r.rng, next);

			id_index_remove(&x, id);
			there[id] = false;
		}
	}
	for (uint32_t id = 0; id <= IDS; id++)
		assert_ptr_equal(id_index_find(&x, id), there[id] ? &object[id] : NULL);

	uint32_t at = 0;

	for (uint32_t id = 1; id <= IDS; id++) {
		if (!there[id])
			continue;
		assert_ptr_equal(id_index_after(&x, at), &object[id]);
		at = id;
	}
	assert_null(id_index_after(&x, at));
	assert_null(id_index_after(&x, UINT32_MAX));
	free(x.e);
}

static void
an_identity_is_boxed_to_its_size(void **state)
{
	struct identity id = { .type = ID_FQDN, .n = 3, .b = "sun" }, any;
	struct id_box *box = id_box_new(&id);
	struct identity back;

	(void)state;
	assert_non_null(box);
	back = id_box_get(box);
	assert_true(identity_equal(&id, &back));
	any = id_box_get(NULL);
	assert_int_equal(any.type, ID_ANY);
	free(box);
}

static void
effects_are_bounded_and_keep_their_order(void **state)
{
	struct effects fx = { 0 };

	(void)state;
	for (unsigned i = 0; i < EFFECTS_MAX; i++) {
		struct effect *e = effects_add(&fx, EFFECT_SEND);

		assert_non_null(e);
		e->ticket = i;
	}
	assert_false(fx.nomem);
	assert_null(effects_add(&fx, EFFECT_SEND));
	assert_true(fx.nomem);
	for (unsigned i = 0; i < EFFECTS_MAX; i++)
		assert_int_equal(fx.e[i].ticket, i);
	effects_clear(&fx);
	assert_int_equal(fx.n, 0);
	assert_false(fx.nomem);
	effects_free(&fx);
	assert_null(fx.e);
}

static void
a_log_line_owns_its_text(void **state)
{
	struct effects fx = { 0 };
	char name[] = "site-b";

	(void)state;
	effects_log(&fx, LOG_IKE, LOG_CONTROL, 7, name, "wrong-psk", "%s has %d", name, 42);
	memset(name, 'x', sizeof name - 1);
	assert_int_equal(fx.n, 1);
	assert_int_equal(fx.e[0].kind, EFFECT_LOG);
	assert_string_equal(fx.e[0].log.text, "site-b has 42");
	assert_string_equal(fx.e[0].log.conn, "site-b");
	assert_string_equal(fx.e[0].log.reason, "wrong-psk");
	assert_int_equal(fx.e[0].log.ike_id, 7);
	effects_free(&fx);
}

static void
every_verdict_has_its_own_word_and_a_sentence(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERDICT_COUNT; i++) {
		assert_true(strlen(verdict_sentence((enum verdict)i)) > 5);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(verdict_word((enum verdict)i), verdict_word((enum verdict)k));
	}
}

static void
states_have_strongswans_names(void **state)
{
	(void)state;
	assert_string_equal(ike_state_name(IKE_STATE_ESTABLISHED), "ESTABLISHED");
	assert_string_equal(ike_state_name(IKE_STATE_DELETING), "DELETING");
	assert_string_equal(child_state_name(CHILD_STATE_INSTALLED), "INSTALLED");
	assert_string_equal(child_state_name(CHILD_STATE_DELETING), "DELETING");
	assert_string_equal(ike_state_name((enum ike_state)99), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_timer_is_the_earliest_one),
		cmocka_unit_test(timers_come_out_in_order),
		cmocka_unit_test(ids_are_found_and_walked_in_order),
		cmocka_unit_test(an_identity_is_boxed_to_its_size),
		cmocka_unit_test(effects_are_bounded_and_keep_their_order),
		cmocka_unit_test(a_log_line_owns_its_text),
		cmocka_unit_test(every_verdict_has_its_own_word_and_a_sentence),
		cmocka_unit_test(states_have_strongswans_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
