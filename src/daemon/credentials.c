/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials.h"

#include <stdlib.h>

/* ---- one credential */

void
authority_clear(struct authority *a)
{
	certificate_unref(a->ca);
	for (size_t i = 0; i <= AUTHORITY_URIS_MAX; i++) {
		free(a->crl_uri[i]);
		free(a->ocsp_uri[i]);
	}
	free(a->cert_uri_base);
	*a = (struct authority) { 0 };
}

static void
free_content(struct credential *c)
{
	switch (c->kind) {
	case CREDENTIAL_CERTIFICATE:
	case CREDENTIAL_CA:
	case CREDENTIAL_RESPONDER:
		certificate_unref(c->certificate);
		break;
	case CREDENTIAL_CRL:
		crl_unref(c->crl);
		break;
	case CREDENTIAL_PUBLIC:
		public_key_free(c->public_key);
		break;
	case CREDENTIAL_PRIVATE:
		private_key_unref(c->private_key);
		break;
	case CREDENTIAL_RESPONSE:
		certificate_unref(c->response.subject);
		free(c->response.octets);
		break;
	case CREDENTIAL_AUTHORITY:
		authority_clear(&c->authority);
		break;
	}
}

static void
unref(struct credential *c)
{
	if (--c->refs)
		return;
	free_content(c);
	free(c->name);
	free(c);
}

static bool
octets_equal(const struct credential *a, const struct credential *b)
{
	switch (a->kind) {
	case CREDENTIAL_CERTIFICATE:
	case CREDENTIAL_CA:
	case CREDENTIAL_RESPONDER:
		return certificate_equal(a->certificate, b->certificate);
	case CREDENTIAL_CRL:
		return span_equal(crl_der(a->crl), crl_der(b->crl));
	case CREDENTIAL_PUBLIC:
		return span_equal(public_key_der(a->public_key), public_key_der(b->public_key));
	case CREDENTIAL_PRIVATE:
		return !memcmp(private_key_facts(a->private_key)->id, private_key_facts(b->private_key)->id, KEY_ID_OCTETS);
	case CREDENTIAL_RESPONSE:
		return certificate_equal(a->response.subject, b->response.subject);
	case CREDENTIAL_AUTHORITY:
		return false;
	}
	return false;
}

/* What was fetched from one place, and what is said of one subject, has a successor, not a second. */
static bool
replaces(const struct credential *next, const struct credential *old)
{
	if (next->kind != old->kind || next->origin != old->origin)
		return false;
	if (next->name && old->name && !strcmp(next->name, old->name))
		return true;
	return octets_equal(next, old);
}

/* ---- the store */

static void
remove_at(struct credentials *st, size_t i)
{
	st->n_fetched -= st->c[i]->origin == CREDENTIAL_FETCHED;
	unref(st->c[i]);
	memmove(&st->c[i], &st->c[i + 1], (--st->n - i) * sizeof *st->c);
}

static bool
make_room(struct credentials *st)
{
	size_t cap = st->cap ? 2 * st->cap : 16;
	struct credential **more;

	if (st->n < st->cap)
		return true;
	more = st->n < CREDENTIALS_MAX ? realloc(st->c, cap * sizeof *more) : NULL;
	if (!more)
		return false;
	st->c = more;
	st->cap = cap;
	return true;
}

/* The oldest of what was fetched goes. */
static void
limit_fetched(struct credentials *st)
{
	size_t i = 0;

	while (st->n_fetched > CREDENTIALS_FETCHED_MAX) {
		while (st->c[i]->origin != CREDENTIAL_FETCHED)
			i++;
		remove_at(st, i);
	}
}

static bool
add(struct credentials *st, struct credential *content, const char *name)
{
	struct credential *c = calloc(1, sizeof *c);
	size_t i = 0;

	content->refs = 1;
	if (c) {
		*c = *content;
		c->name = name ? strdup(name) : NULL;
	}
	if (!c || (name && !c->name) || !make_room(st)) {
		free_content(content);
		free(c ? c->name : NULL);
		free(c);
		return false;
	}
	c->handle = ++st->next_handle;
	while (i < st->n && !replaces(c, st->c[i]))
		i++;
	if (i < st->n) {
		/* A key that is loaded again keeps its handle: a signature may be on its way. */
		c->handle = st->c[i]->handle;
		unref(st->c[i]);
		st->c[i] = c;
		return true;
	}
	st->c[st->n++] = c;
	st->n_fetched += c->origin == CREDENTIAL_FETCHED;
	limit_fetched(st);
	return true;
}

bool
credentials_add_certificate(struct credentials *st, enum credential_kind kind, enum credential_origin o, struct certificate *c)
{
	return add(st, &(struct credential) { .kind = kind, .origin = o, .certificate = c }, NULL);
}

bool
credentials_add_crl(struct credentials *st, enum credential_origin o, struct crl *c, const char *uri)
{
	return add(st, &(struct credential) { .kind = CREDENTIAL_CRL, .origin = o, .crl = c }, uri);
}

bool
credentials_add_public(struct credentials *st, enum credential_origin o, struct public_key *k)
{
	return add(st, &(struct credential) { .kind = CREDENTIAL_PUBLIC, .origin = o, .public_key = k }, NULL);
}

bool
credentials_add_private(struct credentials *st, enum credential_origin o, struct private_key *k)
{
	return add(st, &(struct credential) { .kind = CREDENTIAL_PRIVATE, .origin = o, .private_key = k }, NULL);
}

