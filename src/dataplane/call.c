/* SPDX-License-Identifier: Apache-2.0 */
/* How the control thread changes what belongs to workers. */
#include <errno.h>

#include "outbound.h"
#include "worker.h"

void
worker_answer_call(struct worker *w)
{
	void (*run)(struct worker *, void *) = atomic_load_explicit(&w->call, memory_order_acquire);

	if (!run)
		return;
	worker_drain_inboxes(w);
	run(w, w->call_arg);
	outbound_flush(w);
	atomic_store_explicit(&w->call, NULL, memory_order_relaxed);
	sem_post(&w->call_done);
}

static void
wait_for(sem_t *s)
{
	while (sem_wait(s) < 0 && errno == EINTR)
		;
}

static void
call_begin(struct worker *w, void (*run)(struct worker *w, void *arg), void *arg)
{
	w->call_arg = arg;
	atomic_store_explicit(&w->call, run, memory_order_release);
	worker_kick(w);
}

void
worker_call(struct worker *w, void (*run)(struct worker *w, void *arg), void *arg)
{
	if (!w->started) {
		run(w, arg);
		outbound_flush(w);
		return;
	}
	call_begin(w, run, arg);
	wait_for(&w->call_done);
}

static void
run_standstill(struct worker *w, void *arg)
{
	struct standstill *still = arg;

	(void)w;
	sem_post(&still->arrived);
	wait_for(&still->go_on);
}

static bool
inboxes_empty(const struct worker *w)
{
	for (unsigned i = 0; i < w->shared->n; i++)
		if (i != w->index && !ring_empty(&w->inbox[i]))
			return false;
	return true;
}

static bool
all_inboxes_empty(const struct worker_shared *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!inboxes_empty(&s->worker[i]))
			return false;
	return true;
}

void
workers_empty_inboxes(struct worker_shared *s)
{
	while (!all_inboxes_empty(s))
		for (unsigned i = 0; i < s->n; i++)
			worker_drain_inboxes(&s->worker[i]);
}

void
workers_stand_still(struct worker_shared *s, struct standstill *still)
{
	sem_init(&still->arrived, 0, 0);
	sem_init(&still->go_on, 0, 0);
	for (unsigned i = 0; i < s->n; i++)
		if (s->worker[i].started)
			call_begin(&s->worker[i], run_standstill, still);
	for (unsigned i = 0; i < s->n; i++)
		if (s->worker[i].started)
			wait_for(&still->arrived);
	/* What one had handed over before it came to rest, and what comes of it. */
	workers_empty_inboxes(s);
}

void
workers_go_on(struct worker_shared *s, struct standstill *still)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->worker[i].started)
			sem_post(&still->go_on);
	for (unsigned i = 0; i < s->n; i++)
		if (s->worker[i].started)
			wait_for(&s->worker[i].call_done);
	sem_destroy(&still->arrived);
	sem_destroy(&still->go_on);
}
