/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_PMTU_H
#define SALLYPORT_PMTU_H

#include "esp.h"

/*
 * Path MTU: RFC 4301 section 8. A packet that is too large for its SA is
 * answered with ICMP if it must not be fragmented. If it may be, it is cut
 * BEFORE encryption, so that the peer has nothing to reassemble before it can
 * authenticate (and NATs pass it). Only an SA whose selectors look at ports
 * cannot do that, because later fragments carry none (section 7): its ESP
 * packets are sent whole, with DF clear, and fragmented outside. An IPv6 packet
 * may be cut if its source cut it before (defrag.h).
 */

enum pmtu_action {
	PMTU_FITS,
	PMTU_FRAGMENT, /* fragment_open ... */
	PMTU_OUTER,    /* send it whole, with DF clear outside whatever outer_df says: the kernel fragments */
	PMTU_ICMP,     /* drop as ESP_DROP_TOO_BIG; answer with pmtu_icmp */
};

/* The largest inner packet whose outer packet is within @outer_mtu; at least 0. */
uint32_t pmtu_inner_max(const struct esp_sa *sa, uint32_t outer_mtu);

/*
 * What to tell a sender: pmtu_inner_max for the SA's path, but never below 576 (IPv4,
 * RFC 791) or 1280 (IPv6, RFC 8200 section 5): smaller packets cannot be asked for.
 */
uint32_t pmtu_advertised(const struct esp_sa *sa, uint8_t inner_version);

/* What to do with an inner packet of @len octets on @sa. */
enum pmtu_action pmtu_judge(const struct esp_sa *sa, const uint8_t *inner, uint32_t len);

/*
 * pmtu_icmp - writes ICMP "fragmentation needed" (RFC 792, 1191) or ICMPv6
 * "packet too big" (RFC 4443 section 3.2) to the sender of @inner.
 *
 * @out   at least PMTU_ICMP_MAX octets
 * @from  source address: one of this host's own, same family; IP_NONE: the packet's destination
 * @mtu   what the sender should use
 * Returns its length; 0 where none may be sent (RFC 1122 section 3.2.2, RFC 4443
 * section 2.4: about an ICMP error, a later fragment, from or to an address that is no single host).
 */
size_t pmtu_icmp(uint8_t *out, const uint8_t *inner, uint32_t len, const struct ip *from, uint32_t mtu);

enum { PMTU_ICMP_MAX = 1280 };

/* ICMPv6 Packet Too Big (RFC 4443 section 3.2) about an AH packet of ours, with what it quotes. */
struct pmtu_report {
	struct ip local, remote;
	uint32_t spi, seq;
	uint32_t mtu; /* at least 1280 */
};

/* @icmp: from the ICMPv6 header on, its checksum verified. False: another message, cut short, or about no AH. */
bool pmtu_report_read(struct pmtu_report *out, struct span icmp);
/* Whether this outbound SA, or the AH around it, sent the packet that is quoted, and lately. */
bool pmtu_report_is_of(struct esp_sa *sa, const struct pmtu_report *r);

/* A packet being cut into fragments: RFC 791 section 3.2, RFC 8200 section 4.5. */
struct fragment {
	const uint8_t *packet;
	uint32_t len, header, at, mtu; /* header: octets in front of the payload of the first fragment */
	uint32_t payload_at;           /* in the packet */
	/* IPv4: a copy, since options that are not copied are in the first only. */
	uint8_t first_header[60], later_header[60];
	uint32_t later;
	/* IPv6 */
	uint32_t next_at, identification;
	uint8_t next;
};

/*
 * fragment_open - @packet is borrowed, and read until the last fragment is taken.
 *
 * @identification  of an IPv6 packet that has no Fragment header; one that has keeps its own
 *
 * False: no IP packet, DF set, IPv6 and a fragment already, or @mtu too small for 8 octets of payload.
 */
bool fragment_open(struct fragment *f, const uint8_t *packet, uint32_t len, uint32_t mtu, uint32_t identification);
/* Octets of the next fragment; 0 after the last. */
uint32_t fragment_next_octets(const struct fragment *f);
/* Writes it, header checksum included. */
void fragment_take(struct fragment *f, uint8_t *out);

#endif
