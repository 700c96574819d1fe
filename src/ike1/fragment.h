/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_FRAGMENT_H
#define SALLYPORT_IKE1_FRAGMENT_H

#include "exchange.h"

/* Sends @message in fragments where that is wanted and needed; false: it is to be sent as it is. */
bool ike1_send_fragments(struct ike_sa *sa, struct span message);
/* True when @in completes a message: *whole, with its own header, in the scratch arena. */
bool ike1_take_fragment(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h, struct datagram *whole,
                        struct isakmp_header *inner);

#endif
