/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "defrag.h"
#include "inbound.h"
#include "outbound.h"

enum {
	/* What one turn of a neighbour may bring; of many neighbours less is expected of each. */
	INBOX_OCTETS = 4 << 20,
	INBOX_OCTETS_OF_MANY = 1 << 20,
	MANY = 8,
	HOLD_TICK_MS = 100,
	EVENTS_PER_WAIT = 8,
	/* What an epoll event stands for: a socket kind, or one of these. */
	SOURCE_TUN = SOCKET_KINDS,
	SOURCE_KICK,
	SOURCE_TOO_BIG,
};

static void
fill_from_kernel(struct rng *self, void *out, size_t n)
{
	uint8_t *p = out;

	(void)self;
	while (n) {
		ssize_t k = getrandom(p, n, 0);

		if (k < 0 && errno == EINTR)
			continue;
		/* Keys must not rest on a broken generator: there is no way on. */
		if (k < 0)
			abort();
		p += k;
		n -= (size_t)k;
	}
}

static struct rng kernel_rng = { .fill = fill_from_kernel };

instant_t
boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return SECONDS(t.tv_sec) + t.tv_nsec;
}

static bool
watch(struct worker *w, int fd, uint32_t source)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = source };

	return fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool
watch_all(struct worker *w)
{
	for (uint32_t k = 0; k < SOCKET_KINDS; k++)
		if (!watch(w, w->sockets.fd[k], k))
			return false;
	return watch(w, w->tun_fd, SOURCE_TUN) && watch(w, w->kick_fd, SOURCE_KICK) &&
	       watch(w, w->sockets.fd_too_big, SOURCE_TOO_BIG);
}

static bool
open_inboxes(struct worker *w)
{
	w->inbox = aligned_alloc(_Alignof(struct ring), w->shared->n * sizeof *w->inbox);
	w->inbox_pushed = calloc(w->shared->n, sizeof *w->inbox_pushed);
	if (!w->inbox || !w->inbox_pushed)
		return false;
	memset(w->inbox, 0, w->shared->n * sizeof *w->inbox);
	for (unsigned i = 0; i < w->shared->n; i++)
		if (i != w->index && !ring_open(&w->inbox[i], w->shared->n > MANY ? INBOX_OCTETS_OF_MANY : INBOX_OCTETS))
			return false;
	return true;
}

bool
worker_open(struct worker *w, struct worker_shared *shared, unsigned index, int tun_fd, int event_fd)
{
	struct esp_worker_options o = { .rng = &kernel_rng };
	struct sockets s = w->sockets;

	*w = (struct worker) { .shared = shared, .index = index, .tun_fd = tun_fd, .sockets = s, .gso = shared->features.gso };
	sem_init(&w->call_done, 0, 0);
	w->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->uring = shared->options.no_offload ? NULL : uring_new(tun_fd);
	w->esp = esp_worker_new(&o);
	w->outbound = outbound_new();
	w->inbound = inbound_new(&shared->tun);
	w->now = w->load.since = boottime();
	/* Without steering the device goes on giving a flow's packets to the worker that has its replies. */
	w->balances = shared->n > 1 && shared->steer.queue;
	rng_fill(&kernel_rng, &w->fragment_id, sizeof w->fragment_id);
	return w->kick_fd >= 0 && w->epoll_fd >= 0 && w->esp && w->outbound && w->inbound &&
	       policies_open(&w->policies, &kernel_rng) && open_inboxes(w) && event_queue_open(&w->events, event_fd) &&
	       watch_all(w);
}

void
worker_drop(struct worker *w, enum esp_drop why, uint64_t packets)
{
	counter_add(&esp_worker_drops(w->esp)[why], packets);
}

bool
worker_write_tun(struct worker *w, const uint8_t *packet, size_t n)
{
	struct virtio_net_hdr vh = { 0 };
	struct iovec v[2] = { { &vh, sizeof vh }, { (void *)(uintptr_t)packet, n } };
	unsigned skip = w->shared->tun.vnet_hdr ? 0 : 1;

	if (writev(w->tun_fd, v + skip, 2 - (int)skip) >= 0)
		return true;
	worker_drop(w, ESP_DROP_TUN_WRITE, 1);
	return false;
}

