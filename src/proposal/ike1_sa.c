/* SPDX-License-Identifier: Apache-2.0 */
#include "ike1_build.h"

enum {
	TRANSFORMS_WANTED = 32, /* about 1,200 octets: the message stays in one packet */
	TRANSFORM_ATTRIBUTES = 10,
};

/* One combination; which is an index into the configured lists, so that preference is order. */
struct choice {
	const struct proposal *p;
	uint8_t encr, prf, dh;
	bool taken;
};

const char ike1_no_memory[] = "no memory";

void
ike1_basic(struct transform_payload *t, uint16_t type, uint64_t value)
{
	t->attr[t->n_attr++] = (struct attribute) { .type = type, .tv = true, .value = value };
}

/*
 * "Variable length attributes MAY be encoded as basic attributes if their value
 * can fit into two octets." RFC 2409 Appendix A
 */
bool
ike1_lifetime(struct transform_payload *t, uint16_t type_class, uint16_t duration_class, uint16_t unit, uint64_t duration,
              struct arena *a)
{
	uint8_t *octets;

	if (duration == 0)
		return true;
	ike1_basic(t, type_class, unit);
	if (duration <= UINT16_MAX) {
		ike1_basic(t, duration_class, duration);
		return true;
	}
	if (duration > UINT32_MAX)
		duration = UINT32_MAX;
	octets = arena_alloc(a, 4);
	if (!octets)
		return false;
	put_be32(octets, (uint32_t)duration);
	t->attr[t->n_attr++] = (struct attribute) { .type = duration_class, .value = duration, .octets = span_of(octets, 4) };
	return true;
}

bool
ike1_transform_open(struct transform_payload *t, size_t number, uint8_t id, struct arena *a)
{
	*t = (struct transform_payload) { .number = (uint8_t)number,
		                          .id = id,
		                          .attr = arena_alloc(a, TRANSFORM_ATTRIBUTES * sizeof *t->attr) };
	return t->attr != NULL;
}

const struct algorithm *
ike1_algorithm_at(const struct proposal *p, enum transform_kind kind, uint8_t i)
{
	const struct transform *t = &p->kind[kind].t[i];

	return i < p->kind[kind].n ? algorithm_by_id(kind, t->id, t->key_bits) : NULL;
}

/* Phase 1: IKEv1 has no number for AEADs and others; they stay out of the offer. */
static bool
ike1_can_say(const struct proposal *p, uint8_t encr, uint8_t prf, uint8_t dh)
{
	const struct algorithm *e = ike1_algorithm_at(p, TRANSFORM_ENCR, encr);
	const struct algorithm *f = ike1_algorithm_at(p, TRANSFORM_PRF, prf);
	const struct algorithm *g = ike1_algorithm_at(p, TRANSFORM_DH, dh);

	return e && f && g && e->ike1_value && f->ike1_value && g->ike1_value;
}

/* All combinations in order of preference; counts only where @c is NULL. */
static size_t
ike1_choices(struct choice *c, const struct proposals *ours, uint16_t only_dh)
{
	size_t n = 0;

	for (size_t i = 0; i < ours->n; i++) {
		const struct proposal *p = &ours->p[i];

		for (uint8_t e = 0; e < p->kind[TRANSFORM_ENCR].n; e++)
			for (uint8_t f = 0; f < p->kind[TRANSFORM_PRF].n; f++)
				for (uint8_t g = 0; g < p->kind[TRANSFORM_DH].n; g++)
					if (ike1_can_say(p, e, f, g) &&
					    (only_dh == DH_NONE || p->kind[TRANSFORM_DH].t[g].id == only_dh)) {
						if (c)
							c[n] = (struct choice) { p, e, f, g, false };
						n++;
					}
	}
	return n;
}

/* First each cipher with each group and the best hash, then the others in order, as long as the packet has room. */
static size_t
take_choices(struct choice *c, size_t n)
{
	size_t taken = 0;

	for (size_t i = 0; i < n && taken < TRANSFORMS_NEEDED_MAX; i++)
		if (c[i].prf == 0)
			taken += c[i].taken = true;
	for (size_t i = 0; i < n && taken < TRANSFORMS_WANTED; i++)
		if (!c[i].taken)
			taken += c[i].taken = true;
	return taken;
}

static bool
ike1_transform(struct transform_payload *t, size_t number, const struct choice *c, const struct ike1_offer_terms *terms,
               struct arena *a)
{
	const struct algorithm *encr = ike1_algorithm_at(c->p, TRANSFORM_ENCR, c->encr);

	if (!ike1_transform_open(t, number, KEY_IKE, a))
		return false;
	ike1_basic(t, IKE1_ENCRYPTION, encr->ike1_value);
	if (encr->key_bits)
		ike1_basic(t, IKE1_KEY_LENGTH, encr->key_bits);
	ike1_basic(t, IKE1_HASH, ike1_algorithm_at(c->p, TRANSFORM_PRF, c->prf)->ike1_value);
	ike1_basic(t, IKE1_GROUP, ike1_algorithm_at(c->p, TRANSFORM_DH, c->dh)->ike1_value);
	ike1_basic(t, IKE1_AUTH, terms->auth);
	return ike1_lifetime(t, IKE1_LIFE_TYPE, IKE1_LIFE_DURATION, LIFE_SECONDS, terms->life_seconds, a);
}

