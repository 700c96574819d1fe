/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate.h"
#include "check.h"
#include "ike1_sa.h"
#include "isakmp.h"
#include "keymat.h"

/*
 * Key derivation against what strongSwan's charon, libreswan's pluto and racoon
 * derived in real conversations: the capture gives the messages, the .json
 * beside it each value that charon logged. Every protected message must open
 * with our chain of IVs, and every HASH in it must be the one we compute.
 */

struct file {
	uint8_t *p;
	size_t n, at;
};

struct quick {
	uint32_t mid;
	uint8_t iv[16];
	struct secret ni, nr;
	uint32_t spi[2];
	unsigned n;
};

struct talk {
	json_t *json;
	struct arena arena;
	uint16_t prf_id, encr_id;
	size_t prf_n, block, key_n;
	bool signatures;
	struct secret sai_b, id_b, ni, nr, gxi, gxr, gxy;
	uint8_t skeyid[64], d[64], a[64], e[64], ka[64], iv[16], last[16];
	uint8_t cky_i[8], cky_r[8];
	unsigned main_messages, hashes, keys, infos;
	struct quick quick[8];
	unsigned n_quick, n_dh;
};

static struct file
slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct file out = { 0 };

	if (!f)
		fail_msg("cannot open %s", path);
	out.p = malloc(1 << 22);
	assert_non_null(out.p);
	out.n = fread(out.p, 1, 1 << 22, f);
	fclose(f);
	return out;
}

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The next UDP payload of an Ethernet capture that is ISAKMP; an empty span at the end. */
static struct span
next_isakmp(struct file *f)
{
	if (!f->at)
		f->at = 24;
	while (f->at + 16 <= f->n) {
		size_t n = le32(f->p + f->at + 8);
		const uint8_t *p = f->p + f->at + 16;
		const uint8_t *ip = p + 14, *udp;
		uint16_t ports[2];
		size_t header;

		f->at += 16 + n;
		if (n < 14 + 20 + 8 || get_be16(p + 12) != 0x0800 || ip[9] != 17)
			continue;
		header = (size_t)(ip[0] & 15) * 4;
		udp = ip + header;
		ports[0] = get_be16(udp);
		ports[1] = get_be16(udp + 2);

		struct span s = { udp + 8, get_be16(udp + 4) - 8u };

		if ((ports[0] == 4500 || ports[1] == 4500) && s.n > 4) {
			if (get_be32(s.p) != 0)
				continue;
			s.p += 4;
			s.n -= 4;
		}
		if (s.n >= ISAKMP_HEADER_OCTETS)
			return s;
	}
	return (struct span) { 0 };
}

static struct secret
unhex(const char *hex)
{
	struct secret s;

	assert_non_null(hex);
	assert_true(secret_alloc(&s, strlen(hex) / 2));
	for (size_t i = 0; i < s.n; i++) {
		unsigned v;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		s.p[i] = (uint8_t)v;
	}
	return s;
}

/* The @nth entry (from 0) of charon's trace with this name; NULL if there are fewer. */
static const char *
traced(const struct talk *t, const char *what, unsigned nth)
{
	json_t *trace = json_object_get(t->json, "initiator_trace"), *v;
	size_t i;

	json_array_foreach (trace, i, v) {
		const char *name = json_string_value(json_object_get(v, "what"));

		if (name && strcmp(name, what) == 0 && nth-- == 0)
			return json_string_value(json_object_get(v, "hex"));
	}
	return NULL;
}

static void
same(const char *what, const char *hex, const uint8_t *have, size_t n)
{
	struct secret want = unhex(hex);

	if (want.n != n || memcmp(want.p, have, n) != 0)
		fail_msg("%s differs", what);
	secret_clear(&want);
}

static const char *
main_sa(const struct talk *t, const char *name)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(t->json, "ike_sas"), 0), name));
}

static struct secret
keep(struct span s)
{
	struct secret out;

	assert_true(secret_copy(&out, s));
	return out;
}

static void
decode(struct talk *t, struct message *m, const struct isakmp_header *h, struct span body, bool padded)
{
	const char *why;

	m->h = *h;
	why = isakmp_decode_payloads(m, h->next_payload, body, padded, &t->arena);
	if (why)
		fail_msg("%s", why);
}

