/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_METHOD_H
#define SALLYPORT_METHOD_H

#include "exchange.h"

/*
 * Authentication methods of IKEv1 Phase 1. What a method makes of an exchange's
 * messages is its form: there is one table for each exchange and form.
 */
enum auth_form {
	FORM_PSK,         /* RFC 2409 section 5.4: both send a HASH under the pre-shared key */
	FORM_SIGNATURE,   /* RFC 2409 section 5.1: both sign */
	FORM_HYBRID_INIT, /* draft-ietf-ipsec-isakmp-hybrid-auth-05 section 4.2: the initiator sends a HASH, the responder signs
	                   */
	FORM_HYBRID_RESP, /* the other way round */
	AUTH_FORMS,
};

struct method {
	uint16_t number; /* enum auth_offer */
	uint8_t form;
	uint8_t scheme; /* enum signature_scheme, of those who sign */
	uint8_t log_in; /* role that XAUTH then has log in, or LOG_IN_NOBODY */
};

/* What both sections of a connection say, for one role and the scheme that signs; NULL: IKEv1 has no method for it. */
const struct method *method_for(const struct conn *c, uint8_t role, enum signature_scheme scheme);
/* Why method_for() has none, whatever the scheme. */
const char *method_missing(struct arena *a, const struct conn *c);
bool method_signs(const struct method *m, uint8_t role);
/* Whether what @role sends proves who it is; the client of hybrid authentication only logs in later. */
bool method_proves(const struct method *m, uint8_t role);
/* The same from the configuration, before a method is agreed. */
bool conn_signs(const struct conn *c);
bool conn_verifies(const struct conn *c);
/* The PRF of the HASH that a method signs: its own hash's where the signature is tied to one (RFC 4754 section 4). */
uint16_t method_hash_prf(const struct method *m, uint8_t whose, uint16_t negotiated);

#endif
