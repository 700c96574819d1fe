/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ISAKMP_PAYLOADS_H
#define SALLYPORT_ISAKMP_PAYLOADS_H

#include "isakmp.h"

/*
 * Inside isakmp/: each payload's one description, after the generic header, for
 * decoding, encoding and dumping. See wire.h.
 */
void isakmp_header_wire(struct wire *w, struct isakmp_header *h);
void sa_wire(struct wire *w, struct sa_payload *sa);
void attributes_wire(struct wire *w, struct attribute **attr, size_t *n);
void id_wire(struct wire *w, struct id_payload *id);
void notify_wire(struct wire *w, struct notify_payload *n);
void delete_wire(struct wire *w, struct delete_payload *d);

/* Whichever description belongs to p->type. */
void payload_wire(struct wire *w, struct payload *p);

/* The P() bit of a type; 0 for types that have none. */
uint32_t payload_bit(uint8_t type);

#endif
