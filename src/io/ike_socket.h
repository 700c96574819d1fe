/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE_SOCKET_H
#define SALLYPORT_IKE_SOCKET_H

#include "addr.h"

/*
 * The IKE port (UDP 500), one socket for IPv4 and one for IPv6. The NAT-T port
 * carries ESP as well and belongs to the data plane. Replies leave from the
 * address that was addressed (IP_PKTINFO); the bypass mark keeps our own
 * packets out of our own tunnels.
 */
struct ike_socket {
	int fd4, fd6; /* -1: that family is not available */
	uint16_t port;
};

/* False with a sentence in @why when neither family can be opened. */
bool ike_socket_open(struct ike_socket *s, uint16_t port, uint32_t bypass_mark, char *why, size_t why_size);
void ike_socket_close(struct ike_socket *s);

/* One datagram into @buf (returned as @data). False when none waits. */
bool ike_socket_receive(int fd, uint8_t *buf, size_t size, struct span *data, struct endpoint *local, struct endpoint *remote);
/* From @local.ip (any: the kernel's choice), with @tos as Type of Service or Traffic Class. False: errno says why. */
bool ike_socket_send(const struct ike_socket *s, const struct endpoint *local, const struct endpoint *remote, uint8_t tos,
                     struct span data);

#endif
