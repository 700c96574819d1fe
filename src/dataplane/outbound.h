/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_OUTBOUND_H
#define SALLYPORT_DATAPLANE_OUTBOUND_H

#include "worker.h"

/* From the TUN device to the peer: RFC 4301 section 5.1. */

struct outbound *outbound_new(void);
void outbound_free(struct outbound *o);

/* Reads what waits in the TUN queue, up to a budget. False: the device is gone. */
bool outbound_read(struct worker *w);
/*
 * While the workers stand still: empties the TUN queue, and lets what follows of the flows of @sa come to worker @to. So
 * none of it has to be handed over when @sa is that one's.
 */
void outbound_leave(struct worker *w, const struct esp_sa *sa, unsigned to);
/* What the device was going to be told of other workers' flows is out of date. */
void outbound_forget_lessons(struct worker *w);
/* A packet that another worker read. */
void outbound_handed_over(struct worker *w, const struct hand_over *h, struct span packet);
/* Sends the packets held for this policy, as if they came now. */
void outbound_release_held(struct worker *w, struct policy *p);
/* Protects and sends what was gathered. Nothing is kept for later. */
void outbound_flush(struct worker *w);

/* Where an outbound SA's datagrams go: hangs on esp_sa.user. */
struct send_target {
	struct sockaddr_storage to;
	socklen_t to_octets;
	enum socket_kind kind;
	instant_t mtu_asked; /* when the route was last asked for its MTU */
};

void send_target_set(struct send_target *t, const struct esp_path *path);

/*
 * send.c: takes batches that esp_transmit has sealed, and sends them. What the packets lie in must stay until then, and
 * their SAs.
 */
struct sender;
struct sender *sender_new(void);
void sender_free(struct sender *s);
void sender_add(struct sender *s, struct worker *w, const struct batch *b);
void sender_send(struct sender *s, struct worker *w);

/* send_whole.c: sends those that are whole packets (transport mode, AH), and leaves the others in the batch. */
void send_whole(struct worker *w, struct batch *b);

/* packet.user: flags; above them, in the first packet of a super-packet, how many it was cut into. */
enum { PACKET_FRAGMENT_OUTSIDE = 1, /* PMTU_OUTER */ PACKET_COUNT_SHIFT = 8 };

/* Asks the kernel for the path's MTU now. */
void path_ask_mtu(struct worker *w, struct esp_sa *sa);
/* too_big.c: reads what routers say about AH over IPv6. */
void too_big_read(struct worker *w);
/* Reads a socket's error queue: ICMP "too big" lowers the MTU of the path it is about. */
void outbound_socket_errors(struct worker *w, enum socket_kind k);

#endif
