/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

enum { BUNDLE_OTHER = 128 }; /* a protocol that we do not know is there too */

uint8_t
bundle_wanted(const struct bundle_terms *terms)
{
	return (uint8_t)((terms->esp->n ? BUNDLE_ESP : 0) | (terms->ah->n ? BUNDLE_AH : 0));
}

const char *
bundle_name(uint8_t has)
{
	static const char *const names[] = {
		"nothing",      "ESP alone",       "AH alone",       "AH and ESP",
		"IPComp alone", "ESP with IPComp", "AH with IPComp", "AH and ESP with IPComp",
	};

	return names[has & 7];
}

/* Where the suites of each protocol of one bundle are: they lie in the order of the payload. */
struct members {
	uint8_t has;
	size_t esp, ah, ipcomp; /* the first of each */
};

static bool
same_bundle(const struct suite *a, const struct suite *b)
{
	return a->proposal_number == b->proposal_number;
}

static void
take_member(struct members *m, const struct suites *all, size_t i)
{
	uint8_t bit = bundle_bit(all->s[i].protocol);
	size_t *first = bit == BUNDLE_ESP ? &m->esp : bit == BUNDLE_AH ? &m->ah : &m->ipcomp;

	if (bit && !(m->has & bit))
		*first = i;
	m->has |= bit ? bit : BUNDLE_OTHER;
}

/* By proposal number: which protocols go together. */
static void
find_members(struct members members[256], const struct suites *all)
{
	for (size_t n = 0; n < 256; n++)
		members[n] = (struct members) { 0 };
	for (size_t i = 0; i < all->n; i++)
		take_member(&members[all->s[i].proposal_number], all, i);
}

static void
refused(struct match *out, size_t offered, size_t configured, enum mismatch first)
{
	if (out->n_refusals < MATCH_REFUSALS_MAX)
		out->refusal[out->n_refusals++] = (struct refusal) { offered, configured, first };
}

/* The first proposal of ours that allows @s; what stands in the way of each is noted. */
static bool
allowed(struct match *out, const struct suites *all, size_t i, const struct proposals *ours, const struct match_terms *terms)
{
	for (size_t c = 0; c < ours->n; c++) {
		enum mismatch first = suite_mismatch(&all->s[i], &ours->p[c], terms);

		if (first == MISMATCH_NONE)
			return true;
		refused(out, i, c, first);
	}
	return false;
}

/* One Quick Mode has one group and one mode for all that it makes (RFC 2409 section 5.5). */
static bool
goes_with(const struct suite *a, const struct suite *b)
{
	return a->dh_id == b->dh_id && encapsulation_canonical(a->encapsulation) == encapsulation_canonical(b->encapsulation);
}

/* IPComp has no group of its own in most offers, and some leave out its mode. */
static bool
compression_goes_with(const struct suite *comp, const struct suite *with)
{
	return !comp->unknown && (comp->dh_id == DH_NONE || comp->dh_id == with->dh_id) &&
	       (comp->encapsulation == 0 ||
	        encapsulation_canonical(comp->encapsulation) == encapsulation_canonical(with->encapsulation));
}

static bool
take_compression(struct bundle *b, const struct suites *all, const struct members *m, const struct suite *with)
{
	for (size_t i = m->ipcomp; i < all->n; i++) {
		if (all->s[i].protocol != PROTO_IPCOMP || !same_bundle(&all->s[i], with) ||
		    !compression_goes_with(&all->s[i], with))
			continue;
		b->ipcomp = all->s[i];
		b->has |= BUNDLE_IPCOMP;
		return true;
	}
	return false;
}

/* An AH suite of the bundle that we allow and that goes with the ESP suite. */
static bool
take_ah(struct bundle *b, struct match *out, const struct suites *all, const struct members *m, const struct suite *esp,
        const struct bundle_terms *terms)
{
	struct match_terms t = { .protocol = PROPOSAL_AH, .encapsulation = terms->encapsulation, .pfs = terms->pfs };

	for (size_t i = m->ah; i < all->n; i++) {
		if (all->s[i].protocol != PROTO_IPSEC_AH || !same_bundle(&all->s[i], esp) || !goes_with(&all->s[i], esp))
			continue;
		if (!allowed(out, all, i, terms->ah, &t))
			continue;
		b->ah = all->s[i];
		b->has |= BUNDLE_AH;
		return true;
	}
	return false;
}

