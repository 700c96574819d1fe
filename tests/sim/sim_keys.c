/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "certificate.h"

/*
 * Who keeps the keys of a peer: those of tests/data/pki, so that RSA signatures
 * are the same in every run. A certificate is trusted because it is named.
 */

static struct span
read_file(const char *name, const char *suffix)
{
	static uint8_t room[1 << 16];
	const char *folder = getenv("SALLYPORT_TEST_DATA");
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/pki/%s.%s", folder ? folder : "tests/data", name, suffix);
	f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "sim: no file %s (is SALLYPORT_TEST_DATA set?)\n", path);
		abort();
	}
	n = fread(room, 1, sizeof room, f);
	fclose(f);
	return span_of(room, n);
}

/* Each is read once: that takes longer than a whole conversation. */
static struct held {
	char name[32];
	struct certificate *certificate;
	struct private_key *key;
} held[16];

static struct held *
held_as(const char *name)
{
	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (!held[i].name[0])
			snprintf(held[i].name, sizeof held[i].name, "%s", name);
		if (!strcmp(held[i].name, name))
			return &held[i];
	}
	abort();
}

static struct certificate *
certificate(const char *name)
{
	struct held *h = held_as(name);

	if (!h->certificate)
		h->certificate = certificate_read(read_file(name, "crt"));
	if (!h->certificate)
		abort();
	return h->certificate;
}

static struct private_key *
private_key(const char *name)
{
	struct held *h = held_as(name);

	if (!h->key && private_key_read(&h->key, read_file(name, "key"), (struct span) { 0 }) != KEY_OK)
		abort();
	return h->key;
}

static struct identity
subject(const struct certificate *c)
{
	struct identity id;

	if (!identity_from_wire(&id, ID_DER_ASN1_DN, certificate_subject(c)))
		abort();
	return id;
}

static enum signature_scheme
scheme_of(const struct key_facts *f)
{
	if (f->type == KEY_RSA)
		return SIGN_RSA;
	return f->bits == 256 ? SIGN_ECDSA_256 : f->bits == 384 ? SIGN_ECDSA_384 : SIGN_ECDSA_521;
}

bool
sim_key_word(struct sim_peer *p, struct conn *c, const char *key, const char *v, bool *known)
{
	struct sim_keys *k = &p->keys_held;

	*known = true;
	if (!strcmp(key, "key"))
		return snprintf(k->own, sizeof k->own, "%s", v), c->local.method = AUTH_PUBKEY, true;
	if (!strcmp(key, "trust"))
		return snprintf(k->trusted, sizeof k->trusted, "%s", v), c->remote.method = AUTH_PUBKEY, true;
	if (!strcmp(key, "hybrid"))
		return *(*v == 'c' ? &c->local.method : &c->remote.method) = AUTH_XAUTH, true;
	if (!strcmp(key, "chain"))
		return k->chain = (unsigned)atoi(v), true;
	if (!strcmp(key, "cert-encoding"))
		return k->encoding = (uint8_t)atoi(v), true;
	if (!strcmp(key, "judge"))
		return k->judge = (uint16_t)atoi(v), true;
	if (!strcmp(key, "key-once"))
		return k->once = (unsigned)atoi(v), true;
	if (!strcmp(key, "send-cert")) {
		c->send_cert = !strcmp(v, "never") ? SEND_CERT_NEVER : SEND_CERT_ALWAYS;
		return true;
	}
	if (!strcmp(key, "no-certreq"))
		return c->send_certreq = false, true;
	*known = false;
	return true;
}

static struct sim_event *
later(struct sim_peer *p, enum answer_kind kind, const struct effect *e)
{
	struct sim_event *v = sim_event_new(p->w, p->w->now + p->w->opts.answer_ns, SIM_ANSWER, p);

	v->answer = (struct answer) { .kind = kind, .ticket = e->ticket };
	return v;
}

/* What an answer points to lives as long as its event. */
static struct span
keep(struct sim_event *v, struct span s)
{
	return arena_dup(&v->arena, s);
}

