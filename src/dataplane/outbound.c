/* SPDX-License-Identifier: Apache-2.0 */
#include "outbound.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "defrag.h"
#include "pmtu.h"
#include "segment.h"

enum {
	READ_OCTETS = 65536 + 256,
	/* Not a power of two, so that the buffers do not compete for the same lines of the cache. */
	READ_STRIDE = 65536 + 1536,
	/* Packets read with one call, where the kernel lets us; of the large ones a turn's worth. */
	READS_AT_ONCE = 32,
	LARGE_READS_AT_ONCE = 16,
	LARGE_OCTETS = 8192,
	/* A batch this large is sealed before more is added: it stays in the cache. */
	BATCH_PACKETS = 192,
	BATCH_OCTETS = 256 << 10,
	/* So much is sent with one call: each call wakes the receiver, who then finds little. */
	SEND_OCTETS = 1000 << 10,
	ARENA_OCTETS = SEND_OCTETS + BATCH_OCTETS + (128 << 10),
	/* One turn, after which the other direction has its own. */
	READS_PER_TURN = 64,
	OCTETS_PER_TURN = 1000 << 10,
	SPARE_OCTETS = ESP_HEADROOM + ESP_TAILROOM,
	LESSONS_MAX = 16,
	NOTES = 64,
};

#define LESSON_WAITS MILLISECONDS(100)
/* The queue of the device is emptied in less, unless others fill it: then some packets may be overtaken, once. */
#define LEAVING_TIME MILLISECONDS(10)

/* Packets of a bucket of the steering table belong to another worker. */
struct lesson {
	uint32_t bucket;
	unsigned owner;
};

/* @sa is only compared: it may be gone. */
struct flow_note {
	uint32_t bucket;
	const struct esp_sa *sa;
};

struct outbound {
	uint8_t *read;       /* READS_AT_ONCE * READ_STRIDE: virtio header and packet, as the kernel hands them over */
	unsigned want;       /* packets to ask for with the next call */
	uint8_t *arena;      /* packets being protected, each with its ESP header and trailer, without gaps */
	uint8_t *whole;      /* one packet that is going to be cut into fragments */
	size_t used, sealed; /* octets of the arena: in all, and of these ready to be sent */
	struct sender *sender;
	struct lesson lesson[LESSONS_MAX];
	unsigned n_lessons;
	instant_t learnt; /* the oldest of them */
	struct flow_note note[NOTES];
	unsigned last_note;
	const struct esp_sa *leaving; /* its flows will come to worker @leaving_to */
	unsigned leaving_to;
	bool hands_over; /* packets to other workers, in this turn or the last */
	struct batch batch;
};

struct outbound *
outbound_new(void)
{
	struct outbound *o = aligned_alloc(64, (sizeof *o + 63) & ~(size_t)63);

	if (!o)
		return NULL;
	memset(o, 0, sizeof *o);
	o->read = aligned_alloc(64, (size_t)READS_AT_ONCE * READ_STRIDE);
	o->want = 1;
	o->arena = aligned_alloc(64, ARENA_OCTETS);
	o->whole = aligned_alloc(64, READ_OCTETS);
	o->sender = sender_new();
	if (o->read && o->arena && o->whole && o->sender)
		return o;
	outbound_free(o);
	return NULL;
}

void
outbound_free(struct outbound *o)
{
	if (!o)
		return;
	free(o->read);
	free(o->arena);
	free(o->whole);
	sender_free(o->sender);
	free(o);
}

/* Seals the batch; it is sent with others, unless it lies in memory that the next batch needs. */
static void
seal(struct worker *w)
{
	struct outbound *o = w->outbound;
	bool forms = esp_worker_has_forms(w->esp);

	if (!o->batch.n)
		return;
	w->heavy.spi = o->batch.pkt[0].sa->spi;
	w->heavy.child_id = o->batch.pkt[0].sa->child_id;
	esp_transmit(w->esp, &o->batch, w->now);
	worker_report_limits(w);
	if (forms)
		send_whole(w, &o->batch);
	sender_add(o->sender, w, &o->batch);
	if (forms)
		sender_send(o->sender, w);
	o->batch.n = o->batch.n_dropped = 0;
	o->sealed = o->used;
}

void
outbound_flush(struct worker *w)
{
	struct outbound *o = w->outbound;

	seal(w);
	sender_send(o->sender, w);
	o->used = o->sealed = 0;
}

/* Room for @packets that take @octets in all, sealed; what is there is sealed and sent first if need be. */
static void
make_room(struct worker *w, uint32_t packets, size_t octets)
{
	struct outbound *o = w->outbound;

	if (o->used + octets > SEND_OCTETS)
		outbound_flush(w);
	else if (o->batch.n + packets > BATCH_PACKETS || o->used - o->sealed + octets > BATCH_OCTETS)
		seal(w);
}

