/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_INBOUND_H
#define SALLYPORT_DATAPLANE_INBOUND_H

#include "worker.h"

/* From the peer to the TUN device: RFC 4301 section 5.2, RFC 3948 section 3. */

struct inbound *inbound_new(const struct tun *t);
void inbound_free(struct inbound *in);

/* Receives what waits at the socket, up to a budget. False: the socket is gone. */
bool inbound_read(struct worker *w, enum socket_kind k);
/* An ESP packet that another worker received. */
void inbound_handed_over(struct worker *w, const struct hand_over *h, struct span packet);
/* Opens and delivers what was gathered. Nothing is kept for later. */
void inbound_flush(struct worker *w);

#endif
