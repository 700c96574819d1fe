/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CREDENTIAL_CHOICE_H
#define SALLYPORT_CREDENTIAL_CHOICE_H

#include "credentials.h"
#include "ike.h"

/* What a round signs with: the answer to ASK_CREDENTIAL. */

enum { CHOICE_TEXT_MAX = 1024 };

struct credential_choice {
	struct answer answer; /* points into what follows */
	struct certificate *cert[TRUST_PATH_MAX];
	struct cert_payload payload[TRUST_PATH_MAX];
	struct certificate *trusted[TRUST_CERTIFICATES_MAX]; /* whose names are in authorities */
	struct span authority[TRUST_CERTIFICATES_MAX];
	char reason[CHOICE_TEXT_MAX];
};

/**
 * credential_choose - our certificate and key for one round.
 *
 * The round's certificates in their order, else those of the store that have its
 * id; of them the first with a private key here whose chain leads to a CA that
 * the peer asked for (RFC 4945 section 3.2.7), else the first with a key. With
 * it go the CAs between it and a root (3.3: no trust anchors). Raw public keys
 * (round->pubkeys) go without any certificate. For a round that does not sign, only the CAs that we trust.
 */
void credential_choose(struct credential_choice *out, const struct credentials *st, const struct credential_query *q);
void credential_choice_clear(struct credential_choice *c);

#endif
