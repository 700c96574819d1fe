/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_CONTROL_H
#define SALLYPORT_DATAPLANE_CONTROL_H

#include "installed.h"
#include "outbound.h"
#include "table.h"
#include "worker.h"

/* The control thread's own books: which SA and which policy is where. */

struct control_policy {
	struct table_link link; /* by reqid */
	uint32_t reqid, slot;   /* the slot is the same with every worker */
	size_t n_outbound;
	bool claimed;
};

struct control_sa {
	struct table_link link; /* by direction and SPI */
	struct {
		uint32_t direction, spi;
	} key;
	struct table_link child_link; /* inbound: by child_id */
	struct endpoint remote;
	uint32_t child_id;
	unsigned owner, home;  /* which worker has it, and which when there is little to do: balance.c */
	instant_t stays_until; /* where it is */
	struct esp_sa *sa;
	struct control_policy *policy; /* outbound */
	struct send_target target;     /* outbound: esp_sa.user */
	struct rate mapping_rate;      /* inbound: esp_sa.user */
};

struct dataplane {
	struct worker_shared shared;
	int event_fd;
	unsigned next_event; /* worker to ask first */
	uint64_t moved;      /* SAs, between workers */
	instant_t next_move; /* not before */
	struct table sas, children, policies;
	struct installed installed;
	uint32_t *free_slot;
	size_t n_free_slots, room_free_slots;
	uint32_t n_slots;
	char features[256];
};

/* Runs @call with every worker in turn, @first before the others. */
void control_all(struct dataplane *dp, unsigned first, void (*call)(struct worker *w, void *arg), void *arg);

/* The policy of @reqid, made if it is not there. NULL: no memory. */
struct control_policy *control_policy_get(struct dataplane *dp, uint32_t reqid);
struct control_policy *control_policy_find(const struct dataplane *dp, uint32_t reqid);
/* Gives it up if nothing uses it any more. */
void control_policy_put(struct dataplane *dp, struct control_policy *p);
/* The worker whose queue holds the policy's packets while there is no SA. */
unsigned control_policy_holder(const struct dataplane *dp, const struct control_policy *p);

struct control_sa *control_sa_find(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id);
/* balance.c: what a worker said of its load. */
void balance(struct dataplane *dp, const struct dataplane_event *e);

/* Frees all books; the workers have ended. */
void control_close_sas(struct dataplane *dp);
void control_close_policies(struct dataplane *dp);

#endif
