/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"
#include "ike1_build.h"

/* SA payloads of Phase 2 out of bundles, and back: RFC 2408 section 4.2, RFC 2407 sections 4.4 and 4.5. */

enum { PROTOCOLS = 3 };

/* One combination of one protocol; which is an index into the configured lists, so that preference is order. */
struct combination {
	const struct proposal *p;
	uint8_t encr, integ, esn;
};

static bool
lists_group(const struct proposal *p, uint16_t dh_id)
{
	for (size_t i = 0; i < p->kind[TRANSFORM_DH].n; i++)
		if (p->kind[TRANSFORM_DH].t[i].id == dh_id)
			return true;
	return p->kind[TRANSFORM_DH].n == 0 && dh_id == DH_NONE;
}

/* An empty list, as of an AEAD's integrity algorithm, or of AH's cipher, still counts once. */
static uint8_t
at_least_once(uint8_t n)
{
	return n ? n : 1;
}

/* ChaCha20-Poly1305 and others have no number in IKEv1; they stay out of the offer. */
static bool
can_say(const struct combination *c, uint8_t protocol)
{
	const struct algorithm *encr = ike1_algorithm_at(c->p, TRANSFORM_ENCR, c->encr);
	const struct algorithm *integ = ike1_algorithm_at(c->p, TRANSFORM_INTEG, c->integ);

	if (protocol == PROTO_IPSEC_AH)
		return integ && integ->ah1_value && integ->esp1_value;
	return encr && encr->esp1_value && (!integ || integ->esp1_value);
}

/* All combinations in order of preference, at most @max; counts only where @out is NULL. */
static size_t
combinations(struct combination *out, size_t max, const struct proposals *ours, uint8_t protocol, uint16_t dh_id)
{
	size_t n = 0;

	for (size_t i = 0; i < ours->n; i++) {
		const struct proposal *p = &ours->p[i];

		if (!lists_group(p, dh_id))
			continue;
		for (uint8_t e = 0; e < at_least_once(p->kind[TRANSFORM_ENCR].n); e++)
			for (uint8_t f = 0; f < at_least_once(p->kind[TRANSFORM_INTEG].n); f++)
				for (uint8_t x = 0; x < at_least_once(p->kind[TRANSFORM_ESN].n); x++) {
					struct combination c = { p, e, f, x };

					if (n == max || !can_say(&c, protocol))
						continue;
					if (out)
						out[n] = c;
					n++;
				}
	}
	return n;
}

/* The attributes that are the same in all protocols of a bundle. */
static bool
common_attributes(struct transform_payload *t, const struct bundle_offer *o, struct arena *a)
{
	ike1_basic(t, ESP1_ENCAPSULATION, o->terms.encapsulation);
	if (o->dh_id != DH_NONE)
		ike1_basic(t, ESP1_GROUP, algorithm_by_id(TRANSFORM_DH, o->dh_id, 0)->ike1_value);
	return ike1_lifetime(t, ESP1_LIFE_TYPE, ESP1_LIFE_DURATION, LIFE_SECONDS, o->life_seconds, a) &&
	       ike1_lifetime(t, ESP1_LIFE_TYPE, ESP1_LIFE_DURATION, LIFE_KILOBYTES, o->life_kilobytes, a);
}

static bool
protocol_transform(struct transform_payload *t, size_t number, uint8_t protocol, const struct combination *c,
                   const struct bundle_offer *o, struct arena *a)
{
	const struct algorithm *encr = ike1_algorithm_at(c->p, TRANSFORM_ENCR, c->encr);
	const struct algorithm *integ = ike1_algorithm_at(c->p, TRANSFORM_INTEG, c->integ);
	const struct algorithm *esn = ike1_algorithm_at(c->p, TRANSFORM_ESN, c->esn);
	bool ah = protocol == PROTO_IPSEC_AH;

	if (!ike1_transform_open(t, number, (uint8_t)(ah ? integ->ah1_value : encr->esp1_value), a))
		return false;
	/* RFC 4106 section 8.4: the Key Length of AES-GCM is that of the AES key, without the salt. */
	if (!ah && encr->key_bits)
		ike1_basic(t, ESP1_KEY_LENGTH, encr->key_bits);
	if (integ)
		ike1_basic(t, ESP1_AUTH, integ->esp1_value);
	if (esn && esn->id == ESN_YES)
		ike1_basic(t, ESP1_ESN, 1);
	return common_attributes(t, o, a);
}

