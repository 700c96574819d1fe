/* SPDX-License-Identifier: Apache-2.0 */
#include "credential_choice.h"

#include <stdio.h>

#include "identity_binding.h"

static enum signature_scheme
scheme_of(const struct key_facts *f)
{
	if (f->type == KEY_RSA)
		return SIGN_RSA;
	if (f->type != KEY_ECDSA)
		return SIGN_NONE;
	return f->bits == 256 ? SIGN_ECDSA_256 : f->bits == 384 ? SIGN_ECDSA_384 : SIGN_ECDSA_521;
}

static struct certificate *
issuer_of(const struct credentials *st, const struct certificate *c)
{
	struct certificate *ca;
	size_t cursor = 0;

	while ((ca = credentials_next_ca(st, &cursor)))
		if (span_equal(certificate_subject(ca), certificate_issuer(c)))
			return ca;
	return NULL;
}

/* ---- which of ours */

/* What is being chosen. */
struct choosing {
	const struct credentials *st;
	const struct credential_query *q;
	struct certificate *best; /* a reference */
	const struct credential *key;
	bool asked_for;               /* the best one leads to a CA that the peer asked for */
	size_t without_key;           /* certificates that would do */
	char last[IDENTITY_TEXT_MAX]; /* the last of them */
};

static bool
is_asked_for(const struct credential_query *q, struct span name)
{
	for (size_t i = 0; i < q->n_authorities; i++)
		if (span_equal(q->authorities[i], name))
			return true;
	return q->n_authorities == 0;
}

static bool
leads_to_asked(const struct choosing *c, const struct certificate *cert)
{
	for (unsigned depth = 0; cert && depth < TRUST_PATH_MAX; depth++) {
		if (is_asked_for(c->q, certificate_issuer(cert)))
			return true;
		if (certificate_is_self_issued(cert))
			return false;
		cert = issuer_of(c->st, cert);
	}
	return false;
}

static void
consider(struct choosing *c, struct certificate *cert)
{
	const struct credential *key = credentials_private_of(c->st, certificate_key(cert));
	bool asked_for;

	if (!key || scheme_of(private_key_facts(key->private_key)) == SIGN_NONE) {
		c->without_key++;
		dn_format(c->last, sizeof c->last, certificate_subject(cert));
		return;
	}
	asked_for = leads_to_asked(c, cert);
	if (c->best && (c->asked_for || !asked_for))
		return;
	certificate_unref(c->best);
	c->best = certificate_ref(cert);
	c->key = key;
	c->asked_for = asked_for;
}

static void
consider_listed(struct choosing *c)
{
	const struct octets_list *l = &c->q->round->certs;

	for (size_t i = 0; i < l->n; i++) {
		struct certificate *cert = certificate_read(l->o[i]);

		if (cert)
			consider(c, cert);
		certificate_unref(cert);
	}
}

/* Without an id any certificate will do for which we have the key. */
static void
consider_store(struct choosing *c)
{
	const struct auth_round *r = c->q->round;
	const struct credential *held;
	size_t cursor = 0;

	while ((held = credentials_next(c->st, CREDENTIAL_CERTIFICATE, &cursor))) {
		bool has_key = credentials_private_of(c->st, certificate_key(held->certificate)) != NULL;

		if (r->id_given ? certificate_has_identity(held->certificate, &r->id) : has_key)
			consider(c, held->certificate);
	}
}

/* ---- the answer */

static bool
is_among(struct certificate *const *c, size_t n, const struct certificate *x)
{
	for (size_t i = 0; i < n; i++)
		if (c[i] == x)
			return true;
	return false;
}

/* CAs that vouch for each other in a circle are sent once. */
static void
take_chain(struct credential_choice *out, const struct credentials *st, struct certificate *cert)
{
	size_t n = 0;

	while (cert && n < TRUST_PATH_MAX && (n == 0 || !certificate_is_self_issued(cert)) && !is_among(out->cert, n, cert)) {
		out->cert[n] = certificate_ref(cert);
		out->payload[n] = (struct cert_payload) { .encoding = CERT_X509_SIGNATURE, .data = certificate_der(cert) };
		n++;
		cert = certificate_is_self_issued(cert) ? NULL : issuer_of(st, cert);
	}
	out->answer.cert = out->payload;
	out->answer.n_cert = n;
}

