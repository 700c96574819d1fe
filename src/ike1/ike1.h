/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_H
#define SALLYPORT_IKE1_H

#include "exchange.h"

/* IKEv1, for ike_new(). */
extern const struct ike_protocol ike1_protocol;

#endif
