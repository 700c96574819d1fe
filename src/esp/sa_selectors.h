/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SA_SELECTORS_H
#define SALLYPORT_SA_SELECTORS_H

#include "sa.h"

/* The selectors of an inbound SA, packed behind it; for this folder only. */

/* Octets that they take; SIZE_MAX where one is dynamic or mixes families. */
size_t sa_selectors_octets(const struct selector_pair *ts, size_t n);
/* Packs them at @out and sets the counts and flags of @sa. */
void sa_selectors_pack(struct esp_sa *sa, uint8_t *out, const struct selector_pair *ts, size_t n);
/* SA_PORTS and SA_NARROW, as the selectors have it. */
uint16_t sa_selectors_flags(const struct selector_pair *ts, size_t n);

#endif
