/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_BUILD_H
#define SALLYPORT_IKE1_BUILD_H

#include "ike1_attributes.h"
#include "ike1_sa.h"

/* What the offers of both phases are built with. Private to this folder. */

enum { TRANSFORMS_NEEDED_MAX = 128 /* of one proposal */ };

extern const char ike1_no_memory[];

void ike1_basic(struct transform_payload *t, uint16_t type, uint64_t value);
bool ike1_lifetime(struct transform_payload *t, uint16_t type_class, uint16_t duration_class, uint16_t unit, uint64_t duration,
                   struct arena *a);
bool ike1_transform_open(struct transform_payload *t, size_t number, uint8_t id, struct arena *a);
/* The @i-th of the configured ones of a kind; NULL past the last. */
const struct algorithm *ike1_algorithm_at(const struct proposal *p, enum transform_kind kind, uint8_t i);
/* The initiator's check of one suite against what was offered: NULL, or a sentence. */
const char *ike1_find_offered(struct suite *chosen, const struct suites *ours);

#endif
