/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "seeded_rng.h"
#include "steer_levels.h"

#include <stdlib.h>

enum { SPACE = 6, LIVE_MAX = 64 };

static struct box
box_at(unsigned src_lo, unsigned src_hi, unsigned dst_lo, unsigned dst_hi)
{
	return (struct box) { .kind = BOX_ADDRESSES,
		              .src_lo = ip_from_v4(src_lo),
		              .src_hi = ip_from_v4(src_hi),
		              .dst_lo = ip_from_v4(dst_lo),
		              .dst_hi = ip_from_v4(dst_hi),
		              .sport = { 0, 65535 },
		              .dport = { 0, 65535 } };
}

/* What the kernel would hold: elements arrive level by level from the top, then what moved and what is doomed leaves. */
static void
carry_out(struct levels *l)
{
	/* All anew, into an empty table. */
	for (size_t i = 0; l->relaid && i < l->all.n; i++)
		l->all.e[i]->store = STORE_NONE;
	for (size_t i = 0; l->relaid && i < l->all.n; i++) {
		l->all.e[i]->store = STORE_NEW;
		l->all.e[i]->stored_level = l->all.e[i]->level;
	}
	for (unsigned level = LEVELS_MAX; level-- > 0;)
		for (size_t i = 0; i < l->touched.n; i++) {
			struct element *e = l->touched.e[i];

			if (e->doomed || e->level != level || (e->store && e->stored_level == level))
				continue;
			/* Nothing that the kernel still has on that level may overlap it. */
			for (size_t k = 0; k < l->all.n + l->touched.n; k++) {
				const struct element *x = k < l->all.n ? l->all.e[k] : l->touched.e[k - l->all.n];

				if (x != e && x->store && x->stored_level == level)
					assert_false(box_overlaps(&x->box, &e->box));
			}
			e->store = STORE_NEW;
			e->stored_level = (uint8_t)level;
		}
	levels_settle(l);
}

static void
check_invariants(const struct levels *l)
{
	assert_int_equal(l->touched.n, 0);
	for (size_t i = 0; i < l->all.n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct element *a = l->all.e[i], *b = l->all.e[k];

			if (box_overlaps(&a->box, &b->box))
				assert_true(element_before(a, b) ? a->level < b->level : b->level < a->level);
		}
	for (size_t i = 0; i < l->all.n; i++) {
		assert_int_equal(l->all.e[i]->index, i);
		assert_int_equal(l->all.e[i]->stored_level, l->all.e[i]->level);
	}
}

static void
disjoint_boxes_share_a_level(void **state)
{
	struct levels l = { 0 };
	bool crowded;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct box b = box_at(0, 9, i * 10, i * 10 + 9);

		assert_non_null(levels_add(&l, &b, BOX_PROTECT, 5, &crowded));
		carry_out(&l);
	}
	for (size_t i = 0; i < l.all.n; i++)
		assert_int_equal(l.all.e[i]->level, 0);
	levels_free(&l);
}

static void
a_wide_box_gives_way_to_narrow_ones(void **state)
{
	struct box wide = box_at(0, 100, 0, 1000), narrow = box_at(1, 2, 3, 4), narrower = box_at(1, 1, 3, 3);
	struct element *w, *n, *r;
	struct levels l = { 0 };
	bool crowded;

	(void)state;
	w = levels_add(&l, &wide, BOX_PROTECT, 30, &crowded);
	carry_out(&l);
	n = levels_add(&l, &narrow, BOX_PASS, 20, &crowded);
	carry_out(&l);
	assert_int_equal(n->level, 0);
	assert_int_equal(w->level, 1);
	r = levels_add(&l, &narrower, BOX_DROP, 10, &crowded);
	carry_out(&l);
	assert_int_equal(r->level, 0);
	assert_int_equal(n->level, 1);
	assert_int_equal(w->level, 2);
	check_invariants(&l);
	levels_free(&l);
}

/* Replacing the same claim for ever needs two levels, not ever more. */
static void
replacement_does_not_climb(void **state)
{
	struct box b = box_at(0, 9, 0, 9);
	struct levels l = { 0 };
	struct element *e;
	bool crowded;

	(void)state;
	e = levels_add(&l, &b, BOX_PROTECT, 5, &crowded);
	carry_out(&l);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(levels_remove(&l, e));
		e = levels_add(&l, &b, BOX_PROTECT, 5, &crowded);
		assert_non_null(e);
		assert_true(e->level <= 1);
		carry_out(&l);
	}
	check_invariants(&l);
	levels_free(&l);
}

