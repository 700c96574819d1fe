/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_WORKER_H
#define SALLYPORT_DATAPLANE_WORKER_H

#include <pthread.h>
#include <semaphore.h>

#include "event_queue.h"
#include "load.h"
#include "patience.h"
#include "policy.h"
#include "sockets.h"
#include "tun.h"
#include "tun_steer.h"
#include "uring.h"

/*
 * A worker is one thread with its own TUN queue, sockets, SAs and policies.
 * What it owns nobody else writes (but the control thread while all workers stand still). The control thread changes it by a call that
 * the worker makes itself between two batches; other workers hand it packets
 * through rings.
 */
struct worker;
struct outbound;
struct inbound;

/* The same for all workers; written before they start. */
struct worker_shared {
	struct tun tun;
	struct tun_steer steer; /* written by any worker */
	struct sockets_features features;
	struct dataplane_options options;
	struct worker *worker;
	unsigned n;
};

/* Counters that are no drops. Written by the worker alone, read by anyone. */
struct worker_counters {
	uint64_t keepalives;  /* NAT keepalives received: RFC 3948 section 2.3 */
	uint64_t handed_over; /* packets that arrived at the wrong worker */
	uint64_t icmp_sent;   /* "packet too big" written to the TUN device */
	uint64_t reassembled; /* datagrams made whole again before protection */
};

/* A token bucket. */
struct rate {
	instant_t next;
};

struct worker {
	struct worker_shared *shared;
	unsigned index;
	int tun_fd, kick_fd, epoll_fd;
	struct uring *uring; /* several reads or writes of the TUN queue at once; NULL: one a call */
	bool gso;            /* UDP_SEGMENT works on this route */
	instant_t now;       /* CLOCK_BOOTTIME at the start of the round */
	size_t moved;        /* octets read in this round */
	bool no_room;        /* packets stay in the TUN queue until other workers have dealt with what they were given */
	struct patience patience;
	bool balances; /* SAs may move between workers: balance.c */
	struct load load;
	struct {
		uint32_t spi, child_id;
	} heavy;         /* the outbound SA that was used last: probably what a busy worker is busy with */
	unsigned guests; /* outbound SAs from other workers */
	struct sockets sockets;
	struct esp_worker *esp;
	struct policies policies;
	struct outbound *outbound;
	struct inbound *inbound;
	struct ring *inbox; /* [from worker]: packets for us; ours is unused */
	bool *inbox_pushed; /* [to worker]: to be kicked at the end of the round */
	struct event_queue events;
	struct defrag *defrag; /* made when first needed */
	uint32_t fragment_id;  /* of IPv6 packets that we cut */
	struct rate icmp_rate, spi_rate, error_rate, load_rate;
	struct worker_counters counters;
	/* Calls of the control thread. */
	void (*_Atomic call)(struct worker *w, void *arg);
	void *call_arg;
	sem_t call_done;
	pthread_t thread;
	bool started;
	_Atomic bool stop;
};

/* CLOCK_BOOTTIME. */
instant_t boottime(void);

/* Sets up what needs no thread. Descriptors in @w pass into its ownership. */
bool worker_open(struct worker *w, struct worker_shared *shared, unsigned index, int tun_fd, int event_fd);
bool worker_start(struct worker *w);
/* Ends the thread and frees everything. */
void worker_close(struct worker *w);
void worker_stop(struct worker *w);

/* Wakes the worker. */
void worker_kick(struct worker *w);

/*
 * worker_call - runs @run in the worker between two batches, and returns when it
 * is done. Packets handed over to the worker before are dealt with first.
 * Only one thread, the control thread, calls this.
 */
void worker_call(struct worker *w, void (*run)(struct worker *w, void *arg), void *arg);

/* Worker: runs what the control thread asks for. */
void worker_answer_call(struct worker *w);

/*
 * workers_stand_still - all workers wait between two batches, and nothing is on its way from one to another, until
 * workers_go_on. Meanwhile what is theirs is the control thread's.
 */
struct standstill {
	sem_t arrived, go_on;
};

void workers_stand_still(struct worker_shared *s, struct standstill *still);
void workers_go_on(struct worker_shared *s, struct standstill *still);
/* Only while all stand still. */
void workers_empty_inboxes(struct worker_shared *s);

/* An event that stays inside: a worker is full, or has guests; spi, child_id: worker.heavy. */
#define DATAPLANE_LOAD ((enum dataplane_event_kind)(DATAPLANE_FAILED + 1))

/* Another worker's packet: to its inbox, or false when that is full. */
enum hand_over_kind { HAND_OVER_TUN, HAND_OVER_ESP };

struct hand_over {
	uint32_t kind;
	bool virtio;
	struct virtio_net_hdr vh;      /* HAND_OVER_TUN */
	const struct esp_sa *sa;       /* HAND_OVER_TUN: the receiver's outbound SA; NULL: to be held */
	struct endpoint local, remote; /* HAND_OVER_ESP */
	uint8_t tos;
	bool udp, ah;
	uint16_t head; /* HAND_OVER_ESP: octets of IP header in front */
};

/* Takes what other workers handed over into the batches; drain: and sends those on their way. */
void worker_take_inboxes(struct worker *w);
void worker_drain_inboxes(struct worker *w);

/* How many packets of at most @octets can be handed over for certain, whoever owns their SA. */
size_t worker_hand_over_room(const struct worker *w, size_t octets);
bool worker_hand_over(struct worker *w, unsigned to, const struct hand_over *h, struct span packet);

/* One packet without offloads to the TUN device. */
bool worker_write_tun(struct worker *w, const uint8_t *packet, size_t n);

void worker_drop(struct worker *w, enum esp_drop why, uint64_t packets);

/* True at most once per @every. */
static inline bool
rate_allows(struct rate *r, instant_t now, instant_t every)
{
	if (now < r->next)
		return false;
	r->next = now + every;
	return true;
}

/* Turns what the ESP stages report into events for the control thread. */
void worker_report_limits(struct worker *w);

#endif
