/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "credential_choice.h"
#include "test_pki.h"
#include "verify.h"

/* Our judgement of peers, and the choice of our own certificate, without a network. */

static const uint8_t hash[32] = { 1, 2, 3, 4 };

/* ---- a store, a connection, a peer */

struct scene {
	struct credentials store;
	struct conn *conn;
	struct verify_result result;
	const char *serve; /* file that every URI gives; NULL: none answers */
	unsigned asked;
};

static struct certificate *
certificate(const char *name)
{
	char file[64];
	struct certificate *c;

	snprintf(file, sizeof file, "%s.crt", name);
	c = certificate_read(test_pki_file(file));
	assert_non_null(c);
	return c;
}

static void
hold(struct scene *s, enum credential_kind kind, const char *name)
{
	assert_true(credentials_add_certificate(&s->store, kind, CREDENTIAL_FROM_FILE, certificate(name)));
}

static struct private_key *
key(const char *file)
{
	struct private_key *k;

	assert_int_equal(private_key_read(&k, test_pki_file(file), (struct span) { 0 }), KEY_OK);
	return k;
}

static void
hold_key(struct scene *s, const char *file)
{
	assert_true(credentials_add_private(&s->store, CREDENTIAL_FROM_FILE, key(file)));
}

static void
open_scene(struct scene *s)
{
	*s = (struct scene) { .conn = conn_new("site") };
	assert_non_null(s->conn);
	hold(s, CREDENTIAL_CA, "root");
}

static void
close_scene(struct scene *s)
{
	verify_result_clear(&s->result);
	credentials_free(&s->store);
	conn_unref(s->conn);
}

static struct identity
id(const char *text)
{
	struct identity i;
	const char *why;

	assert_true(identity_parse(&i, span_str(text), &why));
	return i;
}

static bool
served(void *context, struct fetched *out, const char *uri, struct span post, size_t max, char why[FETCH_WHY_MAX])
{
	struct scene *s = context;
	struct span file;

	(void)uri, (void)post, (void)max;
	s->asked++;
	snprintf(why, FETCH_WHY_MAX, "nobody answers");
	if (!s->serve)
		return false;
	file = test_pki_file(s->serve);
	*out = (struct fetched) { malloc(file.n), file.n };
	memcpy(out->p, file.p, file.n);
	return true;
}

/* The peer signs with @key_file and sends the certificates named (NULL: none). */
static bool
judge(struct scene *s, const char *claimed, const char *key_file, const char *first, const char *second)
{
	struct private_key *k = key(key_file);
	struct identity who = id(claimed);
	uint8_t signature[SIGNATURE_OCTETS_MAX];
	struct cert_payload cert[2];
	struct certificate *sent[2] = { first ? certificate(first) : NULL, second ? certificate(second) : NULL };
	struct verify_input in = { .conn = &s->conn,
		                   .n_conn = 1,
		                   .id = &who,
		                   .cert = cert,
		                   .scheme = private_key_facts(k)->type == KEY_RSA ? SIGN_RSA
		                             : private_key_facts(k)->bits == 256   ? SIGN_ECDSA_256
		                             : private_key_facts(k)->bits == 384   ? SIGN_ECDSA_384
		                                                                   : SIGN_ECDSA_521,
		                   .octets = span_of(hash, sizeof hash),
		                   .store = &s->store,
		                   .now = time(NULL),
		                   .fetch = served,
		                   .fetch_context = s };

	in.signature = span_of(signature, private_key_sign(signature, k, in.octets));
	for (size_t i = 0; i < 2; i++)
		if (sent[i])
			cert[in.n_cert++] = (struct cert_payload) { CERT_X509_SIGNATURE, certificate_der(sent[i]) };
	verify_result_clear(&s->result);
	verify_run(&s->result, &in);
	certificate_unref(sent[0]);
	certificate_unref(sent[1]);
	private_key_unref(k);
	return s->result.ok;
}

