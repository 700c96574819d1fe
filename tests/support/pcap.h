/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_PCAP_H
#define SALLYPORT_TEST_PCAP_H

#include "addr.h"

/*
 * Reads captures (pcap and pcapng, also .gz) for tests: IP packets out of
 * Ethernet, Linux "cooked", loopback and raw frames, fragments put together.
 */
struct pcap_fragments;

struct pcap {
	uint8_t *octets; /* the file */
	size_t n, at;
	bool ng, swapped;
	uint32_t link_type;
	struct pcap_fragments *fragments;
};

struct pcap_packet {
	size_t number;      /* frame number from 1, as Wireshark counts */
	struct ip src, dst; /* IP_NONE: not an IP packet, or cut off */
	uint8_t proto;
	uint16_t sport, dport; /* UDP */
	struct span ip;        /* the whole IP packet; of a reassembled one the last fragment */
	struct span payload;   /* UDP: its data; others: what follows the IP header */
};

/* False when the file cannot be read or is neither format. */
bool pcap_open(struct pcap *p, const char *path);
/* The next frame; false at the end. What it points to lives until the next call. */
bool pcap_next(struct pcap *p, struct pcap_packet *out);
void pcap_close(struct pcap *p);

/* The IKE message in a packet: UDP 500, or 4500 behind a non-ESP marker (RFC 3948 section 2.2). */
bool pcap_ike(struct span *message, const struct pcap_packet *packet);

/* A whole file; p is NULL where it cannot be read. free() it. */
struct span file_read(const char *path);
/* Formats a path below the folder in environment variable @env; false where that is unset. */
bool data_path(char out[1024], const char *env, const char *name);

#endif