/* The whole bundle around one suite that was found good. */
static bool
complete(struct bundle *b, struct match *out, const struct suites *all, size_t i, const struct members *m,
         const struct bundle_terms *terms)
{
	const struct suite *s = &all->s[i];

	*b = (struct bundle) { 0 };
	if (s->protocol == PROTO_IPSEC_ESP) {
		b->esp = *s;
		b->has = BUNDLE_ESP;
		if (terms->ah->n && !take_ah(b, out, all, m, s, terms))
			return false;
	} else {
		b->ah = *s;
		b->has = BUNDLE_AH;
	}
	return !(m->has & BUNDLE_IPCOMP) || take_compression(b, all, m, s);
}

/*
 * One pass over our proposals and the offer. Whether a suite can be completed does not depend
 * on which of our proposals allows it, so each is tried once: @spent remembers those that failed.
 */
static bool
pass(struct bundle *chosen, struct match *out, const struct suites *all, const struct members members[256], uint8_t want,
     bool spent[SUITES_MAX], const struct bundle_terms *terms)
{
	bool esp = want & BUNDLE_ESP;
	const struct proposals *ours = esp ? terms->esp : terms->ah;
	struct match_terms t = { .protocol = esp ? PROPOSAL_ESP : PROPOSAL_AH,
		                 .encapsulation = terms->encapsulation,
		                 .pfs = terms->pfs };

	for (size_t c = 0; c < ours->n; c++) {
		for (size_t i = 0; i < all->n; i++) {
			const struct suite *s = &all->s[i];
			enum mismatch first;

			if (spent[i] || members[s->proposal_number].has != want ||
			    s->protocol != (esp ? PROTO_IPSEC_ESP : PROTO_IPSEC_AH))
				continue;
			first = suite_mismatch(s, &ours->p[c], &t);
			if (first) {
				refused(out, i, c, first);
			} else if (complete(chosen, out, all, i, &members[s->proposal_number], terms)) {
				out->offered = i;
				out->configured = c;
				return true;
			} else {
				spent[i] = true;
			}
		}
	}
	return false;
}

/* Of what was not looked at because it joins other protocols than we want, the first of each bundle is noted. */
static void
note_other_protocols(struct match *out, const struct suites *all, const struct members members[256], uint8_t want, bool ipcomp)
{
	for (size_t i = 0; i < all->n; i++) {
		uint8_t has = members[all->s[i].proposal_number].has;

		if (i && same_bundle(&all->s[i], &all->s[i - 1]))
			continue;
		if ((has & ~BUNDLE_IPCOMP) != want || ((has & BUNDLE_IPCOMP) && !ipcomp))
			refused(out, i, 0, MISMATCH_PROTOCOL);
	}
}

void
match_bundles(struct bundle *chosen, struct match *out, const struct suites *offered, const struct bundle_terms *terms)
{
	struct members members[256];
	bool spent[SUITES_MAX] = { false };
	uint8_t want = bundle_wanted(terms);

	*out = (struct match) { 0 };
	*chosen = (struct bundle) { 0 };
	find_members(members, offered);
	if (terms->ipcomp)
		out->chosen = pass(chosen, out, offered, members, want | BUNDLE_IPCOMP, spent, terms);
	if (!out->chosen)
		out->chosen = pass(chosen, out, offered, members, want, spent, terms);
	if (!out->chosen)
		note_other_protocols(out, offered, members, want, terms->ipcomp);
}

uint16_t
bundle_group(const struct bundle_terms *terms)
{
	const struct proposals *ours = terms->esp->n ? terms->esp : terms->ah;
	uint16_t first = ours->n && ours->p[0].kind[TRANSFORM_DH].n ? ours->p[0].kind[TRANSFORM_DH].t[0].id : DH_NONE;

	for (size_t i = 0; terms->pfs && first == DH_NONE && i < ours->n; i++)
		for (uint8_t g = 0; first == DH_NONE && g < ours->p[i].kind[TRANSFORM_DH].n; g++)
			first = ours->p[i].kind[TRANSFORM_DH].t[g].id;
	return first;
}
