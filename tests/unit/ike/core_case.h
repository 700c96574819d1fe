/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CORE_CASE_H
#define SALLYPORT_CORE_CASE_H

#include "check.h"
#include "exchange.h"
#include "ike1.h"
#include "seeded_rng.h"

/* A core with nothing loaded, for one test. */
static struct ike *core;
static struct effects fx;
static struct seeded_rng rng;

static int
setup(void **state)
{
	static const struct ike_protocol *const protocols[] = { &ike1_protocol, NULL };
	struct ike_settings s;

	(void)state;
	seeded_rng_open(&rng, 1);
	ike_settings_default(&s);
	core = ike_new(&s, &rng.rng, protocols);
	return core ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	ike_free(core);
	effects_free(&fx);
	return 0;
}

static inline void
command(struct command c)
{
	assert_int_equal(ike_command(core, SECONDS(1), &c, &fx), IKE_OK);
	effects_clear(&fx);
}

#endif
