/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_EAP_H
#define SALLYPORT_EAP_H

#include "rng.h"
#include "secret.h"
#include "wire.h"

/*
 * The peer's side of EAP (RFC 3748) for a user whose name and password we were
 * given: EAP-MD5 and EAP-MSCHAPv2. Pure.
 */

enum { EAP_OCTETS_MAX = 1024, EAP_NAME_MAX = 512 };

/* RFC 3748 section 4. */
enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };

/* Section 5; 26: draft-kamath-pppext-eap-mschapv2. */
enum eap_type { EAP_IDENTITY = 1, EAP_NOTIFICATION = 2, EAP_NAK = 3, EAP_MD5_CHALLENGE = 4, EAP_MSCHAPV2 = 26 };

struct eap_packet {
	uint8_t code, identifier, type; /* type: of a Request or Response */
	struct span data;
};

/* What is borrowed outlives the conversation. */
struct eap_peer {
	struct span name, password;
	struct rng *rng;
	uint8_t expected[20]; /* MSCHAPv2: the Authenticator Response of a server that knows the password */
	bool answered;        /* MSCHAPv2: a Response was sent */
};

void eap_packet_wire(struct wire *w, struct eap_packet *p);
/* What the peer says first, unasked: its identity. The octets; 0: it does not fit. */
size_t eap_first(uint8_t out[EAP_OCTETS_MAX], const struct eap_peer *peer);
/* The Response to @request. 0 with a sentence in *why: there is none, the conversation is over. */
size_t eap_answer(uint8_t out[EAP_OCTETS_MAX], struct eap_peer *peer, struct span request, const char **why);

/* ---- the methods: the data of the Response into @w (an encoder); false with *why. */
bool eap_md5(struct wire *w, struct eap_peer *peer, const struct eap_packet *request, const char **why);
bool eap_mschapv2(struct wire *w, struct eap_peer *peer, const struct eap_packet *request, const char **why);

#endif