/* The next packet of the batch: the caller writes @n octets to what comes back. */
static uint8_t *
append(struct worker *w, struct esp_sa *sa, uint32_t n, uint32_t user)
{
	struct outbound *o = w->outbound;
	uint32_t sealed = esp_sealed_octets(sa, n);
	uint8_t *p;

	if (o->used + sealed + SPARE_OCTETS > ARENA_OCTETS)
		outbound_flush(w);
	else if (o->batch.n == ESP_BATCH_MAX)
		seal(w);
	p = o->arena + o->used + sa->head_octets;
	o->used += sealed;
	o->batch.pkt[o->batch.n++] = (struct packet) { .p = p, .len = n, .sa = sa, .user = (uint16_t)user };
	return p;
}

static void
append_segments(struct worker *w, struct esp_sa *sa, struct segment *s, uint32_t user)
{
	uint32_t count = segment_count(s), n;

	make_room(w, count, (size_t)count * esp_sealed_octets(sa, segment_max_octets(s)));
	user |= count << PACKET_COUNT_SHIFT;
	while ((n = segment_next_octets(s)) != 0) {
		segment_take(s, append(w, sa, n, user));
		user &= PACKET_FRAGMENT_OUTSIDE;
	}
}

/* RFC 4301 section 8: cut before encryption what may be cut. */
static void
append_fragments(struct worker *w, struct esp_sa *sa, struct segment *s)
{
	uint32_t mtu = pmtu_inner_max(sa, sa->path->mtu), n, k;
	uint8_t *whole = w->outbound->whole;
	struct fragment f;

	while ((n = segment_next_octets(s)) != 0) {
		segment_take(s, whole);
		if (!fragment_open(&f, whole, n, mtu, 0)) {
			worker_drop(w, ESP_DROP_TOO_BIG, 1);
			continue;
		}
		while ((k = fragment_next_octets(&f)) != 0)
			fragment_take(&f, append(w, sa, k, 0));
	}
}

static void
tell_too_big(struct worker *w, const struct esp_sa *sa, struct span packet)
{
	uint8_t icmp[PMTU_ICMP_MAX];
	struct ip from = { .family = IP_NONE };
	size_t n;

	worker_drop(w, ESP_DROP_TOO_BIG, 1);
	if (!rate_allows(&w->icmp_rate, w->now, MICROSECONDS(100)))
		return;
	n = pmtu_icmp(icmp, packet.p, (uint32_t)packet.n, &from, pmtu_advertised(sa, packet.p[0] >> 4));
	if (n && worker_write_tun(w, icmp, n))
		counter_add(&w->counters.icmp_sent, 1);
}

/* The path may have grown again since (RFC 4301 section 8.2.2): ask, but not for every packet. */
static enum pmtu_action
judge(struct worker *w, struct esp_sa *sa, struct span packet, uint32_t largest)
{
	enum pmtu_action a = pmtu_judge(sa, packet.p, largest);
	struct send_target *t = sa->user;

	if (a == PMTU_FITS || w->now - t->mtu_asked < SECONDS(10))
		return a;
	path_ask_mtu(w, sa);
	return pmtu_judge(sa, packet.p, largest);
}

static void
protect(struct worker *w, struct esp_sa *sa, const struct virtio_net_hdr *vh, struct span packet)
{
	struct segment s;
	enum esp_drop why = segment_open(&s, vh, packet.p, (uint32_t)packet.n);

	if (why) {
		worker_drop(w, why, 1);
		return;
	}
	switch (judge(w, sa, packet, segment_max_octets(&s))) {
	case PMTU_FITS:
		append_segments(w, sa, &s, 0);
		break;
	case PMTU_OUTER:
		append_segments(w, sa, &s, PACKET_FRAGMENT_OUTSIDE);
		break;
	case PMTU_FRAGMENT:
		append_fragments(w, sa, &s);
		break;
	case PMTU_ICMP:
		tell_too_big(w, sa, packet);
		break;
	}
}

/*
 * The device sends a flow's packets to their owner only once those that lie in our queue were handed over, all of them: a
 * flow keeps its order.
 */
static void
teach(struct worker *w)
{
	struct outbound *o = w->outbound;

	for (unsigned i = 0; i < o->n_lessons; i++)
		tun_steer_teach(&w->shared->steer, o->lesson[i].bucket, o->lesson[i].owner);
	o->n_lessons = 0;
}

