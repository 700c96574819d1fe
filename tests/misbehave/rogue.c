/* SPDX-License-Identifier: Apache-2.0 */
#include "rogue.h"

#include "match.h"

#include <stdio.h>
#include <stdlib.h>

/* The one suite that a rogue speaks: AES-CBC-128, SHA2-256, ECP 256, pre-shared key; ESP AES-GCM-16-128. */
enum { BLOCK = 16, KA = 16, PRF = PRF_HMAC_SHA2_256, HASH = 32, NONCE = 16 };

static const char secret_text[] = "swordfish";

static struct endpoint
end(unsigned which)
{
	return (struct endpoint) { ip_from_v4(0xc0000201 + which), 500 };
}

static struct attribute
tv(uint16_t type, uint16_t value)
{
	return (struct attribute) { .type = type, .tv = true, .value = value };
}

/* ---- the engine's side: a data plane that says yes to everything */

/* What people would read. */
static void
note_words(struct rogue *r, const struct effect *e)
{
	if (e->kind == EFFECT_LOG && (strstr(e->log.text, " says ") || strstr(e->log.text, "refuses us")))
		snprintf(r->heard, sizeof r->heard, "%s", e->log.text);
	if (e->kind == EFFECT_DONE)
		snprintf(r->done, sizeof r->done, "%s", e->done.text);
}

static void
answer(struct rogue *r, struct answer a)
{
	struct effects more = { 0 };

	assert_int_equal(ike_answer(r->ike, r->now, &a, &more), IKE_OK);
	for (size_t i = 0; i < more.n; i++) {
		struct effect *e;

		note_words(r, &more.e[i]);
		if (more.e[i].kind == EFFECT_LOG || more.e[i].kind == EFFECT_DONE)
			continue;
		e = effects_add(&r->fx, more.e[i].kind);

		*e = more.e[i];
		if (e->kind == EFFECT_SEND)
			e->send.data = arena_dup(&r->fx.arena, more.e[i].send.data);
	}
	effects_free(&more);
}

/* Under the last block of Phase 1: that which the engine accepted, or that of the message it refused. */
static bool
open_notification(struct rogue *r, struct message *m, uint8_t *octets, const uint8_t *last_block)
{
	uint8_t iv[16], hash[HASH];
	struct span body = { octets + ISAKMP_HEADER_OCTETS, m->h.length - ISAKMP_HEADER_OCTETS };
	struct span rest;

	if (!r->keyed || !phase2_iv(iv, BLOCK, PRF, span_of(last_block, BLOCK), m->h.message_id) ||
	    cbc_decrypt(ENCR_AES_CBC, span_of(r->ka, KA), iv, octets + ISAKMP_HEADER_OCTETS, body.n) != CRYPTO_OK ||
	    isakmp_decode_payloads(m, m->h.next_payload, body, true, &r->arena) || m->n < 2 || m->payload[0].type != PAYLOAD_HASH)
		return false;
	rest = span_of(m->payload[1].whole.p,
	               (size_t)(m->payload[m->n - 1].whole.p + m->payload[m->n - 1].whole.n - m->payload[1].whole.p));
	/* RFC 2409 section 5.7: HASH(1) = prf(SKEYID_a, M-ID | N/D) */
	return phase2_hash(hash, PRF, span_of(r->a, HASH), m->h.message_id, (struct span) { 0 }, rest) &&
	       span_equal(span_of(hash, HASH), m->payload[0].data);
}

static void
note_notification(struct rogue *r, struct span d)
{
	uint8_t octets[2048];
	struct message m = { 0 };
	const struct payload *n;
	bool sealed;

	assert_true(d.n <= sizeof octets && !isakmp_decode_header(&m.h, d));
	memcpy(octets, d.p, d.n);
	sealed = m.h.flags & FLAG_ENCRYPTION;
	if (!sealed)
		assert_null(isakmp_decode_payloads(&m, m.h.next_payload, span_of(octets + 28, d.n - 28), false, &r->arena));
	else if (!open_notification(r, &m, octets, r->iv)) {
		memcpy(octets, d.p, d.n);
		if (!open_notification(r, &m, octets, r->next_iv))
			return;
	}
	n = message_find(&m, PAYLOAD_N, NULL);
	if (!n)
		return;
	assert_int_equal(n->n.doi, DOI_IPSEC);
	r->told = n->n.type;
	r->told_sealed = sealed;
}