static void
answer_credential(struct sim_peer *p, const struct effect *e)
{
	struct sim_keys *k = &p->keys_held;
	struct sim_event *v = later(p, ANSWER_CREDENTIAL, e);
	struct certificate *own = *k->own ? certificate(k->own) : NULL, *trusted = *k->trusted ? certificate(k->trusted) : NULL;
	struct cert_payload *cert = arena_alloc(&v->arena, (k->chain + 1) * sizeof *cert);
	struct span *name = arena_alloc(&v->arena, sizeof *name);
	struct answer *a = &v->answer;

	a->scheme = own ? scheme_of(public_key_facts(certificate_key(own))) : SIGN_NONE;
	a->ok = e->credential.authorities_only || (own && (!e->credential.schemes || e->credential.schemes & 1u << a->scheme));
	a->ok = a->ok && (!k->once || k->asked++ < k->once);
	a->reason = "no private key makes such a signature";
	a->key = 1;
	a->cert = cert;
	a->authorities = name;
	for (unsigned i = 0; own && i <= k->chain; i++)
		cert[a->n_cert++] =
		        (struct cert_payload) { k->encoding ? k->encoding : CERT_X509_SIGNATURE, keep(v, certificate_der(own)) };
	if (own)
		a->id = subject(own);
	if (trusted)
		name[a->n_authorities++] = keep(v, certificate_issuer(trusted));
}

static void
answer_signature(struct sim_peer *p, const struct effect *e)
{
	struct sim_event *v = later(p, ANSWER_SIGNATURE, e);
	uint8_t room[SIGNATURE_OCTETS_MAX];
	size_t n = private_key_sign(room, private_key(p->keys_held.own), e->sign.octets);

	v->answer.ok = n > 0 && !p->keys_held.refuse_sign;
	v->answer.reason = "the token was pulled out";
	v->answer.signature = keep(v, span_of(room, n));
}

static bool
names(const struct certificate *c, const struct identity *id)
{
	struct identity dn = subject(c);
	enum alt_name_type type;
	struct span name;

	if (identity_equal(&dn, id))
		return true;
	for (size_t at = 0; certificate_next_alt_name(c, &at, &type, &name);)
		if (type == ALT_NAME_DNS && id->type == ID_FQDN && span_equal(name, identity_span(id)))
			return true;
	return false;
}

static bool
was_sent(const struct verify_query *q, const struct certificate *c)
{
	for (size_t i = 0; i < q->n_cert; i++)
		if (span_equal(q->cert[i].data, certificate_der(c)))
			return true;
	return q->n_cert == 0;
}

static void
answer_verified(struct sim_peer *p, const struct effect *e)
{
	const struct verify_query *q = &e->verify;
	struct sim_event *v = later(p, ANSWER_VERIFIED, e);
	struct certificate *c = certificate(p->keys_held.trusted);
	struct answer *a = &v->answer;

	p->keys_held.certs_seen = (unsigned)q->n_cert;
	if (p->keys_held.judge) {
		a->notify = p->keys_held.judge;
		a->reason = "the certificate has expired";
	} else if (!was_sent(q, c)) {
		a->notify = NOTIFY_INVALID_CERT_AUTHORITY;
		a->reason = "the certificate is from nobody that we trust";
	} else if (!names(c, q->id)) {
		a->notify = NOTIFY_INVALID_ID_INFORMATION;
		a->reason = "the certificate does not hold the identity";
	} else if (scheme_of(public_key_facts(certificate_key(c))) != q->scheme ||
	           !public_key_verify(certificate_key(c), q->octets, q->signature)) {
		a->notify = NOTIFY_INVALID_SIGNATURE;
		a->reason = "the signature is not by the key of the certificate";
	} else {
		a->ok = true;
	}
}

void
sim_key_effect(struct sim_peer *p, const struct effect *e)
{
	if (e->kind == EFFECT_ASK_CREDENTIAL)
		answer_credential(p, e);
	else if (e->kind == EFFECT_ASK_SIGN)
		answer_signature(p, e);
	else if (e->kind == EFFECT_ASK_VERIFY)
		answer_verified(p, e);
}
