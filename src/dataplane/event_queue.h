/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_EVENT_QUEUE_H
#define SALLYPORT_DATAPLANE_EVENT_QUEUE_H

#include "dataplane.h"
#include "ring.h"

/*
 * What one worker tells the control thread. IKE messages have a budget of their
 * own, so that no flood of other events takes their room, nor the other way round.
 */
struct event_queue {
	struct ring ike, other;
	int fd;                /* eventfd shared by all workers; borrowed */
	bool told;             /* worker: something was put in since the last tell */
	_Atomic uint64_t lost; /* events that found no room */
	uint8_t *data;         /* control: the IKE message last taken */
	char text[160];        /* control: the text last taken */
};

bool event_queue_open(struct event_queue *q, int fd);
void event_queue_close(struct event_queue *q);

/* Worker: false when there is no room; counted. */
bool event_queue_put(struct event_queue *q, const struct dataplane_event *e);
/* Worker: wakes the control thread if something was put in. Once per round, not per event. */
void event_queue_tell(struct event_queue *q);

/* Control: the oldest event; its data and text are valid until the next call. */
bool event_queue_take(struct event_queue *q, struct dataplane_event *out);

#endif