static void
keep_sent(struct rogue *r, const struct effect_send *s)
{
	if (s->keepalive || s->data.n < ISAKMP_HEADER_OCTETS)
		return;
	r->sent++;
	r->octets += s->data.n;
	if (s->data.p[18] == EXCHANGE_INFORMATIONAL) {
		r->informational++;
		note_notification(r, s->data);
		return;
	}
	if (s->data.p[18] == EXCHANGE_TRANSACTION) {
		assert_true(s->data.n <= sizeof r->asked);
		memcpy(r->asked, s->data.p, s->data.n);
		r->n_asked = s->data.n;
		r->transactions++;
		return;
	}
	if (r->aggressive && r->step < 7 && s->data.p[18] == EXCHANGE_QUICK) {
		memcpy(r->later, s->data.p, s->data.n);
		r->n_later = s->data.n;
		return;
	}
	memcpy(r->in, s->data.p, s->data.n);
	r->n_in = s->data.n;
}

/* Answers add effects behind those that are being looked at. */
static void
carry_out(struct rogue *r)
{
	for (size_t i = 0; i < r->fx.n; i++) {
		struct effect e = r->fx.e[i];

		switch (e.kind) {
		case EFFECT_SEND:
			keep_sent(r, &e.send);
			break;
		case EFFECT_ASK_PSK:
			answer(r, (struct answer) {
			                  .kind = ANSWER_PSK, .ticket = e.ticket, .ok = true, .psk = span_str(secret_text) });
			break;
		case EFFECT_ASK_ADDRESS:
			answer(r, (struct answer) { .kind = ANSWER_ADDRESS,
			                            .ticket = e.ticket,
			                            .ok = true,
			                            .local = end(1),
			                            .remote = end(0) });
			break;
		case EFFECT_INSTALL_SA:
			*(e.sa.direction == SA_INBOUND ? &r->installed_in : &r->installed_out) += 1;
			r->installed_ts = e.sa.ts;
			answer(r, (struct answer) { .kind = ANSWER_INSTALLED, .ticket = e.ticket, .ok = true });
			break;
		case EFFECT_ASK_CREDENTIAL:
			answer(r,
			       (struct answer) {
			               .kind = ANSWER_CREDENTIAL, .ticket = e.ticket, .ok = true, .key = 1, .scheme = SIGN_RSA });
			break;
		case EFFECT_ASK_VERIFY:
			r->verifications++;
			break;
		case EFFECT_REMOVE_SA:
			r->removed++;
			break;
		case EFFECT_LOG:
		case EFFECT_DONE:
			note_words(r, &e);
			break;
		case EFFECT_ASK_LOGIN:
			answer(r, (struct answer) { .kind = ANSWER_LOGIN,
			                            .ticket = e.ticket,
			                            .ok = true,
			                            .road = { .user = span_str("carol"), .password = span_str("4iChxLT3") } });
			break;
		case EFFECT_ASK_LEASE:
			r->leases++;
			answer(r, (struct answer) { .kind = ANSWER_LEASE,
			                            .ticket = e.ticket,
			                            .ok = true,
			                            .road = { .vip = &(struct ip) { .family = IP_V4, .b = { 10, 9, 0, 1 } },
			                                      .n_vip = 1 } });
			break;
		case EFFECT_RELEASE_LEASE:
			r->released++;
			break;
		case EFFECT_ADD_VIRTUAL:
			r->virtual ++;
			answer(r, (struct answer) { .kind = ANSWER_VIRTUAL, .ticket = e.ticket, .ok = true });
			break;
		case EFFECT_REMOVE_VIRTUAL:
			r->virtual --;
			break;
		case EFFECT_ASK_USER:
			r->users++;
			answer(r, (struct answer) { .kind = ANSWER_USER,
			                            .ticket = e.ticket,
			                            .ok = span_equal(e.user.name, span_str("carol")) &&
			                                  span_equal(e.user.password, span_str("4iChxLT3")) });
			break;
		default:
			break;
		}
	}
	effects_clear(&r->fx);
}

/* A second child, for the two ends themselves. */
static void
add_hosts(struct conn *c)
{
	struct child *k = conn_add_child(c, "hosts");
	char room[256];
	const char *why;

	assert_true(k && proposals_parse(&k->esp, PROPOSAL_ESP, span_str("aes128gcm16"), room, sizeof room));
	free(k->local_ts);
	free(k->remote_ts);
	k->local_ts = calloc(1, sizeof *k->local_ts);
	k->remote_ts = calloc(1, sizeof *k->remote_ts);
	k->n_local_ts = k->n_remote_ts = 1;
	assert_true(selector_parse(k->local_ts, span_str("dynamic"), &why) &&
	            selector_parse(k->remote_ts, span_str("dynamic"), &why));
}

