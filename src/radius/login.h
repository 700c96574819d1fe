/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RADIUS_LOGIN_H
#define SALLYPORT_RADIUS_LOGIN_H

#include "eap.h"
#include "radius.h"

/*
 * One user's login at one RADIUS server: a row of Access-Requests and what the
 * server says to them. Pure.
 */

enum radius_method {
	RADIUS_PAP, /* the password in User-Password, RFC 2865 section 5.2 */
	RADIUS_EAP, /* in an EAP conversation that we have with the server in the user's name, RFC 3579 */
};

enum { RADIUS_ROUNDS_MAX = 32, RADIUS_REASON_MAX = 400 };

struct radius_login {
	enum radius_method method;
	struct eap_peer eap; /* name, password */
	uint8_t message[EAP_OCTETS_MAX];
	size_t n_message; /* of EAP, that goes out next */
	uint8_t state[RADIUS_VALUE_MAX];
	size_t n_state; /* of the last Access-Challenge: RFC 2865 section 5.24 */
	unsigned rounds;
};

enum radius_outcome {
	RADIUS_ACCEPTED,
	RADIUS_REFUSED,
	RADIUS_GO_ON,   /* send the next request */
	RADIUS_ASK_USER /* PAP: the server wants another answer of the user (a token's code, say) */
};

/* @name, @password: borrowed until the login ends. */
void radius_login_begin(struct radius_login *l, enum radius_method method, struct span name, struct span password,
                        struct rng *rng);
/* Adds what the login has to say: User-Name, and User-Password or EAP-Message, and State. */
void radius_login_add(const struct radius_login *l, struct radius_builder *b, struct span secret);
/* An answer that radius_open() let pass. REFUSED: a sentence in @why. Its Reply-Message is the caller's to show. */
enum radius_outcome radius_login_take(struct radius_login *l, const struct radius_packet *p, char why[RADIUS_REASON_MAX]);
/* Wipes. */
void radius_login_clear(struct radius_login *l);

/* The Reply-Messages in a row, what is not printable replaced; at most @max - 1 octets and a NUL. */
void radius_reply_message(char *out, size_t max, const struct radius_packet *p);

#endif