static void
add_authority(struct credential_choice *out, struct certificate *ca)
{
	size_t n = out->answer.n_authorities;

	if (!ca || n == TRUST_CERTIFICATES_MAX) {
		certificate_unref(ca);
		return;
	}
	out->trusted[n] = ca;
	out->authority[n] = certificate_subject(ca);
	out->answer.n_authorities = n + 1;
}

/* RFC 4945 section 3.2.7: for the CAs that this connection accepts, else for all that there are. */
static void
take_authorities(struct credential_choice *out, const struct credentials *st, const struct auth_round *remote)
{
	struct certificate *ca;
	size_t cursor = 0;

	out->answer.authorities = out->authority;
	if (remote->method != AUTH_PUBKEY)
		return;
	for (size_t i = 0; i < remote->cacerts.n; i++)
		add_authority(out, certificate_read(remote->cacerts.o[i]));
	while (!remote->cacerts.n && (ca = credentials_next_ca(st, &cursor)))
		add_authority(out, certificate_ref(ca));
}

static void
take_key(struct credential_choice *out, const struct credential *key)
{
	out->answer.ok = true;
	out->answer.key = key->handle;
	out->answer.scheme = scheme_of(private_key_facts(key->private_key));
}

static bool
take_raw_key(struct credential_choice *out, const struct credentials *st, const struct auth_round *r)
{
	for (size_t i = 0; i < r->pubkeys.n; i++) {
		struct public_key *k = public_key_read(r->pubkeys.o[i]);
		const struct credential *key = k ? credentials_private_of(st, k) : NULL;

		public_key_free(k);
		if (!key || scheme_of(private_key_facts(key->private_key)) == SIGN_NONE)
			continue;
		take_key(out, key);
		out->answer.id = r->id;
		return true;
	}
	return false;
}

static bool
has_private_key(const struct credentials *st)
{
	size_t cursor = 0;

	return credentials_next(st, CREDENTIAL_PRIVATE, &cursor) != NULL;
}

static void
explain(struct credential_choice *out, const struct choosing *c)
{
	const struct auth_round *r = c->q->round;
	char id[IDENTITY_TEXT_MAX];

	out->answer.reason = out->reason;
	if (c->without_key)
		snprintf(out->reason, sizeof out->reason,
		         "there is no private key for our certificate %s%s: put the one that it was made for into private/, or "
		         "load it "
		         "with swanctl --load-creds",
		         c->last, has_private_key(c->st) ? " (those that are there belong to other ones)" : "");
	else if (r->pubkeys.n)
		snprintf(out->reason, sizeof out->reason, "there is no private key for local.pubkeys: put it into private/");
	else if (r->id_given)
		snprintf(out->reason, sizeof out->reason,
		         "there is no certificate of ours with the identity '%s': name one in local.certs, or put it into x509/",
		         identity_format(id, &r->id));
	else
		snprintf(out->reason, sizeof out->reason,
		         "no certificate of ours is loaded: name one in local.certs, or put it into x509/");
}

/* strongSwan: an id that the certificate does not confirm gives way to its subject, since the peer would refuse it. */
static void
take_identity(struct credential_choice *out, const struct certificate *cert, const struct auth_round *r)
{
	if (r->id_given && certificate_has_identity(cert, &r->id))
		out->answer.id = r->id;
	else if (!certificate_subject_identity(&out->answer.id, cert))
		out->answer.id = r->id;
}

void
credential_choose(struct credential_choice *out, const struct credentials *st, const struct credential_query *q)
{
	struct choosing c = { .st = st, .q = q };

	*out = (struct credential_choice) { .answer = { .kind = ANSWER_CREDENTIAL } };
	take_authorities(out, st, &q->conn->remote);
	out->answer.ok = q->authorities_only;
	if (q->authorities_only)
		return;
	if (q->round->certs.n)
		consider_listed(&c);
	else if (!q->round->pubkeys.n)
		consider_store(&c);
	if (c.best) {
		take_key(out, c.key);
		take_chain(out, st, c.best);
		take_identity(out, c.best, q->round);
	} else if (!take_raw_key(out, st, q->round)) {
		explain(out, &c);
	}
	certificate_unref(c.best);
}

void
credential_choice_clear(struct credential_choice *c)
{
	for (size_t i = 0; i < c->answer.n_cert; i++)
		certificate_unref(c->cert[i]);
	for (size_t i = 0; i < c->answer.n_authorities; i++)
		certificate_unref(c->trusted[i]);
}