/* Decrypts with @iv, which moves on: RFC 2409 Appendix B. */
static void
open_message(struct talk *t, struct message *m, const struct isakmp_header *h, struct span d, uint8_t *iv)
{
	size_t n = h->length - ISAKMP_HEADER_OCTETS;
	struct span body = arena_dup(&t->arena, span_of(d.p + ISAKMP_HEADER_OCTETS, n));

	assert_true(h->flags & FLAG_ENCRYPTION);
	assert_int_equal(cbc_decrypt(t->encr_id, span_of(t->ka, t->key_n), iv, (uint8_t *)(uintptr_t)body.p, n), CRYPTO_OK);
	decode(t, m, h, body, true);
}

static void
take_suite(struct talk *t, const struct payload *sa)
{
	struct suites s;
	const struct algorithm *a;

	assert_true(suites_from_ike1_sa(&s, &sa->sa, &t->arena));
	assert_int_equal(s.n, 1);
	a = algorithm_by_id(TRANSFORM_ENCR, s.s[0].encr.id, s.s[0].encr.key_bits);
	assert_non_null(a);
	t->encr_id = s.s[0].encr.id;
	t->key_n = a->key_octets;
	t->block = a->block_octets;
	t->prf_id = s.s[0].prf_id;
	t->prf_n = prf_octets(t->prf_id);
}

static struct secret
psk_of(const struct talk *t)
{
	const char *at = strstr(json_string_value(json_object_get(t->json, "initiator_conf")), "secret = \"");
	const char *end;

	assert_non_null(at);
	at += strlen("secret = \"");
	end = strchr(at, '"');
	return keep(span_of(at, (size_t)(end - at)));
}

static void
derive(struct talk *t)
{
	autosecret psk = { 0 };

	if (!t->signatures)
		psk = psk_of(t);
	t->gxy = unhex(traced(t, "shared Diffie Hellman secret", 0));
	if (t->signatures)
		assert_true(
		        skeyid_from_nonces(t->skeyid, t->prf_id, secret_span(&t->ni), secret_span(&t->nr), secret_span(&t->gxy)));
	else
		assert_true(skeyid_from_psk(t->skeyid, t->prf_id, secret_span(&psk), secret_span(&t->ni), secret_span(&t->nr)));
	same("SKEYID", main_sa(t, "SKEYID"), t->skeyid, t->prf_n);
	assert_true(skeyid_derive(t->d, t->a, t->e, t->prf_id, span_of(t->skeyid, t->prf_n), secret_span(&t->gxy), t->cky_i,
	                          t->cky_r));
	same("SKEYID_d", main_sa(t, "SKEYID_d"), t->d, t->prf_n);
	same("SKEYID_a", main_sa(t, "SKEYID_a"), t->a, t->prf_n);
	same("SKEYID_e", main_sa(t, "SKEYID_e"), t->e, t->prf_n);
	assert_true(isakmp_encryption_key(t->ka, t->key_n, t->prf_id, span_of(t->e, t->prf_n)));
	same("Ka", main_sa(t, "Ka"), t->ka, t->key_n);
	assert_true(phase1_iv(t->iv, t->block, t->prf_id, secret_span(&t->gxi), secret_span(&t->gxr)));
	same("initial IV", main_sa(t, "initial IV"), t->iv, t->block);
}

/* RFC 2409 section 5.1: the bare hash is what is signed, by the key of the certificate beside it. */
static void
check_signature(const struct message *m, struct span hash)
{
	struct certificate *c = certificate_read(message_find(m, PAYLOAD_CERT, NULL)->cert.data);

	assert_non_null(c);
	assert_true(public_key_verify(certificate_key(c), hash, message_find(m, PAYLOAD_SIG, NULL)->data));
	certificate_unref(c);
}

