/* SPDX-License-Identifier: Apache-2.0 */
#include "config_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "method.h"

/* What is no mistake of the file, but can hardly be meant. */

enum { ENDS_MAX = 16 };

/* The identities of one end as far as the file tells them. */
struct ends {
	struct identity id[ENDS_MAX];
	size_t n;
	bool unknown; /* some address that only a connection will tell */
};

static void
ends_of(struct ends *out, const struct auth_round *r, const struct address_specs *addrs)
{
	*out = (struct ends) { .unknown = addrs->n == 0 || addrs->n >= ENDS_MAX };
	if (r->id.type != ID_ANY)
		out->id[out->n++] = r->id;
	/* Whatever its identity, Main Mode looks under the addresses as well. */
	for (size_t i = 0; i < addrs->n && out->n < ENDS_MAX; i++) {
		const struct address_spec *a = &addrs->a[i];

		if (a->name || ip_is_any(&a->lo) || !ip_equal(&a->lo, &a->hi))
			out->unknown = true;
		else
			out->id[out->n++] = identity_from_ip(&a->lo);
	}
}

static bool
found(const struct secret_store *st, const struct identity *local, const struct identity *remote)
{
	return secret_store_find(st, &(struct psk_query) { local, remote, 1 }) != NULL;
}

static bool
is_address(const struct identity *id)
{
	switch (id->type) {
	case ID_ANY:
	case ID_IPV4_ADDR:
	case ID_IPV4_ADDR_SUBNET:
	case ID_IPV4_ADDR_RANGE:
	case ID_IPV6_ADDR:
	case ID_IPV6_ADDR_SUBNET:
	case ID_IPV6_ADDR_RANGE:
		return true;
	default:
		return false;
	}
}

/* A secret for an address may be the one of an end whose address is not known yet. */
static bool
any_for_an_address(const struct secret_store *st)
{
	for (size_t i = 0; i < st->n; i++)
		for (size_t k = 0; k < st->s[i]->n_owners; k++)
			if (is_address(&st->s[i]->owner[k]))
				return true;
	return false;
}

/* A secret for one of those that remote.id lets in: "oslo.branch.example.org" for "*.branch.example.org". */
static bool
any_within(const struct secret_store *st, const struct identity *pattern)
{
	for (size_t i = 0; i < st->n; i++)
		for (size_t k = 0; k < st->s[i]->n_owners; k++)
			if (identity_match(pattern, &st->s[i]->owner[k]))
				return true;
	return false;
}

static bool
can_serve(const struct secret_store *st, const struct conn *c)
{
	struct ends local, remote;

	ends_of(&local, &c->local, &c->local_addrs);
	ends_of(&remote, &c->remote, &c->remote_addrs);
	for (size_t i = 0; i < remote.n; i++)
		if (found(st, &remote.id[i], &remote.id[i]))
			return true;
	for (size_t i = 0; i < local.n; i++)
		if (found(st, &local.id[i], &local.id[i]))
			return true;
	for (size_t i = 0; i < st->n; i++)
		if (st->s[i]->n_owners == 0)
			return true;
	if (c->remote.id.type != ID_ANY && any_within(st, &c->remote.id))
		return true;
	return (local.unknown || remote.unknown) && any_for_an_address(st);
}

size_t
config_without_secret(const struct config *c, const struct conn **out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct conn *conn = c->conn[i];
		bool keyed = conn->local.method == AUTH_PSK || conn->remote.method == AUTH_PSK;

		if (!keyed || can_serve(&c->secrets, conn))
			continue;
		if (n < max)
			out[n] = conn;
		n++;
	}
	return n;
}

/* What the connection would authenticate us by, to be given to choice_free; NULL where that is no key. */
static struct credential_choice *
chosen(const struct config *c, const struct conn *conn)
{
	struct credential_query q = { .conn = conn, .round = &conn->local };
	struct credential_choice *choice = conn->local.method == AUTH_PUBKEY ? calloc(1, sizeof *choice) : NULL;

	if (choice)
		credential_choose(choice, &c->credentials, &q);
	return choice;
}

static void
choice_free(struct credential_choice *choice)
{
	if (choice)
		credential_choice_clear(choice);
	free(choice);
}

/* Whoever begins; with any kind of key where ours is not known. */
static bool
has_method(const struct conn *conn, const struct credential_choice *choice)
{
	for (int s = SIGN_NONE; s <= SIGN_ECDSA_521; s++) {
		if (choice && choice->answer.ok && s != (int)choice->answer.scheme)
			continue;
		if (method_for(conn, INITIATOR, (enum signature_scheme)s) ||
		    method_for(conn, RESPONDER, (enum signature_scheme)s))
			return true;
	}
	return false;
}