void
worker_kick(struct worker *w)
{
	uint64_t one = 1;

	/* Fails only when the counter is full: then the worker wakes anyway. */
	if (write(w->kick_fd, &one, sizeof one) < 0)
		return;
}

bool
worker_hand_over(struct worker *w, unsigned to, const struct hand_over *h, struct span packet)
{
	struct span part[2] = { span_of(h, sizeof *h), packet };

	if (!ring_push(&w->shared->worker[to].inbox[w->index], part, 2))
		return false;
	w->inbox_pushed[to] = true;
	counter_add(&w->counters.handed_over, 1);
	return true;
}

size_t
worker_hand_over_room(const struct worker *w, size_t octets)
{
	size_t least = SIZE_MAX;

	for (unsigned i = 0; i < w->shared->n; i++) {
		size_t room = i == w->index ? SIZE_MAX
		                            : ring_room(&w->shared->worker[i].inbox[w->index], sizeof(struct hand_over) + octets);

		least = room < least ? room : least;
	}
	return least;
}

static void
kick_receivers(struct worker *w)
{
	for (unsigned i = 0; i < w->shared->n; i++) {
		if (w->inbox_pushed[i]) {
			w->inbox_pushed[i] = false;
			worker_kick(&w->shared->worker[i]);
		}
	}
}

static void
take_record(struct worker *w, struct span s)
{
	struct hand_over h;
	struct span packet = span_of(s.p + sizeof h, s.n - sizeof h);

	memcpy(&h, s.p, sizeof h);
	if (h.kind == HAND_OVER_TUN)
		outbound_handed_over(w, &h, packet);
	else
		inbound_handed_over(w, &h, packet);
}

/*
 * A ring full from each neighbour, so that none can hold us here: all that was there at the start, which a call that takes
 * an SA away relies on.
 */
void
worker_take_inboxes(struct worker *w)
{
	for (unsigned i = 0; i < w->shared->n; i++) {
		size_t octets = 0;
		struct span s;

		if (i == w->index)
			continue;
		while (octets < INBOX_OCTETS && (s = ring_peek(&w->inbox[i])).p) {
			octets += s.n;
			take_record(w, s);
			ring_pop(&w->inbox[i]);
		}
	}
}

void
worker_drain_inboxes(struct worker *w)
{
	worker_take_inboxes(w);
	inbound_flush(w);
	outbound_flush(w);
}

static void
empty_kick(struct worker *w)
{
	uint64_t n;

	/* Nothing to read is no failure: an earlier round saw it. */
	if (read(w->kick_fd, &n, sizeof n) < 0)
		return;
}

void
worker_report_limits(struct worker *w)
{
	size_t n;
	const struct esp_event *e = esp_worker_events(w->esp, &n);

	for (size_t i = 0; i < n; i++) {
		const struct esp_sa *sa = e[i].sa;
		struct dataplane_event out = {
			.kind = e[i].kind == ESP_EVENT_SOFT ? DATAPLANE_EXPIRE_SOFT : DATAPLANE_EXPIRE_HARD,
			.spi = sa->spi,
			.child_id = sa->child_id,
			.direction = sa->flags & SA_OUT ? SA_OUTBOUND : SA_INBOUND,
			.local = sa->path->local,
			.remote = sa->path->remote,
		};

		event_queue_put(&w->events, &out);
	}
}

/* The device or a socket is gone: without it the worker goes on serving its calls. */
static void
give_up(struct worker *w, int fd, const char *text)
{
	struct dataplane_event e = { .kind = DATAPLANE_FAILED, .text = text };

	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	event_queue_put(&w->events, &e);
}

static void
serve(struct worker *w, const struct epoll_event *e)
{
	if (e->data.u32 == SOURCE_KICK) {
		empty_kick(w);
	} else if (e->data.u32 == SOURCE_TOO_BIG) {
		too_big_read(w);
	} else if (e->data.u32 == SOURCE_TUN) {
		if (!outbound_read(w))
			give_up(w, w->tun_fd, "the TUN device is gone: was it deleted? Restart the daemon");
	} else {
		enum socket_kind k = (enum socket_kind)e->data.u32;

		if (e->events & EPOLLERR)
			outbound_socket_errors(w, k);
		if (!inbound_read(w, k))
			give_up(w, w->sockets.fd[k], "a socket for ESP failed: restart the daemon");
	}
}