/* An engine that answers takes PFS, in either of two groups, or none. */
static struct conn *
configuration(const struct rogue *r)
{
	const char *esp = r->role == ROGUE_INITIATES ? "aes128gcm16-modpnone-ecp256-ecp384" : "aes128gcm16";
	struct conn *c = conn_new("net");
	struct child *k = conn_add_child(c, "net");
	struct ip other = end(0).ip;
	const char *why;
	char room[256];

	assert_true(c && k);
	c->version = IKE_V1;
	c->aggressive = r->aggressive;
	c->local.method = c->remote.method = r->signs ? AUTH_PUBKEY : AUTH_PSK;
	if (r->login)
		conn_add_round(c, r->role == ROGUE_RESPONDS)->method = AUTH_XAUTH;
	if (r->login && r->role == ROGUE_RESPONDS) {
		c->vips = calloc(1, sizeof *c->vips);
		c->vips[c->n_vips++].family = IP_V4;
	}
	c->remote_addrs.a = calloc(1, sizeof *c->remote_addrs.a);
	c->remote_addrs.n = 1;
	c->remote_addrs.a[0].lo = c->remote_addrs.a[0].hi = other;
	assert_true(proposals_parse(&c->ike, PROPOSAL_IKE, span_str("aes128-sha256-ecp256"), room, sizeof room));
	assert_true(proposals_parse(&k->esp, PROPOSAL_ESP, span_str(esp), room, sizeof room));
	free(k->local_ts);
	free(k->remote_ts);
	k->local_ts = calloc(1, sizeof *k->local_ts);
	k->remote_ts = calloc(1, sizeof *k->remote_ts);
	k->n_local_ts = k->n_remote_ts = 1;
	assert_true(selector_parse(k->local_ts, span_str("10.2.0.0/16"), &why));
	assert_true(selector_parse(k->remote_ts, span_str("10.1.0.0/16"), &why));
	if (r->role == ROGUE_INITIATES)
		add_hosts(c);
	return c;
}

void
rogue_command(struct rogue *r, struct command c)
{
	assert_int_equal(ike_command(r->ike, r->now, &c, &r->fx), IKE_OK);
	carry_out(r);
}

static void
count_verdicts(struct rogue *r)
{
	const char *name, *sentence;

	for (unsigned i = 0; i < 128 && ike_verdict_count(r->ike, i, &name, &sentence, &r->verdicts[i]); i++)
		;
}

/* @r: what it is. */
static struct rogue
open_as(struct rogue r)
{
	static const struct ike_protocol *const protocols[] = { &ike1_protocol, NULL };
	static struct seeded_rng rng;
	struct ike_settings s;
	struct conn *c = configuration(&r);

	r.now = SECONDS(1000);
	r.step = 1;
	r.message_id = 0x01020304;
	r.spi = 0xc0ffee01;
	seeded_rng_open(&rng, 1);
	seeded_rng_open(&r.own, 2);
	ike_settings_default(&s);
	s.aggressive_psk = s.aggressive_without_pfs = r.aggressive;
	r.ike = ike_new(&s, &rng.rng, protocols);
	assert_non_null(r.ike);
	rogue_command(&r, (struct command) { .kind = COMMAND_LOAD, .conn = c });
	conn_unref(c);
	r.dh = dh_new(DH_ECP_256, &r.own.rng);
	assert_true(r.dh && secret_alloc(&r.own_nonce, NONCE) && secret_alloc(&r.quick_own, NONCE));
	rng_fill(&r.own.rng, r.own_nonce.p, NONCE);
	rng_fill(&r.own.rng, r.quick_own.p, NONCE);
	rng_fill(&r.own.rng, r.role == ROGUE_INITIATES ? r.cookie_i : r.cookie_r, 8);
	return r;
}

struct rogue
rogue_open(enum rogue_role role)
{
	return open_as((struct rogue) { .role = role });
}

struct rogue
rogue_open_aggressive(enum rogue_role role)
{
	return open_as((struct rogue) { .role = role, .aggressive = true });
}

struct rogue
rogue_open_login(void)
{
	return open_as((struct rogue) { .role = ROGUE_INITIATES, .login = true });
}

struct rogue
rogue_open_gateway(void)
{
	return open_as((struct rogue) { .role = ROGUE_RESPONDS, .login = true });
}

struct rogue
rogue_open_signing(void)
{
	return open_as((struct rogue) { .role = ROGUE_INITIATES, .signs = true });
}

static void
forget(struct rogue *r)
{
	struct secret *all[] = { &r->ni, &r->nr, &r->gxi, &r->gxr, &r->gxy, &r->sai_b, &r->quick_ni, &r->quick_nr };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		secret_clear(all[i]);
}

void
rogue_again(struct rogue *r)
{
	forget(r);
	r->step = 1;
	r->keyed = false;
	r->n_in = 0;
	memset(r->cookie_r, 0, 8);
	r->cookie_i[0]++;
}

