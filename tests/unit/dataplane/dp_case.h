/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_DP_CASE_H
#define SALLYPORT_TEST_DP_CASE_H

#include "control.h"
#include "inbound.h"
#include "outbound.h"

/*
 * A data plane without threads, root or kernel devices: a socket pair stands for
 * each worker's TUN queue, loopback addresses for the network. The test calls
 * the workers' steps itself, so each run is the same.
 */
enum { DP_CASE_WORKERS = 2, DP_CASE_PACKET_MAX = 70000 };

struct dp_case {
	struct dataplane dp;
	struct worker worker[DP_CASE_WORKERS];
	int tun[DP_CASE_WORKERS]; /* the kernel's end of the TUN queues */
	struct endpoint self;
};

/* @last: 127.0.0.@last is the gateway's address. */
void dp_case_open(struct dp_case *c, uint8_t last, unsigned workers, bool virtio);
void dp_case_close(struct dp_case *c);

/* 10.@from.0.0/16 to 10.@to.0.0/16, seen from the @from side. */
struct selector_pair dp_case_ts(unsigned from, unsigned to);
bool dp_case_claim(struct dp_case *c, uint32_t reqid, unsigned from, unsigned to, bool trap);
/* AES-256-GCM in UDP; the key follows from the SPI and @key. */
struct sa_params dp_case_sa(const struct dp_case *c, const struct dp_case *peer, enum sa_direction d, uint32_t spi, uint8_t key);
/* Installs the two ends of one direction: out at @from, in at @to. */
void dp_case_install(struct dp_case *from, struct dp_case *to, uint32_t spi, uint8_t key);

/* A UDP packet from 10.@src.0.1 to 10.@dst.0.1 with @n octets of payload made from @seed. Returns its length. */
size_t dp_case_packet(uint8_t *out, unsigned src, unsigned dst, size_t n, uint8_t seed);
/* What the kernel routes into the TUN device. */
void dp_case_route(struct dp_case *c, unsigned worker, const struct virtio_net_hdr *vh, const uint8_t *packet, size_t n);
/* What came out of it; 0: nothing. */
size_t dp_case_delivered(struct dp_case *c, unsigned worker, struct virtio_net_hdr *vh, uint8_t *out);
/* Every worker deals with what waits. */
void dp_case_turn(struct dp_case *c);
uint64_t dp_case_drops(struct dp_case *c, enum esp_drop why);
/* The next event's kind; -1: none. */
int dp_case_event(struct dp_case *c, struct dataplane_event *out);

#endif
