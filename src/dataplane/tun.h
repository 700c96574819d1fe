/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_TUN_H
#define SALLYPORT_DATAPLANE_TUN_H

#include <linux/if.h>

#include "span.h"

/*
 * The TUN device: one queue per worker. With virtio headers the kernel hands
 * over and takes TCP and UDP super-packets of up to 64 KiB, whose checksums are
 * still open (IFF_VNET_HDR, TUNSETOFFLOAD); without, one packet per call.
 */
struct tun {
	char name[IFNAMSIZ];
	unsigned ifindex;
	bool vnet_hdr; /* each read and write begins with a struct virtio_net_hdr */
	bool tso;      /* TCP super-packets both ways */
	bool uso;      /* UDP super-packets too (Linux 6.2) */
};

/*
 * tun_open - makes (or attaches to) the device and opens @n queues of it.
 *
 * @fd   receives @n non-blocking descriptors, owned by the caller
 * @name may hold "%d"; the name given comes back in @t
 * @mtu  set only where the device is new: an administrator's MTU stays
 * @with_offload  whether to ask for super-packets
 *
 * The device is up afterwards. False with a sentence in @why.
 */
bool tun_open(struct tun *t, int *fd, unsigned n, const char *name, unsigned mtu, bool with_offload, char *why, size_t why_size);

#endif
