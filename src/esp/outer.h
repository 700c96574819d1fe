/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_OUTER_H
#define SALLYPORT_OUTER_H

#include "sa.h"

/* The outer header of tunnel mode: RFC 4301 section 5.1.2, RFC 6040. */

enum { OUTER_TTL = 64, OUTER_OCTETS_MAX = 40 + 8, UDP_HEADER_OCTETS = 8 };

enum ecn { ECN_NOT_ECT = 0, ECN_ECT_1 = 1, ECN_ECT_0 = 2, ECN_CE = 3 };

/* TOS or traffic class for the outer header of an inner packet: DSCP if copied; ECN as in RFC 6040 section 4.1, normal mode, if
 * copied. */
uint8_t outer_tos(const struct esp_sa *sa, const uint8_t *inner);

/*
 * DF of an outer IPv4 header. RFC 4301 section 8.1: copied from an inner IPv4
 * header where the SA says so, else clear. An inner IPv6 packet counts as DF set.
 */
bool outer_df(const struct esp_sa *sa, const uint8_t *inner);

/*
 * outer_carry_in - carries DSCP (if the SA says so) and ECN from the outer to
 * the inner header, as RFC 6040 section 4.2, figure 4. The IPv4 header checksum is adjusted.
 *
 * False: CE outside on an inner packet that is Not-ECT: it must be dropped.
 */
bool outer_carry_in(const struct esp_sa *sa, uint8_t *inner, uint8_t tos);

/*
 * outer_build - writes the headers in front of an ESP packet, for senders that
 * make their own: IPv4 (20 octets) or IPv6 (40), then UDP (8) if the path says so.
 *
 * @out   at least OUTER_OCTETS_MAX; the ESP packet follows directly
 * @esp   octets of the ESP packet
 * @id    IPv4 identification
 * Returns how many octets were written. UDP checksum: zero over IPv4 (RFC 3948
 * section 2.1); over IPv6 it is left zero for the caller, who must complete it (outer_udp6_checksum).
 */
size_t outer_build(uint8_t *out, const struct esp_path *path, uint32_t esp, uint8_t tos, bool df, uint16_t id,
                   uint32_t flow_label);

/* Completes the UDP checksum of a packet that outer_build began over IPv6: RFC 8200 section 8.1. */
void outer_udp6_checksum(uint8_t *packet, size_t n);

/* Octets that outer_build writes for this path. */
size_t outer_octets(const struct esp_path *path);

#endif
