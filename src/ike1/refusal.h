/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_REFUSAL_H
#define SALLYPORT_IKE1_REFUSAL_H

#include "exchange.h"

/* Which notification a refusal calls for: RFC 2408 sections 5.2 to 5.12, RFC 2407 section 4.5.3. */

/* A first message of an exchange that is not one of ours; 0: nobody is told. */
uint16_t refusal_of_exchange(uint8_t type);
/* A message of an exchange, by its verdict and what could not be read; 0: nobody is told. */
uint16_t refusal_of_message(const struct exchange *ex, enum verdict v);
/* An SA payload that is not about IPsec, or wants labels: VERDICT_DOI with ex->notify and ex->why. */
enum verdict refusal_of_situation(struct exchange *ex, const struct sa_payload *sa);
/* An offer of which nothing was chosen. */
uint16_t refusal_of_offer(const struct suites *offered);

#endif