static bool
octets_of(struct span *out, uint32_t value, size_t n, struct arena *a)
{
	uint8_t *p = arena_alloc(a, 4);

	if (!p)
		return false;
	if (n == 2)
		put_be16(p, (uint16_t)value);
	else
		put_be32(p, value);
	*out = span_of(p, n);
	return true;
}

/* One proposal of the bundle. NULL, or a sentence. */
static const char *
protocol_proposal(struct proposal_payload *p, uint8_t number, uint8_t protocol, const struct proposals *ours, uint32_t spi,
                  const struct bundle_offer *o, struct arena *a)
{
	size_t n = combinations(NULL, TRANSFORMS_NEEDED_MAX, ours, protocol, o->dh_id);
	struct combination *c = arena_alloc(a, (n ? n : 1) * sizeof *c);

	if (n == 0)
		return protocol == PROTO_IPSEC_AH
		               ? "none of the ah_proposals can be said in IKEv1 with this Diffie-Hellman group"
		               : "none of the esp_proposals can be said in IKEv1 with this Diffie-Hellman group";
	*p = (struct proposal_payload) { .number = number, .protocol = protocol };
	p->transform = arena_alloc(a, n * sizeof *p->transform);
	if (!c || !p->transform || !octets_of(&p->spi, spi, 4, a))
		return ike1_no_memory;
	combinations(c, n, ours, protocol, o->dh_id);
	for (; p->n_transform < n; p->n_transform++)
		if (!protocol_transform(&p->transform[p->n_transform], p->n_transform + 1, protocol, &c[p->n_transform], o, a))
			return ike1_no_memory;
	return NULL;
}

/* "The CPI SHOULD be sent as a 16-bit number, with the SPI size field set to 2." RFC 3173 section 4.1 */
static const char *
ipcomp_proposal(struct proposal_payload *p, uint8_t number, const struct bundle_offer *o, struct arena *a)
{
	*p = (struct proposal_payload) { .number = number, .protocol = PROTO_IPCOMP, .n_transform = 1 };
	p->transform = arena_alloc(a, sizeof *p->transform);
	if (!p->transform || !octets_of(&p->spi, o->spis.cpi, 2, a) || !ike1_transform_open(p->transform, 1, IPCOMP_DEFLATE, a) ||
	    !common_attributes(p->transform, o, a))
		return ike1_no_memory;
	return NULL;
}

/* The proposals of one number. */
static const char *
add_bundle(struct sa_payload *sa, uint8_t number, bool ipcomp, const struct bundle_offer *o, struct arena *a)
{
	const char *why = NULL;

	if (o->terms.ah->n)
		why = protocol_proposal(&sa->proposal[sa->n_proposal++], number, PROTO_IPSEC_AH, o->terms.ah, o->spis.ah, o, a);
	if (!why && o->terms.esp->n)
		why = protocol_proposal(&sa->proposal[sa->n_proposal++], number, PROTO_IPSEC_ESP, o->terms.esp, o->spis.esp, o,
		                        a);
	if (!why && ipcomp)
		why = ipcomp_proposal(&sa->proposal[sa->n_proposal++], number, o, a);
	return why;
}

const char *
ike1_sa_from_bundle(struct sa_payload *out, const struct bundle_offer *o, struct arena *a)
{
	const char *why;

	*out = (struct sa_payload) { .doi = DOI_IPSEC,
		                     .situation = SIT_IDENTITY_ONLY,
		                     .proposal = arena_alloc(a, 2 * PROTOCOLS * sizeof *out->proposal) };
	if (!out->proposal)
		return ike1_no_memory;
	if (!bundle_wanted(&o->terms))
		return "there are neither esp_proposals nor ah_proposals to offer";
	if (o->dh_id != DH_NONE && !algorithm_by_id(TRANSFORM_DH, o->dh_id, 0))
		return "none of the esp_proposals can be said in IKEv1 with this Diffie-Hellman group";
	why = add_bundle(out, 1, o->terms.ipcomp, o, a);
	if (!why && o->terms.ipcomp)
		why = add_bundle(out, 2, false, o, a);
	return why;
}

/* ---- The answer */