void
rogue_close(struct rogue *r)
{
	forget(r);
	secret_clear(&r->own_nonce);
	secret_clear(&r->quick_own);
	dh_free(r->dh);
	ike_free(r->ike);
	effects_free(&r->fx);
	arena_clear(&r->arena);
}

/* ---- building */

static struct attribute
duration(const struct rogue *r, uint16_t type, uint16_t usual)
{
	return r->life.p ? (struct attribute) { .type = type, .octets = r->life } : tv(type, usual);
}

static void
offer_phase_1(struct rogue *r)
{
	enum { PSK = 1, RSA_SIGNATURES = 3, XAUTH_INIT_PSK = 65001 };
	uint16_t method = r->login ? XAUTH_INIT_PSK : r->signs ? RSA_SIGNATURES : PSK;
	struct attribute a[] = { tv(1, 7), tv(14, 128), tv(2, 4), tv(4, 19), tv(3, method), tv(11, 1), duration(r, 12, 14400) };

	memcpy(r->offer.a, a, sizeof a);
	r->offer.t = (struct transform_payload) { .number = 1, .id = 1, .attr = r->offer.a, .n_attr = 7 };
	r->offer.p =
	        (struct proposal_payload) { .number = 1, .protocol = PROTO_ISAKMP, .transform = &r->offer.t, .n_transform = 1 };
	rogue_append(r, (struct payload) { .type = PAYLOAD_SA, .sa = { DOI_IPSEC, SIT_IDENTITY_ONLY, &r->offer.p, 1 } });
}

static void
offer_phase_2(struct rogue *r)
{
	struct attribute a[] = { tv(1, 1), duration(r, 2, 3600), tv(4, 1), tv(6, 128) };

	memcpy(r->offer.a, a, sizeof a);
	put_be32(r->offer.spi, r->spi);
	r->offer.t = (struct transform_payload) { .number = 1, .id = 20, .attr = r->offer.a, .n_attr = 4 };
	r->offer.p = (struct proposal_payload) {
		.number = 1, .protocol = PROTO_IPSEC_ESP, .spi = { r->offer.spi, 4 }, .transform = &r->offer.t, .n_transform = 1
	};
	rogue_append(r, (struct payload) { .type = PAYLOAD_SA, .sa = { DOI_IPSEC, SIT_IDENTITY_ONLY, &r->offer.p, 1 } });
}

/* What the engine offered, with the first transform alone, is what a proper responder answers. */
static void
choose(struct rogue *r, const struct message *m)
{
	const struct payload *sa = message_find(m, PAYLOAD_SA, NULL);

	assert_non_null(sa);
	r->offer.p = sa->sa.proposal[0];
	r->offer.t = r->offer.p.transform[0];
	assert_true(r->offer.t.n_attr <= 8);
	memcpy(r->offer.a, r->offer.t.attr, r->offer.t.n_attr * sizeof *r->offer.a);
	r->offer.t.attr = r->offer.a;
	r->offer.p.transform = &r->offer.t;
	r->offer.p.n_transform = 1;
}

static void
append_data(struct rogue *r, uint8_t type, struct span data)
{
	rogue_append(r, (struct payload) { .type = type, .data = data });
}

static void
append_hash(struct rogue *r)
{
	append_data(r, PAYLOAD_HASH, span_of(r->hash_room, HASH));
}

static struct span
own_id(struct rogue *r)
{
	struct ip a = end(0).ip;

	memcpy(r->id_body, a.b, 4);
	return span_of(r->id_body, 4);
}

static void
append_client_ids(struct rogue *r)
{
	static const uint8_t one[8] = { 10, 1, 0, 0, 255, 255, 0, 0 }, two[8] = { 10, 2, 0, 0, 255, 255, 0, 0 };

	memcpy(r->idci, r->role == ROGUE_INITIATES ? one : two, 8);
	memcpy(r->idcr, r->role == ROGUE_INITIATES ? two : one, 8);
	rogue_append(r, (struct payload) { .type = PAYLOAD_ID, .id = { .type = ID_IPV4_ADDR_SUBNET, .data = { r->idci, 8 } } });
	rogue_append(r, (struct payload) { .type = PAYLOAD_ID, .id = { .type = ID_IPV4_ADDR_SUBNET, .data = { r->idcr, 8 } } });
}

static void
append_id(struct rogue *r)
{
	if (r->name.data.n)
		rogue_append(r, (struct payload) { .type = PAYLOAD_ID, .id = r->name });
	else
		rogue_append(r, (struct payload) { .type = PAYLOAD_ID, .id = { .type = ID_IPV4_ADDR, .data = own_id(r) } });
}

