/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_INFORMATIONAL_H
#define SALLYPORT_INFORMATIONAL_H

#include "exchange.h"

/* ---- info_send.c, informational.c */
/* A notification under the SA's protection, or in clear while there is none (RFC 2409 section 5.7). */
void info_notify(struct ike_sa *sa, uint8_t protocol, uint16_t type, struct span spi, struct span data);
/* In clear, about the message that is being looked at, as far as the gate lets it (ike/clear_gate.h). */
void info_notify_clear(struct exchange *ex, const uint8_t cookie_r[8], uint16_t type);
/* The same about a datagram of no exchange. */
void info_answer_clear(struct ike *core, const struct datagram *in, const struct isakmp_header *h, uint16_t type);
void info_receive(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h);
void info_child_deleted(struct child_sa *c);
void info_spi_deleted(struct ike_sa *sa, uint32_t spi);
void info_ike_deleted(struct ike_sa *sa);
void info_probe(struct ike_sa *sa);
/* Notifications inside a message that is proven: what has no effect there is told. */
void info_said_inside(struct ike_sa *sa, const struct message *m);
/* Our lifetime is shorter than what the peer offered: RFC 2407 section 4.6.3.1. */
void info_add_responder_lifetime(struct builder *b, struct arena *a, uint8_t protocol, struct span spi, uint64_t seconds,
                                 uint64_t kilobytes);
/* The lifetimes in a RESPONDER-LIFETIME notification; 0 where it says none. */
struct lifetimes {
	uint64_t seconds, kilobytes;
};

struct lifetimes info_responder_lifetime(const struct message *m, uint8_t protocol, struct arena *a);
void info_initial_contact(struct ike_sa *sa);

/* ---- between the two files */
/* The SPI of an IKE_SA: both cookies. */
struct span info_cookies(const struct ike_sa *sa, uint8_t room[16]);
const char *info_protocol_word(uint8_t protocol);
/* The child that the peer's SPI names, under this SA or another of the same peer; or NULL. */
struct child_sa *info_find_deleted(struct ike_sa *sa, uint8_t protocol, uint32_t spi);
/* R-U-THERE, R-U-THERE-ACK. */
void info_dpd(struct ike_sa *sa, uint16_t type, uint32_t sequence);

#endif