static void
note_owner(struct worker *w, struct span packet, unsigned owner)
{
	struct outbound *o = w->outbound;
	struct lesson l = { tun_steer_bucket(packet), owner };

	for (unsigned i = 0; i < o->n_lessons; i++) {
		if (o->lesson[i].bucket == l.bucket) {
			o->lesson[i].owner = owner;
			return;
		}
	}
	if (!o->n_lessons)
		o->learnt = w->now;
	/* More at once are learnt with their next packets. */
	if (o->n_lessons < LESSONS_MAX)
		o->lesson[o->n_lessons++] = l;
}

/* Where the packets of an SA come from, should it leave: those of the last few flows, which are all that matter. */
static void
note_flow(struct worker *w, struct span packet, const struct esp_sa *sa)
{
	struct outbound *o = w->outbound;
	struct flow_note now = { tun_steer_bucket(packet), sa }, *last = &o->note[o->last_note];

	if (sa == o->leaving)
		tun_steer_teach(&w->shared->steer, now.bucket, o->leaving_to);
	if (last->bucket == now.bucket && last->sa == sa)
		return;
	o->last_note = (o->last_note + 1) % NOTES;
	o->note[o->last_note] = now;
}

static void
hand_over(struct worker *w, unsigned to, const struct esp_sa *sa, const struct virtio_net_hdr *vh, struct span packet)
{
	struct hand_over h = { .kind = HAND_OVER_TUN, .sa = sa, .virtio = vh != NULL };

	if (vh)
		h.vh = *vh;
	if (sa)
		note_owner(w, packet, to);
	w->outbound->hands_over = true;
	if (!worker_hand_over(w, to, &h, packet))
		worker_drop(w, ESP_DROP_SEND, 1);
}

static void
ask_for_sa(struct worker *w, struct policy *p, const struct flow *f)
{
	struct dataplane_event e = { .kind = DATAPLANE_ACQUIRE, .reqid = p->reqid, .direction = SA_OUTBOUND, .flow = *f };

	if (!p->trap || w->now < p->next_acquire)
		return;
	if (event_queue_put(&w->events, &e))
		p->next_acquire = w->now + SECONDS(1);
}

static void
hold(struct worker *w, struct policy *p, const struct flow *f, const struct virtio_net_hdr *vh, struct span packet)
{
	const struct dataplane_options *o = &w->shared->options;

	if (mode_is_shunt(p->mode)) {
		worker_drop(w, ESP_DROP_NO_OUTBOUND_SA, 1);
		return;
	}
	ask_for_sa(w, p, f);
	if (!policy_hold(&w->policies, p, vh, packet, o->hold_packets, w->now + MILLISECONDS(o->hold_ms)))
		worker_drop(w, ESP_DROP_HELD_FULL, 1);
}

/*
 * Where a policy wants whole datagrams, all fragments become whole first: which of them
 * it wants only the whole can tell. False: the packet was a fragment, and is dealt with.
 */