static void
check_phase1_hash(struct talk *t, const struct message *m, bool initiator)
{
	uint8_t h[64];
	const struct payload *id = message_find(m, PAYLOAD_ID, NULL);
	struct span id_b = id ? id->raw : secret_span(&t->id_b), skeyid = span_of(t->skeyid, t->prf_n);
	struct span i = secret_span(&t->gxi), r = secret_span(&t->gxr), sai = secret_span(&t->sai_b);

	if (initiator)
		assert_true(phase1_hash(h, t->prf_id, skeyid, i, r, t->cky_i, t->cky_r, sai, id_b));
	else
		assert_true(phase1_hash(h, t->prf_id, skeyid, r, i, t->cky_r, t->cky_i, sai, id_b));
	same(initiator ? "HASH_I" : "HASH_R", traced(t, initiator ? "HASH_I" : "HASH_R", 0), h, t->prf_n);
	if (t->signatures)
		check_signature(m, span_of(h, t->prf_n));
	else
		assert_true(span_equal(message_find(m, PAYLOAD_HASH, NULL)->data, span_of(h, t->prf_n)));
	t->hashes++;
}

static void
take_ke_nonce(struct talk *t, const struct message *m, bool initiator)
{
	*(initiator ? &t->gxi : &t->gxr) = keep(message_find(m, PAYLOAD_KE, NULL)->data);
	*(initiator ? &t->ni : &t->nr) = keep(message_find(m, PAYLOAD_NONCE, NULL)->data);
	if (!initiator)
		derive(t);
}

/* RFC 2409 section 5.4: three messages; the initiator's identity is in the first. */
static void
aggressive_message(struct talk *t, const struct isakmp_header *h, struct span d)
{
	struct message m = { 0 };
	struct span body = span_of(d.p + ISAKMP_HEADER_OCTETS, h->length - ISAKMP_HEADER_OCTETS);
	bool sealed = h->flags & FLAG_ENCRYPTION;

	if (++t->main_messages == 3 && sealed)
		open_message(t, &m, h, d, t->iv);
	else
		decode(t, &m, h, body, false);
	if (t->main_messages == 1) {
		t->sai_b = keep(message_find(&m, PAYLOAD_SA, NULL)->raw);
		t->id_b = keep(message_find(&m, PAYLOAD_ID, NULL)->raw);
		memcpy(t->cky_i, h->cookie_i, 8);
	} else if (t->main_messages == 2) {
		take_suite(t, message_find(&m, PAYLOAD_SA, NULL));
		memcpy(t->cky_r, h->cookie_r, 8);
	}
	if (t->main_messages <= 2)
		take_ke_nonce(t, &m, t->main_messages == 1);
	if (t->main_messages >= 2)
		check_phase1_hash(t, &m, t->main_messages == 3);
}

static void
main_message(struct talk *t, const struct isakmp_header *h, struct span d)
{
	struct message m = { 0 };
	struct span body = span_of(d.p + ISAKMP_HEADER_OCTETS, h->length - ISAKMP_HEADER_OCTETS);

	switch (++t->main_messages) {
	case 1:
		decode(t, &m, h, body, false);
		t->sai_b = keep(message_find(&m, PAYLOAD_SA, NULL)->raw);
		memcpy(t->cky_i, h->cookie_i, 8);
		break;
	case 2:
		decode(t, &m, h, body, false);
		take_suite(t, message_find(&m, PAYLOAD_SA, NULL));
		memcpy(t->cky_r, h->cookie_r, 8);
		break;
	case 3:
	case 4:
		decode(t, &m, h, body, false);
		take_ke_nonce(t, &m, t->main_messages == 3);
		break;
	case 5:
	case 6:
		open_message(t, &m, h, d, t->iv);
		check_phase1_hash(t, &m, t->main_messages == 5);
		break;
	}
}

static void
phase2_hash_is(struct talk *t, const struct message *m, struct span ni)
{
	const struct payload *last = &m->payload[m->n - 1], *first = &m->payload[0];
	const uint8_t *from = first->whole.p + first->whole.n;
	uint8_t h[64];

	assert_true(phase2_hash(h, t->prf_id, span_of(t->a, t->prf_n), m->h.message_id, ni,
	                        span_of(from, (size_t)(last->whole.p + last->whole.n - from))));
	assert_true(span_equal(first->data, span_of(h, t->prf_n)));
	t->hashes++;
}

static struct quick *
quick_of(struct talk *t, uint32_t mid)
{
	for (unsigned i = 0; i < t->n_quick; i++)
		if (t->quick[i].mid == mid)
			return &t->quick[i];

	struct quick *q = &t->quick[t->n_quick++];

	assert_true(t->n_quick <= 8);
	q->mid = mid;
	assert_true(phase2_iv(q->iv, t->block, t->prf_id, span_of(t->iv, t->block), mid));
	return q;
}