static bool
is_sealed(const struct rogue *r)
{
	return r->step >= 5 || (r->aggressive && r->step == 3);
}

/* Messages 1 to 3: RFC 2409 section 5.4. */
static void
prepare_aggressive(struct rogue *r)
{
	if (r->step == 1)
		offer_phase_1(r);
	if (r->step == 2)
		rogue_append(r, (struct payload) { .type = PAYLOAD_SA, .sa = { DOI_IPSEC, SIT_IDENTITY_ONLY, &r->offer.p, 1 } });
	if (r->step <= 2) {
		append_data(r, PAYLOAD_KE, dh_public(r->dh));
		append_data(r, PAYLOAD_NONCE, secret_span(&r->own_nonce));
		append_id(r);
	}
	if (r->step >= 2)
		append_hash(r);
}

static uint8_t
exchange_of(const struct rogue *r)
{
	return r->step >= 7 ? EXCHANGE_QUICK : r->aggressive ? EXCHANGE_AGGRESSIVE : EXCHANGE_MAIN;
}

void
rogue_prepare(struct rogue *r)
{
	struct rogue_message *m = &r->out;

	*m = (struct rogue_message) { .h = { .version = 0x10, .exchange = exchange_of(r) } };
	memcpy(m->h.cookie_i, r->cookie_i, 8);
	memcpy(m->h.cookie_r, r->cookie_r, 8);
	m->sealed = is_sealed(r);
	m->h.flags = m->sealed ? FLAG_ENCRYPTION : 0;
	if (r->step >= 7 ? r->commits : r->commits_first)
		m->h.flags |= FLAG_COMMIT;
	m->h.message_id = r->step >= 7 ? r->message_id : 0;
	if (r->aggressive && r->step <= 3) {
		prepare_aggressive(r);
		return;
	}
	switch (r->step) {
	case 1:
		offer_phase_1(r);
		break;
	case 2:
		rogue_append(r, (struct payload) { .type = PAYLOAD_SA, .sa = { DOI_IPSEC, SIT_IDENTITY_ONLY, &r->offer.p, 1 } });
		break;
	case 3:
	case 4:
		append_data(r, PAYLOAD_KE, dh_public(r->dh));
		append_data(r, PAYLOAD_NONCE, secret_span(&r->own_nonce));
		break;
	case 5:
	case 6:
		append_id(r);
		if (r->signs)
			append_data(r, PAYLOAD_SIG, span_of(r->in, 256));
		else
			append_hash(r);
		break;
	case 7:
		append_hash(r);
		offer_phase_2(r);
		append_data(r, PAYLOAD_NONCE, secret_span(&r->quick_own));
		append_client_ids(r);
		break;
	case 8:
		append_hash(r);
		put_be32(r->offer.spi, r->spi);
		r->offer.p.spi = span_of(r->offer.spi, 4);
		rogue_append(r, (struct payload) { .type = PAYLOAD_SA, .sa = { DOI_IPSEC, SIT_IDENTITY_ONLY, &r->offer.p, 1 } });
		append_data(r, PAYLOAD_NONCE, secret_span(&r->quick_own));
		append_client_ids(r);
		break;
	default:
		append_hash(r);
	}
}

struct payload *
rogue_find(struct rogue *r, uint8_t type)
{
	for (size_t i = 0; i < r->out.n; i++)
		if (r->out.payload[i].type == type)
			return &r->out.payload[i];
	fail_msg("message %u has no such payload", r->step);
	return NULL;
}

void
rogue_patch(struct rogue *r, size_t at, uint8_t value)
{
	assert_true(r->out.n_patches < sizeof r->out.patch / sizeof *r->out.patch);
	r->out.patch[r->out.n_patches].at = at;
	r->out.patch[r->out.n_patches++].value = value;
}

void
rogue_remove(struct rogue *r, uint8_t type)
{
	struct payload *p = rogue_find(r, type);

	memmove(p, p + 1, (size_t)(&r->out.payload[--r->out.n] - p) * sizeof *p);
}

void
rogue_append(struct rogue *r, struct payload p)
{
	assert_true(r->out.n < ROGUE_PAYLOADS_MAX);
	r->out.payload[r->out.n++] = p;
}

static void
prepare_transaction(struct rogue *r, uint32_t mid, uint8_t type, struct attribute *attr, size_t n)
{
	r->out = (struct rogue_message) {
		.h = { .version = 0x10, .exchange = EXCHANGE_TRANSACTION, .flags = FLAG_ENCRYPTION, .message_id = mid },
		.sealed = true
	};
	memcpy(r->out.h.cookie_i, r->cookie_i, 8);
	memcpy(r->out.h.cookie_r, r->cookie_r, 8);
	append_hash(r);
	rogue_append(r, (struct payload) { .type = PAYLOAD_ATTR, .attr = { .type = type, .attr = attr, .n_attr = n } });
}