/* Claims that take turns leave gaps below them; when the levels are used up the gaps are closed. */
static void
taking_turns_does_not_fill_the_levels(void **state)
{
	struct box b = box_at(0, 9, 0, 9);
	struct element *e[LEVELS_MAX];
	struct levels l = { 0 };
	bool crowded;

	(void)state;
	for (unsigned i = 0; i < LEVELS_MAX; i++) {
		e[i] = levels_add(&l, &b, BOX_PROTECT, 5, &crowded);
		carry_out(&l);
	}
	for (unsigned i = 0; i < 200; i++) {
		assert_true(levels_remove(&l, e[i % LEVELS_MAX]));
		e[i % LEVELS_MAX] = levels_add(&l, &b, BOX_PROTECT, 5, &crowded);
		assert_non_null(e[i % LEVELS_MAX]);
		carry_out(&l);
		check_invariants(&l);
	}
	levels_free(&l);
}

static void
too_many_on_top_of_each_other_are_refused(void **state)
{
	struct box b = box_at(0, 9, 0, 9), elsewhere = box_at(50, 50, 50, 50);
	struct levels l = { 0 };
	bool crowded;

	(void)state;
	for (unsigned i = 0; i < LEVELS_MAX; i++) {
		assert_non_null(levels_add(&l, &b, BOX_PROTECT, 1000 - i, &crowded));
		carry_out(&l);
	}
	assert_null(levels_add(&l, &b, BOX_PROTECT, 1, &crowded));
	assert_true(crowded);
	assert_null(levels_add(&l, &b, BOX_PROTECT, 5000, &crowded));
	assert_true(crowded);
	assert_int_equal(l.all.n, LEVELS_MAX);
	carry_out(&l);
	check_invariants(&l);
	assert_non_null(levels_add(&l, &elsewhere, BOX_PROTECT, 1, &crowded));
	carry_out(&l);
	check_invariants(&l);
	levels_free(&l);
}

static struct element *
find_first(const struct levels *l, const struct box *packet)
{
	struct element *found = NULL;

	/* As the kernel looks: level by level, the first that matches. */
	for (unsigned level = 0; level < LEVELS_MAX && !found; level++)
		for (size_t i = 0; i < l->all.n; i++)
			if (l->all.e[i]->stored_level == level && box_overlaps(&l->all.e[i]->box, packet)) {
				assert_null(found);
				found = l->all.e[i];
			}
	return found;
}

static struct element *
find_by_order(const struct levels *l, const struct box *packet)
{
	struct element *best = NULL;

	for (size_t i = 0; i < l->all.n; i++)
		if (box_overlaps(&l->all.e[i]->box, packet) && (!best || element_before(l->all.e[i], best)))
			best = l->all.e[i];
	return best;
}

static void
check_every_packet(const struct levels *l)
{
	for (unsigned s = 0; s < SPACE; s++)
		for (unsigned d = 0; d < SPACE; d++) {
			struct box packet = box_at(s, s, d, d);

			assert_ptr_equal(find_first(l, &packet), find_by_order(l, &packet));
		}
}

/* Whatever is added and removed, each packet finds the first box that covers it. */
static void
random_histories_keep_the_order(void **state)
{
	for (unsigned seed = 1; seed <= 30; seed++) {
		struct element *live[LIVE_MAX] = { 0 };
		struct levels l = { 0 };
		struct seeded_rng rng;

		seeded_rng_open(&rng, seed);
		for (unsigned step = 0; step < 300; step++) {
			size_t at = rng_below(&rng.rng, 24);
			unsigned s = (unsigned)rng_below(&rng.rng, SPACE), d = (unsigned)rng_below(&rng.rng, SPACE);
			struct box b = box_at(s, s + (unsigned)rng_below(&rng.rng, SPACE - s), d,
			                      d + (unsigned)rng_below(&rng.rng, SPACE - d));
			bool crowded;

			if (live[at])
				assert_true(levels_remove(&l, live[at]));
			live[at] = NULL;
			if (rng_below(&rng.rng, 4) != 0)
				live[at] = levels_add(&l, &b, BOX_PROTECT, rng_below(&rng.rng, 10), &crowded);
			carry_out(&l);
			check_invariants(&l);
			if (step % 20 == 0)
				check_every_packet(&l);
		}
		levels_free(&l);
	}
	(void)state;
}

static void
a_removal_can_be_taken_back(void **state)
{
	struct box b = box_at(0, 9, 0, 9);
	struct levels l = { 0 };
	struct element *e;
	bool crowded;

	(void)state;
	e = levels_add(&l, &b, BOX_PROTECT, 5, &crowded);
	carry_out(&l);
	levels_remove(&l, e);
	assert_int_equal(l.all.n, 0);
	assert_true(levels_restore(&l, e));
	assert_int_equal(l.all.n, 1);
	carry_out(&l);
	check_invariants(&l);
	levels_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disjoint_boxes_share_a_level),
		cmocka_unit_test(a_wide_box_gives_way_to_narrow_ones),
		cmocka_unit_test(replacement_does_not_climb),
		cmocka_unit_test(taking_turns_does_not_fill_the_levels),
		cmocka_unit_test(too_many_on_top_of_each_other_are_refused),
		cmocka_unit_test(random_histories_keep_the_order),
		cmocka_unit_test(a_removal_can_be_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
