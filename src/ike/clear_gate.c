/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

/* Room for one more of @burst, where one is given back every @every. */
static bool
has_room(instant_t bucket, instant_t now, instant_t every, unsigned burst)
{
	return bucket <= now + every * (instant_t)(burst - 1);
}

static void
take(instant_t *bucket, instant_t now, instant_t every)
{
	*bucket = (*bucket > now ? *bucket : now) + every;
}

static instant_t *
source_of(struct clear_gate *g, const struct ip *to, uint64_t k0, uint64_t k1)
{
	struct span octets = ip_span(to);

	/* A host has all of its /64 to send from. */
	if (to->family == IP_V6)
		octets.n = 8;
	return &g->source[siphash24(k0, k1, octets) % CLEAR_SOURCES];
}

bool
clear_gate_source(struct clear_gate *g, instant_t now, const struct ip *to, uint64_t k0, uint64_t k1)
{
	instant_t every = SECONDS(1) / CLEAR_SOURCE_A_SECOND, *source = source_of(g, to, k0, k1);

	if (!has_room(*source, now, every, CLEAR_SOURCE_BURST))
		return false;
	take(source, now, every);
	return true;
}

bool
clear_gate_total(struct clear_gate *g, instant_t now, const struct ip *to, uint64_t k0, uint64_t k1)
{
	instant_t every = SECONDS(1) / CLEAR_TOTAL_A_SECOND;

	if (!has_room(g->total, now, every, CLEAR_TOTAL_BURST) || !clear_gate_source(g, now, to, k0, k1))
		return false;
	take(&g->total, now, every);
	return true;
}

bool
clear_answer_admits(struct ike *core, const struct endpoint *to, size_t request, size_t answer)
{
	enum verdict v = VERDICT_OK;

	if (answer > request)
		v = VERDICT_CLEAR_SIZE;
	else if (!clear_gate_total(&core->clear_gate, core->now, &to->ip, core->k0, core->k1))
		v = VERDICT_CLEAR_LIMIT;
	if (v)
		refuse(core, NULL, v, endpoint_text(core, to));
	return !v;
}

/*
 * No limit in all: a flood of forged messages would use it up, and whoever lost an answer on the way would not get it
 * again. The list of half-open SAs bounds how many there are to repeat.
 */
bool
clear_repeat_admits(struct ike_sa *sa)
{
	struct ike *core = sa->core;

	if (!half_open_is_unproven(sa) || clear_gate_source(&core->clear_gate, core->now, &sa->remote.ip, core->k0, core->k1))
		return true;
	refuse(core, NULL, VERDICT_CLEAR_LIMIT, endpoint_text(core, &sa->remote));
	return false;
}