void
rogue_transaction(struct rogue *r, uint8_t type, struct attribute *attr, size_t n)
{
	prepare_transaction(r, 0x0a0b0000 + ++r->begun, type, attr, n);
}

void
rogue_reply(struct rogue *r, uint8_t type, struct attribute *attr, size_t n)
{
	assert_true(r->n_asked > 0);
	prepare_transaction(r, get_be32(r->asked + 20), type, attr, n);
	r->out.reply = true;
}

/* ---- protecting */

/* The ID payload's body as it is on the wire. */
static size_t
id_octets(const struct id_payload *id, uint8_t *out)
{
	out[0] = id->type;
	out[1] = id->proto;
	put_be16(out + 2, id->port);
	memcpy(out + 4, id->data.p, id->data.n);
	return 4 + id->data.n;
}

static void
hash_phase_1(struct rogue *r, uint8_t *hash)
{
	bool initiates = r->role == ROGUE_INITIATES;
	struct id_payload own = { .type = ID_IPV4_ADDR, .data = own_id(r) };
	uint8_t body[64];
	size_t n = id_octets(&own, body); /* message 3 of Aggressive Mode: the one of message 1 */

	for (size_t i = 0; i < r->out.n; i++)
		if (r->out.payload[i].type == PAYLOAD_ID)
			n = id_octets(&r->out.payload[i].id, body);
	assert_true(phase1_hash(hash, PRF, span_of(r->skeyid, HASH), secret_span(initiates ? &r->gxi : &r->gxr),
	                        secret_span(initiates ? &r->gxr : &r->gxi), initiates ? r->cookie_i : r->cookie_r,
	                        initiates ? r->cookie_r : r->cookie_i, secret_span(&r->sai_b), span_of(body, n)));
}

static void
hash_phase_2(struct rogue *r, uint8_t *hash, struct span rest)
{
	struct span ni = r->role == ROGUE_INITIATES ? secret_span(&r->quick_own) : secret_span(&r->quick_ni);

	if (r->step == 9)
		assert_true(phase2_hash3(hash, PRF, span_of(r->a, HASH), r->out.h.message_id, ni, secret_span(&r->quick_nr)));
	else
		assert_true(phase2_hash(hash, PRF, span_of(r->a, HASH), r->out.h.message_id,
		                        r->step == 8 ? ni : (struct span) { 0 }, rest));
}

/* Where the HASH payload's body is in the message in r->wire; 0: nowhere. */
static size_t
hash_at(const struct rogue *r, size_t n)
{
	uint8_t type = r->wire[16];

	for (size_t at = 28; type && at + 4 + HASH <= n; at += get_be16(r->wire + at + 2)) {
		if (type == PAYLOAD_HASH)
			return at + 4;
		type = r->wire[at];
		if (get_be16(r->wire + at + 2) < 4)
			break;
	}
	return 0;
}

static size_t
seal(struct rogue *r, size_t n)
{
	uint8_t iv[16];

	if (r->step >= 7)
		memcpy(iv, r->quick_iv, BLOCK);
	else
		memcpy(iv, r->iv, BLOCK);
	while ((n - 28) % BLOCK)
		r->wire[n++] = 0;
	/* From message 8 on the chain goes on. */
	if (r->out.h.message_id && r->step < 8)
		assert_true(phase2_iv(iv, BLOCK, PRF, span_of(r->iv, BLOCK), r->out.h.message_id));
	if (r->out.reply)
		memcpy(iv, r->asked + r->n_asked - BLOCK, BLOCK);
	assert_int_equal(cbc_encrypt(ENCR_AES_CBC, span_of(r->ka, KA), iv, r->wire + 28, n - 28), CRYPTO_OK);
	memcpy(r->next_iv, iv, BLOCK); /* taken over when the engine has accepted */
	n -= r->out.no_padding ? 5 : 0;
	put_be32(r->wire + 24, (uint32_t)n);
	return n;
}

static void
encode(struct rogue *r)
{
	struct builder b;
	struct span m;
	size_t at;

	builder_start(&b, r->wire, sizeof r->wire, &r->out.h);
	for (size_t i = 0; i < r->out.n; i++) {
		const struct payload *p = &r->out.payload[i];

		if (p->whole.p)
			builder_add_raw(&b, p->type, p->whole);
		else
			builder_add(&b, p);
	}
	m = builder_finish(&b);
	assert_true(m.n > 0);
	r->n_wire = m.n;
	for (unsigned i = 0; i < r->out.n_patches; i++)
		r->wire[r->out.patch[i].at] = r->out.patch[i].value;
	at = hash_at(r, m.n);
	if (at && !r->out.keep_hash && r->step <= 6)
		hash_phase_1(r, r->wire + at);
	else if (at && !r->out.keep_hash)
		hash_phase_2(r, r->wire + at, span_of(r->wire + at + HASH, m.n - at - HASH));
	if (r->out.sealed)
		r->n_wire = seal(r, m.n);
}

