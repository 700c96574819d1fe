/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DEFRAG_H
#define SALLYPORT_DEFRAG_H

#include "instant.h"
#include "span.h"

/*
 * Fragments that the local IP layer made, put together again before protection:
 * transport mode takes whole datagrams only (RFC 4303 section 3.3.4), and selectors
 * with ports see none in later fragments (RFC 4301 section 7).
 */
struct defrag;

enum {
	DEFRAG_DATAGRAMS_MAX = 64,          /* in pieces at the same time */
	DEFRAG_PIECES_MAX = 256,            /* of one datagram */
	DEFRAG_OCTETS_MAX = 1 << 20,        /* of memory for pieces */
	DEFRAG_DATAGRAM_OCTETS_MAX = 65535, /* IPv4's own limit */
	DEFRAG_HEADER_OCTETS_MAX = 2048,    /* IP header with extension headers */
};

/* Pieces wait so long for the rest of their datagram: RFC 8200 section 4.5. */
#define DEFRAG_TIMEOUT SECONDS(60)

enum defrag_result {
	DEFRAG_NONE,  /* no fragment, or no IP packet: the packet as it is */
	DEFRAG_WAITS, /* taken; the datagram is not whole yet */
	DEFRAG_WHOLE, /* the datagram */
	DEFRAG_LOST,  /* it cannot become whole */
};

/* NULL when out of memory. */
struct defrag *defrag_new(void);
/* NULL is allowed. */
void defrag_free(struct defrag *d);

/*
 * defrag_take - takes one packet.
 *
 * DEFRAG_WHOLE leaves the datagram in *packet, which is valid until the next call.
 * That of IPv6 keeps its Fragment header, which says now that it is the only one
 * (RFC 6946): so it can be cut again under the same identification.
 *
 * When a limit is met the oldest datagram makes room. Overlapping pieces lose their
 * datagram (RFC 5722); the same piece twice is taken once.
 *
 * Adds to *lost the fragments that were given up, this one included.
 */
enum defrag_result defrag_take(struct defrag *d, struct span *packet, instant_t now, uint64_t *lost);

/* Octets of memory that waiting pieces take. */
size_t defrag_octets(const struct defrag *d);

#endif