static bool
answer_one(struct sa_payload *out, const struct sa_payload *offered, const struct suite *s, uint32_t spi, struct arena *a)
{
	const struct proposal_payload *from = &offered->proposal[s->proposal_index];
	struct proposal_payload *p = &out->proposal[out->n_proposal++];

	*p = (struct proposal_payload) { .number = from->number, .protocol = from->protocol, .n_transform = 1 };
	p->transform = arena_alloc(a, sizeof *p->transform);
	if (!p->transform || !octets_of(&p->spi, spi, from->protocol == PROTO_IPCOMP && s->spi_octets == 2 ? 2 : 4, a))
		return false;
	p->transform[0] = from->transform[s->transform_index];
	return true;
}

/*
 * "The responder MUST send a Security Association payload with the selected
 * proposal ... Each of the Proposal payloads MUST contain a single Transform
 * payload associated with the Protocol." RFC 2408 section 4.2. In the order of the offer.
 */
bool
ike1_sa_answer_bundle(struct sa_payload *out, const struct sa_payload *offered, const struct bundle *chosen,
                      const struct bundle_spis *spis, struct arena *a)
{
	const struct {
		uint8_t bit;
		const struct suite *s;
		uint32_t spi;
	} parts[PROTOCOLS] = {
		{ BUNDLE_ESP, &chosen->esp, spis->esp },
		{ BUNDLE_AH, &chosen->ah, spis->ah },
		{ BUNDLE_IPCOMP, &chosen->ipcomp, spis->cpi },
	};

	*out = (struct sa_payload) { .doi = offered->doi,
		                     .situation = offered->situation,
		                     .proposal = arena_alloc(a, PROTOCOLS * sizeof *out->proposal) };
	if (!out->proposal)
		return false;
	for (size_t i = 0; i < offered->n_proposal; i++)
		for (size_t k = 0; k < PROTOCOLS; k++)
			if ((chosen->has & parts[k].bit) && parts[k].s->proposal_index == i &&
			    !answer_one(out, offered, parts[k].s, parts[k].spi, a))
				return false;
	return true;
}

/* ---- The initiator's check of it */

/* The protocols that go under one number of what we offered. */
static uint8_t
protocols_of(const struct suites *all, uint8_t number)
{
	uint8_t has = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->s[i].proposal_number == number)
			has |= bundle_bit(all->s[i].protocol);
	return has;
}

static bool
is_offered_set(const struct suites *ours, uint8_t has)
{
	for (size_t i = 0; i < ours->n; i++)
		if (protocols_of(ours, ours->s[i].proposal_number) == has)
			return true;
	return false;
}

static const char *
take_answered(struct bundle *b, struct suite *s, const struct suites *ours, struct arena *a)
{
	uint8_t bit = bundle_bit(s->protocol);
	struct suite *to = bit == BUNDLE_ESP ? &b->esp : bit == BUNDLE_AH ? &b->ah : &b->ipcomp;
	const char *text;

	if (s->unknown) {
		text = arena_printf(a, "the peer's answer holds what we did not offer: %s", s->unknown_what);
		return text ? text : ike1_no_memory;
	}
	if (b->has & bit)
		return "the peer's answer must choose exactly one transform (RFC 2408 section 4.2)";
	text = ike1_find_offered(s, ours);
	b->has |= bit;
	*to = *s;
	return text;
}

const char *
ike1_sa_accept_bundle(struct bundle *chosen, const struct sa_payload *answer, const struct sa_payload *offer, struct arena *a)
{
	struct suites theirs, ours;
	const char *why = NULL;

	*chosen = (struct bundle) { 0 };
	if (answer->doi != DOI_IPSEC || answer->situation != SIT_IDENTITY_ONLY)
		return "the peer's answer has another DOI or situation than our offer";
	if (!suites_from_ike1_ipsec_sa(&theirs, answer, a) || !suites_from_ike1_ipsec_sa(&ours, offer, a))
		return ike1_no_memory;
	for (size_t i = 0; !why && i < theirs.n; i++) {
		if (theirs.s[i].proposal_number != theirs.s[0].proposal_number)
			return "the peer's answer must choose exactly one proposal (RFC 2408 section 4.2)";
		why = take_answered(chosen, &theirs.s[i], &ours, a);
	}
	if (!why && !is_offered_set(&ours, chosen->has))
		why = arena_printf(a, "the peer's answer is %s, which we did not offer", bundle_name(chosen->has));
	return why;
}
