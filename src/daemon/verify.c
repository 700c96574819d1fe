/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth_constraint.h"
#include "identity_binding.h"

void
verify_note(struct verify *v, const char *fmt, ...)
{
	size_t n = strlen(v->out->notes);
	va_list ap;

	if (n && n + 2 < VERIFY_TEXT_MAX)
		n += (size_t)snprintf(v->out->notes + n, VERIFY_TEXT_MAX - n, "; ");
	va_start(ap, fmt);
	vsnprintf(v->out->notes + n, VERIFY_TEXT_MAX - n, fmt, ap);
	va_end(ap);
}

/* ---- what the peer sent */

static void
take_given(struct verify *v, struct certificate *c)
{
	for (size_t i = 0; c && i < v->n_given; i++) {
		if (!certificate_equal(v->given[i], c))
			continue;
		certificate_unref(c); /* RFC 4945 section 3.3.10.4: duplicates are to be expected */
		return;
	}
	if (c && v->n_given < TRUST_CERTIFICATES_MAX)
		v->given[v->n_given++] = c;
	else
		certificate_unref(c);
}

static void
read_bundle(struct verify *v, struct span octets)
{
	struct certificate *c[BUNDLE_CERTIFICATES_MAX];
	size_t n = certificates_of_pkcs7(c, BUNDLE_CERTIFICATES_MAX, octets);

	if (!n)
		verify_note(v, "a PKCS #7 bundle from the peer contains no readable certificate");
	for (size_t i = 0; i < n; i++)
		take_given(v, c[i]);
}

static void
read_certificate(struct verify *v, struct span octets)
{
	struct certificate *c = certificate_read(octets);

	if (!c)
		verify_note(v, "a certificate from the peer cannot be read");
	take_given(v, c);
}

static void
read_list(struct verify *v, struct span octets)
{
	struct crl *c = crl_read(octets);

	if (c && v->n_lists < TRUST_CERTIFICATES_MAX)
		v->list[v->n_lists++] = c;
	else
		crl_unref(c);
}

void
verify_read_payloads(struct verify *v)
{
	for (size_t i = 0; i < v->in->n_cert; i++) {
		const struct cert_payload *p = &v->in->cert[i];

		if (p->encoding == CERT_X509_SIGNATURE)
			read_certificate(v, p->data);
		else if (p->encoding == CERT_PKCS7)
			read_bundle(v, p->data);
		else if (p->encoding == CERT_CRL || p->encoding == CERT_ARL)
			read_list(v, p->data);
		else
			verify_note(v, "a CERT payload has encoding %u, which is not supported", p->encoding);
	}
}

/* ---- whose signature it is */

/* What the peer may have signed with: a certificate, or a raw key. */
struct holder {
	struct certificate *cert; /* NULL: a raw key */
	struct public_key *key;
	bool local; /* known here, and so trusted by itself */
};

static bool
scheme_fits(enum signature_scheme scheme, const struct key_facts *f)
{
	switch (scheme) {
	case SIGN_NONE:
	case SIGNATURE_SCHEMES:
		return false;
	case SIGN_RSA:
		return f->type == KEY_RSA;
	case SIGN_ECDSA_256:
		return f->type == KEY_ECDSA && f->bits == 256;
	case SIGN_ECDSA_384:
		return f->type == KEY_ECDSA && f->bits == 384;
	case SIGN_ECDSA_521:
		return f->type == KEY_ECDSA && f->bits == 521;
	}
	return false;
}

static bool
signed_by(const struct verify *v, const struct public_key *k)
{
	return scheme_fits(v->in->scheme, public_key_facts(k)) && public_key_verify(k, v->in->octets, v->in->signature);
}

