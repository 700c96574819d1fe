/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "control.h"

enum {
	WORKERS_MAX = 64,
	MTU_DEFAULT = 1400,
	HOLD_PACKETS_DEFAULT = 64,
	HOLD_MS_DEFAULT = 30000,
	NAT_T_PORT = 4500,
};

static unsigned
cpus_given(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static struct dataplane_options
with_defaults(const struct dataplane_options *o)
{
	struct dataplane_options d = *o;

	d.workers = d.workers ? d.workers : cpus_given();
	d.workers = d.workers < WORKERS_MAX ? d.workers : WORKERS_MAX;
	d.mtu = d.mtu ? d.mtu : MTU_DEFAULT;
	d.hold_packets = d.hold_packets ? d.hold_packets : HOLD_PACKETS_DEFAULT;
	d.hold_ms = d.hold_ms ? d.hold_ms : HOLD_MS_DEFAULT;
	d.port_nat_t = d.port_nat_t ? d.port_nat_t : NAT_T_PORT;
	return d;
}

static bool
open_books(struct dataplane *dp)
{
	uint64_t k[8];

	if (getrandom(k, sizeof k, 0) != sizeof k)
		return false;
	table_open(&dp->sas, k[0], k[1]);
	table_open(&dp->children, k[2], k[3]);
	table_open(&dp->policies, k[4], k[5]);
	installed_open(&dp->installed, k[6], k[7]);
	dp->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return dp->event_fd >= 0;
}

static bool
open_sockets(struct dataplane *dp, char *why, size_t why_size)
{
	struct worker_shared *sh = &dp->shared;
	struct sockets_options o = { sh->n, sh->options.port_nat_t, sh->options.bypass_mark, sh->options.native_esp,
		                     !sh->options.no_offload };
	struct sockets s[WORKERS_MAX];

	if (!sockets_open(s, &sh->features, &o, why, why_size))
		return false;
	for (unsigned i = 0; i < sh->n; i++)
		sh->worker[i].sockets = s[i];
	return true;
}

static bool
open_workers(struct dataplane *dp, const int *tun_fd, char *why, size_t why_size)
{
	struct worker_shared *sh = &dp->shared;
	bool ok = true;

	/* All are opened even after a failure, so that each owns its descriptors. */
	for (unsigned i = 0; i < sh->n; i++)
		ok = worker_open(&sh->worker[i], sh, i, tun_fd[i], dp->event_fd) && ok;
	for (unsigned i = 0; ok && i < sh->n; i++)
		ok = worker_start(&sh->worker[i]);
	if (!ok)
		snprintf(why, why_size, "cannot set up the data plane's workers: out of memory, descriptors or threads");
	return ok;
}

static void
describe(struct dataplane *dp)
{
	const struct worker_shared *sh = &dp->shared;
	const struct sockets_features *f = &sh->features;

	snprintf(dp->features, sizeof dp->features, "tun %s%s%s, %s%s; udp%s%s%s; esp %s%s; %s; %u worker%s",
	         sh->tun.vnet_hdr && sh->tun.tso ? "offload tso4 tso6" : "without offload (one packet a call)",
	         sh->tun.uso ? " uso" : "", sh->tun.tso && !sh->tun.uso ? ", no uso" : "",
	         sh->worker[0].uring ? "io_uring" : "no io_uring",
	         sh->n == 1        ? ""
	         : sh->steer.queue ? ", bpf steering"
	                           : ", no bpf steering",
	         f->gso ? " gso," : " no gso,", f->gro ? " gro" : " no gro", f->udp6 ? "" : ", no ipv6",
	         f->esp4 ? "native" : "in udp only", f->esp4 && !f->esp6 ? " (ipv4 only)" : "",
	         esp_worker_crypto(sh->worker[0].esp), sh->n, sh->n == 1 ? "" : "s");
}

static void
close_tun_queues(const int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
}

static bool
open_all(struct dataplane *dp, char *why, size_t why_size)
{
	struct worker_shared *sh = &dp->shared;
	int tun_fd[WORKERS_MAX];

	if (!open_books(dp)) {
		snprintf(why, why_size, "cannot set up the data plane: %s", strerror(errno));
		return false;
	}
	if (!tun_open(&sh->tun, tun_fd, sh->n, sh->options.tun_name, sh->options.mtu, !sh->options.no_offload, why, why_size))
		return false;
	sh->worker = aligned_alloc(_Alignof(struct worker), sh->n * sizeof *sh->worker);
	if (!sh->worker) {
		close_tun_queues(tun_fd, sh->n);
		snprintf(why, why_size, "cannot set up the data plane's workers: out of memory");
		return false;
	}
	memset(sh->worker, 0, sh->n * sizeof *sh->worker);
	if (!open_sockets(dp, why, why_size)) {
		close_tun_queues(tun_fd, sh->n);
		free(sh->worker);
		sh->worker = NULL;
		return false;
	}
	if (sh->n > 1 && !sh->options.no_offload && !sh->options.no_tun_steer)
		tun_steer_open(&sh->steer, tun_fd[0], sh->n);
	if (!open_workers(dp, tun_fd, why, why_size))
		return false;
	describe(dp);
	return true;
}

struct dataplane *
dataplane_open(const struct dataplane_options *o, char *why, size_t why_size)
{
	struct dataplane *dp = calloc(1, sizeof *dp);

	if (!dp) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	dp->event_fd = -1;
	dp->shared.options = with_defaults(o);
	dp->shared.n = dp->shared.options.workers;
	if (open_all(dp, why, why_size))
		return dp;
	dataplane_close(dp);
	return NULL;
}

void
dataplane_close(struct dataplane *dp)
{
	struct worker_shared *sh = &dp->shared;

	/* First all threads end: they look into each other's rings. */
	for (unsigned i = 0; sh->worker && i < sh->n; i++)
		worker_stop(&sh->worker[i]);
	for (unsigned i = 0; sh->worker && i < sh->n; i++)
		worker_close(&sh->worker[i]);
	free(sh->worker);
	tun_steer_close(&sh->steer);
	control_close_sas(dp);
	control_close_policies(dp);
	installed_close(&dp->installed);
	if (dp->event_fd >= 0)
		close(dp->event_fd);
	free(dp);
}

const char *
dataplane_tun_name(const struct dataplane *dp)
{
	return dp->shared.tun.name;
}

unsigned
dataplane_tun_ifindex(const struct dataplane *dp)
{
	return dp->shared.tun.ifindex;
}

const char *
dataplane_features(const struct dataplane *dp)
{
	return dp->features;
}

int
dataplane_event_fd(const struct dataplane *dp)
{
	return dp->event_fd;
}

static bool
take_event(struct dataplane *dp, struct dataplane_event *out)
{
	for (unsigned i = 0; i < dp->shared.n; i++) {
		unsigned at = (dp->next_event + i) % dp->shared.n;

		while (event_queue_take(&dp->shared.worker[at].events, out)) {
			if (out->kind == DATAPLANE_LOAD) {
				balance(dp, out);
				continue;
			}
			dp->next_event = at + 1;
			return true;
		}
	}
	return false;
}

bool
dataplane_next_event(struct dataplane *dp, struct dataplane_event *out)
{
	uint64_t n;

	if (take_event(dp, out))
		return true;
	/* Emptied before the second look: what comes after that makes it readable again. */
	if (read(dp->event_fd, &n, sizeof n) < 0)
		return false;
	return take_event(dp, out);
}

void
dataplane_drops(struct dataplane *dp, uint64_t *out)
{
	memset(out, 0, ESP_DROP_COUNT * sizeof *out);
	for (unsigned i = 0; i < dp->shared.n; i++) {
		const uint64_t *d = esp_worker_drops(dp->shared.worker[i].esp);

		for (unsigned k = 0; k < ESP_DROP_COUNT; k++)
			out[k] += counter_read(&d[k]);
	}
}

void
dataplane_counters(struct dataplane *dp, struct dataplane_counters *out)
{
	*out = (struct dataplane_counters) { 0 };
	out->moved = dp->moved;
	for (unsigned i = 0; i < dp->shared.n; i++) {
		struct worker *w = &dp->shared.worker[i];

		out->keepalives += counter_read(&w->counters.keepalives);
		out->handed_over += counter_read(&w->counters.handed_over);
		out->icmp_sent += counter_read(&w->counters.icmp_sent);
		out->reassembled += counter_read(&w->counters.reassembled);
		out->events_lost += atomic_load_explicit(&w->events.lost, memory_order_relaxed);
	}
}

bool
dataplane_send_ike(struct dataplane *dp, const struct endpoint *local, const struct endpoint *remote, uint8_t tos,
                   struct span data, bool keepalive)
{
	static const uint8_t marker[4], keep = 0xff;
	struct iovec v[2] = { { (void *)(uintptr_t)marker, sizeof marker }, { (void *)(uintptr_t)data.p, data.n } };
	struct iovec k = { (void *)(uintptr_t)&keep, 1 };
	struct sockaddr_storage to;
	struct send_control control;
	struct msghdr m = { .msg_name = &to, .msg_iov = keepalive ? &k : v, .msg_iovlen = keepalive ? 1 : 2 };
	int fd = dp->shared.worker[0].sockets.fd_no_df[socket_kind_of(&remote->ip, true)];

	if (fd < 0 || remote->ip.family == IP_NONE)
		return false;
	m.msg_namelen = endpoint_to_sockaddr(&to, remote, true);
	send_control_build(&control, &local->ip, tos, 0);
	m.msg_control = control.n ? control.b : NULL;
	m.msg_controllen = control.n;
	return sendmsg(fd, &m, MSG_DONTWAIT) >= 0;
}