/* Refused, with a text that says @why. */
static void
refused(struct scene *s, const char *why, uint16_t notify)
{
	assert_false(s->result.ok);
	if (!strstr(s->result.text, why))
		fail_msg("%s", s->result.text);
	assert_int_equal(s->result.notify, notify);
}

/* ---- identity */

static void
each_name_of_the_certificate_will_do(void **state)
{
	static const char *const names[] = { "C=CH, O=Sallyport, CN=moon", "moon.example.org", "moon@example.org", "192.0.2.1",
		                             "2001:db8::1" };
	struct scene s;

	(void)state;
	open_scene(&s);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!judge(&s, names[i], "moon.key", "moon", NULL))
			fail_msg("%s: %s", names[i], s.result.text);
	assert_non_null(strstr(s.result.text, "trusted through C=CH, O=Sallyport, CN=Sallyport Root CA"));
	judge(&s, "sun.example.org", "moon.key", "moon", NULL);
	refused(&s, "its certificate is for C=CH, O=Sallyport, CN=moon (moon.example.org", NOTIFY_INVALID_ID_INFORMATION);
	close_scene(&s);
}

/* Patterns are for us to configure: a peer that claims one claims what no certificate says. */
static void
a_pattern_is_no_name(void **state)
{
	static const char *const patterns[] = { "*", "*.example.org", "*@example.org", "C=CH, O=Sallyport, CN=*",
		                                "192.0.2.0/24" };
	struct scene s;

	(void)state;
	open_scene(&s);
	s.conn->remote.id = id("%any");
	hold(&s, CREDENTIAL_CERTIFICATE, "moon");
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		judge(&s, patterns[i], "moon.key", "moon", NULL);
		refused(&s, "its certificate is for C=CH, O=Sallyport, CN=moon", NOTIFY_INVALID_ID_INFORMATION);
	}
	close_scene(&s);
}

static void
remote_id_decides_who_is_meant(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	s.conn->remote.id = id("C=CH, O=Sallyport, CN=*");
	assert_true(judge(&s, "C=CH, O=Sallyport, CN=moon", "moon.key", "moon", NULL));
	/* The peer calls itself otherwise, but its certificate has the name too. */
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	s.conn->remote.id = id("*.example.com");
	judge(&s, "moon.example.org", "moon.key", "moon", NULL);
	refused(&s, "see remote.id", NOTIFY_INVALID_ID_INFORMATION);
	close_scene(&s);
}

static void
the_signature_is_the_certificates(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	judge(&s, "moon.example.org", "ec384-pkcs8.pem", "moon", NULL);
	refused(&s, "was not made with the key of its certificate", NOTIFY_INVALID_SIGNATURE);
	judge(&s, "moon.example.org", "moon.key", NULL, NULL);
	refused(&s, "sent no certificate", NOTIFY_CERTIFICATE_UNAVAILABLE);
	/* One that we hold for it will do, and needs no CA. */
	hold(&s, CREDENTIAL_CERTIFICATE, "moon");
	assert_true(judge(&s, "moon.example.org", "moon.key", NULL, NULL));
	close_scene(&s);
}

/* RFC 4945 section 3.3.10.3: certificates come in any order. */
static void
intermediate_cas_come_in_any_order(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	s.conn->remote.id = id("%any");
	judge(&s, "rsa.example.org", "rsa-pkcs8.pem", "sub", "rsa");
	assert_true(s.result.ok);
	judge(&s, "C=CH, O=Sallyport, CN=ec384", "ec384-pkcs8.pem", "ec384", "sub");
	assert_true(s.result.ok);
	close_scene(&s);
}

/* ---- trust */

static void
strangers_are_refused(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	credentials_clear(&s.store, CREDENTIAL_FROM_FILE, false);
	judge(&s, "moon.example.org", "moon.key", "moon", "root");
	refused(&s, "no-trusted-issuer", NOTIFY_INVALID_CERT_AUTHORITY);
	assert_non_null(strstr(s.result.text, "x509ca"));
	close_scene(&s);
}