static bool
fail(struct verify *v, uint16_t notify, const char *fmt, ...)
{
	va_list ap;

	v->out->notify = notify;
	va_start(ap, fmt);
	vsnprintf(v->out->text, VERIFY_TEXT_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* RFC 4945 section 3.3.10.3: the order of the payloads says nothing; identity and signature say which is the peer's own. */
static bool
find_among_given(struct verify *v, struct holder *out)
{
	char who[IDENTITY_TEXT_MAX], what[600];
	const struct certificate *named = NULL;

	for (size_t i = 0; i < v->n_given; i++) {
		if (!certificate_names(v->given[i], v->in->id))
			continue;
		named = v->given[i];
		if (!signed_by(v, certificate_key(named)))
			continue;
		*out = (struct holder) { .cert = v->given[i], .key = (struct public_key *)(uintptr_t)certificate_key(named) };
		return true;
	}
	identity_format(who, v->in->id);
	if (named)
		return fail(v, NOTIFY_INVALID_SIGNATURE, "the signature of '%s' was not made with the key of its certificate %s",
		            who, certificate_describe(what, sizeof what, named));
	if (v->n_given)
		return fail(v, NOTIFY_INVALID_ID_INFORMATION,
		            "the peer claims to be '%s', but its certificate is for %s: set the peer's local.id to one of these, "
		            "or issue a certificate "
		            "with the subjectAltName",
		            who, certificate_describe(what, sizeof what, v->given[0]));
	return false;
}

static bool
find_in_store(struct verify *v, struct holder *out)
{
	const struct credential *c;
	size_t cursor = 0;

	while (v->n_given < TRUST_CERTIFICATES_MAX && (c = credentials_next(v->in->store, CREDENTIAL_CERTIFICATE, &cursor))) {
		if (!certificate_names(c->certificate, v->in->id) || !signed_by(v, certificate_key(c->certificate)))
			continue;
		v->given[v->n_given++] = certificate_ref(c->certificate);
		*out = (struct holder) { c->certificate, (struct public_key *)(uintptr_t)certificate_key(c->certificate), true };
		return true;
	}
	return false;
}

/* Certificates and raw keys that the connection itself names for the peer. */
static bool
find_in_round(struct verify *v, const struct auth_round *r, struct holder *out)
{
	for (size_t i = 0; i < r->certs.n; i++) {
		struct certificate *c = certificate_read(r->certs.o[i]);

		if (c && certificate_names(c, v->in->id) && signed_by(v, certificate_key(c)) &&
		    v->n_given < TRUST_CERTIFICATES_MAX) {
			v->given[v->n_given++] = c;
			*out = (struct holder) { c, (struct public_key *)(uintptr_t)certificate_key(c), true };
			return true;
		}
		certificate_unref(c);
	}
	for (size_t i = 0; i < r->pubkeys.n; i++) {
		struct public_key *k = public_key_read(r->pubkeys.o[i]);

		if (k && identity_match(&r->id, v->in->id) && signed_by(v, k)) {
			*out = (struct holder) { NULL, k, true };
			return true;
		}
		public_key_free(k);
	}
	return false;
}

static bool
find_holder(struct verify *v, struct holder *out)
{
	char who[IDENTITY_TEXT_MAX];

	if (find_among_given(v, out))
		return true;
	for (size_t i = 0; i < v->in->n_conn; i++)
		if (find_in_round(v, &v->in->conn[i]->remote, out))
			return true;
	if (find_in_store(v, out))
		return true;
	if (v->out->text[0])
		return false;
	return fail(v, NOTIFY_CERTIFICATE_UNAVAILABLE,
	            "'%s' sent no certificate, and no certificate or public key loaded here fits its signature: set "
	            "send_cert = always "
	            "there, or put the certificate into x509 here",
	            identity_format(who, v->in->id));
}

/* ---- whether a connection accepts it */

static bool
is_listed(const struct octets_list *l, struct span der)
{
	for (size_t i = 0; i < l->n; i++)
		if (span_equal(l->o[i], der))
			return true;
	return false;
}

static bool
identity_fits(struct verify *v, const struct auth_round *r, const struct holder *h)
{
	/* remote.id may name the peer in another way than the peer does: then its certificate must have both. */
	return identity_match(&r->id, v->in->id) ||
	       (h->cert && r->id.type != ID_ANY && certificate_has_identity(h->cert, &r->id));
}

/* Anchors: the CAs of the store that can matter, and those that the connection names. */
struct anchors {
	struct certificate *c[TRUST_CERTIFICATES_MAX];
	size_t n;
};

static void
add_anchor(struct anchors *a, struct certificate *c)
{
	if (c && a->n < TRUST_CERTIFICATES_MAX)
		a->c[a->n++] = c;
	else
		certificate_unref(c);
}

/* Whether some certificate at hand was issued under that name. */
static bool
is_issuer(const struct verify *v, const struct anchors *a, struct span subject)
{
	for (size_t i = 0; i < v->n_given; i++)
		if (span_equal(certificate_issuer(v->given[i]), subject))
			return true;
	for (size_t i = 0; i < a->n; i++)
		if (span_equal(certificate_issuer(a->c[i]), subject))
			return true;
	return false;
}

static bool
has_anchor(const struct anchors *a, const struct certificate *c)
{
	for (size_t i = 0; i < a->n; i++)
		if (certificate_equal(a->c[i], c))
			return true;
	return false;
}

static void
collect_anchors(const struct verify *v, const struct auth_round *r, struct anchors *a)
{
	size_t before;

	for (size_t i = 0; i < r->cacerts.n; i++)
		add_anchor(a, certificate_read(r->cacerts.o[i]));
	/* Up the chain, until a walk finds nothing new. */
	do {
		struct certificate *ca;
		size_t cursor = 0;

		before = a->n;
		while ((ca = credentials_next_ca(v->in->store, &cursor)))
			if (is_issuer(v, a, certificate_subject(ca)) && !has_anchor(a, ca))
				add_anchor(a, certificate_ref(ca));
	} while (a->n > before && a->n < TRUST_CERTIFICATES_MAX);
}

static enum trust_verdict
find_path(struct verify *v, const struct auth_round *r, const struct holder *h, struct trust_path *path, char why[TRUST_WHY_MAX])
{
	const char *policies[TRUST_POLICIES_MAX];
	struct anchors a = { .n = 0 };
	struct trust_input in = { .subject = h->cert,
		                  .anchors = a.c,
		                  .others = v->given,
		                  .n_others = v->n_given,
		                  .policies = policies,
		                  .now = v->in->now };
	enum trust_verdict verdict;

	for (; in.n_policies < r->cert_policies.n && in.n_policies < TRUST_POLICIES_MAX; in.n_policies++)
		policies[in.n_policies] = (const char *)r->cert_policies.o[in.n_policies].p;
	collect_anchors(v, r, &a);
	in.n_anchors = a.n;
	verdict = trust_path_find(path, &in, why);
	/* Who is known by the certificate itself needs no CA; what is wrong with its chain still counts. */
	if (verdict == TRUST_NO_ISSUER && (h->local || is_listed(&r->certs, certificate_der(h->cert)))) {
		struct certificate *self[] = { h->cert };

		in.anchors = self;
		in.n_anchors = 1;
		verdict = trust_path_find(path, &in, why);
	}
	for (size_t i = 0; i < a.n; i++)
		certificate_unref(a.c[i]);
	return verdict;
}

/* strongSwan: one CA of the chain, root or between, must be among cacerts. */
static bool
has_wanted_ca(const struct auth_round *r, const struct trust_path *path)
{
	bool listed = r->cacerts.n == 0, named = r->ca_id.type == ID_ANY;

	for (size_t i = 1; i < path->n; i++) {
		listed |= is_listed(&r->cacerts, certificate_der(path->cert[i]));
		named |= certificate_has_identity(path->cert[i], &r->ca_id);
	}
	return listed && named;
}

static uint16_t
notify_of(enum trust_verdict verdict)
{
	return verdict == TRUST_NO_ISSUER ? NOTIFY_INVALID_CERT_AUTHORITY : NOTIFY_INVALID_CERTIFICATE;
}

static bool
certificate_fits(struct verify *v, const struct conn *conn, const struct holder *h)
{
	const struct auth_round *r = &conn->remote;
	struct auth_constraint strength;
	char why[TRUST_WHY_MAX], more[600], subject[IDENTITY_TEXT_MAX];
	struct trust_path path = { .n = 0 };
	enum trust_verdict verdict = find_path(v, r, h, &path, why);
	bool ok = false;

	dn_format(subject, sizeof subject, certificate_subject(h->cert));
	if (verdict != TRUST_OK)
		return fail(v, notify_of(verdict), "%s: %s%s", trust_verdict_name(verdict), why,
		            verdict == TRUST_NO_ISSUER ? "; put the CA's certificate in x509ca, or name it in remote.cacerts"
		                                       : "");
	if ((r->certs.n || r->pubkeys.n) && !is_listed(&r->certs, certificate_der(h->cert)) &&
	    !is_listed(&r->pubkeys, public_key_der(certificate_key(h->cert))))
		fail(v, NOTIFY_AUTHENTICATION_FAILED, "the certificate %s is not among remote.certs", subject);
	else if (!has_wanted_ca(r, &path))
		fail(v, NOTIFY_INVALID_CERT_AUTHORITY,
		     "the chain of certificate %s leads to no CA of remote.cacerts, or none that ca_id names", subject);
	else if (!auth_constraint_parse(&strength, r->constraint, more, sizeof more) ||
	         !auth_constraint_admits(&strength, &path, more, sizeof more))
		fail(v, NOTIFY_INVALID_CERTIFICATE, "%s", more);
	else
		ok = verify_revocation(v, &path, r->revocation);
	if (ok)
		snprintf(v->out->text, VERIFY_TEXT_MAX, "certificate %s, trusted through %s", subject,
		         path.n > 1 ? dn_format(more, sizeof more, certificate_subject(path.cert[path.n - 1])) : "itself");
	trust_path_clear(&path);
	return ok;
}

static bool
accepts(struct verify *v, const struct conn *conn, const struct holder *h)
{
	const struct auth_round *r = &conn->remote;
	char wanted[IDENTITY_TEXT_MAX], who[IDENTITY_TEXT_MAX];

	if (r->method != AUTH_PUBKEY)
		return fail(v, NOTIFY_AUTHENTICATION_FAILED,
		            "connection '%s' wants no certificate of the peer: remote.auth is not pubkey", conn->name);
	if (!identity_fits(v, r, h))
		return fail(v, NOTIFY_INVALID_ID_INFORMATION,
		            "connection '%s' wants the peer to be '%s', and it is '%s': see remote.id", conn->name,
		            identity_format(wanted, &r->id), identity_format(who, v->in->id));
	if (r->groups.n)
		return fail(v, NOTIFY_AUTHENTICATION_FAILED,
		            "connection '%s' wants membership of a group (remote.groups), which a certificate does not prove: "
		            "attribute "
		            "certificates are not supported here",
		            conn->name);
	if (h->cert)
		return certificate_fits(v, conn, h);
	if (!is_listed(&r->pubkeys, public_key_der(h->key)))
		return fail(v, NOTIFY_AUTHENTICATION_FAILED, "the peer's key is not among remote.pubkeys of connection '%s'",
		            conn->name);
	snprintf(v->out->text, VERIFY_TEXT_MAX, "raw public key of remote.pubkeys");
	return true;
}

/* The reason of the best connection is what is told: it comes first. */
static void
choose_connection(struct verify *v, const struct holder *h)
{
	char first[VERIFY_TEXT_MAX];
	uint16_t notify = 0;

	for (size_t i = 0; i < v->in->n_conn; i++) {
		if (accepts(v, v->in->conn[i], h)) {
			v->out->ok = true;
			v->out->conn = i;
			v->out->notify = 0;
			return;
		}
		if (i == 0) {
			memcpy(first, v->out->text, sizeof first);
			notify = v->out->notify;
		}
	}
	if (!notify)
		return;
	memcpy(v->out->text, first, sizeof first);
	v->out->notify = notify;
}

void
verify_run(struct verify_result *out, const struct verify_input *in)
{
	struct verify v = { .in = in, .out = out };
	struct holder h = { 0 };

	*out = (struct verify_result) { .notify = NOTIFY_AUTHENTICATION_FAILED };
	verify_read_payloads(&v);
	if (find_holder(&v, &h))
		choose_connection(&v, &h);
	if (!h.cert)
		public_key_free(h.key);
	for (size_t i = 0; i < v.n_given; i++)
		certificate_unref(v.given[i]);
	for (size_t i = 0; i < v.n_lists; i++)
		crl_unref(v.list[i]);
}

void
verify_result_clear(struct verify_result *r)
{
	for (size_t i = 0; i < r->n_fetched; i++) {
		free(r->fetched[i].uri);
		crl_unref(r->fetched[i].crl);
		certificate_unref(r->fetched[i].subject);
		fetched_clear(&r->fetched[i].octets);
	}
	r->n_fetched = 0;
}