/* KEYMAT for the SA of @spi: encryption key, then integrity key, as charon has them. */
static void
check_keymat(struct talk *t, struct quick *q, uint32_t spi, struct span gxy)
{
	json_t *list = json_object_get(t->json, "esp_sas"), *v;
	char text[16];
	size_t i;

	snprintf(text, sizeof text, "%08x", spi);
	json_array_foreach (list, i, v) {
		uint8_t have[256];
		const char *key, *auth;

		if (strcmp(json_string_value(json_object_get(v, "spi")), text) != 0)
			continue;
		key = json_string_value(json_object_get(v, "key"));
		auth = json_string_value(json_object_get(v, "auth_key"));
		autosecret k = unhex(key ? key : ""), a = unhex(auth ? auth : "");

		assert_true(phase2_keymat(have, k.n + a.n, t->prf_id, span_of(t->d, t->prf_n), gxy, PROTO_IPSEC_ESP, spi,
		                          secret_span(&q->ni), secret_span(&q->nr)));
		assert_memory_equal(have, k.p, k.n);
		if (a.n)
			assert_memory_equal(have + k.n, a.p, a.n);
		t->keys++;
	}
}

static void
check_keys(struct talk *t, struct quick *q, bool pfs)
{
	autosecret gxy = { 0 };

	if (pfs) {
		const char *hex = traced(t, "DH secret", t->n_dh++);

		if (!hex)
			return;
		gxy = unhex(hex);
	}
	check_keymat(t, q, q->spi[0], secret_span(&gxy));
	check_keymat(t, q, q->spi[1], secret_span(&gxy));
}

static void
quick_message(struct talk *t, const struct isakmp_header *h, struct span d)
{
	struct quick *q = quick_of(t, h->message_id);
	struct message m = { 0 };
	struct span none = { 0 };
	uint8_t hash3[64];

	open_message(t, &m, h, d, q->iv);
	switch (++q->n) {
	case 1:
		phase2_hash_is(t, &m, none);
		q->ni = keep(message_find(&m, PAYLOAD_NONCE, NULL)->data);
		q->spi[0] = get_be32(m.payload[1].sa.proposal[0].spi.p);
		break;
	case 2:
		phase2_hash_is(t, &m, secret_span(&q->ni));
		q->nr = keep(message_find(&m, PAYLOAD_NONCE, NULL)->data);
		q->spi[1] = get_be32(m.payload[1].sa.proposal[0].spi.p);
		check_keys(t, q, message_find(&m, PAYLOAD_KE, NULL) != NULL);
		break;
	case 3:
		assert_true(phase2_hash3(hash3, t->prf_id, span_of(t->a, t->prf_n), q->mid, secret_span(&q->ni),
		                         secret_span(&q->nr)));
		assert_true(span_equal(m.payload[0].data, span_of(hash3, t->prf_n)));
		t->hashes++;
		break;
	}
}

static void
info_message(struct talk *t, const struct isakmp_header *h, struct span d)
{
	struct message m = { 0 };
	uint8_t iv[16];

	if (!(h->flags & FLAG_ENCRYPTION))
		return;
	assert_true(phase2_iv(iv, t->block, t->prf_id, span_of(t->iv, t->block), h->message_id));
	open_message(t, &m, h, d, iv);
	phase2_hash_is(t, &m, (struct span) { 0 });
	t->infos++;
}

static void
talk_close(struct talk *t)
{
	struct secret *all[] = { &t->sai_b, &t->id_b, &t->ni, &t->nr, &t->gxi, &t->gxr, &t->gxy };

	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		secret_clear(all[i]);
	for (unsigned i = 0; i < t->n_quick; i++) {
		secret_clear(&t->quick[i].ni);
		secret_clear(&t->quick[i].nr);
	}
	arena_clear(&t->arena);
	json_decref(t->json);
}

