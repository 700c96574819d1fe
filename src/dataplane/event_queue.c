/* SPDX-License-Identifier: Apache-2.0 */
#include "event_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	IKE_BUDGET = 512 << 10,
	OTHER_BUDGET = 1 << 20,
	IKE_OCTETS_MAX = 65535,
};

bool
event_queue_open(struct event_queue *q, int fd)
{
	*q = (struct event_queue) { .fd = fd, .data = malloc(IKE_OCTETS_MAX) };
	if (q->data && ring_open(&q->ike, IKE_BUDGET) && ring_open(&q->other, OTHER_BUDGET))
		return true;
	event_queue_close(q);
	return false;
}

void
event_queue_close(struct event_queue *q)
{
	ring_close(&q->ike);
	ring_close(&q->other);
	free(q->data);
	q->data = NULL;
}

bool
event_queue_put(struct event_queue *q, const struct dataplane_event *e)
{
	bool ike = e->kind == DATAPLANE_IKE;
	struct span part[2] = { span_of(e, sizeof *e), ike ? e->data : span_str(e->text) };

	if (ike && e->data.n > IKE_OCTETS_MAX)
		return false;
	if (!ring_push(ike ? &q->ike : &q->other, part, 2)) {
		atomic_fetch_add_explicit(&q->lost, 1, memory_order_relaxed);
		return false;
	}
	q->told = true;
	return true;
}

void
event_queue_tell(struct event_queue *q)
{
	uint64_t one = 1;

	if (!q->told)
		return;
	q->told = false;
	/* Fails only when the counter is full: then it is readable anyway. */
	if (write(q->fd, &one, sizeof one) < 0)
		return;
}

bool
event_queue_take(struct event_queue *q, struct dataplane_event *out)
{
	struct ring *r = ring_empty(&q->other) ? &q->ike : &q->other;
	struct span s = ring_peek(r), rest;

	if (!s.p)
		return false;
	memcpy(out, s.p, sizeof *out);
	rest = span_of(s.p + sizeof *out, s.n - sizeof *out);
	out->data = (struct span) { 0 };
	out->text = NULL;
	if (out->kind == DATAPLANE_IKE) {
		memcpy(q->data, rest.p, rest.n);
		out->data = span_of(q->data, rest.n);
	} else if (rest.n) {
		snprintf(q->text, sizeof q->text, "%.*s", (int)rest.n, (const char *)rest.p);
		out->text = q->text;
	}
	ring_pop(r);
	return true;
}
