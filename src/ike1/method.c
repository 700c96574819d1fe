/* SPDX-License-Identifier: Apache-2.0 */
#include "method.h"

/* clang-format off */
static const struct method methods[] = {
	/* number                       form              scheme           logs in (draft-beaulieu-ike-xauth-02 section 7.2) */
	{ AUTH_OFFER_PSK,               FORM_PSK,         SIGN_NONE,       LOG_IN_NOBODY },
	{ AUTH_OFFER_XAUTH_INIT_PSK,    FORM_PSK,         SIGN_NONE,       INITIATOR },
	{ AUTH_OFFER_XAUTH_RESP_PSK,    FORM_PSK,         SIGN_NONE,       RESPONDER },
	{ AUTH_OFFER_RSA_SIG,           FORM_SIGNATURE,   SIGN_RSA,        LOG_IN_NOBODY },
	{ AUTH_OFFER_ECDSA_256,         FORM_SIGNATURE,   SIGN_ECDSA_256,  LOG_IN_NOBODY },
	{ AUTH_OFFER_ECDSA_384,         FORM_SIGNATURE,   SIGN_ECDSA_384,  LOG_IN_NOBODY },
	{ AUTH_OFFER_ECDSA_521,         FORM_SIGNATURE,   SIGN_ECDSA_521,  LOG_IN_NOBODY },
	{ AUTH_OFFER_XAUTH_INIT_RSA,    FORM_SIGNATURE,   SIGN_RSA,        INITIATOR },
	{ AUTH_OFFER_XAUTH_RESP_RSA,    FORM_SIGNATURE,   SIGN_RSA,        RESPONDER },
	{ AUTH_OFFER_HYBRID_INIT_RSA,   FORM_HYBRID_INIT, SIGN_RSA,        INITIATOR },
	{ AUTH_OFFER_HYBRID_RESP_RSA,   FORM_HYBRID_RESP, SIGN_RSA,        RESPONDER },
};
/* clang-format on */

enum { METHODS = sizeof methods / sizeof *methods };

static bool
has_round(const struct auth_round *r, size_t n, enum auth_method method)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].method == method)
			return true;
	return false;
}

static bool
is_psk(const struct auth_round *r)
{
	return r->method == AUTH_PSK || r->method == AUTH_NONE;
}

/* AUTH_FORMS: the two sections do not go together. */
static enum auth_form
form_of(const struct conn *c, uint8_t role)
{
	if (is_psk(&c->local) && is_psk(&c->remote))
		return FORM_PSK;
	if (c->local.method == AUTH_PUBKEY && c->remote.method == AUTH_PUBKEY)
		return FORM_SIGNATURE;
	if (c->local.method == AUTH_XAUTH && c->remote.method == AUTH_PUBKEY)
		return role == INITIATOR ? FORM_HYBRID_INIT : FORM_HYBRID_RESP;
	if (c->local.method == AUTH_PUBKEY && c->remote.method == AUTH_XAUTH)
		return role == INITIATOR ? FORM_HYBRID_RESP : FORM_HYBRID_INIT;
	return AUTH_FORMS;
}

static uint8_t
log_in_of(const struct conn *c, uint8_t role)
{
	uint8_t other = role == INITIATOR ? RESPONDER : INITIATOR;

	if (c->local.method == AUTH_XAUTH || has_round(c->local_more, c->n_local_more, AUTH_XAUTH))
		return role;
	if (c->remote.method == AUTH_XAUTH || has_round(c->remote_more, c->n_remote_more, AUTH_XAUTH))
		return other;
	return LOG_IN_NOBODY;
}

const struct method *
method_for(const struct conn *c, uint8_t role, enum signature_scheme scheme)
{
	enum auth_form form = form_of(c, role);
	uint8_t log_in = log_in_of(c, role);

	for (size_t i = 0; i < METHODS; i++) {
		const struct method *m = &methods[i];

		if (m->form != form || m->log_in != log_in)
			continue;
		/* Where the peer alone signs, there is one method. */
		if (m->scheme == SIGN_NONE || m->scheme == scheme || !method_signs(m, role))
			return m;
	}
	return NULL;
}

const char *
method_missing(struct arena *a, const struct conn *c)
{
	if (form_of(c, INITIATOR) == AUTH_FORMS)
		return arena_printf(a,
		                    "connection %s: IKEv1 has no method for what its local.auth and remote.auth say together: "
		                    "both psk, both pubkey, or pubkey at the gateway and xauth at the client (hybrid)",
		                    c->name);
	return arena_printf(a, "connection %s: XAUTH goes with pre-shared keys and RSA keys only", c->name);
}

bool
method_signs(const struct method *m, uint8_t role)
{
	return m->form == FORM_SIGNATURE || (m->form == FORM_HYBRID_INIT && role == RESPONDER) ||
	       (m->form == FORM_HYBRID_RESP && role == INITIATOR);
}

bool
method_proves(const struct method *m, uint8_t role)
{
	return m->form == FORM_PSK || method_signs(m, role);
}

bool
conn_signs(const struct conn *c)
{
	return c->local.method == AUTH_PUBKEY;
}

bool
conn_verifies(const struct conn *c)
{
	return c->remote.method == AUTH_PUBKEY;
}

uint16_t
method_hash_prf(const struct method *m, uint8_t whose, uint16_t negotiated)
{
	if (!method_signs(m, whose))
		return negotiated;
	switch (m->scheme) {
	case SIGN_ECDSA_256:
		return PRF_HMAC_SHA2_256;
	case SIGN_ECDSA_384:
		return PRF_HMAC_SHA2_384;
	case SIGN_ECDSA_521:
		return PRF_HMAC_SHA2_512;
	default:
		return negotiated;
	}
}