static void
cacerts_and_ca_id_are_asked_for(void **state)
{
	struct certificate *root = certificate("root"), *sub = certificate("sub");
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_true(octets_list_add(&s.conn->remote.cacerts, certificate_der(sub)));
	judge(&s, "moon.example.org", "moon.key", "moon", NULL);
	refused(&s, "leads to no CA of remote.cacerts", NOTIFY_INVALID_CERT_AUTHORITY);
	assert_true(octets_list_add(&s.conn->remote.cacerts, certificate_der(root)));
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	s.conn->remote.ca_id = id("C=CH, O=Sallyport, OU=Research, CN=Research CA");
	assert_false(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	s.conn->remote.ca_id = id("C=CH, O=Sallyport, CN=*");
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	certificate_unref(sub);
	certificate_unref(root);
	close_scene(&s);
}

static void
listed_certificates_are_the_only_ones(void **state)
{
	struct certificate *moon = certificate("moon"), *rsa = certificate("rsa");
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_true(octets_list_add(&s.conn->remote.certs, certificate_der(rsa)));
	judge(&s, "moon.example.org", "moon.key", "moon", NULL);
	refused(&s, "not among remote.certs", NOTIFY_AUTHENTICATION_FAILED);
	/* It is trusted by itself: no CA is needed, and none needs to be sent. */
	credentials_clear(&s.store, CREDENTIAL_FROM_FILE, false);
	assert_true(octets_list_add(&s.conn->remote.certs, certificate_der(moon)));
	assert_true(judge(&s, "moon.example.org", "moon.key", NULL, NULL));
	assert_true(judge(&s, "rsa.example.org", "rsa-pkcs8.pem", "rsa", NULL));
	certificate_unref(rsa);
	certificate_unref(moon);
	close_scene(&s);
}

static void
raw_public_keys_need_no_certificate(void **state)
{
	struct public_key *k = public_key_read(test_pki_file("rsa.pub"));
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_true(octets_list_add(&s.conn->remote.pubkeys, public_key_der(k)));
	s.conn->remote.id = id("sun");
	assert_true(judge(&s, "sun", "rsa-pkcs8.pem", NULL, NULL));
	assert_false(judge(&s, "moon", "rsa-pkcs8.pem", NULL, NULL));
	assert_false(judge(&s, "sun", "moon.key", NULL, NULL));
	public_key_free(k);
	close_scene(&s);
}

static void
strength_is_asked_for(void **state)
{
	static const struct {
		const char *auth, *peer, *key, *why;
	} cases[] = {
		{ NULL, "rsa", "rsa-pkcs8.pem", NULL },
		{ "rsa", "rsa", "rsa-pkcs8.pem", NULL },
		{ "rsa-3072", "rsa", "rsa-pkcs8.pem", "shorter than auth allows" },
		{ "ecdsa", "rsa", "rsa-pkcs8.pem", "kind of key" },
		{ "ecdsa-384", "moon", "moon.key", "shorter" },
		{ "rsa-2048-ecdsa-256-sha384", "moon", "moon.key", "does not allow" },
		{ "pubkey-sha256", "moon", "moon.key", NULL },
	};
	struct scene s;

	(void)state;
	open_scene(&s);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char name[64];

		free(s.conn->remote.constraint);
		s.conn->remote.constraint = cases[i].auth ? strdup(cases[i].auth) : NULL;
		snprintf(name, sizeof name, "%s.example.org", cases[i].peer);
		judge(&s, name, cases[i].key, cases[i].peer, NULL);
		if (cases[i].why)
			refused(&s, cases[i].why, NOTIFY_INVALID_CERTIFICATE);
		else
			assert_true(s.result.ok);
	}
	close_scene(&s);
}

/* ---- revocation */

