/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "verify.h"

/*
 * Revocation: OCSP first, then lists; from the store, then from where the
 * configuration or the certificate says. swanctl's words: `strict` wants to know
 * that a certificate is good, `ifuri` likewise where somebody could be asked,
 * `relaxed` refuses only what is known to be revoked.
 */

/* One certificate of the path, and who issued it. */
struct question {
	struct verify *v;
	const struct trust_path *path;
	size_t at;
	const struct certificate *subject, *issuer;
	const struct authority *authority; /* what the configuration says of the issuer; NULL: nothing */
	bool has_uri;
};

static const struct authority *
authority_of(const struct credentials *st, const struct certificate *ca)
{
	const struct credential *c;
	size_t cursor = 0;

	while ((c = credentials_next(st, CREDENTIAL_AUTHORITY, &cursor)))
		if (certificate_equal(c->authority.ca, ca))
			return &c->authority;
	return NULL;
}

/* The next URI to ask: first those of the configuration, then those of the certificate. */
static const char *
next_uri(const struct question *q, bool ocsp, size_t *own, size_t *theirs)
{
	char *const *list = q->authority ? (ocsp ? q->authority->ocsp_uri : q->authority->crl_uri) : NULL;

	if (list && list[*own])
		return list[(*own)++];
	return ocsp ? certificate_next_ocsp_uri(q->subject, theirs) : certificate_next_crl_uri(q->subject, theirs);
}

/* A certificate must not make us read our own files. */
static bool
may_fetch(const char *uri, bool configured)
{
	return configured || !strncmp(uri, "http://", 7) || !strncmp(uri, "https://", 8) || !strncmp(uri, "ldap://", 7) ||
	       !strncmp(uri, "ldaps://", 8);
}

static struct verify_fetched *
keep(struct verify *v, const char *uri)
{
	struct verify_fetched *f = v->out->n_fetched < VERIFY_FETCHED_MAX ? &v->out->fetched[v->out->n_fetched] : NULL;

	if (!f)
		return NULL;
	*f = (struct verify_fetched) { .uri = strdup(uri) };
	if (!f->uri)
		return NULL;
	v->out->n_fetched++;
	return f;
}

/* ---- OCSP */

enum { RESPONDERS_MAX = 16 };

static enum revocation_state
judge_response(const struct question *q, struct span response, struct span nonce, int64_t *until, char why[TRUST_WHY_MAX])
{
	struct certificate *responders[RESPONDERS_MAX];
	const struct credential *c;
	size_t n = 0, cursor = 0;

	while (n < RESPONDERS_MAX && (c = credentials_next(q->v->in->store, CREDENTIAL_RESPONDER, &cursor)))
		responders[n++] = c->certificate;
	return ocsp_check(response, q->subject, q->issuer, responders, n, nonce, q->v->in->now, until, why);
}

static enum revocation_state
cached_response(const struct question *q)
{
	const struct credential *c;
	char why[TRUST_WHY_MAX];
	size_t cursor = 0;
	int64_t until;

	while ((c = credentials_next(q->v->in->store, CREDENTIAL_RESPONSE, &cursor)))
		if (c->response.until > q->v->in->now && certificate_equal(c->response.subject, q->subject))
			return judge_response(q, span_of(c->response.octets, c->response.n), (struct span) { 0 }, &until, why);
	/* Of an earlier candidate of this very question. */
	for (size_t i = 0; i < q->v->out->n_fetched; i++) {
		const struct verify_fetched *f = &q->v->out->fetched[i];

		if (f->subject && certificate_equal(f->subject, q->subject))
			return judge_response(q, span_of(f->octets.p, f->octets.n), (struct span) { 0 }, &until, why);
	}
	return REVOCATION_UNKNOWN;
}

static void
keep_response(const struct question *q, const char *uri, struct fetched *octets, int64_t until)
{
	struct verify_fetched *f = keep(q->v, uri);

	if (!f)
		return;
	f->subject = certificate_ref((struct certificate *)(uintptr_t)q->subject);
	f->octets = *octets;
	f->until = until;
	*octets = (struct fetched) { 0 };
}

static enum revocation_state
ask_responder(const struct question *q, const char *uri)
{
	const struct verify_input *in = q->v->in;
	uint8_t request[OCSP_REQUEST_OCTETS_MAX];
	struct span nonce = span_of(in->nonce, sizeof in->nonce);
	size_t n = ocsp_request(request, q->subject, q->issuer, nonce);
	char why[FETCH_WHY_MAX] = "no request can be made: its serial number is too long, or memory is out";
	enum revocation_state s = REVOCATION_UNKNOWN;
	struct fetched got = { 0 };
	int64_t until;

	if (n && in->fetch(in->fetch_context, &got, uri, span_of(request, n), OCSP_RESPONSE_OCTETS_MAX, why)) {
		s = judge_response(q, span_of(got.p, got.n), nonce, &until, why);
		if (s == REVOCATION_GOOD || s == REVOCATION_REVOKED)
			keep_response(q, uri, &got, until);
	}
	if (s != REVOCATION_GOOD && s != REVOCATION_REVOKED)
		verify_note(q->v, "OCSP by %s: %s", uri, why);
	fetched_clear(&got);
	return s;
}

static enum revocation_state
by_ocsp(struct question *q)
{
	enum revocation_state s = cached_response(q);
	size_t own = 0, theirs = 0;
	const char *uri;

	while ((uri = next_uri(q, true, &own, &theirs))) {
		q->has_uri = true;
		if (s != REVOCATION_GOOD && s != REVOCATION_REVOKED && may_fetch(uri, own && !theirs))
			s = ask_responder(q, uri);
	}
	return s;
}

/* ---- lists */

