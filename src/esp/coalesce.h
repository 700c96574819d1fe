/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_COALESCE_H
#define SALLYPORT_COALESCE_H

#include <linux/virtio_net.h>
#include <sys/uio.h>

#include "esp.h"

/*
 * Joining decrypted TCP and UDP segments into super-packets for a TUN device
 * with IFF_VNET_HDR, only where no receiver could tell: segmenting the result
 * as the kernel does gives the same octets again. Segments join when they
 * follow each other in one flow (TCP sequence, IPv4 identification) with equal
 * headers (TOS, TTL, DF, flow label, options, acknowledgement, window), valid
 * checksums and equal sizes but for the last. Packets of one flow never
 * overtake each other.
 */

enum coalesce_feature {
	COALESCE_TCP4 = 1 << 0,
	COALESCE_TCP6 = 1 << 1,
	COALESCE_UDP = 1 << 2, /* the device takes UDP super-packets (USO, Linux 6.2) */
	/*
	 * Datagrams with DF set whose IPv4 identification stays the same may join
	 * too, as in the kernel's own GRO: RFC 6864 section 4.1 forbids receivers to
	 * look at it. Segmenting counts it up, so this alone is not byte-exact.
	 */
	COALESCE_ATOMIC_ID = 1 << 3,
};

/* One write to the TUN device: writev(tun, iov, n_iov). iov[0] is the virtio header. */
struct super_packet {
	struct virtio_net_hdr vh;
	struct iovec *iov;
	uint32_t n_iov;
	uint32_t octets;  /* of the IP packet */
	uint32_t packets; /* that went into it */
	uint32_t first;   /* index in the batch of the first of them */
};

enum { COALESCE_SEGMENTS_MAX = 64, COALESCE_FLOWS = 16 };

struct coalesce_slot {
	uint64_t hash, addresses;
	uint32_t next_seq; /* TCP sequence number that would follow */
	uint32_t payload;  /* of each segment */
	uint32_t octets, count;
	uint16_t first, last; /* packets of the batch, chained by link[] */
	uint16_t header, l4;
	uint8_t proto, family;
	bool ends, fixed_id, verified;
};

struct coalesce {
	unsigned features; /* enum coalesce_feature */
	size_t n;
	struct super_packet out[ESP_BATCH_MAX];
	/* Scratch. */
	struct iovec iov[2 * ESP_BATCH_MAX];
	uint16_t link[ESP_BATCH_MAX];
	struct coalesce_slot slot[ESP_BATCH_MAX];
	uint16_t flow[COALESCE_FLOWS];
	unsigned n_flows, victim;
};

/*
 * coalesce - joins what passed in @b: c->out[0..c->n), ordered by their first packets.
 *
 * Headers of packets are rewritten in place; the iovecs point into the packets
 * and into @c, and are valid until either is used again. Every packet of
 * @b comes out exactly once: nothing waits for a later batch.
 */
void coalesce(struct coalesce *c, const struct batch *b);

#endif
