/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core.h"

/* Commands that wait: `up` for its CHILD_SAs, shutdown for the last answer. */

void
command_done(struct ike *core, uint64_t id, enum command_result r, uint32_t matches, uint32_t terminated, const char *text)
{
	if (!id)
		return;

	struct effect *e = effects_add(core->fx, EFFECT_DONE);

	if (!e)
		return;

	const char *copy = arena_printf(&core->fx->arena, "%s", text ? text : "");

	e->done = (struct effect_done) {
		.command = id, .result = r, .matches = matches, .terminated = terminated, .text = copy ? copy : ""
	};
}

struct pending *
pending_new(struct ike *core, uint64_t id, instant_t timeout)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p || !timer_owner_add(core)) {
		free(p);
		core->nomem = true;
		return NULL;
	}
	p->id = id;
	p->timer.owner = TIMER_PENDING;
	p->next = core->pending;
	if (p->next)
		p->next->prev = p;
	core->pending = p;
	timer_set(&core->timers, &p->timer, timeout ? core->now + timeout : INSTANT_NEVER);
	return p;
}

static void
pending_free(struct ike *core, struct pending *p)
{
	*(p->prev ? &p->prev->next : &core->pending) = p->next;
	if (p->next)
		p->next->prev = p->prev;
	timer_stop(&core->timers, &p->timer);
	core->n_timers--;
	free(p->text);
	free(p);
}

bool
pending_wait(struct ike *core, struct waiter **list, struct pending *p)
{
	struct waiter *w = malloc(sizeof *w);

	if (!w) {
		core->nomem = true;
		return false;
	}
	*w = (struct waiter) { .next = *list, .cmd = p };
	*list = w;
	p->waiting++;
	return true;
}

static void
conclude(struct ike *core, struct pending *p, enum command_result r, const char *text)
{
	if (p->finished)
		return;
	p->finished = true;
	timer_stop(&core->timers, &p->timer);
	command_done(core, p->id, r, p->matches, p->terminated, text);
}

void
pending_check(struct ike *core, struct pending *p)
{
	if (p->waiting)
		return;
	conclude(core, p, p->failed ? p->result : RESULT_OK, p->text);
	pending_free(core, p);
}

void
waiters_settle(struct ike *core, struct waiter **list, bool ok, const char *text)
{
	while (*list) {
		struct waiter *w = *list;
		struct pending *p = w->cmd;

		*list = w->next;
		free(w);
		p->waiting--;
		if (!ok && !p->failed) {
			p->failed = true;
			if (p->result == RESULT_OK)
				p->result = RESULT_FAILED;
			p->text = strdup(text ? text : "failed");
		}
		pending_check(core, p);
	}
}

void
waiters_move(struct waiter **to, struct waiter **from, uint32_t ike_id)
{
	while (*from) {
		struct waiter *w = *from;

		*from = w->next;
		w->next = *to;
		w->cmd->ike_id = ike_id;
		*to = w;
	}
}

/* What an attempt that is still under way suffers from, as far as one can tell; NULL: nothing is known. */
static const char *
probable_cause(const struct ike_sa *sa)
{
	static const uint8_t none[ISAKMP_COOKIE_OCTETS];

	if (!sa || sa->last_notice)
		return sa ? sa->last_notice : NULL;
	return memcmp(sa->cookie_r, none, sizeof none) == 0
	       ? "no answer from the peer yet: is it up, is its address right, and do firewalls let UDP 500 and 4500 pass?"
	       : NULL;
}

/* Too late: the caller learns the probable cause, the attempt goes on. */
void
pending_due(struct ike *core, struct pending *p)
{
	const char *cause = probable_cause(p->ike_id ? ike_sa_by_id(core, p->ike_id) : NULL);

	conclude(core, p, RESULT_TIMEOUT, cause ? cause : "");
	if (!p->waiting)
		pending_free(core, p);
}

void
pending_close(struct ike *core)
{
	while (core->pending)
		/* Who waited went with the SAs. */
		pending_free(core, core->pending);
}