/* The time since @from was for packets of direction @d. */
static instant_t
spent(struct worker *w, enum sa_direction d, instant_t from)
{
	instant_t now = boottime();

	load_spent(&w->load, d, now - from);
	return now;
}

static void
tell_load(struct worker *w, instant_t now)
{
	struct dataplane_event e = {
		.kind = DATAPLANE_LOAD, .spi = w->heavy.spi, .child_id = w->heavy.child_id, .direction = SA_OUTBOUND
	};

	if (load_window_ends(&w->load, now, patience_sees_large_turns(&w->patience)) && (w->guests || load_is_full(&w->load)) &&
	    rate_allows(&w->load_rate, now, LOAD_SPAN))
		event_queue_put(&w->events, &e);
}

static void
serve_all(struct worker *w, const struct epoll_event *e, int n)
{
	instant_t at = w->now;

	for (int i = 0; i < n; i++) {
		serve(w, &e[i]);
		if (w->balances)
			at = spent(w, e[i].data.u32 < SOCKET_KINDS ? SA_INBOUND : SA_OUTBOUND, at);
	}
	worker_drain_inboxes(w);
	if (w->balances)
		tell_load(w, spent(w, SA_OUTBOUND, at));
}

static void
block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* Events that are there, or, when it is not worth looking again, will be. */
static int
wait_for_events(struct worker *w, struct epoll_event *e)
{
	int n = 0;

	/* Whoever has our packets needs a CPU to deal with them. */
	if (w->no_room)
		sched_yield();
	/* The time of the last round will do, so that one that goes on working, or to sleep, reads no clock for it. */
	while (n <= 0 && patience_yields(&w->patience, w->now)) {
		instant_t from = boottime();

		sched_yield();
		w->now = boottime();
		patience_yielded(&w->patience, from, w->now);
		n = epoll_wait(w->epoll_fd, e, EVENTS_PER_WAIT, 0);
	}
	return n > 0 ? n : epoll_wait(w->epoll_fd, e, EVENTS_PER_WAIT, w->policies.n_held ? HOLD_TICK_MS : -1);
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	struct epoll_event e[EVENTS_PER_WAIT];

	block_signals();
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		int n = wait_for_events(w, e);

		w->now = boottime();
		w->moved = 0;
		serve_all(w, e, n);
		if (w->policies.n_held)
			worker_drop(w, ESP_DROP_HELD_TIMEOUT, policies_expire_held(&w->policies, w->now));
		worker_answer_call(w);
		kick_receivers(w);
		patience_moved(&w->patience, w->moved);
		event_queue_tell(&w->events);
	}
	return NULL;
}

bool
worker_start(struct worker *w)
{
	char name[16];

	if (pthread_create(&w->thread, NULL, run, w) != 0)
		return false;
	snprintf(name, sizeof name, "esp-%u", w->index);
	pthread_setname_np(w->thread, name);
	w->started = true;
	return true;
}

void
worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	atomic_store(&w->stop, true);
	worker_kick(w);
	pthread_join(w->thread, NULL);
	w->started = false;
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
worker_close(struct worker *w)
{
	worker_stop(w);
	esp_worker_free(w->esp);
	outbound_free(w->outbound);
	inbound_free(w->inbound);
	defrag_free(w->defrag);
	policies_close(&w->policies);
	for (unsigned i = 0; w->inbox && i < w->shared->n; i++)
		ring_close(&w->inbox[i]);
	free(w->inbox);
	free(w->inbox_pushed);
	event_queue_close(&w->events);
	uring_free(w->uring);
	sockets_close(&w->sockets);
	close_fd(w->tun_fd);
	close_fd(w->kick_fd);
	close_fd(w->epoll_fd);
	sem_destroy(&w->call_done);
}