static bool
made_whole(struct worker *w, const struct virtio_net_hdr *vh, struct span *packet)
{
	enum defrag_result r;
	uint64_t lost = 0;

	/* The kernel completes the checksums of what it cuts. */
	if (vh && (vh->gso_type != VIRTIO_NET_HDR_GSO_NONE || vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (!w->defrag && !(w->defrag = defrag_new()))
		return true;
	r = defrag_take(w->defrag, packet, w->now, &lost);
	counter_add(&w->counters.reassembled, r == DEFRAG_WHOLE);
	worker_drop(w, ESP_DROP_FRAGMENT, lost);
	return r == DEFRAG_NONE || r == DEFRAG_WHOLE;
}

/* RFC 4301 section 5.1: which policy, which SA; the packet goes to the worker that owns that. */
static void
submit(struct worker *w, const struct virtio_net_hdr *vh, struct span packet)
{
	struct flow f;
	struct policy *p;
	const struct sa_ref *ref;

	if (w->policies.n_whole && !made_whole(w, vh, &packet))
		return;
	if (!flow_from_packet(&f, packet)) {
		worker_drop(w, ESP_DROP_MALFORMED, 1);
		return;
	}
	p = policies_lookup(&w->policies, &f);
	if (!p) {
		/* The kernel's own words about the device, as on any that comes up where IPv6 forwards, are nobody's traffic. */
		worker_drop(w, ESP_DROP_NO_POLICY, !flow_is_about_the_link(&f));
		return;
	}
	ref = policy_pick(p, &f);
	if (ref && ref->owner == w->index) {
		if (w->balances)
			note_flow(w, packet, ref->sa);
		protect(w, ref->sa, vh, packet);
	} else if (ref)
		hand_over(w, ref->owner, ref->sa, vh, packet);
	else if (p->holder == w->index)
		hold(w, p, &f, vh, packet);
	else
		hand_over(w, p->holder, NULL, vh, packet);
}

void
outbound_handed_over(struct worker *w, const struct hand_over *h, struct span packet)
{
	const struct virtio_net_hdr *vh = h->virtio ? &h->vh : NULL;

	/* The sender saw the SA in its policies, and no SA is freed before all rings are empty of it. */
	if (h->sa)
		protect(w, (struct esp_sa *)(uintptr_t)h->sa, vh, packet);
	else
		submit(w, vh, packet);
}

void
outbound_release_held(struct worker *w, struct policy *p)
{
	for (struct held *h = policy_take_held(&w->policies, p), *next; h; h = next) {
		next = h->next;
		submit(w, h->virtio ? &h->vh : NULL, span_of(h->packet, h->len));
		free(h);
	}
	outbound_flush(w);
}

/* Reads up to @n packets, one behind the other until the queue is empty. */
static const int *
read_packets(struct worker *w, unsigned n, int *one)
{
	struct outbound *o = w->outbound;

	if (n == 1) {
		ssize_t k = read(w->tun_fd, o->read, READ_OCTETS);

		*one = k < 0 ? -errno : (int)k;
		return one;
	}
	for (unsigned i = 0; i < n; i++)
		uring_read(w->uring, o->read + (size_t)i * READ_STRIDE, READ_OCTETS);
	return uring_run(w->uring);
}

/* What was there last time is likely to be there next time, and the empty queue is seen by the same call. */
static unsigned
next_want(const struct worker *w, unsigned asked, unsigned got, size_t octets)
{
	unsigned most = octets > (size_t)got * LARGE_OCTETS ? LARGE_READS_AT_ONCE : READS_AT_ONCE;
	unsigned want = got == asked ? 2 * asked : got + 1;

	return !w->uring ? 1 : want < most ? want : most;
}

/* So many of the @want packets are read that all could be handed over: the device holds the others. */
static unsigned
limit_by_room(struct worker *w, unsigned want, bool hands_over)
{
	size_t room = hands_over ? worker_hand_over_room(w, READ_OCTETS) : want;

	w->no_room = !room;
	return room < want ? (unsigned)room : want;
}

/* Deals with one read's result; false: nothing was there. */
static bool
take_packet(struct worker *w, const uint8_t *p, int n)
{
	bool virtio = w->shared->tun.vnet_hdr;
	int head = virtio ? (int)sizeof(struct virtio_net_hdr) : 0;

	if (n > head)
		submit(w, virtio ? (const struct virtio_net_hdr *)(const void *)p : NULL, span_of(p + head, (size_t)(n - head)));
	return n >= 0;
}

static bool
device_gone(int result)
{
	return result < 0 && result != -EAGAIN && result != -EINTR && result != -EIO;
}

void
outbound_forget_lessons(struct worker *w)
{
	w->outbound->n_lessons = 0;
}

void
outbound_leave(struct worker *w, const struct esp_sa *sa, unsigned to)
{
	struct outbound *o = w->outbound;
	instant_t until = boottime() + LEAVING_TIME;
	size_t moved = w->moved;
	bool there = true;

	o->leaving = sa;
	o->leaving_to = to;
	for (unsigned i = 0; i < NOTES; i++)
		if (o->note[i].sa == sa)
			tun_steer_teach(&w->shared->steer, o->note[i].bucket, to);
	while (there && boottime() < until) {
		w->moved = 0;
		there = outbound_read(w) && w->moved;
		workers_empty_inboxes(w->shared);
	}
	w->moved = moved;
	o->leaving = NULL;
}

bool
outbound_read(struct worker *w)
{
	struct outbound *o = w->outbound;
	bool gone = false, empty = false;
	bool handed_over = o->hands_over;
	size_t octets = 0;

	o->hands_over = false;
	for (unsigned reads = 0; reads < READS_PER_TURN && octets < OCTETS_PER_TURN && !empty;) {
		unsigned asked = limit_by_room(w, o->want, handed_over || o->hands_over), got = 0;
		size_t before = octets;
		int one;
		int n[READS_AT_ONCE];

		if (!asked)
			break;
		memcpy(n, read_packets(w, asked, &one), asked * sizeof *n);
		/* What another worker read of these flows before. It may use the ring, whose results are ours no longer. */
		worker_take_inboxes(w);
		/* A packet may have come after a read that found nothing. */
		for (unsigned i = 0; i < asked; i++) {
			gone |= device_gone(n[i]);
			if (!take_packet(w, o->read + (size_t)i * READ_STRIDE, n[i]))
				continue;
			got++;
			octets += (size_t)n[i];
		}
		reads += asked;
		empty = got < asked;
		o->want = next_want(w, asked, got, octets - before);
	}
	o->hands_over |= w->no_room;
	w->moved += octets;
	/* Where the queue is never empty one flow may be out of order once: better than that it holds up all others. */
	if (empty || w->now - o->learnt > LESSON_WAITS)
		teach(w);
	outbound_flush(w);
	return !gone;
}