/* ---- taking what the engine sent */

static void
derive(struct rogue *r)
{
	if (r->signs)
		assert_true(skeyid_from_nonces(r->skeyid, PRF, secret_span(&r->ni), secret_span(&r->nr), secret_span(&r->gxy)));
	else
		assert_true(skeyid_from_psk(r->skeyid, PRF, span_str(secret_text), secret_span(&r->ni), secret_span(&r->nr)));
	assert_true(
	        skeyid_derive(r->d, r->a, r->e, PRF, span_of(r->skeyid, HASH), secret_span(&r->gxy), r->cookie_i, r->cookie_r));
	assert_true(isakmp_encryption_key(r->ka, KA, PRF, span_of(r->e, HASH)));
	assert_true(phase1_iv(r->iv, BLOCK, PRF, secret_span(&r->gxi), secret_span(&r->gxr)));
	r->keyed = true;
}

static void
open_sealed(struct rogue *r)
{
	uint8_t *iv = r->step >= 7 ? r->quick_iv : r->iv;

	if (r->step == 7)
		assert_true(phase2_iv(r->quick_iv, BLOCK, PRF, span_of(r->iv, BLOCK), get_be32(r->in + 20)));
	assert_int_equal(cbc_decrypt(ENCR_AES_CBC, span_of(r->ka, KA), iv, r->in + 28, r->n_in - 28), CRYPTO_OK);
}

static void
take_ke_nonce(struct rogue *r, const struct message *m)
{
	bool initiates = r->role == ROGUE_INITIATES;
	const struct payload *ke = message_find(m, PAYLOAD_KE, NULL), *n = message_find(m, PAYLOAD_NONCE, NULL);

	assert_true(ke && n);
	assert_true(secret_copy(initiates ? &r->gxr : &r->gxi, ke->data) && secret_copy(initiates ? &r->nr : &r->ni, n->data));
	assert_true(secret_copy(initiates ? &r->gxi : &r->gxr, dh_public(r->dh)));
	assert_true(secret_copy(initiates ? &r->ni : &r->nr, secret_span(&r->own_nonce)));
	assert_int_equal(dh_shared(&r->gxy, r->dh, ke->data), CRYPTO_OK);
	derive(r);
}

static void
take_quick(struct rogue *r, const struct message *m)
{
	const struct payload *n = message_find(m, PAYLOAD_NONCE, NULL), *sa = message_find(m, PAYLOAD_SA, NULL);

	assert_true(n && sa);
	assert_true(secret_copy(r->step == 7 ? &r->quick_ni : &r->quick_nr, n->data));
	r->spi_other = get_be32(sa->sa.proposal[0].spi.p);
	if (r->role == ROGUE_RESPONDS) {
		r->message_id = m->h.message_id;
		choose(r, m);
	}
}

static void
next_step(struct rogue *r)
{
	r->step = r->aggressive && r->step == 3 ? 7 : r->step + 1;
	if (r->step == 7 && r->n_later) {
		memcpy(r->in, r->later, r->n_later);
		r->n_in = r->n_later;
	}
}

static void
take(struct rogue *r)
{
	struct message m;

	bool sealed = is_sealed(r);

	if (sealed)
		open_sealed(r);
	assert_null(isakmp_decode_header(&m.h, span_of(r->in, r->n_in)));
	assert_null(isakmp_decode_payloads(&m, m.h.next_payload, span_of(r->in + 28, r->n_in - 28), sealed, &r->arena));
	if (r->step == 1) {
		const struct payload *sa = message_find(&m, PAYLOAD_SA, NULL);

		memcpy(r->cookie_i, m.h.cookie_i, 8);
		assert_true(sa && secret_copy(&r->sai_b, sa->raw));
		choose(r, &m);
	}
	if (r->step == 2)
		memcpy(r->cookie_r, m.h.cookie_r, 8);
	if (r->aggressive ? r->step <= 2 : r->step == 3 || r->step == 4)
		take_ke_nonce(r, &m);
	if (r->step == 7 || r->step == 8)
		take_quick(r, &m);
	next_step(r);
}