static void
revocation_policies_differ(void **state)
{
	/* moon's certificate names a CRL and a responder, the RSA one nobody. */
	static const struct {
		enum revocation_policy policy;
		const char *serve;
		bool moon, rsa;
	} cases[] = {
		{ REVOCATION_RELAXED, NULL, true, true },        { REVOCATION_IFURI, NULL, false, true },
		{ REVOCATION_STRICT, NULL, false, false },       { REVOCATION_RELAXED, "root.crl", true, true },
		{ REVOCATION_IFURI, "root.crl", true, true },    { REVOCATION_STRICT, "root.crl", true, false },
		{ REVOCATION_STRICT, "moon.ocsp", true, false }, { REVOCATION_STRICT, "moon-old.ocsp", false, false },
		{ REVOCATION_IFURI, "old.crl", false, true },    { REVOCATION_STRICT, "old.crl", false, false },
		{ REVOCATION_IFURI, "forged.crl", false, true }, { REVOCATION_RELAXED, "forged.crl", true, true },
		{ REVOCATION_STRICT, "moon.crt", false, false }, { REVOCATION_STRICT, "moon-forged.ocsp", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scene s;

		open_scene(&s);
		s.conn->remote.revocation = cases[i].policy;
		s.serve = cases[i].serve;
		if (judge(&s, "moon.example.org", "moon.key", "moon", NULL) != cases[i].moon)
			fail_msg("case %zu, moon: %s (%s)", i, s.result.text, s.result.notes);
		if (judge(&s, "rsa.example.org", "rsa-pkcs8.pem", "rsa", NULL) != cases[i].rsa)
			fail_msg("case %zu, rsa: %s (%s)", i, s.result.text, s.result.notes);
		close_scene(&s);
	}
}

/* RFC 5280 section 4.1.2.2 allows 20 octets. A longer number fits no request, which is told; nobody is asked. */
static void
a_serial_number_that_fits_no_request(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	s.conn->remote.revocation = REVOCATION_IFURI;
	s.serve = "moon.ocsp";
	assert_false(judge(&s, "serial.example.org", "serial.key", "serial", NULL));
	assert_int_equal(s.asked, 0);
	refused(&s, "nobody who is named for it could be asked", NOTIFY_INVALID_CERTIFICATE);
	assert_non_null(strstr(s.result.text, "OCSP by http://127.0.0.1:8888/: no request can be made"));
	close_scene(&s);
}

/* RFC 5280 section 6.3.3 (g): "Validate the signature on the complete CRL". What is not the CA's is not kept for others either.
 */
static void
lists_of_strangers_are_not_kept(void **state)
{
	static const struct {
		const char *serve, *note;
		size_t kept;
	} cases[] = {
		{ "root.crl", NULL, 1 },
		{ "old.crl", NULL, 1 },
		{ "forged.crl", "is not signed by a CA of this chain", 0 },
		{ "moon.crt", "is no revocation list", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scene s;

		open_scene(&s);
		s.serve = cases[i].serve;
		assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
		assert_int_equal(s.result.n_fetched, cases[i].kept);
		if (cases[i].note && !strstr(s.result.notes, cases[i].note))
			fail_msg("%s: %s", cases[i].serve, s.result.notes);
		close_scene(&s);
	}
}

static void
what_is_at_hand_is_not_fetched_again(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	s.conn->remote.revocation = REVOCATION_STRICT;
	s.serve = "root.crl";
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	assert_int_equal(s.result.n_fetched, 1);
	assert_true(credentials_add_crl(&s.store, CREDENTIAL_FETCHED, crl_ref(s.result.fetched[0].crl), s.result.fetched[0].uri));
	s.serve = NULL;
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	credentials_flush(&s.store, CREDENTIAL_CRL);
	assert_false(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	close_scene(&s);
}

/* authorities.<name>.crl_uris: where the certificate names nobody. */
static void
authorities_say_where_to_ask(void **state)
{
	struct authority a = { .ca = certificate("root") };
	struct scene s;

	(void)state;
	open_scene(&s);
	a.crl_uri[0] = strdup("http://192.0.2.9/root.crl");
	assert_true(credentials_add_authority(&s.store, CREDENTIAL_FROM_FILE, "root", &a));
	s.conn->remote.revocation = REVOCATION_STRICT;
	s.serve = "root.crl";
	assert_true(judge(&s, "rsa.example.org", "rsa-pkcs8.pem", "rsa", NULL));
	assert_int_equal(s.asked, 1);
	close_scene(&s);
}

static void
the_revoked_are_refused_always(void **state)
{
	struct crl *crl = crl_read(test_pki_file("root.crl"));
	struct certificate *gone = certificate("gone");
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_true(credentials_add_crl(&s.store, CREDENTIAL_FROM_FILE, crl, NULL));
	assert_true(octets_list_add(&s.conn->remote.certs, certificate_der(gone)));
	/* The key of "gone" is not kept; the path alone is judged. */
	{
		struct certificate *root = certificate("root"), *anchors[] = { root };
		struct trust_path path;
		char why[TRUST_WHY_MAX];
		struct verify_input in = { .store = &s.store, .now = time(NULL), .fetch = served, .fetch_context = &s };
		struct verify v = { .in = &in, .out = &s.result };

		assert_int_equal(trust_path_find(&path,
		                                 &(struct trust_input) {
		                                         .subject = gone, .anchors = anchors, .n_anchors = 1, .now = in.now },
		                                 why),
		                 TRUST_OK);
		for (int policy = REVOCATION_RELAXED; policy <= REVOCATION_STRICT; policy++) {
			assert_false(verify_revocation(&v, &path, (enum revocation_policy)policy));
			assert_non_null(strstr(s.result.text, "CN=gone has been revoked"));
		}
		trust_path_clear(&path);
		certificate_unref(root);
	}
	certificate_unref(gone);
	close_scene(&s);
}

/* ---- what we sign with */

static void
choose(struct scene *s, struct credential_choice *out, const char *asked)
{
	struct certificate *ca = asked ? certificate(asked) : NULL;
	struct span name = ca ? certificate_subject(ca) : (struct span) { 0 };

	credential_choose(out, &s->store,
	                  &(struct credential_query) {
	                          .conn = s->conn, .round = &s->conn->local, .authorities = &name, .n_authorities = ca != NULL });
	certificate_unref(ca);
}

static bool
chose(const struct credential_choice *c, const char *name)
{
	struct certificate *cert = certificate(name);
	bool it = c->answer.ok && c->answer.n_cert && certificate_equal(c->cert[0], cert);

	certificate_unref(cert);
	return it;
}

/* The client of hybrid authentication has no key, and has to say whom it trusts all the same. */
static void
who_does_not_sign_needs_no_key(void **state)
{
	struct credential_choice c;
	struct scene s;

	(void)state;
	open_scene(&s);
	credential_choose(&c, &s.store,
	                  &(struct credential_query) { .conn = s.conn, .round = &s.conn->local, .authorities_only = true });
	assert_true(c.answer.ok);
	assert_int_equal(c.answer.n_authorities, 1);
	assert_int_equal(c.answer.n_cert, 0);
	credential_choice_clear(&c);
	close_scene(&s);
}

static void
the_id_finds_our_certificate(void **state)
{
	struct credential_choice c;
	struct scene s;

	(void)state;
	open_scene(&s);
	hold(&s, CREDENTIAL_CERTIFICATE, "moon");
	hold(&s, CREDENTIAL_CERTIFICATE, "rsa");
	hold_key(&s, "rsa-pkcs8.pem");
	choose(&s, &c, NULL);
	assert_true(chose(&c, "rsa"));
	assert_int_equal(c.answer.scheme, SIGN_RSA);
	assert_int_equal(c.answer.n_authorities, 1);
	assert_int_equal(c.answer.id.type, ID_DER_ASN1_DN);
	/* RFC 4945 section 3.3: trust anchors are not sent. */
	assert_int_equal(c.answer.n_cert, 1);
	credential_choice_clear(&c);
	s.conn->local.id = id("moon.example.org");
	s.conn->local.id_given = true;
	choose(&s, &c, NULL);
	assert_false(c.answer.ok);
	assert_non_null(strstr(
	        c.answer.reason,
	        "no private key for our certificate C=CH, O=Sallyport, CN=moon (those that are there belong to other ones)"));
	credential_choice_clear(&c);
	hold_key(&s, "moon.key");
	choose(&s, &c, NULL);
	assert_true(chose(&c, "moon"));
	assert_int_equal(c.answer.scheme, SIGN_ECDSA_256);
	assert_int_equal(c.answer.id.type, ID_FQDN);
	credential_choice_clear(&c);
	s.conn->local.id = id("sun.example.org");
	choose(&s, &c, NULL);
	assert_non_null(strstr(c.answer.reason, "no certificate of ours with the identity 'sun.example.org'"));
	credential_choice_clear(&c);
	close_scene(&s);
}

/* RFC 4945 section 3.2.7: the peer names the CAs that it can verify. */
static void
the_ca_that_the_peer_asks_for_decides(void **state)
{
	struct certificate *moon = certificate("moon"), *rsa = certificate("rsa");
	struct credential_choice c;
	struct scene s;

	(void)state;
	open_scene(&s);
	hold(&s, CREDENTIAL_CA, "sub");
	hold_key(&s, "moon.key");
	hold_key(&s, "rsa-pkcs8.pem");
	assert_true(octets_list_add(&s.conn->local.certs, certificate_der(moon)));
	assert_true(octets_list_add(&s.conn->local.certs, certificate_der(rsa)));
	choose(&s, &c, "root");
	assert_true(chose(&c, "moon"));
	credential_choice_clear(&c);
	/* A CA of nobody's: the first one is still better than none. */
	choose(&s, &c, "sub");
	assert_true(chose(&c, "moon"));
	credential_choice_clear(&c);
	certificate_unref(rsa);
	certificate_unref(moon);
	close_scene(&s);
}

/* ---- the store */

static void
origins_do_not_mix(void **state)
{
	struct credentials next = { 0 };
	uint64_t handle;
	struct scene s;

	(void)state;
	open_scene(&s);
	hold_key(&s, "moon.key");
	handle = s.store.c[1]->handle;
	assert_true(credentials_add_certificate(&s.store, CREDENTIAL_CERTIFICATE, CREDENTIAL_FROM_VICI, certificate("rsa")));
	/* The same once more is the same, with its handle. */
	hold_key(&s, "moon.key");
	assert_int_equal(s.store.n, 3);
	assert_true(credentials_private(&s.store, handle));
	/* A reload with the key, without the CA: the handle stays, vici's certificate too. */
	assert_true(credentials_add_private(&next, CREDENTIAL_FROM_FILE, key("moon.key")));
	credentials_replace(&s.store, CREDENTIAL_FROM_FILE, &next);
	assert_int_equal(s.store.n, 2);
	assert_true(credentials_private(&s.store, handle));
	credentials_clear(&s.store, CREDENTIAL_FROM_VICI, false);
	assert_int_equal(s.store.n, 1);
	assert_true(credentials_remove_private(&s.store, CREDENTIAL_FROM_FILE, private_key_facts(s.store.c[0]->private_key)->id));
	assert_int_equal(s.store.n, 0);
	close_scene(&s);
}

/* load-authority, clear-creds, unload-authority: its CA is trusted from the first to the last of them, and asked for. */
static void
an_authority_is_trusted_while_it_is_loaded(void **state)
{
	struct credentials *st;
	struct scene s;
	size_t cursor = 0;

	(void)state;
	open_scene(&s);
	st = &s.store;
	credentials_clear(st, CREDENTIAL_FROM_FILE, false);
	assert_false(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	assert_true(
	        credentials_add_authority(st, CREDENTIAL_FROM_VICI, "one", &(struct authority) { .ca = certificate("root") }));
	assert_true(
	        credentials_add_authority(st, CREDENTIAL_FROM_VICI, "two", &(struct authority) { .ca = certificate("root") }));
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	assert_non_null(credentials_next_ca(st, &cursor));
	assert_null(credentials_next_ca(st, &cursor));
	credentials_clear(st, CREDENTIAL_FROM_VICI, true);
	assert_true(credentials_remove_authority(st, CREDENTIAL_FROM_VICI, "one"));
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	assert_true(credentials_remove_authority(st, CREDENTIAL_FROM_VICI, "two"));
	judge(&s, "moon.example.org", "moon.key", "moon", NULL);
	refused(&s, "", NOTIFY_INVALID_CERT_AUTHORITY);
	/* What was loaded by itself as well stays. */
	hold(&s, CREDENTIAL_CA, "root");
	assert_true(
	        credentials_add_authority(st, CREDENTIAL_FROM_VICI, "one", &(struct authority) { .ca = certificate("root") }));
	cursor = 0;
	assert_non_null(credentials_next_ca(st, &cursor));
	assert_null(credentials_next_ca(st, &cursor));
	assert_true(credentials_remove_authority(st, CREDENTIAL_FROM_VICI, "one"));
	assert_true(judge(&s, "moon.example.org", "moon.key", "moon", NULL));
	close_scene(&s);
}

/* ---- LDAP */

static void
ldap_entries_are_unwrapped(void **state)
{
	static const char ldif[] = "DN: cn=ca\n\tcn:: w6Q=\n\tcertificateRevocationList;binary:: AAECAwQF\n\n";
	struct fetched f = { (uint8_t *)strdup(ldif), sizeof ldif - 1 }, none = { (uint8_t *)strdup("DN: cn=x\n"), 9 };

	(void)state;
	assert_true(fetch_ldap_value(&f));
	assert_int_equal(f.n, 6);
	assert_memory_equal(f.p, "\0\1\2\3\4\5", 6);
	assert_false(fetch_ldap_value(&none));
	fetched_clear(&f);
	fetched_clear(&none);
}

/* LDAP comes in clear, so whoever is on the way writes it: a thread must not be lost to what he writes. */
static void
ldap_entries_take_linear_time(void **state)
{
	enum { REPEATED = 1 << 20 };
	struct fetched f = { malloc(3 * REPEATED + 1), 3 * REPEATED };
	clock_t begun = clock();

	(void)state;
	for (size_t i = 0; i < REPEATED; i++)
		memcpy(f.p + 3 * i, ":: ", 3);
	assert_false(fetch_ldap_value(&f));
	assert_true(clock() - begun < 5 * CLOCKS_PER_SEC);
	fetched_clear(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_of_the_certificate_will_do),
		cmocka_unit_test(a_pattern_is_no_name),
		cmocka_unit_test(remote_id_decides_who_is_meant),
		cmocka_unit_test(the_signature_is_the_certificates),
		cmocka_unit_test(intermediate_cas_come_in_any_order),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(cacerts_and_ca_id_are_asked_for),
		cmocka_unit_test(listed_certificates_are_the_only_ones),
		cmocka_unit_test(raw_public_keys_need_no_certificate),
		cmocka_unit_test(strength_is_asked_for),
		cmocka_unit_test(revocation_policies_differ),
		cmocka_unit_test(a_serial_number_that_fits_no_request),
		cmocka_unit_test(lists_of_strangers_are_not_kept),
		cmocka_unit_test(what_is_at_hand_is_not_fetched_again),
		cmocka_unit_test(authorities_say_where_to_ask),
		cmocka_unit_test(the_revoked_are_refused_always),
		cmocka_unit_test(who_does_not_sign_needs_no_key),
		cmocka_unit_test(the_id_finds_our_certificate),
		cmocka_unit_test(the_ca_that_the_peer_asks_for_decides),
		cmocka_unit_test(origins_do_not_mix),
		cmocka_unit_test(an_authority_is_trusted_while_it_is_loaded),
		cmocka_unit_test(ldap_entries_are_unwrapped),
		cmocka_unit_test(ldap_entries_take_linear_time),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
