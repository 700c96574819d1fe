/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

/* Whether the kind's list holds @id, with @key_bits where they count. */
static bool
allows(const struct proposal *p, enum transform_kind kind, uint16_t id, uint16_t key_bits)
{
	for (size_t i = 0; i < p->kind[kind].n; i++)
		if (p->kind[kind].t[i].id == id && p->kind[kind].t[i].key_bits == key_bits)
			return true;
	return false;
}

static bool
allows_any_length(const struct proposal *p, uint16_t encr_id)
{
	for (size_t i = 0; i < p->kind[TRANSFORM_ENCR].n; i++)
		if (p->kind[TRANSFORM_ENCR].t[i].id == encr_id)
			return true;
	return false;
}

/* An empty list of groups means the same as one that holds only DH_NONE: no PFS. */
static bool
allows_group(const struct proposal *p, uint16_t dh_id)
{
	return p->kind[TRANSFORM_DH].n ? allows(p, TRANSFORM_DH, dh_id, 0) : dh_id == DH_NONE;
}

static bool
has_group(const struct proposal *p)
{
	for (size_t i = 0; i < p->kind[TRANSFORM_DH].n; i++)
		if (p->kind[TRANSFORM_DH].t[i].id != DH_NONE)
			return true;
	return false;
}

static enum mismatch
group_mismatch(const struct suite *s, const struct proposal *p, const struct match_terms *terms)
{
	if (terms->pfs && s->dh_id == DH_NONE)
		return MISMATCH_PFS;
	if (allows_group(p, s->dh_id))
		return MISMATCH_NONE;
	if (terms->protocol == PROPOSAL_IKE)
		return MISMATCH_DH;
	return s->dh_id == DH_NONE || !has_group(p) ? MISMATCH_PFS : MISMATCH_DH;
}

static bool
allows_esn(const struct proposal *p, bool esn)
{
	return p->kind[TRANSFORM_ESN].n ? allows(p, TRANSFORM_ESN, esn ? ESN_YES : ESN_NO, 0) : !esn;
}

/* INTEG_NONE, as with an AEAD, is allowed by an empty list only. */
static bool
allows_integ(const struct proposal *p, uint16_t integ_id)
{
	return p->kind[TRANSFORM_INTEG].n ? allows(p, TRANSFORM_INTEG, integ_id, 0) : integ_id == INTEG_NONE;
}

static bool
encapsulation_agrees(const struct suite *s, const struct match_terms *terms)
{
	return terms->encapsulation == 0 || s->encapsulation == 0 ||
	       encapsulation_canonical(s->encapsulation) == encapsulation_canonical(terms->encapsulation);
}

enum mismatch
suite_mismatch(const struct suite *s, const struct proposal *p, const struct match_terms *terms)
{
	enum mismatch group;

	if (s->unknown)
		return MISMATCH_UNKNOWN;
	if (terms->protocol != PROPOSAL_AH && !allows_any_length(p, s->encr.id))
		return MISMATCH_ENCR;
	if (terms->protocol != PROPOSAL_AH && !allows(p, TRANSFORM_ENCR, s->encr.id, s->encr.key_bits))
		return MISMATCH_KEY_LENGTH;
	if (terms->protocol == PROPOSAL_IKE && !allows(p, TRANSFORM_PRF, s->prf_id, 0))
		return MISMATCH_PRF;
	if (terms->protocol != PROPOSAL_IKE && !allows_integ(p, s->integ_id))
		return MISMATCH_INTEG;
	group = group_mismatch(s, p, terms);
	if (group)
		return group;
	if (terms->protocol != PROPOSAL_IKE && !allows_esn(p, s->esn))
		return MISMATCH_ESN;
	if (terms->auth && s->auth != terms->auth)
		return MISMATCH_AUTH;
	return encapsulation_agrees(s, terms) ? MISMATCH_NONE : MISMATCH_ENCAPSULATION;
}

void
match_suites(struct match *out, const struct suites *offered, const struct proposals *ours, const struct match_terms *terms)
{
	*out = (struct match) { 0 };
	for (size_t c = 0; c < ours->n; c++) {
		for (size_t o = 0; o < offered->n; o++) {
			enum mismatch first = suite_mismatch(&offered->s[o], &ours->p[c], terms);

			if (first == MISMATCH_NONE) {
				out->chosen = true;
				out->offered = o;
				out->configured = c;
				return;
			}
			if (out->n_refusals < MATCH_REFUSALS_MAX)
				out->refusal[out->n_refusals++] = (struct refusal) { o, c, first };
		}
	}
}

bool
suite_same(const struct suite *a, const struct suite *b)
{
	return a->protocol == b->protocol && a->ipcomp_id == b->ipcomp_id && a->encr.id == b->encr.id &&
	       a->encr.key_bits == b->encr.key_bits && a->prf_id == b->prf_id && a->integ_id == b->integ_id &&
	       a->dh_id == b->dh_id && a->esn == b->esn && a->auth == b->auth &&
	       encapsulation_canonical(a->encapsulation) == encapsulation_canonical(b->encapsulation);
}