void
rogue_deliver_from(struct rogue *r, struct ip from, const void *octets, size_t n)
{
	struct datagram d = { .local = end(1), .remote = { from, 500 }, .data = { octets, n } };

	count_verdicts(r);
	r->n_in = 0;
	assert_int_equal(ike_receive(r->ike, r->now, &d, &r->fx), IKE_OK);
	carry_out(r);
}

void
rogue_deliver(struct rogue *r, const void *octets, size_t n)
{
	rogue_deliver_from(r, end(0).ip, octets, n);
}

void
rogue_send(struct rogue *r)
{
	encode(r);
	rogue_deliver(r, r->wire, r->n_wire);
}

/* The message that was sent is one that the engine accepted: its IV and nonces are in force. */
static void
go_on(struct rogue *r)
{
	if (r->step == 1) {
		struct message m;

		assert_null(isakmp_decode_header(&m.h, span_of(r->wire, r->n_wire)));
		assert_null(
		        isakmp_decode_payloads(&m, m.h.next_payload, span_of(r->wire + 28, r->n_wire - 28), false, &r->arena));
		assert_true(secret_copy(&r->sai_b, message_find(&m, PAYLOAD_SA, NULL)->raw));
	}
	if (r->out.sealed)
		memcpy(r->step >= 7 ? r->quick_iv : r->iv, r->next_iv, BLOCK);
	if (r->step == 7)
		assert_true(secret_copy(&r->quick_ni, secret_span(&r->quick_own)));
	if (r->step == 8)
		assert_true(secret_copy(&r->quick_nr, secret_span(&r->quick_own)));
	next_step(r);
}

static bool
is_mine(const struct rogue *r)
{
	return (r->step % 2 == 1) == (r->role == ROGUE_INITIATES);
}

static void
advance(struct rogue *r)
{
	if (is_mine(r)) {
		rogue_prepare(r);
		rogue_send(r);
		go_on(r);
	} else if (r->step == 1 && !r->n_in) {
		rogue_command(r, (struct command) { .kind = COMMAND_INITIATE, .id = 1, .ike = "net", .child = "net" });
	} else {
		/* After message 6 the engine as initiator sends message 7 in the same breath. */
		assert_true(r->n_in > 0);
		take(r);
	}
}

void
rogue_reach(struct rogue *r, unsigned step)
{
	while (r->step < step)
		advance(r);
	rogue_prepare(r);
}

/* ---- judging */

uint64_t
rogue_verdict(struct rogue *r, const char *name)
{
	const char *n, *sentence;
	uint64_t count;

	for (unsigned i = 0; ike_verdict_count(r->ike, i, &n, &sentence, &count); i++)
		if (!strcmp(n, name)) {
			assert_true(strlen(sentence) > 10);
			return count - r->verdicts[i];
		}
	fail_msg("there is no verdict \"%s\"", name);
	return 0;
}

uint64_t
rogue_verdicts(struct rogue *r)
{
	const char *n, *sentence;
	uint64_t count, all = 0;

	for (unsigned i = 0; ike_verdict_count(r->ike, i, &n, &sentence, &count); i++)
		all += count - r->verdicts[i];
	return all;
}

void
rogue_was_refused(struct rogue *r, const char *verdict)
{
	const char *n, *sentence;
	uint64_t count;

	if (rogue_verdict(r, verdict))
		return;
	for (unsigned i = 0; ike_verdict_count(r->ike, i, &n, &sentence, &count); i++)
		if (count != r->verdicts[i])
			print_message("# counted instead: %s\n", n);
	fail_msg("not refused as \"%s\"", verdict);
}

bool
rogue_is_up(struct rogue *r)
{
	struct ike_info i;
	struct child_info c;
	uint32_t cursor = 0, under = 0;

	return ike_next_sa(r->ike, &cursor, &i) && i.state == IKE_STATE_ESTABLISHED && ike_next_child(r->ike, i.id, &under, &c) &&
	       c.state == CHILD_STATE_INSTALLED;
}

void
rogue_completes(struct rogue *r)
{
	while (r->step <= ROGUE_LAST)
		advance(r);
	rogue_wait(r, SECONDS(1));
	assert_true(rogue_is_up(r));
	assert_int_equal(r->installed_in, 1);
	assert_int_equal(r->installed_out, 1);
}

void
rogue_wait(struct rogue *r, instant_t ns)
{
	instant_t until = r->now + ns;

	for (unsigned spins = 0; ike_deadline(r->ike) <= until && spins < 1000; spins++) {
		if (ike_deadline(r->ike) > r->now)
			r->now = ike_deadline(r->ike);
		assert_int_equal(ike_tick(r->ike, r->now, &r->fx), IKE_OK);
		carry_out(r);
	}
	r->now = until;
}