static void
conversation(const char *name, unsigned hashes, unsigned keys, unsigned infos)
{
	char path[1024];
	struct talk t = { .signatures = strstr(name, "rsasig") != NULL };
	struct file pcap;
	struct span d;

	snprintf(path, sizeof path, "%s/pcap/charon/%s.json", getenv("SALLYPORT_TEST_DATA"), name);
	t.json = json_load_file(path, 0, NULL);
	assert_non_null(t.json);
	snprintf(path, sizeof path, "%s/pcap/charon/%s.pcap", getenv("SALLYPORT_TEST_DATA"), name);
	pcap = slurp(path);
	while ((d = next_isakmp(&pcap)).n) {
		struct isakmp_header h;

		assert_null(isakmp_decode_header(&h, d));
		if (h.exchange == EXCHANGE_MAIN)
			main_message(&t, &h, d);
		else if (h.exchange == EXCHANGE_AGGRESSIVE)
			aggressive_message(&t, &h, d);
		else if (h.exchange == EXCHANGE_QUICK)
			quick_message(&t, &h, d);
		else if (h.exchange == EXCHANGE_INFORMATIONAL)
			info_message(&t, &h, d);
	}
	free(pcap.p);
	assert_int_equal(t.main_messages, strstr(name, "aggr") ? 3 : 6);
	assert_int_equal(t.hashes, hashes);
	assert_int_equal(t.keys, keys);
	assert_int_equal(t.infos, infos);
	talk_close(&t);
}

static void
aes256_sha256_modp2048(void **state)
{
	(void)state;
	conversation("v1-main-psk-aes256-sha256-modp2048--aes256-sha256", 7, 2, 2);
}

/* RFC 2409 section 5: SKEYID = prf(Ni_b | Nr_b, g^xy). */
static void
rsa_signatures(void **state)
{
	(void)state;
	conversation("v1-main-rsasig", 7, 2, 2);
}

static void
aggressive_mode_of_others(void **state)
{
	(void)state;
	conversation("v1-aggr-psk-aes192-sha384-modp3072--aes192-sha384", 7, 2, 2);
	conversation("v1-natted-initiator-aggr", 7, 2, 2);
}

static void
aes128_sha256_ecp256_with_pfs_and_gcm(void **state)
{
	(void)state;
	conversation("v1-main-psk-aes128-sha256-ecp256--aes128gcm16-ecp256", 7, 2, 2);
}

/* 24 octets of key from a PRF of 20: the expansion of Appendix B. */
static void
three_des_sha1_expands_its_key(void **state)
{
	(void)state;
	conversation("v1-main-psk-3des-sha1-modp1536--3des-sha1-modp1536", 7, 2, 2);
}

static void
aes128_md5_modp1024(void **state)
{
	(void)state;
	conversation("v1-main-psk-aes128-md5-modp1024--aes128ctr-sha1", 7, 2, 2);
}

static void
a_rekeyed_quick_mode_with_pfs(void **state)
{
	(void)state;
	conversation("v1-rekey-quick-pfs", 11, 4, 3);
}

static void
libreswan_as_responder(void **state)
{
	(void)state;
	conversation("v1-pluto-main-psk", 9, 2, 4);
}

static void
racoon_as_responder(void **state)
{
	(void)state;
	conversation("v1-racoon-main-psk", 8, 2, 3);
}

static void
unknown_algorithms_are_refused(void **state)
{
	uint8_t out[64];
	struct span s = span_of("key", 3);

	(void)state;
	assert_false(skeyid_from_psk(out, 99, s, s, s));
	assert_false(phase1_iv(out, 16, 99, s, s));
	assert_false(isakmp_encryption_key(out, 32, 99, s));
	assert_false(phase2_keymat(out, 32, 99, s, s, 3, 1, s, s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes256_sha256_modp2048),
		cmocka_unit_test(rsa_signatures),
		cmocka_unit_test(aggressive_mode_of_others),
		cmocka_unit_test(aes128_sha256_ecp256_with_pfs_and_gcm),
		cmocka_unit_test(three_des_sha1_expands_its_key),
		cmocka_unit_test(aes128_md5_modp1024),
		cmocka_unit_test(a_rekeyed_quick_mode_with_pfs),
		cmocka_unit_test(libreswan_as_responder),
		cmocka_unit_test(racoon_as_responder),
		cmocka_unit_test(unknown_algorithms_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
