/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_MSCHAP_H
#define SALLYPORT_MSCHAP_H

#include "span.h"

/* MS-CHAPv2, RFC 2759: MD4 and DES, for what old servers of users' passwords know. */

enum { MSCHAP_CHALLENGE_OCTETS = 16, MSCHAP_RESPONSE_OCTETS = 24, MSCHAP_AUTHENTICATOR_OCTETS = 20 };

struct mschapv2 {
	uint8_t response[MSCHAP_RESPONSE_OCTETS];           /* NT-Response, section 8.1 */
	uint8_t authenticator[MSCHAP_AUTHENTICATOR_OCTETS]; /* of a server that knows the password, section 8.7 */
};

/**
 * mschapv2 - what the user says to a challenge, and what the server must say then.
 *
 * @password   UTF-8, at most 256 characters of the basic plane
 * @server, @peer  the two challenges, MSCHAP_CHALLENGE_OCTETS each
 *
 * False when libcrypto has no MD4 or DES here, or the password is not of that form.
 */
bool mschapv2(struct mschapv2 *out, struct span name, struct span password, const uint8_t *server, const uint8_t *peer);

#endif