enum { LISTS_MAX = 256 };

static void
push(struct crl **list, size_t *n, struct crl *c)
{
	if (*n < LISTS_MAX)
		list[(*n)++] = c;
}

static bool
concerns(const struct crl *c, const struct trust_path *path)
{
	for (size_t i = 1; i < path->n; i++)
		if (span_equal(crl_issuer(c), certificate_subject(path->cert[i])))
			return true;
	return false;
}

static enum revocation_state
judge_lists(const struct question *q)
{
	enum revocation_state s[TRUST_PATH_MAX] = { 0 };
	const struct verify *v = q->v;
	struct crl *list[LISTS_MAX];
	const struct credential *c;
	size_t n = 0, cursor = 0;

	while ((c = credentials_next(v->in->store, CREDENTIAL_CRL, &cursor)))
		if (concerns(c->crl, q->path))
			push(list, &n, c->crl);
	for (size_t i = 0; i < v->n_lists; i++)
		push(list, &n, v->list[i]);
	for (size_t i = 0; i < v->out->n_fetched; i++)
		if (v->out->fetched[i].crl)
			push(list, &n, v->out->fetched[i].crl);
	trust_crls(s, q->path, list, n, v->in->now);
	return s[q->at];
}

/* RFC 5280 section 6.3.3 (g). Whoever is on the way to an http URI could otherwise have us keep what he likes. */
static bool
is_genuine(const struct crl *c, const struct trust_path *path)
{
	for (size_t i = 1; i < path->n; i++)
		if (crl_signed_by(c, path->cert[i]))
			return true;
	return false;
}

static bool
was_fetched(const struct verify *v, const char *uri)
{
	for (size_t i = 0; i < v->out->n_fetched; i++)
		if (v->out->fetched[i].crl && !strcmp(v->out->fetched[i].uri, uri))
			return true;
	return false;
}

static void
fetch_list(const struct question *q, const char *uri)
{
	const struct verify_input *in = q->v->in;
	struct fetched got = { 0 };
	char why[FETCH_WHY_MAX];
	struct verify_fetched *f;
	struct crl *crl;

	if (was_fetched(q->v, uri))
		return;
	if (!in->fetch(in->fetch_context, &got, uri, (struct span) { 0 }, CRL_OCTETS_MAX, why)) {
		verify_note(q->v, "cannot fetch the revocation list %s: %s", uri, why);
		return;
	}
	crl = crl_read(span_of(got.p, got.n));
	fetched_clear(&got);
	if (!crl) {
		verify_note(q->v, "what %s gives is no revocation list", uri);
		return;
	}
	if (!is_genuine(crl, q->path)) {
		verify_note(q->v, "the revocation list that %s gives is not signed by a CA of this chain", uri);
		crl_unref(crl);
		return;
	}
	f = keep(q->v, uri);
	if (f) {
		f->crl = crl;
		return;
	}
	crl_unref(crl);
	verify_note(q->v, "the revocation list %s is one too many for this chain, or memory is out", uri);
}

static enum revocation_state
by_lists(struct question *q)
{
	enum revocation_state s = judge_lists(q);
	size_t own = 0, theirs = 0;
	const char *uri;

	while ((uri = next_uri(q, false, &own, &theirs))) {
		q->has_uri = true;
		if (s == REVOCATION_GOOD || s == REVOCATION_REVOKED || !may_fetch(uri, own && !theirs))
			continue;
		fetch_list(q, uri);
		s = judge_lists(q);
	}
	return s;
}

/* ---- the verdict */

static bool
refuse(const struct question *q, const char *what)
{
	char name[IDENTITY_TEXT_MAX];

	q->v->out->notify = NOTIFY_INVALID_CERTIFICATE;
	snprintf(q->v->out->text, VERIFY_TEXT_MAX, "certificate %s %s%s%.300s",
	         dn_format(name, sizeof name, certificate_subject(q->subject)), what, q->v->out->notes[0] ? ": " : "",
	         q->v->out->notes);
	return false;
}

static bool
is_acceptable(struct question *q, enum revocation_policy policy)
{
	enum revocation_state s = by_ocsp(q), listed;
	char name[IDENTITY_TEXT_MAX];

	if (s != REVOCATION_GOOD && s != REVOCATION_REVOKED) {
		listed = by_lists(q);
		s = listed == REVOCATION_UNKNOWN ? s : listed;
	}
	if (s == REVOCATION_REVOKED)
		return refuse(q, "has been revoked");
	if (s == REVOCATION_GOOD)
		return true;
	if (policy == REVOCATION_STRICT)
		return refuse(q, s == REVOCATION_STALE
		                         ? "may have been revoked: what is known is out of date (revocation = strict)"
		                         : "may have been revoked: nothing is known (revocation = strict)");
	if (policy == REVOCATION_IFURI && q->has_uri)
		return refuse(q, "may have been revoked: nobody who is named for it could be asked (revocation = ifuri)");
	if (q->has_uri || s == REVOCATION_STALE)
		verify_note(q->v, "nothing current is known of the revocation of certificate %s: accepted by revocation = %s",
		            dn_format(name, sizeof name, certificate_subject(q->subject)),
		            policy == REVOCATION_IFURI ? "ifuri" : "relaxed");
	return true;
}

bool
verify_revocation(struct verify *v, const struct trust_path *path, enum revocation_policy policy)
{
	for (size_t i = 0; i + 1 < path->n; i++) {
		struct question q = { .v = v,
			              .path = path,
			              .at = i,
			              .subject = path->cert[i],
			              .issuer = path->cert[i + 1],
			              .authority = authority_of(v->in->store, path->cert[i + 1]) };

		if (!is_acceptable(&q, policy))
			return false;
	}
	return true;
}
