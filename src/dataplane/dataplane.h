/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_H
#define SALLYPORT_DATAPLANE_H

#include "esp.h"
#include "instant.h"

/*
 * The userspace data plane: workers that carry packets between the TUN device
 * and ESP (UDP 4500, or protocol 50). One control thread calls these functions;
 * what happens comes back as events through a file descriptor.
 */
struct dataplane;

struct dataplane_options {
	const char *tun_name;            /* "sallyport0"; "%d" patterns allowed */
	unsigned mtu;                    /* of the TUN device; 0: 1400. An MTU set by the administrator later stays */
	unsigned workers;                /* 0: one per CPU given to us */
	uint32_t bypass_mark, mark_mask; /* SO_MARK on every socket of the daemon, so that its packets are never diverted */
	uint16_t port_nat_t;             /* 4500 */
	unsigned hold_packets;           /* per policy while an SA is negotiated; 0: 64 */
	unsigned hold_ms;                /* how long; 0: 30000 */
	bool native_esp;                 /* open raw sockets for protocol 50 */
	bool no_offload;                 /* one packet a call, as on a kernel without offloads */
	bool no_tun_steer;               /* the TUN device chooses queues by itself, as on a kernel without BPF */
};

/*
 * NULL with a sentence in @why (what failed, what to do). Opens TUN, the UDP
 * 4500 sockets (IPv4 and IPv6) and, if asked, the raw sockets; starts the workers.
 */
struct dataplane *dataplane_open(const struct dataplane_options *o, char *why, size_t why_size);
void dataplane_close(struct dataplane *dp);

/* The name and index of the TUN device. */
const char *dataplane_tun_name(const struct dataplane *dp);
unsigned dataplane_tun_ifindex(const struct dataplane *dp);

/* ---- control: RFC 4301 SAD and SPD. Effective when they return. */

/* Never installs the same keys twice. False with a sentence in *why. */
bool dataplane_install(struct dataplane *dp, const struct sa_params *sa, const char **why);
/*
 * An outbound SA carries its policy's traffic from when it is installed; the previous one of the same selectors stays until
 * removed. Later an SA is named by its child, too: outbound SPIs are the peers' numbers, and another peer, by chance or
 * not, may have chosen the same. False: there is no such SA.
 */
bool dataplane_update(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id, const struct endpoint *local,
                      const struct endpoint *remote);
bool dataplane_remove(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id);
bool dataplane_usage(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id, struct sa_usage *out);

/* Adds or replaces the policy of c->reqid. Held packets stay held over a replacement. */
bool dataplane_claim(struct dataplane *dp, const struct claim *c);
void dataplane_release(struct dataplane *dp, uint32_t reqid);

/*
 * An IKE message on the NAT-T port: the non-ESP marker is put in front; or a keepalive (RFC 3948 2.3). From the address
 * given, with @tos as its Type of Service or Traffic Class.
 */
bool dataplane_send_ike(struct dataplane *dp, const struct endpoint *local, const struct endpoint *remote, uint8_t tos,
                        struct span data, bool keepalive);

/* ---- events */

enum dataplane_event_kind {
	DATAPLANE_IKE,         /* an IKE message came in on the NAT-T port; data without the marker */
	DATAPLANE_ACQUIRE,     /* reqid, flow: a packet is held for want of an SA (rate-limited per policy) */
	DATAPLANE_EXPIRE_SOFT, /* spi, direction, child_id: time to rekey (once) */
	DATAPLANE_EXPIRE_HARD, /* the SA stopped: limit reached (once) */
	DATAPLANE_INVALID_SPI, /* spi, remote (rate-limited) */
	DATAPLANE_MAPPING,     /* authenticated, fresh packet on spi from a new remote (RFC 3948 section 4; rate-limited) */
	DATAPLANE_FAILED,      /* a worker cannot go on; text says why */
};

struct dataplane_event {
	enum dataplane_event_kind kind;
	uint32_t spi, child_id, reqid;
	enum sa_direction direction;
	struct endpoint local, remote;
	struct flow flow;
	struct span data; /* IKE; valid until the next call of dataplane_next_event */
	const char *text;
};

/* Readable when events wait. */
int dataplane_event_fd(const struct dataplane *dp);
/* False when there is none left. */
bool dataplane_next_event(struct dataplane *dp, struct dataplane_event *out);

/* Sum over workers; @out has ESP_DROP_COUNT entries (index ESP_DROP_NONE: accepted inbound). */
void dataplane_drops(struct dataplane *dp, uint64_t *out);
/* What happened that is no drop, summed over workers. */
struct dataplane_counters {
	uint64_t keepalives;  /* NAT keepalives received: RFC 3948 section 2.3 */
	uint64_t handed_over; /* packets that arrived at a worker other than their SA's */
	uint64_t icmp_sent;   /* "packet too big", sent to inner senders */
	uint64_t reassembled; /* datagrams made whole again before protection: RFC 4303 section 3.3.4 */
	uint64_t moved;       /* times that an outbound SA went to another worker (balance.c) */
	uint64_t events_lost; /* found no room: the control thread did not keep up */
};

void dataplane_counters(struct dataplane *dp, struct dataplane_counters *out);
/* What the kernel offers and we use ("tun offload tso4 tso6 uso; udp gso, gro"), for log and status. */
const char *dataplane_features(const struct dataplane *dp);

#endif