bool
credentials_add_response(struct credentials *st, struct certificate *subject, struct span octets, int64_t until)
{
	uint8_t *copy = octets.n ? malloc(octets.n) : NULL;

	if (!copy) {
		certificate_unref(subject);
		return false;
	}
	memcpy(copy, octets.p, octets.n);
	return add(st,
	           &(struct credential) { .kind = CREDENTIAL_RESPONSE,
	                                  .origin = CREDENTIAL_FETCHED,
	                                  .response = { subject, copy, octets.n, until } },
	           NULL);
}

bool
credentials_add_authority(struct credentials *st, enum credential_origin o, const char *name, const struct authority *a)
{
	return add(st, &(struct credential) { .kind = CREDENTIAL_AUTHORITY, .origin = o, .authority = *a }, name);
}

bool
credentials_remove_private(struct credentials *st, enum credential_origin o, const uint8_t id[KEY_ID_OCTETS])
{
	for (size_t i = 0; i < st->n; i++) {
		if (st->c[i]->kind != CREDENTIAL_PRIVATE || st->c[i]->origin != o ||
		    memcmp(private_key_facts(st->c[i]->private_key)->id, id, KEY_ID_OCTETS))
			continue;
		remove_at(st, i);
		return true;
	}
	return false;
}

bool
credentials_remove_authority(struct credentials *st, enum credential_origin o, const char *name)
{
	for (size_t i = 0; i < st->n; i++) {
		if (st->c[i]->kind != CREDENTIAL_AUTHORITY || st->c[i]->origin != o || strcmp(st->c[i]->name, name))
			continue;
		remove_at(st, i);
		return true;
	}
	return false;
}

void
credentials_clear(struct credentials *st, enum credential_origin o, bool keep_authorities)
{
	size_t kept = 0;

	for (size_t i = 0; i < st->n; i++) {
		struct credential *c = st->c[i];

		if (c->origin == o && !(keep_authorities && c->kind == CREDENTIAL_AUTHORITY)) {
			st->n_fetched -= o == CREDENTIAL_FETCHED;
			unref(c);
		} else {
			st->c[kept++] = c;
		}
	}
	st->n = kept;
}

void
credentials_flush(struct credentials *st, enum credential_kind kind)
{
	for (size_t i = st->n; i--;)
		if (st->c[i]->origin == CREDENTIAL_FETCHED && st->c[i]->kind == kind)
			remove_at(st, i);
}

/* A key of the file that is there again keeps its handle. */
static uint64_t
handle_for(struct credentials *st, const struct credential *c)
{
	for (size_t i = 0; i < st->n; i++)
		if (c->kind == CREDENTIAL_PRIVATE && replaces(c, st->c[i]))
			return st->c[i]->handle;
	return ++st->next_handle;
}

void
credentials_replace(struct credentials *st, enum credential_origin o, struct credentials *from)
{
	for (size_t i = 0; i < from->n; i++)
		from->c[i]->handle = handle_for(st, from->c[i]);
	credentials_clear(st, o, false);
	for (size_t i = 0; i < from->n; i++) {
		if (from->c[i]->origin == o && make_room(st))
			st->c[st->n++] = from->c[i];
		else
			unref(from->c[i]);
	}
	free(from->c);
	*from = (struct credentials) { 0 };
}

void
credentials_free(struct credentials *st)
{
	for (size_t i = 0; i < st->n; i++)
		unref(st->c[i]);
	free(st->c);
	*st = (struct credentials) { 0 };
}

/* ---- looking */

const struct credential *
credentials_next(const struct credentials *st, enum credential_kind kind, size_t *cursor)
{
	while (*cursor < st->n) {
		const struct credential *c = st->c[(*cursor)++];

		if (c->kind == kind)
			return c;
	}
	return NULL;
}

struct certificate *
credentials_ca(const struct credentials *st, const struct credential *c)
{
	if (c->kind == CREDENTIAL_CA)
		return c->certificate;
	if (c->kind != CREDENTIAL_AUTHORITY)
		return NULL;
	for (size_t i = 0; i < st->n; i++) {
		const struct credential *o = st->c[i];

		if (o == c)
			break;
		if (o->kind == CREDENTIAL_AUTHORITY && certificate_equal(o->authority.ca, c->authority.ca))
			return NULL;
	}
	for (size_t i = 0; i < st->n; i++)
		if (st->c[i]->kind == CREDENTIAL_CA && certificate_equal(st->c[i]->certificate, c->authority.ca))
			return NULL;
	return c->authority.ca;
}

struct certificate *
credentials_next_ca(const struct credentials *st, size_t *cursor)
{
	struct certificate *ca = NULL;

	while (!ca && *cursor < st->n)
		ca = credentials_ca(st, st->c[(*cursor)++]);
	return ca;
}

const struct credential *
credentials_private(const struct credentials *st, uint64_t handle)
{
	const struct credential *c;
	size_t cursor = 0;

	while ((c = credentials_next(st, CREDENTIAL_PRIVATE, &cursor)))
		if (c->handle == handle)
			return c;
	return NULL;
}

const struct credential *
credentials_private_of(const struct credentials *st, const struct public_key *k)
{
	const struct credential *c;
	size_t cursor = 0;

	while ((c = credentials_next(st, CREDENTIAL_PRIVATE, &cursor)))
		if (!memcmp(private_key_facts(c->private_key)->info_id, public_key_facts(k)->info_id, KEY_ID_OCTETS))
			return c;
	return NULL;
}

bool
credentials_view(struct credentials *out, const struct credentials *st)
{
	*out = (struct credentials) { .c = calloc(st->n + 1, sizeof *out->c) };
	if (!out->c)
		return false;
	for (size_t i = 0; i < st->n; i++) {
		if (st->c[i]->kind == CREDENTIAL_PRIVATE)
			continue;
		st->c[i]->refs++;
		out->c[out->n++] = st->c[i];
	}
	return true;
}