/* An SA payload with one proposal that has room for @n transforms. */
static struct proposal_payload *
sa_open(struct sa_payload *out, uint8_t protocol, size_t n, struct arena *a)
{
	struct proposal_payload *p = arena_alloc(a, sizeof *p);

	*out = (struct sa_payload) { .doi = DOI_IPSEC, .situation = SIT_IDENTITY_ONLY, .proposal = p, .n_proposal = 1 };
	if (!p)
		return NULL;
	*p = (struct proposal_payload) { .number = 1,
		                         .protocol = protocol,
		                         .transform = arena_alloc(a, n * sizeof *p->transform) };
	return p->transform ? p : NULL;
}

const char *
ike1_sa_from_proposals(struct sa_payload *out, const struct proposals *ours, const struct ike1_offer_terms *terms,
                       struct arena *a)
{
	size_t n = ike1_choices(NULL, ours, terms->dh_id), taken;
	struct choice *c = arena_alloc(a, (n ? n : 1) * sizeof *c);
	struct proposal_payload *p;

	if (!c)
		return ike1_no_memory;
	if (n == 0)
		return "none of the proposals can be said in IKEv1: it knows no combined ciphers (gcm) in Phase 1";
	ike1_choices(c, ours, terms->dh_id);
	taken = take_choices(c, n);
	p = sa_open(out, PROTO_ISAKMP, taken, a);
	if (!p)
		return ike1_no_memory;
	for (size_t i = 0; i < n; i++) {
		if (!c[i].taken)
			continue;
		if (!ike1_transform(&p->transform[p->n_transform], p->n_transform + 1, &c[i], terms, a))
			return ike1_no_memory;
		p->n_transform++;
	}
	return NULL;
}

uint16_t
ike1_first_group(const struct proposals *ours)
{
	for (size_t i = 0; i < ours->n; i++) {
		const struct proposal *p = &ours->p[i];

		for (uint8_t e = 0; e < p->kind[TRANSFORM_ENCR].n; e++)
			for (uint8_t f = 0; f < p->kind[TRANSFORM_PRF].n; f++)
				for (uint8_t g = 0; g < p->kind[TRANSFORM_DH].n; g++)
					if (ike1_can_say(p, e, f, g))
						return p->kind[TRANSFORM_DH].t[g].id;
	}
	return DH_NONE;
}

/*
 * "The responder MUST send a Security Association payload with the selected
 * proposal ... Each of the Proposal payloads MUST contain a single Transform
 * payload associated with the Protocol. The responder SHOULD retain the
 * Proposal # field in the Proposal payload and the Transform # field" (RFC 2408
 * section 4.2); "Responders MUST NOT modify attributes of any offer" (RFC 2409
 * section 5).
 */
bool
ike1_sa_answer(struct sa_payload *out, const struct sa_payload *offered, const struct suite *chosen, struct arena *a)
{
	const struct proposal_payload *from = &offered->proposal[chosen->proposal_index];
	struct proposal_payload *p = sa_open(out, from->protocol, 1, a);

	if (!p)
		return false;
	out->doi = offered->doi;
	out->situation = offered->situation;
	p->number = from->number;
	p->transform[0] = from->transform[chosen->transform_index];
	p->n_transform = 1;
	return true;
}

/*
 * "If the initiator of an exchange notices that attribute values have changed or
 * attributes have been added or deleted from an offer made, that response MUST
 * be rejected." RFC 2409 section 5
 *
 * In Phase 2 a lifetime that stands for none is none: "If unspecified, the default
 * value shall be assumed to be 28800 seconds" (RFC 2407 section 4.5); strongSwan
 * says so in its answer.
 */
static bool
same_lifetimes(const struct suite *a, const struct suite *b)
{
	bool default_holds = a->protocol != PROTO_ISAKMP && !a->life_seconds_given && !a->life_kilobytes_given;
	bool same = a->life_seconds_given == b->life_seconds_given && a->life_seconds == b->life_seconds;

	return (same || (default_holds && b->life_seconds_given && b->life_seconds == LIFE_DEFAULT_SECONDS)) &&
	       a->life_kilobytes_given == b->life_kilobytes_given && a->life_kilobytes == b->life_kilobytes;
}

/*
 * "The initiator MUST verify that the Security Association payload received from
 * the responder matches one of the proposals sent initially." RFC 2408 section 4.2
 */
const char *
ike1_find_offered(struct suite *chosen, const struct suites *ours)
{
	bool but_lifetime = false;

	for (size_t i = 0; i < ours->n; i++) {
		if (!suite_same(&ours->s[i], chosen))
			continue;
		if (same_lifetimes(&ours->s[i], chosen)) {
			chosen->transform_index = ours->s[i].transform_index;
			return NULL;
		}
		but_lifetime = true;
	}
	return but_lifetime ? "the peer's answer changed the lifetime that we offered (RFC 2409 section 5)"
	                    : "the peer's answer is a combination that we did not offer (RFC 2408 section 4.2)";
}

const char *
ike1_sa_accept(struct suite *chosen, const struct sa_payload *answer, const struct sa_payload *offer, struct arena *a)
{
	struct suites theirs, ours;
	const char *text;

	if (answer->doi != DOI_IPSEC || answer->situation != SIT_IDENTITY_ONLY)
		return "the peer's answer has another DOI or situation than our offer";
	if (!suites_from_ike1_sa(&theirs, answer, a) || !suites_from_ike1_sa(&ours, offer, a))
		return ike1_no_memory;
	if (theirs.n != 1)
		return "the peer's answer must choose exactly one transform (RFC 2408 section 4.2)";
	*chosen = theirs.s[0];
	if (chosen->unknown) {
		text = arena_printf(a, "the peer's answer holds what we did not offer: %s", chosen->unknown_what);
		return text ? text : ike1_no_memory;
	}
	return ike1_find_offered(chosen, &ours);
}