bool
config_no_method(const struct config *c, const struct conn *conn, char why[CHOICE_TEXT_MAX])
{
	struct credential_choice *choice = chosen(c, conn);
	struct arena a = { 0 };
	bool none = !has_method(conn, choice);
	const char *text = none ? method_missing(&a, conn) : NULL;

	snprintf(why, CHOICE_TEXT_MAX, "%s", text ? text : "");
	arena_clear(&a);
	choice_free(choice);
	return none;
}

bool
config_certificate_out_of_time(const struct config *c, const struct conn *conn, int64_t now, char why[CHOICE_TEXT_MAX])
{
	struct credential_choice *choice = chosen(c, conn);
	bool out = false;

	for (size_t i = 0; choice && i < choice->answer.n_cert && !out; i++)
		out = !trust_is_in_time(choice->cert[i], now, why);
	choice_free(choice);
	return out;
}

bool
config_cannot_sign(const struct config *c, const struct conn *conn, char why[CHOICE_TEXT_MAX])
{
	struct credential_choice *choice = chosen(c, conn);
	bool cannot = choice && choice->answer.reason != NULL;

	if (cannot)
		snprintf(why, CHOICE_TEXT_MAX, "%s", choice->answer.reason);
	choice_free(choice);
	return cannot;
}

const char *
config_pool_missing(const struct config *c, const struct conn *conn, size_t *at, char name[CHOICE_TEXT_MAX])
{
	for (; *at < conn->pools.n; (*at)++) {
		struct span s = conn->pools.o[*at];

		snprintf(name, CHOICE_TEXT_MAX, "%.*s", (int)s.n, (const char *)s.p);
		if (strcmp(name, "radius") == 0 || pools_find(&c->pools, name))
			continue;
		(*at)++;
		return name;
	}
	return NULL;
}

/* "dynamic" is the address of an end, of either family. */
static bool
common_family(const struct child *c)
{
	for (size_t i = 0; i < c->n_local_ts; i++)
		for (size_t k = 0; k < c->n_remote_ts; k++) {
			const struct selector *a = &c->local_ts[i], *b = &c->remote_ts[k];

			if (selector_is_dynamic(a) || selector_is_dynamic(b) || a->lo.family == b->lo.family)
				return true;
		}
	return false;
}

static bool
nothing_in_common(const struct child *c)
{
	return !mode_is_shunt(c->mode) && !common_family(c);
}

static bool
has_network(const struct selector *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!selector_is_dynamic(&s[i]) && !ip_equal(&s[i].lo, &s[i].hi))
			return true;
	return false;
}

/* RFC 4301 section 4.1: transport mode is between hosts. */
static bool
networks_in_transport(const struct child *c)
{
	return c->mode == MODE_TRANSPORT &&
	       (has_network(c->local_ts, c->n_local_ts) || has_network(c->remote_ts, c->n_remote_ts));
}

static bool
names_cipher(const struct child *c, uint16_t id)
{
	for (size_t i = 0; i < c->esp.n; i++)
		for (size_t k = 0; k < c->esp.p[i].kind[TRANSFORM_ENCR].n; k++)
			if (c->esp.p[i].kind[TRANSFORM_ENCR].t[k].id == id)
				return true;
	return false;
}

static bool
cipher_without_number(const struct child *c)
{
	return !mode_is_shunt(c->mode) && names_cipher(c, ENCR_CHACHA20_POLY1305);
}

const char *
config_child_doubt(const struct child *c, size_t *at)
{
	static const struct {
		bool (*holds)(const struct child *c);
		const char *sentence;
	} doubts[] = {
		{ nothing_in_common, "local_ts and remote_ts have no address family in common: it can carry nothing" },
		{ networks_in_transport,
		  "mode = transport protects the packets of the two ends themselves only: for networks use "
		  "mode = tunnel, for one end leave local_ts and remote_ts out" },
		{ cipher_without_number,
		  "chacha20poly1305 has no number in IKEv1 (RFC 7634 gives it one in IKEv2 only), so it is "
		  "not offered: add another suite to esp_proposals, such as aes256gcm16" },
	};

	while (*at < sizeof doubts / sizeof doubts[0]) {
		size_t i = (*at)++;

		if (doubts[i].holds(c))
			return doubts[i].sentence;
	}
	return NULL;
}
