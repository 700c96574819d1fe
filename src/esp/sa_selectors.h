/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SA_SELECTORS_H
#define SALLYPORT_SA_SELECTORS_H

#include "sa.h"

/*
 * The selectors of an inbound SA, for this folder only: behind its ring or, where
 * all there is to look at is one pair of IPv4 ranges, as many SAs have it, in the SA itself.
 */

/* Octets that they take behind the ring; SIZE_MAX where one is dynamic or mixes families. */
size_t sa_selectors_octets(const struct selector_pair *ts, size_t n);
/* The same of an SA that is installed. */
size_t sa_selectors_octets_of(const struct esp_sa *sa);
/* Packs them and sets counts and SA_ONE_RANGE of @sa, whose window is open. */
void sa_selectors_pack(struct esp_sa *sa, const struct selector_pair *ts, size_t n);
/* SA_PORTS and SA_NARROW, as the selectors have it. */
uint16_t sa_selectors_flags(const struct selector_pair *ts, size_t n);

#endif
