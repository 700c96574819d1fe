/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SEGMENT_H
#define SALLYPORT_SEGMENT_H

#include <linux/virtio_net.h>

#include "esp.h"

/*
 * Cutting what a TUN device with IFF_VNET_HDR hands over (super-packets of up
 * to 64 KiB, checksums left open) into packets that can be protected, straight
 * into the buffers that will be encrypted:
 *
 *	d = segment_open(&s, &vh, packet, n);
 *	while ((n = segment_next_octets(&s)) != 0)
 *		segment_take(&s, room_for(esp_sealed_octets(sa, n)) + sa->head_octets);
 */
struct segment {
	const uint8_t *packet;
	uint32_t len;      /* of the super-packet */
	uint32_t at;       /* next payload octet; len: the end */
	uint32_t header;   /* IP and TCP or UDP headers, repeated in each segment */
	uint32_t l4;       /* where TCP or UDP begins */
	uint32_t gso_size; /* payload octets of each segment but the last */
	uint32_t index;    /* segments taken */
	uint8_t proto;     /* 6, 17; 0: one packet, taken as it is */
	uint8_t family;
	bool open_csum; /* one packet whose checksum is still to be completed */
	bool done;
	uint16_t csum_at; /* of open_csum: where to put it; it starts at l4 */
	uint32_t sum_ip;  /* partial sums without the fields that change */
	uint32_t sum_l4;
};

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/*
 * segment_open - prepares the cutting of one packet read from the TUN device.
 *
 * @vh      its virtio header (native byte order); NULL where the device has none
 * @packet  borrowed until the last segment_take; not written
 *
 * ESP_DROP_MALFORMED when headers and lengths do not fit each other.
 */
enum esp_drop segment_open(struct segment *s, const struct virtio_net_hdr *vh, const uint8_t *packet, uint32_t len);

/* Octets of the next whole packet; 0 after the last. */
uint32_t segment_next_octets(const struct segment *s);

/* The largest packet that will come: for the comparison with the path's MTU. */
uint32_t segment_max_octets(const struct segment *s);

/* How many packets are still to come. */
uint32_t segment_count(const struct segment *s);

/* Writes the next packet, segment_next_octets long, checksums completed. */
void segment_take(struct segment *s, uint8_t *out);

#endif
